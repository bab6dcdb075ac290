"""What is taken as the values of a frame, and what is refused although Python could make numbers of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema, get_layout
from attentive_rnn.errors import DataError
from attentive_rnn.streaming import Recognizer
from attentive_rnn.streaming.values import parsed
from attentive_rnn.training import SavedModel

WANTED = [0.1, 0.2, 0.3]  # x, y, z


def _recognizer(shape=(3,), **schema):
    torch.manual_seed(0)
    width = int(np.prod(shape))
    model = SequenceClassifier(width, 3, 8, 1).eval()
    return Recognizer(SavedModel(model, Schema(classes=("a", "b", "c"), shape=shape, **schema), Compose([])))


@pytest.fixture
def named():
    return _recognizer(features=("x", "y", "z"))


@pytest.mark.parametrize(
    "frame",
    [
        pd.Series({"z": 0.3, "y": 0.2, "x": 0.1}),
        pd.DataFrame({"z": [0.3], "y": [0.2], "x": [0.1]}),
        pd.Series(WANTED),
        torch.tensor(WANTED, requires_grad=True),
        torch.tensor(WANTED, dtype=torch.float64),
        np.array(WANTED, dtype=object),
        np.ma.MaskedArray(WANTED, mask=[0, 0, 0]),
    ],
    ids=["a row by name", "a frame by name", "a row by place", "gradients", "float64", "objects", "nothing masked"],
)
def test_values_in_another_container_or_order_are_those_of_the_list(named, frame):
    wanted = named.push(WANTED, "list").probabilities
    assert np.allclose(named.push(frame, "other").probabilities, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (["0.1", "0.2", "0.3"], "got texts"),
        ([b"1", b"2", b"3"], "got bytes"),
        ([None, "2", 3], "must be numbers"),
        (np.array([1 + 2j, 2, 3]), "got complex numbers"),
        (np.array(["2020-01-01"] * 3, "M8[D]"), "got times"),
        (np.ma.MaskedArray(WANTED, mask=[0, 1, 0]), "missing or infinite: feature 'y'"),
        ([0.1, 0.2, float("nan")], "missing or infinite: feature 'z'"),
        ([10**400, 1, 1], "int too large"),
        ({0: 0.1, 1: 0.2, 2: 0.3}, "names of a frame's values must be texts"),
        (pd.Series([0.1, 0.2, 0.3, 0.4], index=["x", "y", "z", "x"]), "'x' occurs twice"),
    ],
)
def test_what_is_no_number_is_refused_and_the_place_is_named(named, frame, message):
    with pytest.raises(DataError, match=message):
        named.push(frame)
    with pytest.raises(DataError, match=f"track 'Bob': .*{message}"):
        named.push_together([WANTED, frame], ["Ann", "Bob"])
    assert named.tracks == []


def test_joints_by_name_are_each_there_once_with_all_coordinates():
    recognizer = _recognizer((1, 20, 3), layout="kinect-20")
    frame = {name: [0.1 * i, 0.2, 0.3] for i, name in enumerate(get_layout("kinect-20").joints)}
    with pytest.raises(DataError, match="'head' and 'Head' of a frame are one joint"):
        recognizer.push(frame | {"Head": [1, 2, 3]})
    with pytest.raises(DataError, match="each joint of a frame must be 3 numbers"):
        recognizer.push(dict.fromkeys(frame, 1))
    with pytest.raises(DataError, match="missing or infinite: joint 'spine'"):
        recognizer.push(np.where(np.arange(60).reshape(1, 20, 3) == 4, np.inf, 1))
    assert recognizer.tracks == []


@pytest.mark.parametrize("how", ["push", "together", "chunk"])
def test_an_answer_that_is_not_finite_is_an_error_and_its_track_begins_anew(how):
    torch.manual_seed(0)
    model = SequenceClassifier(3, 3, 8, 2, cell="lstm", gate="softmax").eval()
    with torch.no_grad():
        for weight in model.layers.parameters():
            weight.mul_(10)  # times a huge value: infinite
    recognizer = Recognizer(SavedModel(model, Schema(classes=("a", "b", "c"), shape=(3,)), Compose([])))
    wanted = recognizer.push(WANTED, "new").probabilities
    recognizer.push(WANTED, "Ann")
    huge = np.full(3, 3e38, np.float32)
    push = {
        "push": lambda: [recognizer.push(huge, "Ann") for _ in range(3)],
        "together": lambda: [recognizer.push_together([WANTED, huge], ["Bob", "Ann"]) for _ in range(3)],
        "chunk": lambda: recognizer.push_chunk([huge] * 3, "Ann"),
    }[how]
    with pytest.raises(DataError, match=("track 'Ann': " if how == "together" else "") + "the answer is not finite"):
        push()
    assert recognizer.tracks == ["new"]
    assert np.array_equal(recognizer.push(WANTED, "Ann").probabilities, wanted)


def test_a_name_that_occurs_twice_in_an_object_is_no_json():
    with pytest.raises(ValueError, match="'a' occurs twice"):
        parsed('{"frame": {"a": 1, "b": 2, "a": 3}}')


def test_a_frame_of_two_persons_is_that_of_the_first_where_the_second_is_not_there():
    recognizer = _recognizer((1, 20, 3), layout="kinect-20")
    two = np.zeros((2, 20, 3))
    two[0] = np.random.default_rng(0).normal(size=(20, 3))
    wanted = recognizer.push(two[:1], "alone").probabilities
    assert np.array_equal(recognizer.push(two, "two").probabilities, wanted)
    with pytest.raises(DataError, match=r"has a person 1 .*takes 1 person: send each person as a track of its own"):
        recognizer.push(two[::-1], "two")  # the second alone: a stream would go from one body to the other
