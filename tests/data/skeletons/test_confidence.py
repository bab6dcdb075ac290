"""Confidences of joints in general formats: named by an option or told by the numbers, with a threshold."""

import inspect

import numpy as np
import pytest
import torch

from attentive_rnn.data import RandomRotation, Schema, SequenceDataset, from_frame, get_source, load
from attentive_rnn.data.check.skeletons import skeleton_findings
from attentive_rnn.data.registry import read_all
from attentive_rnn.data.skeletons.confidence import fill_joints, with_confidence
from attentive_rnn.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
PIXELS = np.concatenate([RNG.uniform(0, 400, (6, 5, 17, 2)), RNG.uniform(0.1, 1, (6, 5, 17, 1))], -1).astype(np.float32)
SPACE = RNG.normal(size=(6, 5, 20, 3)).astype(np.float32)


def put_npz(path, x=PIXELS, **more):
    np.savez(path, sequences=x, labels=np.array([0, 1] * 3), **more)
    return path


def put_npy(path, x=PIXELS, **more):
    np.save(path, x)
    np.save(path.parent / "y.npy", np.array([0, 1] * 3))
    return path


def put_csv(path, x=PIXELS, last="c{}", axes=("x{}", "y{}")):
    names = [axis.format(v) for v in range(x.shape[2]) for axis in (*axes, last)[: x.shape[3]]]
    rows = [
        ",".join([f"s{i}", "ab"[i % 2], *map(repr, map(float, frame.ravel()))])
        for i, case in enumerate(x)
        for frame in case
    ]
    path.write_text("\n".join([",".join(["id", "label", *names]), *rows]) + "\n")
    return path


@pytest.mark.parametrize(("put", "name"), [(put_npz, "d.npz"), (put_csv, "d.csv")])
def test_pixels_with_a_number_from_zero_to_one_have_a_confidence(tmp_path, put, name):
    path = put(tmp_path / name)
    data = read_all(path, layout="coco-17")
    assert (data.schema.shape, data.schema.coordinates) == ((1, 17, 3), 2)
    unsure = read_all(path, layout="coco-17", min_confidence=0.5)
    for whole, hidden in zip(data.sequences, unsure.sequences, strict=True):
        low = whole[..., 2] < 0.5
        assert not hidden[low].any()
        assert torch.equal(hidden[~low], whole[~low])


SCORES = {
    "share": PIXELS[..., 2:],
    "above one": np.where(np.arange(17)[:, None] + 17 * np.arange(30).reshape(6, 5, 1, 1) == 40, 1.02, PIXELS[..., 2:]),
    "percent": 100 * PIXELS[..., 2:],
    "visibility": RNG.integers(0, 3, (6, 5, 17, 1)),
}


@pytest.mark.parametrize(("put", "name"), [(put_npz, "d.npz"), (put_csv, "d.csv"), (put_npy, "d.npy")])
@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("size", [1, 400], ids=["normalised", "pixels"])
def test_a_layout_of_pictures_with_three_numbers_has_a_confidence(tmp_path, put, name, kind, size):
    x = np.concatenate([PIXELS[..., :2] * size / 400, SCORES[kind]], -1).astype(np.float32)
    data = read_all(put(tmp_path / name, x), layout="coco-17")
    assert data.schema.coordinates == 2
    assert any("is taken as its confidence, by the" in note and "coordinates=3" in note for note in data.notes)
    turned = RandomRotation(35.0).bound(data.schema)(data.sequences[0], RNG)
    there = torch.from_numpy(x[0, :, None, :, 2] > 0)
    assert torch.equal(turned[..., 2][there], torch.from_numpy(x[0, :, None, :, 2])[there])
    assert not turned[~there].any()
    assert read_all(tmp_path / name, layout="coco-17", coordinates=3).schema.coordinates == 3


@pytest.mark.parametrize("last", ["c{}", "score{}", "likelihood{}", "{}_visibility", "kp{}.conf", "Joint{}Confidence"])
def test_the_name_of_a_column_tells_a_confidence_in_any_layout(tmp_path, last):
    data = read_all(put_csv(tmp_path / "d.csv", np.abs(SPACE), last=last), layout="kinect-20")
    assert data.schema.coordinates == 2
    assert any(f"by the name {last.format(0)!r}" in note for note in data.notes)


def test_the_name_z_is_a_coordinate_whatever_its_values(tmp_path):
    data = read_all(put_csv(tmp_path / "d.csv", last="z{}"), layout="coco-17")
    assert data.schema.vector == (3, 3)


def test_confidences_that_are_not_last_are_put_there_or_refused_by_name(tmp_path):
    x = PIXELS[..., [2, 0, 1]]
    data = read_all(put_csv(tmp_path / "d.csv", x, axes=("score{}", "x{}", "y{}")), layout="coco-17")
    plain = read_all(put_csv(tmp_path / "d.csv", PIXELS, axes=("x{}", "y{}", "score{}")), layout="coco-17")
    assert torch.equal(data[0].sequence, plain[0].sequence)
    with pytest.raises(DataError, match=r"'score0' is a confidence by its name, .* the confidence last: x, y, conf"):
        read_all(put_csv(tmp_path / "d.csv", x, axes=("score{}", "left{}", "top{}")), layout="coco-17")


@pytest.mark.parametrize(
    ("layout", "joints", "scale", "kind"),
    [
        ("mediapipe-33", 33, 1, "share"),
        ("hand-21", 21, 1, "level"),
        (None, 17, 1, "share"),
        (None, 17, 1, "percent"),
        ("kinect-20", 20, 300, "percent"),
        ("coco-17", 17, 300, "depth"),
    ],
)
def test_numbers_of_two_readings_are_refused_and_both_named(tmp_path, layout, joints, scale, kind):
    last = {
        "share": RNG.uniform(0, 1, (6, 5, 1, joints, 1)),
        "level": RNG.integers(0, 3, (6, 5, 1, joints, 1)),
        "percent": RNG.uniform(0, 100, (6, 5, 1, joints, 1)),
        "depth": RNG.uniform(1500, 4000, (6, 5, 1, joints, 1)),
    }[kind]
    x = np.concatenate([scale * RNG.uniform(0, 1, (6, 5, 1, joints, 2)), last], -1)
    path = put_npz(tmp_path / "d.npz", x)
    with pytest.raises(DataError, match="coordinates=2 takes it as a confidence, coordinates=3 as a coordinate"):
        read_all(path, layout=layout)
    for given in (2, 3):
        assert read_all(path, layout=layout, coordinates=given).schema.coordinates == given


def test_depths_of_a_camera_are_coordinates(tmp_path):
    x = SPACE[:, :, None] * np.float32([1, 1, 0.3]) + np.float32([0, 0, 2.5])
    for layout in ("kinect-20", None):
        data = read_all(put_npz(tmp_path / "d.npz", x), layout=layout)
        assert data.schema.vector == (3, 3)
        assert not any("confidence" in note for note in data.notes)


def test_a_fourth_number_that_is_no_confidence_is_refused(tmp_path):
    x = np.concatenate([SPACE, SPACE[..., :1]], -1)[:, :, None]
    with pytest.raises(DataError, match=r"the last of 4 numbers of a joint, from -.* a joint has no fourth coordinate"):
        read_all(put_npz(tmp_path / "d.npz", x), layout="kinect-20")
    x[..., 3] = 0
    with pytest.raises(DataError, match="no confidence is above 0"):
        read_all(put_npz(tmp_path / "d.npz", x), layout="kinect-20", coordinates=3)


@pytest.mark.parametrize(("put", "name"), [(put_npz, "d.npz"), (put_csv, "d.csv")])
def test_options_that_do_not_fit_are_refused(tmp_path, put, name):
    path = put(tmp_path / name)
    with pytest.raises(ConfigError, match="coordinates must be 2 or 3, with at most a confidence after them, got 4"):
        read_all(path, layout="coco-17", coordinates=4)
    with pytest.raises(ConfigError, match=r"min_confidence needs a confidence, .* say so with coordinates=2"):
        read_all(path, layout="coco-17", coordinates=3, min_confidence=0.1)
    percent = put(tmp_path / name, PIXELS * np.float32([1, 1, 100]))
    with pytest.raises(ConfigError, match="min_confidence is from 0 to 1, but confidences go up to"):
        read_all(percent, layout="coco-17", min_confidence=0.1)
    with pytest.raises(ConfigError, match="coordinates and min_confidence are for skeletons"):
        get_source({"d.npz": "npz", "d.csv": "table"}[name]).read(put(path, PIXELS[:, :, :1]), coordinates=2)


def test_parts_of_a_data_set_agree(tmp_path):
    x = PIXELS.copy()
    x[:3] /= 400
    parts = load("npz", put_npz(tmp_path / "d.npz", x), layout="coco-17")
    assert parts.train.schema == parts.test.schema


def test_the_fourth_number_of_a_joint_is_no_coordinate(tmp_path):
    x = np.concatenate([SPACE, np.ones_like(SPACE[..., :1])], -1)
    assert read_all(put_npz(tmp_path / "d.npz", x[:, :, None]), layout="kinect-20").schema.coordinates == 3


def test_a_file_keeps_what_it_says_of_its_numbers(tmp_path):
    schema = Schema(("a", "b"), (1, 17, 3), layout="coco-17", coordinates=2)
    again = Schema.from_dict(schema.to_dict())
    assert again == schema
    assert "coordinates" not in Schema(("a",), (1, 17, 3)).to_dict()
    for wrong in ({"coordinates": 1}, {"coordinates": "2"}, {"vectors": 2}, {"vectors": 0}):
        with pytest.raises(ConfigError, match="coordinates"):
            Schema.from_dict(schema.to_dict() | wrong)


@pytest.mark.parametrize("name", ["confidence", "scores", "visibility"])
@pytest.mark.parametrize(
    ("of_joints", "of_sure", "lengths"),
    [
        ((30, 1, 20, 3), (30, 1, 20), True),
        ((30, 20, 3), (30, 20), True),
        ((30, 20, 3), (30, 1, 20), True),
        ((30, 60), (30, 20), True),
        ((6, 5, 20, 3), (6, 5, 20), False),
        ((6, 5, 20, 3), (6, 5, 20), True),
        ((6, 5, 1, 20, 3), (6, 5, 1, 20), False),
        ((6, 5, 60), (6, 5, 20), True),
    ],
)
def test_confidences_beside_the_joints_are_used(tmp_path, name, of_joints, of_sure, lengths):
    sure = RNG.uniform(0.01, 1, (30, 1, 20)).astype(np.float16)
    sure[4, 0, 7] = 0
    path = tmp_path / "d.npz"
    x = SPACE.reshape(30, 1, 20, 3)
    arrays = {"sequences": x.reshape(of_joints), name: sure.reshape(of_sure), "labels": np.array([0, 1] * 3)}
    np.savez(path, **arrays, **({"lengths": np.full(6, 5)} if lengths else {}))
    for least in (0.0, 0.5):
        hidden = torch.cat(read_all(path, layout="kinect-20", min_confidence=least).sequences).numpy()
        gone = (sure < least) | (sure == 0)
        assert gone.any()
        assert not hidden[gone].any()
        np.testing.assert_array_equal(hidden[~gone], x[~gone])


def test_the_confidences_of_a_single_sequence_may_lack_its_axis(tmp_path):
    sure = np.ones((5, 20))
    sure[2, 3] = 0
    np.savez(tmp_path / "d.npz", sequences=SPACE[:1], confidence=sure)
    (found,) = read_all(tmp_path / "d.npz", layout="kinect-20").sequences
    assert (found == 0).all(-1).nonzero().tolist() == [[2, 0, 3]]


def test_confidences_of_another_shape_are_refused_and_unused_arrays_named(tmp_path):
    path = put_npz(tmp_path / "d.npz", SPACE, confidence=np.ones((6, 5, 19)))
    with pytest.raises(
        DataError, match=r"the array confidence is float64 \(6, 5, 19\), which is not one number for each"
    ):
        read_all(path, layout="kinect-20")
    data = read_all(put_npz(path, SPACE, sure=np.ones((6, 5, 20))), layout="kinect-20")
    assert any("the arrays sure are not used" in note for note in data.notes)


@pytest.mark.parametrize(("put", "name"), [(put_npz, "d.npz"), (put_csv, "d.csv")])
def test_a_joint_with_a_missing_number_is_absent_as_a_whole(tmp_path, put, name):
    x = PIXELS[..., None, :, :] if put is put_npz else PIXELS
    x = x.copy()
    x.reshape(6, 5, 17, 3)[0, 2, 4, 1] = np.nan
    path = put(tmp_path / name, x)
    data = read_all(path, layout="coco-17", missing="zero", coordinates=2)
    assert not data.sequences[0][2, 0, 4].any()
    assert data.sequences[0][1, 0, 4].all()


def test_gaps_are_filled_from_frames_that_have_the_joint():
    x = RNG.normal(size=(7, 1, 2, 3))
    x[0, 0, 0] = 0  # not seen
    x[[2, 6], 0, 0] = np.nan
    x[4, 0, 0, 1] = np.nan
    x[:, 0, 1] = 0
    x[3, 0, 1] = np.nan
    y = fill_joints(x, "interpolate")
    assert not y[0, 0, 0].any()
    np.testing.assert_allclose(y[2, 0, 0, 0], (x[1, 0, 0, 0] + x[3, 0, 0, 0]) / 2)
    np.testing.assert_allclose(y[4, 0, 0], [x[4, 0, 0, 0], (x[3, 0, 0, 1] + x[5, 0, 0, 1]) / 2, x[4, 0, 0, 2]])
    np.testing.assert_array_equal(y[6, 0, 0], x[5, 0, 0])
    assert not y[:, 0, 1].any()
    assert not np.isnan(fill_joints(x, "zero")).any()


def test_the_check_tells_of_numbers_that_look_like_confidences():
    schema = Schema(("a",), (1, 17, 3), layout="coco-17")
    data = SequenceDataset(list(torch.from_numpy(PIXELS[:, :, None])), [0] * 6, [{}] * 6, schema)
    assert any("load with coordinates=2" in finding.text for finding in skeleton_findings(data))
    assert not any("coordinates=2" in finding.text for finding in skeleton_findings(with_confidence(data)))


@pytest.mark.parametrize("name", ["npz", "npy", "pyskl", "table", "folders"])
def test_general_readers_take_the_options_of_joints(name):
    source = get_source(name)
    for reader in (source.load, source.read):
        assert {"coordinates", "min_confidence"} <= set(inspect.signature(reader).parameters)


def test_a_table_in_memory_has_confidences_too():
    columns = {f"{axis}{v}": PIXELS[..., v, i].ravel() for v in range(17) for i, axis in enumerate("xyc")}
    data = from_frame({"id": np.repeat(np.arange(6), 5), **columns}, layout="coco-17", min_confidence=0.5)
    assert data.schema.coordinates == 2
    gone = torch.cat([(s == 0).all(-1).flatten() for s in data.sequences])
    assert torch.equal(gone, torch.from_numpy(PIXELS[..., 2] < 0.5).flatten())
