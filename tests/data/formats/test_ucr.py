"""The text format of the UCR archive, from files that the tests write."""

import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.formats import ucr
from attentive_rnn.errors import DataError
from data.damage import damaged, read_or_refused

TRAIN = "1\t0.5\t0.25\t1\n2\t1\t2\tNaN\n-1\t3\t4\t5\n"
TEST = "2\t7\t8\t9\n-1\t1\t1\t1\n"


def write(tmp_path, train=TRAIN, test=TEST, suffix="tsv"):
    (tmp_path / f"Toy_TEST.{suffix}").write_text(test)
    path = tmp_path / f"Toy_TRAIN.{suffix}"
    path.write_text(train)
    return path


@pytest.mark.parametrize("suffix", ["tsv", "txt"])
def test_a_line_is_a_sequence_and_its_first_value_the_label(tmp_path, suffix):
    texts = [text if suffix == "tsv" else text.replace("\t", "  ") for text in (TRAIN, TEST)]
    path = write(tmp_path, *texts, suffix)
    source = recognise(path)
    assert source.name == ("ucr" if suffix == "tsv" else "ucr-txt")
    assert recognise(tmp_path) == source
    train, test = load(source.name, path)
    assert train.schema.classes == test.schema.classes == ("-1", "1", "2")
    assert train.labels.tolist() == [1, 2, 0]
    assert test.labels.tolist() == [2, 0]
    assert [s.flatten().tolist() for s in train.sequences] == [[0.5, 0.25, 1], [1, 2], [3, 4, 5]]


def test_labels_in_other_notations_are_the_same_classes(tmp_path):
    train, test = load("ucr", write(tmp_path, "1.0000000e+00\t1\n2.0\t2\n", "1\t3\n"))
    assert train.schema.classes == ("1", "2")
    assert test.labels.tolist() == [0]


def test_a_long_table_is_none_of_the_archive(tmp_path):
    path = write(tmp_path, "id\tlabel\tx\n1\ta\t0.5\n", "id\tlabel\tx\n1\ta\t0.5\n")
    assert recognise(path).name == "table"
    (tmp_path / "gestures.tsv").write_text(TRAIN)
    assert recognise(tmp_path / "gestures.tsv").name == "table"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t2\t3\n1\tx\t3\n", "line 2: value 1 is 'x', not a number"),
        ("1\t2\n1\n", "line 2: expected a label and values"),
        ("1\t2\tNaN\t3\n", r"line 1: value 2 is missing; load with missing="),
        ("", "there is no sequence"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(DataError, match=rf"Toy_TRAIN.tsv.*{message}"):
        ucr.UCR.read(write(tmp_path, text))


def test_damaged_files_are_read_or_refused(tmp_path):
    path = write(tmp_path)
    read_or_refused(ucr.UCR.read, path, damaged(path.read_bytes(), 500))
