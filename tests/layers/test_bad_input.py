"""Inputs, lengths, states and steps that do not fit, refused as torch.nn's layers refuse them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from attentive_rnn import EleAttGRU, EleAttLSTM
from helpers import ALL_CELLS, LAYERS

T, B, D, N = 5, 3, 4, 6
X = torch.zeros(T, B, D)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(T, B, D + 1), RuntimeError, r"input\.size\(-1\) must be equal to input_size\. Expected 4, got 5"),
        (torch.zeros(1, T, B, D), ValueError, r"Expected input to be 2D or 3D, got 4D instead"),
        (torch.zeros(D), ValueError, r"Expected input to be 2D or 3D, got 1D instead"),
        (torch.zeros(0, B, D), RuntimeError, r"Expected sequence length to be larger than 0"),
        (torch.zeros(0, D), RuntimeError, r"Expected sequence length to be larger than 0"),
        (torch.zeros(0, 0, D), RuntimeError, r"Expected sequence length to be larger than 0"),
        (X.double(), ValueError, r"input dtype \(torch\.float64\) does not match weight dtype \(torch\.float32\)"),
        (X.long(), ValueError, r"input dtype \(torch\.int64\) does not match weight dtype"),
        (X.numpy(), TypeError, r"Expected input to be a Tensor or a PackedSequence, got ndarray"),
    ],
)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_inputs(cell, x, error, message):
    with pytest.raises(error, match=message):
        LAYERS[cell](D, N)(x)


def test_a_packed_sequence_of_the_wrong_size_or_dtype():
    packed = pack_padded_sequence(torch.zeros(T, B, D + 1), torch.tensor([5, 3, 1]))
    with pytest.raises(RuntimeError, match=r"Expected 4, got 5"):
        EleAttGRU(D, N)(packed)
    with pytest.raises(ValueError, match=r"does not match weight dtype"):
        EleAttGRU(D + 1, N)(packed.to(torch.float64))


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        (torch.tensor([5, 3, -1]), ValueError, r"must lie in 0\.\.5 \(the steps of the input\), got -1\.\.5"),
        (torch.tensor([6, 3, 1]), ValueError, r"must lie in 0\.\.5 .*, got 1\.\.6"),
        (torch.tensor([5, 3]), ValueError, r"one length a row, shape \(3,\), got \(2,\)"),
        (torch.tensor([[5, 3, 1]]), ValueError, r"one length a row, shape \(3,\), got \(1, 3\)"),
        (torch.tensor([5, 3, 1], dtype=torch.int32), ValueError, r"must be int64, got torch\.int32"),
        (torch.tensor([5.0, 3.0, 1.0]), ValueError, r"must be int64, got torch\.float32"),
        ([5, 3, 1], TypeError, r"must be an int64 tensor, got list; use torch\.as_tensor"),
        (np.array([5, 3, 1]), TypeError, r"must be an int64 tensor, got ndarray; use torch\.as_tensor"),
    ],
)
def test_lengths(lengths, error, message):
    with pytest.raises(error, match=message):
        EleAttGRU(D, N)(X, lengths=lengths)
    with pytest.raises(error, match=message):
        EleAttGRU(D, N, batch_first=True)(X.transpose(0, 1), lengths=lengths)


def test_lengths_of_a_packed_sequence():
    packed = pack_padded_sequence(X, torch.tensor([5, 3, 1]))
    with pytest.raises(ValueError, match=r"lengths cannot be given with a PackedSequence"):
        EleAttGRU(D, N)(packed, lengths=torch.tensor([5, 3, 1]))


@pytest.mark.parametrize(
    ("x", "hx", "message"),
    [
        (X, torch.zeros(1, B, N + 1), r"Expected hidden size \(1, 3, 6\), got \[1, 3, 7\]"),
        (X, torch.zeros(2, B, N), r"Expected hidden size \(1, 3, 6\), got \[2, 3, 6\]"),
        (X, torch.zeros(1, B + 1, N), r"Expected hidden size \(1, 3, 6\), got \[1, 4, 6\]"),
        (X, torch.zeros(B, N), r"For batched 3-D input, hx should also be 3-D but got 2-D tensor"),
        (X[:, 0], torch.zeros(1, B, N), r"For unbatched 2-D input, hx should also be 2-D but got 3-D tensor"),
        (X, (torch.zeros(1, B, N),), r"GRU: Expected hx to be a tensor, got tuple"),
    ],
)
def test_states_of_a_gru(x, hx, message):
    with pytest.raises(RuntimeError, match=message):
        EleAttGRU(D, N)(x, hx)


@pytest.mark.parametrize(
    ("hx", "message"),
    [
        (torch.zeros(2, B, N), r"LSTM: Expected hx to be a pair of tensors \(h_0, c_0\)"),
        ((torch.zeros(1, B, N),), r"LSTM: Expected hx to be a pair of tensors \(h_0, c_0\)"),
        ((torch.zeros(1, B, N), None), r"LSTM: Expected hx to be a pair of tensors \(h_0, c_0\)"),
        ((torch.zeros(1, B, N), torch.zeros(1, B, 7)), r"Expected hidden\[1\] size \(1, 3, 6\), got \[1, 3, 7\]"),
        ((torch.zeros(1, B, 7), torch.zeros(1, B, N)), r"Expected hidden\[0\] size \(1, 3, 6\), got \[1, 3, 7\]"),
        ((torch.zeros(B, N), torch.zeros(1, B, N)), r"hx and cx should also be 3-D but got \(2-D, 3-D\) tensors"),
    ],
)
def test_states_of_an_lstm(hx, message):
    with pytest.raises(RuntimeError, match=message):
        EleAttLSTM(D, N)(X, hx)


def test_a_state_of_another_dtype():
    with pytest.raises(RuntimeError, match=r"dtype"):
        EleAttGRU(D, N)(X, torch.zeros(1, B, N, dtype=torch.float64))


def test_steps():
    with pytest.raises(RuntimeError, match=r"forward in time only, but bidirectional=True"):
        EleAttGRU(D, N, bidirectional=True).step(X[0])
    with pytest.raises(ValueError, match=r"Expected x_t to be 1D or 2D, got 3D instead"):
        EleAttGRU(D, N).step(X)
    with pytest.raises(RuntimeError, match=r"Expected 4, got 3"):
        EleAttGRU(D, N).step(X[0, :, :3])
    with pytest.raises(RuntimeError, match=r"Expected hidden size \(1, 3, 6\), got \[1, 2, 6\]"):
        EleAttGRU(D, N).step(X[0], torch.zeros(1, 2, N))
