"""First and second gradients in float64 against finite differences (torch.autograd.gradcheck), in every call form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from attentive_rnn import RRA
from attentive_rnn.layers.base import RecurrentBase
from attentive_rnn.ops.recurrence import GATE_READS, Spec, Weights, recurrence
from helpers import ALL_CELLS, ALL_GATES, LAYERS, as_tuple, random_call, states_of

every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
every_gate = pytest.mark.parametrize("gate", ALL_GATES)
LENGTHS = torch.tensor([2, 3])


def of_one_vector(function: Callable[..., Any], leaves: list[Tensor]) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """`function` of all leaves as a function of one vector: the checkers take time for every pair of in and out."""

    def flat(vector: Tensor) -> Tensor:
        parts = vector.split([leaf.numel() for leaf in leaves])
        returned = function(*(part.view_as(leaf) for part, leaf in zip(parts, leaves, strict=True)))
        return torch.cat([tensor.flatten() for tensor in returned])

    return flat, torch.cat([leaf.detach().flatten() for leaf in leaves]).requires_grad_()


def layer_function(layer: RecurrentBase, lengths: Tensor | None) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Outputs, states and attention of a layer, of its input, its initial states and all its parameters."""
    names = [name for name, _ in layer.named_parameters()]
    states = as_tuple(states_of(layer, rows=2))
    x = torch.randn(3, 2, layer.input_size, dtype=torch.float64)

    def function(x: Tensor, *rest: Tensor) -> list[Tensor]:
        state, weights = rest[: len(states)], dict(zip(names, rest[len(states) :], strict=True))
        hx = state if len(state) > 1 else state[0]
        options = {"lengths": lengths, "need_attention": True}
        output, last, attention = torch.func.functional_call(layer, weights, (x, hx), options)
        parts = [part for one in attention for part in (one if isinstance(one, tuple) else (one,))]
        return [output, *as_tuple(last), *(part for part in parts if part is not None)]

    return of_one_vector(function, [x, *states, *layer.parameters()])


@every_cell
@pytest.mark.parametrize("reads", GATE_READS)
def test_a_layer_with_a_low_rank_gate(cell, reads):
    layer = LAYERS[cell](3, 2, 2, gate_rank=1, gate_reads=reads, bidirectional=True, dtype=torch.float64)
    function, vector = layer_function(layer, LENGTHS)
    assert gradcheck(function, vector, fast_mode=True)
    assert gradgradcheck(function, vector, fast_mode=True)


@every_cell
@every_gate
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["padded", "lengths"])
def test_a_layer_with_given_states(cell, gate, training, lengths):
    layer = LAYERS[cell](2, 3, gate=gate, gate_scale=1.5, dtype=torch.float64).train(training)
    function, vector = layer_function(layer, lengths)
    assert gradcheck(function, vector)
    assert gradgradcheck(function, vector, fast_mode=True)


@every_cell
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_stacked_layers_in_both_directions_with_lengths(cell, training):
    layer = LAYERS[cell](2, 2, num_layers=2, bidirectional=True, gate=["sigmoid", "softmax"], dtype=torch.float64)
    function, vector = layer_function(layer.train(training), LENGTHS)
    assert gradcheck(function, vector, fast_mode=True)
    assert gradgradcheck(function, vector, fast_mode=True)


@every_cell
def test_without_biases(cell):
    layer = LAYERS[cell](2, 2, bias=False, dtype=torch.float64)
    function, vector = layer_function(layer, None)
    assert gradcheck(function, vector, fast_mode=True)
    assert gradgradcheck(function, vector, fast_mode=True)


@every_cell
@every_gate
@pytest.mark.parametrize("reverse", [False, True])
def test_zoneout_with_a_fixed_mask(cell, gate, reverse):
    """The mask is no parameter, but the share that it keeps changes every gradient."""
    spec = Spec(cell, gate)
    call = random_call(spec, steps=3, rows=2, inputs=2, units=2)
    mask = torch.bernoulli(torch.full((spec.states, 3, 2, 2), 0.5, dtype=torch.float64))
    leaves = call.leaves()

    def function(*tensors: Tensor) -> list[Tensor]:
        named = dict(zip(leaves, tensors, strict=True))
        state = tuple(named[f"state{i}"] for i in range(spec.states))
        weights = Weights(**{name: named.get(name) for name in Weights._fields})
        run = recurrence(named["x"], state, weights, spec, lengths=LENGTHS, zoneout=mask, reverse=reverse)
        return [run.output, *run.state]

    flat, vector = of_one_vector(function, list(leaves.values()))
    assert gradcheck(flat, vector, fast_mode=True)
    assert gradgradcheck(flat, vector, fast_mode=True)


RRAS = {
    "paper": {"lags": 2},
    "softmax, gate": {"lags": 2, "norm": "softmax", "gate": "sigmoid"},
    "content": {"lags": 2, "norm": "content", "first_lag": 2},
    "mean, gru": {"lags": 4, "norm": "mean", "cell": "gru"},
    "rnn": {"lags": 1, "first_lag": 3, "cell": "rnn"},
}


@pytest.mark.parametrize("options", RRAS.values(), ids=RRAS.keys())
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["padded", "lengths"])
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_residual_attention_with_given_states_and_windows(options, lengths, backend):
    layer = RRA(2, 2, bidirectional=True, backend=backend, dtype=torch.float64, **options)
    function, vector = layer_function(layer, lengths)
    assert gradcheck(function, vector, fast_mode=True)
    assert gradgradcheck(function, vector, fast_mode=True)


@every_cell
def test_zoneout_of_a_layer_in_evaluation(cell):
    layer = LAYERS[cell](2, 2, zoneout=0.3, dtype=torch.float64).eval()
    function, vector = layer_function(layer, LENGTHS)
    assert gradcheck(function, vector, fast_mode=True)
    assert gradgradcheck(function, vector, fast_mode=True)
