"""The other peer: pythae 0.1.2 (Chadebec, Vincent and Allassonnière 2022), its model and trainer.

The plain loop's network as pythae's encoder and decoder. What differs from the plain loop: images
are tensors in memory, collated by a DataLoader without workers (pythae's default); the decoder
ends in a sigmoid, as pythae's cross-entropy takes probabilities; no progress bar is drawn.
"""

import logging
import math
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import INFOVAE_MMD, INFOVAE_MMD_Config
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.base_trainer.base_trainer import logger
from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback
from torch import Tensor

from infovae_core.data import Partition
from tests.benchmarks.plain import PlainVAE


class Encoder(BaseEncoder):
    def __init__(self, network: PlainVAE) -> None:
        super().__init__()
        self.features, self.mu, self.logvar = network.features, network.mu, network.logvar

    def forward(self, x: Tensor) -> ModelOutput:
        h = self.features(x)
        return ModelOutput(embedding=self.mu(h), log_covariance=self.logvar(h))


class Decoder(BaseDecoder):
    def __init__(self, network: PlainVAE) -> None:
        super().__init__()
        self.layers = network.decoder

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=torch.sigmoid(self.layers(z)))


class Trainer(BaseTrainer):
    """pythae's trainer, which talks to nobody."""

    def _setup_callbacks(self) -> None:
        self.callback_handler = CallbackHandler([TrainingCallback()], self.model)


def model(network: PlainVAE, latent_dim: int) -> INFOVAE_MMD:
    """InfoVAE-MMD at α = 1, λ = 1000. pythae's kernel has 2σ² = 2 d · bandwidth²; here σ = 1."""
    config = INFOVAE_MMD_Config(
        input_dim=(1, 28, 28),
        latent_dim=latent_dim,
        reconstruction_loss="bce",
        kernel_choice="rbf",
        alpha=1.0,
        lbd=1000.0,
        kernel_bandwidth=1 / math.sqrt(latent_dim),
    )
    return INFOVAE_MMD(config, Encoder(network), Decoder(network))


class PythaeLoop:
    """Calls of pythae's own pass over its data, which hold as many minibatches as asked for."""

    def __init__(self, train: Partition, latent_dim: int, batch_size: int) -> None:
        logger.setLevel(logging.WARNING)
        self.train, self.batch_size = train, batch_size
        self.folder = tempfile.TemporaryDirectory()  # The trainer insists on one.
        config = BaseTrainerConfig(
            output_dir=self.folder.name,
            per_device_train_batch_size=batch_size,
            learning_rate=1e-4,
            no_cuda=True,
        )
        self.trainer = Trainer(
            model(PlainVAE(latent_dim), latent_dim), self._dataset(1), training_config=config
        )
        self.trainer.prepare_training()

    def _dataset(self, steps: int) -> BaseDataset:
        rows = torch.arange(steps * self.batch_size) % len(self.train.images)
        return BaseDataset(self.train.images[rows], self.train.labels[rows])

    def steps(self, count: int) -> float:
        """`count` updates; the mean loss."""
        if count * self.batch_size != len(self.trainer.train_dataset):
            self.trainer.train_dataset = self._dataset(count)
            self.trainer.train_loader = self.trainer.get_train_dataloader(
                self.trainer.train_dataset
            )
        return self.trainer.train_step(epoch=1)
