"""Packed sequences, and states as the caller gives them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

from attentive_rnn import EleAttGRU, EleAttLSTM
from helpers import ALL_CELLS, LAYERS, assert_near, states_of

every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
both_directions = pytest.mark.parametrize("bidirectional", [False, True])
T, B, D, N = 7, 4, 5, 6
X = torch.linspace(-2, 2, T * B * D).sin().view(T, B, D)
LENGTHS = torch.tensor([4, 7, 1, 6])


def attention_shapes(rows, bidirectional, batch_first=False):
    """Layer 0 reads D elements, layer 1 the outputs of both directions."""
    axes = (B, T) if batch_first else (T, B)
    axes = axes if rows else (T,)
    return [(*axes, D, 2), (*axes, 2 * N, 2)] if bidirectional else [(*axes, D), (*axes, N)]


@pytest.mark.parametrize("enforce_sorted", [True, False])
@both_directions
def test_a_packed_sequence_gives_packed_outputs_and_packed_attention(enforce_sorted, bidirectional):
    lengths = LENGTHS.sort(descending=True).values if enforce_sorted else LENGTHS
    packed = pack_padded_sequence(X, lengths, enforce_sorted=enforce_sorted)
    layer = EleAttLSTM(D, N, 2, batch_first=True, bidirectional=bidirectional)  # batch_first says nothing of packing
    output, (h_n, c_n), attention = layer(packed, need_attention=True)
    for given in (output, *attention):
        assert isinstance(given, PackedSequence)
        assert torch.equal(given.batch_sizes, packed.batch_sizes)
        assert (given.sorted_indices is None) == (packed.sorted_indices is None)
    assert h_n.shape == c_n.shape == (4 if bidirectional else 2, B, N)
    assert [tuple(pad_packed_sequence(a)[0].shape) for a in attention] == attention_shapes(B, bidirectional)
    unpacked, unpacked_lengths = pad_packed_sequence(output)
    assert torch.equal(unpacked_lengths, lengths)
    forward_last = unpacked[lengths - 1, torch.arange(B), :N]
    assert_near(h_n[-2 if bidirectional else -1], forward_last, 1e-6)


def test_sequences_packed_from_a_list():
    layer = EleAttGRU(D, N, dtype=torch.float64)
    sequences = [torch.randn(t, D, dtype=torch.float64) for t in (3, 1, 5)]
    _, h_n = layer(pack_sequence(sequences, enforce_sorted=False))
    for row, sequence in enumerate(sequences):
        assert_near(h_n[:, row], layer(sequence)[1], 1e-14)


@every_cell
def test_no_state_is_a_state_of_zeros(cell):
    layer = LAYERS[cell](D, N, 2, bidirectional=True)
    zeros = tuple(torch.zeros(4, B, N) for _ in range(layer.specs[0].states))
    given = layer(X, zeros if cell == "lstm" else zeros[0])
    assert torch.equal(given[0], layer(X)[0])


def test_an_lstm_takes_its_states_as_a_list_too():
    layer = EleAttLSTM(D, N)
    h, c = states_of(layer, B, torch.float32)
    assert torch.equal(layer(X, [h, c])[0], layer(X, (h, c))[0])
