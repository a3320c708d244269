"""The site as a reader gets it: built once, its files parsed, its pages opened in a browser.

With INFOVAE_SITE naming a folder of built pages, those are checked and none are built.
"""

import base64
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from infovae_core.report.claims import LEDGER, Verdict, find
from infovae_core.report.figures.drawn import COLUMNS
from infovae_core.report.policy import guard
from infovae_core.report.presenting import NARROW
from tests import website
from tests.browser import Browser, programs, served, visit

ROOT = Path(__file__).parents[1]
# Bytes, with room for some pages more.
MOST = 48e6
# Of a page without its pictures.
LIGHT = 1.5e6
KINDS = ("mathematics", "pictures", "descriptions", "overflow", "themes", "console", "hosts")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# A small page without a fault; {} is where the tests put one.
SOUND = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
<title>Page</title><link rel="icon" href="pixel.png">
<style>:root {{ background: #fff; color: #222; }}
:root[data-theme=dark] {{ background: #111; color: #ddd; }} a {{ color: inherit; }}</style>
<script>document.documentElement.dataset.theme =
matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";</script>
<article><h1 id="top">Page <a href="#top">link</a></h1> <a href="https://elsewhere.example">away</a>
<div style="overflow-x: auto"><div style="width: 900px">a wide box that scrolls</div></div>
<img src="pixel.png" alt="A dot"><img src="pixel.png" alt="" role="presentation">{}</article>"""


# The book -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built book."""
    if given := os.environ.get("INFOVAE_SITE"):
        assert (Path(given) / "index.html").is_file(), f"INFOVAE_SITE: no pages in {given}"
        return Path(given)
    folder = tmp_path_factory.mktemp("site")
    # With the environment of these tests, whatever it is.
    build = ["make", "book", f"OUT={folder}", f"BIN={Path(sys.executable).parent}", "INSTALLED="]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return folder / "_build" / "html"


@pytest.fixture(scope="session")
def browser():
    found = programs()
    if found is None:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    browser = Browser(*found)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def base(site):
    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def visited(browser, site, base):
    return visit(browser, site, base)


@pytest.mark.site
def test_every_chapter_of_the_contents_is_a_page(site) -> None:
    names = {page.relative_to(site).as_posix() for page in website.pages(site)}
    contents = website.chapters(ROOT / "_toc.yml")
    assert len(contents) > 5
    assert {f"{chapter}.html" for chapter in contents} <= names
    assert {"index.html", "search.html", "genindex.html"} <= names


@pytest.mark.site
def test_every_link_anchor_citation_and_reference_resolves(site) -> None:
    assert website.unresolved(site) == []


@pytest.mark.site
def test_no_address_of_another_host_is_loaded(site) -> None:
    assert website.foreign(site) == []


@pytest.mark.xfail(reason="the site has 76 MB, 26 of them the archive of its source", strict=False)
@pytest.mark.site
def test_the_site_is_small_and_has_no_bundle_of_mathjax_or_of_icons(site) -> None:
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < MOST
    assert not list(site.rglob("*.map"))
    scripts = {path.name for path in (site / "_static" / "mathjax").glob("*.js")}
    assert scripts == {"startup.js", "core.js"}
    assert "_static/mathjax/startup.js" in (site / "book" / "index.html").read_text("utf-8")
    assert not list(site.rglob("*fontawesome*"))


@pytest.mark.site
def test_every_page_has_a_policy_that_lets_in_the_site_alone(site) -> None:
    assert website.unguarded(site) == []


@pytest.mark.site
@pytest.mark.parametrize(
    "code",
    [
        "document.head.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.ran = 1'}))",
        "document.body.insertAdjacentHTML('beforeend',"
        ' \'<img src="none" onerror="window.ran = 1">\')',
        "setTimeout('window.ran = 1')",
        "document.body.append(Object.assign(document.createElement('script'),"
        " {src: 'http://127.0.0.1:9/x.js'}))",
    ],
)
def test_what_is_not_of_the_site_is_refused(browser, base, code) -> None:
    browser.driver.get(base + "book/index.html")
    refused = browser.driver.execute_async_script(
        "const done = arguments[0]; document.addEventListener('securitypolicyviolation',"
        f" (event) => done(event.effectiveDirective)); {code}"
    )
    assert refused.startswith("script-src")
    assert browser.driver.execute_script("return window.ran ?? null") is None


@pytest.mark.site
def test_search_toggles_and_what_mathjax_loads_keep_to_the_policy(browser, base) -> None:
    """Pages that are only opened are seen by the check of the console."""
    browser.logged(base)
    browser.found(base + "search.html?q=Sinkhorn")
    browser.driver.get(base + "book/ledger.html")
    clicked = browser.driver.execute_script(
        "window.print = () => {}; document.documentElement.requestFullscreen = async () => {};"
        "const found = document.querySelectorAll('button.theme-switch-button, .toggle-button,"
        " summary, .copybtn, .claim-filter input, button[onclick]');"
        "for (const one of found) one.click();"
        # The theme that is chosen here would be that of every page opened after this one.
        "localStorage.clear(); return found.length"
    )
    assert clicked > 10
    browser.driver.get(base + "book/family.html")
    browser.driver.execute_async_script(
        "const done = arguments[0]; MathJax.startup.promise"
        ".then(() => MathJax.loader.load('a11y/explorer', 'output/svg')).then(() => done())"
    )
    said = browser.logged(base)["console"]
    assert [line for line in said if "Content Security Policy" in line] == []


@pytest.mark.site
def test_what_mathjax_loads_on_demand_is_there(browser, base) -> None:
    browser.driver.get(base + "book/family.html")
    missing = browser.driver.execute_async_script(
        "const [parts, done] = arguments; MathJax.startup.promise"
        ".then(() => MathJax.loader.load(...parts)).then(() => done(null), (e) => done(String(e)))",
        ["a11y/explorer", "a11y/complexity", "output/svg", "[tex]/cancel"],
    )
    assert missing is None


@pytest.mark.site
@pytest.mark.parametrize("kind", KINDS)
def test_no_page_has_a_fault_in_the_browser(visited, kind) -> None:
    faults, _ = visited
    assert faults[kind] == []


@pytest.mark.site
def test_the_search_finds_what_is_there_and_nothing_else(browser, base, site) -> None:
    assert "Bibliography" in browser.found(base + "search.html?q=Sinkhorn")
    assert browser.found(base + "search.html?q=xyzzyxyzzy") == []


@pytest.mark.site
@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("install", "Running it again"),
        ("interactive", "InfoVAE, re-examined"),
        ("recommended", "InfoVAE, re-examined"),
    ],
)
def test_the_search_leads_visitors_on(browser, base, word, title) -> None:
    assert title in browser.found(f"{base}search.html?q={word}")


VISIBLE = """return [...document.querySelectorAll('figure picture')]
.filter((one) => getComputedStyle(one).display !== 'none')
.map((one) => [one.className, one.querySelector('img').clientWidth,
one.querySelector('img').naturalWidth, one.querySelector('img').currentSrc])"""


@pytest.mark.site
@pytest.mark.parametrize(
    ("width", "theme"), [(1400, "light"), (1280, "dark"), (1000, "light"), (390, "dark")]
)
def test_figures_follow_the_theme_and_are_shown_at_a_size_whose_text_is_legible(
    browser, base, width, theme
) -> None:
    """Their least text is 12 pixels high (tests/test_pages.py), so that 11 are 0.92 of a figure."""
    browser.load(base + "notebooks/experiment2.html", width, theme)
    shown = browser.driver.execute_script(VISIBLE)
    assert len(shown) >= 6
    for name, drawn, natural, address in shown:
        assert name == {"light": "by-day", "dark": "by-night"}[theme]
        assert address.endswith("-night.svg") is (theme == "dark")
        assert ("-narrow" in address) is (width <= NARROW)
        assert drawn / natural >= 0.92, (address, drawn, natural)
    other = {"light": "dark", "dark": "light"}[theme]
    browser.driver.execute_script(f"document.documentElement.dataset.theme = '{other}'")
    assert {name for name, *_ in browser.driver.execute_script(VISIBLE)} == {
        {"light": "by-day", "dark": "by-night"}[other]
    }


@pytest.mark.site
def test_print_shows_figures_by_day_and_no_links_of_theirs(browser, base) -> None:
    browser.load(base + "notebooks/experiment2.html", 800, "dark")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        shown = browser.driver.execute_script(VISIBLE)
        assert {name for name, *_ in shown} == {"by-day"}
        links = "document.querySelectorAll('.figure-links, details.set-up')"
        hidden = f"return [...{links}].every((one) => getComputedStyle(one).display === 'none')"
        assert browser.driver.execute_script(hidden)
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.xfail(
    reason="cold pages have 1.9 MB before pictures, 0.5 of them MathJax", strict=False
)
@pytest.mark.site
@pytest.mark.parametrize("page", ["index.html", "balance.html", "divergences.html"])
def test_a_cold_page_is_light_before_its_pictures(browser, base, page) -> None:
    """At 10 Mbit/s its formulas are there in less than two seconds."""
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.load(f"{base}book/{page}")
    entries = browser.driver.execute_script(
        "return [...performance.getEntriesByType('navigation'), "
        "...performance.getEntriesByType('resource')]"
        ".map((one) => [one.name, one.initiatorType, one.encodedBodySize])"
    )
    weights = {name: size for name, kind, size in entries if kind != "img"}
    assert len(weights) > 5
    assert sum(weights.values()) < LIGHT, sorted(weights.items(), key=lambda one: -one[1])[:8]


@pytest.mark.site
def test_the_source_can_be_downloaded_from_the_landing_page(site) -> None:
    page = website.parse(site / "book" / "index.html")
    (link,) = page.select("a[href$='.tar.gz']")
    with tarfile.open((site / "book" / str(link["href"])).resolve()) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"Makefile", "README.md", "book/index.md", "notebooks/experiment2.md"} <= names


@pytest.mark.site
def test_every_figure_of_an_experiment_leads_to_its_data_unless_it_is_of_pictures(site) -> None:
    for name in ("experiment1", "experiment2", "experiment3"):
        page = website.parse(site / "notebooks" / f"{name}.html")
        for figure in page.select("figure[id]:has(picture)"):
            links = figure.select(".figure-links a")
            assert bool(links) is (figure["id"] != "fig-6")
            for link in links:
                rows = pd.read_csv((site / "notebooks" / str(link["href"])).resolve())
                assert len(rows) > 5 and list(rows) == COLUMNS


@pytest.mark.xfail(
    reason="the calculator says no new value for a weight that moves none", strict=False
)
@pytest.mark.site
def test_every_interactive_figure_follows_the_arrow_keys(browser, base, visited) -> None:
    _, pages = visited
    browser.logged(base)
    for page in pages:
        count, faults = browser.interactive(base + page)
        assert count > 0
        assert faults == [], page
    assert browser.logged(base)["console"] == []


@pytest.mark.site
def test_there_is_an_interactive_figure(visited) -> None:
    _, pages = visited
    assert pages


@pytest.mark.xfail(reason="the doors end 39 pixels below the first screen", strict=False)
@pytest.mark.site
def test_the_first_screen_holds_a_sentence_a_figure_five_verdicts_and_three_doors(
    browser, base
) -> None:
    browser.load(base + "book/index.html", width=1400)  # 900 pixels high
    ends = browser.driver.execute_script(
        "return ['p.claim', 'figure', '.verdicts > li', '.doors a'].map((what) =>"
        "[...document.querySelectorAll(`article ${what}`)].map((one) => [one.clientHeight || "
        "one.offsetHeight, one.getBoundingClientRect().bottom]))"
    )
    sentence, (figure, *_), verdicts, doors = ends[0][0], ends[1], ends[2], ends[3]
    assert len(verdicts) == 5 and len(doors) == 3
    assert max(bottom for _, bottom in (sentence, figure, *verdicts, *doors)) < 900
    assert max(height for height, _ in verdicts) < 40  # A line each.


@pytest.mark.site
def test_the_ledger_has_a_row_for_every_claim_and_filters_by_verdict(browser, base) -> None:
    browser.driver.get(base + "book/ledger.html")
    rows = "[...document.querySelectorAll('table.claims > tbody > tr')]"
    words = browser.driver.execute_script(f"return {rows}.map(row => row.innerText)")
    assert len(words) == len(LEDGER)
    for claim in LEDGER:
        assert any(str(find(claim.id).verdict) in one for one in words)
    shown = browser.driver.execute_script(
        "document.querySelector('.claim-filter input[value=fails]').click();"
        f"return {rows}.filter(row => row.offsetParent !== null).map(row => row.innerText)"
    )
    failing = [claim for claim in LEDGER if find(claim.id).verdict is Verdict.FAILS]
    assert len(shown) == len(failing)
    assert all(one.startswith("fails") for one in shown)
    told = browser.driver.execute_script(
        "return document.querySelector('.claim-filter output').textContent"
    )
    assert told == f"{len(failing)} of {len(LEDGER)} claims shown"


@pytest.mark.site
def test_a_link_to_a_claim_opens_its_evidence(browser, base) -> None:
    browser.driver.get(base + "index.html")  # A link within a page would not load it again.
    browser.driver.get(base + "book/ledger.html#claim-mmd-lets-go")
    opened = browser.driver.execute_script(
        "return [...document.querySelectorAll('details[open]')].map(one => one.innerText)"
    )
    assert len(opened) == 1
    assert "InfoVAE-MMD, d = 20: ‖z‖/√d" in opened[0] and "Runs: Experiment 2" in opened[0]


# The checks themselves: each finds a fault that was put there -----------------------------------


@pytest.fixture
def pages(tmp_path):
    """Write `index.html` with a fault in it, beside a sound page and a picture."""
    (tmp_path / "pixel.png").write_bytes(PIXEL)
    (tmp_path / "other.html").write_text(SOUND.format(""), encoding="utf-8")

    def write(fault: str = "") -> Path:
        (tmp_path / "index.html").write_text(SOUND.format(fault), encoding="utf-8")
        return tmp_path

    return write


def test_a_sound_page_has_no_fault(pages) -> None:
    root = pages('<a href="other.html#top">other</a><a href="other.html?q=1">asks</a>')
    assert website.unresolved(root) == website.foreign(root) == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ('<a href="none.html">x</a>', "none.html: no such file"),
        ('<a href="other.html#none">x</a>', "other.html#none: no such anchor"),
        ('<a href="#none">x</a>', "#none: no such anchor"),
        ('<a href="../../etc/passwd">x</a>', "../../etc/passwd: leads out of the site"),
        ('<img src="none.png" alt="x">', "none.png: no such file"),
        ('<img srcset="pixel.png 1x, none.png 2x" alt="x">', "none.png: no such file"),
        ('<script src="none.js"></script>', "none.js: no such file"),
        ('<p style="background: url(none.png)">x</p>', "none.png: no such file"),
        ('<meta http-equiv="Refresh" content="0; url=none.html">', "none.html: no such file"),
        ('<form action="none.html"></form>', "none.html: no such file"),
        ('<span class="xref std std-ref">ch-none</span>', "'ch-none': a reference to nothing"),
        ('<span class="bibtex-citation">[?]</span>', "'[?]': a reference to nothing"),
        ('<span class="problematic">{ref}</span>', "'{ref}': a reference to nothing"),
    ],
)
def test_what_leads_nowhere_is_found(pages, fault, message) -> None:
    assert website.unresolved(pages(fault)) == [f"index.html: {message}"]


def test_a_style_sheet_is_read_as_well(pages) -> None:
    root = pages()
    sheet = '@import "//a.example/x"; p { background: url("none.woff") } /* url(no) */'
    (root / "a.css").write_text(sheet, encoding="utf-8")
    assert website.unresolved(root) == ["a.css: none.woff: no such file"]
    assert website.foreign(root) == ["a.css: //a.example/x"]


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ("", "no policy before all else"),
        ('<script src="a.js"></script><meta http-equiv="{}" content="default-src \'self\'">',
         "no policy before all else"),
        ('<meta http-equiv="{}" content="script-src \'self\'">', "no default"),
        ('<meta http-equiv="{}" content="default-src \'self\' https:">', "default-src https:"),
        ('<meta http-equiv="{}" content="default-src \'self\'; script-src \'unsafe-eval\'">',
         "script-src 'unsafe-eval'"),
        ('<meta http-equiv="{}" content="default-src \'self\'; script-src \'unsafe-inline\'">',
         "script-src 'unsafe-inline'"),
    ],
)  # fmt: skip
def test_a_policy_that_is_missing_late_or_wide_is_found(tmp_path, head, fault) -> None:
    page = f"<title>x</title>{head.format('Content-Security-Policy')}<link href='x.css'>"
    for name in ("bare", "guarded"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(page, encoding="utf-8")
    guard([tmp_path / "guarded" / "index.html"])
    assert website.unguarded(tmp_path / "bare") == [f"index.html: {fault}"]
    assert website.unguarded(tmp_path / "guarded") == []


@pytest.mark.parametrize(
    "fault",
    [
        '<script src="https://a.example/x"></script>',
        '<link rel="stylesheet" href="//a.example/x">',
        '<img src="https://a.example/x" alt="x">',
        '<img srcset="https://a.example/x 2x" alt="x">',
        '<iframe src="https://a.example/x"></iframe>',
        "<style>@import url(https://a.example/x);</style>",
        '<video poster="https://a.example/x"></video>',
    ],
)
def test_what_another_host_would_send_is_found(pages, fault) -> None:
    (found,) = website.foreign(pages(fault))
    assert found.endswith("//a.example/x")


BROKEN = [
    ("mathematics", r'<span class="math">\(x\)</span>', r"not typeset: \(x\)"),
    ("mathematics", "<p>costs $x^2$ nats</p>", "raw: costs $x^2$ nats"),
    ("mathematics", r"<p>so \[x\] holds</p>", r"raw: so \[x\] holds"),
    ("mathematics", "<mjx-merror>undefined</mjx-merror>", "error in undefined"),
    ("pictures", '<img src="none.png" alt="x">', "not loaded: none.png"),
    ("descriptions", '<img src="pixel.png">', "no alternative text: pixel.png"),
    ("descriptions", '<img src="pixel.png" alt="">', "no alternative text: pixel.png"),
    (
        "descriptions",
        '<img src="pixel.png" alt="../_images/pixel.png">',
        "no alternative text: pixel.png",
    ),
    ("descriptions", '<svg class="s" role="img"></svg>', "no alternative text: svg"),
    ("descriptions", "<canvas></canvas>", "no alternative text: canvas"),
    ("overflow", '<div style="width: 500px">wide</div>', "the page is"),
    (
        "overflow",
        '<div style="overflow-x: hidden"><p style="width: 500px">cut off</p></div>',
        "ends at 508 of 390 pixels: p cut off",
    ),
    ("themes", '<p style="color: #bbb; background: #fff">faint</p>', "contrast 1.9: p faint"),
    (
        "themes",
        "<script>document.documentElement.dataset.theme = 'light'</script>",
        "the theme is light, not dark",
    ),
    ("console", "<script>throw new Error('thrown')</script>", "thrown"),
    ("console", "<script>console.error('complaint')</script>", "complaint"),
    ("console", '<img src="none.png" alt="x">', "404"),
    ("hosts", '<img src="http://a.example/x" alt="x">', "http://a.example/x"),
    ("hosts", "<script>fetch('https://a.example/y').catch(() => 0)</script>", "a.example/y"),
    ("hosts", "<script>new WebSocket('wss://a.example/z')</script>", "wss://a.example/z"),
]


def test_the_browser_finds_no_fault_in_a_sound_page(pages, browser) -> None:
    root = pages('<svg role="img" aria-label="A line"></svg><code>$HOME and $PATH</code>')
    with served(root) as address:
        found, interactive = visit(browser, root, address)
    assert interactive == []
    assert found.keys() == set(KINDS)
    assert not any(found.values()), found


def test_a_figure_that_a_script_makes_is_seen(pages, browser) -> None:
    root = pages(
        "<script>document.body.append(Object.assign(document.createElement('div'), "
        "{ className: 'interactive' }));</script>"
    )
    with served(root) as address:
        assert visit(browser, root, address)[1] == ["index.html"]


@pytest.mark.parametrize(("kind", "fault", "message"), BROKEN)
def test_the_browser_finds_a_fault(pages, browser, kind, fault, message) -> None:
    with served(pages(fault)) as address:
        found = browser.load(address, width=390, theme="dark")
    assert any(message in line for line in found[kind]), found


FIGURE = """<div class="interactive">{label}<input id="s" type="range" min="0" max="3" value="3">
<output aria-live="polite">3</output></div>"""
LABEL = '<label for="s">size</label>'
FOLLOW = """<script>document.getElementById("s").oninput = (event) =>
{ document.querySelector("output").textContent = event.target.value; };</script>"""


@pytest.mark.parametrize(
    ("figure", "faults"),
    [
        (FIGURE.format(label=LABEL) + FOLLOW, []),
        (FIGURE.format(label="") + FOLLOW, ["figure 1, slider '': needs a label"]),
        (FIGURE.format(label=LABEL), ["figure 1, slider 'size': the readout does not follow"]),
        (
            FIGURE.format(label=LABEL).replace("aria-live", "class"),
            ["figure 1: needs a slider, and a readout with aria-live"],
        ),
        (
            '<div class="interactive"><output aria-live="polite">1</output></div>',
            ["figure 1: needs a slider, and a readout with aria-live"],
        ),
    ],
)
def test_a_slider_without_effect_is_found(pages, browser, figure, faults) -> None:
    with served(pages(figure)) as address:
        assert browser.interactive(address, seconds=0.5) == (1, faults)
