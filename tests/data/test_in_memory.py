"""Arrays as sequences: one, several and padded ones, of features and of skeletons, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema
from attentive_rnn.data.in_memory import from_arrays
from attentive_rnn.errors import DataError

PAIRS = Schema(("up", "down"), (2,))
ONE = Schema(("up", "down"), (1,))
BODY = Schema(("sit",), (1, 20, 3), layout="kinect-20")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("data", "lengths"),
    [
        (np.zeros((5, 2)), [5]),
        (torch.zeros(5, 2, dtype=torch.float64, requires_grad=True), [5]),
        ([[1, 2], [3, 4], [5, 6]], [3]),
        ([np.zeros((5, 2)), torch.zeros(3, 2)], [5, 3]),
        ((np.zeros((2, 2)), np.zeros((2, 2), dtype=np.int16)), [2, 2]),
        (np.zeros((4, 7, 2)), [7, 7, 7, 7]),
    ],
)
def test_one_sequence_several_and_a_batch_are_told_apart(data, lengths):
    assert from_arrays(data, PAIRS).lengths.tolist() == lengths


def test_the_frames_after_the_lengths_are_not_read():
    data = RNG.normal(size=(3, 5, 2))
    data[1, 2:] = np.nan
    found = from_arrays(data, PAIRS, lengths=torch.tensor([5, 2, 1]))
    assert found.lengths.tolist() == [5, 2, 1]
    assert torch.equal(found.sequences[1], torch.tensor(data[1, :2], dtype=torch.float32))


def test_a_single_feature_needs_no_axis():
    assert from_arrays(np.arange(4.0), ONE).sequences[0].tolist() == [[0], [1], [2], [3]]
    assert from_arrays(np.zeros((3, 4)), ONE).lengths.tolist() == [4, 4, 4]
    assert from_arrays([[1.0, 2.0], [3.0]], ONE).lengths.tolist() == [2, 1]


def test_skeletons_come_as_bodies_or_flat():
    body = RNG.normal(size=(6, 1, 20, 3))
    for given in (body, body[:, 0], body.reshape(6, 60), [body], body[None], body.reshape(1, 6, 60)):
        assert torch.equal(from_arrays(given, BODY).sequences[0], torch.tensor(body, dtype=torch.float32))


def test_a_joint_with_a_missing_number_is_absent():
    body = RNG.normal(size=(2, 1, 20, 3))
    body[1, 0, 4, 2] = np.nan
    found = from_arrays(body, BODY)
    assert found.sequences[0][1, 0, 4].tolist() == [0, 0, 0]
    assert found.presence == [None]


def test_labels_are_names_of_classes_or_numbers():
    assert from_arrays([np.zeros((5, 2))] * 2, PAIRS, labels=["down", "up"]).labels.tolist() == [1, 0]
    number = Schema((), (2,), target="number")
    assert from_arrays([np.zeros((5, 2))] * 2, number, labels=[0.5, 2]).labels.tolist() == [0.5, 2]
    assert not from_arrays([np.zeros((5, 2))] * 2, number).labelled.any()


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((5, 3)), {}, r"the array is \(5, 3\); it must be \(T, 2\), a list of such arrays"),
        (np.zeros(5), {}, r"the array is \(5,\)"),
        (3.0, {}, r"the array is \(\)"),
        ([], {}, r"the array is \(0,\)"),
        ([np.zeros((5, 2)), np.zeros((5, 3))], {}, "is not made of numbers"),
        ("text", {}, "is not made of numbers"),
        (np.zeros((5, 2), dtype=complex), {}, "is not made of numbers"),
        (np.zeros((0, 2)), {}, "sequence 0: has no frames"),
        (np.zeros((2, 5, 2)), {"lengths": [5]}, "one whole number for each of the 2 sequences"),
        (np.zeros((2, 5, 2)), {"lengths": [5.0, 2.0]}, "one whole number for each of the 2 sequences"),
        (np.zeros((2, 5, 2)), {"lengths": [6, 2]}, "lengths must be from 1 to 5, got 2 to 6"),
        (np.zeros((2, 5, 2)), {"lengths": [0, 2]}, "lengths must be from 1 to 5, got 0 to 2"),
        (np.zeros((5, 2)), {"labels": ["up", "up"]}, "2 labels for 1 sequences"),
        (np.zeros((5, 2)), {"labels": [0]}, "the label 0 is none of the classes: up, down"),
        (np.array([[0, 0], [1, np.nan]]), {}, "sequence 0, frame 1: a value is missing or infinite"),
        (np.array([[0, 0], [1, np.inf]]), {}, "sequence 0, frame 1: a value is missing or infinite"),
        (np.array([[0, 0], [1, 1e300]]), {}, "sequence 0, frame 1: a value is missing or infinite"),
    ],
)
def test_what_is_no_sequence_is_one_error(data, options, message):
    with pytest.raises(DataError, match=message):
        from_arrays(data, PAIRS, **options)
