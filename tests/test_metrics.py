"""The rulers: on codes of known distribution they read what theory says, and slow loops agree."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from infovae_core import divergences, metrics
from infovae_core.metrics import ValidationMMD
from infovae_core.study import curves


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, d, generator=stream(seed), dtype=dtype)


# Codes by what went wrong with them: (n, d) → (n, d).
FAULTS = {
    "ideal": lambda z: z,
    "collapsed": torch.zeros_like,
    "shifted": lambda z: z + 1.5,
    "scaled": lambda z: 3 * z,
    "duplicated": lambda z: z[: len(z) // 2].repeat(2, 1),
    "escaped": lambda z: 1e4 * z,
}


# Validation MMD -----------------------------------------------------------------------------------


def loop(ruler: ValidationMMD, codes: Tensor, bandwidth: float) -> list[float]:
    """MMD² of each minibatch, one at a time, in double precision."""
    return [
        float(divergences.mmd(codes[rows].double(), prior.double(), bandwidth=bandwidth))
        for rows, prior in zip(ruler.indices, ruler.prior, strict=True)
    ]


@pytest.mark.parametrize("chunk", [1, 3 * 32**2, 1 << 19])
@pytest.mark.parametrize("bandwidth", [1.0, 2.5])
@pytest.mark.parametrize("fault", FAULTS)
def test_validation_mmd_is_the_loop_over_minibatches(monkeypatch, fault, bandwidth, chunk):
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    codes = FAULTS[fault](normal(100, 3, dtype=torch.float32))
    ruler = ValidationMMD(100, 7, 32, 3, stream(1), bandwidth=bandwidth)
    expected = loop(ruler, codes, bandwidth)
    assert ruler.per_batch(codes).dtype == torch.float64
    assert_allclose(ruler.per_batch(codes).numpy(), expected, rtol=0, atol=2e-6)
    found = ruler(codes)
    assert found.keys() == {"val_mmd2", "val_mmd"}
    assert found["val_mmd2"] == pytest.approx(np.mean(expected), abs=2e-6)
    root = np.mean(np.sqrt(np.maximum(ruler.per_batch(codes).numpy(), 0)))
    assert found["val_mmd"] == pytest.approx(root, abs=1e-12)


@pytest.mark.parametrize("d", [1, 2, 10, 40])
def test_validation_mmd_is_near_zero_on_the_prior(d):
    ruler = ValidationMMD(3000, 40, 128, d, stream(1))
    values = ruler.per_batch(normal(3000, d, dtype=torch.float32))
    assert abs(values.mean()) < 5 * values.std() / math.sqrt(len(values))
    # An unbiased estimate of zero is below it about half the time.
    assert 0 < (values < 0).float().mean() < 1
    assert ruler(normal(3000, d, dtype=torch.float32))["val_mmd"] > 0


@pytest.mark.parametrize("d", [2, 5, 10])
def test_total_escape_reads_the_prior_term_alone(d):
    # All that is left is E k(y, y') = (σ²/(2 + σ²))^(d/2): at σ = 1 the root reads 3^(-d/4).
    ruler = ValidationMMD(500, 60, 128, d, stream(1))
    found = ruler(1e6 * normal(500, d, dtype=torch.float32))
    assert found["val_mmd"] == pytest.approx(3 ** (-d / 4), rel=0.04)
    assert found["val_mmd2"] == pytest.approx(3 ** (-d / 2), rel=0.04)
    assert found["val_mmd2"] == pytest.approx(float(ruler.prior_term.mean()), abs=1e-7)


@pytest.mark.parametrize("d", [2, 8])
def test_collapse_reads_its_closed_form(d):
    ruler = ValidationMMD(200, 60, 100, d, stream(1))
    found = ruler(torch.zeros(200, d))
    assert found["val_mmd2"] == pytest.approx(1 - 2 * 2 ** (-d / 2) + 3 ** (-d / 2), rel=0.03)


def test_the_minibatches_are_fixed_and_without_replacement():
    first, second, other = (ValidationMMD(50, 6, 20, 2, stream(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.indices, second.indices)
    assert torch.equal(first.prior, second.prior)
    assert not torch.equal(first.indices, other.indices)
    assert not torch.equal(first.prior, other.prior)
    assert first.indices.shape == (6, 20)
    for rows in first.indices:
        assert len(rows.unique()) == 20
        assert 0 <= rows.min() <= rows.max() < 50
    assert len({tuple(sorted(rows.tolist())) for rows in first.indices}) == 6
    assert not torch.equal(first.prior[0], first.prior[1])
    codes = normal(50, 2, dtype=torch.float32)
    assert first(codes) == second(codes) == first(codes)


@pytest.mark.parametrize("chunk", [1, 1 << 19])
def test_rulers_of_a_stack_measure_each_its_own_codes(monkeypatch, chunk):
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    dims = (2, 5, 3)
    rulers = [ValidationMMD(50, 6, 20, d, stream(d)) for d in dims]
    codes = [normal(50, d, seed, torch.float32) + seed for seed, d in enumerate(dims)]
    padded = torch.cat([torch.nn.functional.pad(z, (0, 5 - z.shape[1])) for z in codes])
    before = [ruler.indices.clone() for ruler in rulers]
    found = ValidationMMD.of_stack(rulers).per_batch(padded).view(3, 6)
    for ruler, z, row, indices in zip(rulers, codes, found, before, strict=True):
        assert_allclose(row.numpy(), ruler.per_batch(z).numpy(), atol=1e-6)
        assert torch.equal(ruler.indices, indices)
    assert (found.mean(1).diff() > 0.01).any()


@pytest.mark.parametrize("other", [{"n": 60}, {"batches": 7}, {"size": 10}, {"bandwidth": 2.0}])
def test_rulers_of_unlike_kind_are_no_stack(other):
    alike = {"n": 50, "batches": 6, "size": 20, "latent_dim": 2, "bandwidth": 1.0}
    rulers = [ValidationMMD(**chosen, generator=stream()) for chosen in (alike, alike | other)]
    with pytest.raises(ValueError, match="equally many images, with one bandwidth; these are of 2"):
        ValidationMMD.of_stack(rulers)


def test_a_minibatch_of_all_images_is_allowed_and_of_more_is_not():
    assert (
        ValidationMMD(20, 2, 20, 2, stream()).indices.sort(1).values.tolist()
        == [list(range(20))] * 2
    )
    with pytest.raises(ValueError, match="validation minibatch takes 21 images, and there are 20"):
        ValidationMMD(20, 2, 21, 2, stream())


# MMD of all codes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 1000, 1 << 19])
@pytest.mark.parametrize("bandwidth", [0.5, 1.0, math.sqrt(3)])
@pytest.mark.parametrize("fault", FAULTS)
def test_mmd2_by_chunks_is_mmd_with_the_exact_prior(monkeypatch, fault, bandwidth, chunk):
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    codes = FAULTS[fault](normal(150, 3))
    expected = divergences.mmd(codes, codes, bandwidth=bandwidth, prior="exact")
    # Codes at 1e4 have squares whose rounding a kernel sees.
    tolerance = 1e-9 if fault == "escaped" else 1e-13
    assert metrics.mmd2(codes, bandwidth) == pytest.approx(float(expected), rel=0, abs=tolerance)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.0, 1.0), (0.0, 2.0), (0.7, 0.5)])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_mmd2_of_a_gaussian_is_its_closed_form(shift, scale, sigma):
    d, s2, v = 3, sigma**2, scale**2
    expected = (
        (s2 / (s2 + 2 * v)) ** (d / 2)
        - 2 * (s2 / (1 + s2 + v)) ** (d / 2) * math.exp(-d * shift**2 / (2 * (1 + s2 + v)))
        + (s2 / (2 + s2)) ** (d / 2)
    )
    found = [metrics.mmd2(shift + scale * normal(1000, d, seed), sigma) for seed in range(10)]
    error = np.std(found) / math.sqrt(len(found))
    assert error < 0.005
    assert np.mean(found) == pytest.approx(expected, abs=4 * error)


def test_mmd2_works_in_double_precision():
    codes = normal(200, 2, dtype=torch.float32)
    assert metrics.mmd2(codes, 1.0) == metrics.mmd2(codes.double(), 1.0)


def test_the_median_bandwidth_is_the_median_of_pooled_distances():
    codes, draws = 2 + normal(40, 3), normal(31, 3, 1)
    pairs = np.sort(pdist(torch.cat([codes, draws]).numpy()))
    expected = pairs[(len(pairs) - 1) // 2]
    assert metrics.median_bandwidth(codes, draws) == pytest.approx(expected)


def test_the_median_bandwidth_takes_a_thousand_points_of_each():
    codes, draws = normal(1002, 1), normal(1003, 1, 1)
    found = metrics.median_bandwidth(codes, draws)
    assert found == metrics.median_bandwidth(codes[:1000], draws[:1000])
    codes[1000:], draws[1000:] = 1e9, -1e9
    assert found == metrics.median_bandwidth(codes, draws)


# Energy distance ----------------------------------------------------------------------------------


def test_the_energy_distance_by_rows_is_that_of_whole_matrices(monkeypatch):
    codes, draws = 2 + normal(60, 3), normal(50, 3, 1)
    whole = metrics.energy_distance(codes, draws)
    assert whole == float(divergences.cramer(codes, draws))
    monkeypatch.setattr(metrics, "CHUNK", 7)
    assert metrics.energy_distance(codes, draws) == pytest.approx(whole, rel=1e-12)


# Sliced Wasserstein -------------------------------------------------------------------------------


def levels(n: int) -> Tensor:
    """The n standard normal quantiles at the middles of n equal parts."""
    return torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(n).double() + 0.5) / n)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (2.0, 1.0), (0.0, 3.0), (-1.0, 0.5)])
def test_sliced_wasserstein_on_the_line_is_exact(shift, scale):
    # W₂² between quantile functions: ∫(m + s q − q)² = m² + (s − 1)² ∫ q².
    q = levels(500)
    codes = (shift + scale * q)[torch.randperm(500, generator=stream())][:, None]
    expected = math.sqrt(shift**2 + (scale - 1) ** 2 * float(q.square().mean()))
    assert metrics.sliced_wasserstein(codes, stream()) == pytest.approx(expected, abs=1e-6)


def test_sliced_wasserstein_of_a_shift_is_its_length_over_root_d():
    # A direction sees the shift's component, whose mean square is |m|²/d.
    shift = torch.tensor([3.0, 0.0, -1.0, 2.0]).double()
    found = metrics.sliced_wasserstein(normal(2000, 4) + shift, stream(), projections=4000)
    assert found**2 == pytest.approx(float(shift.square().sum()) / 4, rel=0.04)


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0])
def test_sliced_wasserstein_of_a_scale_is_its_difference_to_one(scale):
    found = metrics.sliced_wasserstein(scale * normal(4000, 5), stream())
    assert found == pytest.approx(abs(scale - 1), rel=0.03)


def test_sliced_wasserstein_of_the_prior_is_small_and_shrinks_with_n():
    few, many = (metrics.sliced_wasserstein(normal(n, 6), stream()) for n in (100, 6400))
    assert 0 < many < 0.05
    assert many < few / 3


def test_sliced_wasserstein_is_a_loop_over_directions():
    codes = normal(50, 3, dtype=torch.float32) + 1
    directions = torch.randn(3, 20, generator=stream(5), dtype=torch.float64)
    squares = []
    for direction in directions.T:
        projected = codes.double() @ (direction / direction.norm())
        squares.append(float((projected.sort().values - levels(50)).square().mean()))
    found = metrics.sliced_wasserstein(codes, stream(5), projections=20)
    assert found == pytest.approx(math.sqrt(np.mean(squares)), abs=1e-6)


# KL of the fitted Gaussian ------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 7])
def test_gaussian_kl_is_pytorchs_for_the_sample_moments(d):
    root = torch.tril(normal(d, d, 1)) + 2 * torch.eye(d)
    mean = normal(1, d, 2)
    x = normal(300, d)
    x = x - x.mean(0)
    whitened = torch.linalg.solve_triangular(
        torch.linalg.cholesky(x.T @ x / 299), x.T, upper=False
    ).T
    codes = whitened @ root.T + mean
    prior = MultivariateNormal(torch.zeros(d).double(), torch.eye(d).double())
    expected = kl_divergence(MultivariateNormal(mean[0], scale_tril=root), prior)
    assert metrics.gaussian_kl(codes) == pytest.approx(float(expected), rel=1e-9)


def test_gaussian_kl_is_that_of_the_law_for_many_codes():
    codes = 0.5 * normal(100_000, 3) + torch.tensor([1.0, 0.0, -2.0])
    law = MultivariateNormal(torch.tensor([1.0, 0.0, -2.0]), 0.25 * torch.eye(3))
    expected = kl_divergence(law, MultivariateNormal(torch.zeros(3), torch.eye(3)))
    assert metrics.gaussian_kl(codes) == pytest.approx(float(expected), rel=0.02)


def test_gaussian_kl_of_the_prior_is_its_bias():
    n, d = 400, 10
    found = np.mean([metrics.gaussian_kl(normal(n, d, seed)) for seed in range(40)])
    assert found == pytest.approx(d * (d + 3) / (4 * n), rel=0.1)


@pytest.mark.parametrize("d", [1, 3])
def test_gaussian_kl_is_infinite_where_a_dimension_collapsed(d):
    codes = normal(50, d)
    codes[:, -1] = 0.25
    assert metrics.gaussian_kl(codes) == math.inf
    assert metrics.gaussian_kl(torch.zeros(50, d)) == math.inf


# Classifier ---------------------------------------------------------------------------------------


def auc(fault: str, n: int = 1500, d: int = 4, seed: int = 0) -> float:
    return metrics.classifier_auc(FAULTS[fault](normal(n, d)), normal(n, d, 1), seed)


def test_a_classifier_cannot_tell_the_prior_from_itself():
    assert auc("ideal") == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("fault", "least"), [("shifted", 0.95), ("scaled", 0.9), ("collapsed", 0.999), ("escaped", 1)]
)
def test_a_classifier_tells_other_codes_from_the_prior(fault, least):
    assert auc(fault) >= least


def test_a_classifier_judges_what_it_has_not_fitted():
    # On its own examples of the prior twice over, a tree would be right far more often.
    assert auc("ideal", n=60, d=1) < 0.75


def test_a_classifier_repeats_itself_by_seed():
    assert auc("scaled", 200) == auc("scaled", 200)
    assert auc("scaled", 200) != auc("scaled", 200, seed=1)


def test_a_classifier_takes_samples_of_unequal_size():
    assert metrics.classifier_auc(normal(300, 2) + 20, normal(150, 2, 1)) == 1


# All of them --------------------------------------------------------------------------------------


def test_alignment_asks_every_ruler():
    codes = normal(300, 4, dtype=torch.float32) + 0.5
    found = metrics.alignment(codes, stream(7))
    generator = stream(7)
    draws = torch.randn(300, 4, generator=generator)
    assert found == {
        "mmd2_sqrt_d": metrics.mmd2(codes, 2.0),
        "mmd2_median": metrics.mmd2(codes, metrics.median_bandwidth(codes, draws)),
        "energy_distance": float(divergences.cramer(codes, draws)),
        "sliced_wasserstein": metrics.sliced_wasserstein(codes, generator),
        "gaussian_kl": metrics.gaussian_kl(codes),
        "classifier_auc": metrics.classifier_auc(codes, draws),
    }


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"ideal", "duplicated"}))
def test_every_ruler_sees_every_fault(fault):
    ideal = normal(800, 3, dtype=torch.float32)
    good = metrics.alignment(ideal, stream(1))
    bad = metrics.alignment(FAULTS[fault](ideal), stream(1))
    for name, value in bad.items():
        assert value > good[name] + 0.02, name
    assert all(abs(value - 0.5 * (name == "classifier_auc")) < 0.1 for name, value in good.items())


# Codes --------------------------------------------------------------------------------------------


def test_code_statistics_are_numpys():
    z, mu = normal(200, 3, dtype=torch.float32) * 2 + 1, normal(200, 3, 1)
    kl = normal(200, 1, 2)[:, 0].square()
    found = metrics.code_statistics(z, mu, kl)
    x = z.double().numpy()
    assert found["norm_ratio"] == pytest.approx(np.linalg.norm(x, axis=1).mean() / math.sqrt(3))
    assert_allclose(found["code_mean"], x.mean(0))
    assert_allclose(found["code_std"], x.std(0, ddof=1))
    assert found["kl"] == pytest.approx(float(kl.mean()))
    assert found["active_units"] == 3
    assert found.keys() == {"norm_ratio", "code_mean", "code_std", "kl", "active_units"}


def test_the_norm_ratio_is_one_on_the_prior():
    z = normal(2000, 50)
    assert metrics.code_statistics(z, z, z[:, 0])["norm_ratio"] == pytest.approx(1, abs=0.01)


def test_units_are_active_whose_means_vary_by_more_than_a_hundredth():
    signs = torch.tensor([1.0, -1.0]).repeat(500)[:, None]
    mu = signs * torch.tensor([0.0, 0.09, 0.11, 1.0]) + 5
    statistics = metrics.code_statistics(normal(1000, 4), mu, torch.zeros(1000))
    assert statistics["active_units"] == 2


# Utility and cost ---------------------------------------------------------------------------------


def test_a_labelled_subset_is_balanced_and_without_repetition():
    labels = torch.arange(500) % 7
    chosen = metrics.labelled_subset(labels, 20, stream())
    assert len(chosen) == len(chosen.unique()) == 140
    assert labels[chosen].bincount().tolist() == [20] * 7
    assert torch.equal(chosen, metrics.labelled_subset(labels, 20, stream()))
    assert not torch.equal(chosen, metrics.labelled_subset(labels, 20, stream(1)))


def test_a_labelled_subset_may_be_a_whole_class_and_no_more():
    labels = torch.tensor([0, 3, 3, 0, 3])
    assert labels[metrics.labelled_subset(labels, 2, stream())].tolist() == [0, 0, 3, 3]
    with pytest.raises(ValueError, match="3 labelled images of each class, and class 0 has 2"):
        metrics.labelled_subset(labels, 3, stream())


def labelled_codes(n: int, separation: float, seed: int) -> tuple[Tensor, Tensor]:
    labels = torch.arange(n) % 10
    return separation * torch.eye(10)[labels] + normal(n, 10, seed), labels


def test_the_svm_is_right_on_separable_codes():
    assert metrics.svm_error(*labelled_codes(300, 40, 0), *labelled_codes(200, 40, 1)) == 0


def test_the_svm_guesses_on_codes_without_information():
    error = metrics.svm_error(*labelled_codes(500, 0, 0), *labelled_codes(2000, 0, 1))
    assert error == pytest.approx(0.9, abs=0.03)


def test_the_svm_repeats_itself_and_does_not_mind_the_scale():
    train, labels = labelled_codes(300, 2, 0)
    test, test_labels = labelled_codes(500, 2, 1)
    error = metrics.svm_error(train, labels, test, test_labels)
    assert 0.05 < error < 0.8
    assert error == metrics.svm_error(train, labels, test, test_labels)
    # Beyond what single precision can square.
    far = [(1e25 * x).float() for x in (train, test)]
    assert metrics.svm_error(far[0], labels, far[1], test_labels) == pytest.approx(error, abs=0.01)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([(0, 0.9), (10, 0.5), (20, 0.1), (30, 0.4)], 20),
        ([(0, 0.9), (10, 0.2)], 10),
        ([(0, 0.1), (10, 0.05)], 0),
        ([(0, math.nan), (10, 0.3)], None),
        ([], None),
    ],
)
def test_steps_to_target_is_the_first_step_at_or_below_it(curve, expected):
    assert curves.steps_to_target(curve, 0.2) == expected


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([(0, 0.3), (10, 0.2), (20, 0.1)], 10),
        ([(0, 0.1), (10, 0.3), (20, 0.1), (30, 0.2)], 20),
        ([(0, 0.1), (10, 0.1)], 0),
        ([(0, 0.1), (10, 0.3)], None),
        ([(0, 0.1), (10, math.nan), (20, 0.1)], 20),
        ([(0, 0.1), (10, math.nan)], None),
        ([], None),
    ],
)
def test_steps_to_hold_is_the_step_after_which_the_curve_never_leaves(curve, expected):
    assert curves.steps_to_hold(curve, 0.2) == expected


def test_all_rulers_take_codes_in_any_order():
    codes = normal(300, 3) + 0.3
    turned = codes.flip(0)
    for ruler in (
        lambda z: metrics.mmd2(z, 1.0),
        lambda z: metrics.sliced_wasserstein(z, stream()),
        metrics.gaussian_kl,
    ):
        assert ruler(turned) == pytest.approx(ruler(codes), rel=1e-9)
