"""All that only a GPU can show, in parts of seven minutes together, into one JSON file that is written as it goes.

    python tools/check_gpu.py [--seconds 420] [--data nw-ucla/all_sqe.zip] [--json build/check-gpu.json]

The Triton kernels' tests, compiled; an epoch on N-UCLA, where its file is there; EleAtt layers against cuDNN's in each
precision. Each part is a process of its own, so that one that fails, hangs or crashes costs the others nothing. The
machine needs the package's source and what it imports, torch with a GPU, and Triton; pytest and hypothesis for the
tests. The exit status is 1 if a part failed, and 2 where there is no GPU.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
NUCLA = Path("nw-ucla", "all_sqe.zip")  # below $ATTENTIVE_TEST_DATA
TESTS = (
    "ops/recurrence/test_triton.py",
    "ops/lstm2d/test_triton.py",
    "ops/recurrence/test_triton_lags.py",
    "ops/recurrence/test_triton_kernels.py",
    "ops/test_triton_blocks.py",
    "ops/recurrence/test_cuda_graph.py",
    "ops/recurrence/test_custom_op_triton.py",
)
SHAPES = ("L1", "mnist", "rgb")
PRECISIONS = ("fp32", "bf16", "tf32")


class Part(NamedTuple):
    """A program to run, and the most seconds that it may take; what is left of all seconds, if that is less."""

    name: str
    command: Sequence[str]
    seconds: float = float("inf")
    missing: str | None = None  # why it cannot run here


def parts(data: Path | None) -> list[Part]:
    """What is checked, the most telling first."""
    tests = [
        PYTHON,
        "-m",
        "pytest",
        "-v",
        "--no-header",
        "-p",
        "no:cacheprovider",
        *(f"tests/{file}" for file in TESTS),
    ]
    epoch = [PYTHON, "-m", "attentive_rnn", "train", "nucla", "--data", str(data), "--device", "cuda"]
    epoch += ["--training.max_epochs", "1", "--output-dir", str(Path(tempfile.gettempdir(), "check-gpu-runs"))]
    found = None if data is not None and data.exists() else f"there is no file {data}"
    return [
        Part("tests of the Triton kernels", tests, 150),
        Part("an epoch on N-UCLA", epoch, 60, found),
        *(Part(f"{shape}, {precision}", timed(shape, precision)) for precision in PRECISIONS for shape in SHAPES),
    ]


def timed(shape: str, precision: str) -> list[str]:
    """The benchmark of one shape in one precision, without the loops, whose compilation takes most of its time."""
    chosen = ["--shapes", shape, "--precisions", precision]
    return [PYTHON, "-m", "benchmarks.gpu", *chosen, "--seconds", "2", "--no-loops"]


class Record:
    """What is known so far, in a file that is whole at any moment."""

    def __init__(self, file: Path, about: dict[str, Any]) -> None:
        self.file, self.content = file, {**about, "parts": []}
        file.parent.mkdir(parents=True, exist_ok=True)
        self.write()

    def write(self) -> None:
        new = self.file.with_name(f".{self.file.name}.new")
        new.write_text(json.dumps(self.content, indent=1) + "\n")
        os.replace(new, self.file)

    def begin(self, part: Part) -> dict[str, Any]:
        entry = {"name": part.name, "command": list(part.command), "begun": now(), "output": []}
        self.content["parts"].append(entry)
        self.write()
        return entry

    def end(self, entry: dict[str, Any], result: str) -> None:
        entry |= {"ended": now(), "result": result}
        self.write()


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def run_all(todo: Sequence[Part], record: Record, seconds: float) -> bool:
    """Run one part after the other until the time is up, and say what became of each; whether none failed."""
    end, good = time.monotonic() + seconds, True
    for part in todo:
        entry, left = record.begin(part), end - time.monotonic()
        if part.missing is not None:
            record.end(entry, f"left out: {part.missing}")
        elif left <= 0:
            record.end(entry, "left out: no time was left")
        else:
            result = run(part, min(part.seconds, left), entry["output"], record)
            record.end(entry, result)
            good = good and result == "done"
        print(f"{part.name}: {entry['result']}", flush=True)
    return good


def run(part: Part, seconds: float, output: list[str], record: Record) -> str:
    """Run a part's program, and write each line that it prints; what became of it."""
    end = time.monotonic() + seconds
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(part.command, cwd=ROOT, env=environment, start_new_session=True, **pipe) as process:
        lines: queue.Queue[str | None] = queue.Queue()

        def read() -> None:
            for line in process.stdout:  # type: ignore[union-attr]
                lines.put(line.rstrip("\n"))
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        try:
            while (line := lines.get(timeout=max(0.0, end - time.monotonic()))) is not None:
                output.append(line)
                record.write()
            status = process.wait(max(0.0, end - time.monotonic()))
        except (queue.Empty, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGKILL)  # its compilers and workers too, which hold the pipe
            return f"stopped after {seconds:.0f} s"
    return "done" if status == 0 else f"failed with exit status {status}"


def machine() -> dict[str, Any]:
    """What the figures were made on."""
    device = torch.cuda.get_device_properties(torch.cuda.current_device())
    about = {"begun": now(), "device": device.name, "memory": device.total_memory, "python": platform.python_version()}
    return about | {"torch": torch.__version__, "cuda": torch.version.cuda}


def main(arguments: list[str] | None = None) -> int:
    """Run all parts; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = os.environ.get("ATTENTIVE_TEST_DATA")
    parser.add_argument("--seconds", type=float, default=420, help="for all parts together (default 420)")
    parser.add_argument("--data", type=Path, default=Path(folder, NUCLA) if folder else None, help="N-UCLA's file")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "check-gpu.json", help="the file that is written")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print(f"nothing is checked: torch {torch.__version__} sees no GPU on this machine", file=sys.stderr)
        return 2
    record = Record(options.json, machine())
    good = run_all(parts(options.data), record, options.seconds)
    print(f"written: {options.json}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
