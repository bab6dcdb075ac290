"""The Triton kernels of the 2-D LSTM against the reference in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from attentive_rnn import AttentionRNN2d
from attentive_rnn.ops import BackendError
from attentive_rnn.ops.lstm2d import Weights, lstm2d
from helpers import assert_near, relative_error

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TOLERANCE = {torch.float32: 2e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
Tensors = dict[str, Tensor]


@pytest.fixture(autouse=True)
def _interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton reads the variable where a kernel is defined, which is at the first call; cuBLAS wants the other one."""
    if DEVICE == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def call(b: int, h: int, w: int, r: int, n: int, dtype: torch.dtype = torch.float32, up: bool = True) -> Tensors:
    generator = torch.Generator().manual_seed(0)
    shapes = {"p": (b, h, w, r, 4 * n), "left": (r, 4 * n, n)} | ({"up": (r, 4 * n, n)} if up else {})
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    scale = {"p": 1.0, "left": n**-0.5, "up": n**-0.5}
    return {name: (t * scale[name]).to(DEVICE, dtype).requires_grad_() for name, t in drawn.items()}


def results(tensors: Tensors, backend: str) -> Tensors:
    """h and every gradient of a function that weighs every number of it differently."""
    h = lstm2d(tensors["p"], Weights(tensors["left"], tensors.get("up")), backend=backend).h
    weight = torch.randn(h.shape, generator=torch.Generator().manual_seed(1)).to(h)
    return {"h": h} | dict(zip(tensors, torch.autograd.grad(h, list(tensors.values()), weight), strict=True))


def compare(tensors: Tensors) -> None:
    """Within rounding of the reference in float64, or a few times the error of PyTorch's operators in the call's type.

    Memory that nobody has written is NaN.
    """
    exact = results({name: t.detach().double().requires_grad_() for name, t in tensors.items()}, "hoisted")
    usual = results(tensors, "hoisted")
    torch.use_deterministic_algorithms(True)
    found = results(tensors, "triton")
    for name, expected in exact.items():
        if name == "up" and not expected.any():
            assert not found[name].any()
            continue
        bound = max(TOLERANCE[tensors["p"].dtype], 4 * relative_error(usual[name], expected))
        assert_near(found[name], expected, bound, name)


@pytest.mark.parametrize(
    "sizes", [(1, 1, 1, 1, 1), (1, 1, 4, 2, 3), (1, 4, 1, 2, 3), (1, 7, 5, 4, 3), (1, 17, 17, 1, 2), (2, 2, 3, 1, 33)]
)
def test_every_result_and_gradient_is_the_reference_s(sizes):
    compare(call(*sizes))


def test_a_map_of_one_row_needs_no_weight_up():
    compare(call(2, 1, 3, 1, 4, up=False))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_its_memory_in_float32(dtype):
    compare(call(1, 3, 4, 2, 6, dtype))


def test_one_gradient_alone_and_none_at_all_are_the_same_numbers():
    tensors = call(1, 2, 3, 1, 5)
    every = results(tensors, "triton")
    for name in tensors:
        only = {key: t.detach().requires_grad_(key == name) for key, t in tensors.items()}
        h = lstm2d(only["p"], Weights(only["left"], only["up"]), backend="triton").h
        weight = torch.randn(h.shape, generator=torch.Generator().manual_seed(1)).to(h)
        assert torch.equal(torch.autograd.grad(h, only[name], weight)[0], every[name])
    with torch.no_grad():
        torch.use_deterministic_algorithms(True)
        assert torch.equal(
            lstm2d(tensors["p"], Weights(tensors["left"], tensors["up"]), backend="triton").h, every["h"]
        )


def test_maps_in_another_memory_order_give_the_same_numbers():
    tensors = call(1, 2, 2, 2, 3)
    turned = {name: t.detach().mT.contiguous().mT.requires_grad_() for name, t in tensors.items()}
    assert not turned["p"].is_contiguous()
    ours, theirs = results(turned, "triton"), results(tensors, "triton")
    for name, expected in theirs.items():
        assert torch.equal(ours[name], expected)


def test_a_second_derivative_is_that_of_the_reference():
    found = []
    for backend in ("triton", "reference"):
        tensors = call(1, 2, 3, 2, 4)
        leaves = list(tensors.values())
        h = lstm2d(tensors["p"], Weights(tensors["left"], tensors["up"]), backend=backend).h
        first = torch.autograd.grad(h.square().sum(), leaves, create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))
    assert all(relative_error(ours, theirs) < 1e-4 for ours, theirs in zip(*found, strict=True))


@pytest.mark.parametrize("options", [{"block": 2}, {"scan": "flat"}], ids=str)
def test_the_layer_runs_on_the_kernels(options):
    layer = AttentionRNN2d(3, 5, backend="triton", **options).to(DEVICE)
    x = torch.randn(1, 3, 3, 2, device=DEVICE)
    found = []
    for backend in ("triton", "reference"):
        layer.backend = backend
        y, mask = layer(x)
        assert layer.last_backend.backend == backend
        found.append([mask.detach(), *torch.autograd.grad(y.square().sum(), list(layer.parameters()))])
    assert all(relative_error(ours, theirs) < 1e-4 for ours, theirs in zip(*found, strict=True))


def test_autocast_runs_the_kernels_in_its_type():
    tensors = call(1, 2, 3, 2, 4)
    with torch.autocast(DEVICE, torch.bfloat16):
        run = lstm2d(tensors["p"], Weights(tensors["left"], tensors["up"]), backend="triton")
    assert run.h.dtype is torch.bfloat16


def test_what_the_kernels_cannot_run_is_refused_with_the_reason():
    wide, double = call(1, 1, 1, 1, 129), call(1, 1, 2, 1, 2, torch.float64)
    for tensors, reason in ((wide, "for 1 to 128 units"), (double, "do not know torch.float64")):
        weights = Weights(tensors["left"], tensors["up"])
        with pytest.raises(BackendError, match=reason):
            lstm2d(tensors["p"], weights, backend="triton")
        assert reason in lstm2d(tensors["p"], weights).choice.reason
    layer = AttentionRNN2d(3, 4, feed_mask=True, backend="triton").to(DEVICE)
    with pytest.raises(BackendError, match="do not feed the mask's values back"):
        layer(torch.randn(1, 3, 4, 4, device=DEVICE))
