import numpy as np
import pytest
import torch

from attentive_rnn.data import check, get_layout, load, recognise
from attentive_rnn.data.skeletons.msr import ACTIONS, EXCLUDED, SUBSETS, read
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)


def text(frames):
    return "".join(" ".join(f"{v:.6f}" for v in row) + "\n" for row in np.asarray(frames).reshape(-1, 4))


def write(folder, names, frames=2):
    for name in names:
        (folder / f"{name}_skeleton3D.txt").write_text(text(RNG.normal(size=(frames, 20, 4))))
    return folder


@pytest.fixture(scope="module")
def real(shared_data):
    return shared_data / "msr-action3d" / "MSRAction3DSkeletonReal3D.zip"


def test_odd_subjects_train_and_even_ones_test(tmp_path):
    write(tmp_path, [f"a{a:02}_s{s:02}_e01" for a in (1, 20) for s in range(1, 11)])
    train, test = load("msr-action3d", tmp_path)
    assert set(train.groups("subject")) == {1, 3, 5, 7, 9}
    assert set(test.groups("subject")) == {2, 4, 6, 8, 10}
    assert train[0].meta == {"name": "a01_s01_e01", "subject": 1, "repetition": 1}
    assert train.schema.classes[train.labels[-1]] == "pick up and throw"
    assert recognise(tmp_path).name == "msr-action3d"


def test_joints_come_in_the_order_of_the_layout(tmp_path):
    rows = np.zeros((1, 20, 4))
    rows[0, :, 0] = np.arange(20)
    (tmp_path / "a01_s01_e01_skeleton3D.txt").write_text(text(rows))
    x = read(tmp_path)[0].sequence[0, 0, :, 0].tolist()
    joints = get_layout("kinect-20").joints
    assert [x[joints.index(j)] for j in ("head", "hip centre", "right hand", "left foot")] == [19, 6, 12, 17]


def test_a_subset_has_its_eight_actions(tmp_path):
    write(tmp_path, [f"a{a:02}_s{s:02}_e01" for a in range(1, 21) for s in (1, 2)])
    for subset, actions in SUBSETS.items():
        train, test = load("msr-action3d", tmp_path, subset=subset)
        assert train.schema.classes == tuple(ACTIONS[a - 1] for a in actions)
        assert len(train) == len(test) == len(actions) == (20 if subset == "all" else 8)


ERRORS = {
    "empty": ("", "is empty"),
    "three numbers": ("1 2 3\n", "line 1: has 3 numbers, expected 4"),
    "a word": ("1 2 3 4\n" * 4 + "1 x 3 4\n" + "1 2 3 4\n" * 15, "line 5: 'x' is not a finite number"),
    "infinite": ("1 2 3 4\n" * 19 + "1 2 inf 4\n", "line 20: 'inf' is not a finite number"),
    "19 joints": ("1 2 3 4\n" * 39, "has 39 lines, which are no whole frames of 20"),
    "not text": ("1 2 3 \xb2\n" * 20, "line 1: is not text"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused_with_its_line_number(tmp_path, kind):
    content, message = ERRORS[kind]
    (tmp_path / "a01_s01_e01_skeleton3D.txt").write_text(content, encoding="latin1")
    with pytest.raises(DataError, match=f"a01_s01_e01_skeleton3D.txt.*{message}"):
        read(tmp_path)


def test_names_options_and_parts_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match="the action in its name is not from 1 to 20"):
        read(write(tmp_path, ["a21_s01_e01"]))
    for option in ("subset", "files"):
        with pytest.raises(ConfigError, match=f"{option} must be one of"):
            load("msr-action3d", tmp_path, **{option: "AS4"})
    (tmp_path / "a21_s01_e01_skeleton3D.txt").unlink()
    with pytest.raises(DataError, match="has no sequence to test"):
        load("msr-action3d", write(tmp_path, ["a01_s01_e01"]))


def test_two_thousand_damaged_files_are_read_or_refused(tmp_path):
    content = text(RNG.normal(size=(2, 20, 4))).encode()
    assert read_or_refuse(read, tmp_path / "a01_s01_e01_skeleton3D.txt", content) > 1000


def test_the_real_set_has_the_published_counts(real, shared_data):
    train, test = load("msr-action3d", real)
    assert (len(train), len(test)) == (284, 273)
    listed = (shared_data / "msr-action3d" / "files_used_in_cvpr12_paper.txt").read_text().split()
    assert sorted([*train.groups("name"), *test.groups("name")]) == sorted(listed)
    sizes = [sum(map(len, load("msr-action3d", real, subset=s))) for s in ("AS1", "AS2", "AS3")]
    assert sizes == [219, 228, 222]


def test_the_empty_sequence_of_the_real_set_is_left_out_and_reported(real):
    whole = load("msr-action3d", real, files="all")
    assert sum(map(len, whole)) == 567
    empty = [m["name"] for part in whole for s, m in zip(part.sequences, part.metas, strict=True) if not s.any()]
    assert empty == ["a13_s09_e02"]
    assert empty[0] in EXCLUDED
    assert any("all zeros; the first is a13_s09_e02" in note for note in check(real).notes)


def test_the_real_joints_are_a_person_whose_right_arm_waves(real):
    train, _ = load("msr-action3d", real)
    layout = get_layout("kinect-20")
    waves = [s[:, 0].numpy() for s, y in zip(train.sequences, train.labels, strict=True) if y < 2]
    motion = sum(np.abs(np.diff(w, axis=0)).sum((0, 2)) for w in waves)
    # the actors were told to use the right arm where one arm is enough
    assert motion[layout.joints.index("right hand")] > 3 * motion[layout.joints.index("left hand")]
    frames = np.concatenate(waves)
    for a, b in layout.bones:
        assert 0.03 < np.median(np.linalg.norm(frames[:, a] - frames[:, b], axis=-1)) < 0.6, (a, b)


def test_joints_below_a_confidence_are_absent(tmp_path):
    rows = RNG.normal(size=(2, 20, 4))
    rows[..., 3] = RNG.uniform(0.1, 1, (2, 20))
    (tmp_path / "a01_s01_e01_skeleton3D.txt").write_text(text(rows))
    whole, sure = read(tmp_path)[0].sequence, read(tmp_path, min_confidence=0.5)[0].sequence
    gone = (sure == 0).all(-1)
    assert int(gone.sum()) == int((rows[..., 3].round(6) < 0.5).sum())
    assert torch.equal(sure[~gone], whole[~gone])
