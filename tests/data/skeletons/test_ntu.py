import zipfile

import numpy as np
import pytest

from attentive_rnn.data import get_layout, load, read_sequences, recognise
from attentive_rnn.data.skeletons.ntu import ACTIONS, TRAIN_SUBJECTS, missing_skeletons, read
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)
NAME = "S001C002P003R002A013"


def body_text(joints, body="72057594037931101"):
    """One body of a frame; the values that are not read are constants."""
    lines = [f"{body} 0 1 1 1 1 0 -0.05 0.02 2", "25"]
    lines += [
        " ".join(map(repr, map(float, xyz))) + " 283.7 185.2 1036.6 496.8 -0.2 0.04 0.9 -0.02 2" for xyz in joints
    ]
    return lines


def skeleton_text(frames):
    """A .skeleton file of frames, each a list of (id, joints)."""
    lines = [str(len(frames))]
    for frame in frames:
        lines.append(str(len(frame)))
        for body, joints in frame:
            lines += body_text(joints, body)
    return "\n".join(lines) + "\n"


def person(frames=20, scale=1.0, shape=(0.3, 1.0, 0.3)):
    """An upright body that moves, (T, 25, 3)."""
    return scale * (RNG.normal(size=(frames, 25, 3)).round(3) + 0.1) * shape


def one(joints, body="1"):
    return [[(body, frame)] for frame in joints]


def write(folder, sequences):
    folder.mkdir(exist_ok=True)
    for name, frames in sequences.items():
        (folder / f"{name}.skeleton").write_text(skeleton_text(frames))
    return folder


def read_one(tmp_path, frames, **options):
    return read(write(tmp_path / "set", {NAME: frames}), **options)[0].sequence.numpy()


def test_one_person_is_read_with_zeros_for_the_second(tmp_path):
    joints = person(3)
    data = read(write(tmp_path / "set", {NAME: one(joints)}))
    x = data[0].sequence.numpy()
    assert x.shape == (3, 2, 25, 3)
    np.testing.assert_array_equal(x[:, 0], np.float32(joints))
    assert not x[:, 1].any()
    assert data[0].meta == {"name": NAME, "setup": 1, "view": 2, "subject": 3, "repetition": 2}
    assert data.schema.classes[data[0].label] == "tear up paper"
    assert data.schema.layout == "ntu-25"
    assert get_layout("ntu-25").joints[get_layout("ntu-25").centre] == "spine"


def test_the_person_who_moves_most_comes_first(tmp_path):
    still, lively = person(scale=0.3), person()
    x = read_one(tmp_path, [[("a", s), ("b", v)] for s, v in zip(still, lively, strict=True)])
    np.testing.assert_array_equal(x, np.stack([lively, still], axis=1).astype(np.float32))


def test_tracks_follow_the_id_where_slots_follow_the_order(tmp_path):
    a, b = person(scale=0.5), person()
    frames = [[("a", a[t]), ("b", b[t])] if t % 2 else [("b", b[t]), ("a", a[t])] for t in range(20)]
    by_id = read_one(tmp_path, frames, bodies="tracks")
    np.testing.assert_array_equal(by_id[:, 0], np.float32(b))
    by_slot = read_one(tmp_path, frames, bodies="slots")
    crossed = np.where((np.arange(20) % 2)[:, None, None], a, b).astype(np.float32)
    assert any((by_slot[:, m] == crossed).all() for m in range(2))


def test_empty_frames_are_dropped_by_tracks_and_kept_by_slots(tmp_path):
    frames = one(person(15))
    frames.insert(4, [])
    assert len(read_one(tmp_path, frames, bodies="tracks")) == 15
    x = read_one(tmp_path, frames, bodies="slots")
    assert len(x) == 16
    assert not x[4].any()


def test_a_track_that_goes_on_under_another_id_is_the_same_person(tmp_path):
    first, second, other = person(20), person(20), person(40, scale=0.2)
    frames = [[("a", first[t]) if t < 20 else ("b", second[t - 20]), ("c", other[t])] for t in range(40)]
    x = read_one(tmp_path, frames)
    np.testing.assert_array_equal(x[:, 0], np.float32(np.concatenate([first, second])))
    np.testing.assert_array_equal(x[:, 1], np.float32(other))


def two(main, noise):
    return [[("main", main[t]), *([("noise", noise[t])] if t < len(noise) else [])] for t in range(len(main))]


NOISE = {
    "a track of eleven frames": (person(11), "released"),
    "a track wider than high": (person(20, shape=(1.0, 0.2, 0.3)), "released"),
    "a track that hardly moves": (person(20, scale=0.01), "all"),
}


@pytest.mark.parametrize("kind", NOISE)
def test_noise_is_left_out_unless_denoising_is_off(tmp_path, kind):
    noise, denoise = NOISE[kind]
    frames = two(person(20, scale=3), noise)
    assert not read_one(tmp_path, frames, denoise=denoise)[:, 1].any()
    assert read_one(tmp_path, frames, denoise="off")[:, 1].any()


def test_a_track_of_twelve_frames_and_one_that_hardly_moves_stay_by_default(tmp_path):
    for second in (person(12), person(20, scale=0.01)):
        assert read_one(tmp_path, two(person(20, scale=3), second))[:, 1].any()


def test_a_single_track_is_kept_however_short_it_is(tmp_path):
    assert len(read_one(tmp_path, one(person(2)))) == 2
    both_short = [[("a", f), ("b", 2 * f)] for f in person(3)]
    assert read_one(tmp_path, both_short).any()


def names(setups=(1, 2), views=(1, 2, 3), subjects=(1, 3), actions=(1, 60)):
    return [f"S{s:03}C{c:03}P{p:03}R001A{a:03}" for s in setups for c in views for p in subjects for a in actions]


@pytest.mark.parametrize(
    ("protocol", "key", "train"), [("xsub", "subject", {1}), ("xview", "view", {2, 3}), ("xset", "setup", {2})]
)
def test_the_protocols_split_by_what_the_names_say(tmp_path, protocol, key, train):
    folder = write(tmp_path / "set", {name: one(person(1)) for name in names()})
    parts = load("ntu-rgbd", folder, protocol=protocol)
    assert set(parts.train.groups(key)) == train
    assert not set(parts.test.groups(key)) & train
    assert len(parts.train) + len(parts.test) == 24
    assert len(parts.train.schema.classes) == 60


def test_120_classes_where_a_setup_or_an_action_is_of_the_larger_set(tmp_path):
    for i, name in enumerate(("S001C001P001R001A061", "S018C001P001R001A001")):
        assert len(read(write(tmp_path / str(i), {name: one(person(1))})).schema.classes) == 120


def test_the_published_lists_have_the_published_sizes():
    assert len(ACTIONS) == 120
    assert (ACTIONS[0], ACTIONS[59], ACTIONS[60]) == (
        "drink water",
        "walking apart from each other",
        "put on headphone",
    )
    assert len(missing_skeletons()) == 535
    assert sum(int(name[1:4]) <= 17 for name in missing_skeletons()) == 302
    assert len(TRAIN_SUBJECTS) == 53
    assert sum(s <= 40 for s in TRAIN_SUBJECTS) == 20


def test_samples_with_missing_skeletons_are_left_out_unread(tmp_path):
    folder = write(tmp_path / "set", {NAME: one(person(2)), "S001C002P005R002A008": one(person(2))})
    assert len(read(folder)) == 1
    assert len(read(folder, missing="keep")) == 2
    (tmp_path / "list.txt").write_text(f"a remark\n{NAME}.skeleton\n")
    assert read(folder, missing=tmp_path / "list.txt")[0].meta["name"] == "S001C002P005R002A008"


def test_a_zip_reads_like_the_folder(tmp_path):
    folder = write(tmp_path / "nturgb+d_skeletons", {name: one(person(2)) for name in names(setups=(1,))})
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"nturgb+d_skeletons/{file.name}")
    a, b = read(folder), read(tmp_path / "s.zip")
    assert a.metas == b.metas
    assert all((x == y).all() for x, y in zip(a.sequences, b.sequences, strict=True))
    assert recognise(folder).name == recognise(tmp_path / "s.zip").name == "ntu-rgbd"


def test_one_file_of_any_name_can_be_predicted(tmp_path):
    (tmp_path / "wave.skeleton").write_text(skeleton_text(one(person(4))))
    data = read_sequences(tmp_path / "wave.skeleton")
    assert data.labels.tolist() == [-1]
    assert data.lengths.tolist() == [4]


def edit(line, text):
    def change(lines):
        lines[line - 1] = text

    return change


TEXT = skeleton_text(one(person(2)))
ERRORS = {
    "empty": (lambda lines: lines.clear(), "line 1: the number of frames must be here, got ''"),
    "truncated between joints": (
        lambda lines: lines.__delitem__(slice(20, None)),
        "line 21: the file ends where a joint",
    ),
    "truncated between frames": (lambda lines: lines.__delitem__(slice(29, None)), "line 30: .* the number of bodies"),
    "too few frames in the count": (edit(1, "1"), "line 30: the file goes on after its last frame"),
    "too many frames in the count": (edit(1, "3"), "line 58: the file ends where the number of bodies"),
    "a word for a count": (edit(2, "one"), "line 2: the number of bodies must be here, got 'one'"),
    "a negative count": (edit(2, "-1"), "line 2: the number of bodies"),
    "a body of nine values": (edit(3, "1 2 3 4 5 6 7 8 9"), "line 3: a body has 9 values, expected 10"),
    "24 joints": (edit(4, "24"), "line 4: a body has 24 joints, expected 25"),
    "a joint of eleven values": (edit(7, "0 " * 11), "line 7: a joint has 11 values, expected 12"),
    "a word for a coordinate": (edit(9, "0 x " + "0 " * 10), "line 9: 'x' is not a finite number"),
    "NaN": (edit(9, "0 0 nan" + " 0" * 9), "line 9: 'nan' is not a finite number"),
    "too large": (edit(9, "1e39 0 0" + " 0" * 9), "line 9: '1e39' is not a finite number"),
    "nobody": (lambda lines: lines.__setitem__(slice(None), ["2", "0", "0"]), "has nobody in any frame"),
    "not text": (edit(9, "\xff"), "line 9: is not text"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused_with_its_line_number(tmp_path, kind):
    change, message = ERRORS[kind]
    lines = TEXT.splitlines()
    change(lines)
    (tmp_path / f"{NAME}.skeleton").write_text("\n".join(lines) + "\n", encoding="latin1")
    with pytest.raises(DataError, match=f"{NAME}.skeleton.*{message}"):
        read(tmp_path)


def test_names_and_options_that_say_nothing_are_refused(tmp_path):
    folder = write(tmp_path / "set", {"S001C001P001R001A121": one(person(1))})
    with pytest.raises(DataError, match=r"A121.skeleton: is not named SsssCcccPpppRrrrAaaa.skeleton"):
        load("ntu-rgbd", folder)
    for option in ("protocol", "bodies", "denoise"):
        with pytest.raises(ConfigError, match=f"{option} must be one of"):
            load("ntu-rgbd", write(tmp_path / "good", {NAME: one(person(1))}), **{option: "other"})
    with pytest.raises(DataError, match="has no train sequence for xsub"):
        load("ntu-rgbd", tmp_path / "good")
    (tmp_path / "list.txt").write_text(NAME)
    with pytest.raises(DataError, match=r"holds no \.skeleton file to read"):
        read(tmp_path / "good", missing=tmp_path / "list.txt")


def test_two_thousand_damaged_files_are_read_or_refused(tmp_path):
    text = skeleton_text([[("1", person(1)[0])], [], [("1", person(1)[0])]])
    assert read_or_refuse(read, tmp_path / f"{NAME}.skeleton", text.encode()) > 1000


def test_the_tables_of_the_package_come_without_their_comments():
    assert ACTIONS[0] == "drink water"
    assert len(ACTIONS) == 120
    assert not any(line.startswith("#") for line in (*ACTIONS, *missing_skeletons()))
