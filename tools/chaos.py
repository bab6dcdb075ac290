"""Commands that are killed, meet a full disk or a folder that cannot be written, and are then given again.

    PYTHONPATH=tests python tools/chaos.py --kills 20 --write docs/reliability.md

Each command runs in a process forked from this one. It is killed at each of its write points (a file opened for
writing, renamed or removed, a folder made), at random moments, and in half of the cases once more while it is given
again; its disk is full after a random number of bytes of a file; its folder is read-only. Then the command is given
once more: its files must be those of a run that nothing disturbed, and nothing else. The table counts what was tried
and what failed; the exit status is 1 if anything did.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import io
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pages import write_between

LEFT = re.compile(r"\..+\.tmp|\.new-.+|\.lock|\..+\.lock")  # names of what only a process that runs may have
OWN = ("env.json", "report.html", "*.png", "*.ckpt", "events.*", "compare.yaml")  # hold times: they are there
TIMES = re.compile(
    r"seconds|loading|folder|env\.json|metrics\.csv|results\.json"
)  # keys of times, and of what has some
STAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
SMALL = ["--model.hidden_size", "4", "--model.num_layers", "1", "--training.max_epochs", "2"]
DEMO, EXPORT = ["demo", "demo"], ["export", "demo", "graph.onnx"]
PREDICT = ["predict", "demo", "demo/recordings.csv", "--out", "answers.csv"]
SECONDS = 120  # that a command may take


class Ended(NamedTuple):
    """How a process ended: its exit status (negative: by a signal), its output, its write points and its seconds."""

    status: int
    said: str
    points: int
    seconds: float


class Case(NamedTuple):
    """What is done to a command, which one of its kind, and how for :func:`run`."""

    what: str
    case: str
    how: dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A command that writes, the same when it is given again, the folder that it makes, files that do not count, and
    the command that makes what is in the folder before.
    """

    first: list[str]
    again: list[str]
    made: str
    but: str = "^$"
    before: Sequence[str] = ()


TARGETS = {
    "train": Target(
        ["train", "basic-motions", *SMALL], ["train", "basic-motions", *SMALL, "--resume"], "runs/basic-motions"
    ),
    "compare": Target(*2 * [["compare", "basic-motions", *SMALL]], "runs/basic-motions"),
    "study": Target(
        *2 * [["study", "../study.yaml", "--table", "tables/study.csv", *SMALL]],
        ".",
        r"/comparison\.",  # of the models that were trained last; what a study promises is its table
    ),
    "features": Target(
        *2 * [["features", "../films", "features", "--backbone", "../pool.onnx", "--size", "32", "32"]], "features"
    ),
    "pose": Target(["pose", "../films", "poses.npz"], ["pose", "../films", "poses.npz", "--overwrite"], "."),
    "convert": Target(
        ["data", "convert", "../gestures.csv", "gestures.npz"],
        ["data", "convert", "../gestures.csv", "gestures.npz", "--overwrite"],
        ".",
    ),
    "demo": Target(*2 * [DEMO], "demo"),
    "report": Target(*2 * [["report", "demo"]], "demo", before=DEMO),
    "explain": Target(*2 * [["explain", "demo"]], "demo", before=DEMO),
    "predict": Target(PREDICT, [*PREDICT, "--overwrite"], ".", before=DEMO),
    "export": Target(EXPORT, [*EXPORT, "--overwrite"], ".", before=DEMO),
}


@dataclass
class Tried:
    """Counts of what was tried with a command, and the faults in words."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, what: str, faults: Sequence[str], case: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
        for fault in faults:
            self.faults.append(f"{what}, {case}: {fault}")
            print(f"    {what}, {case}: {fault}", flush=True)


def prepare(folder: Path) -> None:
    """Put what the commands read into a folder."""
    import onnx
    from films import write_film
    from onnx import TensorProto, helper

    for number, action in enumerate(("sit", "wave", "wave")):
        pictures = np.full((3 + number, 32, 32, 3), 60 * number, np.uint8)
        write_film(folder / "films" / action / f"{number}.mp4", pictures)
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", 3, f"{n}H", f"{n}W"]) for n in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[16, 16], strides=[16, 16])],
        "pool",
        value[:1],
        value[1:],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "pool.onnx")
    study = "seeds: [0]\nmodels: [no-gate, gate]\nruns:\n  - {name: motions, recipe: basic-motions}\n"
    (folder / "study.yaml").write_text(study)
    rows = [f"{i // 5},{'ab'[i % 10 // 5]},{i * 0.5},{-i}" for i in range(500)]
    (folder / "gestures.csv").write_text("\n".join(["id,label,x,y", *rows]) + "\n")


def warm() -> None:
    """Import what the commands need, so that a forked process has it; the network of poses has a stand-in."""
    import matplotlib.pyplot
    import onnxruntime

    import attentive_rnn.cli
    import attentive_rnn.experiments.study
    import attentive_rnn.explain.report.page
    import attentive_rnn.training.loop
    import attentive_rnn.training.processes.launch
    import attentive_rnn.video
    from attentive_rnn.video import landmarkers, pose

    class Standing(pose.PoseEstimator):
        """One person where the picture is brightest; what is tested is the writing."""

        name, layout = "standing", "mediapipe-33"

        def __init__(self, people: int, model: None) -> None: ...

        def __call__(self, image: np.ndarray) -> list[pose.Person]:
            joints = np.linspace(0.1, 0.9, 99, dtype=np.float32).reshape(33, 3) + image.mean() / 255
            return [pose.Person(0, joints, np.ones(33, np.float32))]

        def reset(self) -> None: ...

    landmarkers.MediaPipePose = Standing  # type: ignore[assignment, misc]
    del attentive_rnn, matplotlib, onnxruntime


def run(
    command: Sequence[str],
    folder: Path,
    *,
    point: int | None = None,
    after: float | None = None,
    largest: int | None = None,
    bound: bool = False,
) -> Ended:
    """Run a command in a folder, as a process of its own.

    Args:
        command: the arguments of `attentive`.
        folder: the current folder of the process.
        point: the write point at which it is killed.
        after: seconds after which it is killed.
        largest: bytes of a file, from which on writing fails.
        bound: by the modes of files and folders, also where it runs as root.
    """
    reading, writing = os.pipe()
    counting, counts = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.dup2(writing, 1)
            os.dup2(writing, 2)
            sys.stdout = sys.stderr = open(writing, "w", buffering=1)  # noqa: SIM115
            os.chdir(folder)
            if largest is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
            if bound:
                _obey_modes()
            sys.argv = ["attentive", *command]
            _watch(folder, point, counts)
            status = _main(command)
        finally:
            sys.stdout.flush()
            os._exit(status)
    os.close(writing)
    os.close(counts)
    killer = threading.Timer(SECONDS if after is None else after, os.kill, (child, signal.SIGKILL))
    killer.start()
    said, points = b"", 0
    waiting = {reading, counting}
    while waiting:
        for pipe in select.select(waiting, [], [])[0]:
            found = os.read(pipe, 1 << 16)
            if not found:
                waiting.discard(pipe)
            elif pipe == reading:
                said += found
            else:
                points += len(found)
    _, status = os.waitpid(child, 0)
    killer.cancel()
    for pipe in (reading, counting):
        os.close(pipe)
    return Ended(os.waitstatus_to_exitcode(status), said.decode(), points, time.monotonic() - began)


def _obey_modes() -> None:
    """Give up this process's capabilities, by which root writes what is read-only."""
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def _main(command: Sequence[str]) -> int:
    from attentive_rnn.cli import main

    try:
        return main(command)
    except BaseException:
        traceback.print_exc()
        return 1


def _watch(folder: Path, point: int | None, counts: int) -> None:
    """Count the write points of this process below a folder, and end it at one of them."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, str | bytes) or not isinstance(flags, int) or not flags & WRITES:
                return
        elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            path = arguments[0]
        else:
            return
        if not os.path.abspath(os.fsdecode(path)).startswith(str(folder)):
            return
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1
        os.write(counts, b".")

    sys.addaudithook(hook)


def content(folder: Path, target: Target) -> dict[str, Any]:
    """The files of a folder by their names without times, each as what must not differ."""
    found: dict[str, Any] = {}
    for path in sorted((folder / target.made).rglob("*")):
        name = STAMP.sub("TIME", str(path.relative_to(folder)))
        if path.is_dir() or re.search(target.but, name):
            continue
        if any(path.match(own) for own in OWN):
            name, value = re.sub(r"events\..*", "events", name), b""
        elif path.suffix == ".csv":
            rows = list(csv.DictReader(io.StringIO(path.read_text())))
            value = [{key: cell for key, cell in row.items() if not TIMES.search(key)} for row in rows]
        elif path.suffix == ".json":
            value = _without_times(json.loads(path.read_text()))
        elif path.suffix == ".safetensors":  # whose header is in any order
            data = path.read_bytes()
            end = 8 + int.from_bytes(data[:8], "little")
            value = json.loads(data[8:end]), data[end:]
        else:
            value = path.read_bytes()
        while name in found and not name.endswith("/events"):
            name += ", another one"
        found[name] = value
    return found


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if not TIMES.search(key)}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def differences(folder: Path, target: Target, right: dict[str, Any]) -> list[str]:
    """What a folder has that it should not have, lacks, or has with another content."""
    here = content(folder, target)
    wrong = [f"{path.relative_to(folder)} is left over" for path in folder.rglob(".*") if LEFT.fullmatch(path.name)]
    for name in sorted(here.keys() | right.keys()):
        if LEFT.search(Path(name).name):
            continue
        if name not in here or name not in right:
            wrong.append(f"{name} is {'missing' if name not in here else 'too much'}")
        elif here[name] != right[name]:
            wrong.append(f"{name} has another content")
    return wrong


def one_line(ended: Ended) -> list[str]:
    """What is wrong with how a command refused: it ends with status 2 and one line that says why."""
    lines = [line for line in ended.said.splitlines() if line.startswith("attentive: error: ")]
    if ended.status == 2 and len(lines) == 1 and "Traceback" not in ended.said and "Exception" not in ended.said:
        return []
    return [f"status {ended.status}, {len(lines)} error lines: ...{ended.said[-600:]}"]


def kills(usual: Ended, rng: random.Random, number: int, most: int | None) -> Iterator[Case]:
    """Kills at write points and at random moments."""
    points = range(usual.points)
    for point in points if most is None else sorted(rng.sample(points, min(most, len(points)))):
        yield Case("killed at a write point", str(point), {"point": point})
    for _ in range(number):
        after = rng.uniform(0, usual.seconds)
        yield Case("killed at a random moment", f"{after:.2f} s", {"after": after})


def place_for(place: Path, target: Target) -> Path:
    """A new folder with what the command finds there."""
    made = Path(tempfile.mkdtemp(dir=place))
    made.chmod(0o755)
    if target.before:
        whole = place / "before"
        if not whole.exists():
            whole.mkdir()
            run(target.before, whole)
        shutil.copytree(whole, made, dirs_exist_ok=True)
    return made


def chaos(name: str, number: int, most: int | None, seed: int) -> Tried:
    """Disturb a command: `number` of kills at random moments and of full disks, and `most` write points (None: all)."""
    target, tried, rng = TARGETS[name], Tried(), random.Random(f"{seed} {name}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        place = Path(os.path.realpath(temporary))
        place.chmod(0o755)
        prepare(place)
        whole = place_for(place, target)
        usual = run(target.first, whole)
        if usual.status:
            raise RuntimeError(f"{name} fails undisturbed: {usual.said}")
        right = content(whole, target)
        sizes = [path.stat().st_size for path in whole.rglob("*") if path.is_file()]
        tried.add("undisturbed", differences(whole, target, right), "")

        def given_again(folder: Path, what: str, case: str, faults: list[str]) -> None:
            ended = run(target.again, folder)
            if ended.status:
                faults = [*faults, f"given again: status {ended.status}: ...{ended.said[-600:]}"]
            tried.add(what, faults or differences(folder, target, right), case)
            shutil.rmtree(folder)

        for what, case, how in kills(usual, rng, number, most):
            folder = place_for(place, target)
            run(target.first, folder, **how)
            if rng.random() < 0.5:
                after = rng.uniform(0, usual.seconds)
                run(target.again, folder, after=after)
                case += f", then {after:.2f} s"
            given_again(folder, what, case, [])
        for _ in range(number):
            largest = rng.randrange(max(sizes))
            folder = place_for(place, target)
            ended = run(target.first, folder, largest=largest)
            given_again(folder, "full disk", f"{largest} bytes", [] if ended.status == 0 else one_line(ended))
        for _ in range(max(1, number // 4)):
            folder, after = place_for(place, target), rng.uniform(0, usual.seconds)
            run(target.first, folder, after=after)
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
            for path, mode in modes.items():
                path.chmod(mode & ~0o222 | 0o444)
            ended = run(target.again, folder, bound=True)
            for path, mode in modes.items():
                path.chmod(mode)
            # A run is finished without its page, if a line says that the page cannot be written.
            told = "cannot be written: " in ended.said and "; the run is complete; try: " in ended.said
            finished = ended.status == 0 and (told or not differences(folder, target, right))
            given_again(folder, "read-only folder", f"{after:.2f} s", [] if finished else one_line(ended))
    return tried


HEADS = ("killed at a write point", "killed at a random moment", "full disk", "read-only folder")


def table(found: dict[str, Tried], before: str = "") -> str:
    """The counts as a table of Markdown, with the rows of other commands in such a table `before`."""
    rows = ["| command | " + " | ".join(HEADS) + " | failed |", "|---|" + "--:|" * (len(HEADS) + 1)]
    for name in TARGETS:
        title = f"| `attentive {'data ' * (name == 'convert')}{name}` |"
        if name in found:
            counts = " | ".join(str(found[name].counts.get(head, 0)) for head in HEADS)
            rows.append(f"{title} {counts} | {len(found[name].faults)} |")
        else:
            rows += [line for line in before.splitlines() if line.startswith(title)]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kills, full disks and read-only folders for every command.")
    parser.add_argument("--only", nargs="+", default=list(TARGETS), choices=list(TARGETS), metavar="COMMAND")
    parser.add_argument("--kills", type=int, default=20, help="at random moments, and full disks (default 20)")
    parser.add_argument("--points", type=int, help="write points, chosen at random (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="put the table into this page, between its marks")
    arguments = parser.parse_args()
    warm()
    found: dict[str, Tried] = {}
    for name in arguments.only:
        began = time.monotonic()
        print(f"{name}", flush=True)
        found[name] = chaos(name, arguments.kills, arguments.points, arguments.seed)
        print(
            f"  {found[name].counts} in {time.monotonic() - began:.0f} s, {len(found[name].faults)} failed", flush=True
        )
    print(table(found))
    if arguments.write is not None:
        write_between(arguments.write, "chaos", table(found, arguments.write.read_text(encoding="utf-8")))
    return int(any(tried.faults for tried in found.values()))


if __name__ == "__main__":
    sys.exit(main())
