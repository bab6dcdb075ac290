"""The adding problem, and sets that are generated for every epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import (
    Compose,
    check,
    convert,
    copies_in_train,
    load,
    preprocess,
    read_sequences,
    validation_split,
)
from attentive_rnn.errors import ConfigError
from attentive_rnn.training.loader import EpochLoader


@given(st.integers(2, 40), st.integers(1, 6), st.integers(0, 2**31))
def test_the_label_is_the_sum_of_one_marked_number_in_each_half(length, count, epoch):
    train, _ = load("adding", length=length, count=count, test_count=1)
    train.set_epoch(epoch)
    for sequence, label in (train[i][:2] for i in range(count)):
        values, marks = sequence.T
        places = torch.nonzero(marks).flatten().tolist()
        assert sequence.shape == (length, 2)
        assert set(marks.tolist()) <= {0.0, 1.0}
        assert len(places) == 2
        assert places[0] < length // 2 <= places[1]
        assert values.min() >= 0
        assert values.max() < 1
        assert label == pytest.approx(float(values[places].double().sum()), abs=1e-6)


def test_answering_one_always_has_the_error_that_is_expected():
    labels = load("adding", length=4, count=20_000, test_count=1).train.labels
    assert np.mean((labels - 1) ** 2) == pytest.approx(1 / 6, rel=0.03)


def test_epochs_and_seeds_differ_and_are_repeated():
    train, test = load("adding", length=10, count=5, test_count=5)
    zero, _ = validation_split(train, 0.4, seed=0)
    one, _ = validation_split(train, 0.4, seed=1)

    def shown(data, epoch):
        data.set_epoch(epoch)
        return torch.stack([data[i].sequence for i in range(5)])

    first = shown(zero, 0)
    assert not torch.equal(first, shown(zero, 1))
    assert not torch.equal(first, shown(one, 0))
    assert torch.equal(first, shown(zero, 0))
    assert not copies_in_train(type(load("adding"))(zero, test)).any()


def test_validation_and_test_sets_are_the_same_for_every_seed():
    train, test = load("adding", length=10, count=10, test_count=3)
    _, first = validation_split(train, 0.4, seed=0)
    _, second = validation_split(train, 0.4, seed=7)
    assert len(first) == 4
    assert torch.equal(torch.stack(first.sequences), torch.stack(second.sequences))
    assert not torch.equal(torch.stack(first.sequences)[:3], torch.stack(test.sequences))
    again = load("adding", length=10, count=99, test_count=3).test
    assert torch.equal(torch.stack(test.sequences), torch.stack(again.sequences))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_shows_new_sequences_in_every_epoch_with_and_without_workers(workers):
    train, _ = load("adding", length=6, count=8, test_count=1)
    loader = EpochLoader(train, 4, seed=0, num_workers=workers)
    seen = []
    for epoch in (0, 1, 0):
        loader.set_epoch(epoch)
        batches = list(loader)
        assert batches[0].labels.dtype == torch.float32
        seen.append(torch.cat([batch.x for batch in batches]))
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])


def test_preprocessing_follows_what_is_drawn():
    train, _ = load("adding", length=6, count=2, test_count=1)
    ready = preprocess(train, Compose([]))
    ready.set_epoch(3)
    train.set_epoch(3)
    assert torch.equal(ready[1].sequence, train[1].sequence)
    assert ready[1].label == train[1].label


@pytest.mark.parametrize("options", [{"length": 1}, {"count": 0}, {"test_count": 0.5}, {"length": True}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="must be a whole number"):
        load("adding", **options)


def test_there_is_nothing_to_read():
    with pytest.raises(ConfigError, match="give no path"):
        load("adding", "somewhere")


def test_numbers_to_predict_survive_npz_and_are_reported(tmp_path):
    x, labels = np.random.default_rng(0).random((6, 4, 2)), np.array([0.5, 1.5, np.nan, -2.0, 0.0, 3.0])
    np.savez(tmp_path / "a.npz", x=x, y=labels, split=["train", "train", "train", "test", "test", "test"])
    convert(tmp_path / "a.npz", tmp_path / "b.npz")
    for name in ("a.npz", "b.npz"):
        data = read_sequences(tmp_path / name)
        assert data.schema.target == "number"
        np.testing.assert_array_equal(data.labels, labels)
    assert "no training and test part" in str(check(tmp_path / "b.npz"))
    with pytest.raises(ConfigError, match=r"\.npz only"):
        convert(tmp_path / "a.npz", tmp_path / "b.parquet")
