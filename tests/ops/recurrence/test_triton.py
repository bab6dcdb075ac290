"""The Triton kernels against the reference in float64: compiled where there is a GPU, else interpreted."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.ops import BackendError
from attentive_rnn.ops.recurrence import Spec, recurrence
from helpers import ALL_CELLS, random_call, relative_error, results
from on_gpu import compare, on_device, padding_is_not_read

pytestmark = pytest.mark.usefixtures("triton_runs")
CASES = {
    "one of each size": ("gru", "sigmoid", (1, 1, 1, 1), {}),
    "more rows than a tile, lengths": ("gru", "sigmoid", (3, 19, 5, 17), {"lengths": torch.arange(19) % 4}),
    "reverse, lengths": ("gru", "sigmoid", (4, 3, 20, 6), {"reverse": True, "lengths": torch.tensor([4, 0, 2])}),
    "reverse, two states": ("lstm", "sigmoid", (3, 3, 3, 6), {"reverse": True, "lengths": torch.tensor([0, 0, 0])}),
    "softmax": ("lstm", "softmax", (3, 2, 5, 4), {}),
    "softmax, no bias": ("gru_reset_after", "softmax", (3, 2, 5, 4), {"bias": False}),
    "hard": ("lstm", "hard", (3, 2, 5, 4), {"lengths": torch.tensor([2, 3])}),
    "no gate": ("gru", None, (3, 2, 50, 4), {"reverse": True}),
    "no gate, two biases": ("gru_reset_after", None, (3, 2, 3, 4), {}),
    "no gate, tanh": ("rnn_tanh", None, (3, 2, 3, 4), {"lengths": torch.tensor([2, 3])}),
    "relu": ("rnn_relu", "sigmoid", (3, 2, 3, 4), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_call_gives_what_the_reference_gives(name):
    cell, gate, sizes, options = CASES[name]
    compare(random_call(Spec(cell, gate, 1.5), *sizes, dtype=torch.float32, need_attention=True, **options))


@pytest.mark.parametrize("bias", [True, False])
def test_a_gate_that_reads_the_state_alone(bias):
    spec = Spec("gru", "hard", 1.5, gate_reads="state")
    compare(random_call(spec, 3, 19, 5, 4, dtype=torch.float32, bias=bias, need_attention=True))


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_zoneout_keeps_the_share_it_is_told(cell):
    spec = Spec(cell)
    rates = torch.rand(spec.states, 3, 2, 5)
    compare(random_call(spec, 3, 2, 3, 5, dtype=torch.float32, zoneout=rates, lengths=torch.tensor([2, 3])))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_its_state_in_float32(dtype):
    compare(random_call(Spec("gru"), 4, 3, 5, 6, dtype=dtype))


def test_what_lies_in_the_padding_is_never_read():
    padding_is_not_read(Spec("gru"))


def test_a_second_derivative_is_that_of_the_reference():
    found = []
    for backend in ("triton", "reference"):
        call = on_device(random_call(Spec("gru"), 2, 2, 3, 4, dtype=torch.float32))
        leaves = list(call.leaves().values())
        first = torch.autograd.grad(
            recurrence(*call[:4], backend=backend).output.square().sum(), leaves, create_graph=True
        )
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))
    assert all(relative_error(ours, theirs) < 1e-4 for ours, theirs in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("sizes", "dtype", "reason"),
    [((2, 2, 3, 129), torch.float32, "1 to 128 units"), ((2, 2, 3, 4), torch.float64, "do not know torch.float64")],
)
def test_what_the_kernels_cannot_run_is_refused_with_the_reason(sizes, dtype, reason):
    call = on_device(random_call(Spec("gru"), *sizes, dtype=dtype))
    with pytest.raises(BackendError, match=reason):
        recurrence(*call[:4], backend="triton")
    assert reason in recurrence(*call[:4]).choice.reason


@pytest.mark.parametrize("lengths", [None, torch.zeros(0, dtype=torch.int64)], ids=["whole", "lengths"])
def test_a_batch_without_rows_has_empty_results_and_zero_gradients(lengths):
    call = on_device(random_call(Spec("lstm"), 3, 0, 4, 5, dtype=torch.float32, lengths=lengths, need_attention=True))
    found = results(call, "triton")
    assert found["output"].shape == (3, 0, 5)
    assert found["grad_x"].shape == (3, 0, 4)
    assert not any(found[name].any() for name in found)
