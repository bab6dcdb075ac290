"""Labels of a column: classes, or numbers to predict."""

import numpy as np
import pytest

from attentive_rnn.data import Schema, read_sequences
from attentive_rnn.data.formats import tables
from attentive_rnn.data.formats.columns import Columns
from attentive_rnn.data.formats.long.labels import read_labels
from attentive_rnn.data.formats.long.roles import Rows
from attentive_rnn.errors import DataError

ROWS = Rows(np.arange(4), np.array([0, 2, 3]))


def column(*texts, schema=None):
    return Columns("set.csv", "line", range(2, 6), {"y": list(texts)}, schema)


def test_classes_are_in_the_order_of_numbers_and_words_for_no_value_are_no_label():
    found = read_labels(column("10", "10", "9", "NA"), "y", ROWS, None)
    assert (found.values, found.classes, found.kind) == ([1, 0, -1], ("9", "10"), "class")


def test_numbers_are_predicted_where_they_are_asked_for():
    found = read_labels(column("1", "1", "2,5", ""), "y", ROWS, "number")
    np.testing.assert_array_equal(found.values, [1, 2.5, np.nan])
    assert (found.classes, found.kind) == ((), "number")


def test_without_a_column_no_sequence_has_a_label():
    assert read_labels(column("1", "1", "2", "3"), None, ROWS, None).values == [-1] * 3


@pytest.mark.parametrize(
    ("texts", "schema", "message"),
    [
        ("abcd", None, "line 3: y changes from 'a' to 'b' within a sequence"),
        (("1.5", "1.5", "2", "3"), None, r"line 2: the label '1.5' is no whole number; --option target=number"),
        ("aabc", Schema(("a", "b"), (1,)), "line 5: the label 'c' is not among the classes"),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(texts, schema, message):
    with pytest.raises(DataError, match=message):
        read_labels(column(*texts, schema=schema), "y", ROWS, None)


def test_labels_such_as_1_0_are_classes_with_a_note_that_names_the_other_reading(tmp_path):
    (tmp_path / "set.csv").write_text("id,label,x\n1,1.0,2\n2,2.0,3\n")
    data = read_sequences(tmp_path / "set.csv")
    assert data.schema.classes == ("1.0", "2.0")
    assert any("such as 1.0 and were taken as 2 classes; --option target=number" in note for note in data.notes)
    assert read_sequences(tmp_path / "set.csv", target="number").labels.tolist() == [1, 2]


@pytest.mark.parametrize("words", [("on", "off"), ("Yes", "No"), ("true", "false"), ("ok", "worn")])
def test_two_words_in_a_column_called_state_are_the_classes(tmp_path, words):
    path = tmp_path / "t.csv"
    path.write_text("id,state,x\n" + "".join(f"{i},{words[i % 2]},{t}\n" for i in range(4) for t in range(3)))
    data = tables.read(path)
    assert data.schema.classes == tuple(sorted(words))
    assert data.schema.features == ("x",)
    assert any("'state', of two words, was taken for the label" in note for note in data.notes)


def test_a_state_that_changes_within_a_sequence_or_is_asked_for_is_a_feature(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,state,x\n1,on,1\n1,off,2\n2,on,1\n2,on,3\n")
    assert tables.read(path).schema.features == ("state", "x")
    path.write_text("id,state,x\n1,on,1\n1,on,2\n2,off,1\n2,off,3\n")
    assert tables.read(path, keep=["state"]).schema.features == ("state", "x")
    path.write_text("id,label,state,x\n1,a,on,1\n1,a,on,2\n2,b,off,1\n2,b,off,3\n")
    assert tables.read(path).schema.classes == ("a", "b")
