"""The Triton kernels against the reference in float64: compiled where there is a GPU, else in Triton's interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from attentive_rnn.ops import BackendError, backends, gpu
from attentive_rnn.ops.eleatt import Spec, Weights, eleatt
from helpers import ALL_CELLS, Call, assert_near, random_call, relative_error, results

GPU = torch.cuda.is_available()
TOLERANCE = {torch.float32: 2e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}


@pytest.fixture(autouse=True)
def _interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton reads the variable where a kernel is defined, which is at the first call."""
    if not GPU:
        monkeypatch.setenv("TRITON_INTERPRET", "1")


def on_device(call: Call, dtype: torch.dtype | None = None) -> Call:
    def moved(tensor: Any) -> Any:
        if not isinstance(tensor, Tensor):
            return tensor
        there = tensor.detach().to(
            "cuda" if GPU and dtype is None else "cpu", dtype if tensor.is_floating_point() else None
        )
        return there.requires_grad_(tensor.requires_grad)

    weights = Weights(*map(moved, call.weights))
    options = {name: moved(option) for name, option in call.options.items()}
    return Call(moved(call.x), tuple(map(moved, call.state)), weights, call.spec, options)


def compare(call: Call) -> None:
    """Within rounding of the reference in float64, or a few times the error of the reference in the call's own type."""
    tolerance = TOLERANCE[call.x.dtype]
    exact, usual = results(on_device(call, torch.float64), "reference"), results(call, "reference")
    out = results(on_device(call), "triton")
    assert out.keys() == exact.keys()
    for name, expected in exact.items():
        assert_near(out[name], expected, max(tolerance, 4 * relative_error(usual[name], expected)), name)


CASES = {
    "one of each size": ("gru", "sigmoid", (1, 1, 1, 1), {}),
    "more rows than a tile, lengths": ("gru", "sigmoid", (3, 19, 5, 17), {"lengths": torch.arange(19) % 3 + 1}),
    "reverse, lengths": ("gru", "sigmoid", (4, 3, 20, 6), {"reverse": True, "lengths": torch.tensor([4, 1, 2])}),
    "reverse, two states": ("lstm", "sigmoid", (3, 3, 3, 6), {"reverse": True, "lengths": torch.tensor([1, 3, 2])}),
    "softmax": ("lstm", "softmax", (3, 2, 5, 4), {}),
    "softmax, no bias": ("gru_reset_after", "softmax", (3, 2, 5, 4), {"bias": False}),
    "no gate": ("gru", None, (3, 2, 50, 4), {"reverse": True}),
    "no gate, two biases": ("gru_reset_after", None, (3, 2, 3, 4), {}),
    "no gate, tanh": ("rnn_tanh", None, (3, 2, 3, 4), {"lengths": torch.tensor([2, 3])}),
    "relu": ("rnn_relu", "sigmoid", (3, 2, 3, 4), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_call_gives_what_the_reference_gives(name):
    cell, gate, sizes, options = CASES[name]
    compare(random_call(Spec(cell, gate, 1.5), *sizes, dtype=torch.float32, need_attention=True, **options))


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_zoneout_keeps_the_share_it_is_told(cell):
    spec = Spec(cell)
    rates = torch.rand(spec.states, 3, 2, 5)
    compare(random_call(spec, 3, 2, 3, 5, dtype=torch.float32, zoneout=rates, lengths=torch.tensor([2, 3])))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_its_state_in_float32(dtype):
    compare(random_call(Spec("gru"), 4, 3, 5, 6, dtype=dtype))


def test_what_lies_in_the_padding_is_never_read():
    lengths = torch.tensor([2, 3])
    call = on_device(random_call(Spec("gru"), 3, 2, 3, 5, dtype=torch.float32, lengths=lengths, need_attention=True))
    clean = results(call, "triton")
    with torch.no_grad():
        call.x[2, 0] = torch.nan
    dirty = results(call, "triton")
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    assert (dirty["grad_x"][2, 0] == 0).all()


def test_a_second_derivative_is_that_of_the_reference():
    found = []
    for backend in ("triton", "reference"):
        call = on_device(random_call(Spec("gru"), 2, 2, 3, 4, dtype=torch.float32))
        leaves = list(call.leaves().values())
        first = torch.autograd.grad(eleatt(*call[:4], backend=backend).output.square().sum(), leaves, create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))
    assert all(relative_error(ours, theirs) < 1e-4 for ours, theirs in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("sizes", "dtype", "reason"),
    [((2, 2, 3, 129), torch.float32, "1 to 128 units"), ((2, 2, 3, 4), torch.float64, "do not know torch.float64")],
)
def test_what_the_kernels_cannot_run_is_refused_with_the_reason(sizes, dtype, reason):
    call = on_device(random_call(Spec("gru"), *sizes, dtype=dtype))
    with pytest.raises(BackendError, match=reason):
        eleatt(*call[:4], backend="triton")
    assert reason in eleatt(*call[:4]).choice.reason


def test_the_machine_says_where_the_kernels_run(monkeypatch):
    assert backends()[0].available
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    if not GPU:
        assert backends()[0] == ("triton", False, "PyTorch sees no GPU")
        assert gpu.why_not([torch.zeros(1)], torch.float32) == "tensors are on cpu"


@pytest.mark.parametrize(("cell", "gate"), [("gru", "sigmoid"), ("lstm", "softmax")])
def test_the_largest_kernels_compile_for_a_gpu_and_fit_its_shared_memory(cell, gate, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    program = [sys.executable, str(Path(__file__).parent / "compile_for_gpu.py"), cell, gate]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sizes = [int(line) for line in done.stdout.split()]
    assert len(sizes) == 2
    assert max(sizes) <= 96 << 10
