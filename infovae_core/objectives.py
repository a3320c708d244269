"""The InfoVAE objective of thesis §2.2.1 as a composition, and the variants it gives.

In nats per image, to be minimized (Zhao et al. 2019, Eq. 6):

    −E log p(x|z) + (1 − α) KL(q(z|x) ‖ p(z)) + (α + λ − 1) D(q(z) ‖ p(z)) + Σₖ wₖ · extraₖ

An objective is a value that names its parts. PyTorch is loaded where a loss is computed, and not to
read what a stored run was trained with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from infovae_core import declared, names, values
from infovae_core.schedules import Schedule

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from infovae_core.critics import Critic
    from infovae_core.models import Output

# A weight that all models of a stack share, or one for each.
Weight: TypeAlias = "float | Tensor"
# A learned divergence of codes and prior draws, (..., n, d) each: a critic, or a stack of them.
Bound: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"


class Terms(NamedTuple):
    """The parts of a minibatch's loss, (...), in nats per image (D and extras unweighted)."""

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    divergence: Tensor
    extra: Tensor


def info_nce(z: Tensor, temperature: float = 0.1) -> Tensor:
    """InfoNCE of normalized codes (..., B, d) with themselves as the only view; nats per image.

    Each code is its own positive, so the numerator is a constant and what remains pushes the
    codes apart on the sphere: a uniformity loss (thesis §2.5).
    """
    from torch.nn.functional import normalize

    u = normalize(z, dim=-1)
    similarity = u @ u.mT / temperature
    own = similarity.diagonal(dim1=-2, dim2=-1)
    return (similarity.logsumexp(-1) - own).mean(-1)


def registry() -> dict[str, Any]:
    """Every divergence that is registered, by name: functions of samples, and critics' classes."""
    from infovae_core import critics, divergences  # noqa: F401 - critics enter themselves

    return divergences.REGISTRY


def complete(divergence: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a divergence: those given, and the defaults of the others.

    Raises:
        UnknownName: If the divergence, or an option of it, does not exist.
    """
    if divergence in declared.OPTIONS:
        return names.complete(divergence, declared.OPTIONS[divergence], given)
    everything = registry()
    found = everything[names.check("divergence", divergence, everything)]
    return names.options(divergence, found, given)


EXTRAS: dict[str, Callable[[Tensor], Tensor]] = {"info_nce": info_nce}


@dataclass(frozen=True)
class Objective:
    """One point of the family.

    Attributes:
        alpha: α, the weight of the mutual information.
        lam: λ, the weight of the aggregate posterior's divergence; the penalty has α + λ − 1.
        divergence: Name of D in the registry, or None where α + λ − 1 = 0.
        options: Options of D; completed with its defaults, so that an objective says all.
        free_bits: δ, floor of each dimension's batch-mean KL, in nats (Kingma et al. 2016).
        extras: Weights of further terms, by name.

    Raises:
        ValueError: If α + λ − 1 is negative, or not zero without a divergence; or if a value is
            none that a stored run can hold.
        UnknownName: If the divergence, an option of it, or an extra does not exist.

    Example:
        >>> objective = Objective(alpha=1, lam=100, divergence="mmd")
        >>> objective.weight, objective.options["estimator"]
        (100, 'unbiased')
    """

    alpha: float
    lam: float
    divergence: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    free_bits: float = 0.0
    extras: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in ("alpha", "lam", "free_bits"):
            object.__setattr__(self, name, values.number(name, getattr(self, name)))
        if not (math.isfinite(self.alpha) and math.isfinite(self.lam)):
            raise ValueError(f"α and λ must be finite, got α = {self.alpha}, λ = {self.lam}")
        for name in ("alpha", "lam"):
            value = getattr(self, name)
            if value == int(value):  # 1000 and 1000.0 are one objective, and one stored run.
                object.__setattr__(self, name, int(value))
        given = f"α + λ − 1 = {self.weight:g} (α = {self.alpha:g}, λ = {self.lam:g})"
        if self.weight < 0:
            raise ValueError(f"{given} would reward divergence: choose λ ≥ {1 - self.alpha:g}")
        if self.weight > 0 and self.divergence is None:
            raise ValueError(
                f"{given} weights a divergence, and none is named: name one of "
                f"{', '.join(registry())}, or set λ = {1 - self.alpha:g}"
            )
        if not 0 <= self.free_bits < math.inf:
            raise ValueError(f"free_bits is a floor in nats, at least 0; got {self.free_bits:g}")
        if self.divergence is not None:
            object.__setattr__(self, "options", complete(self.divergence, self.options))
        elif self.options:
            raise ValueError(f"options {dict(self.options)} are given, but no divergence")
        extras = {
            names.check("extra term", name, EXTRAS): values.like(f"weight of {name}", factor, 1.0)
            for name, factor in self.extras.items()
        }
        object.__setattr__(self, "extras", extras)

    @property
    def weight(self) -> float:
        """α + λ − 1, the weight of D. Rounded: 1 − β + β − 1 must be 0 for every float β."""
        return round(self.alpha + self.lam - 1, 12)

    def critic(self, latent_dim: int, generator: torch.Generator) -> Critic | None:
        """A fresh critic where D is learned, else None."""
        if self.divergence is None:
            return None
        everything = registry()
        kind = everything[names.check("divergence", self.divergence, everything)]
        if not isinstance(kind, type):
            return None
        made: Critic = kind(latent_dim, generator, **self.options)
        return made

    def __call__(
        self,
        x: Tensor,
        output: Output,
        prior: Tensor,
        critic: Bound | None = None,
        weights: tuple[Weight, Weight] | None = None,
    ) -> Terms:
        """The loss of images with independent Bernoulli pixels, see `terms`.

        Args:
            x: (..., B, 1, 28, 28), pixels in [0, 1].
            output: What the model returned for `x`.
            prior: See `terms`, as the others.
            critic: Where D is learned.
            weights: Instead of the objective's own.
        """
        nll = bernoulli_nll(x, output.logits)
        return self.terms(nll, output.mu, output.logvar, output.z, prior, critic, weights)

    def terms(
        self,
        nll: Tensor,
        mu: Tensor,
        logvar: Tensor,
        z: Tensor,
        prior: Tensor,
        critic: Bound | None = None,
        weights: tuple[Weight, Weight] | None = None,
    ) -> Terms:
        """The loss of a minibatch and its parts, for any likelihood and Gaussian q(z|x).

        Of a stack, one of each for every model.

        Args:
            nll: (..., B), −log p(x|z) of each image, summed over its pixels, in nats.
            mu: (..., B, d), mean of q(z|x).
            logvar: (..., B, d), logarithm of the variance of q(z|x).
            z: (..., B, d), one draw from each q(z|x).
            prior: (..., B, d), draws from N(0, I).
            critic: Where D is learned, its bound for codes and prior draws (..., B, d): the critic
                that `critic()` made, or a stack of them.
            weights: α, and α + λ − 1, instead of the objective's own: numbers, or tensors (...)
                with a number for each model.

        Raises:
            ValueError: If `nll` has not one number for each image, or D is learned and the critic
                is missing.

        Example:
            >>> import torch
            >>> nll, mu, logvar = torch.full((8,), 90.0), torch.ones(8, 2), torch.zeros(8, 2)
            >>> z = prior = torch.zeros(8, 2)
            >>> terms = Objective(alpha=0.5, lam=0.5).terms(nll, mu, logvar, z, prior)
            >>> terms.reconstruction, terms.kl, terms.loss  # 90 + (1 − α) · ½(1 + 1)
            (tensor(90.), tensor(1.), tensor(90.5000))
        """
        import torch
        from torch import Tensor

        if nll.shape != mu.shape[:-1]:
            raise ValueError(
                f"expected −log p(x|z) of each image, shape {tuple(mu.shape[:-1])} for codes "
                f"{tuple(mu.shape)}; got {tuple(nll.shape)}: sum it over pixels, not over images"
            )
        alpha, weight = weights or (self.alpha, self.weight)
        loss = reconstruction = nll.mean(-1)
        kl = self._kl(mu, logvar)
        # A weight of zero leaves the term out: 0 · ∞ would turn a plain autoencoder into NaN.
        if isinstance(alpha, Tensor):
            off = (alpha == 1)[..., None, None]
            weighted = self._kl(mu.masked_fill(off, 0), logvar.masked_fill(off, 0))
            loss = loss + (1 - alpha) * weighted
        elif alpha != 1:
            loss = loss + (1 - alpha) * kl
        divergence = extra = torch.zeros_like(reconstruction)
        if self.divergence is not None and (isinstance(weight, Tensor) or weight > 0):
            divergence = self._divergence(z, prior, critic)
            if isinstance(weight, Tensor):
                divergence = torch.where(weight > 0, divergence, 0)
            loss = loss + weight * divergence
        for name, factor in self.extras.items():
            extra = extra + factor * EXTRAS[name](z)
        if self.extras:
            loss = loss + extra
        return Terms(loss, reconstruction, kl, divergence, extra)

    def _divergence(self, z: Tensor, prior: Tensor, critic: Bound | None) -> Tensor:
        """D of codes from prior draws, (...): the critic's bound where it is learned."""
        if critic is not None:
            bound: Tensor = critic(z, prior)
            return bound
        found = registry()[self.divergence or ""]
        if isinstance(found, type):
            raise ValueError(
                f"{self.divergence} is learned, and no critic is given: pass the one that "
                "objective.critic(latent_dim, generator) makes, and train it beside the model"
            )
        value: Tensor = found(z, prior, **self.options)
        return value

    def _kl(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """Batch mean of KL(q(z|x) ‖ p(z)), (...), with its floor."""
        per_dimension = kl_per_dimension(mu, logvar).mean(-2)
        if self.free_bits:
            per_dimension = per_dimension.clamp_min(self.free_bits)
        return per_dimension.sum(-1)


def bernoulli_nll(x: Tensor, logits: Tensor) -> Tensor:
    """−log p(x|z), summed over pixels: (..., 1, 28, 28) twice → (...), nats per image.

    For grey levels in (0, 1) it is the binary cross-entropy, whose minimum is not zero.
    """
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(-3).sum(-1)


def kl_per_dimension(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each coordinate (Kingma and Welling 2014, App. B): (..., d)."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


@dataclass(frozen=True)
class Preset:
    """A named variant: an objective, and what it asks of the architecture and of training.

    Attributes:
        objective: The loss.
        label: Its name for readers; by default the one in `PRESETS`.
        batch_norm: Batch norm before the encoder's heads.
        schedule: How its weights change, if they do.
    """

    objective: Objective
    label: str = field(default="", compare=False)
    batch_norm: bool = False
    schedule: Schedule | None = None


def beta(value: float) -> Objective:
    """β-VAE: α + λ = 1 with 1 − α = β (Higgins et al. 2017)."""
    return Objective(alpha=1 - value, lam=value)


def info(divergence: str, lam: float = 1000, **options: Any) -> Objective:
    """InfoVAE at the thesis's α = 1, by default at its λ = 1000."""
    return Objective(alpha=1, lam=lam, divergence=divergence, options=options)


PRESETS: dict[str, Preset] = {
    "vae": Preset(Objective(alpha=0, lam=1), "VAE"),
    "beta_vae": Preset(beta(4), "β-VAE"),
    "recon_ae": Preset(Objective(alpha=1, lam=0), "ReconAE"),
    "free_bits": Preset(Objective(alpha=0, lam=1, free_bits=0.1), "Free-Bits VAE"),
    "bn_vae": Preset(Objective(alpha=0, lam=1), "BN-VAE", batch_norm=True),
    "aae": Preset(Objective(alpha=1, lam=1, divergence="js"), "AAE"),
    "contrastive_ae": Preset(Objective(alpha=1, lam=0, extras={"info_nce": 1.0}), "ContrastiveAE"),
    "infovae_mmd": Preset(info("mmd"), "InfoVAE-MMD"),
    "infovae_stein": Preset(info("stein"), "InfoVAE-Stein"),
    "infovae_sinkhorn": Preset(info("sinkhorn"), "InfoVAE-Sinkhorn"),
    "infovae_cramer": Preset(info("cramer"), "InfoVAE-Cramér"),
    "infovae_chi2": Preset(info("chi2"), "InfoVAE-χ²"),
    # Kernels that widen with the dimension, weights of about one price, and a start that informs.
    "corrected_mmd": Preset(info("mmd", bandwidth="sqrt_d"), "MMD, σ² = d"),
    "corrected_imq": Preset(info("imq"), "MMD, IMQ kernel"),
    "corrected_stein": Preset(info("stein", bandwidth="sqrt_d"), "Stein, σ² = d"),
    "corrected_cramer": Preset(info("cramer", lam=100), "Cramér, λ = 100"),
    "corrected_warm": Preset(info("cramer"), "Cramér, warm start", schedule=Schedule("warm_start")),
}


def preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        UnknownName: If there is none.

    Example:
        >>> preset("aae").label, preset("aae").objective.divergence
        ('AAE', 'js')
    """
    return PRESETS[names.check("preset", name, PRESETS)]
