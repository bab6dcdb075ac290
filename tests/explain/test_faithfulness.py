"""The measures of faithfulness find what is planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema, SequenceDataset, Splits
from attentive_rnn.explain.faithfulness import (
    CUMULATIVE,
    FRACTIONS,
    RANKINGS,
    _curves,
    measure,
    rank_correlation,
    ranks,
)
from attentive_rnn.explain.faithfulness_table import area, from_values, markdown, picture, values
from attentive_rnn.training import SavedModel


def found_for(planted, scores, cells=None):
    """The curves of a ranking of the elements of the planted network, whose baseline is zero."""
    model, x, lengths, target = planted
    if cells is None:
        cells = (torch.arange(x.shape[1]) < lengths[:, None])[..., None].expand(scores.shape)
    group_of = torch.arange(x.shape[2]) * scores.shape[2] // x.shape[2]

    def answers(kept):
        return model(torch.where(kept[:, :, group_of], x, 0.0), lengths).softmax(1)

    return _curves(answers, ranks(scores, cells), cells, target, torch.tensor([1, 0, -1]))


def test_deletion_falls_at_once_and_insertion_rises_at_once_for_the_right_order(planted):
    x = planted[1]
    right, wrong = torch.zeros_like(x), torch.zeros_like(x)
    right[..., 0], wrong[..., 0] = 1, -1
    found = {name: found_for(planted, scores) for name, scores in (("right", right), ("wrong", wrong))}
    sure = 1 / (1 + np.exp(-10))
    assert found["right"].deletion.shape == (3, len(FRACTIONS))
    np.testing.assert_allclose(found["right"].deletion[:, 2:], 0.5)
    np.testing.assert_allclose(found["wrong"].deletion[:, :9], sure)
    np.testing.assert_allclose(found["right"].insertion[:, 2:], sure)
    np.testing.assert_allclose(found["wrong"].insertion[:, :9], 0.5)
    assert area(found["right"].deletion).max() < 0.6 < 0.9 < area(found["wrong"].deletion).min()
    # The first row is of the class that is found, the second of the other, and the third has no label.
    assert found["wrong"].right_after_deletion[0, 0] == 1
    assert found["wrong"].right_after_deletion[1, 0] == 0
    assert np.isnan(found["wrong"].right_after_deletion[2]).all()
    # All changes lie among the first fifth of the cells, or among the last: two probabilities fall and rise by a half.
    assert CUMULATIVE[-1] == pytest.approx(0.2)
    np.testing.assert_allclose(found["right"].difference, 2 * (sure - 0.5))
    np.testing.assert_allclose(found["right"].preservation, 0, atol=1e-12)
    np.testing.assert_allclose(found["wrong"].difference, 0, atol=1e-12)
    np.testing.assert_allclose(found["wrong"].preservation, 2 * (sure - 0.5))


def test_changes_of_opposite_signs_do_not_cancel_in_cumulative_differences(planted):
    _, x, _, _ = planted
    x[:] = 0
    x[:, 0, 0], x[:, 1, 0] = 0.2, -0.2  # taken out one after the other, the answer falls and rises again
    scores = torch.zeros_like(x)
    scores[:, 0, 0], scores[:, 1, 0] = 2, 1
    found = found_for(planted, scores)
    assert found.deletion[0, 0] == pytest.approx(found.deletion[0, 2])
    changed = 2 * (0.5 - 1 / (1 + np.exp(10 * 0.2 / 4)))
    np.testing.assert_allclose(found.difference[0], 2 * changed)


def test_deleting_all_is_inserting_none(planted):
    found = found_for(planted, torch.rand(3, 4, 5))
    np.testing.assert_allclose(found.deletion[:, [0, -1]], found.insertion[:, [-1, 0]])


def test_groups_are_taken_out_together_and_padding_never_counts(planted):
    _, x, lengths, _ = planted
    scores = torch.zeros(3, 4, 2)
    scores[..., 0] = 1
    x[:, 2:] = 7  # past the second row's end
    cells = (torch.arange(4) < lengths[:, None])[..., None].expand(3, 4, 2)
    assert ranks(scores, cells)[1, :2].flatten().sort().values.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found_for(planted, scores).deletion[1, 5:], 0.5)


def test_what_is_not_seen_is_no_cell(planted):
    scores, cells = torch.rand(3, 4, 5), torch.ones(3, 4, 5, dtype=torch.bool)
    cells[:, :, 1:] = False
    assert ranks(scores, cells)[0, :, 0].sort().values.tolist() == [0, 1, 2, 3]
    found = found_for(planted, scores, cells)
    np.testing.assert_allclose(found.deletion[0, [0, 5]], [1 / (1 + np.exp(-10)), 1 / (1 + np.exp(-5))])


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
    assert set(found.curves) == set(RANKINGS)
    integrated, random = (found.curves[name].deletion for name in ("integrated gradients", "random"))
    assert area(integrated) < area(random) - 0.05
    attention = found.curves["attention"]
    assert attention.deletion[-1] == pytest.approx(attention.insertion[0])


def test_of_numbers_the_change_of_the_answer_is_measured():
    schema = Schema((), (3,), target="number")
    sequences = [torch.randn(5, 3, generator=torch.Generator().manual_seed(i)) for i in range(20)]
    data = SequenceDataset(sequences, [0.0] * 20, [{}] * 20, schema)
    model = SequenceClassifier(3, 1, hidden_size=4, num_layers=1, dropout=0.0, init="torch").eval()
    found = measure(SavedModel(model, schema, Compose([])), Splits(data, data))
    attention = found.curves["attention"]
    assert attention.deletion[0] == pytest.approx(0, abs=1e-6)
    assert attention.insertion[-1] == pytest.approx(0, abs=1e-6)
    assert area(found.curves["integrated gradients"].deletion) > area(found.curves["random"].deletion)
    insertion, deletion = markdown([found]).split("| deletion: ")
    assert "change of the answer, standard deviations, best 10 % kept" in insertion
    assert ("area (low is better)" in insertion, "area (high is better)" in deletion) == (True, True)
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
    assert set(found.curves) == set(RANKINGS)
    random = found.curves["random"]
    for name in ("integrated gradients", "size of integrated gradients", "gradient x input"):
        assert area(found.curves[name].deletion) < area(random.deletion) - 0.05
        assert found.curves[name].difference > random.difference
    for curves in found.curves.values():
        assert curves.deletion[0] == pytest.approx(curves.insertion[-1])
        right = (model(x).argmax(1) == y).double().mean().item()
        assert curves.right_after_insertion[-1] == curves.right_after_deletion[0] == pytest.approx(right)
    assert -1 <= found.with_random_weights <= 1
    again = measure(SavedModel(model.eval(), schema, Compose([])), Splits(data, data))
    np.testing.assert_array_equal(random.deletion, again.curves["random"].deletion)
    assert markdown(from_values(values([found, again]))) == markdown([found, again])
    assert "| attended input |" in markdown([found])


def test_rank_correlation_is_spearmans():
    """The correlation of ranks, equal values sharing the mean of theirs."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 50).astype(float), rng.normal(size=50)
    first, second = ((v > v[:, None]).sum(0) + ((v == v[:, None]).sum(0) + 1) / 2 for v in (a, b))
    assert rank_correlation(a, b) == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert rank_correlation(a.reshape(5, 10), b.reshape(5, 10)) == pytest.approx(rank_correlation(a, b))
    assert rank_correlation(a, -a) == pytest.approx(-1)
    assert rank_correlation(a, np.ones(50)) == 0
