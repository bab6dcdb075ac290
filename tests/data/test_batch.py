import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import Sample, collate
from attentive_rnn.data.batch import within


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.sampled_from([(3,), (1, 4, 3)]))
def test_padding_is_zero_and_the_frames_are_kept(lengths, shape):
    samples = [Sample(torch.randn(t, *shape), i, {"name": str(i)}) for i, t in enumerate(lengths)]
    batch = collate(samples)
    assert batch.x.shape == (len(lengths), max(lengths), *shape)
    assert batch.x.dtype == torch.float32
    assert batch.lengths.tolist() == lengths
    assert batch.lengths.dtype == batch.labels.dtype == torch.int64
    assert batch.labels.tolist() == list(range(len(lengths)))
    assert [m["name"] for m in batch.metas] == [s.meta["name"] for s in samples]
    for row, sample in zip(batch.x, samples, strict=True):
        t = len(sample.sequence)
        assert torch.equal(row[:t], sample.sequence)
        assert not row[t:].any()


@given(st.lists(st.integers(1, 50), max_size=20), st.one_of(st.none(), st.integers(1, 300)))
def test_parts_hold_every_sequence_once_and_keep_to_the_bound(lengths, bound):
    parts = [part.tolist() for part in within(lengths, bound)]
    assert sorted(place for part in parts for place in part) == list(range(len(lengths)))
    padded = len(lengths) * max(lengths, default=0)
    if bound is None or padded <= bound // 4 or (padded <= bound and padded <= 2 * sum(lengths)):
        assert parts == [list(range(len(lengths)))]
        return
    for part in parts:
        assert len(part) == 1 or len(part) * max(lengths[place] for place in part) <= bound


def test_one_long_sequence_is_padded_by_itself():
    lengths = [60_000] + 31 * [20]
    assert [len(part) * max(lengths[i] for i in part) for part in within(lengths, 2**18)] == [620, 60_000]


@pytest.mark.parametrize(
    ("lengths", "parts"),
    [
        ([20, 60_000, 20, 20], [[0, 2, 3], [1]]),  # 240,000 frames of padding are within the bound
        ([20_000, 60_000, 50_000, 60_000], [[0, 1, 2, 3]]),  # mostly frames
        ([20, 6_000, 20, 20], [[0, 1, 2, 3]]),  # little enough
    ],
)
def test_a_batch_that_is_mostly_padding_comes_in_parts(lengths, parts):
    assert [part.tolist() for part in within(lengths, 2**18)] == parts
