"""Models on finite sets: tables of probabilities, whose sums are exact up to rounding.

Each quantity is computed from its definition, in float64 and in nats, without the package.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import softmax

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """A model on finite sets: p_D(x), p(z), q(z|x) in rows x, p(x|z) in rows z."""

    data: Array
    prior: Array
    encoder: Array
    decoder: Array

    @property
    def q(self) -> Array:
        """q(x, z) = p_D(x) q(z|x), rows x."""
        return self.data[:, None] * self.encoder

    @property
    def p(self) -> Array:
        """p(x, z) = p(z) p(x|z), rows x."""
        return (self.prior[:, None] * self.decoder).T

    @property
    def aggregate(self) -> Array:
        """q(z)."""
        return self.q.sum(0)


def draw(seed: int, shape: tuple[int, int] = (3, 4)) -> Tables:
    """A model of random tables, some of them nearly degenerate."""
    rng = np.random.default_rng(seed)

    def rows(*size: int) -> Array:
        return softmax(rng.uniform(0.1, 4) * rng.standard_normal(size), axis=-1)

    n, m = shape
    return Tables(rows(n), rows(m), rows(n, m), rows(m, n))


def kl(a: Array, b: Array) -> float:
    """KL(a‖b) of two tables of one shape."""
    pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
    return math.fsum(x * math.log(x / y) for x, y in pairs if x > 0)


def entropy(a: Array) -> float:
    return -math.fsum(x * math.log(x) for x in a.ravel().tolist() if x > 0)


def js(a: Array, b: Array) -> float:
    return kl(a, (a + b) / 2) / 2 + kl(b, (a + b) / 2) / 2


def reconstruction(t: Tables) -> float:
    """E log p(x|z)."""
    n, m = t.q.shape
    cells = product(range(n), range(m))
    return math.fsum(
        t.data[x] * t.encoder[x, z] * math.log(t.decoder[z, x])
        for x, z in cells
        if t.encoder[x, z] > 0
    )


def kl_term(t: Tables) -> float:
    """E KL(q(z|x)‖p(z))."""
    return math.fsum(w * kl(row, t.prior) for w, row in zip(t.data, t.encoder, strict=True))


def information(t: Tables) -> float:
    """I_q(x; z), from its definition as a divergence of joint and product."""
    return kl(t.q, np.outer(t.data, t.aggregate))


def conditional(t: Tables) -> float:
    """E_q(z) KL(q(x|z)‖p(x|z))."""
    backwards = (t.q / t.aggregate).T
    pairs = zip(t.aggregate, backwards, t.decoder, strict=True)
    return math.fsum(w * kl(a, b) for w, a, b in pairs)


def posterior_gap(t: Tables) -> float:
    """E KL(q(z|x)‖p(z|x))."""
    posterior = t.p / t.p.sum(1, keepdims=True)
    pairs = zip(t.data, t.encoder, posterior, strict=True)
    return math.fsum(w * kl(a, b) for w, a, b in pairs)


def elbo(t: Tables) -> float:
    return reconstruction(t) - kl_term(t)


def practical(
    t: Tables, alpha: float, lam: float, divergence: Callable[[Array, Array], float] = kl
) -> float:
    """The practical objective, without its constant."""
    aligned = divergence(t.aggregate, t.prior)
    return reconstruction(t) - (1 - alpha) * kl_term(t) - (alpha + lam - 1) * aligned


def infovae(t: Tables, alpha: float, lam: float) -> float:
    """The objective as it is defined: two divergences and the information."""
    return -lam * kl(t.aggregate, t.prior) - conditional(t) + alpha * information(t)


def with_information(t: Tables, target: float) -> Tables:
    """The same aggregate posterior and p_D, an encoder mixed with noise until I_q = target."""

    def mixed(share: float) -> Tables:
        return replace(t, encoder=share * t.encoder + (1 - share) * t.aggregate)

    return mixed(brentq(lambda s: information(mixed(s)) - target, 0, 1, xtol=1e-15))


def coupled(t: Tables) -> Tables:
    """A pair with q(x, z) = p(x, z): both marginals kept, x and z rising together."""
    steps = np.minimum.outer(np.cumsum([0, *t.data]), np.cumsum([0, *t.prior]))
    joint = np.diff(np.diff(steps, axis=0), axis=1)
    encoder = joint / t.data[:, None]
    return replace(t, encoder=encoder, decoder=(joint / t.prior).T)


def matched(t: Tables, target: float) -> Tables:
    """A pair with q(x, z) = p(x, z) and I_q = target."""
    pair = with_information(coupled(t), target)
    return replace(pair, decoder=(pair.q / pair.aggregate).T)
