"""Rates of recordings with a time column: one for all is known, several are told, in every format that has times."""

import numpy as np
import pytest
from pyarrow import csv, parquet

from attentive_rnn.cli import main
from attentive_rnn.data import load
from attentive_rnn.data.formats import folders, tables
from attentive_rnn.errors import DataError
from data.formats.test_features import clip


def rows(step, frames=12, first=""):
    return "".join(f"{first}{round(i * step, 6)},{i % 3},{i % 5}\n" for i in range(frames))


def write_folder(root, steps, time="time"):
    for i, step in enumerate(steps):
        place = root / "ab"[i % 2] / f"{i}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{time},x,y\n{rows(step)}")
    return root


@pytest.mark.parametrize(
    ("time", "scale", "told"),
    [
        ("time", 1, "frames are not equally far apart: 0.02 in 6 files and 0.01 in 4"),
        ("time_ms", 1000, "there are several rates, in frames a second: 50 in 6 files and 100 in 4"),
        ("Time (s)", 1, "there are several rates, in frames a second: 50 in 6 files and 100 in 4"),
    ],
)
def test_files_of_several_rates_are_told_with_how_many_of_each(tmp_path, time, scale, told):
    data = folders.read(write_folder(tmp_path, [0.02 * scale] * 6 + [0.01 * scale] * 4, time))
    assert [note for note in data.notes if told in note and repr(time) in note]
    assert data.schema.rate is None
    assert data.schema.features == ("x", "y")


def test_files_of_one_rate_have_it_and_no_note(tmp_path):
    data = folders.read(write_folder(tmp_path, [20, 20, 20.1, 20], "time_ms"))
    assert data.schema.rate == pytest.approx(50, rel=0.01)
    assert not [note for note in data.notes if "apart" in note or "rates" in note]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_sequences_of_a_table_of_several_rates_are_told(tmp_path, suffix):
    lines = (rows(0.01 if i > 6 else 0.02, first=f"{i},{'ab'[i % 2]},") for i in range(10))
    (tmp_path / "t.csv").write_text("id,label,time,x,y\n" + "".join(lines))
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        parquet.write_table(csv.read_csv(tmp_path / "t.csv"), path)
    assert [note for note in tables.read(path).notes if "0.02 in 7 sequences and 0.01 in 3" in note]


def test_windows_in_seconds_of_recordings_of_several_rates_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,label,time_ms,x,y\n" + rows(20, first="1,a,") + rows(10, first="2,b,"))
    with pytest.raises(DataError, match="50 in 1 sequences and 100 in 1"):
        load("table", path, window="0.1s", time="time_ms")
    assert tables.SOURCE.read(path, window=4, time="time_ms").notes


def test_times_that_are_uneven_in_each_file_are_no_rates(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        place = tmp_path / "ab"[i % 2] / f"{i}.csv"
        place.parent.mkdir(exist_ok=True)
        times = np.cumsum(rng.exponential(1 + i, 20))
        place.write_text("time,x\n" + "".join(f"{t:.4f},{j}\n" for j, t in enumerate(times)))
    assert not [note for note in folders.read(tmp_path).notes if "apart" in note]


def test_features_of_videos_of_several_rates_are_told(tmp_path):
    for i, rate in enumerate((10, 10, 10, 25)):
        clip(tmp_path / "ab"[i % 2] / f"{i}.safetensors", rate=rate)
    data = load("frame-features", tmp_path, test_fraction=0.4).train
    assert [note for note in data.notes if "10 in 3 files and 25 in 1" in note]


def test_check_train_and_predict_tell_several_rates(tmp_path, capsys):
    root = write_folder(tmp_path / "set", [0.02] * 8 + [0.01] * 8)
    runs = tmp_path / "runs"

    def tell(command):
        assert main([*command, str(root)]) == 0
        shown = capsys.readouterr()
        return "0.02 in 8 files and 0.01 in 8" in shown.out + shown.err

    assert tell(["data", "check"])
    assert tell(["train", "--output-dir", str(runs), "--training.max_epochs", "1"])
    assert tell(["predict", str(next(runs.glob("*/*")))])
