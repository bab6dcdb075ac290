import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import Sample, collate


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
