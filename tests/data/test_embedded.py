import hashlib
import lzma
import re
import time
from importlib.resources import files

import numpy as np
import pytest

from attentive_rnn.data import get_source, load
from attentive_rnn.errors import ConfigError


def test_japanese_vowels_is_the_published_set():
    train, test = load("japanese-vowels")
    assert (len(train), len(test)) == (270, 370)
    assert np.bincount(train.labels).tolist() == [30] * 9
    assert np.bincount(test.labels).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    assert train.schema.classes == tuple("123456789")
    assert train.schema.shape == (12,)
    lengths = np.concatenate([train.lengths, test.lengths])
    assert (lengths.min(), lengths.max()) == (7, 29)
    # the first values of the training file
    assert train[0].sequence[:2, 0].tolist() == pytest.approx([1.860936, 1.891651])


def test_basic_motions_is_the_published_set():
    train, test = load("basic-motions")
    for part in (train, test):
        assert np.bincount(part.labels).tolist() == [10] * 4
        assert set(part.lengths) == {100}
    assert train.schema.classes == ("Standing", "Running", "Walking", "Badminton")
    assert train.schema.rate == 10
    assert train[0].sequence[:3, 0].tolist() == pytest.approx([0.079106, 0.079106, -0.903497])


def test_the_files_are_those_that_the_provenance_names():
    folder = files("attentive_rnn.data.embedded")
    named = dict(re.findall(r"/(\w+\.ts) \| `([0-9a-f]{64})`", folder.joinpath("PROVENANCE.md").read_text()))
    stored = {
        f.name[:-3]: hashlib.sha256(lzma.decompress(f.read_bytes())).hexdigest()
        for f in folder.iterdir()
        if f.name.endswith(".ts.xz")
    }
    assert named == stored
    assert len(stored) == 4


def test_an_embedded_set_takes_no_path():
    with pytest.raises(ConfigError, match="give no path"):
        load("japanese-vowels", "somewhere")


def test_japanese_vowels_loads_in_well_under_a_second():
    assert min(_seconds(lambda: load("japanese-vowels")) for _ in range(3)) < 0.6


def test_all_sequences_are_read_train_first():
    everything = get_source("basic-motions").read()
    assert [m["name"] for m in everything.metas][39:41] == ["BasicMotions_TRAIN/40", "BasicMotions_TEST/1"]


def _seconds(call):
    start = time.process_time()  # the time that this process worked: other programs do not count
    call()
    return time.process_time() - start
