"""The commands `attentive info` and `attentive completion`."""

from __future__ import annotations

import json
import subprocess

import pytest
import torch

from attentive_rnn.cli import main
from commands.calls import VOWELS


def test_info_lists_versions_backends_packages_and_recipes(capsys):
    assert main(["info", "--backends"]) == 0
    printed = capsys.readouterr().out
    for part in (
        f"torch {torch.__version__}",
        "reference",
        "the equations in PyTorch",
        "matplotlib",
        VOWELS,
        "threads",
    ):
        assert part in printed


def test_info_says_how_to_install_what_is_missing(monkeypatch, capsys):
    from attentive_rnn import environment

    monkeypatch.setattr(environment, "_version", lambda name: None if name == "tensorboard" else "1.0")
    assert main(["info"]) == 0
    assert "not installed: pip install 'attentive-rnn[train]'" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_knows_every_command(shell, capsys):
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    for name in ("train", "evaluate", "reproduce", "completion"):
        assert name in printed


def test_bash_completes_commands_options_and_files(tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    (tmp_path / "film.mp4").touch()

    def completed(*words: str) -> list[str]:
        line = f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _shtab_attentive"
        shown = subprocess.run(
            ["bash", "-c", f'{line}; printf "%s\\n" "${{COMPREPLY[@]}}"'], capture_output=True, text=True, check=True
        )
        return shown.stdout.split()

    assert completed("attentive", "tra") == ["train"]
    assert "--resume" in completed("attentive", "train", "--re")
    assert completed("attentive", "data", "che") == ["check"]
    assert completed("attentive", "data", "check", f"{tmp_path}/fi") == [f"{tmp_path}/film.mp4"]
    assert completed("attentive", "train", "basic") == ["basic-motions"]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs.txt").touch()
    assert completed("attentive", "evaluate", f"{tmp_path}/ru") == [f"{tmp_path}/runs"]
    assert completed("attentive", "train", "--resume", f"{tmp_path}/ru") == [f"{tmp_path}/runs"]


def test_info_is_one_json_document(capsys):
    assert main(["info", "--json"]) == 0
    captured = capsys.readouterr()
    assert VOWELS in json.loads(captured.out)["recipes"]
    assert captured.err == ""
