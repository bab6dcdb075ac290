"""The autograd function of hand-written passes: double backward, batched gradients, saved tensors, checkpoints."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from attentive_rnn.ops.recurrence import Spec, recurrence
from helpers import (
    ALL_CELLS,
    random_call,
    relative_error,
)


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_double_backward_is_that_of_the_reference(cell):
    def penalty(backend: str) -> list[Tensor]:
        call = random_call(Spec(cell), 4, 3, 5, 6)
        leaves = list(call.leaves().values())
        run = recurrence(*call[:4], backend=backend)
        first = torch.autograd.grad(run.output.square().sum() + run.state[-1].sum(), leaves, create_graph=True)
        return list(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))

    for ours, theirs in zip(penalty("cpu"), penalty("reference"), strict=True):
        assert relative_error(ours, theirs) < 1e-10


def test_backward_twice_needs_retain_graph_and_gives_the_same():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    leaves = list(call.leaves().values())
    loss = recurrence(*call[:4], backend="cpu").output.square().sum()
    first = torch.autograd.grad(loss, leaves, retain_graph=True)
    second = torch.autograd.grad(loss, leaves)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, leaves)


def test_a_changed_output_changes_no_gradient():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    leaves = list(call.leaves().values())
    expected = torch.autograd.grad(recurrence(*call[:4], backend="cpu").output.sum(), leaves)
    output = recurrence(*call[:4], backend="cpu").output
    total = output.sum()
    with torch.no_grad():
        output.zero_()
    found = torch.autograd.grad(total, leaves)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_double_backward_refuses_what_changed_unseen():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    total = recurrence(*call[:4], backend="cpu").output.square().sum()
    call.weights.hh.detach().numpy()[:] = 0
    with pytest.raises(RuntimeError, match="changed after the forward pass"):
        torch.autograd.grad(total, call.x, create_graph=True)


def test_saved_tensors_can_be_moved_and_checkpointed():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    leaves = list(call.leaves().values())
    expected = torch.autograd.grad(recurrence(*call[:4], backend="cpu").output.square().sum(), leaves)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        loss = recurrence(*call[:4], backend="cpu").output.square().sum()
    kept = torch.autograd.grad(loss, leaves)
    again = torch.utils.checkpoint.checkpoint(
        lambda x: recurrence(x, *call[1:4], backend="cpu").output.square().sum(), call.x, use_reentrant=False
    )
    recomputed = torch.autograd.grad(again, leaves)
    for tensors in (kept, recomputed):
        assert all(torch.equal(a, b) for a, b in zip(tensors, expected, strict=True))


def test_per_sample_gradients_run_through_the_reference():
    call = random_call(Spec("gru"), 3, 4, 5, 6)

    def loss(hh: Tensor, x: Tensor, h: Tensor) -> Tensor:
        weights = call.weights._replace(hh=hh)
        return recurrence(x.unsqueeze(1), (h.unsqueeze(0),), weights, call.spec).output.square().sum()

    per_sample = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1, 0))(call.weights.hh, call.x, call.state[0])
    total = recurrence(*call[:4], backend="cpu").output.square().sum()
    assert relative_error(per_sample.sum(0), torch.autograd.grad(total, call.weights.hh)[0]) < 1e-11


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_many_gradients_at_once_are_those_taken_one_by_one(cell):
    call = random_call(Spec(cell), 3, 2, 4, 5)
    leaves = list(call.leaves().values())
    output = recurrence(*call[:4], backend="cpu").output
    grads = torch.randn(4, *output.shape, dtype=output.dtype)
    together = torch.autograd.grad(output, leaves, grads, is_grads_batched=True, retain_graph=True)
    for i, grad in enumerate(grads):
        alone = torch.autograd.grad(output, leaves, grad, retain_graph=True)
        assert all(relative_error(t[i], a) < 1e-11 for t, a in zip(together, alone, strict=True))
