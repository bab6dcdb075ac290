"""What layers and cells refuse, with the kind of error that torch.nn raises and a message that names the fault.

The errors that torch's own samples provoke are in tests/outside.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from attentive_rnn import EleAttGRU, EleAttGRUCell, EleAttLSTM, EleAttLSTMCell, EleAttRNN, EleAttRNNCell
from helpers import ALL_CELLS, LAYERS

T, B, D, N = 5, 3, 4, 6
X = torch.zeros(T, B, D)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gate": "relu"}, ValueError, r"gate should be 'sigmoid', 'softmax' or None, got 'relu'"),
        ({"gate": True}, ValueError, r"gate should be 'sigmoid', 'softmax' or None, got True"),
        ({"gate": ["sigmoid", "tanh"]}, ValueError, r"gate should be .*, got 'tanh'"),
        ({"gate": ["sigmoid"]}, ValueError, r"one value or one a layer, got 1 for num_layers=2"),
        ({"gate": []}, ValueError, r"one value or one a layer, got 0 for num_layers=2"),
        ({"dropout": -0.1}, ValueError, r"dropout should be a number in range \[0, 1\], got -0\.1"),
        ({"dropout": 1.1}, ValueError, r"dropout should be a number in range \[0, 1\], got 1\.1"),
        ({"dropout": True}, ValueError, r"dropout should be a number in range \[0, 1\], got True"),
        ({"dropout": "0.5"}, ValueError, r"dropout should be a number in range \[0, 1\], got '0\.5'"),
        ({"dropout": float("nan")}, ValueError, r"dropout should be a number in range \[0, 1\], got nan"),
        ({"locked_dropout": 2}, ValueError, r"locked_dropout should be a number in range \[0, 1\], got 2"),
        ({"zoneout": -1}, ValueError, r"zoneout should be a number in range \[0, 1\], got -1"),
        ({"init": "xavier"}, ValueError, r"init should be one of 'torch', 'paper', 'open', got 'xavier'"),
        ({"bias": None}, TypeError, r"bias should be of type bool, got: NoneType"),
        ({"reset_afterwards": True}, TypeError, r"reset_afterwards"),
    ],
)
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_constructor_arguments(cell, options, error, message):
    with pytest.raises(error, match=message):
        LAYERS[cell](D, N, 2, **options)


@pytest.mark.parametrize("cls", [EleAttRNN, EleAttRNNCell])
def test_an_unknown_nonlinearity(cls):
    with pytest.raises(ValueError, match=r"nonlinearity should be 'tanh' or 'relu', got 'gelu'"):
        cls(D, N, nonlinearity="gelu")


@pytest.mark.parametrize("cls", [EleAttRNN, EleAttLSTM])
def test_reset_after_belongs_to_the_gru(cls):
    with pytest.raises(TypeError, match="reset_after"):
        cls(D, N, reset_after=True)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(T, B, D + 1), RuntimeError, r"input\.size\(-1\) must be equal to input_size\. Expected 4, got 5"),
        (torch.zeros(1, T, B, D), ValueError, r"Expected input to be 2D or 3D, got 4D instead"),
        (torch.zeros(D), ValueError, r"Expected input to be 2D or 3D, got 1D instead"),
        (torch.zeros(0, B, D), RuntimeError, r"Expected sequence length to be larger than 0"),
        (torch.zeros(0, D), RuntimeError, r"Expected sequence length to be larger than 0"),
        (torch.zeros(T, 0, D), RuntimeError, r"Expected batch size to be larger than 0"),
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
        (torch.tensor([5, 3, 0]), ValueError, r"must lie in 1\.\.5 \(the steps of the input\), got 0\.\.5"),
        (torch.tensor([6, 3, 1]), ValueError, r"must lie in 1\.\.5 .*, got 1\.\.6"),
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


def test_cells():
    with pytest.raises(ValueError, match=r"must be greater than zero, got 0, 6"):
        EleAttGRUCell(0, N)
    with pytest.raises(ValueError, match=r"gate should be 'sigmoid', 'softmax' or None, got \['sigmoid'\]"):
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


def test_layers_that_cannot_be_taken_from_torch():
    with pytest.raises(TypeError, match=r"EleAttGRU\.from_torch takes a torch\.nn\.GRU, got LSTM"):
        EleAttGRU.from_torch(nn.LSTM(D, N))
    with pytest.raises(ValueError, match=r"EleAttLSTM has no projection, but the layer has proj_size=2"):
        EleAttLSTM.from_torch(nn.LSTM(D, N, proj_size=2))
    with pytest.raises(ValueError, match=r"a softmax gate sums to one and so cannot start open"):
        EleAttRNN.from_torch(nn.RNN(D, N), gate="softmax")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (EleAttLSTM(D, N), r"only an EleAttLSTM with gate=None can become a torch layer"),
        (EleAttGRU(D, N, 2, gate=[None, "sigmoid"], reset_after=True), r"torch\.nn has no attention gate"),
        (EleAttGRU(D, N, gate=None), r"only a layer with reset_after=True fits"),
        (EleAttLSTM(D, N, gate=None, zoneout=0.1), r"neither zoneout nor locked dropout"),
        (EleAttLSTM(D, N, 2, gate=None, locked_dropout=0.1), r"neither zoneout nor locked dropout"),
    ],
)
def test_layers_that_torch_does_not_have(layer, message):
    with pytest.raises(ValueError, match=message):
        layer.to_torch()
