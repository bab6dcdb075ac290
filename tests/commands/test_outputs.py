"""Outputs that cannot be written: every command that writes refuses them before it reads or computes anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.calls import fails

ABSENT = "no such data"  # reading them would be the first error of each command, were its output not looked at before
COMMANDS = {
    "predict": (["predict", "no such run", ABSENT, "--out"], "answers.csv"),
    "export": (["export", "no such run", "--data", ABSENT], "graph.onnx"),
    "lags": (["lags", "no such run", "--out"], "lags.png"),
    "masks": (["masks", "no such run", "--picture"], "masks.png"),
    "check": (["data", "check", ABSENT, "--picture"], "samples.png"),
    "show": (["data", "show", ABSENT, "--out"], "film.gif"),
    "convert": (["data", "convert", ABSENT], "all.npz"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(name, tmp_path, capsys):
    words, file = COMMANDS[name]
    (tmp_path / "taken").write_text("")
    out = tmp_path / "taken" / file
    assert f"{out}: cannot be written: {tmp_path / 'taken'} is no folder" in fails([*words, out], capsys)


@pytest.mark.parametrize("more", [[], ["--relative"], ["--faithfulness"]])
def test_a_folder_that_cannot_be_written_is_refused_before_explain_reads_the_data(more, plain_run, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    words = ["explain", plain_run.path, "--data", ABSENT, *more, "--out", tmp_path / "taken" / "pictures"]
    assert "pictures: cannot be written" in fails(words, capsys)


def test_a_run_whose_report_cannot_be_written_is_refused_before_its_data_are_read(plain_run, tmp_path, capsys):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in Path(plain_run.path).iterdir():
        if file.name != "report.html":
            (copy / file.name).symlink_to(file)
    (copy / "report.html").mkdir()
    data = tmp_path / "data.csv"
    data.write_text("no data")
    said = fails(["report", copy, "--data", data], capsys)
    assert "report.html: cannot be written: it is a folder" in said
