import numpy as np
import pytest
import torch

from attentive_rnn.data import Compose, LimitSteps, MotionFeatures, OriginAtBodyCentre, Schema, SequenceDataset, match
from attentive_rnn.data.dataset import concatenate
from attentive_rnn.data.stored.lazy import LazySequences
from attentive_rnn.errors import DataWarning
from data.generic import assert_same


def skeletons(count=6):
    rng = np.random.default_rng(1)
    sequences = [torch.from_numpy(rng.normal(size=(3 + i, 2, 20, 3)).astype(np.float32)) for i in range(count)]
    sequences[1][:, 0, 1] = 0  # the joint at the centre is never seen
    sequences[2][1:, 1] = 0
    metas = [{"name": str(i)} for i in range(count)]
    return SequenceDataset(sequences, [i % 2 for i in range(count)], metas, Schema(("a", "b"), (2, 20, 3)), "set")


def lazy(dataset):
    sequences = dataset.sequences
    made = LazySequences(lambda i: sequences[i].clone(), np.arange(len(sequences)))
    return SequenceDataset(made, dataset.labels, dataset.metas, dataset.schema, dataset.name)


def assert_like(found, wanted):
    assert_same(found, wanted)
    for one, other in zip(found.presence, wanted.presence, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.equal(one, other)


@pytest.mark.parametrize(
    "transform",
    [OriginAtBodyCentre(), LimitSteps(4), Compose([OriginAtBodyCentre(), MotionFeatures(root=1), LimitSteps(3)])],
)
def test_a_transform_of_a_lazy_set_gives_what_it_gives_in_memory_with_the_same_warnings(transform):
    data = skeletons()
    with pytest.warns(DataWarning) if not isinstance(transform, LimitSteps) else _no_warning() as in_memory:
        wanted = data.transformed(transform)
    with pytest.warns(DataWarning) if not isinstance(transform, LimitSteps) else _no_warning() as on_demand:
        found = lazy(data).transformed(transform)
    assert isinstance(found.sequences, LazySequences)
    assert_like(found, wanted)
    assert found.lengths.tolist() == wanted.lengths.tolist()
    assert_like(found.subset([3, 0]), wanted.subset([3, 0]))
    assert torch.equal(found[2].sequence, wanted[2].sequence)
    if in_memory is not None:
        assert [str(w.message) for w in in_memory] == [str(w.message) for w in on_demand]


class _no_warning:  # noqa: N801  # stands for a function of pytest
    def __enter__(self):
        return None

    def __exit__(self, *error):
        return False


def test_sets_are_joined_and_matched_without_being_made():
    data = skeletons()
    both = concatenate([lazy(data), lazy(data).subset([1, 4])])
    assert isinstance(both.sequences, LazySequences)
    assert_like(both, concatenate([data, data.subset([1, 4])]))
    wanted = Schema(("b", "a"), (1, 60))
    with pytest.raises(Exception, match="frames are"):
        match(lazy(data), wanted)
    features = SequenceDataset(
        [torch.rand(4, 2), torch.rand(3, 2)], [0, 1], [{}, {}], Schema(("a", "b"), (2,), features=("x", "y"))
    )
    turned = Schema(("b", "a"), (2,), features=("y", "x"))
    found = match(lazy(features), turned)
    assert isinstance(found.sequences, LazySequences)
    assert_like(found, match(features, turned))
