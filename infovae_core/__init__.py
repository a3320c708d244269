"""InfoVAE re-examined: models, divergences, objectives, training, measurement and a store.

The names below are what a model of one's own needs. Each is loaded when it is first asked for, as
what only reads stored results has no use for PyTorch.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "Objective",
    "Run",
    "Schedule",
    "closed_forms",
    "data",
    "diagnose",
    "divergences",
    "fit",
    "metrics",
    "preset",
]

if TYPE_CHECKING:
    from infovae_core import closed_forms, data, divergences, metrics
    from infovae_core.diagnosis import diagnose
    from infovae_core.loop import fit
    from infovae_core.objectives import Objective, preset
    from infovae_core.run import Run
    from infovae_core.schedules import Schedule
else:  # A checker that saw this function would take every name for one of the package's.
    # Where they are; the others are modules.
    _HOMES = {
        "Objective": "objectives",
        "Run": "run",
        "Schedule": "schedules",
        "diagnose": "diagnosis",
        "fit": "loop",
        "preset": "objectives",
    }

    def __getattr__(name: str) -> object:
        """A public name, loaded (PEP 562)."""
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{_HOMES.get(name, name)}")
        return getattr(module, name) if name in _HOMES else module

    def __dir__() -> list[str]:
        """All names, loaded or not."""
        return sorted({*globals(), *__all__})
