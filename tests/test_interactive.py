"""The interactive figures: their JavaScript computes what Python does, and their pages work."""

import base64
import functools
import io
import itertools
import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from infovae_core import closed_forms, prices
from infovae_core.objectives import Objective
from infovae_core.report import frames
from infovae_core.report.figures import live, model_stills, rank_plots, stills
from infovae_core.run import Run
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result
from tests.fragments import FRAGMENTS, opened, said

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "book" / "_static" / "interactive"
MATHS = FOLDER / "maths.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
HEADLESS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")

# The functions that exist in both languages, by their two names, and numbers to try them with.
SCALES, DIMS, SIGMAS = (0.1, 0.97, 1.5, 30.0), (1, 20, 100), (0.25, 1.0, 20.0)
CALLS = {
    ("mmd", "mmd"): list(itertools.product(SCALES, DIMS, SIGMAS)),
    ("escape", "escape"): list(itertools.product(DIMS, SIGMAS)),
    ("mmdNoise", "mmd_noise"): list(itertools.product(DIMS, SIGMAS, (2, 128))),
    ("matchBound", "match_bound"): list(itertools.product(DIMS, SIGMAS, (2, 128))),
    ("sinkhorn", "sinkhorn"): list(
        itertools.product((0, 1.3), (0.0, 0.5, 1.0, 3.0), DIMS, (1e-4, 0.01, 2.0, 1e4))
    ),
    ("halfW2", "half_w2"): list(itertools.product((0, 1.3), SCALES, DIMS)),
    ("noiseShare", "noise_share"): list(itertools.product((-4, 0, 0.5, 1, 3), (0.25, 0.5))),
    ("sizeCost", "size_cost"): list(itertools.product((0.25, 1.0, 4.0), (0, 1, 1000))),
    ("mmdSizeCost", "mmd_size_cost"): list(
        itertools.product((0.25, 1.0, 4.0), (0, 0.5, 1, 2), (1, 1000), DIMS, (1.0, 20.0))
    ),
}
WEIGHTS = [(0, 1), (-3, 4), (1, 0), (1, 1), (1, 1000), (0, 1000), (0.1, 0.9), (2, 5), (0.3, 0.6)]


def in_node(expression: str, tmp_path: Path) -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = f"const InfoVAEMaths = require({json.dumps(str(MATHS))}); console.log({expression})"
    done = subprocess.run([node, "-e", script], check=True, capture_output=True, text=True)
    return done.stdout


def in_chromium(expression: str, tmp_path: Path) -> str:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    page = tmp_path / "page.html"
    page.write_text(
        f'<meta charset="utf8"><script src="{MATHS.as_uri()}"></script><pre></pre>'
        f'<script>document.querySelector("pre").textContent = {expression}</script>',
        encoding="utf8",
    )
    command = [CHROMIUM, *HEADLESS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, page.as_uri()], check=True, capture_output=True, text=True, timeout=120
    )
    found = re.search("<pre>(.*)</pre>", done.stdout, re.DOTALL)
    assert found, done.stdout
    return found.group(1)


@pytest.mark.parametrize("run", [in_node, in_chromium])
def test_javascript_and_python_compute_the_same(run, tmp_path):
    calls = [[name, arguments] for (name, _), many in CALLS.items() for arguments in many]
    expression = (
        f"JSON.stringify({json.dumps(calls)}.map(([name, given]) => InfoVAEMaths[name](...given)))"
    )
    values = json.loads(run(expression, tmp_path))
    expected = [
        getattr(closed_forms, name)(*given) for (_, name), many in CALLS.items() for given in many
    ]
    assert len(values) == len(expected) > 100
    assert values == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("run", [in_node, in_chromium])
def test_javascript_refuses_and_names_what_the_package_does(run, tmp_path):
    expression = (
        f"JSON.stringify({json.dumps(WEIGHTS)}.map(([a, l]) => "
        "[InfoVAEMaths.weights(a, l), InfoVAEMaths.variant(a, l)]))"
    )
    names = []
    for (alpha, lam), (weights, name) in zip(
        WEIGHTS, json.loads(run(expression, tmp_path)), strict=True
    ):
        names.append(name)
        if name == "refused":
            with pytest.raises(ValueError, match="would reward divergence"):
                Objective(alpha=alpha, lam=lam)
            assert weights["divergence"] < 0
        else:
            divergence = "mmd" if weights["divergence"] else None
            objective = Objective(alpha=alpha, lam=lam, divergence=divergence)
            assert weights == {"kl": pytest.approx(1 - alpha), "divergence": objective.weight}
    assert names == [
        "vae",
        "beta_vae",
        "autoencoder",
        "aae",
        "infovae_without_kl",
        "infovae",
        "beta_vae",
        "rewarded",
        "refused",
    ]


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_a_fragment_has_a_still_a_name_alternative_text_and_only_its_own_files(path):
    text = path.read_text(encoding="utf8")
    assert f":name: fig-interactive-{path.stem}\n" in text
    assert re.search(r"^:alt: .{80,}$", text, re.MULTILINE)
    still = re.search(r"```\{figure\} /(\S+)", text)
    assert still
    assert (ROOT / still.group(1)).is_file()
    files = re.findall(r'(?:src|href)="([^"]+)"', text)
    # One script serves the figures of several pages, which a number tells apart.
    assert f"../_static/interactive/{re.sub(r'-[0-9]$', '', path.stem)}.js" in files
    built = {f"data-{name}.js" for name in live.DATA}
    for file in files:
        if Path(file).name in built:
            continue
        assert (ROOT / "book" / "interactive" / file).is_file(), file
        script = (FOLDER / Path(file).name).read_text(encoding="utf8")
        assert "://" not in script.replace("http://www.w3.org/2000/svg", ""), "another host"


def paths(svg: str) -> dict[str, np.ndarray]:
    """The named lines of a picture, as the numbers of their paths."""
    found = re.findall(r'<g id="([a-z]+(?:-?\d|-[a-z-]+\d?)?)">\s*<path d="([^"]+)"', svg)
    numbers = {name: re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", path) for name, path in found}
    # And marks, by where they are.
    for name, marks in re.findall(r'<g id="(codes|chosen-\d)">(.*?)</g>\s*</g>', svg, re.DOTALL):
        numbers[name] = re.findall(r'<use [^>]*?[xy]="(-?[\d.]+)" y="(-?[\d.]+)"', marks)
    return {name: np.array(values, float) for name, values in numbers.items()}


LINES = {"bandwidth": 2, "sinkhorn": 1, "weights": 5, "ruler-and-eye": 5}
LINES |= {"change-the-ruler-2": 7, "change-the-ruler-3": 8}
LINES |= {"calculator": 4, "plane": 1, "draw": 0, "between": 0, "samples": 0}


def pictures(svg: str) -> list[np.ndarray]:
    """The images in a picture."""
    found = re.findall(r'href="data:image/png;base64,\s*([^"]+)"', svg)
    return [plt.imread(io.BytesIO(base64.b64decode(one))) for one in found]


@pytest.fixture(scope="module")
def anew(tmp_path_factory):
    """The folder of still pictures drawn by this test."""
    folder = tmp_path_factory.mktemp("stills")
    stills.write(folder)
    return folder


@pytest.mark.parametrize("name", stills.STILLS)
def test_the_still_pictures_are_those_of_the_code(name, anew):
    file = f"interactive-{name}.svg"
    kept = (FOLDER / file).read_text(encoding="utf8")
    drawn = paths((anew / file).read_text(encoding="utf8"))
    stored = {line: values for line, values in paths(kept).items() if line in drawn}
    lines = [line for line in drawn if not re.match("patch|line|text|axes|figure|m[0-9]", line)]
    assert len(lines) == LINES[name]
    images = [pictures((folder / file).read_text("utf8")) for folder in (FOLDER, anew)]
    assert len(images[0]) == len(images[1])
    assert len(lines) + len(images[0]) > 0
    for one, other in zip(*images, strict=True):
        # Another machine's decoder may round a grey level otherwise.
        np.testing.assert_allclose(one, other, atol=2 / 255)
    for line in lines:
        np.testing.assert_allclose(
            stored[line],
            drawn[line],
            atol=0.01,
            err_msg="run: python -m infovae_core.report.figures.stills",
        )


ON_THE_PAGE = [path.stem for path in FRAGMENTS if path.stem not in model_stills.STILLS]


# In a browser -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """The driver of a browser at a page with all figures but those of `test_plane`."""
    with opened(tmp_path_factory.mktemp("site"), ON_THE_PAGE) as found:
        yield found.driver


def curve(browser, name: str) -> str:
    line = browser.find_element("css selector", f"#fig-interactive-{name} path.ia-line")
    return line.get_attribute("d")


@pytest.mark.parametrize(
    ("name", "slider", "keys", "expected"),
    [
        ("bandwidth", "ia-bandwidth-d", "\ue014" * 20, "d = 40, σ = 1"),
        ("sinkhorn", "ia-sinkhorn-d", "\ue012" * 19, "½ W₂² = 0.625"),
        ("weights", "ia-weights-alpha", "\ue012" * 10, "a code carries 0.49 nats"),
    ],
    ids=["bandwidth", "sinkhorn", "weights"],
)
def test_the_keyboard_moves_a_slider_and_text_and_curve_follow(
    browser, name, slider, keys, expected
):
    before, line = said(browser, name), curve(browser, name)
    element = browser.find_element("id", slider)
    label = browser.find_element("css selector", f"label[for={slider}]")
    assert label.is_displayed()
    element.send_keys(keys)
    assert said(browser, name) != before
    assert expected in said(browser, name)
    assert curve(browser, name) != line
    assert element.get_attribute("aria-valuetext")
    output = browser.find_element("css selector", f"#fig-interactive-{name} output")
    assert output.get_attribute("aria-live") == "polite"


def test_the_weights_figure_says_what_two_choices_of_d_cost(browser):
    """At the thesis's weights one holds the codes and the other does not."""
    buttons = browser.find_elements("css selector", "#fig-interactive-weights .ia-buttons button")
    texts = {}
    for button in buttons:
        button.click()
        texts[button.text] = said(browser, "weights")
    thesis = texts["α and λ of the thesis"]
    price = 20 * closed_forms.size_cost(2.25, 1000)
    assert f"{float(f'{price:.3g}'):.0f} nats in 20 dimensions with D = KL" in thesis
    bounded = closed_forms.mmd_size_cost(2.25, 1, 1000, 20, 1.0)
    assert bounded < 1000 * closed_forms.escape(20, 1.0) ** 2 < 0.02
    assert f"and {bounded:.3g} with D = MMD²" in thesis
    assert "Choose λ ≥ 1" in texts["a negative weight"]


# Calculator -------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", [in_node, in_chromium])
def test_sizes_read_what_was_asked_and_the_price_is_that_of_the_package(run, tmp_path):
    asked = [
        (read, d, sigma) for read in (1e-3, 0.05, 0.3, 0.7) for d in (2, 20) for sigma in (1, 4)
    ]
    sizes, costs = json.loads(
        run(
            f"JSON.stringify([{json.dumps(asked)}.map((one) => InfoVAEMaths.sizes(...one)),"
            f"{json.dumps(asked)}.map(([, d, s]) => InfoVAEMaths.price(1.5, d, s, 1000))])",
            tmp_path,
        )
    )
    found = 0
    for (read, d, sigma), (small, large) in zip(asked, sizes, strict=True):
        for size, most in (
            (small, closed_forms.mmd(0, d, sigma)),
            (large, closed_forms.escape(d, sigma)),
        ):
            assert (size is None) == (read > most)
            if size is not None:
                assert closed_forms.mmd(size, d, sigma) == pytest.approx(read, rel=1e-6)
                found += 1
        assert small is None or large is None or small <= 1 <= large
    assert found > 10
    expected = [1000 * prices.price("mmd", {"bandwidth": s}, d) for _, d, s in asked]
    assert costs == pytest.approx(expected, rel=1e-6)


DIAGNOSES = [
    (0.0, 80, 1.0, 128, "blind"),
    (0.001, 20, math.sqrt(20), 128, "match"),
    (closed_forms.escape(10, 1.0), 10, 1.0, 4096, "escape"),
    (0.5 * closed_forms.escape(10, 1.0), 10, 1.0, 4096, "size"),
    (closed_forms.mmd(0.5, 10, 1.0), 10, 1.0, 4096, "small"),
    (closed_forms.mmd(0.0, 10, 1.0), 10, 1.0, 4096, "small"),
    (1.2, 10, 1.0, 4096, "apart"),
]


def test_a_reading_is_told_for_what_it_is(tmp_path):
    given = [list(one[:4]) for one in DIAGNOSES]
    expression = f"JSON.stringify({json.dumps(given)}.map((one) => InfoVAEMaths.diagnosis(...one)))"
    assert json.loads(in_node(expression, tmp_path)) == [one[4] for one in DIAGNOSES]


def test_the_calculator_says_what_the_closed_forms_do(browser):
    figure = browser.find_element("id", "fig-interactive-calculator")
    figure.find_element("xpath", ".//button[text()='σ² = d']").click()
    reading = browser.find_element("id", "ia-calculator-reading")
    reading.clear()
    assert "My reading is to be a number" in said(browser, "calculator")
    reading.send_keys("0.3")
    text, sigma = said(browser, "calculator"), math.sqrt(20)
    gone = closed_forms.escape(20, sigma)
    assert f"codes that have left read {gone:.3g};" in text
    assert f"reads at most {closed_forms.match_bound(20, sigma, 128):.3g} on average" in text
    price = 1000 * closed_forms.mmd(1.5, 20, sigma) ** 2
    assert f"cost {price:.3g} nats, and leaving costs at most {1000 * gone**2:.3g}." in text
    size = re.search(r"is that of codes ([\d.]+) times the prior’s size, or ([\d.]+) times", text)
    assert size
    for one in size.groups():
        assert closed_forms.mmd(float(one), 20, sigma) == pytest.approx(0.3, rel=0.02)


# Ruler and eye ----------------------------------------------------------------------------------


def test_principal_directions_neither_stretch_codes_nor_choose_among_them():
    rng = np.random.default_rng(0)
    plane = 3 * rng.standard_normal((400, 2)) + [4, -1]
    shown = live.principal(plane)
    np.testing.assert_allclose(np.linalg.norm(shown, axis=1), np.linalg.norm(plane[200:], axis=1))
    # In 80 dimensions the farthest directions of 250 codes exceed 1.4 for those codes themselves.
    prior = rng.standard_normal((500, 80))
    assert np.linalg.svd(prior[:250], compute_uv=False)[1] / math.sqrt(250) > 1.4
    assert live.principal(prior).std(0) == pytest.approx([1, 1], abs=3 / math.sqrt(500))


@pytest.mark.parametrize(("model", "label", "at"), [("vae", "VAE", 3), ("infovae_mmd", "MMD", 0)])
def test_codes_and_readings_are_those_of_the_store(browser, model, label, at):
    """The drawn codes, in units of the drawn circle, are the stored ones."""
    d = (2, 5, 10, 20, 40, 60, 80)[at]
    figure = browser.find_element("id", "fig-interactive-ruler-and-eye")
    button = figure.find_element("xpath", f".//button[text()='{label}']")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    figure.find_element("id", "ia-eye-d").send_keys("\ue011" + "\ue014" * at)
    runs = Selection("experiment2", seeds=(0,), latent_dims=(d,)).require()
    (result,) = [result for run, result in runs.items() if run.model == model]
    circle, points = browser.execute_script(
        "const [f] = arguments, n = (e, ...names) => names.map((a) => Number(e.getAttribute(a)));"
        "return [n(f.querySelector('.ia-circle'), 'cx', 'cy', 'rx', 'ry'),"
        "[...f.querySelectorAll('.ia-code')].map((e) => n(e, 'cx', 'cy'))]",
        figure,
    )
    cx, cy, rx, ry = circle
    assert rx == pytest.approx(ry, rel=1e-9)
    unit = rx / math.sqrt(-2 * math.log(0.05))
    found = np.array([((x - cx) / unit, (cy - y) / unit) for x, y in points])
    expected = live.principal(result.arrays["codes"])[: live.SHOWN]
    width = max(3.2, 1.05 * np.abs(expected).max())
    np.testing.assert_allclose(found, expected, atol=width / live.STEPS)
    text = said(browser, "ruler-and-eye")
    reads, size, auc = (f"{result.metrics[name]:.3g}" for name in live.READINGS)
    assert f", d = {d}: the ruler reads {reads}" in text
    assert f"The codes have {size} times" in text
    assert f"(AUC {auc})" in text


@functools.cache
def stored(number: str) -> dict[Run, Result]:
    """What is stored of an experiment."""
    return Selection(f"experiment{number}").require()


# Change the ruler -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["2", "3"])
@pytest.mark.parametrize("ruler", ["val_mmd", "classifier_auc"])
def test_lines_stand_where_the_ruler_ranks_the_models(browser, number, ruler):
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
    figure = browser.find_element("id", f"fig-interactive-change-the-ruler-{number}")
    heading = rank_plots.RULERS[ruler][0].replace("\n", " ")
    figure.find_element("xpath", f".//button[text()='{heading}']").click()
    lines = browser.execute_script(
        "return [...arguments[0].querySelectorAll('path[data-model]')].map("
        "(e) => [e.dataset.model, e.getAttribute('d')])",
        figure,
    )
    results = stored(number)
    ours = frames.frame(results)
    dims = sorted({run.latent_dim for run in results})
    drawn = {
        model: [float(pair.split(",")[1]) for pair in path[1:].split(" L")] for model, path in lines
    }
    assert {len(heights) for heights in drawn.values()} == {len(dims)}
    for at, d in enumerate(dims):
        found = rank_plots.readings(ours, list(live.labels(results)), d)
        best_first = list(rank_plots.ranks(found)[ruler].sort_values().index)
        assert sorted(drawn, key=lambda model: drawn[model][at]) == best_first
        if d == 20:
            readings = [rank_plots.printed(found.loc[m, ruler], ruler) for m in best_first]
            listed = said(browser, f"change-the-ruler-{number}").split("nearest first: ")[1]
            assert [one.rsplit(" ", 1)[1] for one in listed[:-1].split(", ")] == readings
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_change_of_the_ruler_is_seen_to_happen(browser):
    figure = browser.find_element("id", "fig-interactive-change-the-ruler-2")
    first, second = (
        figure.find_element("xpath", f".//button[text()='{name}']")
        for name in ("MMD σ = 1", "classifier AUC")
    )
    first.click()
    seen = browser.execute_async_script(
        "const [f, button, done] = arguments, seen = new Set();"
        "const line = () => f.querySelector('path[data-model=vae]').getAttribute('d');"
        "const end = () => setTimeout(() => done([...seen, line()]), 700);"
        "setTimeout(() => { button.click(); const watch = () => { seen.add(line());"
        "seen.size < 4 ? requestAnimationFrame(watch) : end(); }; watch(); }, 700)",
        figure,
        second,
    )
    assert len(set(seen)) == 5


def test_the_still_gives_way_on_the_screen_and_comes_back_in_print(browser):
    stills_ = browser.find_elements("css selector", "figure img")
    assert len(stills_) == len(ON_THE_PAGE)
    assert not any(picture.is_displayed() for picture in stills_)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert all(picture.is_displayed() for picture in stills_)
    assert not any(
        live.is_displayed() for live in browser.find_elements("css selector", ".ia-live")
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_scripts_the_still_is_there(browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.refresh()
    stills_ = browser.find_elements("css selector", "figure img")
    assert len(stills_) == len(ON_THE_PAGE)
    assert all(picture.is_displayed() for picture in stills_)
    assert not browser.find_elements("css selector", ".ia-live")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.refresh()


def test_figures_fit_a_phone_and_raise_no_error(browser):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.refresh()
    browser.get_log("browser")
    for name in ON_THE_PAGE:
        assert said(browser, name)
    heard = browser.execute_script(
        "return [...document.querySelectorAll('.ia-buttons button')].map((button) => {"
        "button.click(); return button.closest('figure').querySelector('output').textContent; })"
    )
    assert heard
    assert not [text for text in heard if re.search("NaN|undefined|Infinity", text)]
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    assert browser.get_log("browser") == []
