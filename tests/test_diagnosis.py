"""Findings on codes whose fault is known; false alarms and power; what may come in."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from infovae_core import diagnose, metrics, rulers
from infovae_core.diagnosis import (
    Diagnosis,
    IntakeError,
    finding,
    intake,
    own_kernel,
    perfect,
    rules,
    sight,
)
from infovae_core.diagnosis import readings as read
from infovae_core.diagnosis.facts import Facts
from infovae_core.kernels import Kernel
from infovae_core.prices import mean_norm


def normal(n: int, d: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(1000 * d + seed)
    return torch.randn(n, d, generator=generator, dtype=dtype)


@pytest.fixture
def all_matches():
    """Simulate as many matches as a user gets."""


@pytest.fixture(autouse=True)
def few(request, monkeypatch):
    """As few simulated matches as a test at 5 % needs, but where their number matters."""
    if "all_matches" not in request.fixturenames:
        monkeypatch.setattr(perfect, "REPETITIONS", ((99, math.inf),))


def quick(codes: object, **options: object) -> Diagnosis:
    """Without the classifier, which takes longer than all else of a small sample."""
    return diagnose(codes, **{"classifier": False, **options})  # type: ignore[arg-type]


# The finding that codes must get ------------------------------------------------------------------


def along_one(z: Tensor, by: float) -> Tensor:
    out = z.clone()
    out[:, 0] *= by
    return out


def clusters(z: Tensor) -> Tensor:
    """Four of them, with mean 0 and variance near 1 in all."""
    n, d = z.shape
    centres = normal(4, d, 99)
    centres = (centres - centres.mean(0)) / centres.std(0, correction=0)
    return math.sqrt(0.92) * centres[torch.arange(n) % 4] + math.sqrt(0.08) * z


FAULTS = {
    "shifted": lambda z: z + 0.5,
    "too small": lambda z: 0.7 * z,
    "too large": lambda z: 1.4 * z,
    "correlated": lambda z: math.sqrt(0.7) * z + math.sqrt(0.3) * normal(len(z), 1, 77),
    "collapsed": torch.zeros_like,
    "escaped": lambda z: 20 * z,
    "clustered": clusters,
    "duplicated": lambda z: z[: len(z) // 2].repeat(2, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("n", "d", "samples"), [(200, 1, 1), (200, 2, 1), (100, 16, 3), (100, 128, 1), (60, 512, 1)]
)
def test_codes_with_a_fault_get_its_finding(fault, n, d, samples):
    """At every dimension, and in each of several samples."""
    if fault == "correlated" and d == 1:
        return
    for seed in range(samples):
        found = quick(FAULTS[fault](normal(n, d, seed)))
        assert fault in found.kinds, f"{seed}: {found}"
        assert "matched" not in found.kinds


@pytest.mark.parametrize(
    ("codes", "kind", "words"),
    [
        (along_one(normal(100, 8), 12), "escaped", "in 1 of 8 principal directions, most in the d"),
        (along_one(normal(100, 8), 0), "collapsed", "1 dimension of 8 hardly vary.*: 0"),
        (normal(100, 8)[:, [0, 1, 2, 0, 4, 5, 6, 7]], "collapsed", "in 1 direction of 8, across"),
        (normal(100, 8) + 50, "shifted", "have left the prior together"),
        (torch.ones(300, 8), "collapsed", "all codes lie at one point"),
        (along_one(normal(100, 8), 2), "too large", "too large|spread .* more"),
        (along_one(along_one(normal(100, 2), 1.5).flip(1), 0.5), "too small|too large", "1 d|sp"),
        (0.98 * normal(100, 20).sign() + 0.2 * normal(100, 20, 5), "unlike in shape", "tells"),
    ],
)  # fmt: skip
def test_a_finding_says_where(codes, kind, words):
    found = [one for one in quick(codes).findings if one.kind in kind.split("|")]
    assert len(found) == 1
    assert re.search(words, found[0].text), found[0].text


def test_labels_tell_what_the_clusters_are():
    z = normal(200, 4)
    labels = np.array(list("abcd"))[np.arange(200) % 4]
    found = quick(clusters(z), labels=labels)
    (crowd,) = (one for one in found.findings if one.kind == "clustered")
    assert f"{found.facts.class_share:.0%} of the variance lies between the classes" in crowd.text
    centred = clusters(z) - clusters(z).mean(0)
    within = sum(float((c - c.mean(0)).square().sum()) for c in (centred[k::4] for k in range(4)))
    assert found.facts.class_share == pytest.approx(1 - within / float(centred.square().sum()))


# False alarms and power ---------------------------------------------------------------------------


def rejected(law, n: int, d: int, count: int) -> int:
    return sum(quick(law(normal(n, d, seed))).differs for seed in range(count))


@pytest.mark.usefixtures("all_matches")
def test_a_match_is_called_something_else_in_five_cases_of_a_hundred():
    """400 samples: 20 are expected, and 12 to 28 are 3 to 7 %."""
    false = [quick(normal(40, 3, seed)) for seed in range(400)]
    alarms = [one for one in false if one.differs]
    assert 12 <= len(alarms) <= 28
    assert all(one.kinds == ("matched",) for one in false if not one.differs)
    assert all("matched" not in one.kinds for one in alarms)


@pytest.mark.parametrize(
    ("law", "least"),
    [
        (lambda z: z + 0.35, 0.9),
        (lambda z: 0.75 * z, 0.9),
        (lambda z: 1.3 * z, 0.9),
        (lambda z: z.sign() * 0.9 + 0.4 * z.flip(0), 0.9),
    ],
)
def test_what_a_sample_can_show_is_seen(law, least):
    """Power at 100 codes in 3 dimensions."""
    assert rejected(law, 100, 3, 20) >= 20 * least


# Perfect matches ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_matches")
def test_exact_laws_are_those_of_simulated_matches():
    n, d, count = 60, 4, 999
    kernels = {"mmd2": (Kernel("rbf", (1.0,)), n), "energy": (Kernel("energy"), n)}
    found = perfect.perfect(n, d, kernels)
    values = dict(
        zip(
            perfect.columns([kernel for kernel, _ in kernels.values()]),
            perfect.simulated(n, d, tuple(k for k, _ in kernels.values()), count).T,
            strict=True,
        )
    )
    for name, column in (
        ("ks", "ks"),
        ("gaussian_kl", "gaussian_kl"),
        ("norm_ratio", "norm_ratio"),
        ("mmd2", "kernel 0"),
        ("energy", "kernel 1"),
        ("correlation", "correlation"),
        ("sliced_wasserstein", "sliced_wasserstein"),
    ):
        law = found.laws[name]
        beyond = np.mean([law.excess(value) > 1 for value in values[column]])
        assert beyond == pytest.approx(0.05, abs=0.021), name
    size = values["norm_ratio"]
    assert size.mean() == pytest.approx(mean_norm(1, d) / 2, abs=4 * size.std() / math.sqrt(count))
    assert values["kernel 0"].std() == pytest.approx(Kernel("rbf").noise(d, n), rel=0.1)
    assert values["kernel 1"].std() == pytest.approx(Kernel("energy").noise(d, n), rel=0.1)
    assert values["correlation"].mean() == pytest.approx(1 / (n - 1), rel=0.05)
    assert values["correlation"].std() == pytest.approx(
        perfect.correlation_deviation(n, d), rel=0.1
    )


def test_a_larger_sample_has_the_same_law_on_another_scale():
    """A few samples of 2,000 against the floors that are taken from samples of 500."""
    kernels = {"wide": (Kernel("rbf", (2.0,)), 2000), "energy": (Kernel("energy"), 2000)}
    laws = perfect.perfect(2000, 2, kernels).laws
    listed = tuple(kernel for kernel, _ in kernels.values())
    rows = perfect.simulated(2000, 2, listed, 40)
    for name, column in (("wide", 0), ("energy", 1), ("sliced_wasserstein", 2)):
        beyond = np.mean([laws[name].excess(value) > 1 for value in rows[:, column]])
        assert beyond <= 0.2
        assert np.median(rows[:, column]) < laws[name].floor
    sliced = rows[:, 2]
    assert laws["sliced_wasserstein"].centre == pytest.approx(np.median(sliced), rel=0.15)


def test_the_aucs_law_is_mann_and_whitneys():
    law = perfect.auc_law(40, 50)
    u = stats.mannwhitneyu
    generator = np.random.default_rng(0)
    drawn = [u(*np.split(generator.normal(size=90), [40])).statistic / 2000 for _ in range(2000)]
    assert np.mean(np.array(drawn) > law.floor) == pytest.approx(0.05, abs=0.015)


def test_p_values_are_those_of_the_step_down_procedure():
    excess = np.array([[0.1, 0.5], [0.9, 0.2], [0.3, 0.3], [2.0, 0.0]])
    null = perfect.Perfect({}, excess, ("a", "b"))
    found = null.p_values({"a": 1.0, "b": 0.4, "unknown": 9.0})
    # The larger against the larger of both: one of four reaches 1; then b alone.
    assert found == {"a": pytest.approx(2 / 5), "b": pytest.approx(2 / 5)}
    assert null.p_values({"a": math.inf, "b": math.nan}) == {"a": pytest.approx(1 / 5)}
    # The smaller has no smaller p-value than the larger.
    assert null.p_values({"a": 0.2, "b": 0.6})["a"] == pytest.approx(4 / 5)


def test_the_escape_reading_of_the_median_rule_is_that_of_far_codes():
    for d in (2, 20):
        codes = 1e5 * normal(1000, d)
        ((found, _),) = rulers.mmd2(codes, [Kernel("rbf", (read.median_of(codes) ** 2,))])
        assert found == pytest.approx(read.median_escape(d), rel=0.05)


# The kernel of one's own --------------------------------------------------------------------------


def test_the_answer_to_an_mmd_near_zero_with_samples_of_noise():
    """Field case: σ = 1 at d = 20, codes that left."""
    found = quick(30 * normal(100, 20), bandwidth=1.0)
    assert found.kinds == ("escaped", "kernel reads escape")
    own = found["own"]
    assert own.value == pytest.approx(3**-10, rel=1e-3)
    assert own.share == pytest.approx(1, rel=1e-3)
    assert (
        f"at d = 20 your reading of {own.value:.2g} equals total escape" in found.findings[1].text
    )
    assert "σ = 4.47" in found.findings[1].advice
    assert found["mmd2_sqrt_d"].share == pytest.approx(1, rel=1e-2)


def test_a_kernel_that_is_too_narrow_for_its_sample_is_called_blind():
    found = quick(normal(100, 64), bandwidth=1.0)
    assert "blind kernel" in found.kinds
    assert "MMD², σ = 1 at d = 64" in str(found)
    assert found["own"].blind
    assert not found["mmd2_sqrt_d"].blind
    assert found["mmd2_sqrt_d"].escape == pytest.approx(math.exp(-1), rel=0.02)


@pytest.mark.parametrize(
    ("options", "kernel"),
    [
        ({"bandwidth": 2}, Kernel("rbf", (4.0,))),
        ({"bandwidth": "sqrt_d"}, Kernel("rbf", (3.0,))),
        ({"bandwidth": [1.0, 2.0]}, Kernel("rbf", (1.0, 4.0))),
        ({"kernel": "imq"}, Kernel("imq", (6.0,))),
        ({"kernel": "imq", "bandwidth": 1.5}, Kernel("imq", (1.5,))),
    ],
)
def test_the_kernel_is_read_as_the_divergences_do(options, kernel):
    codes = intake.sample(normal(50, 3))
    given = {"kernel": "rbf", "bandwidth": None} | options
    own = own_kernel(given["kernel"], given["bandwidth"], codes)
    assert own is not None and own.kind == kernel.kind
    assert own.scales == pytest.approx(kernel.scales)
    assert sight.described(kernel) in quick(codes.z, **options)["own"].title


def test_a_median_bandwidth_is_that_of_the_metrics():
    codes = 3 + normal(50, 3)
    own = own_kernel("rbf", "median", intake.sample(codes))
    assert own is not None
    draws = torch.randn(50, 3, generator=read.generator(0, "median"), dtype=torch.float64)
    assert own.scales[0] ** 0.5 == pytest.approx(metrics.median_bandwidth(codes, draws))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "laplace"}, "unknown kernel 'laplace': choose from rbf, imq"),
        ({"bandwidth": "sqrtd"}, "unknown bandwidth rule 'sqrtd'.* Did you mean 'sqrt_d'"),
        ({"bandwidth": -1.0}, "positive finite number"),
        ({"kernel": "imq", "bandwidth": "median"}, "unknown kernel scale 'median'"),
        ({"batch_size": 1}, "a minibatch has at least 2 codes, got 1"),
    ],
)
def test_a_kernel_that_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        quick(normal(30, 2), **options)


# The posterior ------------------------------------------------------------------------------------


def test_posterior_collapse_is_told_unit_by_unit():
    """Field case: codes that match the prior and carry nothing."""
    mu = normal(200, 4) * torch.tensor([1.0, 0.0, 0.0, 0.5])
    logvar = (1 - torch.tensor([1.0, 0.0, 0.0, 0.25])).clamp_min(0.05).log().expand(200, 4)
    z = mu + torch.exp(logvar / 2) * normal(200, 4, 3)
    found = quick(z, mu=mu, logvar=logvar)
    assert found.posterior is not None
    assert found.posterior.active == (0, 3)
    kl = metrics.code_statistics(z, mu, torch.zeros(200))["active_units"]
    assert kl == 2
    (said,) = (one for one in found.findings if one.kind == "posterior collapse")
    assert "2 of 4 units are not active" in said.text and "in 1 and 2" in said.text
    noise = quick(normal(200, 4), mu=0 * mu, logvar=0 * mu)
    assert "no unit is active" in next(f for f in noise.findings if "post" in f.kind).text
    assert noise.posterior is not None
    assert noise.posterior.information == pytest.approx(0, abs=1e-9)


def test_information_at_log_n_is_called_a_bound():
    mu = 5 * normal(100, 3)
    found = quick(mu, mu=mu, logvar=torch.full_like(mu, -20))
    assert found.posterior is not None
    assert found.posterior.information == pytest.approx(math.log(100), abs=1e-6)
    assert "information at its bound" in found.kinds
    assert "at most log 100" in str(found)


# What comes in ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codes",
    [
        normal(30, 3).numpy(),
        normal(30, 3, dtype=torch.float32),
        normal(30, 3).half(),
        normal(30, 3).bfloat16(),
        normal(30, 3).numpy().astype(np.float16),
        (5 * normal(30, 3)).long(),
        normal(30, 3).numpy().tolist(),
        normal(30, 1)[:, 0],
        normal(25, 60),
        torch.zeros(20, 2),
        torch.zeros(20, 1),
        torch.full((40, 3), 1e40, dtype=torch.float64),
        normal(30, 3).requires_grad_(),
        1e-30 * normal(30, 3),
        1e12 + normal(30, 3),
        (normal(30, 3) > 0).numpy(),
    ],
    ids=lambda c: f"{getattr(c, 'dtype', 'list')}",
)
def test_degenerate_codes_have_a_value_and_no_nan_in_silence(codes):
    found = quick(codes, bandwidth="median")
    for one in found.readings:
        unknown = one.name in ("correlation", "effective_rank")
        assert not math.isnan(one.value) or unknown, one
        assert one.p is None or 0 < one.p <= 1
    assert "nan" not in str(found)
    assert found.findings


def test_half_precision_reads_as_the_same_values_in_double():
    codes = normal(60, 3).half()
    first, second = quick(codes), quick(codes.double())
    assert [one.value for one in first.readings] == pytest.approx(
        [one.value for one in second.readings], rel=1e-6, abs=1e-9
    )
    assert first.kinds == second.kinds


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"codes": normal(19, 2)}, "expected at least 20 codes, got 19"),
        ({"codes": torch.zeros(16, 4, 25, 40)}, r"shape \(n, d\), .* got \(16, 4, 25, 40\): flat"),
        ({"codes": torch.zeros(30, 0)}, r"got the empty \(30, 0\)"),
        ({"codes": torch.zeros(30, 5000)}, "at most 4,096 dimensions, got 5,000"),
        ({"codes": normal(30, 2).log()}, "values are not finite, the first nan in row"),
        ({"codes": torch.full((30, 2), math.inf)}, "60 of the codes' values are not finite, the"),
        ({"codes": 1e60 * torch.ones(30, 2, dtype=torch.float64)}, "squares would overflow"),
        ({"codes": torch.zeros(30, 2, dtype=torch.complex64)}, "real and dense, got torch.com"),
        ({"codes": [["a", "b"]] * 30}, "real numbers, got an array of type <U1"),
        ({"codes": normal(30, 2), "mu": normal(30, 2)}, "mu is given without logvar"),
        ({"codes": normal(30, 2), "logvar": normal(30, 2)}, "logvar is given without mu"),
        (
            {"codes": normal(30, 2), "mu": normal(30, 3), "logvar": normal(30, 3)},
            r"mu of the codes' shape \(30, 2\), got \(30, 3\)",
        ),
        ({"codes": normal(30, 2), "labels": [1, 2]}, "a label for each of 30 codes, got 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_diagnosed_is_refused_in_a_sentence(given, message):
    with pytest.raises(IntakeError, match=message):
        quick(**given)


def test_a_diagnosis_repeats_itself_and_leaves_the_callers_randomness_alone():
    codes = normal(40, 2)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with torch.no_grad():
        first = diagnose(codes)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.rand(1), expected)
    perfect._KEPT.clear()
    assert str(diagnose(codes)) == str(first)
    assert first["classifier_auc"].p is not None
    with pytest.raises(KeyError, match="no ruler 'aucc' here: mmd2, "):
        first["aucc"]


def test_a_large_sample_is_read_by_kernels_in_part_and_says_so(monkeypatch):
    monkeypatch.setattr(read, "PAIRS", 100**2)
    found = quick(2 + normal(400, 2))
    assert found["mmd2"].codes == 100
    assert found["norm_ratio"].codes == 400
    assert found["mmd2"].error is not None
    whole = Kernel("rbf", (1.0,)).mmd2(2, 1, 2 * math.sqrt(2))
    assert found["mmd2"].value == pytest.approx(whole, abs=4 * found["mmd2"].error)
    assert "(100 codes)" in str(found)


def test_progress_is_told_part_by_part():
    perfect._KEPT.clear()
    told: list[tuple[str, float]] = []
    quick(normal(30, 2), tick=lambda part, share: told.append((part, share)))
    assert {"kernels", "perfect matches", "neighbours"} <= {part for part, _ in told}
    assert all(0 <= share <= 1 for _, share in told)


# Rules alone --------------------------------------------------------------------------------------


def of(**changes: object) -> Facts:
    """Facts of a perfect match, with changes."""
    d = 3
    plain = Facts(
        n=1000, d=d, mean=np.zeros(d), sd=np.ones(d), spectrum=np.ones(d), axes=np.eye(d),
        correlation=1 / 999, worst_pair=(0, 1, 0.0), copies=0, crowding=(1.0, 0.5),
        class_share=None, ks=np.zeros(d),
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_no_rule_finds_a_cause_in_a_match():
    assert [rule(of()) for rule in rules.CAUSES] == [None] * len(rules.CAUSES)
    assert rules.duplicated(of()) is None


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("collapsed", {"sd": np.array([1, 1, 0.09])}),
        ("escaped", {"spectrum": np.array([20.0, 1, 1])}),
        ("too small", {"sd": np.full(3, 0.9)}),
        ("too large", {"sd": np.full(3, 1.1)}),
        ("too large", {"sd": np.array([1.2, 1.0, 0.8])}),
        ("shifted", {"mean": np.array([0.2, 0, 0])}),
        ("correlated", {"correlation": 0.01, "worst_pair": (0, 2, -0.17)}),
        ("clustered", {"crowding": (0.8, 0.01)}),
    ],
)
def test_each_rule_finds_its_cause_and_no_other(kind, changes):
    found = [one for rule in rules.CAUSES if (one := rule(of(**changes))) is not None]
    if changes.get("sd") is not None and set(changes["sd"]) == {1.2, 1.0, 0.8}:
        assert "though not on the whole" in found[0].text
        return
    assert [one.kind for one in found] == [kind]


def test_numbers_of_dimensions_are_listed_in_short():
    assert finding.listed([3]) == "3"
    assert finding.listed([3, 5]) == "3 and 5"
    assert finding.listed(range(3)) == "0, 1 and 2"
    assert finding.listed(range(40)) == "0, 1, 2, 3, 4, 5, 6, 7, … (40 in all)"
