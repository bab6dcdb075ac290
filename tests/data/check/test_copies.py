import numpy as np
import torch

from attentive_rnn.data import Schema, SequenceDataset, Splits, copies_in_train

SCHEMA = Schema(("a", "b"), (2,))


def dataset(*sequences):
    return SequenceDataset(sequences, [0] * len(sequences), [{}] * len(sequences), SCHEMA)


def test_a_test_sequence_that_was_trained_on_is_found():
    x, y = torch.randn(4, 2), torch.randn(4, 2)
    found = copies_in_train(Splits(dataset(x, y), dataset(x + 1, y.clone(), y[:3])))
    assert found.tolist() == [False, True, False]


def test_the_real_skeletons_of_two_actions_are_the_same_in_views_two_and_three(real_nucla):
    copies = copies_in_train(real_nucla)
    by_class = np.bincount(real_nucla.test.labels[copies], minlength=10)
    assert by_class.tolist() == [0, 50, 45, 0, 0, 0, 0, 0, 0, 0]
    assert np.bincount(real_nucla.test.labels)[1:3].tolist() == [50, 45]
