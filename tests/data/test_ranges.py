"""Values in another unit are warned of, and those of the same data set are not."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, load
from attentive_rnn.data.ranges import Ranges, check_ranges
from attentive_rnn.errors import ConfigError, DataWarning

SCHEMA = Schema((), (3,), features=("x", "y", "z"))


def _sequences(count=20, seed=0):
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.normal(size=(30, 3))).float() for _ in range(count)]


SEEN = Ranges.of(SCHEMA, _sequences())


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1000, "is this millimetres for metres?"),
        (0.001, "is this metres for millimetres?"),
        (180 / np.pi, "is this degrees for radians?"),
        (np.pi / 180, "is this radians for degrees?"),
        (100, "is this centimetres for metres?"),
        (9.81, "is this metres per second squared for g?"),
        (1e6, "is this another unit?"),
    ],
)
def test_another_unit_is_warned_of(factor, said):
    with pytest.warns(DataWarning, match="here: the values of [xyz] are .*") as caught:
        check_ranges(SEEN, SCHEMA, [x * factor for x in _sequences(3, seed=1)], "here")
    assert said in str(caught[0].message)


def test_a_single_column_in_another_unit_is_named():
    sequences = [x * torch.tensor([1, 57.3, 1]) for x in _sequences(3, seed=1)]
    with pytest.warns(DataWarning, match=r"the values of y are .*is this degrees for radians\?"):
        check_ranges(SEEN, SCHEMA, sequences, "here")


@pytest.mark.parametrize("name", ["basic-motions", "japanese-vowels"])
def test_single_sequences_of_the_same_set_are_not_warned_of(name):
    train, test = load(name)
    seen = Ranges.of(train.schema, train.sequences)
    for sequence in test.sequences:
        check_ranges(seen, train.schema, [sequence], name)
    check_ranges(seen, train.schema, test.sequences, name)


def test_absent_and_missing_values_do_not_count():
    gaps = [torch.where(torch.rand(30, 3) < 0.5, torch.tensor([0.0, float("nan")])[i % 2], x)
            for i, x in enumerate(_sequences(3, seed=1))]  # fmt: skip
    check_ranges(SEEN, SCHEMA, gaps, "here")
    check_ranges(SEEN, SCHEMA, [torch.zeros(5, 3)], "nobody")
    check_ranges(None, SCHEMA, [torch.full((5, 3), 1e9)], "not known")


def test_words_and_images_have_no_ranges():
    assert Ranges.of(Schema((), (1,), vocabulary=("a",)), [torch.zeros(3, 1)]) is None
    assert Ranges.of(Schema((), (3, 2, 2), medium="maps"), [torch.zeros(3, 3, 2, 2)]) is None


def test_ranges_are_written_and_read():
    assert SEEN is not None
    assert Ranges.from_dict(json.loads(json.dumps(SEEN.to_dict())), 3) == SEEN
    with pytest.raises(ConfigError, match="ranges must have usual and high, 4 numbers each"):
        Ranges.from_dict(SEEN.to_dict(), 4)
