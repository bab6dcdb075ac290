"""Edits of tensors and modules between forward, step and backward: the right answer, or an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from attentive_rnn import RRA
from attentive_rnn.layers.base import RecurrentBase
from attentive_rnn.ops.lstm2d import Weights, lstm2d
from helpers import ALL_CELLS, LAYERS, as_tuple, relative_error

MAKERS: dict[str, Callable[..., RecurrentBase]] = {cell: LAYERS[cell] for cell in ALL_CELLS} | {"rra": partial(RRA)}
SECRET = ("through NumPy", "through .data", "other data", "other storage")  # what autograd does not notice


def changed(tensor: Tensor, how: str, seed: int) -> None:
    """Give a tensor other values, in one of the ways there are."""
    new = torch.randn(tensor.shape, dtype=tensor.dtype, generator=torch.Generator().manual_seed(seed))
    if how == "in place":
        with torch.no_grad():
            tensor.copy_(new)
    elif how == "through NumPy":
        tensor.detach().numpy()[...] = new.numpy()
    elif how == "through .data":
        tensor.data.mul_(0).add_(new)
    elif how == "other data":
        tensor.data = new
    else:
        tensor.data.set_(new)


HOW = st.sampled_from(("in place", *SECRET))


def load(layer: nn.Module, name: str) -> None:
    layer.load_state_dict({key: torch.randn_like(value) for key, value in layer.state_dict().items()})


def load_in_its_place(layer: nn.Module, name: str) -> None:
    state = {key: torch.randn_like(value) for key, value in layer.state_dict().items()}
    layer.load_state_dict(state, assign=True)


def pruned(layer: nn.Module, name: str) -> None:
    prune.l1_unstructured(layer, name, 0.5)


def parametrised(layer: nn.Module, name: str) -> None:
    parametrizations.weight_norm(layer, name)
    with torch.no_grad():
        next(layer.parametrizations[name].parameters()).mul_(1.5)


def there_and_back(layer: nn.Module, name: str) -> None:
    layer.to(torch.float64).to(torch.float32)
    changed(layer.get_parameter(name), "through .data", 5)


def turned(layer: nn.Module, name: str) -> None:
    weight = layer.get_parameter(name)
    weight.data = weight.data.t().contiguous().view(weight.shape)


def viewed_as_another_shape(layer: nn.Module, name: str) -> None:
    weight = layer.get_parameter(name)
    weight.data = weight.data.view(weight.shape[1], weight.shape[0])


def swapped(layer: nn.Module, name: str) -> None:
    weight = layer.get_parameter(name)
    torch.utils.swap_tensors(weight, nn.Parameter(torch.randn_like(weight)))


EDITS: tuple[Callable[[nn.Module, str], None], ...] = (
    *(load, load_in_its_place, pruned, parametrised, there_and_back, turned, viewed_as_another_shape, swapped),
    *(lambda layer, name, how=how: changed(layer.get_parameter(name), how, 3) for how in ("in place", *SECRET)),
)
WEIGHTS = st.sampled_from(["weight_ih_l0", "weight_hh_l0", "weight_hh_l1"])


def answer(run: Callable[[], Any]) -> Any:
    """What a call returns, or None where it refuses."""
    try:
        return run()
    except (RuntimeError, ValueError, TypeError, KeyError):
        return None


@settings(max_examples=60)
@given(st.sampled_from(list(MAKERS)), st.sampled_from(["x", "state", "lengths", "output", "weight"]), HOW, WEIGHTS)
def test_no_edit_between_forward_and_backward_changes_a_gradient_in_silence(cell, what, how, weight):
    torch.manual_seed(0)
    layer = MAKERS[cell](4, 6, num_layers=2, backend="cpu")
    x = torch.randn(5, 3, 4).requires_grad_()
    state = tuple(torch.randn(shape).requires_grad_() for shape in layer.state_shapes(3))
    lengths = torch.tensor([5, 2, 4])

    def forward() -> Tensor:
        return layer(x, state if len(state) > 1 else state[0], lengths=lengths)[0]

    leaves = [x, *state, *layer.parameters()]
    given = torch.randn(5, 3, 6)
    expected = torch.autograd.grad(forward(), leaves, given)
    output = forward()
    loss = (output * given).sum()
    if what == "lengths":
        lengths.numpy()[:] = [1, 5, 10**7]
    else:
        edited = {"x": x, "state": state[0], "output": output, "weight": layer.get_parameter(weight)}[what]
        changed(edited if edited is not output else output.detach(), how, 3)
    found = answer(lambda: torch.autograd.grad(loss, leaves))
    assert found is not None or how == "in place" or what == "output"
    if found is not None:
        for ours, right in zip(found, expected, strict=True):
            assert torch.equal(ours, right)


@settings(max_examples=60)
@given(st.sampled_from(list(MAKERS)), st.lists(st.tuples(st.sampled_from(EDITS), WEIGHTS), min_size=1, max_size=3))
def test_steps_after_edits_are_those_of_a_pass(cell, edits):
    torch.manual_seed(0)
    layer = MAKERS[cell](4, 6, num_layers=2)
    x = torch.randn(2, 3, 4)
    with torch.no_grad():
        _, state = layer.step(x[0])
        for edit, name in edits:
            if name not in layer._parameters:
                continue  # it was replaced by one that is computed
            edit(layer, name)
            stepped = answer(lambda: layer.step(x[1], state))
            passed = answer(lambda: layer(x[1:], state))
            assert (stepped is None) == (passed is None), edit
            if stepped is None:
                return
            for ours, right in zip(as_tuple(stepped[1]), as_tuple(passed[1]), strict=True):
                assert relative_error(ours, right) < 2e-6, edit


@settings(max_examples=40)
@given(st.sampled_from(["p", "left", "up", "h"]), HOW)
def test_no_edit_of_maps_between_forward_and_backward_changes_a_gradient_in_silence(what, how):
    torch.manual_seed(0)
    shapes = {"p": (2, 3, 4, 2, 20), "left": (2, 20, 5), "up": (2, 20, 5)}
    tensors = {name: torch.randn(shape).requires_grad_() for name, shape in shapes.items()}
    given = torch.randn(2, 3, 4, 2, 5)

    def forward() -> Tensor:
        return lstm2d(tensors["p"], Weights(tensors["left"], tensors["up"]), backend="cpu").h

    expected = torch.autograd.grad(forward(), list(tensors.values()), given)
    h = forward()
    loss = (h * given).sum()
    changed(h.detach() if what == "h" else tensors[what], how, 3)
    found = answer(lambda: torch.autograd.grad(loss, list(tensors.values())))
    assert found is not None or how == "in place"
    if found is not None:
        assert all(torch.equal(ours, right) for ours, right in zip(found, expected, strict=True))
