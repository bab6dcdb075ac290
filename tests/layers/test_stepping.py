"""Steps without gradients: prepared once, yet always of the module as it is now."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from attentive_rnn import RRA, EleAttGRU, EleAttLSTM, RRACell
from attentive_rnn.layers import stepping
from attentive_rnn.layers.stepping import Steps
from helpers import ALL_CELLS, CELL_MODULES, LAYERS, as_tuple, assert_near
from stepped import X, same, walk

every_cell = pytest.mark.parametrize("cell", ALL_CELLS)


@pytest.fixture
def prepared(monkeypatch):
    """The number of steps that ran prepared and of those that did not."""
    counts = {True: 0, False: 0}
    advance = Steps.advance

    def counted(*call: Any) -> Any:
        found = advance(*call)
        counts[found is not None] += 1
        return found

    monkeypatch.setattr(Steps, "advance", counted)
    return counts


@every_cell
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("batched", [True, False])
def test_prepared_steps_are_one_pass(cell, dtype, batched, prepared):
    layer = LAYERS[cell](4, 6, 3, gate=["hard", "softmax", None], dtype=dtype)
    frames = X.to(dtype) if batched else X[:, 0].to(dtype)
    same(layer, frames, 1e-6 if dtype is torch.float32 else 1e-13)
    assert prepared == {True: 5, False: 0}
    assert layer.last_backend.backend == "cpu"


@every_cell
def test_prepared_steps_of_low_rank_gates_are_one_pass(cell, prepared):
    same(LAYERS[cell](4, 6, 2, gate_rank=2), X)
    assert prepared == {True: 5, False: 0}


@every_cell
@pytest.mark.parametrize("rows", [slice(None), 0], ids=["batched", "unbatched"])
def test_prepared_cells_are_the_steps_of_a_layer(cell, rows, prepared):
    module, layer = CELL_MODULES[cell](4, 6), LAYERS[cell](4, 6)
    layer.load_state_dict({f"{name}_l0": p for name, p in module.state_dict().items()})
    with torch.no_grad():
        state = module(X[0, rows])
        for frame in X[1:, rows]:
            state = module(frame, state)
        assert prepared == {True: 5, False: 0}
        last = layer(X[:, rows])[1]
    for ours, theirs in zip(as_tuple(state), as_tuple(last), strict=True):
        assert_near(ours, theirs.squeeze(0), 1e-6)
    assert module.last_backend.backend == "cpu"


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_steps_see_an_optimisers_step(context, prepared):
    layer = EleAttGRU(4, 6, 2)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.5)
    walk(layer, X)
    layer(X)[0].square().sum().backward()
    optimiser.step()
    with context():
        same(layer, X)
    assert prepared[False] == 0


RRA_FORMS: dict[str, dict[str, Any]] = {
    "paper": {},
    "late and softmax": {"lags": 3, "first_lag": 2, "norm": "softmax"},
    "mean": {"norm": "mean", "bias": False},
    "gated gru": {"cell": "gru", "gate": "sigmoid", "norm": "softmax"},
    "rnn": {"cell": "rnn", "first_lag": 3},
    "more lags than steps": {"lags": 20},
}


@pytest.mark.parametrize("form", RRA_FORMS.values(), ids=RRA_FORMS.keys())
@pytest.mark.parametrize("batched", [True, False])
def test_prepared_steps_with_lags_are_one_pass_of_the_reference(form, batched, prepared):
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-13)):
        layer = RRA(4, 6, num_layers=2, dtype=dtype, **form)
        frames = X.to(dtype) if batched else X[:, 0].to(dtype)
        output, last = walk(layer, frames)
        assert layer.last_backend.backend == "cpu"
        layer.backend = "reference"
        with torch.no_grad():
            expected, expected_last = layer(frames)
        assert_near(output, expected, tolerance)
        for ours, theirs in zip(as_tuple(last), as_tuple(expected_last), strict=True):
            assert_near(ours, theirs, tolerance)
    assert prepared == {True: 10, False: 0}


def test_prepared_cells_with_lags_are_the_steps_of_a_layer(prepared):
    cell, layer = RRACell(4, 6, 3), RRA(4, 6, 3)
    layer.load_state_dict({f"{name}_l0": p for name, p in cell.state_dict().items()})
    with torch.no_grad():
        state = cell(X[0])
        for frame in X[1:]:
            state = cell(frame, state)
        assert prepared == {True: 5, False: 0}
        for ours, theirs in zip(state, layer(X)[1], strict=True):
            assert_near(ours, theirs.squeeze(0), 1e-6)


def test_steps_see_weights_of_lags_that_change_in_their_place(prepared):
    layer = RRA(4, 6, 3, num_layers=2)
    before, _ = walk(layer, X)
    with torch.no_grad():
        layer.weight_lag_l1.copy_(torch.tensor([3.0, 1.0, -2.0]))
    same(layer, X)
    assert prepared[False] == 0
    assert not torch.equal(walk(layer, X)[0], before)
    layer.weight_lag_l1.data.copy_(torch.tensor([1.0, 1.0, -2.0]))
    with pytest.raises(ValueError, match="almost zero"):
        walk(layer, X)


def test_without_torchs_own_guard_every_step_takes_the_general_path(prepared, monkeypatch):
    monkeypatch.setattr(stepping, "TensorGuards", None)
    same(EleAttGRU(4, 6, 2), X)
    assert prepared == {True: 0, False: 5}


def test_lags_whose_weights_differ_from_step_to_step_take_the_general_path(prepared):
    same(RRA(4, 6, 3, norm="content"), X)
    assert prepared[True] == 0


def test_steps_see_an_option_that_is_set_later():
    layer = EleAttGRU(6, 6, 2)
    x = X.repeat(1, 1, 2)[..., :6]
    walk(layer, x)
    layer.residual = True
    same(layer, x)


def test_steps_see_the_weights_of_a_functional_call():
    class Stepping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = EleAttGRU(4, 6)

        def forward(self, x: Tensor) -> Tensor:
            return walk(self.layer, x)[0]

    model, other = Stepping(), Stepping()
    model(X)
    assert torch.equal(functional_call(model, dict(other.named_parameters()), (X,)), other(X))


def test_steps_follow_the_layers_dtype_and_the_number_of_rows():
    layer = EleAttLSTM(4, 6, 2)
    same(layer, X)
    same(layer.double(), X.double(), 1e-13)
    same(layer.to(torch.bfloat16), X.bfloat16(), 2e-2)
    same(layer.float(), X[:, :1])
    same(layer, X)


@every_cell
def test_copies_and_pickles_of_a_layer_that_has_stepped_have_steps_of_their_own(cell):
    for module, call in ((LAYERS[cell](4, 6, 2), "step"), (CELL_MODULES[cell](4, 6), "forward")):
        with torch.no_grad():
            step = getattr(module, call)
            state = step(X[0])[1] if call == "step" else step(X[0])
            expected = step(X[1], state)
            keys = list(module.state_dict())
            again = [copy.deepcopy(module), pickle.loads(pickle.dumps(module))]
            for parameter in module.parameters():
                parameter.zero_()
            for other in again:
                assert other._steps._prepared is None
                found = getattr(other, call)(X[1], state)
                assert torch.equal(as_tuple(found)[0], as_tuple(expected)[0])
                assert list(other.state_dict()) == keys


def test_no_step_shares_memory_with_another():
    layer = EleAttLSTM(4, 6, 2)
    with torch.no_grad():
        _, state = layer.step(X[0])
        first, once = layer.step(X[1], state)
        kept = [t.clone() for t in (first, *once, *state)]
        second, twice = layer.step(X[2], once)
        second.zero_()
        for s in twice:
            s.zero_()
        assert all(torch.equal(t, k) for t, k in zip((first, *once, *state), kept, strict=True))
        first.zero_()
        assert torch.equal(once[0], kept[1])


@pytest.mark.parametrize(
    "options", [{"zoneout": 0.3}, {"dropout": 0.5}, {"locked_dropout": 0.5}, {"backend": "hoisted"}]
)
def test_regularisers_and_other_backends_take_the_general_path(options, prepared):
    layer = EleAttGRU(4, 6, 2, **options)
    walk(layer, X)
    assert prepared[True] == 0
    layer.eval()
    same(layer, X)


def test_gradients_autocast_and_attention_take_the_general_path(prepared):
    layer = EleAttGRU(4, 6, 2)
    _, state = layer.step(X[0])
    assert layer.step(X[1], state)[0].requires_grad
    with torch.no_grad():
        _, _, attention = layer.step(X[1], state, need_attention=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert layer.step(X[1], state)[0].dtype is torch.bfloat16
    assert attention[0].shape == (3, 4)
    assert prepared[True] == 0


class Passing(TorchDispatchMode):
    """A mode that lets every operator pass."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ["autocast", "dispatch mode", "vmap", "jit.trace", "forward mode", "compile"])
def test_modes_switched_on_after_prepared_steps_take_the_general_path(kind, prepared):
    layer = EleAttGRU(4, 6).requires_grad_(False)  # of others jit.trace makes no constants
    _, state = walk(layer, X)
    assert prepared == {True: 5, False: 0}
    step = torch.no_grad()(lambda x: layer.step(x, state)[0])
    expected, tolerance = step(X[0]), 1e-6
    prepared[True] = 0
    if kind == "autocast":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found, tolerance = step(X[0]).float(), 2e-2
    elif kind == "dispatch mode":
        with Passing():
            found = step(X[0])
    elif kind == "vmap":
        found = torch.func.vmap(step)(X[:1])[0]
    elif kind == "jit.trace":
        with pytest.warns():
            found = torch.jit.trace(step, (X[0],), check_trace=False)(X[0])
    elif kind == "forward mode":
        with forward_ad.dual_level():
            found = step(X[0])
    else:
        found = torch.compile(step, backend="eager")(X[0])
    assert prepared[True] == 0
    assert_near(found, expected, tolerance)
    assert torch.equal(step(X[0]), expected)
    assert prepared[True] == 1


def test_steps_follow_changes_within_inference_mode(prepared):
    layer = EleAttGRU(4, 6)
    _, state = walk(layer, X)
    with torch.inference_mode():
        first = layer.step(X[0], state)[0].clone()
        layer.weight_hh_l0.numpy()[:] *= 2
        second = layer.step(X[0], state)[0].clone()
    with torch.no_grad():
        assert torch.equal(layer.step(X[0], state)[0], second)
    assert not torch.equal(first, second)
    assert prepared[False] == 0


def test_inputs_and_states_need_not_be_contiguous(prepared):
    layer = EleAttGRU(4, 6, 2)
    with torch.no_grad():
        _, state = layer.step(X[0])
        expected, _ = layer.step(X[1], state)
        columns = torch.stack([state] * 2, dim=-1)[..., 1]
        assert torch.equal(layer.step(X[1].t().contiguous().t(), columns)[0], expected)
    assert prepared == {True: 2, False: 0}


@pytest.mark.parametrize("stepped", [False, True], ids=["at once", "after good steps"])
def test_bad_steps_are_refused_as_ever(stepped):
    layer = EleAttLSTM(4, 6, 2)
    state = (torch.zeros(2, 3, 6), torch.zeros(2, 3, 6))
    if stepped:
        walk(layer, X)
    with torch.no_grad():
        for x, hx, message in (
            (X[0, :, :3], state, "Expected 4, got 3"),
            (X[0].double(), state, "does not match weight dtype"),
            (X[0], state[0], "pair of tensors"),
            (X[0], (state[0], state[1][:1]), "Expected hidden"),
            (X[0, 0], state, "unbatched 2-D"),
        ):
            with pytest.raises((RuntimeError, ValueError), match=message):
                layer.step(x, hx)


def test_a_layer_that_has_stepped_can_be_freed():
    layer = EleAttGRU(4, 6)
    walk(layer, X)
    gone = weakref.ref(layer)
    del layer
    gc.collect()
    assert gone() is None
