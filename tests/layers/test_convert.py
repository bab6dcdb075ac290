"""Layers from and to torch.nn's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from attentive_rnn import EleAttGRU, EleAttLSTM, EleAttRNN
from helpers import as_tuple, assert_near, states_of

TORCH = {
    "tanh": (EleAttRNN, nn.RNN, {"nonlinearity": "tanh"}),
    "relu": (EleAttRNN, nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (EleAttLSTM, nn.LSTM, {}),
    "gru": (EleAttGRU, nn.GRU, {}),
}


LENGTHS = torch.tensor([4, 7, 1, 6])
X = torch.linspace(-2, 2, 7 * 4 * 5, dtype=torch.float64).sin().view(7, 4, 5)


def near(ours, theirs, tolerance=1e-13):
    """An output and a state against another output and state."""
    assert_near(ours[0], theirs[0], tolerance, "output")
    for last, expected in zip(as_tuple(ours[1]), as_tuple(theirs[1]), strict=True):
        assert_near(last, expected, tolerance, "state")


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("gate", [None, "sigmoid"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_from_torch_keeps_the_function_and_its_gradients(kind, gate, bias, bidirectional):
    cls, torch_cls, options = TORCH[kind]
    theirs = torch_cls(5, 6, 2, bias=bias, bidirectional=bidirectional, dtype=torch.float64, **options)
    ours = cls.from_torch(theirs, gate=gate)
    hx = states_of(ours, rows=4)
    near(ours(X, hx), theirs(X, hx))
    packed = pack_padded_sequence(X, LENGTHS, enforce_sorted=False)
    (output, last), (expected, expected_last) = ours(packed, hx), theirs(packed, hx)
    near((output.data, last), (expected.data, expected_last))

    ours(X, hx)[0].square().sum().backward()
    theirs(X, hx)[0].square().sum().backward()
    known = dict(ours.named_parameters())
    for name, parameter in theirs.named_parameters():
        assert_near(known.get(name, known[name.replace("bias_hh", "bias_ih")]).grad, parameter.grad, 1e-12, name)


@pytest.mark.parametrize("kind", TORCH)
def test_an_open_gate_learns(kind):
    """It starts where the plain layer is, but not on a plateau."""
    cls, torch_cls, options = TORCH[kind]
    ours = cls.from_torch(torch_cls(5, 6, dtype=torch.float64, **options), gate="sigmoid")
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.01)
    losses = []
    for _ in range(3):
        loss = ours(X)[0].square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[0] > losses[1] > losses[2]
    for name in ("weight_ia_l0", "weight_ha_l0", "bias_a_l0"):
        assert getattr(ours, name).grad.norm() > 1e-6
        assert getattr(ours, name).norm() > 0


@pytest.mark.parametrize("kind", TORCH)
def test_a_saturated_gate_is_no_gate(kind):
    cls, torch_cls, options = TORCH[kind]
    theirs = torch_cls(5, 6, dtype=torch.float64, **options)
    reset = {"reset_after": True} if kind == "gru" else {}
    gated = cls(5, 6, dtype=torch.float64, **options, **reset)
    gated.load_state_dict(cls.from_torch(theirs).state_dict(), strict=False)
    with torch.no_grad():
        gated.weight_ia_l0.zero_()
        gated.weight_ha_l0.zero_()
        gated.bias_a_l0.fill_(40.0)
    near(gated(X), theirs(X))


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("bias", [True, False])
def test_to_torch_and_back_is_a_round_trip(kind, bias):
    cls, torch_cls, options = TORCH[kind]
    theirs = torch_cls(5, 6, 2, bias=bias, batch_first=True, bidirectional=True, dropout=0.25, **options).eval()
    ours = cls.from_torch(theirs)
    again = ours.to_torch()
    assert type(again) is torch_cls
    for name in ("num_layers", "bias", "batch_first", "dropout", "bidirectional", "training"):
        assert getattr(again, name) == getattr(theirs, name)
    x = X.float().transpose(0, 1)
    near(again(x), theirs(x), 1e-6)
    once_more = cls.from_torch(again)
    assert all(torch.equal(a, b) for a, b in zip(once_more.parameters(), ours.parameters(), strict=True))


T, B, D, N = 5, 3, 4, 6


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
