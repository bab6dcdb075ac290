"""Pictures and screenshots of finished runs, and the page that shows them.

    python -m docs.gallery NAME=RUN[:ITEM] ...

draws for each run what its classes attend to, one test sequence (ITEM; else the surest right one), the hardest
mistakes and the report in a browser into docs/gallery/NAME-*.png, and writes docs/gallery.md with what is there.
It needs playwright and a Chromium ($CHROMIUM, or one on the PATH).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from attentive_rnn.data.picture import find_item
from attentive_rnn.explain import Explanation, explain, pictures, stored_modulation
from attentive_rnn.explain.report import write_report
from attentive_rnn.training import RunFolder, load_model, open_run
from attentive_rnn.training.setup import load_splits

HERE = Path(__file__).parent
FOLDER = HERE / "gallery"
SCREENS = {
    "report-wide-light": {"viewport": {"width": 1180, "height": 1120}, "color_scheme": "light"},
    "report-phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
LARGEST = 1000  # test sequences; of more those evenly spread
CAPTIONS = {
    "loss": "Loss with the gate and without, over the same seeds (`attentive compare`)",
    "classes": "What each class attends to",
    "sequence": "One test sequence",
    "film": "The same in motion",
    "mistakes": "The hardest mistakes",
    "faithfulness": "Deletion and insertion (`attentive explain RUN --faithfulness`)",
    "report-wide-light": "The report's player",
    "report-phone-dark": "On a phone, in the dark",
}


def main(arguments: list[str]) -> None:
    """Draw the runs that are named and write the page of all that are there."""
    FOLDER.mkdir(exist_ok=True)
    for argument in arguments:
        name, _, rest = argument.partition("=")
        path, _, item = rest.partition(":")
        draw(name, open_run(path), item)
    page = [
        "# Gallery",
        "",
        "Real runs, drawn by `python -m docs.gallery NAME=RUN[:ITEM] ...`. How to read the pictures,",
    ]
    page += ["and what attention here does and does not mean: [explain.md](explain.md).", ""]
    for name in sorted({file.name.split("-")[0] for file in FOLDER.glob("*-*.*")}):
        page += [f"## {name}", ""]
        for kind, caption in CAPTIONS.items():
            for file in sorted(FOLDER.glob(f"{name}-{kind}.*")):
                page += [f"{caption}:", "", f"![{name}: {caption}](gallery/{file.name})", ""]
    (HERE / "gallery.md").write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")


def draw(name: str, run: RunFolder, item: str) -> None:
    """Draw one run into the gallery."""
    saved, splits = load_model(run.model), load_splits(run.read_config())
    test = splits.test.subset(range(0, len(splits.test), -(-len(splits.test) // LARGEST)))
    explanations = explain(saved, test, stored_modulation(run.model, saved, splits.train))
    chosen = explanations[find_item(test, item)] if item else _surest(explanations)
    classes = saved.schema.classes
    with tempfile.TemporaryDirectory() as made:
        written = {
            "classes": pictures.draw_classes(explanations, classes, Path(made) / "classes"),
            "sequence": pictures.draw_sequence(chosen, classes, Path(made) / "sequence"),
            "mistakes": pictures.draw_mistakes(explanations, classes, Path(made) / "mistakes"),
        }
        for kind, files in written.items():
            for file in files:
                if file.suffix == ".png":
                    _small(file, FOLDER / f"{name}-{kind}.png")
                elif file.suffix == ".gif":
                    shutil.copy(file, FOLDER / f"{name}-film.gif")
    if (measured := run.explain / "faithfulness.png").exists():
        _small(measured, FOLDER / f"{name}-faithfulness.png")
    if (comparison := run.path.parent / "comparison.png").exists():
        _small(comparison, FOLDER / f"{name}-loss.png")
    screenshots(name, write_report(run, splits))


def screenshots(name: str, page: Path) -> None:
    """Photograph the player of a report, wide and light, narrow and dark."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as made:
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        for kind, screen in SCREENS.items():
            shown = browser.new_context(**screen).new_page()
            shown.goto(page.resolve().as_uri())
            shown.locator("#player").scroll_into_view_if_needed()
            shown.evaluate("document.getElementById('player').scrollIntoView()")
            for _ in range(int(shown.locator("#step").get_attribute("max") or 0) // 3):
                shown.locator("#step").press("ArrowRight")
            shown.locator("#verdict").click()
            shown.screenshot(path=f"{made}/{kind}.png")
            _small(Path(made) / f"{kind}.png", FOLDER / f"{name}-{kind}.png")
        browser.close()


def _surest(explanations: list[Explanation]) -> Explanation:
    """The most probable of the right ones that are not short."""
    usual = sorted(len(one.inputs) for one in explanations)[len(explanations) // 2]
    right = [one for one in explanations if one.right and len(one.inputs) >= usual]
    return min(right or explanations, key=lambda one: one.error)


def _small(source: Path, target: Path) -> None:
    """A picture in 128 colours, which is enough for charts."""
    with Image.open(source) as image:
        image.convert("RGB").quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
