"""The low-rank gate: what a full gate with the product of its weights gives; and the same on every backend."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from attentive_rnn.ops import BackendError
from attentive_rnn.ops.recurrence import GATE_READS, Lags, Spec, Weights, recurrence
from attentive_rnn.ops.recurrence.stream import Stream
from helpers import (
    ALL_CELLS,
    ALL_GATES,
    TOLERANCE,
    assert_all_near,
    assert_near,
    compare,
    in_double,
    poison_pool,
    random_call,
    results,
)

BACKENDS = ("reference", "hoisted", "cpu")
GATES = tuple(gate for gate in ALL_GATES if gate is not None)
every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
every_gate = pytest.mark.parametrize("gate", GATES)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reads", GATE_READS)
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_full_gate_whose_weights_are_the_products(backend, reads, bias):
    low = random_call(Spec("gru", "sigmoid", 1.5, None, reads, 2), 6, 3, 5, 4, bias=bias, need_attention=True)
    w = low.weights
    ia = None if w.ia is None else w.ua @ w.ia
    full = low._replace(spec=low.spec._replace(gate_rank=None), weights=w._replace(ia=ia, ha=w.ua @ w.ha, ua=None))
    ours = recurrence(*low[:4], need_attention=True, backend=backend)
    theirs = recurrence(*full[:4], need_attention=True, backend="reference")
    assert_near(ours.output, theirs.output, 1e-13)
    assert_near(ours.attention.inputs, theirs.attention.inputs, 1e-13)


@every_gate
@every_cell
def test_the_hoisted_form_gives_what_the_reference_gives(cell, gate):
    for reads, ragged, reverse, zoned in product(GATE_READS, *[(False, True)] * 3):
        spec = Spec(cell, gate, 1.5, None, reads, 3)
        options: dict[str, Any] = {"reverse": reverse, "need_attention": True, "bias": not zoned}
        if ragged:
            options["lengths"] = torch.tensor([3, 0, 5, 2])
        if zoned:
            options["zoneout"] = torch.rand(spec.cell_states, 5, 4, 6, dtype=torch.float64)
        call = random_call(spec, 5, 4, 7, 6, **options)
        assert_all_near(results(call, "hoisted"), results(call, "reference"), 1e-11)


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("reads", GATE_READS)
@every_gate
@every_cell
def test_the_kernels_give_what_the_reference_gives_on_every_instruction_set_here(has_isa, cell, gate, reads):
    if not has_isa:
        return
    for dtype, rank in product(TOLERANCE, (1, 5, 16)):
        poison_pool()
        spec = Spec(cell, gate, 1.5, None, reads, rank)
        lengths = torch.tensor([5, 1, 0] * 3)
        compare(random_call(spec, 5, 9, 19, 13, dtype=dtype, lengths=lengths, need_attention=True))
        compare(random_call(spec, 2, 33, 37, 6, dtype=dtype, reverse=True, bias=False))


@every_cell
def test_it_goes_with_lags(cell):
    call = random_call(Spec(cell, "sigmoid", 1.0, Lags(3, "sum", 2), "both", 2), 6, 5, 7, 6, need_attention=True)
    compare(call)
    assert_all_near(results(call, "hoisted"), results(call, "reference"), 1e-11)


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("threads", [1, 2])
def test_weights_that_outgrow_the_caches(threads):
    torch.set_num_threads(threads)
    lengths = torch.randint(1, 7, (100,))
    compare(random_call(Spec("gru", gate_rank=70), 6, 100, 310, 290, dtype=torch.float32, lengths=lengths))


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_lies_in_the_padding_is_never_read(backend):
    lengths = torch.tensor([2, 7, 5])
    call = random_call(Spec("lstm", gate_rank=2), 7, 3, 5, 9, dtype=torch.float32, lengths=lengths, need_attention=True)
    clean = results(call, backend)
    with torch.no_grad():
        call.x[torch.arange(7).unsqueeze(1) >= lengths] = torch.nan
    dirty = results(call, backend)
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)


@pytest.mark.parametrize("backend", BACKENDS)
@every_gate
def test_first_and_second_derivatives_agree_with_differences(backend, gate):
    call = random_call(Spec("gru", gate, 1.5, gate_rank=2), 3, 2, 3, 2, need_attention=True)

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        leaves = dict(zip(call.leaves(), tensors, strict=True))
        weights = Weights(*(leaves.get(name) for name in Weights._fields))
        result = recurrence(leaves["x"], (leaves["state0"],), weights, call.spec, need_attention=True, backend=backend)
        return result.output, *result.state, result.attention.inputs

    leaves = tuple(call.leaves().values())
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)


@pytest.mark.parametrize("reads", GATE_READS)
def test_steps_of_a_stream_are_the_steps_of_a_pass(reads):
    call = random_call(Spec("gru", "sigmoid", 1.0, None, reads, 3), 5, 2, 19, 13, dtype=torch.float32)
    stream, state = Stream(call.spec, call.weights, 2), call.state
    expected = recurrence(*in_double(call)[:4], backend="reference")
    for x, output in zip(call.x.detach(), expected.output, strict=True):
        state = stream.step(x, state)
        assert_near(state[0], output, 1e-5)


def test_the_triton_kernels_say_that_they_have_none():
    call = random_call(Spec("gru", gate_rank=2), dtype=torch.float32)
    with pytest.raises(BackendError, match="its kernels have no low-rank gate"):
        recurrence(*call[:4], backend="triton")
