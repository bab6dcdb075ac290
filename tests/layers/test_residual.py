"""Residual connections between stacked layers, in every way that layers are run."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import RRA, EleAttGRU, EleAttLSTM
from attentive_rnn.streaming.carried import Carried

LAYERS = {"gru": EleAttGRU, "lstm": EleAttLSTM, "rra": RRA}
LENGTHS = torch.tensor([7, 4])


@pytest.fixture(params=LAYERS)
def kind(request):
    torch.manual_seed(0)
    return LAYERS[request.param]


@pytest.fixture
def x():
    return torch.randn(7, 2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def alone(stack, layer):
    """One layer of a stack as a module of its own, on states of its own."""
    width = stack.input_size if layer == 0 else stack.hidden_size * stack.directions
    one = type(stack)(width, stack.hidden_size, bidirectional=stack.bidirectional, dtype=torch.float64)
    found = {name.replace(f"_l{layer}", "_l0"): p for name, p in stack.named_parameters() if f"_l{layer}" in name}
    one.load_state_dict(found)
    return one


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_layer_but_the_first_adds_its_input(kind, x, bidirectional):
    stack = kind(5, 6, num_layers=3, bidirectional=bidirectional, residual=True, dtype=torch.float64)
    expected = alone(stack, 0)(x, lengths=LENGTHS)[0]
    for layer in (1, 2):
        expected = expected + alone(stack, layer)(expected, lengths=LENGTHS)[0]
    output = stack(x, lengths=LENGTHS)[0]
    torch.testing.assert_close(output, expected)
    assert not output[4:, 1].any()


def test_packed_rows_give_what_lengths_give(kind, x):
    stack = kind(5, 6, num_layers=2, residual=True, dtype=torch.float64)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, LENGTHS)
    output, _ = torch.nn.utils.rnn.pad_packed_sequence(stack(packed)[0])
    torch.testing.assert_close(output, stack(x, lengths=LENGTHS)[0])


@torch.no_grad()
def test_steps_and_carried_frames_give_what_one_pass_gives(kind, x):
    stack = kind(5, 6, num_layers=3, residual=True, dtype=torch.float64).eval()
    whole, state = stack(x)[0], None
    for t in range(len(x)):
        output, state = stack.step(x[t], state)
        torch.testing.assert_close(output, whole[t])
    carried = Carried(stack)
    row = carried.begin()
    for t in range(len(x)):
        torch.testing.assert_close(torch.from_numpy(carried.step(row, x[t, :1])[0].copy()), whole[t, 0])


def test_the_gradient_reaches_the_first_layer_past_the_others(kind, x):
    stack = kind(5, 6, num_layers=4, residual=True, dtype=torch.float64)
    with torch.no_grad():
        for layer in (1, 2, 3):
            for name, parameter in stack.named_parameters():
                if f"_l{layer}" in name and "lag" not in name:
                    parameter.zero_()
    below = alone(stack, 0)
    torch.testing.assert_close(stack(x)[0], below(x)[0])
    stack(x)[0].sum().backward()
    below(x)[0].sum().backward()
    torch.testing.assert_close(stack.weight_hh_l0.grad, below.weight_hh_l0.grad)


def test_torch_has_no_such_layer_and_the_option_is_shown():
    layer = EleAttLSTM(5, 6, 2, gate=None, residual=True)
    assert repr(layer) == "EleAttLSTM(5, 6, num_layers=2, gate=None, residual=True)"
    with pytest.raises(ValueError, match="no residual connections"):
        layer.to_torch()
    with pytest.raises(TypeError, match="residual should be of type bool"):
        EleAttLSTM(5, 6, 2, residual=1)
