"""Runs as values: what decides a key, what an experiment lists, and what is refused."""

import dataclasses
import json
import math
from collections import Counter

import pytest

from infovae_core.datasets import DATASETS
from infovae_core.models import DECODERS, Architecture, Decoder
from infovae_core.names import UnknownName
from infovae_core.objectives import Objective, preset
from infovae_core.run import SCHEMA, Run
from infovae_core.schedules import Schedule
from infovae_core.study.experiments import (
    EXPERIMENT1_SCHEDULES,
    EXPERIMENTS,
    LATENT_DIMS,
    PROFILES,
    experiment1,
    experiment2,
    experiment3,
    runs,
    schedule_name,
)
from tests.runs import small_run

BASE = Run(
    model="infovae_mmd",
    objective=preset("infovae_mmd").objective,
    latent_dim=2,
    seed=0,
    steps=3900,
)
# One other value for every field of a run, and of its objective.
OTHER = {
    "model": "another",
    "objective": preset("infovae_stein").objective,
    "latent_dim": 3,
    "seed": 1,
    "steps": 3901,
    "data": "digits",
    "pixels": "grey",
    "batch_size": 129,
    "learning_rate": 1.1e-4,
    "batch_norm": True,
    "precision": "bf16",
    "eval_every": 391,
    "val_batches": 501,
    "val_batch_size": 129,
    "masked_channels": 4,
    "schedule": Schedule("linear_annealing"),
    "decoder": "another",
}
# Fields that a spec leaves out at the value of the time before them.
YOUNGER = {"masked_channels", "schedule", "decoder"}
OTHER_OBJECTIVE = {
    "alpha": 0.5,
    "lam": 999,
    "divergence": "cramer",
    "options": {"bandwidth": 2.0},
    "free_bits": 0.1,
    "extras": {"info_nce": 1.0},
}


# Keys ---------------------------------------------------------------------------------------------


def test_the_tables_above_name_every_field():
    assert OTHER.keys() == {field.name for field in dataclasses.fields(Run)}
    assert OTHER_OBJECTIVE.keys() == {field.name for field in dataclasses.fields(Objective)}


@pytest.fixture
def _another_decoder(monkeypatch):
    monkeypatch.setitem(DECODERS, "another", Decoder)


@pytest.mark.usefixtures("_another_decoder")
@pytest.mark.parametrize("field", OTHER)
def test_every_field_is_in_the_key(field):
    changed = dataclasses.replace(BASE, **{field: OTHER[field]})
    assert changed.key != BASE.key
    assert changed.name != BASE.name
    assert changed != BASE


@pytest.mark.parametrize("field", OTHER_OBJECTIVE)
def test_every_field_of_the_objective_is_in_the_key(field):
    change = {field: OTHER_OBJECTIVE[field]}
    if field == "divergence":
        change["options"] = {}
    objective = dataclasses.replace(BASE.objective, **change)
    assert dataclasses.replace(BASE, objective=objective).key != BASE.key


def test_the_schema_and_the_datas_digest_are_in_the_key(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("infovae_core.run.SCHEMA", SCHEMA + 1)
        other_schema = BASE.key
    monkeypatch.setitem(DATASETS, "mnist", DATASETS["mnist"]._replace(digest="other"))
    assert len({other_schema, BASE.key, small_run().key}) == 3


def test_a_key_never_changes_its_meaning():
    # Every stored result hangs on this: a change here must come with a new SCHEMA.
    key = "27345509b5a90e9d9406be007c1a50be3d62768be2f78ff506e4d7a1039b0278"
    assert BASE.key == key
    assert experiment2()[0] == BASE
    assert BASE.name == f"infovae_mmd-z2-s0-{key[:12]}"


def test_no_order_is_in_the_key(monkeypatch):
    def reverse(value):
        if isinstance(value, dict):
            return {name: reverse(item) for name, item in reversed(value.items())}
        return value

    turned = reverse(BASE.spec)
    assert list(turned) == list(reversed(BASE.spec))
    key = BASE.key
    monkeypatch.setattr(Run, "spec", property(lambda run: turned))
    assert BASE.key == key


def test_arguments_and_options_may_come_in_any_order():
    options = dict(reversed(BASE.objective.options.items()))
    objective = Objective(options=options, divergence="mmd", lam=1000, alpha=1)
    run = Run(steps=3900, seed=0, latent_dim=2, objective=objective, model="infovae_mmd")
    assert run == BASE
    assert run.key == BASE.key


def test_a_default_that_is_written_out_is_the_same_run():
    written = Objective(alpha=1, lam=1000, divergence="mmd", options={"bandwidth": 1.0})
    assert dataclasses.replace(BASE, objective=written).key == BASE.key


def test_equal_runs_are_one_key_of_a_dictionary():
    twin = dataclasses.replace(BASE)
    assert {BASE: 1}[twin] == 1
    assert hash(twin) == hash(BASE)


def test_the_spec_is_plain_json_of_all_fields():
    spec = BASE.spec
    assert spec.keys() == OTHER.keys() - YOUNGER
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec
    assert Run(**spec | {"objective": Objective(**spec["objective"])}) == BASE


@pytest.mark.usefixtures("_another_decoder")
@pytest.mark.parametrize("field", sorted(YOUNGER))
def test_the_spec_of_a_run_with_a_younger_field_has_it(field):
    run = dataclasses.replace(BASE, **{field: OTHER[field]})
    spec = run.spec
    assert spec.keys() == OTHER.keys() - YOUNGER | {field}
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec
    back = {"objective": Objective(**spec["objective"])}
    if field == "schedule":
        back["schedule"] = Schedule(**spec["schedule"])
    assert Run(**spec | back) == run


def test_a_whole_weight_is_the_same_run_as_an_integer_or_a_float():
    objective = dataclasses.replace(BASE.objective, alpha=1.0, lam=1000.0)
    assert dataclasses.replace(BASE, objective=objective).key == BASE.key


def test_the_architecture_follows_the_run():
    assert BASE.architecture == Architecture(2)
    changed = dataclasses.replace(BASE, latent_dim=7, batch_norm=True, masked_channels=16)
    assert changed.architecture == Architecture(7, batch_norm=True, masked_channels=16)


# The experiments ----------------------------------------------------------------------------------


def test_experiment1_is_eleven_schedules_with_the_thesiss_settings():
    listed = experiment1()
    fixed = [(run.objective.lam, run.objective.alpha) for run in listed if run.schedule is None]
    assert fixed == [(lam, alpha) for lam in (500, 1000) for alpha in (0, 0.5, 1)]
    controlled = [run for run in listed if run.schedule and run.schedule.name == "controller"]
    assert {(run.objective.alpha, run.objective.lam) for run in controlled} == {(1, 500)}
    gains = [
        (options.get("gain_lam", 0), options.get("gain_alpha", 0))
        for options in (run.schedule.options for run in controlled)
    ]
    assert gains == [(5000, 0), (0, 0.7), (5000, 0.7)]
    assert [run.schedule.name for run in listed[9:]] == ["linear_annealing", "cyclical_annealing"]
    assert len(listed) == len(EXPERIMENT1_SCHEDULES) == 11
    for run in listed:
        assert run.model == "infovae_mmd"
        assert run.objective.divergence == "mmd"
        assert run.objective.options["bandwidth"] == 1
        assert (run.latent_dim, run.steps, run.batch_size) == (20, 5000, 128)
        assert (run.learning_rate, run.eval_every) == (5e-5, 20)
        assert (run.val_batches, run.val_batch_size) == (500, 256)
        assert run.masked_channels is None


def test_a_run_of_experiment1_knows_its_schedules_name():
    assert [schedule_name(run) for run in experiment1()] == list(EXPERIMENT1_SCHEDULES)
    with pytest.raises(LookupError, match="none of the schedules of Experiment 1"):
        schedule_name(small_run(schedule=Schedule("linear_annealing", {"ramp": 0.1})))


def test_experiment3_is_eight_models_in_seven_dimensions_by_the_masked_decoder():
    listed = experiment3()
    models = ["recon_ae", "vae", "beta_vae", "free_bits", "bn_vae", "aae", "infovae_mmd"]
    models += ["contrastive_ae"]
    cells = Counter((run.model, run.latent_dim) for run in listed)
    assert cells == Counter((model, dim) for model in models for dim in (2, 5, 10, 20, 40, 60, 80))
    for run in listed:
        assert run.learning_rate == 1e-3
        assert run.objective == preset(run.model).objective
        assert run.batch_norm == (run.model == "bn_vae")
        assert run.schedule is None
        assert (run.val_batches, run.val_batch_size) == (500, 128)
    (beta,) = {1 - run.objective.alpha for run in listed if run.model == "beta_vae"}
    assert beta == 4


def test_experiment3_at_full_size_and_at_that_of_two_cores():
    size = {
        profile: {(run.masked_channels, run.steps / 390) for run in experiment3(profile)}
        for profile in ("brief", "cpu", "paper")
    }
    assert size == {"brief": {(16, 2)}, "cpu": {(16, 10)}, "paper": {(128, 10)}}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_takes_the_same_arguments(experiment):
    listed = runs(
        experiment,
        profile="smoke",
        track="as_written",
        seeds=[0, 3],
        latent_dims=[5, 2],
        data="mnist",
        precision="bf16",
    )
    assert list(dict.fromkeys((run.seed, run.latent_dim) for run in listed)) == [
        (0, 5),
        (0, 2),
        (3, 5),
        (3, 2),
    ]
    assert {(run.data, run.precision) for run in listed} == {("mnist", "bf16")}
    assert {run.data for run in runs(experiment, profile="smoke")} == {"digits"}
    assert {run.data for run in runs(experiment, profile="paper")} == {"mnist"}
    with pytest.raises(ValueError, match="latent_dims must name at least one value"):
        runs(experiment, latent_dims=[])


def test_no_two_runs_of_all_experiments_share_a_key():
    listed = [
        run for name in EXPERIMENTS for profile in PROFILES for run in runs(name, profile=profile)
    ]
    assert len({run.key for run in listed}) == len(set(listed))
    assert set(LATENT_DIMS) == {run.latent_dim for run in listed}


def test_experiment2_is_seven_models_in_seven_dimensions():
    cells = Counter((run.model, run.latent_dim) for run in experiment2())
    divergences = ("mmd", "stein", "sinkhorn", "cramer", "chi2")
    models = [*(f"infovae_{name}" for name in divergences), "recon_ae", "vae"]
    dims = (2, 5, 10, 20, 40, 60, 80)
    assert cells == Counter((model, dim) for model in models for dim in dims)


def test_experiment2_has_the_thesiss_settings():
    for run in experiment2():
        assert run.steps == 3900
        assert run.learning_rate == 1e-4
        assert run.batch_size == 128
        assert (run.data, run.pixels, run.precision) == ("mnist", "binary", "fp32")
        assert (run.val_batches, run.val_batch_size) == (500, 128)
        assert run.seed == 0
        assert not run.batch_norm
        assert run.objective == preset(run.model).objective
        if run.model.startswith("infovae_"):
            assert run.objective.divergence == run.model.removeprefix("infovae_")
            assert (run.objective.alpha, run.objective.lam) == (1, 1000)
            assert run.objective.weight == 1000
    options = {run.model: run.objective.options for run in experiment2()}
    assert options["infovae_mmd"]["bandwidth"] == 1
    assert options["infovae_stein"]["bandwidth"] == 1
    assert options["infovae_sinkhorn"]["blur"] == 0.1
    objectives = {run.model: run.objective for run in experiment2()}
    assert (objectives["recon_ae"].alpha, objectives["recon_ae"].weight) == (1, 0)
    assert (objectives["vae"].alpha, objectives["vae"].weight) == (0, 0)


def test_keys_are_unique():
    listed = [
        run
        for profile in ("smoke", "cpu")
        for precision in ("fp32", "bf16")
        for run in experiment2(profile, precision=precision, seeds=range(3))
    ]
    assert len(listed) == 2 * 3 * (7 * 2 + 7 * 7)
    assert len({run.key for run in listed}) == len(listed)
    assert len({run.name for run in listed}) == len(listed)


def test_cpu_and_paper_are_the_same_runs():
    assert experiment2("cpu") == experiment2("paper")


def test_smoke_is_short_and_needs_no_download():
    smoke = experiment2("smoke")
    assert {run.latent_dim for run in smoke} == {2, 20}
    assert {run.data for run in smoke} == {"digits"}
    assert {run.steps for run in smoke} == {20}
    assert all(run.eval_every < run.steps for run in smoke)
    assert len(smoke) == 14


def test_what_is_asked_for_is_listed():
    listed = experiment2("smoke", "as_written", iter((3, 1)), (80, 2), "mnist", "bf16")
    assert {run.data for run in listed} == {"mnist"}
    assert {run.precision for run in listed} == {"bf16"}
    assert [(run.seed, run.latent_dim) for run in listed[::7]] == [(3, 80), (3, 2), (1, 80), (1, 2)]
    assert experiment2(data="digits")[0].data == "digits"


def test_a_new_dimension_adds_runs_and_changes_none():
    before, after = experiment2(latent_dims=[2, 5]), experiment2(latent_dims=[2, 5, 6])
    assert set(before) < set(after)
    assert {run.latent_dim for run in set(after) - set(before)} == {6}


def test_experiments_are_found_by_name():
    assert runs("experiment2", profile="smoke") == experiment2("smoke")


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"profile": "smok"},
            "unknown profile 'smok': choose from smoke, brief, cpu, paper. Did you mean",
        ),
        ({"track": "aswritten"}, "unknown track 'aswritten': .* Did you mean 'as_written'"),
        ({"data": "minst"}, "unknown data set 'minst': choose from mnist, digits. .*'mnist'"),
        ({"precision": "fp16"}, "unknown precision 'fp16': choose from fp32, bf16"),
    ],
)
def test_an_unknown_name_is_refused(arguments, message):
    with pytest.raises(UnknownName, match=message):
        experiment2(**arguments)


def test_an_unknown_experiment_is_refused():
    with pytest.raises(UnknownName, match=r"unknown experiment 'exprimant2'.*mean 'experiment2'"):
        runs("exprimant2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": ()}, "seeds must name at least one value, got none"),
        ({"seeds": iter(())}, "seeds must name at least one value, got none"),
        ({"latent_dims": ()}, "latent_dims must name at least one value, got none"),
        ({"latent_dims": [2, 0]}, "latent_dim must be at least 1, got 0"),
        ({"seeds": [0, -1]}, "seed must be at least 0, got -1"),
    ],
)
def test_a_sweep_that_is_empty_or_out_of_range_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        experiment2(**arguments)


LEAST = {
    "latent_dim": 1,
    "steps": 1,
    "eval_every": 1,
    "val_batches": 1,
    "batch_size": 2,
    "val_batch_size": 2,
    "seed": 0,
}


@pytest.mark.parametrize(("field", "least"), LEAST.items())
def test_a_number_has_a_least_value(field, least):
    assert getattr(dataclasses.replace(BASE, **{field: least}), field) == least
    with pytest.raises(ValueError, match=f"^{field} must be at least {least}, got {least - 1}$"):
        dataclasses.replace(BASE, **{field: least - 1})


@pytest.mark.parametrize("rate", [0, -1e-4, math.inf, math.nan])
def test_a_learning_rate_is_positive_and_finite(rate):
    with pytest.raises(ValueError, match=f"learning_rate must be positive, got {rate}"):
        dataclasses.replace(BASE, learning_rate=rate)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("data", "mnis", "unknown data set 'mnis'.*Did you mean 'mnist'"),
        ("pixels", "gray", "unknown pixels 'gray'.*Did you mean 'grey'"),
        ("precision", "bf61", "unknown precision 'bf61'.*Did you mean 'bf16'"),
    ],
)
def test_a_run_refuses_unknown_names(field, value, message):
    with pytest.raises(UnknownName, match=message):
        dataclasses.replace(BASE, **{field: value})


def test_a_run_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BASE.seed = 1
