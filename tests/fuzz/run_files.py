"""Small valid files of a run, and how each is read; the values must be as they were."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console

from attentive_rnn.cli import main
from attentive_rnn.experiments.study import read_study
from attentive_rnn.explain.report.page import contents, render
from attentive_rnn.training import RunFolder, load_config, load_model, resume, train
from attentive_rnn.training.setup import load_splits
from fuzz.seeds import READERS, SMALL, Target, UnexpectedError, put, table


@cache
def small_run(parent: str) -> RunFolder:
    """A finished run on a small table, made once."""
    data = table(Path(parent))
    config = load_config("sequence", [("data.path", str(data)), *SMALL])
    return train(config, Path(parent) / "runs", name="run", console=Console(file=io.StringIO()))


def run_target(files: str, read: Callable[[RunFolder, int], Any]) -> Target:
    """A file of a run; its reader returns what has to be as it was."""

    def make(folder: Path) -> None:
        run = small_run(str(folder.parent / "of-runs"))
        shutil.copytree(run.path, folder / "run")

    return Target(make, lambda folder, number: (1, read(RunFolder(folder / "run"), number)), f"run/{files}")


def _report(run: RunFolder, number: int) -> None:
    source = small_run(str(run.path.parent.parent / "of-runs"))
    render(contents(run, load_splits(source.read_config(), Console(file=io.StringIO()))))


def _model(run: RunFolder, number: int) -> None:
    saved = load_model(run.model)
    source = small_run(str(run.path.parent.parent / "of-runs"))
    test = load_splits(source.read_config(), Console(file=io.StringIO())).test
    if not np.isfinite(saved.logits(saved.matched(test))).all():
        raise UnexpectedError("an answer is not finite")


def _resumed(run: RunFolder, number: int) -> None:
    run.results.unlink()
    resume(run, console=Console(file=io.StringIO()))
    json.loads(run.results.read_text(), parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise UnexpectedError(f"{name} in JSON")


def _recipe(folder: Path) -> None:
    config = load_config("japanese-vowels", [*SMALL, ("data.options", "{missing: zero}")])
    from attentive_rnn.training.recipes import to_yaml

    put(folder / "mine.yaml", to_yaml(config))


def _read_recipe(folder: Path, number: int) -> tuple[int, Any]:
    load_config(folder / "mine.yaml")
    return 1, None


def _lines(folder: Path) -> None:
    small_run(str(folder.parent / "of-runs"))
    lines = [json.dumps({"frame": [0.5, t / 10], "track": "Ann"}) for t in range(4)]
    put(folder / "lines.txt", "\n".join([*lines, '{"frame": {"x": 1, "y": 2}}', '{"end": "Ann"}']) + "\n")


def _stream(folder: Path, number: int) -> tuple[int, Any]:
    run = small_run(str(folder.parent / "of-runs"))
    before, said, out = sys.stdin, io.StringIO(), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with open(folder / "lines.txt", encoding="utf-8") as sys.stdin, redirect_stdout(out), redirect_stderr(said):
        status = main(["stream", str(run.path), "-"])
        out.flush()
    sys.stdin = before
    for line in out.buffer.getvalue().decode("utf-8").splitlines():
        json.loads(line, parse_constant=_no_constant)
    if status not in (0, 2) or (status == 2 and said.getvalue().count("\n") != 1):
        raise UnexpectedError(f"status {status}: {said.getvalue()[:200]}")
    return 1, None


def _study(folder: Path) -> None:
    runs = [{"name": name, "recipe": "japanese-vowels", "set": {"seed": 1}} for name in ("one", "two")]
    fused = [{"name": "both", "of": ["one", "two"], "weights": [1, 0.5]}]
    put(folder / "study.yaml", yaml.safe_dump({"seeds": [0, 1], "runs": runs, "fused": fused}))


def _read_study(folder: Path, number: int) -> tuple[int, Any]:
    return len(read_study(folder / "study.yaml").entries), "entries are named"


RUN_FILES: dict[str, Target] = {
    "recipe": Target(_recipe, _read_recipe),
    "study": Target(_study, _read_study),
    "config.yaml": run_target("config.yaml", lambda run, number: run.read_config().to_dict()),
    "results.json": run_target("results.json", _report),
    "env.json": run_target("env.json", _report),
    "metrics.csv": run_target("metrics.csv", _report),
    "config.json of the model": run_target("model/config.json", _model),
    "model.safetensors": run_target("model/model.safetensors", _model),
    "checkpoint": run_target("checkpoints/*.ckpt", _resumed),
    "env.json, resumed": run_target("env.json", _resumed),
    "lines of attentive stream": Target(_lines, _stream, "lines.txt"),
}
TARGETS = READERS | RUN_FILES
