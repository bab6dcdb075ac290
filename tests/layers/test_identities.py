"""Two ways to the same numbers: an open gate and torch.nn, steps and one pass, packing and lengths, cells and layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attentive_rnn import EleAttGRU, EleAttLSTM, EleAttRNN
from helpers import ALL_CELLS, ALL_GATES, CELL_MODULES, LAYERS, as_tuple, assert_near, states_of

every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
every_gate = pytest.mark.parametrize("gate", ALL_GATES)
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


def near_or_none(ours, expected):
    """An attention against another, or none against none."""
    assert (ours is None) == (expected is None)
    if expected is not None:
        assert_near(ours, expected, 1e-13, "attention")


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
            near_or_none(response, None if gate is None else whole[t])
    near((out, state), (output[-1], last))


@every_cell
def test_steps_without_a_batch_give_what_one_pass_gives(cell):
    layer = LAYERS[cell](5, 6, num_layers=2, batch_first=True, dtype=torch.float64)
    x = X[:, 0]
    output, last = layer(x)
    state = None
    for t, x_t in enumerate(x):
        out, state = layer.step(x_t, state)
        assert_near(out, output[t], 1e-14)
    near((out, state), (output[-1], last))


@every_cell
@every_gate
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_chunks_with_carried_state_give_what_one_pass_gives(cell, gate, cut):
    layer = LAYERS[cell](5, 6, num_layers=2, gate=gate, dtype=torch.float64)
    first, state = layer(X[:cut])
    second, state = layer(X[cut:], state)
    near((torch.cat([first, second]), state), layer(X))


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
    near((padded, packed_last), (output, last))
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
            near_or_none(None if gate is None else whole[:length, row], None if gate is None else expected[:, 0])
            near_or_none(None if gate is None else pad_packed_sequence(of_packed)[0], whole)


@every_cell
def test_full_lengths_are_no_lengths(cell):
    layer = LAYERS[cell](5, 6, bidirectional=True, dtype=torch.float64)
    near(layer(X, lengths=torch.full((4,), 7)), layer(X))


@every_cell
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_permuting_the_batch_permutes_everything(cell, lengths):
    layer = LAYERS[cell](5, 6, num_layers=2, bidirectional=True, dtype=torch.float64)
    order = torch.tensor([2, 0, 3, 1])
    output, last, attention = layer(X, lengths=lengths, need_attention=True)
    shuffled = layer(X[:, order], lengths=None if lengths is None else lengths[order], need_attention=True)
    near(shuffled, (output[:, order], tuple(s[:, order] for s in as_tuple(last))))
    for mine, expected in zip(shuffled[2], attention, strict=True):
        assert_near(mine, expected[:, order], 1e-13)


@every_cell
@every_gate
def test_a_cell_stepped_is_the_layer(cell, gate):
    layer = LAYERS[cell](5, 6, gate=gate, gate_scale=2.0, dtype=torch.float64)
    one = CELL_MODULES[cell](5, 6, gate=gate, gate_scale=2.0, dtype=torch.float64)
    one.load_state_dict({name.removesuffix("_l0"): tensor for name, tensor in layer.state_dict().items()})
    output, last, (attention,) = layer(X, need_attention=True)
    state = None
    for t, x_t in enumerate(X):
        state, response = one(x_t, state, need_attention=True)
        assert_near(as_tuple(state)[0], output[t], 1e-14)
        near_or_none(response, None if gate is None else attention[t])
    near((output[-1], state), (output[-1], tuple(s[0] for s in as_tuple(last))))
