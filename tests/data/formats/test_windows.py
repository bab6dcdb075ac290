import numpy as np
import pytest

from attentive_rnn.data.formats.windows import Part, gather
from attentive_rnn.errors import ConfigError, DataError

RNG = np.random.default_rng(0)


def values(*shape):
    return RNG.normal(size=shape) + 5.0


def taken(array, order=None, layout=None, labels=None, **more):
    return gather({"": Part("a.npy", array, labels)}, order, layout, **more)


@pytest.mark.parametrize(
    ("shape", "order", "frame"),
    [
        ((4, 3, 9, 25, 2), "NCTVM", (2, 25, 3)),
        ((4, 3, 9, 25, 1), "NCTVM", (1, 25, 3)),
        ((4, 1, 9, 25, 3), "NMTVC", (1, 25, 3)),
        ((4, 9, 25, 3), "NTVC", (1, 25, 3)),
        ((4, 3, 9, 25), "NCTV", (1, 25, 3)),
        ((4, 9, 6), "NTD", (6,)),
    ],
)
def test_axes_are_told_by_their_sizes(shape, order, frame):
    array = values(*shape)
    told, given = taken(array), taken(array, order)
    for found in (told, given):
        assert found.arrays["sequences"].shape == (36, *frame)
        assert found.arrays["lengths"].tolist() == [9] * 4
    wanted = "NTD" if "D" in order else "".join(axis for axis in "NTMVC" if axis in order)
    turned = array.transpose([order.index(axis) for axis in wanted]).reshape(36, *frame)
    np.testing.assert_array_equal(told.arrays["sequences"], turned)
    assert told.layout == (None if "D" in order else "ntu-25")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 2, 9, 25, 3), r"\(N, C, T, V, M\) or \(N, M, T, V, C\)"),
        ((4, 3, 25, 3), r"\(N, C, T, V\) or \(N, T, V, C\)"),
        ((4, 6, 128), r"6 frames of 128 features \(NTD\) or 128 frames of 6 features \(NDT\)"),
    ],
)
def test_axes_of_two_readings_are_asked_about(shape, message):
    with pytest.raises(DataError, match=f"a.npy: the axes .* can be {message}; say which with the option order"):
        taken(values(*shape))


def test_the_order_decides():
    array = values(4, 6, 128)
    found = taken(array, "NDT").arrays["sequences"].reshape(4, 128, 6)
    np.testing.assert_array_equal(found, array.transpose(0, 2, 1))
    assert taken(values(4, 6, 150), layout="ntu-25").arrays["sequences"].shape == (24, 150)
    with pytest.raises(ConfigError, match="order must be one of NCTVM"):
        taken(array, "TND")
    with pytest.raises(DataError, match=r"which are not 5, NCTVM"):
        taken(array, "NCTVM")


def test_padding_is_not_part_of_a_sequence():
    array = values(2, 9, 4)
    array[0, 6:] = 0
    array[1, 3:] = np.nan
    array[1, 1] = 0
    assert taken(array).arrays["lengths"].tolist() == [6, 3]


def test_a_sequence_of_nothing_is_named_or_left_out():
    array = values(3, 9, 4)
    array[1] = 0
    labels = np.array([4, 5, 6])
    with pytest.raises(DataError, match=r"a.npy: sequence 1: holds nothing but zeros or NaN; --option missing=skip"):
        taken(array, labels=labels)
    found = taken(array, labels=labels, missing="skip")
    assert found.arrays["labels"].tolist() == [4, 6]
    assert "1 of 3 sequences are left out" in found.notes[0]
    assert taken(array, missing="zero").arrays["lengths"].tolist() == [9, 1, 9]


def test_eighteen_joints_are_those_of_openpose():
    array = values(4, 3, 9, 18, 2)
    assert taken(array).layout == "openpose-18"
    array[:, 2] = RNG.uniform(0, 1, array[:, 2].shape)
    assert taken(array).layout == "openpose-18"


def test_joints_of_two_layouts_are_asked_about():
    array = values(4, 3, 9, 25, 2)
    array[:, 2] = RNG.uniform(0, 1, array[:, 2].shape)
    with pytest.raises(DataError, match="25 joints of 3 numbers can be ntu-25 or openpose-25"):
        taken(array)
    assert taken(array, layout="ntu-25").layout == "ntu-25"
    assert "no layout of 26 joints" in taken(values(4, 3, 9, 26, 1)).notes[0]


def test_one_hot_labels_are_indices():
    hot = np.eye(5)[[0, 3, 3, 4]]
    hot[1] = 0
    found = taken(values(4, 9, 6), labels=hot).arrays
    assert found["labels"].tolist() == [0, -1, 3, 4]
    assert found["classes"].tolist() == list("01234")
    with pytest.raises(DataError, match="the label of sequence 0 is not one-hot"):
        taken(values(4, 9, 6), labels=np.full((4, 2), 0.5))
    with pytest.raises(DataError, match=r"there are 4 sequences, and labels are int64 \(3,\)"):
        taken(values(4, 9, 6), labels=np.arange(3))


def test_ntu_of_ctrgcn_is_known_by_its_features_and_classes():
    found = taken(values(4, 8, 150), labels=np.eye(60)[:4])
    assert found.layout == "ntu-25"
    assert "were taken as NTU RGB+D: 2 persons x 25 joints x 3 coordinates" in found.notes[0]


def test_parts_must_agree():
    parts = {"train": Part("a", values(2, 9, 4)), "test": Part("b", values(2, 9, 5))}
    with pytest.raises(DataError, match=r"b: has frames \(5,\), but a has \(4,\)"):
        gather(parts, None, None)
