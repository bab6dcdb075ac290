"""Pictures and screenshots of finished runs, and the page that shows them.

    python -m docs.gallery NAME=RUN[,ITEM[,VIDEO]] ...

draws each run by `attentive explain` (ITEM: one of its test sequences, else the one that is right with the highest
probability; VIDEO: its video, or the folder of videos, of which the frames with most attention are shown) and its
report in a browser into docs/gallery/NAME-*.png, and writes docs/gallery.md with what is there. It needs playwright
and a Chromium ($CHROMIUM, or one on the PATH).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from attentive_rnn.cli import main as attentive
from attentive_rnn.explain.report.page import write_report
from attentive_rnn.training import RunFolder, open_run

HERE = Path(__file__).parent
FOLDER = HERE / "gallery"
WIDEST = 1400  # pixels of a picture
SCREENS = {
    "report-wide-light": {"viewport": {"width": 1180, "height": 1120}, "color_scheme": "light"},
    "report-phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
CAPTIONS = {
    "loss": "Loss with the gate and without, over the same seeds (`attentive compare`)",
    "classes": "What each class attends to",
    "masks": "Where each layer attends",
    "sequence": "One test sequence",
    "frames": "The frames with most attention (`attentive explain RUN --item CLIP --video FILE`)",
    "film": "The same in motion",
    "mistakes": "The worst mistakes",
    "lags": "How far back each layer looks",
    "confusion": "Confusion",
    "accuracy": "Accuracy of each class",
    "calibration": "Calibration",
    "faithfulness": "Deletion and insertion (`attentive explain RUN --faithfulness`)",
    "report-wide-light": "The report's player",
    "report-phone-dark": "On a phone, with the dark theme",
}


NOTES = {  # what each run is of
    "mdist": "The colour of a digit among others: AttentionRNN of `attentive train mdist-small --data.path MNIST`.\n"
    "The question is the number above each row. The deeper layers attend to one place, which is often but not always\n"
    "the digit asked about, even where the answer is right.",
    "natops": "24 coordinates of hands, elbows, wrists and thumbs: `attentive train natops --data NATOPS_TRAIN.ts`.",
    "nucla": "Skeletons: `attentive train nucla --data all_sqe.zip --model.hidden_size 64 --training.max_epochs 30`.\n"
    "The loss, and deletion and insertion, are of the gated runs of\n"
    "`attentive compare paper/nucla --data.path all_sqe.zip --seeds 0 1 2`.",
    "smnist": "Digits, row by row, after three epochs: `attentive train smnist --data MNIST --model.cell gru\n"
    "--model.gate sigmoid --data.preprocessing '[{name: join_steps, steps: 28}]' --training.max_epochs 3`.\n"
    "Each row is a step of 28 pixels; the attended input is the stroke, and where other digits have theirs.",
}
PICTURES = ("classes", "masks", "mistakes", "lags", "confusion", "accuracy", "calibration")


def main(arguments: list[str]) -> None:
    """Draw the runs that are named and write the page of all that are there."""
    FOLDER.mkdir(exist_ok=True)
    for argument in arguments:
        name, _, rest = argument.partition("=")
        draw(name, *rest.split(","))
    page = [
        "# Gallery",
        "",
        "Real runs, drawn by `python -m docs.gallery NAME=RUN[,ITEM[,VIDEO]] ...`. How to read the pictures,",
    ]
    page += ["and which of them to believe for what: [explain.md](explain.md). A scale in % is of the attended input,"]
    page += ["one in times the usual is of relative attention (`--relative`).", ""]
    for name in sorted({file.name.split("-")[0] for file in FOLDER.glob("*-*.*")}):
        page += [f"## {name}", "", NOTES[name], ""]
        for kind, caption in CAPTIONS.items():
            for file in sorted(FOLDER.glob(f"{name}-{kind}.*")):
                page += [f"{caption}:", "", f"![{name}: {caption}](gallery/{file.name})", ""]
    (HERE / "gallery.md").write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")


def draw(name: str, path: str, item: str = "", video: str = "") -> None:
    """Draw one run into the gallery."""
    run = open_run(path)
    with tempfile.TemporaryDirectory() as made:
        said = explained(run, "--out", f"{made}/all")
        if "sequences" in said:
            item = item or _surest(said["sequences"])
            video = str(Path(video, f"{item}.mp4")) if Path(video or ".", f"{item}.mp4").is_file() else video
            explained(run, "--out", f"{made}/one", "--item", item, *(("--video", video) if video else ()))
            for file in Path(made, "one").glob("*.png"):
                _small(file, FOLDER / f"{name}-{'frames' if file.stem.endswith('-frames') else 'sequence'}.png")
            for file in Path(made, "one").glob("*.gif"):
                shutil.copy(file, FOLDER / f"{name}-film.gif")
        for kind in PICTURES:
            if (file := Path(made, "all", f"{kind}.png")).exists():
                _small(file, FOLDER / f"{name}-{kind}.png")
    if (measured := run.explain / "faithfulness.png").exists():
        _small(measured, FOLDER / f"{name}-faithfulness.png")
    if (comparison := run.path.parent / "comparison.png").exists():
        _small(comparison, FOLDER / f"{name}-loss.png")
    if run.finished:
        screenshots(name, write_report(run))


def explained(run: RunFolder, *options: str) -> dict:
    """What `attentive explain RUN --json` says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = attentive(["explain", str(run.path), "--json", *options])
    if status:
        raise SystemExit(status)
    found: dict = json.loads(said.getvalue())
    return found


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
            for _ in range(min(40, int(shown.locator("#step").get_attribute("max") or 0) // 3)):
                shown.locator("#step").press("ArrowRight")
            shown.locator("#verdict").click()
            shown.screenshot(path=f"{made}/{kind}.png")
            _small(Path(made) / f"{kind}.png", FOLDER / f"{name}-{kind}.png")
        browser.close()


def _surest(sequences: list[dict]) -> str:
    """The most probable of the right ones."""
    right = [one for one in sequences if one["truth"] == one["predicted"]]
    return max(right or sequences, key=lambda one: one["probability"] or 0)["name"]


def _small(source: Path, target: Path) -> None:
    """A picture in 256 colours, which is enough for charts."""
    with Image.open(source) as image:
        image.thumbnail((WIDEST, 10 * WIDEST))
        image.convert("RGB").quantize(256).save(target, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
