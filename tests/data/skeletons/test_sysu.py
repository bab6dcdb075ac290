"""SYSU 3D HOI: MATLAB files, and random halves of the people or of everybody's sequences."""

import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.skeletons import sysu
from attentive_rnn.errors import ConfigError, DataError
from data.writers import mat, put

RNG = np.random.default_rng(0)


def write_sysu(folder, people=("ann", "bob", "cid", "dan"), actions=range(1, 13), frames=3):
    for person in people:
        for action in actions:
            put(folder / person / f"video{action}" / "sklWorld.mat", mat(SW=RNG.normal(size=(20, 3, frames))))
    return folder


def test_sysu_trains_on_half_of_the_people_or_half_of_everybodys_sequences(tmp_path):
    folder = write_sysu(tmp_path / "3DvideoNorm")
    assert recognise(folder).name == "sysu"
    people = set()
    for fold in range(5):
        train, test = load("sysu", folder, protocol="CS", fold=fold)
        assert len(train) == len(test) == 24
        assert not set(train.groups("subject")) & set(test.groups("subject"))
        people.add(tuple(sorted(set(train.groups("subject")))))
    assert len(people) > 1
    train, test = load("sysu", folder, protocol="SS", fold=3)
    again, _ = load("sysu", folder, protocol="SS", fold=3)
    assert train.groups("name").tolist() == again.groups("name").tolist()
    for person in ("ann", "bob", "cid", "dan"):
        assert (train.groups("subject") == person).sum() == (test.groups("subject") == person).sum() == 6
    assert np.bincount(np.concatenate([train.labels, test.labels])).tolist() == [4] * 12


def test_sysu_frames_are_time_first(tmp_path):
    x = RNG.normal(size=(20, 3, 5))
    put(tmp_path / "ann" / "video7" / "sklWorld.mat", mat(SW=x))
    sample = sysu.read(tmp_path)[0]
    np.testing.assert_array_equal(sample.sequence[4, 0], np.float32(x[:, :, 4]))
    assert sysu.ACTIONS[sample.label] == "sitting chair"
    assert sample.meta == {"name": "ann/video7", "subject": "ann"}


def test_sysu_takes_the_list_of_the_authors(tmp_path):
    folder = write_sysu(tmp_path / "set", people=("ann",))
    listed = tmp_path / "train.txt"
    listed.write_text("ann/video2\n\nann/video12\n")
    assert load("sysu", folder, train_list=listed).train.groups("name").tolist() == ["ann/video2", "ann/video12"]
    listed.write_text("ann/video2\neve/video1\n")
    with pytest.raises(DataError, match=r"train.txt, line 2: there is no sequence 'eve/video1'"):
        load("sysu", folder, train_list=listed)
    for options, message in (({"protocol": "XS"}, "CS or SS"), ({"fold": 30}, "from 0 to 29")):
        with pytest.raises(ConfigError, match=message):
            load("sysu", folder, **options)
