"""The figures in which trained models run, in a browser: mouse, finger and keyboard."""

import json
import math

import numpy as np
import pytest
import torch
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput

from infovae_core.report.figures import live
from infovae_core.study import export
from tests.fragments import opened, said
from tests.test_nets import CODE

FIGURES = ["between", "draw", "plane", "samples"]
MODELS = live.plane()["models"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser at a page with the four figures."""
    with opened(tmp_path_factory.mktemp("site"), FIGURES) as found:
        yield found


@pytest.fixture
def driver(browser):
    return browser.driver


def figure(driver, name: str):
    return driver.find_element("id", f"fig-interactive-{name}")


def press(driver, name: str, text: str) -> None:
    button = figure(driver, name).find_element("xpath", f".//button[text()='{text}']")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def choose(browser, name: str, model: dict[str, object]) -> None:
    """Choose a model, and wait until it runs."""
    press(browser.driver, name, str(model["label"]))
    assert browser.becomes(lambda: said(browser.driver, name).startswith(str(model["label"])), 20)


def pixels(driver, name: str, at: int) -> np.ndarray:
    """Grey levels of one of a figure's pictures of 28 × 28."""
    levels = driver.execute_script(
        "const canvas = arguments[0].querySelectorAll('canvas[width=\"28\"]')[arguments[1]];"
        "const { data } = canvas.getContext('2d').getImageData(0, 0, 28, 28);"
        "return [...data].filter((_, i) => i % 4 === 0)",
        figure(driver, name),
        at,
    )
    return np.array(levels, float)


def weights(model: dict[str, object]):
    return export.read(export.FOLDER / f"{model['name']}.safetensors")[1]


@torch.no_grad()
def decoded(model: dict[str, object], z: list[float]) -> np.ndarray:
    """Grey levels that PyTorch decodes a place to."""
    logits = weights(model).decoder(torch.tensor([z]))
    return (255 * logits.sigmoid()).flatten().numpy()


def code(driver) -> dict[str, object]:
    """What the figure has encoded, and where."""
    live_ = figure(driver, "draw").find_element("css selector", ".ia-live")
    found: dict[str, object] = json.loads(live_.get_attribute("data-code"))
    return found


def encoded_as_in_python(driver, model: dict[str, object]) -> None:
    found = code(driver)
    x = torch.tensor([float(bit) for bit in found["pixels"]]).reshape(1, 1, 28, 28)
    with torch.no_grad():
        expected = torch.cat(weights(model).encoder(x), 1).flatten().numpy()
    together = [*found["mu"], *found["logvar"]]
    np.testing.assert_allclose(together, expected, atol=CODE * np.abs(expected).max() + 1e-6)


def stroke(driver, kind: str, element, points: list[tuple[float, float]]) -> None:
    """Draw on an element with a mouse or a finger; points are shares of its size."""
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    box = element.rect
    builder = ActionBuilder(driver, mouse=PointerInput(kind, kind), duration=10)
    pointer = builder.pointer_action
    for n, (x, y) in enumerate(points):
        pointer.move_to(element, round((x - 0.5) * box["width"]), round((y - 0.5) * box["height"]))
        if n == 0:
            pointer.pointer_down()
    pointer.pointer_up()
    builder.perform()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model"])
def test_a_digit_is_encoded_in_the_page_as_in_python(browser, driver, model):
    choose(browser, "draw", model)
    press(driver, "draw", "3")
    bits = live.plane()["originals"][3]
    assert code(driver)["pixels"] == bits
    encoded_as_in_python(driver, model)
    np.testing.assert_array_equal(pixels(driver, "draw", 0), [255 * int(bit) for bit in bits])


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_a_digit_is_drawn_by_mouse_and_by_finger(browser, driver, kind):
    choose(browser, "draw", MODELS[0])
    press(driver, "draw", "clear")
    assert "Nothing is drawn" in said(driver, "draw")
    pad = figure(driver, "draw").find_element("css selector", "canvas.ia-pad")
    scrolled = driver.execute_script("return scrollY")
    stroke(driver, kind, pad, [(0.3, 0.2), (0.7, 0.2), (0.6, 0.5), (0.45, 0.85)])
    stroke(driver, kind, pad, [(0.35, 0.5), (0.7, 0.5)])
    found = code(driver)
    assert 50 < str(found["pixels"]).count("1") < 200
    encoded_as_in_python(driver, MODELS[0])
    assert "Its reconstruction costs" in said(driver, "draw")
    if kind == "touch":  # The page stays where it is under the finger.
        assert abs(driver.execute_script("return scrollY") - scrolled) < 400
    assert pad.value_of_css_property("touch-action") == "none"


def test_a_digit_is_drawn_by_keyboard(browser, driver):
    choose(browser, "draw", MODELS[0])
    pad = figure(driver, "draw").find_element("css selector", "canvas.ia-pad")
    driver.execute_script("arguments[0].focus()", pad)
    keys = ActionChains(driver)
    keys.send_keys(Keys.DELETE, *[Keys.ARROW_UP] * 7, " ", *[Keys.ARROW_DOWN] * 14, " ").perform()
    found = code(driver)
    columns = np.reshape([int(bit) for bit in str(found["pixels"])], (28, 28)).sum(0)
    assert (columns > 0).sum() in (2, 3)
    encoded_as_in_python(driver, MODELS[0])
    ActionChains(driver).send_keys(*[Keys.ARROW_RIGHT] * 3).perform()
    assert code(driver) == found, "a pen that is lifted draws nothing"
    ActionChains(driver).send_keys(Keys.BACKSPACE).perform()
    assert "Nothing is drawn" in said(driver, "draw")


@pytest.mark.parametrize("kind", ["mouse", "touch"])
@pytest.mark.parametrize("model", [MODELS[0], MODELS[-1]], ids=lambda model: model["model"])
def test_a_place_is_chosen_in_the_plane_and_decoded_as_in_python(browser, driver, model, kind):
    choose(browser, "plane", model)
    plane = figure(driver, "plane").find_element("css selector", ".ia-plane")
    stroke(driver, kind, plane, [(0.5, 0.5), (0.55, 0.4), (0.6, 0.35)])
    sliders = figure(driver, "plane").find_elements("css selector", "input")
    z = [int(one.get_property("value")) / 100 * model["half"] for one in sliders]
    assert z[0] > 0 and z[1] > 0
    np.testing.assert_allclose(pixels(driver, "plane", 0), decoded(model, z), atol=1.01)
    # As the sliders do.
    sliders[0].send_keys(Keys.HOME)
    np.testing.assert_allclose(
        pixels(driver, "plane", 0), decoded(model, [-model["half"], z[1]]), atol=1.01
    )


def test_the_nearest_code_and_the_circle_are_told(browser, driver):
    model = MODELS[0]
    choose(browser, "plane", model)
    for slider in figure(driver, "plane").find_elements("css selector", "input"):
        slider.send_keys(Keys.END)
    far = np.linalg.norm(np.array(model["codes"]) - model["half"], axis=1)
    text = said(driver, "plane")
    assert f"is of a {model['digits'][far.argmin()]}, {float(f'{far.min():.2f}'):.3g} away" in text
    assert "outside the circle" in text
    for slider in figure(driver, "plane").find_elements("css selector", "input"):
        driver.execute_script(
            "arguments[0].value = 0;"
            "arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
            slider,
        )
    assert ", inside the circle" in said(driver, "plane")


def test_the_way_between_two_images_is_straight_and_ends_at_their_codes(browser, driver):
    model = MODELS[0]
    choose(browser, "between", model)
    images = live.plane()["originals"]
    x = torch.tensor([[float(bit) for bit in images[digit]] for digit in (0, 7)])
    with torch.no_grad():
        a, b = weights(model).encoder(x.reshape(2, 1, 28, 28))[0].tolist()
    first, *_, last = (pixels(driver, "between", 1 + n) for n in range(8))
    np.testing.assert_allclose(first, decoded(model, a), atol=1.01)
    np.testing.assert_allclose(last, decoded(model, b), atol=1.01)
    middle = [(one + other) / 2 for one, other in zip(a, b, strict=True)]
    np.testing.assert_allclose(pixels(driver, "between", 0), decoded(model, middle), atol=1.01)


def test_each_model_is_told_to_fail_as_its_codes_say(browser, driver):
    told = {}
    for model in MODELS:
        choose(browser, "samples", model)
        told[model["model"]] = said(driver, "samples")
        assert f"{100 * model['inside']:.0f} % of its codes" in told[model["model"]]
    assert "where there are no codes" in told["recon_ae"]
    assert "says nothing of its image" in told["infovae_cramer"]
    for works in ("infovae_mmd", "corrected_cramer"):
        assert "The draws are where the codes are." in told[works]
    inside = {model["model"]: model["inside"] for model in MODELS}
    assert inside["infovae_mmd"] > 0.9 > 0.5 > inside["recon_ae"]


def test_draws_of_another_number_are_others_and_come_back(browser, driver):
    choose(browser, "samples", MODELS[0])
    slider = figure(driver, "samples").find_element("id", "ia-samples-seed")
    first = pixels(driver, "samples", 0)
    slider.send_keys(Keys.ARROW_RIGHT)
    assert np.abs(pixels(driver, "samples", 0) - first).max() > 50
    slider.send_keys(Keys.ARROW_LEFT)
    np.testing.assert_array_equal(pixels(driver, "samples", 0), first)


def test_a_model_that_cannot_be_loaded_is_said_to_be(browser, driver):
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*.safetensors"]})
    driver.refresh()
    assert browser.becomes(lambda: "could not be loaded" in said(driver, "plane"), 20)
    assert "python -m http.server" in said(driver, "plane")
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    driver.refresh()
    assert browser.becomes(lambda: said(driver, "plane").startswith("InfoVAE-MMD, z = (0, 0)"), 20)
    assert math.isfinite(float(pixels(driver, "plane", 0).sum()))


def test_figures_fit_a_phone_and_give_way_to_stills_in_print(browser, driver):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.refresh()
    assert browser.becomes(lambda: said(driver, "plane").startswith("InfoVAE-MMD, z"), 20)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    for media, live_, still in (("screen", True, False), ("print", False, True)):
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
        for css, seen in ((".ia-live", live_), ("figure img", still)):
            found = driver.find_elements("css selector", css)
            assert [one.is_displayed() for one in found] == [seen] * len(FIGURES)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_control_follows_the_keyboard(browser, driver):
    address = driver.current_url
    count, faults = browser.interactive(address, seconds=10)
    assert (count, faults) == (len(FIGURES), [])
