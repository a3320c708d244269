"""Names for readers, of what runs and results are called by.

They are told where a thing is defined, and collected here. A metric's are told here, since results
are stored under its name and not under a definition.
"""

from infovae_core.objectives import PRESETS
from infovae_core.study.experiments import EXPERIMENT1_SCHEDULES


class Labels(dict[str, str]):
    """Labels by name; what has none is called by its name."""

    def __missing__(self, name: str) -> str:
        """The name, of a run's model for instance that is no preset."""
        return name


# Models.
LABELS = Labels((name, preset.label) for name, preset in PRESETS.items() if preset.label)
SCHEDULES = {name: one.label for name, one in EXPERIMENT1_SCHEDULES.items()}
# Metrics: on the axes of figures, and in words.
METRICS = {
    "val_mmd": "validation MMD",
    "final_val_mmd": "validation MMD, last 1,000 steps",
    "test_bce": "test BCE (nats per image)",
    "svm_error": "SVM error",
    "norm_ratio": "‖z‖ / √d",
    "classifier_auc": "classifier AUC",
}
WORDS = METRICS | {"test_bce": "test BCE", "norm_ratio": "norm of the codes"}
