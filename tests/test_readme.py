"""README: its program runs and prints what it says, and its commands can be run one after the other."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path

from attentive_rnn.cli import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALL = ["--model.hidden_size", "6", "--model.num_layers", "1", "--training.max_epochs", "2", "--device", "cpu"]


def test_the_python_example_runs_and_prints_the_shapes_it_says(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("torch.Size([8, 50, 100]) torch.Size([8, 50, 60])\nChoice(backend=")


def test_the_commands_run_one_after_the_other_on_data_of_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO('{"frame": [0, 0, 0, 0, 0, 0]}\n' * 3))
    lines = [line for line in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[-1].splitlines() if line]
    assert [shlex.split(line)[1] for line in lines] == ["demo", "train", "evaluate", "explain", "predict", "stream"]
    printed = {}
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        if words[0] == "train":
            words += SMALL
        elif words[0] != "demo":
            words[1:2] = [str(next((tmp_path / "runs" / "basic-motions").iterdir()))]
            words = [
                str(ROOT / "src/attentive_rnn/data/embedded/BasicMotions_TEST.ts.xz") if w == "FILE" else w
                for w in words
            ]
        assert main(words) == 0, line
        printed[words[0]] = capsys.readouterr().out
    assert "of the attended input" in printed["demo"]
    assert "95 % interval" in printed["train"]
    assert "report.html" in printed["train"]
    assert "true class" in printed["evaluate"]
    assert "explain/classes.png" in printed["explain"]
    assert "explain/mistakes.png" in printed["explain"]
    assert len(printed["predict"].splitlines()) == 40 + 2
    assert printed["predict"].splitlines()[40].startswith("accuracy  ")
    assert [json.loads(line)["frame"] for line in printed["stream"].splitlines()] == [0, 1, 2]
