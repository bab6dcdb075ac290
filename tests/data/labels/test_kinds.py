"""Labels of files: classes, or numbers to be predicted."""

import numpy as np
import pytest

from attentive_rnn.data import load, read_sequences
from attentive_rnn.data.labels.kinds import labels_of_files
from attentive_rnn.errors import ConfigError, DataError


def recordings(folder):
    """Tables without labels, and one of numbers beside them."""
    for i in range(8):
        (folder / f"v{i}.csv").write_text(f"x,y\n{i},1\n{i + 1},2\n")
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"v{i}.csv,{-1.5 * i}\n" for i in range(8)))
    return folder


def test_numbers_in_a_table_beside_files_are_asked_about_and_predicted(tmp_path):
    with pytest.raises(DataError, match=r"v1\.csv: the label '-1\.5' is no whole number; --option target=number"):
        read_sequences(recordings(tmp_path))
    data = read_sequences(tmp_path, target="number")
    assert data.schema.target == "number"
    assert data.labels.tolist() == [-1.5 * i for i in range(8)]
    assert len(read_sequences(tmp_path, target="class").schema.classes) == 8
    assert load("folders", tmp_path, target="number").test.schema.target == "number"


def test_folders_named_by_numbers_can_be_predicted(tmp_path):
    for age in (20, 30):
        (tmp_path / str(age)).mkdir()
        for i in range(2):
            np.save(tmp_path / str(age) / f"{i}.npy", np.ones((4, 2)))
    assert read_sequences(tmp_path).schema.classes == ("20", "30")
    assert read_sequences(tmp_path, target="number").labels.tolist() == [20, 20, 30, 30]
    with pytest.raises(ConfigError, match="target must be"):
        read_sequences(tmp_path, target="age")


def test_what_is_no_number_is_named():
    with pytest.raises(DataError, match="b: the label is 'old', not a number"):
        labels_of_files(["1", "old"], "ab", "number")
    assert np.isnan(labels_of_files(["1", None], "ab", "number").values[1])
