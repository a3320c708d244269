"""Measures a trained model: draws the codes once, and asks every ruler of `metrics`.

Through training, all models of a stack are followed together, see `Following`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from infovae_core import metrics
from infovae_core.data import Partition, Split
from infovae_core.models import VAE
from infovae_core.objectives import bernoulli_nll, kl_per_dimension
from infovae_core.randomness import generator, single
from infovae_core.run import Run
from infovae_core.stacks import each

# Images that pass an encoder or decoder at once; sixteen times as many an encoder on a GPU.
BATCH = 500
# Posterior draws for the expected log-likelihood of a test image.
DRAWS = 4
LABELS_PER_CLASS = 100
# Codes kept in the store, for looking at.
CODES_KEPT = 500


@dataclass
class Encoded:
    """What the encoder says of some images: each (..., n, d), `z` one draw from q(z|x)."""

    mu: Tensor
    logvar: Tensor
    z: Tensor


@torch.no_grad()
def encode(model: VAE, images: Tensor, eps: Tensor) -> Encoded:
    """Encode images (n, 1, 28, 28) in evaluation mode, in full precision.

    Args:
        model: One model, or a stack of R.
        images: What each of the models encodes.
        eps: (R, n, d), standard normal; R = 1 of one model.

    Returns:
        Of shape (R, n, d).
    """
    mode = model.training
    model.eval()
    at_once = BATCH if images.device.type == "cpu" else 16 * BATCH
    parts = [
        each(model.encoder, batch.expand(len(eps), *batch.shape))
        for batch in images.split(max(1, at_once // len(eps)))
    ]
    model.train(mode)
    mu, logvar = (torch.cat(part, 1) for part in zip(*parts, strict=True))
    return Encoded(mu, logvar, mu + torch.exp(0.5 * logvar) * eps)


class Evaluation:
    """The measurements of one run; everything random in them is fixed by the run's seed."""

    def __init__(self, run: Run, split: Split) -> None:
        """Draw minibatches, prior draws and labelled images."""
        self.run, self.split = run, split
        device = split.train.images.device
        fixed = generator(run.seed, "eval")
        self.validation_mmd = metrics.ValidationMMD(
            len(split.val.images),
            run.val_batches,
            run.val_batch_size,
            run.latent_dim,
            fixed,
            device,
        )
        labelled = metrics.labelled_subset(split.train.labels, LABELS_PER_CLASS, fixed)
        self.labelled = Partition(
            split.train.images[labelled.to(device)], split.train.labels[labelled.to(device)]
        )

    def noise(self, name: str, *shape: int) -> Tensor:
        """Standard normal draws that are the same at every evaluation of a run."""
        stream = generator(self.run.seed, f"eval {name}")
        return single(stream, *shape).to(self.split.train.images.device)

    def encode(self, model: VAE, images: Tensor, name: str) -> Encoded:
        """Encode images (n, 1, 28, 28), with the draws of this name; each (n, d)."""
        eps = self.noise(name, len(images), self.run.latent_dim)
        found = encode(model, images, eps[None])
        return Encoded(found.mu[0], found.logvar[0], found.z[0])

    def during(self, model: VAE) -> dict[str, float]:
        """What is followed through training, of one model, see `Following`."""
        return Following([self])(model)[0]

    @torch.no_grad()
    def reconstruction(self, model: VAE, test: Encoded) -> dict[str, float]:
        """Test BCE of one posterior draw, and E log p(x|z) over `DRAWS` others; nats per image."""
        images = self.split.test.images

        def nll(z: Tensor) -> float:
            parts = zip(images.split(BATCH), z.split(BATCH), strict=True)
            return float(
                sum(bernoulli_nll(x, model.decoder(c)).double().sum() for x, c in parts)
            ) / len(images)

        std = torch.exp(0.5 * test.logvar)
        others = [
            nll(test.mu + std * self.noise(f"test {draw}", *std.shape)) for draw in range(DRAWS)
        ]
        return {
            "test_bce": nll(test.z),
            "test_expected_log_likelihood": -sum(others) / DRAWS,
        }

    def measure(self, model: VAE) -> dict[str, Any]:
        """Every metric of a trained model."""
        model.eval()
        val = self.encode(model, self.split.val.images, "val")
        test = self.encode(model, self.split.test.images, "test")
        train = self.encode(model, self.labelled.images, "labelled")
        kl = kl_per_dimension(val.mu, val.logvar).sum(1)
        return {
            **self.validation_mmd(val.z),
            **metrics.alignment(val.z, generator(self.run.seed, "eval alignment")),
            **metrics.code_statistics(val.z, val.mu, kl),
            **self.reconstruction(model, test),
            "svm_error": metrics.svm_error(
                train.z, self.labelled.labels, test.z, self.split.test.labels
            ),
        }

    @torch.no_grad()
    def pictures(self, model: VAE) -> dict[str, np.ndarray]:
        """Ten test digits and their reconstructions, ten samples, and some codes with labels."""
        model.eval()
        labels = self.split.test.labels
        first = torch.stack([(labels == digit).nonzero()[0, 0] for digit in range(10)])
        digits = self.split.test.images[first]
        z = self.encode(model, digits, "pictures").z
        draws = self.noise("samples", *z.shape)
        codes = self.encode(model, self.split.val.images, "val").z[:CODES_KEPT]

        def to_bytes(images: Tensor) -> np.ndarray:
            return (images * 255).round().to(torch.uint8).reshape(-1, 28, 28).cpu().numpy()

        return {
            "originals": to_bytes(digits),
            "reconstructions": to_bytes(model.decoder(z).sigmoid()),
            "samples": to_bytes(model.decoder(draws).sigmoid()),
            "codes": codes.cpu().numpy(),
            "code_labels": self.split.val.labels[:CODES_KEPT].cpu().numpy().astype(np.uint8),
        }


class Following:
    """What is followed through training: the validation MMD, and where the codes are.

    All models of a stack are encoded and compared together, and the host reads once.
    """

    def __init__(self, evaluations: Sequence[Evaluation]) -> None:
        """Put together what the runs of a stack are measured with, in their order."""
        self.images = evaluations[0].split.val.images
        dims = [one.run.latent_dim for one in evaluations]
        self.mmd = metrics.ValidationMMD.of_stack([one.validation_mmd for one in evaluations])
        draws = [one.noise("val", len(self.images), one.run.latent_dim) for one in evaluations]
        self.eps = torch.stack([pad(eps, (0, max(dims) - eps.shape[1])) for eps in draws])
        self.dims = torch.tensor(dims, dtype=torch.float64).to(self.images.device)

    @torch.no_grad()
    def __call__(self, model: VAE) -> list[dict[str, float]]:
        """Measure the model, or each of the stack.

        A run's model may have unused latent dimensions (`stacks.with_latent_dim`): its codes are
        zero there, and so are the draws that they are compared with.
        """
        codes = encode(model, self.images, self.eps).z
        together = codes.flatten(0, 1)
        squares = self.mmd.per_batch(together)
        rows = self._rows(codes, squares)
        if any(row.pop("rounded") for row in rows):
            rows = self._rows(codes, self.mmd.unrounded(together, squares))
        return [{name: row[name] for name in row if name != "rounded"} for row in rows]

    def _rows(self, codes: Tensor, squares: Tensor) -> list[dict[str, float]]:
        """What is found of each model, read from the device at once."""
        found = {
            **metrics.validation_summary(squares.view(len(codes), -1)),
            "norm_ratio": metrics.norm_ratio(codes, self.dims),
            "rounded": metrics.rounded(codes).double(),
        }
        rows = torch.stack(list(found.values()), dim=-1).tolist()
        return [dict(zip(found, row, strict=True)) for row in rows]
