"""Every edit of a data set is noticed, and the parts of a training are found again in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from attentive_rnn.data import ImageDataset, Schema, SequenceDataset, Splits
from attentive_rnn.data.fingerprint import find, fingerprint, from_bytes, parts_as_remembered, to_bytes
from attentive_rnn.errors import ConfigError, DataError

SCHEMA = Schema(("up", "down"), (2,))


def _data(numbers, labels=None, names=None) -> SequenceDataset:
    """A sequence for each number, which its values, its label and its name are made from."""
    numbers = list(numbers)
    sequences = [torch.full((3, 2), float(n)) for n in numbers]
    labels = [n % 2 for n in numbers] if labels is None else labels
    names = [f"s{n}" for n in numbers] if names is None else names
    return SequenceDataset(sequences, labels, [{"name": name} for name in names], SCHEMA, "numbers")


def _splits(train=range(6), test=range(6, 10), **test_edits) -> Splits:
    return Splits(_data(train), _data(test, **test_edits))


KNOWN = fingerprint(_splits())


def _values(part: SequenceDataset) -> list[float]:
    return [float(sequence[0, 0]) for sequence in part.sequences]


def test_the_same_data_are_the_same_object():
    splits = _splits()
    found = find(from_bytes(to_bytes(KNOWN), "here"), splits)
    assert found.changes() == found.renamed() == []
    assert parts_as_remembered(found, splits, "run") is splits


def test_another_order_and_other_parts_give_the_parts_of_the_training():
    mixed = Splits(_data([9, 3, 1, 7, 0, 5]), _data([8, 2, 6, 4]))
    found = find(KNOWN, mixed)
    assert found.changes() == []
    train, test = parts_as_remembered(found, mixed, "run")
    assert _values(train) == [0, 1, 2, 3, 4, 5]
    assert _values(test) == [6, 7, 8, 9]
    assert test.labels.tolist() == [0, 1, 0, 1]


def test_names_that_count_the_order_move_with_it():
    known = fingerprint(Splits(_data(range(6), names=list("abcdef")), _data(range(6, 10), names=list("ghij"))))
    turned = Splits(_data(reversed(range(6)), names=list("abcdef")), _data([9, 8, 7, 6], names=list("ghij")))
    found = find(known, turned)
    assert found.changes() == found.renamed() == []
    assert _values(parts_as_remembered(found, turned, "run").test) == [6, 7, 8, 9]


def test_copies_in_two_parts_stay_in_their_parts():
    both = Splits(_data([0, 1, 1, 2]), _data([1, 3]))
    found = find(fingerprint(both), Splits(_data([2, 1, 1, 0]), _data([3, 1])))
    assert found.changes() == []
    assert {name: len(places) for name, places in found.places.items()} == {"train": 4, "test": 2}


def test_other_values_are_named_and_found_by_name():
    edited = _splits()
    edited.test.sequences[2] = edited.test.sequences[2] + 0.001
    found = find(KNOWN, edited)
    assert found.changes() == ["1 of 4 test sequences have other values, first: s8"]
    assert len(parts_as_remembered(found, edited, "run").test) == 4


def test_the_sign_of_zero_and_the_length_are_values():
    for edit in (torch.tensor([[-0.0, 0.0]] * 3), torch.zeros(4, 2)):
        edited = _splits()
        edited.train.sequences[0] = edit
        assert find(KNOWN, edited).changes() == ["1 of 6 training sequences have other values, first: s0"]


def test_absent_joints_are_values():
    schema = Schema(("up",), (1, 2, 3))
    data = SequenceDataset([torch.ones(2, 1, 2, 3)] * 2, [0, 0], [{"name": "a"}, {"name": "b"}], schema)
    splits = Splits(data.subset([0]), data.subset([1]))
    known = fingerprint(splits)
    splits.test.presence[0] = torch.tensor([[[True, False]], [[True, True]]])
    assert find(known, splits).changes() == ["1 of 1 test sequences have other values, first: b"]


def test_other_values_everywhere_are_found_by_name():
    edited = Splits(_data(range(6)), _data(range(6, 10)))
    for part in edited:
        part.sequences = [sequence * 1000 + 0.5 for sequence in part.sequences]
    changes = find(KNOWN, edited).changes()
    assert changes == [
        "6 of 6 training sequences have other values, first: s0",
        "4 of 4 test sequences have other values, first: s6",
    ]


def test_other_labels_are_named():
    found = find(KNOWN, _splits(labels=[0, 0, 0, 1]))
    assert found.changes() == ["1 of 4 test sequences have other labels, first: s7"]


def test_other_names_are_said_and_change_nothing():
    edited = _splits(names=["s6", "s7", "new", "s9"])
    found = find(KNOWN, edited)
    assert found.changes() == []
    assert found.renamed() == ["1 sequences have other names, first: s8"]
    assert parts_as_remembered(found, edited, "run") is edited


def test_one_more_is_named_and_belongs_to_no_part():
    more = _splits(test=[11, 6, 7, 8, 9])
    found = find(KNOWN, more)
    assert found.changes() == ["1 sequences are new, first: s11"]
    assert _values(parts_as_remembered(found, more, "run").test) == [6, 7, 8, 9]


def test_one_less_in_the_test_part_is_refused_by_name():
    less = _splits(test=[6, 8, 9])
    found = find(KNOWN, less)
    assert found.changes() == ["1 of 4 test sequences are missing, first: s7"]
    with pytest.raises(DataError, match=r"run: 1 of 4 test sequences of the run are missing, first: s7$"):
        parts_as_remembered(found, less, "run")


def test_other_data_are_for_predict():
    other = _splits(train=[20, 21], test=[22, 23])
    with pytest.raises(
        DataError, match=r"4 of 4 test sequences .*; `attentive predict RUN DATA` scores a run on other"
    ):
        parts_as_remembered(find(KNOWN, other), other, "run")


def test_one_less_in_training_is_said():
    less = _splits(train=[0, 1, 2, 4, 5])
    found = find(KNOWN, less)
    assert found.changes() == ["1 of 6 training sequences are missing, first: s3"]
    assert _values(parts_as_remembered(found, less, "run").train) == [0, 1, 2, 4, 5]


def test_a_changed_sequence_is_not_looked_for_under_a_number_that_has_moved():
    """The names count the order: the one left over under a name may be another sequence, such as one of training."""
    known = fingerprint(Splits(_data(range(4), names=list("abcd")), _data([4, 5], names=list("ef"))))
    moved = Splits(_data([4, 0, 1, 2], names=list("abcd")), _data([50, 3], names=list("ef")))
    found = find(known, moved)
    assert found.missing("test") == ["f"]
    with pytest.raises(DataError, match="missing, first: f"):
        parts_as_remembered(found, moved, "run")


def test_sequences_without_names_are_numbered():
    bare = Splits(_data(range(6)), _data(range(6, 10), names=[""] * 4))
    found = find(fingerprint(bare), Splits(_data(range(6)), _data([6, 7, 9], names=[""] * 3)))
    assert found.changes() == ["1 of 4 test sequences are missing, first: number 2"]


def test_numbers_to_predict_and_missing_labels_survive_the_file():
    schema = Schema((), (2,), target="number")
    data = SequenceDataset([torch.ones(2, 2), torch.zeros(2, 2)], [0.1, np.nan], [{}, {}], schema)
    known = fingerprint(Splits(data, data))
    assert [item.label for item in known["test"]] == [0.1, None]
    assert from_bytes(to_bytes(known), "here") == known


def test_images_are_found_again():
    images = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
    schema = Schema(("day", "night"), (3, 2, 2), medium="image")
    data = ImageDataset(images, [0, 1, 0, 1], schema)
    known = fingerprint(Splits(data, data.subset([0, 1])))
    turned = Splits(data.subset([3, 2, 1, 0]), data.subset([1, 0]))
    test = parts_as_remembered(find(known, turned), turned, "run").test
    assert test.labels.tolist() == [0, 1]


def test_damaged_bytes_are_one_error():
    good = to_bytes(KNOWN)
    for bad in (b"", good[:-9], b"\x1f\x8b no", to_bytes({"train": KNOWN["train"]}), to_bytes({**KNOWN, "x": []})):
        with pytest.raises(ConfigError, match="run: is damaged"):
            from_bytes(bad, "run")


def test_classes_in_another_order_keep_their_labels():
    turned = _splits()
    for part in turned:
        part.schema = replace(SCHEMA, classes=("down", "up"))
        part.labels = 1 - part.labels
    assert find(KNOWN, turned).changes() == []
