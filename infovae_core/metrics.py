"""The rulers of thesis §3.1: arrays in, floats out; nothing here knows of runs or files.

Codes are single draws z ~ q(z|x). Every estimator is without bias unless its docstring says so.
"""

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from infovae_core import divergences
from infovae_core.randomness import single

# Kernel matrices are made for this many entries at a time: on a CPU they then stay in the cache, on
# a GPU, where they are 256 times as many, in memory.
CHUNK = 1 << 19
# The largest ε‖z‖² of codes whose distances are taken in their own precision.
ROUNDED = 0.1


def check(codes: Tensor, least: int = 1) -> None:
    """See that these are codes (n, d) of single or double precision, at least so many.

    Raises:
        ValueError: If they are not; the message says what was expected, what came, and the remedy.
    """
    divergences.check(codes, codes)
    if codes.ndim != 2 or len(codes) < least:
        raise ValueError(
            f"expected codes of shape (n, d), n at least {least}, got {tuple(codes.shape)}: a "
            "ruler measures one sample at a time"
        )


def check_bandwidth(bandwidth: float) -> None:
    """See that σ is positive and finite; NaN, of codes that overflowed, gives NaN.

    Raises:
        ValueError: If it is neither.
    """
    if bandwidth <= 0 or math.isinf(bandwidth):
        raise ValueError(f"a kernel bandwidth is a positive finite number, got {bandwidth!r}")


# Alignment of the aggregate posterior with the prior ----------------------------------------------


class ValidationMMD:
    """MMD² over fixed minibatches of the validation images (thesis §3.1, §3.3).

    Which images form a minibatch, and the prior draws each is compared with, are drawn once, so
    the term between prior draws is computed once too. Each image is encoded once an evaluation.
    """

    def __init__(
        self,
        n: int,
        batches: int,
        size: int,
        latent_dim: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
        bandwidth: float = 1.0,
    ) -> None:
        """Choose `batches` minibatches of `size` among `n` images, without replacement within each.

        Raises:
            ValueError: If a minibatch would take more images than there are, or the bandwidth is
                not positive.
        """
        if size > n:
            raise ValueError(f"a validation minibatch takes {size} images, and there are {n}")
        check_bandwidth(bandwidth)
        keys = [torch.randperm(n, generator=generator)[:size] for _ in range(batches)]
        self.n, self.scale = n, -0.5 / bandwidth**2
        self.indices = torch.stack(keys).to(device)
        self.prior = single(generator, batches, size, latent_dim).to(device)
        parts = self.prior.split(self._at_once)
        self.prior_term = torch.cat([self._within(part) for part in parts])

    @classmethod
    def of_stack(cls, rulers: Sequence["ValidationMMD"]) -> "ValidationMMD":
        """One ruler for the codes of several models, (R, n, d) as (R·n, d), by R rulers.

        Rulers of fewer dimensions are for codes that are zero in the others.

        Raises:
            ValueError: If the rulers differ in more than what they have drawn.
        """
        first = rulers[0]
        kinds = {(one.n, one.indices.shape, one.scale) for one in rulers}
        if len(kinds) > 1:
            raise ValueError(
                "rulers of one stack take equally many minibatches of one size from equally many "
                f"images, with one bandwidth; these are of {len(kinds)} kinds"
            )
        d = max(one.prior.shape[-1] for one in rulers)
        joint = copy.copy(first)
        joint.n = len(rulers) * first.n
        joint.indices = torch.cat([one.indices + r * first.n for r, one in enumerate(rulers)])
        joint.prior = torch.cat([pad(one.prior, (0, d - one.prior.shape[-1])) for one in rulers])
        joint.prior_term = torch.cat([one.prior_term for one in rulers])
        return joint

    @property
    def _at_once(self) -> int:
        """Minibatches whose kernels are made together."""
        entries = CHUNK if self.indices.device.type == "cpu" else 256 * CHUNK
        return max(1, entries // self.indices.shape[1] ** 2)

    def _within(self, x: Tensor) -> Tensor:
        kernel = rbf(divergences.squared_distances(x, x), self.scale)
        return divergences.mean_of_pairs(kernel, "unbiased").double()

    def per_batch(self, codes: Tensor) -> Tensor:
        """Unbiased MMD² of every minibatch: codes (n, d) → (batches,), float64."""
        values = []
        for rows, prior in zip(
            self.indices.split(self._at_once), self.prior.split(self._at_once), strict=True
        ):
            q = codes[rows]
            cross = rbf(divergences.squared_distances(q, prior), self.scale)
            values.append(self._within(q) - 2 * cross.mean((-2, -1)).double())
        return torch.cat(values) + self.prior_term

    def __call__(self, codes: Tensor) -> dict[str, float]:
        """The summary of all minibatches, see `validation_summary`."""
        squares = self.per_batch(codes)
        if bool(rounded(codes)):
            squares = self.unrounded(codes, squares)
        return {name: float(value) for name, value in validation_summary(squares).items()}

    def unrounded(self, codes: Tensor, squares: Tensor) -> Tensor:
        """MMD² of minibatches, those of codes too far out for single precision in double.

        Args:
            codes: (n, d).
            squares: What `per_batch` gave; no bit changes of minibatches that lie near enough.
        """
        exact = copy.copy(self)
        exact.prior = self.prior.double()
        return torch.where(rounded(codes[self.indices]), exact.per_batch(codes.double()), squares)


def rounded(codes: Tensor) -> Tensor:
    """Whether codes (..., n, d) lie so far out that distances of near ones are rounded: (...).

    In single precision ‖z‖² + ‖z'‖² − 2z·z' is wrong by about ε‖z‖², a tenth at ‖z‖ ≈ 900.
    """
    sizes = codes.square().sum(-1).amax(-1)
    return ~(sizes * torch.finfo(codes.dtype).eps <= ROUNDED)


def validation_summary(squares: Tensor) -> dict[str, Tensor]:
    """Of MMD² of minibatches, (..., batches) → (...): its mean, and the mean of its root.

    The root is of MMD² clipped at 0: biased, and what the thesis plots.
    """
    return {"val_mmd2": squares.mean(-1), "val_mmd": squares.clamp_min(0).sqrt().mean(-1)}


def rbf(squared_distances: Tensor, scale: float) -> Tensor:
    """exp(scale · ‖x − y‖²), written over its argument; at least e^−80 ≈ 2e−35.

    On a CPU an exponential that underflows takes ten times as long as one that does not, and of
    codes that left the prior nearly all would.
    """
    return squared_distances.mul_(scale).clamp_min_(-80).exp_()


def mmd2(codes: Tensor, bandwidth: float) -> float:
    """Unbiased MMD² between all codes (n, d) and the prior's exact terms, RBF kernel, float64.

    Example:
        >>> codes = 100 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
        >>> round(mmd2(codes, bandwidth=1.0), 2)  # Codes that left: near 3^(−d/2).
        0.33
    """
    check(codes, least=2)
    check_bandwidth(bandwidth)
    codes = codes.double()
    n, scale = len(codes), -0.5 / bandwidth**2
    # Row by row of chunks: the whole matrix would be the largest thing in memory.
    rows = codes.split(max(1, CHUNK // n))
    total = sum(rbf(divergences.squared_distances(part, codes), scale).sum() for part in rows)
    cross, prior = divergences.gaussian_prior_terms(codes, bandwidth)
    return float((total - n) / (n * (n - 1)) - 2 * cross + prior)


def median_bandwidth(codes: Tensor, draws: Tensor) -> float:
    """The median distance in the pooled sample, from at most 1,000 points of each."""
    return float(divergences.bandwidths("median", codes[:1000], draws[:1000])[0])


def sliced_wasserstein(codes: Tensor, generator: torch.Generator, projections: int = 256) -> float:
    """Sliced 2-Wasserstein distance of codes (n, d) to N(0, I) (Bonneel et al. 2015).

    Root of the mean, over random directions, of W₂² between the projected codes and N(0, 1), whose
    quantiles are exact. Biased upwards, by O(1/n) in the square.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> codes = 3 * torch.randn(10_000, 2, generator=generator)
        >>> round(sliced_wasserstein(codes, generator), 1)  # Between N(0, 9) and N(0, 1): 3 − 1.
        2.0
    """
    check(codes)
    n, d = codes.shape
    directions = torch.randn(d, projections, generator=generator, dtype=torch.float64)
    directions = (directions / directions.norm(dim=0)).to(codes.device)
    projected = (codes.double() @ directions).sort(dim=0).values
    levels = (torch.arange(n, dtype=torch.float64, device=codes.device) + 0.5) / n
    quantiles = torch.special.ndtri(levels)[:, None]
    return float((projected - quantiles).square().mean().sqrt())


def gaussian_kl(codes: Tensor) -> float:
    """KL(N(m, S) ‖ N(0, I)) in nats, m and S the codes' (n, d) mean and covariance.

    ½ (tr S + ‖m‖² − d − log det S); infinite where S is singular. Biased upwards, by about
    d(d + 3)/4n.

    Example:
        >>> codes = 2 * torch.randn(10_000, 2, generator=torch.Generator().manual_seed(0))
        >>> round(gaussian_kl(codes), 1)  # d/2 · (4 − 1 − log 4)
        1.6
    """
    check(codes, least=2)
    x = codes.double()
    covariance = torch.cov(x.T).reshape(x.shape[1], x.shape[1])
    sign, logdet = torch.linalg.slogdet(covariance)
    if not float(sign) > 0:
        return math.inf
    return float((covariance.trace() + x.mean(0).square().sum() - x.shape[1] - logdet) / 2)


def classifier_auc(codes: Tensor, draws: Tensor, seed: int = 0) -> float:
    """Held-out area under the ROC curve of a classifier between codes and prior draws.

    Gradient-boosted trees on the coordinates and the norm, fitted on one half and judged on the
    other: 0.5 where the two cannot be told apart, 1 where they do not overlap.

    Example:
        >>> draws = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
        >>> classifier_auc(draws + 9, draws)
        1.0
    """
    # A slow import, and the other rulers do without it.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    check(codes)
    divergences.check(codes, draws)
    x = torch.cat([codes, draws]).cpu().double().numpy()
    x = np.column_stack([x, np.linalg.norm(x, axis=1)])
    y = np.repeat([1, 0], [len(codes), len(draws)])
    order = np.random.default_rng(seed).permutation(len(x))
    fit, judge = np.array_split(order, 2)
    classifier = HistGradientBoostingClassifier(max_iter=60, random_state=seed).fit(x[fit], y[fit])
    return float(roc_auc_score(y[judge], classifier.predict_proba(x[judge])[:, 1]))


def energy_distance(codes: Tensor, draws: Tensor) -> float:
    """Unbiased energy distance of codes (n, d) from as many draws, in bounded memory.

    `divergences.cramer` as it is where its matrices are small, as of all stored runs; else by rows,
    in double precision.

    Example:
        >>> draws = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
        >>> round(energy_distance(100 * draws, draws) / 100)  # In units of a distance.
        1
    """
    if len(codes) * len(draws) <= 128 * CHUNK:
        return float(divergences.cramer(codes, draws))
    x, y = codes.double(), draws.double()

    def total(a: Tensor, b: Tensor) -> float:
        rows = a.split(max(1, CHUNK // len(b)))
        return float(sum(divergences.distances(part, b).sum() for part in rows))

    n, m = len(x), len(y)
    within = total(x, x) / (n * (n - 1)) + total(y, y) / (m * (m - 1))
    return 2 * total(x, y) / (n * m) - within


def alignment(codes: Tensor, generator: torch.Generator) -> dict[str, float]:
    """Rulers of q(z) against N(0, I) that do not share one fixed bandwidth: codes (n, d)."""
    check(codes, least=2)
    draws = single(generator, *codes.shape).to(codes)
    return {
        "mmd2_sqrt_d": mmd2(codes, math.sqrt(codes.shape[1])),
        "mmd2_median": mmd2(codes, median_bandwidth(codes, draws)),
        "energy_distance": energy_distance(codes, draws),
        "sliced_wasserstein": sliced_wasserstein(codes, generator),
        "gaussian_kl": gaussian_kl(codes),
        "classifier_auc": classifier_auc(codes, draws),
    }


# Codes --------------------------------------------------------------------------------------------


def norm_ratio(z: Tensor, latent_dim: int | Tensor) -> Tensor:
    """Mean of ‖z‖/√d, near 1 under the prior: codes (..., n, d) → (...), float64.

    Example:
        >>> norm_ratio(torch.full((64, 4), 3.0), latent_dim=4)
        tensor(3., dtype=torch.float64)
    """
    ratio: Tensor = z.double().norm(dim=-1).mean(-1) / latent_dim**0.5
    return ratio


def code_statistics(z: Tensor, mu: Tensor, kl: Tensor) -> dict[str, float | list[float]]:
    """Where the codes went.

    Args:
        z: (n, d), draws from q(z|x).
        mu: (n, d), means of q(z|x).
        kl: (n,), KL(q(z|x) ‖ p(z)) in nats.

    Returns:
        `norm_ratio`, see there; `code_mean` and `code_std` of each dimension; `kl`, its mean in
        nats per image; `active_units`, the number of dimensions whose mean has a variance
        over images of more than 0.01 (Burda et al. 2016).

    Example:
        >>> mu = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])  # One dimension tells images apart.
        >>> code_statistics(mu, mu, kl=torch.tensor([3.0, 5.0]))["active_units"]
        1.0
    """
    return {
        "norm_ratio": float(norm_ratio(z, z.shape[1])),
        "code_mean": z.double().mean(0).tolist(),
        "code_std": z.double().std(0).tolist(),
        "kl": float(kl.double().mean()),
        "active_units": float((mu.double().var(0) > 0.01).sum()),
    }


# Utility and cost ---------------------------------------------------------------------------------


def labelled_subset(labels: Tensor, per_class: int, generator: torch.Generator) -> Tensor:
    """Indices of `per_class` random examples of every class present.

    Raises:
        ValueError: If a class has fewer examples.
    """
    chosen = []
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0].cpu()
        if len(members) < per_class:
            raise ValueError(
                f"the linear SVM takes {per_class} labelled images of each class, and class "
                f"{int(label)} has {len(members)}"
            )
        chosen.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
    return torch.cat(chosen)


def svm_error(z: Tensor, labels: Tensor, test_z: Tensor, test_labels: Tensor) -> float:
    """Test error of a linear SVM on codes (n, d), standardized by the labelled ones.

    Example:
        >>> z, labels = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]), torch.tensor([0, 0, 1, 1])
        >>> svm_error(z, labels, 3 * z, labels)
        0.0
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    classifier = make_pipeline(StandardScaler(), LinearSVC(max_iter=10_000, random_state=0))
    # Single precision overflows in the scaler where codes have escaped far.
    classifier.fit(z.cpu().double().numpy(), labels.cpu().numpy())
    return 1 - float(classifier.score(test_z.cpu().double().numpy(), test_labels.cpu().numpy()))
