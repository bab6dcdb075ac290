import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from attentive_rnn.data import (
    AugmentedDataset,
    Compose,
    OriginAtBodyCentre,
    RandomRotation,
    Schema,
    SequenceDataset,
    collate,
    preprocess,
)
from attentive_rnn.errors import ConfigError, DataError

SKELETONS = Schema(classes=("sit", "stand"), shape=(1, 20, 3), layout="kinect-20")


def skeletons(count=6):
    generator = torch.Generator().manual_seed(0)
    return SequenceDataset(
        [torch.randn(3 + i, 1, 20, 3, generator=generator) for i in range(count)],
        [i % 2 for i in range(count)],
        [{"name": f"s{i}", "subject": i} for i in range(count)],
        SKELETONS,
        "made",
    )


def test_items_are_float32_sequences_with_label_and_meta():
    data = SequenceDataset([np.ones((4, 2))], [1], [{"name": "a"}], Schema(("x", "y"), (2,)))
    sequence, label, meta = data[0][:3]
    assert sequence.dtype == torch.float32
    assert sequence.shape == (4, 2)
    assert (label, meta) == (1, {"name": "a"})
    assert type(label) is int


def test_a_subset_keeps_the_order_asked_for():
    part = skeletons().subset([4, 1])
    assert part.lengths.tolist() == [7, 4]
    assert part.groups("subject").tolist() == [4, 1]
    assert part.labels.tolist() == [0, 1]


def test_groups_by_a_key_that_is_missing_are_refused():
    with pytest.raises(DataError, match="made: s0 has no 'view'"):
        skeletons().groups("view")


@pytest.mark.parametrize(
    ("sequences", "labels", "message"),
    [
        ([torch.ones(3, 2)], [0, 1], "1 sequences, 2 labels"),
        ([torch.ones(3, 5)], [0], "sequence 0 is \\(3, 5\\)"),
        ([torch.ones(3, 2), torch.ones(0, 2)], [0, 0], "sequence 1 is \\(0, 2\\)"),
        ([torch.ones(3, 2)], [2], "label 2"),
        ([torch.ones(3, 2)], [-2], "label -2"),
    ],
)
def test_sequences_that_do_not_fit_the_schema_are_refused(sequences, labels, message):
    with pytest.raises(DataError, match=message):
        SequenceDataset(sequences, labels, [{}] * len(sequences), Schema(("a", "b"), (2,)))


def test_preprocessing_moves_every_sequence_to_the_origin_and_keeps_the_original():
    data = skeletons()
    before = data[0].sequence.clone()
    moved = preprocess(data, OriginAtBodyCentre())
    assert all(not s[0, 0, 1].any() for s in moved.sequences)
    assert torch.equal(data[0].sequence, before)


def test_random_preprocessing_is_refused():
    with pytest.raises(ConfigError, match="random"):
        preprocess(skeletons(), Compose([OriginAtBodyCentre(), RandomRotation()]))


def test_augmentation_depends_on_seed_epoch_and_item_only():
    first, second = (AugmentedDataset(skeletons(), RandomRotation(), seed=3) for _ in range(2))
    forward = [first[i].sequence for i in range(6)]
    backward = [second[i].sequence for i in reversed(range(6))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forward, backward, strict=True))
    assert torch.equal(first[-1].sequence, forward[5])

    first.set_epoch(1)
    assert not torch.equal(first[0].sequence, forward[0])
    first.set_epoch(0)
    assert torch.equal(first[0].sequence, forward[0])
    assert not torch.equal(AugmentedDataset(skeletons(), RandomRotation(), seed=4)[0].sequence, forward[0])


def test_two_items_of_an_epoch_are_rotated_differently():
    same = SequenceDataset([torch.ones(2, 1, 20, 3)] * 2, [0, 0], [{}, {}], SKELETONS)
    augmented = AugmentedDataset(same, RandomRotation(), seed=0)
    assert not torch.equal(augmented[0].sequence, augmented[1].sequence)


def test_persistent_workers_see_the_epoch():
    alone, shared = (AugmentedDataset(skeletons(), RandomRotation(), seed=3) for _ in range(2))
    loader = DataLoader(shared, batch_size=2, collate_fn=collate, num_workers=1, persistent_workers=True)
    for epoch in (0, 1):
        alone.set_epoch(epoch)
        shared.set_epoch(epoch)
        expected = collate([alone[i] for i in range(2)])
        assert torch.equal(next(iter(loader)).x, expected.x)


def test_an_item_past_the_end_stops_iteration():
    assert len(list(AugmentedDataset(skeletons(), RandomRotation(), seed=0))) == 6
