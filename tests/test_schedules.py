"""Schedules: controllers by hand, annealing at its corners, and how a run follows them."""

import json
import math
from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infovae_core import data, schedules
from infovae_core.data import Split
from infovae_core.loop import fit
from infovae_core.names import UnknownName
from infovae_core.objectives import Objective, info, preset
from infovae_core.schedules import Moment, Schedule, Weights
from infovae_core.study.experiments import EXPERIMENT1_SCHEDULES
from tests.runs import flat_split, small_run


@pytest.fixture(scope="module")
def digits() -> Split:
    return data.load("digits")


def follow(schedule: Schedule, base: Weights, values: list[float], every: int = 20) -> list:
    """The weights of each period of `every` steps, the signal being `values` in turn."""
    weights, out = base, []
    for period, value in enumerate(values):
        moment = Moment(period * every, len(values) * every, base, weights, lambda _, v=value: v)
        weights = schedule(moment)
        out.append(weights)
    return out


def test_adaptive_lambda_by_hand_with_both_clips_reached():
    # λ ← clip(λ + 5000 (signal − 0.004), [500, 1500]), from the end of the first period on.
    found = follow(
        Schedule("controller", {"gain_lam": 5000.0}),
        Weights(1, 600),
        [9.0, 0.104, 0.004, 0.054, 0.304, 0.0, -0.1, -9.0],
    )
    assert [w.alpha for w in found] == [1] * 8
    by_hand = [600, 1100, 1100, 1350, 1500, 1480, 960, 500]
    assert [w.lam for w in found] == pytest.approx(by_hand, abs=1e-9)


def test_adaptive_alpha_by_hand_with_both_clips_reached():
    # α ← clip(α − 0.7 (signal − 0.004), [1, 3]): a signal above the target lowers α.
    found = follow(
        Schedule("controller", {"gain_alpha": 0.7}),
        Weights(1.5, 500),
        [0.0, 0.504, -0.996, -9.996, 0.004, 1.004, 9.0],
    )
    assert [w.lam for w in found] == [500] * 7
    by_hand = [1.5, 1.15, 1.85, 3.0, 3.0, 2.3, 1.0]
    assert [w.alpha for w in found] == pytest.approx(by_hand, abs=1e-12)


def test_both_controllers_act_as_each_alone():
    values = [0.5, 0.1, 0.02, 0.003, 0.001, 0.0]
    both = Schedule("controller", {"gain_lam": 5000.0, "gain_alpha": 0.7})
    lam = follow(Schedule("controller", {"gain_lam": 5000.0}), Weights(1, 500), values)
    alpha = follow(Schedule("controller", {"gain_alpha": 0.7}), Weights(1, 500), values)
    expected = [Weights(a.alpha, b.lam) for a, b in zip(alpha, lam, strict=True)]
    assert follow(both, Weights(1, 500), values) == expected


def test_a_controller_acts_only_at_its_period_and_asks_for_nothing_between():
    def refuse(name: str) -> float:
        raise AssertionError(f"asked for {name}")

    schedule = Schedule("controller", {"gain_lam": 1.0, "every": 5})
    for step in (0, 1, 4, 6, 9):
        assert schedule(Moment(step, 10, Weights(1, 500), Weights(1, 700), refuse)).lam == 700
    asked = []
    schedule = Schedule("controller", {"gain_lam": 1.0, "every": 5, "signal": "kl"})
    schedule(Moment(5, 10, Weights(1, 500), Weights(1, 700), lambda n: asked.append(n) or 0.0))
    assert asked == ["kl"]


def test_a_signal_that_is_not_a_number_moves_nothing():
    both = Schedule("controller", {"gain_lam": 5000.0, "gain_alpha": 0.7})
    assert follow(both, Weights(1, 600), [0.0, math.nan]) == [Weights(1, 600)] * 2
    assert follow(both, Weights(2, 600), [0.0, math.inf])[-1] == Weights(1, 1500)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.integers(0, 29))
def test_a_sequence_cut_and_continued_is_the_same(values, cut):
    """The state is the weights alone; as JSON it survives being put away."""
    schedule = Schedule("controller", {"gain_lam": 5000.0, "gain_alpha": 0.7})
    whole = follow(schedule, Weights(1, 500), [0.0, *values])
    cut = min(cut, len(values))
    first = follow(schedule, Weights(1, 500), [0.0, *values[:cut]])
    state = Weights(*json.loads(json.dumps(first[-1])))
    again = Schedule(**json.loads(json.dumps(asdict(schedule))))
    # A continued sequence starts at a multiple of the period, where the rule acts at once.
    rest, weights = [], state
    for index, value in enumerate(values[cut:], start=cut + 1):
        moment = Moment(20 * index, 10_000, Weights(1, 500), weights, lambda _, v=value: v)
        weights = again(moment)
        rest.append(weights)
    assert first + rest == whole


def kl_weight(schedule: Schedule, step: int, steps: int, alpha: float = 0.0) -> float:
    base = Weights(alpha, 1000)
    found = schedule(Moment(step, steps, base, base, lambda name: math.nan))
    assert found.lam == 1000
    return 1 - found.alpha


def test_linear_annealing_at_its_corners():
    linear = Schedule("linear_annealing", {"ramp": 0.4})
    expected = {0: 0.0, 100: 0.25, 200: 0.5, 400: 1.0, 401: 1.0, 999: 1.0}
    found = {step: kl_weight(linear, step, 1000) for step in expected}
    assert found == pytest.approx(expected)
    # It rises to the weight of the run's own objective, not to one.
    assert kl_weight(linear, 999, 1000, alpha=0.75) == pytest.approx(0.25)
    assert kl_weight(Schedule("linear_annealing", {"ramp": 1}), 500, 1000) == pytest.approx(0.5)


def test_cyclical_annealing_at_its_corners():
    cyclical = Schedule("cyclical_annealing")
    for cycle in range(4):
        start = 250 * cycle
        expected = {0: 0.0, 25: 0.2, 124: 0.992, 125: 1.0, 249: 1.0}
        found = {step: kl_weight(cyclical, start + step, 1000) for step in expected}
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("options", [{"cycles": 0}, {"ramp": 0}, {"ramp": 1.5}])
def test_annealing_without_a_rise_is_refused(options):
    with pytest.raises(ValueError, match="cycles ≥ 1 and 0 < ramp ≤ 1"):
        kl_weight(Schedule("cyclical_annealing", options), 1, 10)


def test_unknown_schedules_and_options_are_refused():
    with pytest.raises(UnknownName, match="controller"):
        Schedule("controler")
    with pytest.raises(UnknownName, match="gain_lam"):
        Schedule("controller", {"gain_lamb": 1})


@pytest.mark.parametrize("name", schedules.REGISTRY)
def test_every_rule_gives_weights_and_keeps_no_state(name):
    schedule, base = Schedule(name), Weights(0.5, 500)
    moments = [Moment(step, 100, base, base, lambda _: 0.01) for step in (0, 20, 60, 99)]
    found = [schedule(moment) for moment in moments]
    for alpha, lam in found:
        assert math.isfinite(alpha) and math.isfinite(lam) and alpha + lam >= 1
    assert [schedule(moment) for moment in reversed(moments)] == found[::-1]


# In a run -----------------------------------------------------------------------------------------


def test_any_callable_is_a_schedule_once_it_has_a_name(digits, monkeypatch):
    monkeypatch.setattr(schedules, "REGISTRY", dict(schedules.REGISTRY))

    @schedules.register("doubling")
    def doubling(moment: Moment, *, factor: float = 2.0) -> Weights:
        return Weights(1, moment.weights.lam * factor if moment.step else moment.base.lam)

    run = small_run(steps=4, eval_every=1, schedule=Schedule("doubling"))
    found = fit(run, digits, lambda model: {}).evaluations
    assert [point["lam"] for point in found] == [1000, 1000, 2000, 4000, 8000]


def test_the_weights_of_each_update_are_those_of_its_loss(digits):
    base = Objective(alpha=0.0, lam=1000, divergence="mmd")
    schedule = Schedule("linear_annealing", {"ramp": 1})
    run = small_run(objective=base, schedule=schedule, steps=4, eval_every=1)
    result = fit(run, digits, lambda model: {})
    for point, row in zip(result.evaluations[1:], result.curve.double(), strict=True):
        loss, reconstruction, kl, divergence, _ = row.tolist()
        expected = reconstruction + (1 - point["alpha"]) * kl
        expected += (point["alpha"] + point["lam"] - 1) * divergence
        assert loss == pytest.approx(expected, rel=1e-5)
    assert [point["alpha"] for point in result.evaluations] == [0, 1, 0.75, 0.5, 0.25]


def test_a_warm_start_is_a_vae_and_then_the_objective():
    own, vae = Weights(1, 1000), Weights(0, 1)
    schedule = Schedule("warm_start", {"share": 0.3})
    found = [schedule(Moment(step, 10, own, own, signal=float)) for step in range(10)]
    assert found == 3 * [vae] + 7 * [own]
    assert Schedule("warm_start").options == {"share": 0.2}
    for share in (-0.1, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"share.* must be (at least 0 and below 1|finite)"):
            Schedule("warm_start", {"share": share})(Moment(0, 10, own, own, signal=float))


def test_a_warm_start_trains_the_vae_that_it_says(digits):
    """Until the switch its steps are a VAE's, bit for bit, and the next is not."""
    vae = fit(small_run(objective=preset("vae").objective, steps=4), digits).curve
    warm = Schedule("warm_start", {"share": 0.5})
    found = fit(small_run(objective=info("cramer"), schedule=warm, steps=4), digits).curve
    assert torch.equal(found[:2, 1:3], vae[:2, 1:3])
    assert float(found[1, 0]) == float(vae[1, 0])
    assert float(found[2, 0]) != float(vae[2, 0])


def test_a_controller_follows_what_the_evaluations_record(digits):
    readings = iter([1.0, 0.014, 0.024, 0.0])
    options = {"gain_lam": 1000.0, "every": 2, "signal": "reading"}
    base = Objective(alpha=1, lam=500, divergence="mmd")
    run = small_run(objective=base, schedule=Schedule("controller", options), steps=6)
    found = fit(run, digits, lambda model: {"reading": next(readings)}).evaluations
    # The last reading comes after the last update and moves nothing.
    assert [point["lam"] for point in found] == pytest.approx([500, 500, 510, 530])


def test_a_controller_can_follow_the_training_divergence(digits):
    options = {"gain_lam": 1000.0, "every": 1, "signal": "divergence", "target": 0.0}
    base = Objective(alpha=1, lam=1000, divergence="mmd", options={"estimator": "biased"})
    run = small_run(objective=base, schedule=Schedule("controller", options), steps=2, eval_every=1)
    result = fit(run, digits, lambda model: {})
    expected = min(1500, 1000 + 1000 * float(result.curve[0, 3]))
    assert result.evaluations[-1]["lam"] == pytest.approx(expected)


def test_an_unknown_signal_is_refused_with_the_choices(digits):
    options = {"gain_lam": 1.0, "every": 1, "signal": "val_mdm"}
    run = small_run(schedule=Schedule("controller", options))
    with pytest.raises(UnknownName, match="Did you mean 'val_mmd'"):
        fit(run, digits, lambda model: {"val_mmd": 0.0})
    with pytest.raises(UnknownName, match="divergence"):
        fit(run, digits)


def test_weights_that_are_no_objective_stop_the_run_with_a_reason():
    options = {"gain_lam": -1e6, "every": 1, "signal": "kl", "lam_range": (-5.0, 5.0)}
    run = small_run(schedule=Schedule("controller", options), batch_size=4)
    with pytest.raises(ValueError, match="would reward divergence"):
        fit(run, flat_split(4, 1.0))


def test_a_schedule_is_part_of_a_runs_key():
    run = small_run()
    assert "schedule" not in run.spec  # Keys from before there were schedules stay what they were.
    schedules_ = [one.schedule for one in EXPERIMENT1_SCHEDULES.values() if one.schedule]
    scheduled = [replace(run, schedule=schedule) for schedule in schedules_]
    assert len({one.key for one in [run, *scheduled]}) == 6
    assert scheduled[0].spec["schedule"]["options"]["gain_lam"] == 5000
