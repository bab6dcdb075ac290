"""What several machines gain and large work costs: a model of the all-reduce beside its times on a throttled loopback.

    python -m benchmarks.scale [--write docs/scale.md]

Input: the package's recipes, the picture docs/two-people.jpg and the seconds in docs/study.csv. Output: the section
"What it costs". The work of one core is measured as its processor time, so that a busy machine changes little.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from attentive_rnn.data import Batch, Schema
from attentive_rnn.draw.films import FilmWriter
from attentive_rnn.tasks import task_for
from attentive_rnn.training.loop import make_optimizer
from attentive_rnn.training.recipes import read_recipe
from attentive_rnn.video.landmarkers import MediaPipePose
from attentive_rnn.video.pose import extract_poses
from benchmarks.exchange import throttled
from benchmarks.sections import with_section
from benchmarks.timing import processor

TITLE = "## What it costs"
ROOT = Path(__file__).resolve().parents[1]
GBIT = (1, 10)
MACHINES = (1, 8, 64)
CORES = 16  # of a machine
CORE_HOUR, GIGABYTE_MONTH = 0.05, 0.02  # assumed prices in US dollars
BYTES_OF_VIDEO = 1e9 / 3600  # assumed, a second: H.264 at 640 x 480
RATE = 30  # frames a second of video
SHAPES = {  # steps, shape of a frame after preprocessing, classes, words
    "japanese-vowels": (29, (12,), 9, 0),
    "nucla": (40, (180,), 10, 0),
    "paper/ntu-cs": (100, (150,), 60, 0),
    "smnist": (784, (1,), 10, 0),
    "imdb": (400, (1,), 2, 10_000),
    "cifar10": (1, (3, 32, 32), 10, 0),
}


class Step(NamedTuple):
    """A step of the optimiser on one core.

    Args:
        parameters: of the model.
        items: of a batch.
        seconds: of a step.
        shared: seconds for an eighth of the batch.
    """

    parameters: int
    items: int
    seconds: float
    shared: float


def measure(recipe: str) -> Step:
    """The step of a recipe on random numbers in the shape of its data."""
    steps, shape, classes, words = SHAPES[recipe]
    config = read_recipe(recipe)
    medium = "image" if len(shape) == 3 else "sequence"
    vocabulary = tuple(map(str, range(words)))
    schema = Schema(tuple(map(str, range(classes))), shape, medium=medium, vocabulary=vocabulary)
    task = task_for(schema)
    model = task.build(config.to_dict()[task.section], schema.size)
    optimizer = make_optimizer(model, config.optim, fused=True)

    def step(items: int) -> float:
        x = torch.randint(words, (items, steps, 1)).float() if words else torch.randn(items, steps, *shape)
        x = x[:, 0] if medium == "image" else x
        batch = Batch(x, torch.full((items,), steps), torch.randint(classes, (items,)), ())
        times: list[float] = []
        end = time.perf_counter() + 3
        while len(times) < 4 or time.perf_counter() < end:
            start = time.process_time()
            optimizer.zero_grad()
            task.learn(model, batch)[1].backward()
            optimizer.step()
            times.append(time.process_time() - start)
        return statistics.median(times[1:])

    size = config.training.batch_size
    return Step(sum(p.numel() for p in model.parameters()), size, step(size), step(max(1, size // 8)))


def bytes_sent(parameters: int, machines: int) -> float:
    """What each machine sends for a step: the sum of float32 gradients goes round a ring."""
    return 4 * parameters * 2 * (machines - 1) / machines


def exchange(parameters: int, machines: int, gbit: float, latency: float) -> float:
    """The seconds of an all-reduce by the model: bytes by bandwidth, and a latency for each of its messages."""
    return bytes_sent(parameters, machines) * 8 / (gbit * 1e9) + 2 * (machines - 1) * latency


def pose_seconds(frames: int = 90) -> float:
    """The processor seconds of a frame of `attentive pose`, on a film in which a picture with two people moves."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        picture = Image.open(ROOT / "docs" / "two-people.jpg").convert("RGB")
        width, height = 2 * ((picture.width - 60) // 2), 2 * (picture.height // 2)
        with FilmWriter(film, rate=RATE) as writer:
            for shift in range(frames):
                left = abs(shift % 120 - 60)
                writer.write(tensor_of(picture.crop((left, 0, left + width, height))).numpy())
        start = time.process_time()
        extract_poses(film, Path(folder) / "poses.npz", MediaPipePose(people=2), people=2)
        return (time.process_time() - start) / frames


def tensor_of(picture: Image.Image) -> Tensor:
    """The pixels of a picture (H, W, 3), uint8."""
    return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(picture.height, picture.width, 3)


def gains(steps: dict[str, Step]) -> list[str]:
    """The table of recipes: a step, what it exchanges, and the share of the machines that works."""
    sizes = [1, *(step.parameters for step in steps.values())]
    measured = {gbit: throttled(sizes, gbit) for gbit in GBIT}
    latency = measured[GBIT[-1]][0] / 2
    lines = [
        "| recipe | parameters | batch | step, s | MB sent | all-reduce of 2, ms: measured (model) "
        "| 8 machines | 64 machines | 8, one batch |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for number, (recipe, step) in enumerate(steps.items(), 1):
        times = [
            f"{1e3 * measured[gbit][number]:.1f} ({1e3 * exchange(step.parameters, 2, gbit, latency):.1f})"
            for gbit in GBIT
        ]
        cells = [recipe, f"{step.parameters:,}", str(step.items), f"{step.seconds:.3g}"]
        cells += [f"{bytes_sent(step.parameters, 8) / 1e6:.2f}", " / ".join(times)]
        for machines in MACHINES[1:]:
            costs = [exchange(step.parameters, machines, gbit, latency) for gbit in GBIT]
            cells.append(" / ".join(f"{100 * step.seconds / (step.seconds + cost):.0f} %" for cost in costs))
        costs = [step.shared + exchange(step.parameters, 8, gbit, latency) for gbit in GBIT]
        cells.append(" / ".join(f"{100 * step.seconds / (8 * cost):.0f} %" for cost in costs))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", f"Latency of a message: {1e6 * latency:.0f} us, half of an all-reduce of one number."]


def bill(steps: dict[str, Step]) -> list[str]:
    """The table of large works: core-hours, days on 1, 8 and 64 machines, disk and money."""
    year = 365 * 24 * 3600
    nucla, (length, *_) = steps["nucla"], SHAPES["nucla"]
    with open(ROOT / "docs" / "study.csv", encoding="utf-8", newline="") as file:
        run = statistics.mean(float(row["seconds"]) for row in csv.DictReader(file))
    works = [  # title, core-seconds, bytes
        ("poses of a year of video", year * RATE * pose_seconds(), year * BYTES_OF_VIDEO),
        (
            "an epoch of 10⁹ frames of 25 joints, recipe `nucla`",
            1e9 / (nucla.items * length) * nucla.seconds,
            1e9 * 300,
        ),
        ("10⁴ runs, as those of docs/study.csv", 1e4 * run, 1e4 * 2e6),
    ]
    lines = ["| work | core-hours | days on 1 / 8 / 64 machines | disk, GB | dollars |", "|---|---|---|---|---|"]
    for title, seconds, size in works:
        hours = seconds / 3600
        days = " / ".join(f"{hours / CORES / machines / 24:.2g}" for machines in MACHINES)
        money = hours * CORE_HOUR + size / 1e9 * GIGABYTE_MONTH
        lines.append(f"| {title} | {hours:,.0f} | {days} | {size / 1e9:,.0f} | {money:,.0f} |")
    return lines


def section() -> list[str]:
    """The lines of "What it costs"."""
    steps = {recipe: measure(recipe) for recipe in SHAPES}
    return [
        TITLE,
        "",
        f"Made by `python -m benchmarks.scale` on {datetime.date.today()}: {processor()}, torch {torch.__version__}.",
        "",
        "A step was timed on one core, on random numbers in the shape of the recipe's data. The all-reduce was timed "
        f"between two processes on a loopback that `tc` throttles to {' / '.join(map(str, GBIT))} Gbit/s each way. The "
        "model: each of n machines sends 4 bytes x parameters x 2(n - 1)/n, in 2(n - 1) messages, and computes nothing "
        "meanwhile. The columns *machines* say for how much of their time machines of one core compute if each keeps a "
        "batch of the recipe's size, so that the whole batch grows; the last column, if 8 machines share one batch.",
        "",
        *gains(steps),
        "",
        f"Assumed, not measured: machines of {CORES} such cores, {CORE_HOUR} dollars a core-hour, {GIGABYTE_MONTH} "
        f"dollars a gigabyte and month (of which one is counted), 1 GB for an hour of video with {RATE} frames a "
        "second, 300 bytes a frame of joints, 2 MB a run; and that the parts do not wait for each other, which holds "
        "for videos and runs, and for training as far as the table above says.",
        "",
        *bill(steps),
    ]


def main() -> None:
    """Print the section, or write it into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="put the section into this page")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = section()
    print("\n".join(lines))
    if arguments.write:
        arguments.write.write_text(with_section(arguments.write.read_text(), TITLE, lines))


if __name__ == "__main__":
    main()
