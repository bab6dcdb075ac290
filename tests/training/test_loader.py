"""Batches depend on the seed and the epoch, and on nothing else."""

from types import SimpleNamespace

import pytest
import torch

from attentive_rnn.data import AugmentedDataset, Schema, SequenceDataset, load, transform_from_config
from attentive_rnn.training import loader
from attentive_rnn.training.loader import EpochLoader


@pytest.fixture(scope="module")
def sequences():
    return load("basic-motions").train


def batches(passes, epoch):
    passes.set_epoch(epoch)
    return list(passes)


def same(one, other):
    return len(one) == len(other) and all(
        torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x[:3], y[:3], strict=True)
    )


def test_an_epoch_shows_every_sequence_once_and_the_last_batch_what_is_left(sequences):
    whole = EpochLoader(sequences, 12, seed=0)
    shown = batches(whole, 3)
    assert [len(batch.labels) for batch in shown] == [12, 12, 12, 4]
    assert len(whole) == 4
    total = torch.cat([batch.x for batch in shown]).sum(dtype=torch.float64)
    assert total == pytest.approx(sum(s.sum(dtype=torch.float64) for s in sequences.sequences))


@pytest.mark.parametrize("seed", [None, 0])
def test_processes_share_out_every_batch(sequences, seed):
    whole = batches(EpochLoader(sequences, 13, seed), 3)  # 40 sequences: the last batch has one
    shares = [batches(EpochLoader(sequences, 13, seed, rank=rank, world=3), 3) for rank in range(3)]
    for batch, *parts in zip(whole, *shares, strict=True):
        own = [part for part in parts if part.share.rows]
        assert sum(part.share.rows for part in parts) == len(batch.labels)
        assert all(len(part.labels) == part.share.rows for part in own)
        assert sum(part.share.weight for part in parts) == pytest.approx(3)
        for kind in ("x", "labels", "lengths"):
            joined = sum(getattr(part, kind).double().sum() * part.share.weight / part.share.rows for part in own)
            mean = getattr(batch, kind).double().sum() / len(batch.labels)
            assert joined / 3 == pytest.approx(mean)
    assert [len(part.labels) for part in shares[2]] == [4, 4, 4, 1]
    assert shares[2][-1].share == (0, 0, True)
    assert all(batch.share is None for batch in whole)


@pytest.fixture
def one_long():
    """Twelve sequences of 5 frames, one of 900 and one of 1."""
    lengths = [5] * 7 + [900] + [5] * 5 + [1]
    made = [torch.full((steps, 2), float(i)) for i, steps in enumerate(lengths)]
    return SequenceDataset(made, [i % 2 for i in range(14)], [{}] * 14, Schema(("a", "b"), (2,)))


@pytest.mark.parametrize(("workers", "world"), [(0, 1), (2, 1), (0, 2)])
def test_a_batch_larger_than_the_bound_comes_in_parts(one_long, workers, world):
    ranks = range(world)
    loaders = [EpochLoader(one_long, 14, 0, workers, rank, world, max_frames=60) for rank in ranks]
    whole, parts = batches(EpochLoader(one_long, 14, 0), 2), [part for one in loaders for part in batches(one, 2)]
    assert [len(one) for one in loaders] == [1] * world
    padded = [part.x.shape[0] * part.x.shape[1] for part in parts]
    assert max(padded) == 900
    assert sum(padded) <= 900 + 13 * 5  # instead of 14 x 900
    assert sorted(padded)[-2] <= 60
    assert sum(part.share.last for part in parts) == world
    assert sum(part.share.rows for part in parts) == 14
    assert sum(part.share.weight for part in parts) == pytest.approx(world)
    assert sorted(torch.cat([part.x[:, 0, 0] for part in parts]).tolist()) == sorted(whole[0].x[:, 0, 0].tolist())
    for part in parts:
        assert part.share.weight == pytest.approx(len(part.labels) * world / 14)


def test_a_batch_within_the_bound_is_as_without_one(one_long):
    bounded, free = EpochLoader(one_long, 2, 0, max_frames=1800), EpochLoader(one_long, 2, 0)
    assert same(batches(bounded, 1), batches(free, 1))
    assert all(batch.share is None for batch in batches(bounded, 1))


def test_the_order_is_a_function_of_seed_and_epoch(sequences):
    one, other = EpochLoader(sequences, 8, seed=1), EpochLoader(sequences, 8, seed=1)
    batches(other, 0)
    torch.rand(100)
    assert same(batches(one, 5), batches(other, 5))
    assert not same(batches(one, 5), batches(one, 6))
    assert not same(batches(one, 5), batches(EpochLoader(sequences, 8, seed=2), 5))


def test_without_a_seed_the_order_is_that_of_the_data(sequences):
    labels = torch.cat([batch.labels for batch in EpochLoader(sequences, 7)])
    assert labels.tolist() == sequences.labels.tolist()


def test_workers_change_nothing_not_even_the_global_generator(sequences):
    def augmented(workers):
        jitter = transform_from_config({"name": "jitter", "std": 0.5})
        return EpochLoader(AugmentedDataset(sequences, jitter, seed=4), 16, seed=4, num_workers=workers)

    alone, helped = augmented(0), augmented(2)
    state = torch.get_rng_state()
    for epoch in (0, 1, 7):
        assert same(batches(alone, epoch), batches(helped, epoch))
    assert torch.equal(state, torch.get_rng_state())


def test_augmentation_is_drawn_anew_in_each_epoch(sequences):
    jitter = transform_from_config({"name": "jitter", "std": 0.5})
    augmented = EpochLoader(AugmentedDataset(sequences, jitter, seed=4), 40)
    first, second = batches(augmented, 0), batches(augmented, 1)
    assert not torch.equal(first[0][0], second[0][0])
    assert same(first, batches(augmented, 0))


def test_the_seconds_are_those_of_making_batches_and_not_of_using_them(sequences, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(loader, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    collated = loader.collate

    def slow(samples):
        now[0] += 2.0
        return collated(samples)

    monkeypatch.setattr(loader, "collate", slow)
    passes = EpochLoader(sequences, 20)
    for _ in range(2):
        for _ in passes:
            now[0] += 100.0
        assert passes.seconds == 4.0
