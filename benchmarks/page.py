"""The page of `attentive serve` in Chromium with a fake camera: pictures a second beside MediaPipe in a bare loop.

    python -m benchmarks.page [--rounds 3] [--seconds 8] [--people 1] [--rates 30 60]
    python -m benchmarks.page --rounds 1 --people 2 --rates 20 --screenshot docs/pictures/page.png

A model learns to tell drawn people who stand, walk or wave, by the commands `attentive pose`, `train` and `explain`.
Then a film of them is the camera, of 640 x 480 pixels, and page and bare loop take turns on its pictures. The bare loop
has them in memory and waits for no camera; the page shows no more than its camera gives, nor more than MediaPipe finds,
so that its share is of the smaller of the two. The browser decodes, draws and compresses them on the same
processors. It needs Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import mediapipe
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from attentive_rnn.cli import main as attentive
from attentive_rnn.draw.films import FilmWriter
from attentive_rnn.training.run_folder import list_runs
from attentive_rnn.video.landmarkers import MILLISECONDS, MediaPipePose

from .drawn import ACTIONS, scene

TURN = 60  # pictures of each action
CLIPS, FRAMES = 6, 30  # of each action in training
ASK = """const usual = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = ({ video }) => usual({ video: { ...video, frameRate: %d } });"""


def main() -> None:
    """Print the pictures a second of both, and the page's share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each turn (default 8)")
    parser.add_argument("--people", type=int, default=1, choices=(1, 2))
    parser.add_argument("--rates", type=int, nargs="+", default=[30, 60], help="pictures a second of the cameras")
    parser.add_argument("--screenshot", type=Path, help="a .png of the page")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        orders = [ACTIONS, ACTIONS[::-1]][: arguments.people]
        pictures = [scene([own[t // TURN % 3] for own in orders], t / 30) for t in range(3 * TURN)]
        run = trained(folder)
        for rate in arguments.rates:
            camera = write_camera(folder / "camera.y4m", pictures, rate)
            found = []
            with served(run, arguments.people) as address, browsed(arguments.chromium, camera, rate) as page:
                for _ in range(arguments.rounds):
                    alone = bare(pictures, arguments.people, arguments.seconds)
                    found.append((alone, *live(page, address, arguments.seconds, arguments.screenshot)))
            alone, ours, dropped = map(median, zip(*found, strict=True))
            share = median(ours / min(alone, rate) for alone, ours, _ in found)
            print(
                f"people {arguments.people}, camera {rate} a second: the page {ours:.1f} pictures a second, "
                f"{dropped:.1f} dropped; MediaPipe alone {alone:.1f}: {share:.2f} of what camera and MediaPipe allow, "
                f"{median(ours / alone for alone, ours, _ in found):.2f} of MediaPipe alone",
                flush=True,
            )


def write_camera(path: Path, pictures: list[np.ndarray], rate: int) -> Path:
    """A file of raw pictures that Chromium takes for a camera, there and back again without a jump."""
    height, width = pictures[0].shape[:2]
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in [*pictures, *pictures[-2:0:-1]]:
            luma, *colour = Image.fromarray(picture).convert("YCbCr").split()
            planes = [luma, *(plane.resize((width // 2, height // 2), Image.Resampling.BOX) for plane in colour)]
            file.write(b"FRAME\n" + b"".join(plane.tobytes() for plane in planes))
    return path


def trained(folder: Path) -> Path:
    """The run of a model that has learnt the actions from films."""
    for action in ACTIONS:
        for clip in range(CLIPS):
            path = folder / "films" / action / f"{clip}.mp4"
            with FilmWriter(path, rate=30.0) as film:
                for t in range(FRAMES):
                    film.write(scene([action], clip + t / 30, 240, 320, seed=clip))
    poses, runs = str(folder / "poses.npz"), folder / "runs"
    learn = ["train", poses, "--live", "--output-dir", str(runs), "--training.max_epochs", "60"]
    with redirect_stdout(io.StringIO()):
        done = attentive(["pose", str(folder / "films"), poses]) == 0 == attentive(learn)
        run = next((run.path for recipe in runs.iterdir() for run in list_runs(recipe)), None) if done else None
        if run is None or attentive(["explain", str(run)]) != 0:  # which stores the frame that attention is shown by
            raise SystemExit("no model has learnt")
    return run


@contextmanager
def served(run: Path, people: int) -> Iterator[str]:
    """The address of a server of the run."""
    call = [sys.executable, "-m", "attentive_rnn", "serve", str(run), "--port", "0", "--people", str(people)]
    with subprocess.Popen([*call, "--window", "20"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@contextmanager
def browsed(chromium: str, camera: Path, rate: int) -> Iterator[Page]:
    """A tab of a browser whose camera is a file."""
    flags = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=[*flags, f"--use-file-for-fake-video-capture={camera}"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.add_init_script(ASK % rate)
        yield page
        browser.close()


def bare(pictures: list[np.ndarray], people: int, seconds: float) -> float:
    """Pictures a second of MediaPipe alone."""
    estimator = MediaPipePose(people)  # it closes its landmarker when it goes
    landmarker: Any = estimator._landmarker
    count, began = -10, 0.0  # the first are slower
    while began == 0 or time.perf_counter() < began + seconds:
        began = time.perf_counter() if count == 0 else began
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pictures[count % len(pictures)])
        count += 1
        landmarker.detect_for_video(picture, MILLISECONDS * (count + 10))
    return count / (time.perf_counter() - began)


def live(page: Page, address: str, seconds: float, screenshot: Path | None) -> tuple[float, float]:
    """Pictures a second that the page shows and that it drops."""
    page.goto(address)
    page.wait_for_selector("body[data-ready]", timeout=120_000)
    page.click("#camera")
    page.wait_for_selector(r"text=/medians of the last \d\d/", timeout=120_000)
    count = "() => [moments.length, dropped, performance.now() / 1000]"
    before = np.array(page.evaluate(count))
    page.wait_for_timeout(1000 * seconds)
    shown, lost, took = np.array(page.evaluate(count)) - before
    if screenshot is not None:
        page.screenshot(path=screenshot)
    page.goto("about:blank")
    return float(shown / took), float(lost / took)


if __name__ == "__main__":
    main()
