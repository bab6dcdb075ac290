"""The ConvGRU with three attentions: against the recurrence at each position, and against its equations on maps."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from attentive_rnn import AttentionRNN2d
from attentive_rnn.layers import AttentiveConvGRU
from attentive_rnn.ops.recurrence import Weights, recurrence

T, B, C, N, H, W = 5, 2, 3, 4, 3, 2


def make(*args, **options):
    torch.manual_seed(0)
    return AttentiveConvGRU(C, N, *args, dtype=torch.float64, **options)


def films(steps=T):
    return torch.randn(steps, B, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def matrix(conv):
    return conv.weight.flatten(1)


@pytest.mark.parametrize("lags", [0, 2])
@pytest.mark.parametrize("gate", [True, False])
def test_with_single_positions_it_is_the_recurrence_at_each_of_them(gate, lags):
    layer, x = make(1, gate=gate, lags=lags), films().requires_grad_()
    output, (h, window), (_, attention) = layer(x, need_attention=True)

    rows = x.permute(0, 1, 3, 4, 2).reshape(T, B * H * W, C)
    parts = {"ih": matrix(layer.input), "hh": matrix(layer.hidden), "b_ih": layer.input.bias, "b_hh": layer.hidden.bias}
    if gate:
        parts |= {"ia": matrix(layer.gate_input), "ha": matrix(layer.gate_hidden), "b_a": layer.gate_input.bias}
    weights = Weights(**parts, lag=layer.weight_lag)
    state = tuple(x.new_zeros(B * H * W, *shape) for shape in layer.spec.state_shapes(N))
    run = recurrence(rows, state, weights, layer.spec, need_attention=True)

    assert torch.allclose(output.permute(0, 1, 3, 4, 2).reshape(T, -1, N), run.output)
    assert torch.allclose(h.permute(0, 2, 3, 1).reshape(-1, N), run.state[0])
    if lags:
        assert torch.allclose(window.permute(0, 3, 4, 1, 2).reshape(-1, lags, N), run.state[1])
    if gate:
        assert torch.allclose(attention.permute(0, 1, 3, 4, 2).reshape(T, -1, C), run.attention.inputs)
    assert (attention is not None, window is not None) == (gate, bool(lags))
    inputs = [x, *layer.parameters()]
    ours, theirs = (torch.autograd.grad(made.square().sum(), inputs) for made in (output, run.output))
    assert all(map(torch.allclose, ours, theirs))


def test_convolutions_spatial_mask_and_lags_are_those_of_the_equations():
    layer, x = make(3, spatial=AttentionRNN2d(C, 2, dtype=torch.float64), lags=2), films()
    output, _, (masks, gates) = layer(x, need_attention=True)
    w = layer.weight_lag / layer.weight_lag.sum()
    past = [torch.zeros(B, N, H, W, dtype=torch.float64)] * 2
    for t in range(T):
        y, mask = layer.spatial(x[t])
        assert torch.allclose(mask, masks[t])
        y = y / mask.mean((2, 3), keepdim=True)
        h = past[0]
        inner = F.conv2d(y, layer.gate_input.weight, layer.gate_input.bias, padding=1)
        a = torch.sigmoid(inner + F.conv2d(h, layer.gate_hidden.weight, padding=1))
        assert torch.allclose(a, gates[t])
        of_x = F.conv2d(a * y, layer.input.weight, layer.input.bias, padding=1).split(N, 1)
        of_h = F.conv2d(h, layer.hidden.weight, layer.hidden.bias, padding=1).split(N, 1)
        r, z = (torch.sigmoid(of_x[k] + of_h[k]) for k in range(2))
        candidate = torch.tanh(of_x[2] + r * of_h[2] + w[0] * past[0] + w[1] * past[1])
        past = [z * h + (1 - z) * candidate, past[0]]
        assert torch.allclose(past[0], output[t])


@pytest.mark.parametrize("lags", [0, 3])
def test_a_film_in_two_parts_is_the_film(lags):
    layer, x = make(lags=lags), films()
    whole, (h, _) = layer(x)
    first, state = layer(x[:2])
    second, (again, _) = layer(x[2:], state)
    assert torch.allclose(torch.cat([first, second]), whole)
    assert torch.allclose(again, h)


def test_what_follows_a_films_end_is_not_looked_at():
    layer, x, lengths = make(lags=2), films(), torch.tensor([5, 2])
    x[2:, 1] = torch.nan
    output, (h, window) = layer(x, lengths=lengths)
    alone, (last, past) = layer(x[:2, 1:])
    assert torch.allclose(output[:2, 1:], alone)
    assert not output[2:, 1].any()
    assert torch.allclose(h[1:], last)
    assert torch.allclose(window[1:], past)


def test_gradients_are_those_of_differences():
    layer = AttentiveConvGRU(2, 2, lags=2, dtype=torch.float64)
    x = torch.randn(3, 1, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    names, values = zip(*layer.named_parameters(), strict=True)

    def run(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))[0]

    assert torch.autograd.gradcheck(run, (x, *values))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 4), "in_channels must be greater than zero, got 0"),
        ((3, 4, 2), "kernel_size must be odd"),
        ((3, 4, 3, None, True, -1), "lags must be greater than zero, got -1"),
    ],
)
def test_sizes_that_are_none_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        AttentiveConvGRU(*arguments)


def test_maps_of_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"expected maps of shape \(T, B, 3, H, W\), got \(5, 2, 4, 3, 2\)"):
        make()(torch.zeros(T, B, 4, H, W))
