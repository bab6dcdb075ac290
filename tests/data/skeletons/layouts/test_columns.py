"""Columns of skeletons are told apart by their names, in whatever order they come."""

import numpy as np
import pytest

from attentive_rnn.data import get_layout
from attentive_rnn.data.formats import folders, npz, tables
from attentive_rnn.data.skeletons.layouts.columns import joint_order, joints_in
from attentive_rnn.errors import DataError

OWN = {"joints": ["hip", "knee", "left foot"], "bones": [["hip", "knee"], ["knee", "left foot"]]}
LAYOUT = get_layout(OWN)
X = np.random.default_rng(0).normal(size=(6, 3, 2)).round(3) + 1  # frames, joints, x and y
WORDS = ["hip", "knee", "LeftFoot"]
PLACES = [(v, c) for v in range(3) for c in range(2)]
MIXED = [(1, 1), (2, 0), (0, 0), (0, 1), (1, 0), (2, 1)]
NAMED = {
    "joint after joint": {f"{'xy'[c]}{v}": (v, c) for v, c in PLACES},
    "axis after axis": {f"{'xy'[c]}{v}": (v, c) for c in range(2) for v in range(3)},
    "words": {f"{WORDS[v]}_{'xy'[c]}": (v, c) for v, c in MIXED},
    "axes first": {f"{'XY'[c]}_{WORDS[v]}": (v, c) for c in range(2) for v in range(3)},
    "axes between": {f"kp_{'xy'[c]}_{v}": (v, c) for v, c in MIXED},
}


def values_of(names):
    """The columns of X that names stand for, by the joint and the axis of each."""
    return np.stack([X[:, v, c] for v, c in names.values()], axis=1)


def table(names, ids=False):
    rows = [",".join(map(str, row)) for row in values_of(names)]
    if not ids:
        return "\n".join([",".join(names), *rows])
    rows = [f"{i // 3},{'ab'[i // 3]},{row}" for i, row in enumerate(rows)]
    return "\n".join([",".join(["id", "label", *names]), *rows])


@pytest.mark.parametrize("order", NAMED)
def test_columns_in_any_order_are_the_same_skeletons(tmp_path, order):
    names = NAMED[order]
    (tmp_path / "set" / "walk").mkdir(parents=True)
    (tmp_path / "set" / "walk" / "1.csv").write_text(table(names))
    (tmp_path / "table.csv").write_text(table(names, ids=True))
    np.savez(tmp_path / "all.npz", x=values_of(names)[None], features=list(names))
    (one,) = folders.read(tmp_path / "set", layout=OWN).sequences
    np.testing.assert_allclose(one[:, 0].numpy(), X.astype(np.float32))
    two = tables.read(tmp_path / "table.csv", layout=OWN).sequences
    np.testing.assert_allclose(np.concatenate([s[:, 0].numpy() for s in two]), X.astype(np.float32))
    (three,) = npz.read(tmp_path / "all.npz", layout=OWN).sequences
    np.testing.assert_allclose(three[:, 0].numpy(), X.astype(np.float32))


def test_a_confidence_may_come_before_its_coordinates(tmp_path):
    rows = ["label,score0,x0,y0,score1,x1,y1", "a,0.5,1,2,0.25,3,4", "b,0.5,1,2,0.25,3,4"]
    (tmp_path / "table.csv").write_text("\n".join(["id," + rows[0], "1," + rows[1], "2," + rows[2]]))
    layout = {"joints": ["nose", "tail"], "bones": [["nose", "tail"]], "coordinates": 2}
    data = tables.SOURCE.read(tmp_path / "table.csv", layout=layout)
    assert data[0].sequence[0, 0].tolist() == [[1, 2, 0.5], [3, 4, 0.25]]
    assert data.schema.coordinates == 2


def test_joints_with_numbers_are_in_the_order_of_these():
    names = [f"{axis}{v}" for axis in "xyz" for v in (0, 1, 10, 11, *range(2, 10), *range(12, 20))]  # as sorted texts
    order = joint_order(names, "kinect-20", "here")
    assert [names[i] for i in order] == [f"{axis}{v}" for v in range(20) for axis in "xyz"]


def test_joints_of_other_names_stay_in_their_order_unless_known_ones_are_in_another_place():
    names = [f"{joint}_{axis}" for joint in ("Hüfte", "Knie", "Fuß") for axis in "xy"]
    assert joint_order(names, LAYOUT, "here") is None
    with pytest.raises(DataError, match=r"here: by their names .* which has 'knee' and not 'toe'"):
        joint_order([f"{joint}_{axis}" for joint in ("left_foot", "toe", "hip") for axis in "xy"], LAYOUT, "here")


@pytest.mark.parametrize("names", [["x0", "y0", "x1", "z1"], ["speed", "angle"], ["x0", "y0", "X_0", "y1"], ["x", "y"]])
def test_names_that_do_not_tell_the_joints_change_nothing(names):
    assert joints_in(names) == ({}, [])
    assert joint_order(names, LAYOUT, "here") is None


def test_columns_of_unknown_joints_are_asked_about_in_either_order(tmp_path):
    names = [f"{axis}{v}" for axis in "xy" for v in range(17)]
    rows = ["id,label," + ",".join(names), *(f"{i},{'ab'[i % 2]}," + ",".join(["1.5"] * 34) for i in range(4))]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    assert any(
        "34 columns may be 17 joints of 2 values, coco-17" in n for n in tables.read(tmp_path / "table.csv").notes
    )
