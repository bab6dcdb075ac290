"""The recurrence in PyTorch's operators with its own backward, against the reference."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from attentive_rnn.ops import BackendError, dispatch
from attentive_rnn.ops.recurrence import Lags, Spec, op, recurrence
from helpers import ALL_CELLS, ALL_GATES, Call, assert_all_near, random_call, relative_error, results


def compare(call: Call) -> None:
    assert_all_near(results(call, "hoisted"), results(call, "reference"), 1e-11)


@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_any_call_gives_what_the_reference_gives(cell, gate):
    for lengths, reverse, zoneout, bias in product((False, True), repeat=4):
        spec = Spec(cell, gate, 1.5)
        options: dict[str, Any] = {"reverse": reverse, "need_attention": True, "bias": bias}
        if lengths:
            options["lengths"] = torch.tensor([3, 1, 5, 2])
        if zoneout:
            options["zoneout"] = torch.rand(spec.states, 5, 4, 6, dtype=torch.float64)
        compare(random_call(spec, 5, 4, 3, 6, **options))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_a_gate_that_reads_the_state_alone(cell, bias):
    for gate in ("sigmoid", "softmax", "hard"):
        spec = Spec(cell, gate, 1.5, gate_reads="state")
        compare(random_call(spec, 5, 4, 3, 6, bias=bias, need_attention=True, lengths=torch.tensor([3, 1, 5, 2])))


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_what_lies_in_the_padding_is_never_read(cell):
    lengths = torch.tensor([2, 5, 4])
    call = random_call(Spec(cell), 5, 3, 4, 6, lengths=lengths, need_attention=True)
    clean = results(call, "hoisted")
    padding = torch.arange(5).unsqueeze(1) >= lengths
    with torch.no_grad():
        call.x[padding] = torch.nan
    dirty = results(call, "hoisted")
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    assert (dirty["grad_x"][padding] == 0).all()


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_double_backward_is_that_of_the_reference(cell):
    def penalty(backend: str) -> list[torch.Tensor]:
        call = random_call(Spec(cell), 4, 3, 5, 6)
        leaves = list(call.leaves().values())
        run = op.recurrence(*call[:4], backend=backend)
        first = torch.autograd.grad(run.output.square().sum(), leaves, create_graph=True)
        return list(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))

    for ours, theirs in zip(penalty("hoisted"), penalty("reference"), strict=True):
        assert relative_error(ours, theirs) < 1e-11


def test_transforms_and_zoneout_with_a_gradient_are_refused():
    call = random_call(Spec("gru"), 3, 2, 4, 5)
    rates = torch.rand(1, 3, 2, 5, dtype=torch.float64, requires_grad=True)
    with pytest.raises(dispatch.BackendError, match="gradient for zoneout"):
        op.recurrence(*call[:4], zoneout=rates, backend="hoisted")
    with torch.autograd.forward_ad.dual_level(), pytest.raises(dispatch.BackendError, match="forward-mode"):
        op.recurrence(*call[:4], backend="hoisted")


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_many_gradients_at_once_are_those_taken_one_by_one(cell):
    call = random_call(Spec(cell), 3, 2, 4, 5)
    leaves = list(call.leaves().values())
    output = op.recurrence(*call[:4], backend="hoisted").output
    grads = torch.randn(4, *output.shape, dtype=output.dtype)
    together = torch.autograd.grad(output, leaves, grads, is_grads_batched=True, retain_graph=True)
    for i, grad in enumerate(grads):
        alone = torch.autograd.grad(output, leaves, grad, retain_graph=True)
        assert all(relative_error(t[i], a) < 1e-11 for t, a in zip(together, alone, strict=True))


LAGS = [Lags(1, "mean"), Lags(2, "sum", 2), Lags(3, "softmax"), Lags(6, "sum", 3)]  # of 4 steps


@pytest.mark.parametrize("lags", LAGS, ids=str)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_any_call_with_lags_gives_what_the_reference_gives(cell, lags):
    for gate, ragged, reverse, zoned in product(ALL_GATES, *[(False, True)] * 3):
        spec = Spec(cell, gate, 1.5, lags)
        options: dict[str, Any] = {"reverse": reverse, "need_attention": True, "bias": not zoned}
        if ragged:
            options["lengths"] = torch.tensor([3, 1, 4])
        if zoned:
            options["zoneout"] = torch.rand(spec.cell_states, 4, 3, 5, dtype=torch.float64)
        call = random_call(spec, 4, 3, 3, 5, **options)
        assert_all_near(results(call, "hoisted"), results(call, "reference"), 1e-11)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_second_derivative_is_that_of_the_reference(cell):
    def penalty(backend: str) -> list[torch.Tensor]:
        call = random_call(Spec(cell, lags=Lags(2)), 4, 3, 5, 6)
        leaves = list(call.leaves().values())
        first = torch.autograd.grad(
            recurrence(*call[:4], backend=backend).output.square().sum(), leaves, create_graph=True
        )
        return list(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))

    for ours, theirs in zip(penalty("hoisted"), penalty("reference"), strict=True):
        assert relative_error(ours, theirs) < 1e-11


def test_weights_that_differ_from_step_to_step_are_refused_with_the_reason():
    call = random_call(Spec("lstm", None, lags=Lags(2, "content")), 3, 2, 4, 5)
    with pytest.raises(BackendError, match="the same at all steps, not those of norm='content'"):
        recurrence(*call[:4], backend="hoisted")


def test_the_gradient_of_a_relu_that_is_nan_is_that_of_torchs():
    call = random_call(Spec("rnn_relu", None), 3, 2, 4, 5)
    with torch.no_grad():
        call.x[1, 0, 2] = torch.nan
    out, cpu, expected = (results(call, backend) for backend in ("hoisted", "cpu", "reference"))
    for name in expected:
        for ours in (out[name], cpu[name]):
            torch.testing.assert_close(ours, expected[name], equal_nan=True)
