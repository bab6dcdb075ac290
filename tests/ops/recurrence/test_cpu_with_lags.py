"""The CPU kernels with lags against the reference in float64, at odd sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attentive_rnn.ops.recurrence import Lags, Spec, Weights, recurrence
from drawn import calls
from helpers import ALL_CELLS, ALL_GATES, TOLERANCE, assert_near, compare, poison_pool, random_call, results

CELLS = ("lstm", "gru", "rnn_tanh")


def lags_of(number: int, norm: str, first: int) -> Lags:
    """One lag's share is one whatever its weight is, and a gradient of zero has no relative error."""
    return Lags(number, norm if number > 1 else "mean", first)


SPECS = st.builds(
    Spec,
    *(st.sampled_from(some) for some in (ALL_CELLS, ALL_GATES, (1.0, 2.0))),
    st.builds(lags_of, *(st.sampled_from(some) for some in ((1, 2, 5, 10, 20), ("sum", "softmax", "mean"), (1, 2, 3)))),
    st.sampled_from(("both", "state")),
    st.sampled_from((None, 1, 3)),
).map(lambda spec: spec if spec.gate else spec._replace(gate_reads="both", gate_rank=None))


@pytest.mark.usefixtures("_poisoned")
@settings(max_examples=200)
@given(call=calls(SPECS))
def test_any_call_gives_what_the_reference_gives(call):
    poison_pool()
    compare(call)


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("number", [1, 2, 5, 10, 20])
@pytest.mark.parametrize("steps", [1, 3, 33])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_fewer_and_more_lags_than_steps(number, steps, dtype):
    for first in (1, 2):
        lengths = torch.arange(1, steps + 1)[:17]
        spec = Spec("lstm", None, lags=lags_of(number, "sum", first))
        compare(random_call(spec, steps, len(lengths), 3, 17, dtype=dtype, lengths=lengths))


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_every_cell_on_every_instruction_set_here(has_isa, cell):
    if has_isa:
        spec = Spec(cell, "sigmoid", lags=Lags(5, "softmax", 2))
        lengths = torch.tensor([9, 1, 4, 9, 2])
        for dtype in TOLERANCE:
            compare(random_call(spec, 9, 5, 11, 13, dtype=dtype, lengths=lengths, need_attention=True))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("gate", ["sigmoid", None])
def test_gradients_agree_with_differences(cell, gate):
    spec = Spec(cell, gate, lags=Lags(2, "sum", 2))
    call = random_call(spec, 4, 2, 2, 2, lengths=torch.tensor([4, 2]), need_attention=True)

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        leaves = dict(zip(call.leaves(), tensors, strict=True))
        state = tuple(leaves[f"state{i}"] for i in range(spec.states))
        weights = Weights(*(leaves.get(name) for name in Weights._fields))
        result = recurrence(leaves["x"], state, weights, spec, **call.options, backend="cpu")
        return (result.output, *result.state, *(a for a in result.attention if a is not None))

    leaves = tuple(call.leaves().values())
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)


def test_the_padding_is_never_read():
    lengths = torch.tensor([2, 7, 5])
    spec = Spec("lstm", "sigmoid", lags=Lags(3))
    call = random_call(spec, 7, 3, 5, 9, dtype=torch.float32, lengths=lengths, need_attention=True)
    clean = results(call, "cpu")
    padding = torch.arange(7).unsqueeze(1) >= lengths
    with torch.no_grad():
        call.x[padding] = torch.nan
    dirty = results(call, "cpu")
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    assert all((dirty[name][padding] == 0).all() for name in ("output", "lags", "inputs", "grad_x"))


@pytest.mark.parametrize("shape", [(20, 130, 24, 40), (2, 100, 310, 600)])
def test_results_do_not_depend_on_the_number_of_threads(shape):
    lengths = torch.randint(1, shape[0] + 1, (shape[1],))
    spec = Spec("lstm", "sigmoid", lags=Lags(5))
    call = random_call(spec, *shape, dtype=torch.float32, lengths=lengths)
    alone = results(call, "cpu")
    for threads in (2, 3):
        torch.set_num_threads(threads)
        together = results(call, "cpu")
        assert all(torch.equal(alone[name], together[name]) for name in alone)


@pytest.mark.parametrize("wanted", [("x",), ("state2",), ("lag",), ("hh", "state1")])
def test_only_the_gradients_asked_for_are_made_and_they_are_the_same(wanted):
    call = random_call(Spec("lstm", None, lags=Lags(3)), 6, 4, 5, 9)
    every = results(call, "cpu")
    leaves = call.leaves()
    for name, tensor in leaves.items():
        tensor.requires_grad_(name in wanted)
    run = recurrence(*call[:4], backend="cpu")
    generator = torch.Generator().manual_seed(1)
    loss = sum(
        (out * torch.randn(out.shape, generator=generator, dtype=torch.float64)).sum()
        for out in (run.output, *run.state)
    )
    for name, gradient in zip(wanted, torch.autograd.grad(loss, [leaves[name] for name in wanted]), strict=True):
        assert torch.equal(gradient, every[f"grad_{name}"])


@pytest.mark.parametrize("cut", [1, 4, 6])
def test_segments_with_the_carried_state_are_one_pass(cut):
    call = random_call(Spec("lstm", None, lags=Lags(5, "sum", 2)), 7, 3, 4, 9)
    whole = recurrence(*call[:4], backend="cpu")
    first = recurrence(call.x[:cut], *call[1:4], backend="cpu")
    second = recurrence(call.x[cut:], first.state, *call[2:4], backend="cpu")
    assert_near(torch.cat([first.output, second.output]), whole.output, 1e-14)
    for mine, expected in zip(second.state, whole.state, strict=True):
        assert_near(mine, expected, 1e-14)
    leaves = list(call.leaves().values())
    pieces = (first.output.square().sum() + second.output.square().sum()) + second.state[2].sum()
    for mine, expected in zip(
        torch.autograd.grad(pieces, leaves),
        torch.autograd.grad(whole.output.square().sum() + whole.state[2].sum(), leaves),
        strict=True,
    ):
        assert_near(mine, expected, 1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_computed_in_float32(dtype):
    call = random_call(Spec("lstm", None, lags=Lags(3)), 6, 4, 5, 9, dtype=dtype)
    run = recurrence(*call[:4], backend="cpu")
    exact = recurrence(
        call.x.float(), tuple(s.float() for s in call.state), Weights(*map(_float, call.weights)), call.spec
    )
    assert run.output.dtype is dtype
    assert (run.output.float() - exact.output).abs().max() < 0.02


def _float(tensor: Tensor | None) -> Any:
    return None if tensor is None else tensor.float()
