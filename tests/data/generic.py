"""Small data sets of every kind, and how to compare two of them."""

import numpy as np
import torch

from attentive_rnn.data import Schema, SequenceDataset


def made(shape=(2,), layout=None, counts=(3, 1, 4, 2), **schema):
    """Sequences of random numbers of the given lengths, with metas of all kinds; the second has no label."""
    rng = np.random.default_rng(1)
    values = {"classes": ("sit", "stand up", "ü"), "shape": shape, "layout": layout, "rate": 30.0} | schema
    metas = [
        {"name": f"s{i}", "subject": 1 + i % 3, "camera": "left" if i % 2 else "right"}
        | ({"extra": [1, None]} if i else {})
        for i in range(len(counts))
    ]
    return SequenceDataset(
        [torch.from_numpy(rng.normal(size=(n, *shape)).astype(np.float32)) for n in counts],
        [2, -1, *(i % 2 for i in range(len(counts)))][: len(counts)],
        metas,
        Schema(**values),
        "made",
    )


def assert_same(found, wanted):
    """The two sets have the same schema, labels and metas, and the same values bit for bit."""
    assert found.schema == wanted.schema
    assert found.labels.tolist() == wanted.labels.tolist()
    assert found.metas == wanted.metas
    for one, other in zip(found.sequences, wanted.sequences, strict=True):
        assert one.dtype == torch.float32
        np.testing.assert_array_equal(one.numpy(), other.numpy())
