import zipfile

import numpy as np
import pytest

from attentive_rnn.data import get_layout, load, recognise
from attentive_rnn.data.skeletons.sfinge3d import read
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)


def text(frames):
    return "".join(";".join(f"{v:.6g}" for v in np.ravel(frame)) + ";\n" for frame in frames)


def frames(count=2):
    return RNG.normal(size=(count, 20, 7))


def write(folder, gesture, instance, content=None):
    path = folder / "Dictionary" / str(gesture) / f"{instance}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(frames()) if content is None else content)
    return path


@pytest.fixture(scope="module")
def real(shared_data):
    return shared_data / "sfinge3d" / "DatasetV1.zip"


def test_every_instance_is_tested_in_one_fold(tmp_path):
    for gesture in (1, 13):
        for instance in range(1, 7):
            write(tmp_path, gesture, instance)
    tested = [load("sfinge3d", tmp_path, fold=k, folds=3).test.groups("name").tolist() for k in range(3)]
    assert tested[0] == ["1/1", "1/4", "13/1", "13/4"]
    assert len({name for fold in tested for name in fold}) == sum(map(len, tested)) == 12
    assert recognise(tmp_path).name == "sfinge3d"


def test_positions_come_with_or_without_the_orientation(tmp_path):
    x = frames(3)
    write(tmp_path, 2, 1, text(x))
    plain, whole = read(tmp_path), read(tmp_path, values="position+orientation")
    np.testing.assert_allclose(whole[0].sequence[:, 0], x, rtol=1e-4)
    assert (plain[0].sequence == whole[0].sequence[..., :3]).all()
    assert plain.schema.classes[plain[0].label] == "two"
    assert plain.schema.rate == 20.0


LINE = ";".join("1" * 140)
ERRORS = {
    "empty": ("", "is empty"),
    "139 numbers": (f"{LINE}\n{LINE[:-2]}\n", "line 2: has 139 numbers, expected 140"),
    "a word": (f"{LINE}\n{LINE[:-1]}x\n", "line 2: 'x' is not a finite number"),
    "a gap": (f"{LINE[:10]}{LINE[11:]}\n", "line 1: '' is not a finite number"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused_with_its_line_number(tmp_path, kind):
    content, message = ERRORS[kind]
    write(tmp_path, 1, 1, content)
    with pytest.raises(DataError, match=f"1.txt.*{message}"):
        read(tmp_path)


def test_gestures_options_and_folds_that_do_not_fit_are_refused(tmp_path):
    write(tmp_path, 1, 1)
    for options, message in (
        ({"fold": 4}, "fold must be from 0 to 3"),
        ({"fold": -1}, "fold must be"),
        ({"folds": 1}, "folds must be from 2 to 36"),
        ({"values": "angles"}, "values must be one of"),
    ):
        with pytest.raises(ConfigError, match=message):
            load("sfinge3d", tmp_path, **options)
    with pytest.raises(DataError, match="has no sequence to train in fold 0 of 4"):
        load("sfinge3d", tmp_path)
    write(tmp_path, 14, 1)
    with pytest.raises(DataError, match="not a gesture from 1 to 13"):
        read(tmp_path)


def test_two_thousand_damaged_files_are_read_or_refused(tmp_path):
    path = write(tmp_path, 1, 1)
    assert read_or_refuse(read, path, text(frames()).encode()) > 1000


def test_the_real_set_has_36_instances_of_13_gestures(real):
    for fold in (0, 3):
        train, test = load("sfinge3d", real, fold=fold)
        assert (len(train), len(test)) == (351, 117)
        assert (np.bincount(train.labels) + np.bincount(test.labels)).tolist() == [36] * 13
    lengths = np.concatenate([train.lengths, test.lengths])
    assert (lengths.min(), lengths.max()) == (24, 96)


def test_the_real_joints_are_a_hand_in_metres(real):
    joints = np.concatenate([s[:, 0] for s in read(real).sequences])
    for a, b in get_layout("sfinge-20").bones:
        assert 0.005 < np.median(np.linalg.norm(joints[:, a] - joints[:, b], axis=-1)) < 0.12, (a, b)


def test_a_zip_with_a_damaged_member_is_refused_by_its_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("Dictionary/1/1.txt", "1;2\n")
    with pytest.raises(DataError, match=r"s.zip, member Dictionary/1/1.txt, line 1"):
        read(tmp_path / "s.zip")
