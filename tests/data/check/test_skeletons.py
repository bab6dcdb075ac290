import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, check, get_layout
from attentive_rnn.data.check.skeletons import skeleton_findings, summarise_skeletons
from data.generic import made


def standing(scale=1.0, up=1, sign=1, persons=1, frames=4):
    """A Kinect body that stands, with bones of about 0.2 metres; ``up`` is the axis that points up."""
    heights = {"head": 0.8, "shoulder": 0.5, "elbow": 0.3, "wrist": 0.1, "hand": 0.0, "spine": 0.2}
    heights |= {"hip": 0.0, "knee": -0.4, "ankle": -0.8, "foot": -0.85}
    body = torch.zeros(20, 3)
    for v, name in enumerate(get_layout("kinect-20").joints):
        body[v, up] = sign * next(h for word, h in heights.items() if word in name)
        body[v, (up + 1) % 3] = 0.2 * (("left" in name) - ("right" in name)) + 0.01
    x = torch.zeros(frames, 2, 20, 3)
    x[:, :persons] = body * scale + 0.02 * torch.arange(frames)[:, None, None, None]
    return x


def dataset(*sequences):
    schema = Schema(("a",), tuple(sequences[0].shape[1:]), layout="kinect-20")
    return SequenceDataset(sequences, [0] * len(sequences), [{"name": f"s{i}"} for i in range(len(sequences))], schema)


@pytest.mark.parametrize(("up", "sign", "found"), [(0, 1, "+x"), (1, 1, "+y"), (1, -1, "-y"), (2, 1, "+z")])
def test_the_axis_from_the_hips_to_the_head_is_up(up, sign, found):
    assert summarise_skeletons(dataset(standing(up=up, sign=sign))).up == found


def test_joints_that_are_absent_do_not_tell_what_is_up():
    x = standing() + torch.tensor([5.0, 0.0, 0.0])  # far to one side, so that a joint at 0 is far off
    x[:, 1] = 0
    joints = get_layout("kinect-20").joints
    for v, joint in enumerate(joints):
        if joint.endswith(("foot", "ankle", "knee")):
            x[:, :, v] = 0
    assert summarise_skeletons(dataset(x)).up == "+y"
    x[:, :, joints.index("head")] = x[:, :, joints.index("shoulder centre")] = 0
    assert summarise_skeletons(dataset(x)).up is None


@pytest.mark.parametrize(("scale", "unit"), [(1, "metres"), (1000, "millimetres"), (30, "unknown")])
def test_the_unit_is_guessed_from_the_bones(scale, unit):
    summary = summarise_skeletons(dataset(standing(scale)))
    assert summary.unit == unit
    assert unit in str(summary)
    findings = skeleton_findings(dataset(standing(scale)))
    warnings = [finding.text for finding in findings if finding.severity == "warning"]
    assert any("seem not to be metres" in warning for warning in warnings) == (unit != "metres")


def test_pictures_are_pixels_with_or_without_a_score():
    flat = standing(100, sign=-1)[..., :2]
    score = torch.rand(*flat.shape[:-1], 1)
    for x in (flat, torch.cat([flat, score], -1)):
        schema = Schema(("a",), tuple(x.shape[1:]), layout="kinect-20")
        summary = summarise_skeletons(SequenceDataset([x], [0], [{}], schema))
        assert (summary.unit, summary.up) == ("pixels", "-y")


def test_poses_are_in_picture_heights_with_y_down_whatever_bends():
    joints = get_layout("mediapipe-33").joints
    x = torch.zeros(4, 1, 33, 3)
    for v, joint in enumerate(joints):
        x[..., v, 1] = next((y for word, y in {"hip": 0.5, "knee": 0.6, "ankle": 0.7}.items() if word in joint), 0.4)
        x[..., v, 0] = 0.5 + 0.05 * (("left" in joint) - ("right" in joint))
        x[..., v, 2] = -0.5 * (v < 11)  # the head comes towards the camera by more than it is above the hips
    poses = SequenceDataset([x], [0], [{}], Schema(("a",), (1, 33, 3), layout="mediapipe-33"))
    assert (summarise_skeletons(poses).unit, summarise_skeletons(poses).up) == ("picture heights", "-y")
    assert "-y is up" in str(summarise_skeletons(poses))
    assert not [finding for finding in skeleton_findings(poses) if "metres" in finding.text]
    told = SequenceDataset([x], [0], [{}], Schema(("a",), (1, 33, 3), layout="mediapipe-33", units="metres"))
    assert "in metres" in str(summarise_skeletons(told))


def test_second_persons_are_counted_and_a_missing_first_is_named():
    lonely = standing().flip(1)
    data = dataset(standing(persons=2), standing(), lonely)
    assert summarise_skeletons(data).second_persons == 1
    text = "1 sequence has a second person but no first one: s2"
    assert text in [finding.text for finding in skeleton_findings(data)]


def test_joints_that_were_not_seen_are_named():
    x = standing()
    x[:2, 0, 7] = 0
    (finding,) = skeleton_findings(dataset(x))
    assert "left hand (50%)" in finding.text


def test_features_have_no_skeletons():
    assert summarise_skeletons(made()) is None
    assert list(skeleton_findings(made())) == []


def test_empty_skeletons_are_summarised():
    assert "cannot be told" in str(summarise_skeletons(dataset(torch.zeros(3, 1, 20, 3))))


def test_the_report_of_a_file_has_them(tmp_path):
    np.savez(tmp_path / "s.npz", x=np.stack([standing().numpy()] * 8)[:, :, :1], y=[0, 1] * 4)
    from attentive_rnn.data.formats import npz

    (tmp_path / "t.npz").write_bytes(npz.to_bytes(dataset(standing(persons=2))))
    report = check(tmp_path / "t.npz")
    assert report.skeletons.second_persons == 1
    assert "skeletons   a second person in 1 sequence; bones of" in str(report)
    assert report.to_dict()["skeletons"]["up"] == "+y"
    assert check(tmp_path / "s.npz").skeletons is None


@pytest.mark.parametrize(("scale", "said"), [(1.0, []), (1.3, []), (100.0, ["confidences go up to 90, not to 1"])])
def test_confidences_that_do_not_end_at_1_are_named(scale, said):
    x = torch.rand(5, 1, 17, 3) * 300 + 1
    x[..., 2] = 0.9 * scale
    schema = Schema(("a",), (1, 17, 3), layout="coco-17", coordinates=2)
    data = SequenceDataset([x], [0], [{}], schema)
    found = [finding.text.partition(":")[0] for finding in skeleton_findings(data) if "confidences" in finding.text]
    assert found == said
