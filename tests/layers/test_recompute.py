"""Layers that keep the states every few steps alone: the results and gradients of those that keep all."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import RRA, EleAttGRU
from helpers import ALL_CELLS, LAYERS, as_tuple, assert_near, relative_error, states_of

X = torch.linspace(-2, 2, 7 * 4 * 5, dtype=torch.float64).sin().view(7, 4, 5)


def everything(layer, x, lengths):
    """All that a layer returns, and all gradients of it."""
    torch.manual_seed(0)
    x = x.clone().requires_grad_()
    hx = states_of(layer, rows=4)
    output, last, attention = layer(x, hx, lengths=lengths, need_attention=True)
    parts = [part for one in attention for part in (one if isinstance(one, tuple) else (one,))]
    returned = [output, *as_tuple(last), *(part for part in parts if part is not None)]
    loss = sum((i + 1) * part.square().sum() for i, part in enumerate(returned))
    return [*returned, *torch.autograd.grad(loss, [x, *layer.parameters()])]


@pytest.mark.parametrize("lengths", [None, torch.tensor([7, 0, 3, 5])], ids=["whole", "lengths"])
@pytest.mark.parametrize("part", [1, 3, 6])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_results_and_gradients_are_those_of_a_layer_that_keeps_all_steps(cell, part, lengths):
    layer = LAYERS[cell](5, 6, 2, bidirectional=True, zoneout=0.2, gate_rank=2, dtype=torch.float64)
    expected = everything(layer, X, lengths)
    layer.recompute = part
    for one, other in zip(everything(layer, X, lengths), expected, strict=True):
        assert_near(one, other, 1e-12)


@pytest.mark.parametrize("norm", ["sum", "content"])
def test_the_window_of_lags_goes_from_part_to_part(norm):
    layer = RRA(5, 6, lags=3, norm=norm, first_lag=2, gate="sigmoid", dtype=torch.float64)
    expected = everything(layer, X, None)
    layer.recompute = 2
    for one, other in zip(everything(layer, X, None), expected, strict=True):
        assert_near(one, other, 1e-12)


def test_fewer_numbers_are_kept():
    kept = []
    for recompute in (None, 50):
        layer, blocks = EleAttGRU(5, 6, recompute=recompute), {}

        def keep(tensor, blocks=blocks):
            storage = tensor.untyped_storage()
            blocks[storage.data_ptr()] = storage  # held, so that no other gets its place
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            layer(torch.randn(1000, 2, 5))
        kept.append(sum(storage.nbytes() for storage in blocks.values()))
    assert kept[1] < kept[0] / 5


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_parts_may_be_kept_in_bfloat16(cell):
    layer = LAYERS[cell](5, 6, 2, keep="bf16", recompute=3)
    x = X.float().requires_grad_()
    layer(x)[0].square().sum().backward()
    found = [x.grad, *(p.grad for p in layer.parameters())]
    layer.zero_grad()
    layer.keep = layer.recompute = x.grad = None
    layer(x)[0].square().sum().backward()
    for one, other in zip(found, [x.grad, *(p.grad for p in layer.parameters())], strict=True):
        assert 0 < relative_error(one, other) < 2**-6


def test_a_second_derivative_is_the_same():
    found = []
    for recompute in (None, 3):
        torch.manual_seed(0)
        layer = EleAttGRU(5, 6, recompute=recompute, dtype=torch.float64)
        x = X.clone().requires_grad_()
        (slope,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), list(layer.parameters())))
    for one, other in zip(*found, strict=True):
        assert_near(one, other, 1e-11)


def test_without_gradients_and_under_transforms_it_is_one_run():
    layer = EleAttGRU(5, 6, recompute=2, dtype=torch.float64)
    with torch.no_grad():
        alone = layer(X)[0]
    assert_near(layer(X)[0], alone, 1e-13)
    together = torch.func.vmap(lambda row: layer(row[:, None])[0][:, 0], in_dims=1, out_dims=1)(X)
    assert_near(together, alone, 1e-12)
