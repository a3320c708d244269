"""Checks of a built site's pages, in a headless Chromium that reaches this machine only.

Each check returns the faults it finds, one line each, and none for a sound page. `browser.js` holds
those that are made inside a page.
"""

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from urllib.parse import urlsplit

from selenium.common.exceptions import TimeoutException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.website import pages, redirect

HELPER = Path(__file__).with_suffix(".js")


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that keeps no log."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a folder on this machine; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def programs() -> tuple[str, str] | None:
    """A Chromium and its driver, if both are installed."""
    browser = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """A headless Chromium that reaches this machine only, and reports what it asked for."""

    def __init__(self, browser: str, driver: str) -> None:
        """Start it, with a profile of its own."""
        # Selenium neither looks for drivers nor reports its use.
        os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
        self.profile = TemporaryDirectory(ignore_cleanup_errors=True)
        options = ChromeOptions()
        options.binary_location = browser
        for argument in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={self.profile.name}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = Chrome(options, Service(driver))
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)
        source = HELPER.read_text(encoding="utf-8")
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})

    def close(self) -> None:
        """End it."""
        self.driver.quit()
        self.profile.cleanup()

    def load(self, url: str, width: int = 1280, theme: str = "light") -> dict[str, list[str]]:
        """Open a page, wait until it is typeset, and list its faults by kind.

        Args:
            url: Its address.
            width: Of the window; up to 600 pixels it is that of a telephone.
            theme: "light" or "dark", as the reader's system prefers it.
        """
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width <= 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.logged(url)
        self.driver.get(url)
        faults: dict[str, list[str]] = self.driver.execute_async_script(
            "pageFaults(arguments[0]).then(arguments[1])", theme
        )
        return faults | self.logged(url)

    def logged(self, url: str) -> dict[str, list[str]]:
        """Since the last call: complaints, and requests to other hosts than that of `url`."""
        errors = [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")
        ]
        asked = []
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                asked.append(event["params"]["request"]["url"])
            if event["method"] == "Network.webSocketCreated":
                asked.append(event["params"]["url"])
        own = urlsplit(url).netloc
        hosts = [one for one in asked if urlsplit(one).netloc not in ("", own)]
        return {"console": errors, "hosts": hosts}

    def found(self, url: str, seconds: float = 20) -> list[str]:
        """Open a page of search results; the titles of what was found."""
        self.driver.get(url)
        summary = "#search-results .search-summary"

        def finished(driver: Chrome) -> bool:
            text = driver.find_element(By.CSS_SELECTOR, summary).text
            return "Search finished" in text or "did not match" in text

        WebDriverWait(self.driver, seconds).until(finished)
        return [link.text for link in self.driver.find_elements(By.CSS_SELECTOR, "ul.search li a")]

    def interactive(self, url: str, seconds: float = 5) -> tuple[int, list[str]]:
        """Press an arrow key on every slider of a page.

        Returns:
            The number of interactive figures, and the faults: sliders without a label, and those
            whose figure's readout stays the same.
        """
        self.driver.get(url)
        figures = self.driver.find_elements(By.CSS_SELECTOR, ".interactive")
        faults = []
        for n, figure in enumerate(figures, 1):
            sliders = figure.find_elements(By.CSS_SELECTOR, "input[type=range]")
            sliders = [one for one in sliders if one.is_displayed()]
            readouts = figure.find_elements(By.CSS_SELECTOR, "[aria-live]")

            def shown(readouts: list[WebElement] = readouts) -> str:
                return " ".join(str(one.get_property("textContent")) for one in readouts)

            if not sliders or not self.becomes(lambda shown=shown: shown().strip(), seconds):
                faults.append(f"figure {n}: needs a slider, and a readout with aria-live")
                continue
            for slider in sliders:
                what = f"figure {n}, slider {slider.accessible_name!r}"
                if not slider.accessible_name:
                    faults.append(f"{what}: needs a label")
                before = shown()
                at_end = slider.get_property("value") == slider.get_property("max")
                slider.send_keys(Keys.ARROW_LEFT if at_end else Keys.ARROW_RIGHT)
                if not self.becomes(lambda shown=shown, before=before: shown() != before, seconds):
                    faults.append(f"{what}: the readout does not follow")
        return len(figures), faults

    def becomes(self, true: Callable[[], object], seconds: float) -> bool:
        """Whether something holds within some seconds."""
        try:
            WebDriverWait(self.driver, seconds, 0.05).until(lambda _: true())
        except TimeoutException:
            return False
        return True


def visit(browser: Browser, root: Path, base: str) -> tuple[dict[str, list[str]], list[str]]:
    """Open every page on a desk in the light, and on a telephone in the dark.

    Returns:
        The faults by kind, and the pages that have interactive figures; those may be made by a
        script, so that only the browser knows them.
    """
    faults, interactive = defaultdict(list), []
    for page in filter(lambda page: redirect(page) is None, pages(root)):
        name = page.relative_to(root).as_posix()
        for width, theme in ((1280, "light"), (390, "dark")):
            for kind, lines in browser.load(base + name, width, theme).items():
                faults[kind] += [f"{name} ({width} pixels, {theme}): {line}" for line in lines]
        if browser.driver.find_elements(By.CSS_SELECTOR, ".interactive"):
            interactive.append(name)
    return faults, interactive
