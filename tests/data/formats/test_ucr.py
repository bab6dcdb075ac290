import gzip

import numpy as np
import pytest

from attentive_rnn.data import check, load, read_sequences, recognise
from attentive_rnn.data.formats.ucr import UCR, parse
from attentive_rnn.errors import DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)


def lines(count=20, length=30, classes=(1, 2), separator="\t"):
    values = RNG.normal(size=(count, length)).round(6)
    labels = [classes[i % len(classes)] for i in range(count)]
    rows = [separator.join([str(label), *map(repr, row.tolist())]) for label, row in zip(labels, values, strict=True)]
    return values, labels, "\n".join(rows) + "\n"


def write_pair(folder, suffix=".tsv", separator="\t", **options):
    train, test = lines(separator=separator, **options), lines(10, separator=separator, **options)
    (folder / f"Toy_TRAIN{suffix}").write_text(train[2])
    (folder / f"Toy_TEST{suffix}").write_text(test[2])
    return train, test


def test_a_line_is_a_sequence_and_its_label_comes_first(tmp_path):
    written, _ = write_pair(tmp_path)
    for path in (tmp_path, tmp_path / "Toy_TRAIN.tsv", tmp_path / "Toy_TEST.tsv"):
        assert recognise(path).name == "ucr"
        train, test = load("ucr", path)
        assert (len(train), len(test)) == (20, 10)
        assert train.schema.classes == ("1", "2")
        assert train.schema.target == "class"
    values, labels, _ = written
    assert [train.schema.classes[i] for i in train.labels] == [str(label) for label in labels]
    np.testing.assert_array_equal(np.stack([s[:, 0].numpy() for s in train.sequences]), values.astype(np.float32))
    assert len(read_sequences(tmp_path)) == 30
    assert check(tmp_path / "Toy_TRAIN.tsv").splits == {"train": 20, "test": 10}


def test_one_file_of_a_pair_is_read_with_its_labels(tmp_path):
    (tmp_path / "Toy_TRAIN.tsv").write_text(lines()[2])
    report = check(tmp_path / "Toy_TRAIN.tsv")
    assert report.splits == {"all": 20}
    assert report.lengths == (30, 30, 30)
    assert report.classes == {"all": {"1": 10, "2": 10}}


@pytest.mark.parametrize(("suffix", "separator"), [(".txt", "  "), (".csv", ","), (".tsv.gz", "\t")])
def test_other_suffixes_of_a_pair(tmp_path, suffix, separator):
    _, _, text = lines(classes=("1.0000000e+00", "-1.0000000e+00"), separator=separator)
    for part in ("TRAIN", "TEST"):
        path = tmp_path / f"Toy_{part}{suffix}"
        path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    assert recognise(path).name == "ucr"
    assert load("ucr", path).train.schema.classes == ("-1", "1")


def test_a_table_of_the_same_name_stays_a_table(tmp_path):
    (tmp_path / "Toy_TRAIN.tsv").write_text("id\tx\tlabel\n1\t2\ta\n1\t3\ta\n")
    (tmp_path / "walk_train.csv").write_text("1,0.5,0.25\n2,0.5,0.75\n")
    assert recognise(tmp_path / "Toy_TRAIN.tsv").name == "table"
    assert recognise(tmp_path / "walk_train.csv").name == "table"


def test_sequences_end_where_the_padding_begins(tmp_path):
    content = parse(b"1\t5\t6\tNaN\tNaN\n2\t5\tNaN\t7\t8\n", "X_TRAIN.tsv", "interpolate")
    assert [case[:, 0].tolist() for case in content.cases] == [[5, 6], [5, 6, 7, 8]]
    with pytest.raises(DataError, match=r"X_TRAIN.tsv, line 2: value 2 after the label is missing"):
        parse(b"1\t5\t6\tNaN\tNaN\n2\t5\tNaN\t7\t8\n", "X_TRAIN.tsv")


def test_a_label_may_be_missing_or_a_word():
    content = parse(b"walk\t5\t6\n?\t5\t7\nrun\t1\t2\n", "X_TEST.tsv")
    assert (content.classes, content.labels) == (("run", "walk"), [1, -1, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"label\t0\t1\t2\n1\t5\t6\t7\n", "line 1: is a line of names"),
        (b"1\t5\n2\n", "line 2: has a label and no value"),
        (b"1\t5\n2\tx\n", "line 2: value 1 after the label is 'x', not a number"),
        (b"1\t5\n2\t1_0\n", "line 2: value 1 after the label is '1_0'"),
        (b"1\t5\n2.5\t1\n", "line 2: the label '2.5', .* is not a whole number"),
        (b"1\t5\ninf\t1\n", "line 2: the label 'inf'"),
        (b"1\t5\n2\tinf\n", "line 2: value 1 after the label is infinite"),
    ],
)
def test_malformed_files_are_refused(text, message):
    with pytest.raises(DataError, match=f"X_TRAIN.tsv.*{message}"):
        parse(text, "X_TRAIN.tsv")


def test_a_class_that_is_only_in_the_test_file_is_named(tmp_path):
    (tmp_path / "X_TRAIN.tsv").write_text("1\t5\t6\n2\t5\t7\n")
    (tmp_path / "X_TEST.tsv").write_text("3\t5\t6\n")
    with pytest.raises(DataError, match="the class '3' is not one of 1, 2"):
        load("ucr", tmp_path)
    assert UCR.read(tmp_path).schema.classes == ("1", "2", "3")


def test_damaged_files_are_read_or_refused(tmp_path):
    assert read_or_refuse(UCR.read, tmp_path / "X_TRAIN.tsv", lines(4, 6)[2].encode()) > 100


@pytest.mark.parametrize("part", ["TRAIN", "TEST"])
def test_a_file_whose_first_line_is_damaged_is_refused_and_not_passed_over(tmp_path, part):
    write_pair(tmp_path)
    path = tmp_path / f"Toy_{part}.tsv"
    path.write_text(path.read_text().replace("\t", "\tx", 1))
    with pytest.raises(DataError, match=f"Toy_{part}.tsv, line 1"):
        read_sequences(tmp_path)


def test_a_first_line_that_counts_the_columns_is_refused_and_both_readings_are_named(tmp_path):
    (tmp_path / "Up_TRAIN.tsv").write_text("0\t1\t2\n1\t0.5\t0.25\n2\t0.1\t0.2\n")
    with pytest.raises(DataError, match=r"line 1: can be names .* delete it; or a sequence of class 0: write 1\.0"):
        read_sequences(tmp_path / "Up_TRAIN.tsv")
    (tmp_path / "Up_TRAIN.tsv").write_text("0\t1.0\t2\n1\t0.5\t0.25\n")
    assert read_sequences(tmp_path / "Up_TRAIN.tsv")[0].sequence.tolist() == [[1], [2]]


def test_a_line_of_another_length_and_an_empty_one_are_named(tmp_path):
    whole = lines(4)[2].splitlines()
    joined = UCR.to_dataset("\n".join([whole[0] + whole[1], "", *whole[2:]]).encode(), "Toy_TRAIN.tsv")
    assert joined.notes == (
        "Toy_TRAIN.tsv, line 2: is empty, between two sequences; a sequence may be lost there",
        "Toy_TRAIN.tsv, line 3: has 30 values and line 1 has 60; the archive fills shorter sequences with NaN, so a "
        "line may be cut, or two joined",
    )
    assert joined.lengths.tolist() == [60, 30, 30]
    assert UCR.to_dataset(("\n".join(whole) + "\n\n").encode(), "Toy_TRAIN.tsv").notes == ()


def test_numbers_between_tabs_or_semicolons_may_have_decimal_commas(tmp_path):
    for suffix, text in ((".tsv", "1\t0,5\t1,2\n2\t-0,5\t1,234\n"), (".csv", "1,0;0,5;1,2\n2,0;-0,5;1,234\n")):
        for part in ("TRAIN", "TEST"):
            (tmp_path / f"Toy_{part}{suffix}").write_text(text)
        assert recognise(tmp_path / f"Toy_TRAIN{suffix}").name == "ucr"
        train, _ = load("ucr", tmp_path / f"Toy_TRAIN{suffix}")
        assert train.schema.classes == ("1", "2")
        found = [sequence.ravel().tolist() for sequence in train.sequences]
        assert found == [pytest.approx([0.5, 1.2]), pytest.approx([-0.5, 1.234])]


def test_a_comma_that_can_separate_thousands_is_refused():
    with pytest.raises(DataError, match="line 1: value 1 after the label is '1,234', not a number"):
        parse(b"1\t1,234\t2,345\n", "Toy_TRAIN.tsv")
