"""Parameter counts of Zhang et al., ECCV 2018, Table 7, exactly, and the operations that the paper's formulas give."""

from __future__ import annotations

import pytest

from attentive_rnn import SequenceClassifier

# Two persons of 25 joints in three coordinates; 60 classes; the linear layer is counted.
TABLE_7 = [
    (2, 100, None, 141_660, "0.14"),
    (2, 128, None, 213_564, "0.21"),
    (3, 100, None, 201_960, "0.20"),
    (3, 128, None, 312_252, "0.31"),
    (2, 100, "sigmoid", 199_410, "0.20"),
    (3, 100, "sigmoid", 279_810, "0.28"),
]


@pytest.mark.parametrize(("num_layers", "hidden_size", "gate", "parameters", "printed"), TABLE_7)
def test_parameters(num_layers, hidden_size, gate, parameters, printed):
    model = SequenceClassifier(150, 60, hidden_size, num_layers, gate=gate)
    assert model.num_parameters == parameters
    assert f"{model.num_parameters / 1e6:.2f}" == printed


@pytest.mark.parametrize(("num_layers", "hidden_size", "gate"), [row[:3] for row in TABLE_7])
def test_operations(num_layers, hidden_size, gate):
    n, per_step = hidden_size, 2 * hidden_size * 60
    for d in [150] + [n] * (num_layers - 1):
        per_step += n * (6 * d + 6 * n + 5)
        per_step += d * (2 * d + 2 * n + 1) if gate else 0
    model = SequenceClassifier(150, 60, hidden_size, num_layers, gate=gate)
    assert model.flops() == per_step
    assert model.flops(T=300, B=256) == 300 * 256 * per_step


@pytest.mark.parametrize(("cell", "blocks"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_parameters_of_every_cell(cell, blocks):
    model = SequenceClassifier(150, 60, cell=cell)
    expected = 100 * 60 + 60
    for d in (150, 100, 100):
        expected += blocks * 100 * (d + 100 + 1) + d * (d + 100 + 1)
    assert model.num_parameters == expected
