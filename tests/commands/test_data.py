"""The data commands by their real entry point, on a set that comes with the package and on files of the tests."""

from __future__ import annotations

import json

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import load


@pytest.fixture
def skeletons(tmp_path):
    """Three skeleton sequences of two classes, as `attentive data convert` writes them."""
    rng = np.random.default_rng(0)
    path = tmp_path / "skeletons.npz"
    schema = {"classes": ["sit", "stand"], "shape": [1, 20, 3], "layout": "kinect-20"}
    np.savez(
        path,
        sequences=rng.normal(size=(12, 1, 20, 3)).astype(np.float32),
        lengths=np.array([5, 4, 3]),
        labels=np.array([0, 1, 0]),
        schema=np.array(json.dumps(schema)),
    )
    return path


def test_list_names_every_source(capsys):
    assert main(["data", "list"]) == 0
    shown = capsys.readouterr().out
    assert "japanese-vowels" in shown
    assert "nucla" in shown


def test_list_is_one_json_document(capsys):
    assert main(["data", "list", "--json"]) == 0
    captured = capsys.readouterr()
    listed = {one["name"]: one["needs_path"] for one in json.loads(captured.out)}
    assert (listed["npz"], listed["japanese-vowels"]) == (True, False)
    assert captured.err == ""


def test_each_ends_with_the_next_command_unless_it_is_to_be_quiet(skeletons, capsys):
    assert main(["data", "check", str(skeletons)]) == 0
    assert capsys.readouterr().err.endswith(f"Next: attentive train --data {skeletons}\n")
    assert main(["data", "check", str(skeletons), "--quiet"]) == 0
    assert "Next:" not in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["/dev/null", "/proc"])
def test_what_cannot_be_written_is_one_line(skeletons, folder, capsys):
    for arguments in (["convert", skeletons, f"{folder}/x.npz"], ["check", skeletons, "--picture", f"{folder}/x.png"]):
        assert main(["data", *map(str, arguments)]) == 2
        errors = capsys.readouterr().err
        assert errors.startswith(f"attentive: error: {folder}/x.")
        assert "cannot be written" in errors
        assert errors.count("\n") == 1


def test_a_format_that_no_reader_knows_is_answered_with_those_of_its_ending_in_three_lines(tmp_path, capsys):
    for name, likely in (("notes.txt", "folders, a folder for each class"), ("x.xyz", "there is no reader")):
        (tmp_path / name).touch()
        assert main(["data", "check", str(tmp_path / name)]) == 2
        errors = capsys.readouterr().err
        assert likely in errors
        assert errors.endswith("all formats: attentive data list\n")
        assert len(errors) - len(str(tmp_path)) < 360


def test_check_reports_and_draws(skeletons, tmp_path, capsys):
    picture = tmp_path / "samples.png"
    assert main(["data", "check", str(skeletons), "--picture", str(picture)]) == 0
    assert "kinect-20" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_check_takes_the_options_of_the_reader(skeletons, tmp_path, capsys):
    bare, picture = tmp_path / "bare.npz", tmp_path / "samples.png"
    np.savez(bare, sequences=np.load(skeletons)["sequences"], lengths=[5, 4, 3], labels=[0, 1, 0])
    option = ["--option", "layout=kinect-20", "--picture", str(picture)]
    assert main(["data", "check", str(bare), *option]) == 0
    assert "1 person, 20 joints, 3 coordinates; layout kinect-20" in capsys.readouterr().out
    assert picture.is_file()
    assert main(["data", "check", str(bare), "--option", "frames=3"]) == 2
    assert "unknown option 'frames'; it takes layout, missing" in capsys.readouterr().err


def test_convert_writes_what_load_reads(skeletons, tmp_path, capsys):
    out = tmp_path / "again.npz"
    assert main(["data", "convert", str(skeletons), str(out)]) == 0
    before, after = load("npz", skeletons), load("npz", out)
    for one, other in zip(before, after, strict=True):
        assert [len(s) for s in one.sequences] == [len(s) for s in other.sequences]
        assert all(bool((a == b).all()) for a, b in zip(one.sequences, other.sequences, strict=True))


def test_convert_refuses_to_overwrite_in_one_line(skeletons, capsys):
    assert main(["data", "convert", str(skeletons), str(skeletons)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already" in error


def test_convert_refuses_an_option_that_is_none(skeletons, tmp_path, capsys):
    assert main(["data", "convert", str(skeletons), str(tmp_path / "o.npz"), "--option", "missing"]) == 2
    assert "--option must be KEY=VALUE" in capsys.readouterr().err


def test_show_animates_a_sequence(skeletons, tmp_path):
    film = tmp_path / "s.gif"
    assert main(["data", "show", str(skeletons), "--item", "1", "--out", str(film)]) == 0
    assert film.read_bytes().startswith(b"GIF8")


def test_a_path_that_is_missing_is_one_line(capsys):
    assert main(["data", "check", "nowhere.zip"]) == 2
    assert capsys.readouterr().err == "attentive: error: nowhere.zip: there is no such file or folder\n"


def test_series_of_ones_own_are_checked(series, capsys):
    assert main(["data", "list"]) == 0
    assert "nucla" in capsys.readouterr().out
    assert main(["data", "check", str(series)]) == 0
    assert "30 train, 12 test" in capsys.readouterr().out
    assert main(["data", "check", str(series), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"] == {"train": 30, "test": 12}


def test_a_file_without_its_test_part_is_checked_but_no_training_is_proposed(tmp_path, capsys):
    (tmp_path / "Mine_TRAIN.ts").write_text("@univariate true\n@classLabel true a b\n@data\n1,2,3:a\n2,3,4:b\n")
    assert main(["data", "check", str(tmp_path / "Mine_TRAIN.ts")]) == 0
    captured = capsys.readouterr()
    assert "Mine_TEST.ts (or .gz, .xz) is not beside it" in captured.out
    assert "attentive train" not in captured.out + captured.err


def test_an_error_of_the_check_is_the_exit_status_and_comes_first(tmp_path, capsys):
    path = tmp_path / "gaps.csv"
    path.write_text("sequence,label,x,y\n" + "".join(f"{i},a,{i}.5,{'' if i == 3 else i * 7 % 4}\n" for i in range(8)))
    assert main(["data", "check", str(path)]) == 1
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "error: values are missing in 1 frame; load with --option missing=interpolate (or zero, or skip)"
    )
    assert first.endswith("The first is frame 0 of sequence 3; missing values are in y (1)")
    assert second.startswith("warning: all 8 labelled sequences are of one class")
    assert main(["data", "check", str(path), "--option", "missing=zero"]) == 0
    assert main(["data", "check", str(tmp_path / "none.csv")]) == 2


def test_check_prints_one_json_object_and_nothing_else(skeletons, tmp_path, capsys):
    assert main(["data", "check", str(skeletons), "--json", "--picture", str(tmp_path / "samples.png")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["splits"] == {"all": 3}
    assert printed["schema"]["layout"] == "kinect-20"
    assert {"severity", "text", "option"} == set(printed["findings"][0])
