"""Divergences between codes and the prior N(0, I): pure functions of samples (thesis §2.4).

Each takes `q`, codes of shape (..., n, d), and `p`, prior draws of shape (..., m, d), and returns
(...): one value for each leading index, of which there is none or one, so a stack of minibatches is
one call. What is no such pair of samples is refused, see `check`. Where an estimator
is called "unbiased" it is the U-statistic (pairs of a point with itself left out) and may be
negative; "biased" is the V-statistic.

A divergence with parameters of its own, learned beside the model, is a critic: see `critics.py`.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import torch
from geomloss import SamplesLoss
from torch import Tensor

from infovae_core import declared, names

# A fixed bandwidth, a rule that finds one, or several whose kernels are averaged.
Bandwidth = float | str | Sequence[float]
ESTIMATORS = ("unbiased", "biased")
PRIORS = ("sampled", "exact")


class Origin(NamedTuple):
    """What readers are told of a divergence.

    Attributes:
        title: Its name for readers.
        category: What kind of divergence it is.
        source: Author and year, as in the bibliography.
        original: Whether Zhao et al. (2019) used it, as the thesis's Table 1 tells.
    """

    title: str
    category: str = ""
    source: str = ""
    original: bool = False


REGISTRY: dict[str, Any] = {}
ORIGINS: dict[str, Origin] = {}
Registered = TypeVar("Registered", bound=Callable[..., Any])


def register(
    name: str, *, title: str = "", category: str = "", source: str = "", original: bool = False
) -> Callable[[Registered], Registered]:
    """Enter a divergence, a function of samples or a critic's class, under `name`.

    Args:
        name: What objectives call it.
        title: Its name for readers; by default `name`.
        category: See `Origin`, as the others.
        source: Author and year.
        original: Whether Zhao et al. (2019) used it.
    """

    def enter(divergence: Registered) -> Registered:
        declared.hold(name, divergence)
        entered = divergence if isinstance(divergence, type) else checked(divergence)
        REGISTRY[name] = entered
        ORIGINS[name] = Origin(title or name, category, source, original)
        return entered

    return enter


def checked(divergence: Registered) -> Registered:
    """A function of samples that first sees whether they are some, see `check`."""

    @functools.wraps(divergence)
    def entered(q: Tensor, p: Tensor, **given: Any) -> Any:
        check(q, p)
        return divergence(q, p, **given)

    return cast(Registered, entered)


def check(q: Tensor, p: Tensor) -> None:
    """See that these are codes and draws that can be compared.

    Args:
        q: (n, d), codes, or (R, n, d), those of a stack.
        p: (m, d) or (R, m, d), draws from the prior; of the same d, dtype and device.

    Raises:
        ValueError: If they are not; the message says what was expected, what came, and the remedy.
    """
    for name, sample in (("q", q), ("p", p)):
        if not isinstance(sample, Tensor):
            raise ValueError(
                f"{name} must be a tensor, got {type(sample).__name__}: convert it, as "
                "torch.as_tensor(values) does"
            )
        if sample.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{name} must be of single or double precision, in which alone distances can be "
                f"compared; got {sample.dtype}: convert it, as .float() does"
            )
        if not 2 <= sample.ndim <= 3 or 0 in sample.shape[-2:]:
            raise ValueError(
                f"{name} must be of shape (n, d), n points of d coordinates, or (R, n, d), a stack "
                f"of R such samples; got {tuple(sample.shape)}: a feature map is brought into this "
                "form by .flatten(1)"
            )
    if q.shape[-1] != p.shape[-1]:
        raise ValueError(
            f"q and p must have equally many coordinates, got shapes {tuple(q.shape)} and "
            f"{tuple(p.shape)}: draw p with torch.randn_like(q)"
        )
    if q.ndim == p.ndim == 3 and 1 != len(q) != len(p) != 1:
        raise ValueError(
            f"stacks must hold equally many samples, got shapes {tuple(q.shape)} and "
            f"{tuple(p.shape)}: give one p for all, (m, d), or one for each"
        )
    if (q.dtype, q.device) != (p.dtype, p.device):
        raise ValueError(
            f"q and p must be of one dtype on one device, got {q.dtype} on {q.device} and "
            f"{p.dtype} on {p.device}: convert one, as p.to(q) does"
        )


def options(name: str, **given: Any) -> dict[str, Any]:
    """All options of a divergence: those given, and the defaults of the others.

    Raises:
        UnknownName: If the divergence, or an option of it, does not exist.
    """
    divergence = REGISTRY[names.check("divergence", name, REGISTRY)]
    return names.options(name, divergence, given)


# Distances and kernels --------------------------------------------------------------------------


def far_centre(x: Tensor) -> Tensor:
    """What to subtract from samples (..., n, d) before squares are expanded: (..., 1, d).

    ‖x‖² + ‖y‖² − 2x·y is wrong by about ε‖x‖². The mean of a sample whose distance from the origin
    is a hundred times its spread; else 0, which changes no bit. Nothing waits for the device.
    """
    with torch.no_grad():
        centre = x.mean(-2, keepdim=True)
        size = centre.square().sum(-1, keepdim=True)
        spread = x.square().sum(-1, keepdim=True).mean(-2, keepdim=True) - size
        return torch.where(spread < 1e-4 * size, centre, 0)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """‖xᵢ − yⱼ‖² of (..., n, d) and (..., m, d), as (..., n, m), by one matrix product."""
    far = far_centre(x)
    xx = (x - far).square().sum(-1)[..., :, None]
    yy = (y - far).square().sum(-1)[..., None, :]
    # The expansion can round below zero for points that coincide.
    return (xx + yy - 2 * (x - far) @ (y - far).mT).clamp_min(0)


def distances(x: Tensor, y: Tensor) -> Tensor:
    """‖xᵢ − yⱼ‖ of (..., n, d) and (..., m, d), as (..., n, m).

    By differences: the root magnifies what the expansion of the square rounds away.
    """
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def mean_of_pairs(values: Tensor, estimator: str) -> Tensor:
    """Mean of a square matrix (..., n, n): all pairs, or without the diagonal if unbiased.

    The diagonal is replaced, not subtracted: where all else is tiny (an RBF kernel in many
    dimensions) the difference would be rounding alone.
    """
    n = values.shape[-1]
    if names.check("estimator", estimator, ESTIMATORS) == "biased":
        return values.mean((-2, -1))
    if n < 2:
        raise ValueError(f"an unbiased estimator needs at least 2 samples, got {n}")
    diagonal = torch.eye(n, dtype=torch.bool, device=values.device)
    return values.masked_fill(diagonal, 0).sum((-2, -1)) / (n * (n - 1))


def bandwidths(rule: Bandwidth, q: Tensor, p: Tensor) -> list[float | Tensor]:
    """The kernel bandwidths σ that a rule gives for these samples.

    Args:
        rule: A number; "sqrt_d", σ² = d, which keeps ‖z − z'‖²/σ² of order one in every
            dimension; "median", the median distance between points of the pooled sample; or
            several numbers, whose kernels are averaged.
        q: (..., n, d), codes.
        p: (..., m, d), prior draws.

    Returns:
        One entry for each kernel: a float, or a tensor (..., 1, 1) without gradient.
    """
    if isinstance(rule, str) and rule == "median":
        return [median_distance(_pooled(q, p))[..., None, None]]
    return [*declared.bandwidths(rule, q.shape[-1])]


def _pooled(q: Tensor, p: Tensor) -> Tensor:
    """Both samples as one, (..., n + m, d), without gradient; a single one serves a whole stack."""
    leading = torch.broadcast_shapes(q.shape[:-2], p.shape[:-2])
    return torch.cat([x.detach().expand(*leading, *x.shape[-2:]) for x in (q, p)], dim=-2)


def median_distance(x: Tensor) -> Tensor:
    """The median distance between points of samples (..., n, d): (...), positive.

    Where more than half of the pairs coincide it is the median of all others, and 1 where there are
    none: no bandwidth tells points apart that are one.
    """
    i, j = torch.triu_indices(x.shape[-2], x.shape[-2], 1, device=x.device)
    squares = squared_distances(x, x)[..., i, j].median(-1).values
    # Where rounding may be a thousandth of it, as between points that nearly coincide, it is taken
    # by differences. The device waits for this.
    doubtful = ~(1e-3 * squares > torch.finfo(x.dtype).eps * x.square().sum(-1).mean(-1))
    if not doubtful.any():
        return squares.sqrt()
    pairs = distances(x.double(), x.double())[..., i, j]
    apart = pairs.masked_fill(pairs == 0, math.nan).nanmedian(-1).values.nan_to_num(1.0)
    exact = pairs.median(-1).values
    exact = torch.where(exact == 0, apart, exact).to(x.dtype)
    return torch.where(doubtful, exact, squares.sqrt())


# Divergences ------------------------------------------------------------------------------------


@register(
    "mmd",
    title="Maximum mean discrepancy, squared",
    category="kernel",
    source="Gretton et al. 2012",
    original=True,
)
def mmd(
    q: Tensor,
    p: Tensor,
    *,
    bandwidth: Bandwidth = 1.0,
    estimator: str = "unbiased",
    prior: str = "sampled",
) -> Tensor:
    """Squared maximum mean discrepancy with the RBF kernel k = exp(−‖z − z'‖²/2σ²).

    MMD²(q, p) = E k(z, z') − 2 E k(z, y) + E k(y, y') with z, z' ~ q and y, y' ~ p (Gretton et al.
    2012, who give both estimators).

    Args:
        q: (..., n, d), codes.
        p: (..., m, d), draws from N(0, I).
        bandwidth: σ, or a rule (see `bandwidths`).
        estimator: "unbiased" (U) or "biased" (V).
        prior: "sampled", or "exact": the two terms with the Gaussian prior in closed form
            (Rustamov 2019), less variance and one matrix instead of three; draws then serve only
            a median bandwidth, and E k(y, y') is without bias under either estimator.

    Returns:
        (...), MMD², not its root.

    Example:
        >>> z, y = torch.randn(2, 64, 20, generator=torch.Generator().manual_seed(0))
        >>> far = 100 * z  # What codes read that left the prior, and each other, in 20 dimensions.
        >>> [round(float(mmd(far, y, bandwidth=s, prior="exact")), 2) for s in (1.0, "sqrt_d")]
        [0.0, 0.39]
    """
    names.check("prior", prior, PRIORS)
    terms = []
    for sigma in bandwidths(bandwidth, q, p):
        scale = -0.5 / sigma**2
        codes = mean_of_pairs(torch.exp(scale * squared_distances(q, q)), estimator)
        if prior == "exact":
            cross, draws = gaussian_prior_terms(q, sigma)
        else:
            cross = torch.exp(scale * squared_distances(q, p)).mean((-2, -1))
            draws = mean_of_pairs(torch.exp(scale * squared_distances(p, p)), estimator)
        terms.append(codes - 2 * cross + draws)
    return torch.stack(terms).mean(0)


def gaussian_prior_terms(q: Tensor, sigma: float | Tensor) -> tuple[Tensor, Tensor]:
    """E k(z, y) over codes z, and E k(y, y'), for y, y' ~ N(0, I), in closed form."""
    d = q.shape[-1]
    s2 = torch.as_tensor(sigma**2, dtype=q.dtype, device=q.device)
    s2 = s2.expand(*q.shape[:-2], 1, 1)[..., 0]  # (..., 1), against the n codes
    cross = (s2 / (1 + s2)) ** (d / 2) * torch.exp(-0.5 * q.square().sum(-1) / (1 + s2))
    return cross.mean(-1), ((s2 / (2 + s2)) ** (d / 2))[..., 0]


@register(
    "imq",
    title="MMD, squared, with the inverse multiquadratic kernel",
    category="kernel",
    source="Tolstikhin et al. 2018",
)
def imq(q: Tensor, p: Tensor, *, scale: float | str = "2d", estimator: str = "unbiased") -> Tensor:
    """Squared MMD with the inverse multiquadratic kernel k = C/(C + ‖z − z'‖²).

    Its tails fall as a power of the distance and not exponentially, so that it still pulls at codes
    far outside (Tolstikhin et al. 2018, who take C = 2d for the prior N(0, I)).

    Args:
        q: (..., n, d), codes.
        p: (..., m, d), draws from N(0, I).
        scale: C, in units of a squared distance, or a rule (see `declared.imq_scale`).
        estimator: "unbiased" (U) or "biased" (V).

    Returns:
        (...), MMD², not its root.

    Example:
        >>> z, y = torch.randn(2, 64, 20, generator=torch.Generator().manual_seed(0))
        >>> round(float(imq(100 * z, y)), 1)  # Codes that left the prior, and each other.
        0.5
    """
    c = declared.imq_scale(scale, q.shape[-1])
    return (
        mean_of_pairs(c / (c + squared_distances(q, q)), estimator)
        - 2 * (c / (c + squared_distances(q, p))).mean((-2, -1))
        + mean_of_pairs(c / (c + squared_distances(p, p)), estimator)
    )


@register(
    "stein",
    title="Kernelized Stein discrepancy",
    category="kernel",
    source="Liu et al. 2016",
    original=True,
)
def stein(
    q: Tensor, p: Tensor, *, bandwidth: Bandwidth = 1.0, estimator: str = "unbiased"
) -> Tensor:
    """Squared kernelized Stein discrepancy from q to N(0, I), RBF kernel.

    E over z, z' ~ q of s(z)·s(z') k + s(z)·∇_{z'}k + s(z')·∇_z k + tr ∇_z∇_{z'}k with the prior's
    score s(z) = −z (Liu, Lee and Jordan 2016). Needs no prior draws: `p` serves only a median
    bandwidth.

    Args:
        q: (..., n, d), codes.
        p: (..., m, d), draws from N(0, I).
        bandwidth: σ, or a rule (see `bandwidths`).
        estimator: "unbiased" (U) or "biased" (V).

    Returns:
        (...), the discrepancy's square.

    Example:
        >>> stein(torch.zeros(64, 3), torch.zeros(64, 3))  # Of codes at one point: d/σ².
        tensor(3.)
    """
    d = q.shape[-1]
    r2 = squared_distances(q, q)
    scores = q @ q.mT
    terms = []
    for sigma in bandwidths(bandwidth, q, p):
        s2 = sigma**2
        # In order: the scores' product, both cross terms together, the trace.
        kernel = torch.exp(-0.5 * r2 / s2)
        terms.append(mean_of_pairs((scores - r2 / s2 + (d / s2 - r2 / s2**2)) * kernel, estimator))
    return torch.stack(terms).mean(0)


@register(
    "cramer",
    title="Cramér (energy) distance",
    category="distances",
    source="Székely and Rizzo 2013",
)
def cramer(q: Tensor, p: Tensor, *, estimator: str = "unbiased") -> Tensor:
    """Energy distance 2 E‖z − y‖ − E‖z − z'‖ − E‖y − y'‖ (Székely and Rizzo 2013).

    The thesis calls it the Cramér distance, after Bellemare et al. (2017).

    Args:
        q: (..., n, d), codes z.
        p: (..., m, d), draws y from the prior.
        estimator: "unbiased" (U) or "biased" (V).

    Returns:
        (...), in units of a distance.

    Example:
        >>> cramer(torch.ones(5, 64, 1), torch.zeros(5, 64, 1)).shape  # Of five minibatches.
        torch.Size([5])
    """
    return (
        2 * distances(q, p).mean((-2, -1))
        - mean_of_pairs(distances(q, q), estimator)
        - mean_of_pairs(distances(p, p), estimator)
    )


@register(
    "sinkhorn",
    title="Sinkhorn divergence",
    category="optimal transport",
    source="Genevay et al. 2018",
)
def sinkhorn(q: Tensor, p: Tensor, *, blur: float = 0.1, scaling: float = 0.5) -> Tensor:
    """Debiased Sinkhorn divergence with cost ½‖z − y‖² (Genevay et al. 2018; Feydy et al. 2019).

    Computed by geomloss; it tends to ½ W₂² as the blur tends to 0.

    Args:
        q: (..., n, d), codes.
        p: (..., m, d), draws from the prior.
        blur: ε^½ in units of a distance, geomloss's `blur`.
        scaling: Factor by which the annealed blur shrinks at each iteration.

    Returns:
        (...), in units of a squared distance.

    Raises:
        ValueError: If the blur is not positive or the scaling is not inside (0, 1).

    Example:
        >>> y = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
        >>> round(float(sinkhorn(y + torch.tensor([3.0, 4.0]), y)), 1)  # ½ · 5²
        12.5
    """
    if not blur > 0 or not 0 < scaling < 1:
        raise ValueError(f"expected blur > 0 and 0 < scaling < 1, got {blur} and {scaling}")
    values = []
    leading = torch.broadcast_shapes(q.shape[:-2], p.shape[:-2])
    stacks = (x.expand(*leading, *x.shape[-2:]).reshape(-1, *x.shape[-2:]) for x in (q, p))
    for one_q, one_p in zip(*stacks, strict=True):
        # geomloss anneals down from the diameter. Each sample has its own, or its value would
        # depend on what it is batched with.
        pooled = _pooled(one_q, one_p)
        diameter = max(float((pooled.amax(0) - pooled.amin(0)).norm()), blur)
        if not math.isfinite(diameter):
            # Codes that overflowed have no transport plan; the training loop reports it.
            values.append(one_q.new_full((), math.nan))
            continue
        if any(far_centre(x).any() for x in (pooled, one_q, one_p)):
            # It expands squares too, and divides them by ε in an exponent.
            one_q, one_p = one_q.double(), one_p.double()
        loss = SamplesLoss(
            "sinkhorn", p=2, blur=blur, scaling=scaling, diameter=diameter, backend="tensorized"
        )
        wanted = torch.is_grad_enabled()
        with torch.set_grad_enabled(wanted):  # It leaves gradients enabled.
            value = loss(one_q, one_p).to(q.dtype)
        values.append(value if wanted else value.detach())
    return torch.stack(values).reshape(leading)
