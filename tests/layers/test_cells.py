"""Modules of a single step."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import EleAttGRUCell, EleAttLSTMCell
from helpers import (
    ALL_CELLS,
    ALL_GATES,
    CELL_MODULES,
    LAYERS,
    as_tuple,
    assert_near,
    assert_near_or_none,
    assert_runs_near,
)

T, B, D, N = 7, 4, 5, 6
X = torch.linspace(-2, 2, T * B * D).sin().view(T, B, D)


def test_cells():
    with pytest.raises(ValueError, match=r"must be greater than zero, got 0, 6"):
        EleAttGRUCell(0, N)
    with pytest.raises(ValueError, match=r"gate should be 'sigmoid', 'softmax', 'hard' or None, got \['sigmoid'\]"):
        EleAttGRUCell(D, N, gate=["sigmoid"])
    with pytest.raises(ValueError, match=r"init should be one of 'torch', 'paper', 'open', got 'zeros'"):
        EleAttGRUCell(D, N, init="zeros")
    with pytest.raises(ValueError, match=r"GRUCell: Expected input to be 1D or 2D, got 3D instead"):
        EleAttGRUCell(D, N)(X)
    with pytest.raises(RuntimeError, match=r"GRUCell: Expected hx to be a tensor, got tuple"):
        EleAttGRUCell(D, N)(X[0], (torch.zeros(B, N),))
    with pytest.raises(RuntimeError, match=r"LSTMCell: Expected hx to be a pair of tensors \(h, c\)"):
        EleAttLSTMCell(D, N)(X[0], torch.zeros(2, B, N))
    with pytest.raises(RuntimeError, match=r"hidden1 has inconsistent hidden_size: got 7, expected 6"):
        EleAttLSTMCell(D, N)(X[0], (torch.zeros(B, N), torch.zeros(B, 7)))


def test_a_cell_with_and_without_a_batch():
    one = EleAttGRUCell(D, N, dtype=torch.float64)
    x, h = X[0].double(), torch.randn(B, N, dtype=torch.float64)
    state, attention = one(x, h, need_attention=True)
    assert state.shape == (B, N)
    assert attention.shape == (B, D)
    alone, alone_attention = one(x[1], h[1], need_attention=True)
    assert_near(alone, state[1], 1e-14)
    assert_near(alone_attention, attention[1], 1e-14)


every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
every_gate = pytest.mark.parametrize("gate", ALL_GATES)


@every_cell
@every_gate
def test_a_cell_stepped_is_the_layer(cell, gate):
    layer = LAYERS[cell](5, 6, gate=gate, gate_scale=2.0, dtype=torch.float64)
    one = CELL_MODULES[cell](5, 6, gate=gate, gate_scale=2.0, dtype=torch.float64)
    one.load_state_dict({name.removesuffix("_l0"): tensor for name, tensor in layer.state_dict().items()})
    output, last, (attention,) = layer(X.double(), need_attention=True)
    state = None
    for t, x_t in enumerate(X.double()):
        state, response = one(x_t, state, need_attention=True)
        assert_near(as_tuple(state)[0], output[t], 1e-14)
        assert_near_or_none(response, None if gate is None else attention[t])
    assert_runs_near((output[-1], state), (output[-1], tuple(s[0] for s in as_tuple(last))))
