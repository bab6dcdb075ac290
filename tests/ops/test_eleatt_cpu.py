"""The CPU kernels against the reference in float64, at odd sizes, and as citizens of a process and of autograd."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from attentive_rnn.ops import BackendError, native
from attentive_rnn.ops.eleatt import Spec, Weights, eleatt
from attentive_rnn.ops.eleatt.stream import Stream
from drawn import calls
from helpers import (
    ALL_CELLS,
    ALL_GATES,
    TOLERANCE,
    Call,
    compare,
    in_double,
    poison_pool,
    random_call,
    relative_error,
    results,
)

SPECS = st.builds(Spec, *(st.sampled_from(some) for some in (ALL_CELLS, ALL_GATES, (1.0, 2.0))), st.none())


def test_this_machine_has_the_kernels():
    available, reason = native.machine()
    assert available, reason


@pytest.mark.usefixtures("_poisoned")
@settings(max_examples=250)
@given(call=calls(SPECS))
def test_any_call_gives_what_the_reference_gives(call):
    poison_pool()
    compare(call)


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_every_cell_and_gate_on_every_instruction_set_here(has_isa, cell, gate):
    if has_isa:
        for dtype in TOLERANCE:
            lengths = torch.tensor([9, 1, 4, 9, 2])
            compare(random_call(Spec(cell, gate), 9, 5, 11, 13, dtype=dtype, lengths=lengths, need_attention=True))
            compare(random_call(Spec(cell, gate), 6, 70, 20, 37, dtype=dtype, reverse=True))


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_weights_that_outgrow_the_caches(cell):
    lengths = torch.randint(1, 7, (100,))
    compare(random_call(Spec(cell), 6, 100, 310, 290, dtype=torch.float32, lengths=lengths))


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_what_lies_in_the_padding_is_never_read(cell):
    lengths = torch.tensor([2, 7, 5])
    call = random_call(Spec(cell), 7, 3, 5, 9, dtype=torch.float32, lengths=lengths, need_attention=True)
    clean = results(call, "cpu")
    padding = torch.arange(7).unsqueeze(1) >= lengths
    with torch.no_grad():
        call.x[padding] = torch.nan
    dirty = results(call, "cpu")
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    assert (dirty["output"][padding] == 0).all()
    assert (dirty["inputs"][padding] == 0).all()
    assert (dirty["grad_x"][padding] == 0).all()


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_nan_and_infinity_in_the_input_are_not_hidden(cell):
    call = random_call(Spec(cell), 4, 3, 5, 9, dtype=torch.float32)
    with torch.no_grad():
        call.x[1, 2, 0] = torch.nan
        output = eleatt(*call[:4], backend="cpu").output
    assert output[1:, 2].isnan().all()
    assert output[:, :2].isfinite().all()
    with torch.no_grad():
        call.x.fill_(1e30)
        assert eleatt(*call[:4], backend="cpu").output.isfinite().all() or cell == "rnn_relu"


@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_gradients_agree_with_differences(cell, gate):
    lengths = torch.tensor([3, 2])
    call = random_call(Spec(cell, gate, 1.5), 3, 2, 3, 2, lengths=lengths, need_attention=True)

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        leaves = dict(zip(call.leaves(), tensors, strict=True))
        state = tuple(leaves[f"state{i}"] for i in range(call.spec.states))
        weights = Weights(*(leaves.get(name) for name in Weights._fields))
        result = eleatt(leaves["x"], state, weights, call.spec, **call.options, backend="cpu")
        return (result.output, *result.state) + (() if gate is None else (result.attention,))

    leaves = tuple(call.leaves().values())
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_double_backward_is_that_of_the_reference(cell):
    def penalty(backend: str) -> list[Tensor]:
        call = random_call(Spec(cell), 4, 3, 5, 6)
        leaves = list(call.leaves().values())
        run = eleatt(*call[:4], backend=backend)
        first = torch.autograd.grad(run.output.square().sum() + run.state[-1].sum(), leaves, create_graph=True)
        return list(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))

    for ours, theirs in zip(penalty("cpu"), penalty("reference"), strict=True):
        assert relative_error(ours, theirs) < 1e-10


def test_float32_is_as_accurate_as_torch_itself():
    torch.manual_seed(3)
    gru = torch.nn.GRU(20, 40)
    x, weight = torch.randn(200, 96, 20), torch.randn(200, 96, 40)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

    def ours(dtype: torch.dtype, backend: str) -> dict[str, Tensor]:
        parameters = [getattr(gru, name).detach().to(dtype).requires_grad_() for name in names]
        state = (torch.zeros(96, 40, dtype=dtype),)
        run = eleatt(x.to(dtype), state, Weights(*parameters), Spec("gru_reset_after", None), backend=backend)
        gradients = torch.autograd.grad((run.output * weight.to(dtype)).sum(), parameters)
        return {"output": run.output} | dict(zip(names, gradients, strict=True))

    exact = ours(torch.float64, "reference")
    output, _ = gru(x)
    gradients = torch.autograd.grad((output * weight).sum(), [getattr(gru, name) for name in names])
    torchs = {"output": output} | dict(zip(names, gradients, strict=True))
    for name, out in ours(torch.float32, "cpu").items():
        error, bar = relative_error(out, exact[name]), relative_error(torchs[name], exact[name])
        assert error < 3 * bar, f"{name}: {error:.1e}, torch's own {bar:.1e}"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_floats_are_computed_in_float32_and_returned_as_they_came(dtype):
    call = random_call(Spec("lstm"), 6, 4, 5, 9, dtype=dtype, need_attention=True)
    ours, exact = results(call, "cpu"), results(in_double(call), "reference")
    assert {t.dtype for t in ours.values()} == {dtype}
    for name in ours:
        assert relative_error(ours[name], exact[name]) < 4 * torch.finfo(dtype).eps, name


def test_tensors_need_not_be_contiguous():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    expected = results(call, "cpu")
    for x in (
        call.x.detach().transpose(0, 1).contiguous().transpose(0, 1),
        torch.stack([call.x.detach()] * 2, dim=-1)[..., 1],
    ):
        assert not x.is_contiguous()
        hh = call.weights.hh.detach().T.contiguous().T.requires_grad_()
        ours = results(Call(x.requires_grad_(), call.state, call.weights._replace(hh=hh), call.spec, {}), "cpu")
        assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_gradients_that_come_in_expanded_or_not_at_all():
    call = random_call(Spec("lstm"), 6, 5, 4, 9)
    leaves = list(call.leaves().values())
    for function in (
        lambda run: run.output.sum(),
        lambda run: run.output[-1].mean(),
        lambda run: run.state[1].sum(),
        lambda run: run.output.transpose(0, 1).flatten(1).square().sum(),
    ):
        ours, theirs = (
            torch.autograd.grad(function(eleatt(*call[:4], backend=b)), leaves) for b in ("cpu", "reference")
        )
        for out, ref in zip(ours, theirs, strict=True):
            assert relative_error(out, ref) < 1e-11


@pytest.mark.parametrize("wanted", ["x", "state0", "hh", "b_a", "ia"])
def test_only_the_gradients_asked_for_are_made(wanted):
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    expected = results(call, "reference")[f"grad_{wanted}"]
    for name, leaf in call.leaves().items():
        leaf.requires_grad_(name == wanted)
    generator = torch.Generator().manual_seed(1)
    run = eleatt(*call[:4], backend="cpu")
    weights = [torch.randn(t.shape, generator=generator, dtype=torch.float64) for t in (run.output, *run.state)]
    torch.autograd.backward((run.output, *run.state), weights)
    gradients = {name: leaf.grad for name, leaf in call.leaves().items() if leaf.grad is not None}
    assert gradients.keys() == {wanted}
    assert relative_error(gradients[wanted], expected) < 1e-11


def test_backward_twice_needs_retain_graph_and_gives_the_same():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    leaves = list(call.leaves().values())
    loss = eleatt(*call[:4], backend="cpu").output.square().sum()
    first = torch.autograd.grad(loss, leaves, retain_graph=True)
    second = torch.autograd.grad(loss, leaves)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, leaves)


def test_a_changed_output_is_noticed_before_backward():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    output = eleatt(*call[:4], backend="cpu").output
    with torch.no_grad():
        output.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_saved_tensors_can_be_moved_and_checkpointed():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    leaves = list(call.leaves().values())
    expected = torch.autograd.grad(eleatt(*call[:4], backend="cpu").output.square().sum(), leaves)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        loss = eleatt(*call[:4], backend="cpu").output.square().sum()
    kept = torch.autograd.grad(loss, leaves)
    again = torch.utils.checkpoint.checkpoint(
        lambda x: eleatt(x, *call[1:4], backend="cpu").output.square().sum(), call.x, use_reentrant=False
    )
    recomputed = torch.autograd.grad(again, leaves)
    for tensors in (kept, recomputed):
        assert all(torch.equal(a, b) for a, b in zip(tensors, expected, strict=True))


@pytest.mark.parametrize(
    ("cell", "shape"), [("lstm", (20, 130, 24, 40)), ("gru", (3, 20, 310, 290)), ("rnn_tanh", (2, 100, 310, 600))]
)
def test_results_do_not_depend_on_whether_threads_share_the_rows_or_each_product(cell, shape):
    lengths = torch.randint(1, shape[0] + 1, (shape[1],))
    call = random_call(Spec(cell), *shape, dtype=torch.float32, lengths=lengths, need_attention=True)
    alone = results(call, "cpu")
    for threads in (2, 3):
        torch.set_num_threads(threads)
        together = results(call, "cpu")
        assert all(torch.equal(alone[name], together[name]) for name in alone)


def test_several_python_threads_may_call_at_once():
    torch.set_num_threads(2)
    wanted = [random_call(Spec(cell), 30, 64, 24, 40, dtype=torch.float32, seed=i) for i, cell in enumerate(ALL_CELLS)]
    expected = [results(call, "cpu") for call in wanted]
    found: list[dict[str, Tensor]] = [{}] * len(wanted)

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = results(wanted[i], "cpu")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(found, expected, strict=True):
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def last_output(call: Call) -> list[float]:
    """The last step of the first row: read without an operator that may use OpenMP, which does not survive a fork."""
    with torch.no_grad():
        return eleatt(*call[:4], backend="cpu").output[-1, 0].tolist()


def _forward_in_child(call: Call, queue: Any) -> None:
    queue.put(last_output(call))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_can_use_the_kernels_after_its_parent_has():
    torch.set_num_threads(2)
    call = random_call(Spec("gru"), 30, 64, 24, 40, dtype=torch.float32)
    expected = last_output(call)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_forward_in_child, args=(call, queue), daemon=True)
    child.start()
    try:
        assert queue.get(timeout=20) == expected
        child.join(timeout=20)
        assert child.exitcode == 0
    finally:
        child.kill()


def test_the_interpreter_exits_while_the_threads_wait():
    code = (
        "import torch; torch.set_num_threads(2)\n"
        "from attentive_rnn import EleAttGRU\n"
        "layer = EleAttGRU(24, 40, backend='cpu'); layer(torch.randn(50, 96, 24))[0].sum().backward()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_pool_keeps_no_more_than_its_limit():
    native.kernels.pool_limit(1 << 20)
    try:
        buffers = [native.buffer(600_000) for _ in range(4)]
        del buffers
        assert 0 < native.kernels.pool_bytes() <= 1 << 20
        large = native.buffer(3 << 20)
        del large
        assert native.kernels.pool_bytes() <= 1 << 20
    finally:
        native.kernels.pool_limit(1 << 30)


@pytest.mark.parametrize("rows", [1, 3, 20])
@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_steps_of_a_stream_are_the_steps_of_a_pass(cell, gate, rows):
    call = random_call(Spec(cell, gate), 5, rows, 19, 13, dtype=torch.float32)
    stream, state = Stream(call.spec, call.weights, rows), call.state
    expected = eleatt(*in_double(call)[:4], backend="reference")
    for x, output in zip(call.x.detach(), expected.output, strict=True):
        state = stream.step(x, state)
        assert relative_error(state[0], output) < 1e-5
    with pytest.raises(RuntimeError, match=r"expected x and states \(\d+, 19\)"):
        stream.step(call.x[0, :, :4], state)


def test_a_stream_sees_weights_that_change_in_place_and_refuses_those_it_cannot_read():
    call = random_call(Spec("gru"), 1, 2, 3, 4, dtype=torch.float32)
    stream = Stream(call.spec, call.weights, 2)
    before = stream.step(call.x[0], call.state)[0]
    with torch.no_grad():
        call.weights.ih.mul_(2)
    assert not torch.equal(before, stream.step(call.x[0], call.state)[0])
    with pytest.raises(RuntimeError, match="not contiguous"):
        Stream(call.spec, call.weights._replace(hh=torch.zeros(4, 12).T), 2)


class Subclass(Tensor):
    """A tensor that PyTorch's operators would treat in its own way."""


def test_calls_for_pytorchs_own_operators_are_refused_with_the_reason():
    call = random_call(Spec("gru"), 3, 2, 4, 5)

    def refused(reason: str, x: Tensor = call.x, **options: Any) -> Tensor:
        with pytest.raises(BackendError, match=f"'cpu' cannot run this call: .*{reason}"):
            eleatt(x, *call[1:4], **options, backend="cpu")
        return eleatt(x, *call[1:4], **options, backend="auto").output

    refused("gradient for zoneout", zoneout=torch.rand(1, 3, 2, 5, dtype=torch.float64, requires_grad=True))
    refused("Subclass is a subclass", call.x.detach().as_subclass(Subclass))
    with FlopCounterMode(display=False):
        refused("TorchDispatchMode")
    with torch.autograd.forward_ad.dual_level():
        refused("forward-mode")
    torch.func.vmap(lambda x: refused("torch.func", x))(torch.stack([call.x.detach()] * 2))
    with pytest.raises(BackendError, match=r"mixed"):
        eleatt(call.x.float(), *call[1:4], backend="cpu")
    meta = Call(*(random_call(Spec("gru"), 3, 2, 4, 5)))
    with pytest.raises(BackendError, match=r"on meta"):
        eleatt(meta.x.to("meta"), *call[1:4], backend="cpu")


def test_per_sample_gradients_run_through_the_reference():
    call = random_call(Spec("gru"), 3, 4, 5, 6)

    def loss(hh: Tensor, x: Tensor, h: Tensor) -> Tensor:
        weights = call.weights._replace(hh=hh)
        return eleatt(x.unsqueeze(1), (h.unsqueeze(0),), weights, call.spec).output.square().sum()

    per_sample = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1, 0))(call.weights.hh, call.x, call.state[0])
    total = eleatt(*call[:4], backend="cpu").output.square().sum()
    assert relative_error(per_sample.sum(0), torch.autograd.grad(total, call.weights.hh)[0]) < 1e-11


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_many_gradients_at_once_are_those_taken_one_by_one(cell):
    call = random_call(Spec(cell), 3, 2, 4, 5)
    leaves = list(call.leaves().values())
    output = eleatt(*call[:4], backend="cpu").output
    grads = torch.randn(4, *output.shape, dtype=output.dtype)
    together = torch.autograd.grad(output, leaves, grads, is_grads_batched=True, retain_graph=True)
    for i, grad in enumerate(grads):
        alone = torch.autograd.grad(output, leaves, grad, retain_graph=True)
        assert all(relative_error(t[i], a) < 1e-11 for t, a in zip(together, alone, strict=True))
