"""The claims ledger: its rules on results made up for the purpose, and its verdicts on the stored.

And the pages: what they say of results is a claim, or carries its number from the store.
"""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infovae_core.names import UnknownName
from infovae_core.report.claims import LEDGER, Verdict, checks, find, stored
from infovae_core.report.claims.directive import chosen
from infovae_core.report.claims.ledger import CannotBeTested, Check, Claim, Ledger, verdict
from infovae_core.report.claims.stored import Stored
from infovae_core.study.experiments import EXPERIMENTS
from tests import prose

ROOT = Path(__file__).parents[1]
CLAIMS = list(LEDGER)
TRIED = [(claim.id, track) for claim in CLAIMS for track in LEDGER.tried(claim.id)]
OF_RUNS = [claim for claim in CLAIMS if claim.needs]


def ids(claims: list[Claim]) -> list[str]:
    return [claim.id for claim in claims]


# Verdicts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ids(CLAIMS))
def test_the_recorded_verdict_is_what_the_stored_results_say(name):
    claim, finding = LEDGER[name], find(name)
    told = "\n".join(
        f"{one.holds}: {one.what}: {one.found} ({one.wanted})" for one in finding.checks
    )
    assert finding.verdict == claim.recorded, (
        f"{name} was written for '{claim.recorded}' and the results say '{finding.verdict}': read "
        f"its words and the pages again.\n{finding.words}\n{told}"
    )


@pytest.mark.parametrize(("name", "track"), TRIED)
def test_a_claim_tried_on_another_track_has_the_verdict_that_is_recorded(name, track):
    claim, finding = LEDGER.tried(name)[track], find(name, track)
    assert finding.verdict == claim.recorded, f"{finding.why}\n{finding.checks}"
    assert claim.whose == "thesis" and claim.tolerance
    assert any(one.endswith(f"/{track}") for one in claim.needs) or "frontier" in claim.needs
    assert finding.words == find(name).words
    assert finding.why and "{" not in finding.why
    real = [one.holds for one in finding.checks]
    assert any(said(claim, change) != real for change in CHANGES), "no change moves any check"


def said(claim: Claim, change) -> list[bool | None] | None:
    """What a claim's checks say of changed results; None where nothing can be read."""
    try:
        return [one.holds for one in claim.test(changed(change))]
    except (ValueError, IndexError, KeyError, ZeroDivisionError):
        return None


def test_all_runs_that_claims_rest_on_were_measured():
    for name in sorted({name for claim in CLAIMS for name in claim.needs}):
        assert set(stored.read().ends(name)["status"]) == {"done"}
        assert np.isfinite(stored.read().ends(name)["value"]).all()
        assert stored.read().lost(name) == []


def test_the_ledger_is_long_and_no_claim_is_made_twice():
    assert len(chosen("thesis")) >= 40
    assert len(LEDGER) >= 70
    for field in ("id", "words"):
        values = [getattr(claim, field) for claim in CLAIMS]
        assert len(set(values)) == len(values)
    with pytest.raises(ValueError, match="two claims 'mmd-lets-go'"):
        LEDGER.add(LEDGER["mmd-lets-go"])
    with pytest.raises(UnknownName, match=r"'mmd-lets-goo'.*Did you mean 'mmd-lets-go'"):
        LEDGER["mmd-lets-goo"]


@pytest.mark.parametrize("name", ids(CLAIMS))
def test_a_claim_says_where_it_stands_and_what_decides_it(name):
    claim, finding = LEDGER[name], find(name)
    assert claim.whose in ("thesis", "book")
    assert {stored.asked(name).experiment for name in claim.needs} <= set(EXPERIMENTS)
    for text in (finding.words, finding.why):
        assert "{" not in text and "nan" not in text
    assert finding.verdict is Verdict.UNTESTED or claim.tolerance
    if claim.whose == "thesis":
        assert finding.why, "the ledger says in one line why"
        assert re.match(r"(Abstract|\d)", claim.section)
    assert {
        experiment: len(seeds) > 0 for experiment, seeds in finding.seeds.items()
    } == dict.fromkeys(claim.needs, True)


def changed(change) -> Stored:
    """The stored results after a change of their frames."""
    real = stored.read()
    return Stored(
        lambda name: change(real.ends(name)), lambda name: change(real.curves(name)), real.record
    )


def turned(rows: pd.DataFrame) -> pd.DataFrame:
    """Every value's reciprocal; and a target held by all, where none did."""
    found = rows.assign(value=1 / (rows["value"].abs() + 1e-9))
    held = rows.drop_duplicates(["model", "seed"]).assign(metric="steps_to_hold", value=20.0)
    return pd.concat([found[found["metric"] != "steps_to_hold"], held])


def mixed(rows: pd.DataFrame) -> pd.DataFrame:
    """Each metric's values dealt anew, then a scale for each model."""
    rng = np.random.default_rng(0)
    dealt = rows.groupby("metric")["value"].transform(lambda one: rng.permutation(one.to_numpy()))
    return rows.assign(value=dealt * (1 + 7 * rows["model"].rank(method="dense")))


def equal(rows: pd.DataFrame) -> pd.DataFrame:
    """All is 1."""
    return rows.assign(value=1.0)


def third(rows: pd.DataFrame) -> pd.DataFrame:
    """All is 0.3."""
    return rows.assign(value=0.3)


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """All metrics of a model are its place in the alphabet."""
    return rows.assign(value=rows["model"].rank(method="dense"))


def alone(model: str):
    """One model's values are its latent dimension, or fall with the steps; all others' are 0."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        value = rows["latent_dim"] if "latent_dim" in rows else 5000 - rows["step"]
        return rows.assign(value=value.where(rows["model"] == model, 0).astype(float))

    return change


ALONE = ("bn_vae", "infovae_chi2", "fixed_1000_1")
CHANGES = [turned, mixed, equal, third, ranked, *map(alone, ALONE)]


@pytest.mark.parametrize("name", ids(OF_RUNS))
def test_no_claim_of_runs_says_the_same_whatever_the_runs_say(name):
    real = [one.holds for one in find(name).checks]
    assert any(said(LEDGER[name], change) != real for change in CHANGES), "no change moves a check"


def test_a_change_of_the_wrong_sign_is_found():
    """ContrastiveAE and AAE exchanged in Experiment 3: AAE would then reconstruct best."""

    def exchange(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(
            model=rows["model"].replace({"contrastive_ae": "aae", "aae": "contrastive_ae"})
        )

    claim = LEDGER["contrastive-reconstructs-best"]
    assert claim.find(stored.read()).verdict is Verdict.HOLDS
    assert claim.find(changed(exchange)).verdict is not Verdict.HOLDS


# The rules, on results with a known answer --------------------------------------------------------


def made_up(**values: tuple[float, ...]) -> Stored:
    """An experiment with one metric, "m": by series, a value for each seed, at d = 20."""
    rows = [
        (series, 20, seed, "done", "m", value)
        for series, given in values.items()
        for seed, value in enumerate(given)
    ]
    columns = ["model", "latent_dim", "seed", "status", "metric", "value"]
    return Stored(lambda name: pd.DataFrame(rows, columns=columns), lambda name: pd.DataFrame())


def of(*made: Check) -> Claim:
    book = Ledger()
    book.thesis("x", "3", Verdict.HOLDS, "It is {a:.1f}.", "As {a:.0f}.")(lambda stored: made)
    return book["x"]


def test_each_verdict_is_reached():
    yes, no = (Check("w", "f", "a", holds) for holds in (True, False))
    number = Check("w", "f", "", None, "a", -1.26)
    cases = {
        (yes, yes): Verdict.HOLDS,
        (yes, no): Verdict.PARTLY,
        (no, no): Verdict.FAILS,
        (): Verdict.UNTESTED,
    }
    for made, expected in cases.items():
        finding = of(number, *made).find(made_up(a=(1.0,)))
        assert finding.verdict is expected
        assert finding.words == "It is −1.3." and finding.why == "As −1."
    assert verdict([None]) is Verdict.UNTESTED
    assert of(number, yes, no).find(made_up(a=(1.0,))).tally == "1 of 2 checks hold"


def test_what_cannot_be_tested_says_why():
    def test(results: Stored) -> list[Check]:
        raise CannotBeTested("nobody measured it")

    book = Ledger()
    book.book("x", "page", "Words.")(test)
    finding = book["x"].find(made_up(a=(1.0,)))
    assert (finding.verdict, finding.why) == (Verdict.UNTESTED, "nobody measured it")


def test_a_claim_is_tried_again_on_another_track_once():
    def test(results: Stored) -> list[Check]:
        return [Check("w", "f", "a", True)]

    book = Ledger()
    book.thesis("x", "3", Verdict.FAILS, "Words.", "Why.")(lambda stored: [])
    again = book.again("x", "t", Verdict.HOLDS, "Now it does.", needs="e/t", tolerance="Always.")
    again(test)
    tried = book.tried("x")["t"]
    assert (tried.words, tried.why, tried.needs) == ("Words.", "Now it does.", ("e/t",))
    assert tried.find(made_up(a=(1.0,))).verdict is Verdict.HOLDS
    assert book["x"].recorded is Verdict.FAILS and len(book) == 1
    with pytest.raises(ValueError, match="tried twice on the track 't'"):
        again(test)


def test_values_are_by_seed_and_missing_ones_are_none():
    results = made_up(a=(1.0, 3.0))
    assert results.value("e", "m", "a") == {0: 1.0, 1: 3.0}
    assert results.value("e", "m", "b") == {}
    assert results.seeds("e") == (0, 1)


def test_a_bound_is_asked_of_every_seed():
    assert checks.between("w", {0: 1.0, 1: 2.0}, 0, 3).holds
    assert not checks.between("w", {0: 1.0, 1: 4.0}, 0, 3).holds
    assert not checks.between("w", {0: 1.0, 1: math.nan}, 0, 3).holds
    assert not checks.between("w", {}, 0, 3).holds
    assert checks.between("w", {0: 1.0}, 0, 3, "name").value == 1.0
    assert checks.between("w", {0: 1.0}, low=0).wanted == "above 0"


def test_a_level_is_asked_of_the_mean():
    assert checks.level("w", {0: 1.0, 1: 4.0}, 0, 3).holds
    assert not checks.level("w", {0: 3.0, 1: 4.0}, 0, 3).holds


def test_nearness_is_asked_of_every_seed():
    assert checks.near("w", {0: 1.0, 1: 1.1}, 1.0, 0.1 + 1e-12).holds
    assert not checks.near("w", {0: 1.0, 1: 1.2}, 1.0, 0.1).holds


def test_an_order_asks_the_interval_to_exclude_zero():
    clear = checks.less("w", {0: 1.0, 1: 1.1, 2: 0.9}, {0: 2.0, 1: 2.1, 2: 1.95})
    assert clear.holds and "interval below 0" in clear.wanted
    # Smaller in the mean, and at every seed, but by differences that another seed could undo.
    assert not checks.less("w", {0: 1.0, 1: 1.0, 2: 1.0}, {0: 9.0, 1: 1.1, 2: 1.1}).holds
    one = checks.less("w", {0: 1.0}, {0: 2.0})
    assert one.holds and "one seed" in one.found
    assert not checks.less("w", {0: 2.0}, {0: 1.0}).holds


def test_equality_asks_the_means_to_be_close():
    assert checks.same("w", {0: 1.0, 1: 3.0}, {0: 2.1}, 0.2).holds
    assert not checks.same("w", {0: 1.0}, {0: 2.0}, 0.2).holds


def test_the_least_and_the_leaders():
    series = {"a": {0: 1.0, 1: 2.0}, "b": {0: 1.6, 1: 1.6}, "c": {0: 3.0, 1: 3.0}}
    assert checks.least("w", series, ["a"]).holds
    assert not checks.least("w", series, ["b", "c"]).holds
    assert checks.leads("w", series, ["a", "b"]).holds
    assert not checks.leads("w", series, ["a", "c"]).holds


def test_rank_correlation():
    first = {"a": 1.0, "b": 2.0, "c": 3.0}
    assert checks.rank_correlation("w", first, {"a": 5.0, "b": 6.0, "c": 9.0}, 0.5).value == 1
    assert not checks.rank_correlation("w", first, {"a": 9.0, "b": 6.0, "c": 5.0}, 0.5).holds


def test_numbers_for_readers():
    assert checks.number(-3.2e-8) == "−3.2e−8"
    assert checks.number(2.5e7) == "2.5e7"
    assert checks.listed({0: 0.5}) == "0.5 (one seed)"


def test_sections_choose_all_below_them():
    assert {claim.section for claim in chosen("thesis", "3.4")} == {"3.4"}
    assert any(claim.section == "2.4" for claim in chosen("thesis", "2"))
    assert any("Abstract" in claim.section for claim in chosen("thesis", "4"))
    with pytest.raises(ValueError, match=r"no claim of thesis in section '9\.9'"):
        chosen("thesis", "9.9")


# Pages --------------------------------------------------------------------------------------------


def test_every_claim_that_a_page_names_exists():
    for page in prose.PAGES:
        for name in prose.claims(prose.text(page)):
            assert LEDGER[name]


def test_every_claim_of_the_book_is_said_on_a_page():
    said = {name for page in prose.PAGES for name in prose.claims(prose.text(page))}
    assert {claim.id for claim in CLAIMS if claim.whose == "book"} <= said


@pytest.mark.parametrize("page", prose.OF_RESULTS)
def test_a_sentence_about_results_is_a_claim_or_carries_its_number(page):
    bare = prose.bare_statements(prose.text(page))
    assert not bare, f"{page}: make these claims, or quote the store:\n" + "\n".join(bare)


@pytest.mark.parametrize("page", prose.OF_RESULTS)
def test_a_heading_that_states_a_result_opens_the_section_of_its_claim(page):
    opened = {claim.heading: claim.id for claim in CLAIMS if claim.heading}
    for heading, under in prose.sections(prose.text(page)).items():
        if prose.states(heading) or heading in opened:
            assert opened.get(heading) in prose.claims(under), heading


def test_every_heading_of_a_claim_is_a_heading():
    said = {heading for page in prose.PAGES for heading in prose.sections(prose.text(page))}
    assert {claim.heading for claim in CLAIMS if claim.heading} <= said


@pytest.mark.parametrize("page", [page for page in prose.OF_RESULTS if "experiment" in page])
def test_a_page_of_an_experiment_opens_with_its_answer_by_claims_of_the_ledger(page):
    (answer,) = re.findall(r"\n# .*\n\n:::\{answer\} (\w+)\n((?::\w+: .*\n)+):::", prose.text(page))
    options = dict(re.findall(r"^:(\w+): (.*)$", answer[1], re.M))
    assert page == f"notebooks/{answer[0]}.md"
    assert options["question"].endswith("?")
    assert all(LEDGER[name].whose == "thesis" for name in options["thesis"].split())
    assert all(LEDGER[name].whose == "book" for name in options["ours"].split())


@pytest.mark.parametrize(
    "sentence",
    [
        "In Experiment 3 the plain and the adversarial autoencoder reconstruct best.",
        "ReconAE and AAE reconstruct best and their codes classify best at large $d$.",
        "Cramér at this weight collapses at every dimension.",
        "At $d = 20$ the error of the VAE is 0.158.",
        "The step runs at 1.7 times the speed of the plain loop.",
        "Sinkhorn agrees with the published values.",
    ],
)
def test_a_bare_statement_is_seen(sentence):
    assert prose.bare_statements(f"# Title\n\nSome words first. {sentence} And some after.\n")


@pytest.mark.parametrize(
    "sentence",
    [
        "At $d = 20$ the error of the VAE is {glue:text}`vae_20_svm_error:.3f`.",
        "The thesis trains one model for each of five divergences at $\\lambda = 1000$.",
        "The encoder has 2 convolutions.",
        "Does a simpler model do as well as InfoVAE?",
    ],
)
def test_settings_questions_and_quoted_numbers_are_no_bare_statements(sentence):
    assert not prose.bare_statements(f"# Title\n\nSome words first. {sentence} And some after.\n")
