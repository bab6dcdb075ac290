"""Identities of the layers with an attention gate: steps, chunks, lengths, permutations."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from helpers import (
    ALL_CELLS,
    ALL_GATES,
    LAYERS,
    as_tuple,
    assert_near,
    assert_near_or_none,
    assert_runs_near,
    states_of,
)

every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
every_gate = pytest.mark.parametrize("gate", ALL_GATES)
LENGTHS = torch.tensor([4, 7, 1, 6])
X = torch.linspace(-2, 2, 7 * 4 * 5, dtype=torch.float64).sin().view(7, 4, 5)


@every_cell
@every_gate
def test_steps_give_what_one_pass_gives(cell, gate):
    layer = LAYERS[cell](5, 6, num_layers=2, gate=gate, dtype=torch.float64)
    state = states_of(layer, rows=4)
    output, last, attention = layer(X, state, need_attention=True)
    for t, x_t in enumerate(X):
        out, state, responses = layer.step(x_t, state, need_attention=True)
        assert_near(out, output[t], 1e-14)
        for response, whole in zip(responses, attention, strict=True):
            assert_near_or_none(response, None if gate is None else whole[t])
    assert_runs_near((out, state), (output[-1], last))


@every_cell
def test_steps_without_a_batch_give_what_one_pass_gives(cell):
    layer = LAYERS[cell](5, 6, num_layers=2, batch_first=True, dtype=torch.float64)
    x = X[:, 0]
    output, last = layer(x)
    state = None
    for t, x_t in enumerate(x):
        out, state = layer.step(x_t, state)
        assert_near(out, output[t], 1e-14)
    assert_runs_near((out, state), (output[-1], last))


@every_cell
@every_gate
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_chunks_with_carried_state_give_what_one_pass_gives(cell, gate, cut):
    layer = LAYERS[cell](5, 6, num_layers=2, gate=gate, dtype=torch.float64)
    first, state = layer(X[:cut])
    second, state = layer(X[cut:], state)
    assert_runs_near((torch.cat([first, second]), state), layer(X))


@every_cell
@every_gate
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_packing_and_each_row_alone_agree(cell, gate, bidirectional):
    layer = LAYERS[cell](5, 6, num_layers=2, gate=gate, bidirectional=bidirectional, dtype=torch.float64)
    hx = states_of(layer, rows=4)
    output, last, attention = layer(X, hx, lengths=LENGTHS, need_attention=True)
    packed = pack_padded_sequence(X, LENGTHS, enforce_sorted=False)
    packed_output, packed_last, packed_attention = layer(packed, hx, need_attention=True)
    padded, lengths = pad_packed_sequence(packed_output)
    assert torch.equal(lengths, LENGTHS)
    assert_runs_near((padded, packed_last), (output, last))
    for row, length in enumerate(LENGTHS.tolist()):
        alone_hx = tuple(s[:, row : row + 1] for s in as_tuple(hx))
        alone, alone_last, alone_attention = layer(
            X[:length, row : row + 1], alone_hx if cell == "lstm" else alone_hx[0], need_attention=True
        )
        assert_near(output[:length, row], alone[:, 0], 1e-13)
        assert not output[length:, row].any()
        for mine, expected in zip(as_tuple(last), as_tuple(alone_last), strict=True):
            assert_near(mine[:, row], expected[:, 0], 1e-13)
        for whole, of_packed, expected in zip(attention, packed_attention, alone_attention, strict=True):
            assert_near_or_none(None if gate is None else whole[:length, row], None if gate is None else expected[:, 0])
            assert_near_or_none(None if gate is None else pad_packed_sequence(of_packed)[0], whole)


@every_cell
def test_full_lengths_are_no_lengths(cell):
    layer = LAYERS[cell](5, 6, bidirectional=True, dtype=torch.float64)
    assert_runs_near(layer(X, lengths=torch.full((4,), 7)), layer(X))


@every_cell
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_permuting_the_batch_permutes_everything(cell, lengths):
    layer = LAYERS[cell](5, 6, num_layers=2, bidirectional=True, dtype=torch.float64)
    order = torch.tensor([2, 0, 3, 1])
    output, last, attention = layer(X, lengths=lengths, need_attention=True)
    shuffled = layer(X[:, order], lengths=None if lengths is None else lengths[order], need_attention=True)
    assert_runs_near(shuffled, (output[:, order], tuple(s[:, order] for s in as_tuple(last))))
    for mine, expected in zip(shuffled[2], attention, strict=True):
        assert_near(mine, expected[:, order], 1e-13)
