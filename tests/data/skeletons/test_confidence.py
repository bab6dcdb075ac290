"""Confidences of joints in general formats: named by an option or told by the numbers, with a threshold."""

import inspect

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, get_source, load
from attentive_rnn.data.check.skeletons import skeleton_findings
from attentive_rnn.data.registry import read_all
from attentive_rnn.data.skeletons.confidence import fill_joints, with_confidence
from attentive_rnn.errors import ConfigError

RNG = np.random.default_rng(0)
PIXELS = np.concatenate([RNG.uniform(0, 400, (6, 5, 17, 2)), RNG.uniform(0.1, 1, (6, 5, 17, 1))], -1).astype(np.float32)
SPACE = RNG.normal(size=(6, 5, 20, 3)).astype(np.float32)


def put_npz(path, x=PIXELS, **more):
    np.savez(path, sequences=x, labels=np.array([0, 1] * 3), **more)
    return path


def put_csv(path, x=PIXELS):
    names = [f"{axis}{v}" for v in range(x.shape[2]) for axis in ("x", "y", "c")[: x.shape[3]]]
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


@pytest.mark.parametrize(("put", "name"), [(put_npz, "d.npz"), (put_csv, "d.csv")])
def test_other_numbers_need_the_option(tmp_path, put, name):
    scaled = PIXELS * np.float32([1 / 400, 1 / 400, 1])
    path = put(tmp_path / name, scaled)
    assert read_all(path, layout="coco-17").schema.coordinates is None
    assert read_all(path, layout="coco-17", coordinates=2).schema.coordinates == 2
    with pytest.raises(ConfigError, match=r"min_confidence needs a confidence, .* say so with coordinates=2"):
        read_all(path, layout="coco-17", min_confidence=0.1)
    with pytest.raises(ConfigError, match="coordinates must be 2 or 3, with at most a confidence after them, got 4"):
        read_all(path, layout="coco-17", coordinates=4)
    with pytest.raises(ConfigError, match="coordinates and min_confidence are for skeletons"):
        get_source({"d.npz": "npz", "d.csv": "table"}[name]).read(put(path, scaled[:, :, :1]), coordinates=2)


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


def test_confidences_beside_the_joints_are_used(tmp_path):
    sure = RNG.uniform(0, 1, (30, 1, 20)).astype(np.float16)
    path = tmp_path / "d.npz"
    x = SPACE.reshape(30, 1, 20, 3)
    np.savez(path, sequences=x, lengths=np.full(6, 5), labels=np.array([0, 1] * 3), confidence=sure)
    assert torch.equal(torch.cat(read_all(path, layout="kinect-20").sequences), torch.from_numpy(x))
    hidden = torch.cat(read_all(path, layout="kinect-20", min_confidence=0.5).sequences).numpy()
    assert not hidden[sure < 0.5].any()
    np.testing.assert_array_equal(hidden[sure >= 0.5], x[sure >= 0.5])


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


@pytest.mark.parametrize("name", ["npz", "table", "folders"])
def test_general_readers_take_the_options_of_joints(name):
    source = get_source(name)
    for reader in (source.load, source.read):
        assert {"coordinates", "min_confidence"} <= set(inspect.signature(reader).parameters)
