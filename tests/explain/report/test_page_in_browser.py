"""A real browser plays and scrubs the reports, with the mouse, with the keyboard, wide and narrow, light and dark.

Needs playwright (in the dev extra) and a Chromium: $CHROMIUM, or one on the PATH (Debian: apt-get install chromium).
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable

import pytest

from attentive_rnn.explain.report.page import write_report

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
SIZES = {
    "wide-light": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "has_touch": True},
}


@pytest.fixture(scope="module")
def browser():
    playwright = importlib.import_module("playwright.sync_api")
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on the PATH nor in $CHROMIUM; on Debian: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(params=SIZES)
def opened(request, browser):
    """Open a page; in the end nothing may have gone wrong in it, and nothing been fetched."""
    context = browser.new_context(**SIZES[request.param])
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("request", lambda asked: trouble.append(asked.url) if not asked.url.startswith("file:") else None)
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))

    def visit(run):
        page.goto(write_report(run).as_uri())
        return page

    yield visit
    assert trouble == []
    context.close()


PIXELS = """() => {
    const stage = document.getElementById("stage");
    return stage.getContext("2d").getImageData(0, 0, stage.width, stage.height).data;
}"""


def ink(page) -> int:
    """A fingerprint of what the stage shows."""
    return page.evaluate(f"({PIXELS})().reduce((sum, value) => (sum * 31 + value) | 0, 0)")


WARM = "(v, i, all) => i % 4 === 0 && v > 150 && v > all[i + 2] + 80"  # the colour of attention


def orange(page) -> int:
    """How many pixels of the stage have the colour of attention."""
    return page.evaluate(f"({PIXELS})().filter({WARM}).length")


def topmost(page) -> dict[str, float]:
    """Where on the stage the highest pixel with the colour of attention is: in a standing body, on the head."""
    first, columns = page.evaluate(f"[({PIXELS})().findIndex({WARM}), document.getElementById('stage').width]")
    return {"x": first // 4 % columns, "y": first // 4 // columns + 3}


def until(page, holds: Callable[[], bool]) -> None:
    """Wait up to ten seconds; not by playwright's own wait, whose eval() the page forbids."""
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came to be")


def step(page) -> int:
    return int(page.locator("#step").input_value())


def test_the_skeleton_plays_and_scrubs(opened, skeleton_run):
    page = opened(skeleton_run)
    assert orange(page) > 50
    first = ink(page)
    page.locator("#play").click()
    until(page, lambda: step(page) > 2)
    assert page.locator("#play").get_attribute("aria-pressed") == "true"
    page.locator("#play").click()
    assert page.locator("#play").get_attribute("aria-label") == "Play"
    stopped = step(page)
    assert ink(page) != first
    page.wait_for_timeout(250)
    assert step(page) == stopped
    page.locator("#step").fill("0")
    assert ink(page) == first
    assert page.locator("#where").inner_text().startswith("0 / ")


def test_the_keyboard_is_enough(opened, skeleton_run):
    page = opened(skeleton_run)
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id"))
        if names[-1] == "step":
            break
    assert names[-5:] == ["sample", "measure", "group", "play", "step"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert step(page) == 2
    assert page.locator("#step").get_attribute("aria-valuetext").startswith("step 2; the last is ")
    page.keyboard.press("Space")
    until(page, lambda: page.locator("#play").get_attribute("aria-pressed") == "true")
    page.keyboard.press("Space")
    before = page.locator("#sample").input_value()
    page.keyboard.press("n")
    assert page.locator("#sample").input_value() != before
    page.keyboard.press("p")
    assert page.locator("#sample").input_value() == before


def test_a_joint_and_a_sequence_can_be_picked(opened, skeleton_run):
    page = opened(skeleton_run)
    plain = ink(page)
    page.locator("#group").select_option(label="right hand")
    assert ink(page) != plain
    assert "(attended input, % of a mean step's)" in page.locator("#words").inner_text()
    shown = ink(page)
    page.locator("#measure").select_option(label="relative attention")
    assert "(relative attention, times the usual)" in page.locator("#words").inner_text()
    assert ink(page) != shown
    page.locator("#measure").select_option(label="attended input")
    assert ink(page) == shown
    page.locator("#group").select_option("-1")
    assert ink(page) == plain
    page.locator("#stage").click(position=topmost(page))
    assert page.locator("#group").locator("option:checked").inner_text() == "head"
    verdict = page.locator("#verdict").inner_text()
    assert "<left>" in verdict or "<script>" in verdict
    page.locator("#sample").select_option(index=3)
    assert step(page) == 0


def test_the_map_of_features_plays_and_scrubs(opened, feature_run):
    page = opened(feature_run)
    first = ink(page)
    page.locator("#play").click()
    until(page, lambda: step(page) > 3)
    page.locator("#play").click()
    assert ink(page) != first
    page.locator("#group").select_option(label="gyroscope")
    box = page.locator("#course").bounding_box()
    page.locator("#course").click(position={"x": box["width"] - 8, "y": 40})
    assert step(page) > 90


def test_the_layers_of_an_image_play_and_scrub(opened, image_run):
    page = opened(image_run)
    first = ink(page)
    page.locator("#step").fill("1")
    assert ink(page) != first
    assert "layer 2: " in page.locator("#words").inner_text()
    assert page.locator("#step").get_attribute("aria-valuetext") == "layer 2"
    page.locator("#play").click()
    until(page, lambda: step(page) == 2)
    page.locator("#play").click()
    assert not page.locator("#course").is_visible()
    assert not page.locator("#group").is_visible()
    page.locator("#sample").select_option(index=3)
    assert step(page) == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_model_without_attention_is_shown_without(opened, plain_run):
    page = opened(plain_run)
    page.locator("#step").fill("5")
    assert page.locator("#words").inner_text() == ""
    assert "no gate on its input" in page.locator("#player").inner_text()


def test_nothing_is_wider_than_the_screen_and_the_colours_follow_it(opened, skeleton_run):
    page = opened(skeleton_run)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    red = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
    assert red < 60 if dark else red > 200
    before = ink(page)
    page.emulate_media(color_scheme="light" if dark else "dark")
    until(page, lambda: ink(page) != before)
    small = page.evaluate(
        "[...document.querySelectorAll('#player button, #player select')].filter((e) => e.offsetHeight < 40).length"
    )
    assert small == 0
