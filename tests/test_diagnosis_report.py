"""The report: from files, on the command line, as a page; peers; what the page says."""

import base64
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from bs4 import BeautifulSoup
from safetensors.torch import save_file
from typer.testing import CliRunner

from infovae_core import cli, diagnose
from infovae_core.diagnosis import IntakeError, intake, perfect
from infovae_core.report import diagnosis, diagnosis_costs, peers
from infovae_core.report.figures import diagnosis_page, diagnosis_plots
from infovae_core.study.selection import Selection
from infovae_core.study.store import StoreError

ROOT = Path(__file__).parents[1]
Z = np.random.default_rng(0).normal(size=(40, 3))
LABELS = np.arange(40) % 3


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """As few simulated matches as a test at 5 % needs."""
    monkeypatch.setattr(perfect, "REPETITIONS", ((99, np.inf),))


def written(folder: Path, kind: str) -> Path:
    """The codes, with labels where the kind of file holds more than one array."""
    path = folder / f"codes{kind}"
    if kind == ".npy":
        np.save(path, Z)
    elif kind == ".npz":
        np.savez(path, z=Z, labels=LABELS)
    elif kind == ".csv":
        pd.DataFrame(Z, columns=["a", "b", "c"]).assign(label=LABELS).to_csv(path, index=False)
    elif kind == ".safetensors":
        save_file({"codes": torch.from_numpy(Z), "labels": torch.from_numpy(LABELS)}, path)
    else:
        pytest.importorskip("pyarrow", reason="an extra of its own")
        pd.DataFrame(Z, columns=["a", "b", "c"]).assign(label=LABELS).to_parquet(path)
    return path


# Files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", intake.SUFFIXES)
def test_every_kind_of_file_holds_codes(tmp_path, kind):
    found = intake.read(written(tmp_path, kind))
    assert np.allclose(np.asarray(found["codes"]), Z)
    if kind != ".npy":
        assert np.asarray(found["labels"]).tolist() == LABELS.tolist()
    assert intake.sample(**found).z.dtype == torch.float64


def test_a_csv_needs_no_header_and_other_files_hold_the_rest(tmp_path):
    path = tmp_path / "codes.csv"
    np.savetxt(path, Z, delimiter=",")
    assert np.allclose(intake.read(path)["codes"], Z)
    pd.DataFrame({"digit": list("abcd") * 10}).to_csv(tmp_path / "l.csv", index=False)
    with pytest.raises(IntakeError, match="expected columns of numbers, got other values in 'dig"):
        intake.one(tmp_path / "l.csv", "labels")
    pd.DataFrame({"label": list("abcd") * 10}).to_csv(tmp_path / "l.csv", index=False)
    assert list(intake.one(tmp_path / "l.csv", "labels")) == list("abcd") * 10
    np.save(tmp_path / "l.npy", LABELS)
    assert intake.one(tmp_path / "l.npy", "labels").tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("codes.txt", b"1", "expected a file that ends in .npy, .npz, .*, got 'codes.txt'"),
        ("absent.npy", None, "absent.npy does not exist, or is no file"),
        ("codes.npy", b"not an array", "codes.npy cannot be read as npy"),
        ("codes.csv", b"", "codes.csv cannot be read as csv"),
        ("codes.safetensors", b"x", "codes.safetensors cannot be read as safetensors"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IntakeError, match=message):
        intake.read(tmp_path / name)


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "codes.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(IntakeError, match=r"cannot be read as npy.*allow_pickle=False"):
        intake.read(tmp_path / "codes.npy")


def test_arrays_without_a_known_name_are_listed(tmp_path):
    np.savez(tmp_path / "codes.npz", first=Z, second=Z)
    with pytest.raises(
        IntakeError, match=r"named 'codes' or 'z' in codes.npz, .* 'first', 'second'"
    ):
        intake.read(tmp_path / "codes.npz")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "codes.parquet").write_bytes(b"PAR1")
    with pytest.raises(IntakeError, match=r"pip install 'infovae_core\[parquet\]'"):
        intake.read(tmp_path / "codes.parquet")


# The command and the page -------------------------------------------------------------------------


def test_the_command_diagnoses_a_csv_and_writes_a_page(tmp_path):
    path, target = written(tmp_path, ".csv"), tmp_path / "report.html"
    np.save(tmp_path / "mu.npy", Z)
    np.save(tmp_path / "logvar.npy", Z * 0 - 3)
    arguments = ["diagnose", path, "--bandwidth", "1", "--html", target]
    arguments += ["--mu", tmp_path / "mu.npy", "--logvar", tmp_path / "logvar.npy"]
    outcome = CliRunner().invoke(cli.app, [str(one) for one in arguments])
    assert outcome.exit_code == 0, outcome.output
    assert "40 codes in 3 dimensions" in outcome.stdout
    assert "your kernel: RBF, σ = 1" in outcome.stdout
    assert f"Report written to {target}." in outcome.stdout
    soup = BeautifulSoup(target.read_text(encoding="utf-8"), "html.parser")
    assert soup.title is not None and soup.title.text == "codes.csv: 40 codes in 3 dimensions"
    # Nothing is asked of other files or hosts.
    assert not soup.find_all(["script", "link"])
    sources = [image["src"] for image in soup.find_all("img")]
    assert len(sources) == 1
    assert base64.b64decode(str(sources[0]).split(",")[1])[1:4] == b"PNG"
    assert len(soup.find_all("tr")) == 1 + 14
    assert "units active" in soup.text
    assert list(tmp_path.glob(".tmp*")) == []


def test_a_refusal_is_one_sentence(tmp_path, monkeypatch, capsys):
    for arguments, message in (
        ([tmp_path / "no.csv"], "no.csv does not exist"),
        ([written(tmp_path, ".npy"), "--bandwidth", "sqrtd"], "Did you mean 'sqrt_d'?"),
        ([written(tmp_path, ".npy"), "--html", tmp_path / "no" / "r.html"], "cannot write"),
    ):
        monkeypatch.setattr(sys, "argv", ["infovae", "diagnose", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 2
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1 and message in printed


def test_bandwidths_are_read_as_on_a_command_line():
    assert diagnosis.numbers("sqrt_d") == "sqrt_d"
    assert diagnosis.numbers("2") == 2.0
    assert diagnosis.numbers("1,2,4") == [1.0, 2.0, 4.0]


def test_text_of_others_is_no_markup():
    found = diagnose(Z, labels=np.full(40, "<b>"), classifier=False)
    page = diagnosis_page.page(found, "<script>alert(1)</script>")
    assert "<script>" not in page


@pytest.mark.parametrize("d", [1, 2, 30])
def test_the_figure_takes_any_dimension(d):
    from matplotlib import pyplot as plt

    codes = np.random.default_rng(1).normal(size=(30, d)) * 40
    figure = diagnosis_plots.overview(diagnose(codes, classifier=False))
    assert len(figure.axes) == 6
    plt.close(figure)


def test_findings_name_chapters_of_the_book():
    named = set()
    for path in (ROOT / "infovae_core" / "diagnosis").glob("*.py"):
        named |= set(re.findall(r'^ +"(\w+)",\n +\)', path.read_text(encoding="utf-8"), re.M))
    assert named <= set(diagnosis_page.PAGES) and len(named) > 3
    for name, title in diagnosis_page.PAGES.items():
        text = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
        assert f"\n# {title}\n" in text


# Peers --------------------------------------------------------------------------------------------


def test_the_table_of_peers_is_made_of_noise_and_readings():
    by_name = {one.name: one for one in peers.PEERS}
    thesis = by_name["this thesis"]
    last = peers.seen(thesis, peers.escapes)
    assert last is not None
    for d, visible in ((last[1], True), (last[1] + 1, False)):
        noise = 2 * thesis.kernel(d).noise(d, 128, 128)
        assert (3 ** (-d / 2) > noise) is visible
    kernel = thesis.kernel(20)
    n = int(peers.samples(kernel, 20, 3**-10))
    assert 2 * kernel.noise(20, n, n) <= 3**-10 < 2 * kernel.noise(20, n - 1, n - 1)
    assert peers.samples(kernel, 20, 0.0) == np.inf
    assert peers.stretch(None) == "none"
    assert peers.stretch((1, peers.LARGEST)) == "all"
    assert peers.stretch((3, 9)) == "3 to 9"


def test_peers_kernels_are_what_their_formulas_say():
    """Each at one pair of points, by the formula as its project writes it."""
    x, y = np.random.default_rng(2).normal(size=(2, 6))
    r2, d = float(((x - y) ** 2).sum()), 6
    scales = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    seven = sum(2 * d * s / (2 * d * s + r2) for s in scales)
    expected = {
        "this thesis": np.exp(-r2 / 2),
        "pythae, InfoVAE-MMD and WAE-MMD": seven,
        "pythae, kernel_choice='rbf'": np.exp(-r2 / (2 * d)),
        "PyTorch-VAE, InfoVAE and WAE-MMD (imq)": 2 * d * 2 / (2 * d * 2 + r2),
        "PyTorch-VAE, kernel_type='rbf'": np.exp(-(r2 / d) / (2 * d * 2)),
        "WAE, IMQ": seven,
        "MMD-VAE of Zhao": np.exp(-(r2 / d) / d),
        "InfoVAE of Zhao et al.": np.exp(-(r2 / d) / d),
    }
    at = torch.tensor(r2, dtype=torch.float64)
    assert {p.name: float(p.kernel(d).values(at)) for p in peers.PEERS} == pytest.approx(expected)


# What the page says -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    """Codes of the models that the page looks at."""
    return {
        (name, run.model): result
        for name in ("experiment2", "experiment3")
        for run, result in Selection(name, latent_dims=(20,), seeds=(0,)).require().items()
    }


@pytest.mark.parametrize(
    ("experiment", "model", "kinds"),
    [
        ("experiment2", "infovae_mmd", {"escaped", "kernel reads escape"}),
        ("experiment2", "infovae_cramer", {"matched"}),
        ("experiment2", "infovae_sinkhorn", {"too small"}),
        ("experiment2", "infovae_chi2", {"collapsed"}),
        ("experiment2", "vae", {"shifted", "correlated", "clustered"}),
        ("experiment3", "beta_vae", {"shifted", "correlated"}),
        ("experiment3", "recon_ae", {"escaped"}),
    ],
)
def test_stored_models_get_the_findings_of_the_page(stored, experiment, model, kinds):
    result = stored[experiment, model]
    found = diagnose(result.arrays["codes"], bandwidth=1.0, classifier=False)
    assert kinds <= set(found.kinds)
    # As the run's own metrics, of ten times as many codes.
    assert found["norm_ratio"].value == pytest.approx(result.metrics["norm_ratio"], rel=0.06)
    if model == "infovae_cramer":
        assert result.metrics["active_units"] == 0


@pytest.fixture(params=["default", "narrow"])
def pythaes(request):
    return request.param, diagnose(**peers.codes(request.param), bandwidth=1.0, classifier=False)


def test_pythaes_codes_get_a_report_that_is_right(pythaes):
    name, found = pythaes
    size = float(np.linalg.norm(peers.codes(name)["codes"], axis=1).mean() / np.sqrt(10))
    assert found["norm_ratio"].value == pytest.approx(size)
    if name == "narrow":
        assert size > 2 and "escaped" in found.kinds
    assert peers.path().stat().st_size < 100_000


def test_records_that_are_missing_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    with pytest.raises(StoreError, match=re.escape(peers.COMMAND)):
        peers.codes("default")
    with pytest.raises(StoreError, match=re.escape(diagnosis_costs.COMMAND)):
        diagnosis_costs.load()
    record = {"costs": [], "load": 1.0}
    assert json.loads(diagnosis_costs.save(record).read_text()) == record
    assert peers.save({"labels": LABELS}).exists()


def test_the_record_shows_what_the_issue_asks():
    """100,000 codes in 64 dimensions: a minute of two cores, 2 GB; alarms near 5 %."""
    record = diagnosis_costs.load()
    costs = {(row["n"], row["d"]): row for row in record["costs"]}
    large = costs[100_000, 64]
    assert large["cpu_seconds"] < 120
    assert large["peak_bytes"] < 2e9
    matches = [row for row in record["alarms"] if row["found"] is None]
    rejected, samples = (sum(row[key] for row in matches) for key in ("rejected", "samples"))
    assert samples >= 1000
    assert 0.03 < rejected / samples < 0.07
    faulty = [row for row in record["alarms"] if row["found"] is not None]
    assert all(row["found"] >= 0.8 * row["samples"] for row in faulty)
    assert len(diagnosis_costs.table(record)) == len(costs)
    assert len(diagnosis_costs.alarms(record)) == len(record["alarms"])
