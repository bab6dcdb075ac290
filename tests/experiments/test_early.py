"""Accuracy by the share of a sequence that is seen: no frame to come is known."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema, SequenceDataset
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.early import accuracy_by_share, beginnings
from attentive_rnn.training import SavedModel


def test_sequences_are_cut_with_their_presence_and_keep_a_frame():
    schema = Schema(("a", "b"), (1, 2, 3))
    data = SequenceDataset([torch.randn(10, 1, 2, 3), torch.randn(3, 1, 2, 3)], [0, 1], [{}, {}], schema)
    data.presence[0] = torch.rand(10, 1, 2) < 0.5
    cut = beginnings(data, 30)
    assert cut.lengths.tolist() == [3, 1]
    assert torch.equal(cut.presence[0], data.presence[0][:3])
    assert data.lengths.tolist() == [10, 3]
    assert beginnings(data, 100).lengths.tolist() == [10, 3]


def test_a_class_that_shows_in_the_second_half_alone_is_told_there():
    model = SequenceClassifier(1, 2, 1, 1, gate=None, cell="rnn", pool="last").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.layers.weight_ih_l0.fill_(1)
        model.classifier.weight.copy_(torch.tensor([[-1.0], [1.0]]))
    sequences = [torch.tensor([[-1.0]] * 5 + [[sign]] * 5) for sign in (-1.0, 1.0)]
    schema = Schema(("low", "high"), (1,))
    found = accuracy_by_share(
        SavedModel(model, schema, Compose([])), SequenceDataset(sequences, [0, 1], [{}, {}], schema)
    )
    assert [one.accuracy for one in found] == [0.5] * 5 + [1.0] * 5
    assert found[0].low < 0.5 < found[0].high


def test_numbers_have_no_accuracy():
    schema = Schema((), (1,), target="number")
    data = SequenceDataset([torch.zeros(3, 1)], [0.5], [{}], schema)
    with pytest.raises(ConfigError, match="classes"):
        accuracy_by_share(SavedModel(SequenceClassifier(1, 1, 2, 1).eval(), schema, Compose([])), data)
