"""`python -m tests.benchmarks.pythae_codes`: codes of pythae's own InfoVAE-MMD, for the diagnosis.

pythae 0.1.2 (`make bench` installs it), its model, default networks and trainer, on the digits that
come with scikit-learn: once as it comes, and once at α = 1, where the MMD alone holds the codes.
What the encoder says of held-out digits is stored under notebooks/results/benchmarks/.
"""

import logging
import tempfile

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import INFOVAE_MMD, INFOVAE_MMD_Config
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.base_trainer.base_trainer import logger

from infovae_core import data
from infovae_core.report import peers
from tests.benchmarks.pythae_loop import Trainer

LATENT_DIM, EPOCHS, HELD_OUT = 10, 100, 400
# The second model's kernel is an RBF of σ = 1, which in pythae's units is 2 d bandwidth² = 2 σ².
MODELS = {
    "default": {},
    "narrow": {
        "alpha": 1.0,
        "lbd": 1000.0,
        "kernel_choice": "rbf",
        "kernel_bandwidth": LATENT_DIM**-0.5,
    },
}


def train(images: torch.Tensor, **options: object) -> INFOVAE_MMD:
    """One model on images (n, 1, 28, 28)."""
    torch.manual_seed(0)
    config = INFOVAE_MMD_Config(input_dim=(1, 28, 28), latent_dim=LATENT_DIM, **options)
    model = INFOVAE_MMD(config)
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder, num_epochs=EPOCHS, learning_rate=1e-3, no_cuda=True, seed=0
        )
        trainer = Trainer(
            model, BaseDataset(images, torch.zeros(len(images))), training_config=settings
        )
        trainer.prepare_training()
        for epoch in range(EPOCHS):
            trainer.train_step(epoch=epoch)
    return model.eval()


def main() -> None:
    """Train, encode, store."""
    logger.setLevel(logging.WARNING)
    split = data.load("digits")
    held = torch.cat([split.val.images, split.test.images])[:HELD_OUT]
    labels = torch.cat([split.val.labels, split.test.labels])[:HELD_OUT]
    arrays = {"labels": labels.numpy().astype(np.uint8)}
    for name, options in MODELS.items():
        model = train(split.train.images, **options)
        with torch.no_grad():
            found = model.encoder(held)
        mu, logvar = found.embedding, found.log_covariance
        noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
        parts = {"codes": mu + torch.exp(logvar / 2) * noise, "mu": mu, "logvar": logvar}
        arrays |= {f"{name}_{what}": part.numpy() for what, part in parts.items()}
    print(f"stored in {peers.save(arrays)}")


if __name__ == "__main__":
    main()
