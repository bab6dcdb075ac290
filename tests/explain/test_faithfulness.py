"""The measures of faithfulness find what is planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema, SequenceDataset, Splits
from attentive_rnn.explain.faithfulness import (
    FRACTIONS,
    RANKINGS,
    area,
    curve,
    markdown,
    measure,
    picture,
    rank_correlation,
    ranks,
)
from attentive_rnn.training import SavedModel


def test_deletion_falls_at_once_and_insertion_rises_at_once_for_the_right_order(planted):
    model, x, lengths, target = planted
    right, wrong = torch.zeros_like(x), torch.zeros_like(x)
    right[..., 0], wrong[..., 0] = 1, -1
    group_of, baseline = torch.arange(5), torch.zeros(5).double()
    found = {
        (name, insert): curve(model, x, lengths, target, ranks(scores, lengths), group_of, baseline, insert)
        for name, scores in (("right", right), ("wrong", wrong))
        for insert in (False, True)
    }
    assert found["right", False].shape == (3, len(FRACTIONS))
    np.testing.assert_allclose(found["right", False][:, 2:], 0.5)
    np.testing.assert_allclose(found["wrong", False][:, :9], 1 / (1 + np.exp(-10)))
    np.testing.assert_allclose(found["right", True][:, 2:], 1 / (1 + np.exp(-10)))
    np.testing.assert_allclose(found["wrong", True][:, :9], 0.5)
    assert area(found["right", False]).max() < 0.6 < 0.9 < area(found["wrong", False]).min()


def test_deleting_all_is_inserting_none(planted):
    model, x, lengths, target = planted
    order = ranks(torch.rand(3, 4, 5), lengths)
    ends = [curve(model, x, lengths, target, order, torch.arange(5), torch.zeros(5).double(), i) for i in (False, True)]
    np.testing.assert_allclose(ends[0][:, [0, -1]], ends[1][:, [-1, 0]])


def test_groups_are_taken_out_together_and_padding_never_counts(planted):
    model, x, lengths, target = planted
    scores = torch.zeros(3, 4, 2)
    scores[..., 0] = 1
    x[:, 2:] = 7  # past the second row's end
    order = ranks(scores, lengths)
    assert order[1, :2].flatten().sort().values.tolist() == [0, 1, 2, 3]
    found = curve(model, x, lengths, target, order, torch.tensor([0, 0, 0, 1, 1]), torch.zeros(5).double(), False)
    np.testing.assert_allclose(found[1, 5:], 0.5)


def test_texts_are_measured_word_by_word():
    torch.manual_seed(0)
    schema = Schema(("bad", "good"), (1,), vocabulary=("<unknown>", "a", "film", "fine", "dull"))
    sequences = [torch.tensor([1, 2, 3 + i % 2, 2, 1, 1][: 4 + i % 3])[:, None] for i in range(40)]
    labels = [1 - i % 2 for i in range(40)]
    model = SequenceClassifier(
        1, 2, hidden_size=8, num_layers=1, dropout=0.0, vocabulary_size=5, embedding_size=6, backend="reference"
    )
    data = SequenceDataset(sequences, labels, [{}] * 40, schema)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(40):
        optimiser.zero_grad()
        logits = torch.cat([model(s[None]) for s in sequences[:6]])
        nn.functional.cross_entropy(logits, torch.tensor(labels[:6])).backward()
        optimiser.step()
    found = measure(SavedModel(model.eval(), schema, Compose([])), Splits(data, data))
    assert set(found.deletion) == set(RANKINGS) - {"random groups"}
    integrated, random = (found.deletion[name] for name in ("integrated gradients", "random cells"))
    assert area(integrated) < area(random) - 0.05
    assert found.deletion["attention"][-1] == pytest.approx(found.insertion["attention"][0])


def test_of_numbers_the_change_of_the_answer_is_measured():
    schema = Schema((), (3,), target="number")
    sequences = [torch.randn(5, 3, generator=torch.Generator().manual_seed(i)) for i in range(20)]
    data = SequenceDataset(sequences, [0.0] * 20, [{}] * 20, schema)
    model = SequenceClassifier(3, 1, hidden_size=4, num_layers=1, dropout=0.0, init="torch").eval()
    found = measure(SavedModel(model, schema, Compose([])), Splits(data, data))
    assert found.deletion["attention"][0] == pytest.approx(0, abs=1e-6)
    assert found.insertion["attention"][-1] == pytest.approx(0, abs=1e-6)
    assert area(found.deletion["integrated gradients"]) > area(found.deletion["random cells"])
    assert "deletion (higher is better) | insertion (lower is better)" in markdown([found])
    assert picture([found], "numbers").startswith(b"\x89PNG")


def test_a_model_that_uses_one_element_is_found_out():
    torch.manual_seed(0)
    schema = Schema(classes=("low", "high"), shape=(4,))
    sequences = [torch.randn(6, 4) for _ in range(60)]
    labels = [int(s[:, 2].mean() > 0) for s in sequences]
    model = SequenceClassifier(4, 2, hidden_size=8, num_layers=1, dropout=0.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    x, y = torch.stack(sequences), torch.tensor(labels)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    data = SequenceDataset(sequences, labels, [{}] * 60, schema)
    found = measure(SavedModel(model.eval(), schema, Compose([])), Splits(data, data))
    assert found.count == 60
    assert set(found.deletion) == set(found.insertion) == set(RANKINGS)
    for name in ("integrated gradients", "gradient"):
        assert area(found.deletion[name]) < area(found.deletion["random cells"]) - 0.05
    for name in RANKINGS:
        assert found.deletion[name][0] == pytest.approx(found.insertion[name][-1])
    assert -1 <= found.with_random_weights <= 1
    again = measure(SavedModel(model.eval(), schema, Compose([])), Splits(data, data))
    np.testing.assert_array_equal(found.deletion["random cells"], again.deletion["random cells"])


def test_rank_correlation_is_spearmans():
    """The correlation of ranks, equal values sharing the mean of theirs."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 50).astype(float), rng.normal(size=50)
    first, second = ((v > v[:, None]).sum(0) + ((v == v[:, None]).sum(0) + 1) / 2 for v in (a, b))
    assert rank_correlation(a, b) == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert rank_correlation(a.reshape(5, 10), b.reshape(5, 10)) == pytest.approx(rank_correlation(a, b))
    assert rank_correlation(a, -a) == pytest.approx(-1)
    assert rank_correlation(a, np.ones(50)) == 0
