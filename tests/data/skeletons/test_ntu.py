import zipfile

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import get_layout, load, read_sequences, recognise
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.data.skeletons.ntu import ACTIONS, TRAIN_SUBJECTS, missing_skeletons, read
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse
from data.writers import one, person, skeleton_text, write_ntu

RNG = np.random.default_rng(0)
NAME = "S001C002P003R002A013"


def test_one_person_is_read_with_zeros_for_the_second(tmp_path):
    joints = person(3)
    data = read(write_ntu(tmp_path / "set", {NAME: one(joints)}))
    x = data[0].sequence.numpy()
    assert x.shape == (3, 2, 25, 3)
    np.testing.assert_array_equal(x[:, 0], np.float32(joints))
    assert not x[:, 1].any()
    assert data[0].meta == {"name": NAME, "setup": 1, "view": 2, "subject": 3, "repetition": 2}
    assert data.schema.classes[data[0].label] == "tear up paper"
    assert data.schema.layout == "ntu-25"
    assert get_layout("ntu-25").joints[get_layout("ntu-25").centre] == "spine"


def names(setups=(1, 2), views=(1, 2, 3), subjects=(1, 3), actions=(1, 60)):
    return [f"S{s:03}C{c:03}P{p:03}R001A{a:03}" for s in setups for c in views for p in subjects for a in actions]


@pytest.mark.parametrize(
    ("protocol", "key", "train"), [("xsub", "subject", {1}), ("xview", "view", {2, 3}), ("xset", "setup", {2})]
)
def test_the_protocols_split_by_what_the_names_say(tmp_path, protocol, key, train):
    folder = write_ntu(tmp_path / "set", {name: one(person(1)) for name in names()})
    parts = load("ntu-rgbd", folder, protocol=protocol)
    assert set(parts.train.groups(key)) == train
    assert not set(parts.test.groups(key)) & train
    assert len(parts.train) + len(parts.test) == 24
    assert len(parts.train.schema.classes) == 60


def test_120_classes_where_a_setup_or_an_action_is_of_the_larger_set(tmp_path):
    for i, name in enumerate(("S001C001P001R001A061", "S018C001P001R001A001")):
        assert len(read(write_ntu(tmp_path / str(i), {name: one(person(1))})).schema.classes) == 120


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
    folder = write_ntu(tmp_path / "set", {NAME: one(person(2)), "S001C002P005R002A008": one(person(2))})
    assert len(read(folder)) == 1
    assert len(read(folder, missing="keep")) == 2
    (tmp_path / "list.txt").write_text(f"a remark\n{NAME}.skeleton\n")
    assert read(folder, missing=tmp_path / "list.txt")[0].meta["name"] == "S001C002P005R002A008"


def test_a_zip_reads_like_the_folder(tmp_path):
    folder = write_ntu(tmp_path / "nturgb+d_skeletons", {name: one(person(2)) for name in names(setups=(1,))})
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


def test_names_and_options_that_say_nothing_are_refused(tmp_path):
    folder = write_ntu(tmp_path / "set", {"S001C001P001R001A121": one(person(1))})
    with pytest.raises(DataError, match=r"A121.skeleton: is not named SsssCcccPpppRrrrAaaa.skeleton"):
        load("ntu-rgbd", folder)
    for option in ("protocol", "bodies", "denoise"):
        with pytest.raises(ConfigError, match=f"{option} must be one of"):
            load("ntu-rgbd", write_ntu(tmp_path / "good", {NAME: one(person(1))}), **{option: "other"})
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


def _write(path, frames=6, dim=5):
    path.parent.mkdir(parents=True, exist_ok=True)
    features = np.arange(frames, dtype=np.float16)[:, None] + np.zeros(dim, np.float16)
    write_features(path, {"features": features, "times": np.arange(frames) / 30}, {"extractor_key": "a network"})


@pytest.fixture
def films(tmp_path):
    """Two actions by subjects 1 and 2 (in training) and 3 (not), each before three cameras."""
    for subject in (1, 2, 3):
        for view in (1, 2, 3):
            for action in (1, 60):
                name = f"S001C{view:03}P{subject:03}R001A{action:03}_rgb.safetensors"
                _write(tmp_path / "features" / "nturgb+d_rgb" / name, frames=5 + view)
    return tmp_path / "features"


def test_names_give_the_label_and_the_protocol_the_parts(films):
    assert recognise(films).name == recognise(films / "nturgb+d_rgb").name == "ntu-rgb"
    for protocol, key, tested in (("xsub", "subject", {3}), ("xview", "view", {1})):
        train, test = load("ntu-rgb", films, protocol=protocol)
        assert len(train) + len(test) == 18
        assert {meta[key] for meta in test.metas} == tested
        assert not {meta[key] for meta in train.metas} & tested
        assert set(train.labels.tolist()) == {0, 59}
    assert len(train.schema.classes) == 60
    assert (train.schema.shape, train.schema.rate) == ((5,), 30.0)


def test_one_of_so_many_frames_is_kept_on_request(films):
    whole, some = load("ntu-rgb", films), load("ntu-rgb", films, every=4)
    assert some.train.schema.rate == 7.5
    for a, b in zip(whole.train.sequences, some.train.sequences, strict=True):
        assert np.array_equal(a[::4], b)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda p: {"every": 0}, ConfigError, "every must be a whole number"),
        (lambda p: {"protocol": "xset"}, DataError, "no train sequence for xset"),
        (lambda p: {"protocol": "all"}, ConfigError, "protocol must be one of"),
        (lambda p: _write(p / "film.safetensors"), DataError, "film.safetensors: is not named"),
        (lambda p: _write(p / "S001C001P001R001A002_rgb.safetensors", dim=6), DataError, "another network"),
    ],
)
def test_what_does_not_fit_is_one_error(films, spoil, error, message):
    options = spoil(films)
    with pytest.raises(error, match=message):
        load("ntu-rgb", films, **(options if isinstance(options, dict) else {}))


def test_a_folder_without_films_says_what_makes_them(tmp_path):
    with pytest.raises(DataError, match="attentive features"):
        load("ntu-rgb", tmp_path)


def test_table_1_trains_both_protocols_and_prints_the_papers_figures(films, tmp_path, capsys):
    small = ["--model.hidden_size", "2", "--training.max_epochs", "1", "--data.valid_fraction", "0.5"]
    call = ["reproduce", "table1-ntu", "--data", str(films), "--output-dir", str(tmp_path / "runs"), *small]
    assert main(call) == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [(line[0], line[-1]) for line in lines[1:]] == [
        ("Baseline-GRU, CS", "61.3"),
        ("EleAtt-GRU, CS", "63.3"),
        ("Baseline-GRU, CV", "66.8"),
        ("EleAtt-GRU, CV", "70.6"),
    ]
