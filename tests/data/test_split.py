import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import Schema, SequenceDataset, validation_split
from attentive_rnn.data.split import folds, named_parts, train_test
from attentive_rnn.errors import ConfigError, DataError


def dataset(labels, subjects=None):
    metas = [{"name": str(i)} | ({"subject": subjects[i]} if subjects else {}) for i in range(len(labels))]
    schema = Schema(tuple("abcdef"), (1,))
    return SequenceDataset([torch.full((2, 1), i) for i in range(len(labels))], labels, metas, schema, "made")


def names(part):
    return [m["name"] for m in part.metas]


@given(
    st.lists(st.integers(0, 5), min_size=3, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 1000),
    st.data(),
)
def test_subjects_are_not_shared_between_the_parts(subjects, fraction, seed, data):
    if len(set(subjects)) < 3:
        subjects = [i % 3 for i in range(len(subjects))]
    labels = data.draw(st.lists(st.integers(0, 5), min_size=len(subjects), max_size=len(subjects)))
    everyone = sorted(set(subjects))  # performs every class, so that nobody is needed for one
    subjects += [subject for subject in everyone for _ in range(6)]
    labels += list(range(6)) * len(everyone)
    everything = dataset(labels, subjects)
    train, valid = validation_split(everything, fraction, seed)
    assert len(train)
    assert len(valid)
    assert not set(train.groups("subject")) & set(valid.groups("subject"))
    assert sorted(names(train) + names(valid)) == sorted(names(everything))


def test_subjects_that_alone_perform_a_class_do_not_empty_it():
    one_gesture_each = dataset([0, 1, 2] * 10, ["ann", "bob", "cem"] * 10)
    train, valid = validation_split(one_gesture_each, 0.2, 0)
    assert set(train.labels) == set(valid.labels) == {0, 1, 2}
    labels, subjects = [0, 0, 1] * 4, ["ann", "bob", "cem"] * 4  # without cem there is no class 1
    for seed in range(10):
        train, _ = validation_split(dataset(labels, subjects), 0.3, seed)
        assert set(train.labels) == {0, 1}


@given(st.lists(st.integers(0, 3), min_size=8, max_size=60), st.integers(2, 5), st.integers(0, 99))
def test_each_sequence_is_held_out_in_one_fold_and_every_class_stays_for_training(labels, count, seed):
    labels = [*labels, *labels]  # two of each class at least
    parts = folds(dataset(labels), count, seed)
    assert sorted(name for _, held_out in parts for name in names(held_out)) == sorted(map(str, range(len(labels))))
    for train, held_out in parts:
        assert not set(names(train)) & set(names(held_out))
        assert set(train.labels) == set(labels)
        for label in set(labels):
            assert abs(int((held_out.labels == label).sum()) - labels.count(label) / count) < 1


def test_folds_keep_subjects_together_unless_that_empties_a_class():
    for train, held_out in folds(dataset([0, 1] * 20, [i // 4 for i in range(40)]), 5, 0):
        assert not set(train.groups("subject")) & set(held_out.groups("subject"))
        assert len(held_out) == 8
    for train, _ in folds(dataset([0, 1, 2] * 10, ["ann", "bob", "cem"] * 10), 3, 0):
        assert set(train.labels) == {0, 1, 2}


def test_all_folds_train_on_the_only_sequence_of_a_class():
    for subjects in (None, [i // 3 for i in range(9)]):
        parts = folds(dataset([0, 1, 0, 1, 2, 0, 1, 0, 1], subjects), 3, 0)
        assert sorted(name for _, held_out in parts for name in names(held_out)) == list("01235678")
        assert all(set(train.labels) == {0, 1, 2} for train, _ in parts)


def test_all_folds_train_on_the_only_recording_with_a_class():
    recordings = dataset([0, 1, 0, 1, 0, 1, 2, 2])
    for i, meta in enumerate(recordings.metas):
        meta["recording"] = "abc"[i // 2] if i < 6 else "d"
    parts = folds(recordings, 3, 0)
    assert sorted(name for _, held_out in parts for name in names(held_out)) == list("012345")
    assert all(len(set(held_out.groups("recording"))) == 1 for _, held_out in parts)
    with pytest.raises(
        DataError, match="made: windows of 3 recordings but for those that alone have a class cannot be"
    ):
        folds(recordings, 4, 0)


def test_folds_of_numbers_need_no_classes():
    schema = Schema((), (1,), target="number")
    numbers = SequenceDataset([torch.zeros(1, 1)] * 7, [0.5 * i for i in range(7)], [{}] * 7, schema, "made")
    parts = folds(numbers, 3, 0)
    assert sorted(value for _, held_out in parts for value in held_out.labels) == [0.5 * i for i in range(7)]


def test_impossible_folds_are_refused():
    with pytest.raises(ConfigError, match="two or more folds, got 1"):
        folds(dataset([0, 1] * 3), 1, 0)
    with pytest.raises(DataError, match="made: 3 sequences cannot be divided into 4 folds"):
        folds(dataset([0, 1, 2]), 4, 0)
    with pytest.raises(DataError, match="made: 0 sequences of classes with two or more cannot be divided into 2 folds"):
        folds(dataset([0, 1]), 2, 0)


@given(st.lists(st.integers(0, 5), min_size=7, max_size=60), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_without_subjects_every_class_gives_its_share_and_keeps_one(labels, fraction, seed):
    everything = dataset(labels)
    train, valid = validation_split(everything, fraction, seed)
    assert len(valid)
    assert sorted(names(train) + names(valid)) == sorted(names(everything))
    for label in set(labels):
        count = labels.count(label)
        held_out = int((valid.labels == label).sum())
        assert held_out < count
        assert held_out <= fraction * count + 1


def test_a_rare_class_is_in_both_parts_where_there_is_room():
    for seed in range(10):
        train, valid = validation_split(dataset([0] * 40 + [1] * 38 + [2] * 2), 0.1, seed)
        assert len(valid) == 8
        assert np.bincount(valid.labels).tolist()[2] == np.bincount(train.labels).tolist()[2] == 1


def test_few_sequences_of_each_class_give_one_each():
    _, held_out = validation_split(dataset([0, 1, 2, 3] * 3), 0.25, 0)
    assert sorted(held_out.labels) == [0, 1, 2, 3]
    _, held_out = validation_split(dataset([0, 1, 2, 3] * 5), 0.05, 0)  # a fifth instead of a twentieth is too much
    assert len(held_out) == 1


def test_where_each_person_makes_one_gesture_both_parts_show_every_gesture_by_other_persons():
    labels, subjects = [i % 2 for i in range(40)], [i % 2 + 2 * (i // 2 % 2) for i in range(40)]
    for seed in range(5):
        train, test = validation_split(dataset(labels, subjects), 0.25, seed)
        assert set(train.labels) == set(test.labels) == {0, 1}
        assert not set(train.groups("subject")) & set(test.groups("subject"))
        assert "2 of 4 persons are held out, more than the 1 of the fraction 0.25" in test.notes[-1]


def test_two_subjects_are_too_few_to_hold_one_out():
    train, valid = validation_split(dataset([0, 1] * 10, [0, 1] * 10), 0.2, 0)
    assert np.bincount(valid.labels).tolist() == [2, 2]
    assert len(train) == 16


def test_the_split_is_the_same_for_the_same_seed_only():
    data = dataset([0, 1] * 20, list(range(10)) * 4)
    assert names(validation_split(data, 0.3, 5)[1]) == names(validation_split(data, 0.3, 5)[1])
    assert len({tuple(names(validation_split(data, 0.3, seed)[1])) for seed in range(8)}) > 1


def test_the_share_is_close_to_the_fraction():
    _, valid = validation_split(dataset([0] * 30 + [1] * 31 + [2] * 39), 0.05, 0)
    assert len(valid) == 5


def test_an_impossible_split_is_refused():
    with pytest.raises(DataError, match="made: no class has two sequences"):
        validation_split(dataset([0, 1, 2]), 0.5, 0)
    with pytest.raises(DataError, match="none can be held out"):
        validation_split(dataset([]), 0.5, 0)


@pytest.mark.parametrize(("fraction", "seed"), [(0, 0), (1, 0), (float("nan"), 0), (0.5, -1)])
def test_a_wrong_fraction_or_seed_is_refused(fraction, seed):
    with pytest.raises(ConfigError, match="validation"):
        validation_split(dataset([0] * 10), fraction, seed)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (["train", "later"], "the split 'later' is none of train"),
        (["train", None], "s1 has no 'split'"),
        (["test", "test"], "every sequence is in the test part; mark others 'train'"),
    ],
)
def test_splits_that_make_no_two_parts_are_refused(splits, message):
    metas = [{"name": f"s{i}"} | ({"split": s} if s else {}) for i, s in enumerate(splits)]
    data = SequenceDataset([torch.ones(2, 1)] * 2, [0, 0], metas, Schema(("a",), (1,)))
    with pytest.raises(DataError, match=message):
        train_test(data, 0.5, 0)


def test_a_sequence_without_a_label_cannot_be_split():
    data = SequenceDataset([torch.ones(2, 1)] * 2, [0, -1], [{"name": "x"}, {"name": "y"}], Schema(("a",), (1,)))
    with pytest.raises(DataError, match=r"sequence y has no label; .* --option missing=skip"):
        train_test(data, 0.5, 0)


def test_without_any_label_the_option_that_names_their_column_is_given_whatever_missing_says():
    data = SequenceDataset([torch.ones(2, 1)] * 2, [-1, -1], [{}, {}], Schema(("a",), (1,)))
    for missing in ("refuse", "skip"):
        with pytest.raises(DataError, match=r"no sequence has a label, .* --option label=COLUMN"):
            train_test(data, 0.5, 0, missing)


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["training", "Validation", "TESTING"], ["train", "valid", "test"]),
        (["train", "eval", "test"], ["train", "valid", "test"]),
        (["train", "val", "eval"], ["train", "valid", "test"]),
        (["train", "eval"], ["train", "test"]),
        (["train", "test"], ["train", "test"]),
    ],
)
def test_the_usual_names_of_parts_are_known(names, parts):
    assert named_parts(names, "here") == (dict(zip(names, parts, strict=True)), [])


def test_a_validation_part_without_a_test_part_is_reported_as_test_and_that_is_said():
    means, (note,) = named_parts(["train", "val"], "here")
    assert means == {"train": "train", "val": "test"}
    assert "the part 'val' is the one that is reported as test" in note
    with pytest.raises(DataError, match="mark others 'train'"):
        named_parts(["val", "test"], "here")


def test_three_parts_are_a_validation_part_of_their_own_and_still_unpack_into_two():
    metas = [{"split": part} for part in ("train", "val", "test")]
    splits = train_test(SequenceDataset([torch.ones(2, 1)] * 3, [0] * 3, metas, Schema(("a",), (1,))), 0.5, 0)
    train, test = splits
    assert list(splits.parts()) == ["train", "valid", "test"]
    assert (len(train), len(test), len(splits.valid)) == (1, 1, 1)
