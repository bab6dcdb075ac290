"""The Triton kernels with lags against the reference in float64: fewer steps than lags, every gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attentive_rnn import RRA
from attentive_rnn.ops import BackendError
from attentive_rnn.ops.recurrence import Lags, Spec, recurrence
from helpers import assert_near, random_call, relative_error
from on_gpu import DEVICE, compare, on_device, padding_is_not_read

pytestmark = pytest.mark.usefixtures("triton_runs")


# cell, gate, lags, (T, B, D, N)
CASES_WITH_LAGS: dict[str, tuple[Any, ...]] = {
    "one of each size": ("lstm", None, Lags(2), (1, 1, 1, 1), {}),
    "fewer steps than lags": ("lstm", "sigmoid", Lags(5, "softmax", 2), (3, 2, 13, 4), {}),
    "more rows than a tile": ("lstm", None, Lags(2), (3, 19, 5, 17), {"lengths": torch.arange(19) % 4}),
    "reverse": ("lstm", "softmax", Lags(2), (5, 2, 3, 4), {"reverse": True, "bias": False}),
    "reverse, lengths": ("lstm", None, Lags(5), (4, 3, 3, 6), {"reverse": True, "lengths": torch.tensor([4, 0, 2])}),
    "candidate": ("gru", "sigmoid", Lags(2, "mean", 2), (4, 2, 3, 5), {"lengths": torch.tensor([0, 4])}),
    "candidate, two biases": ("gru_reset_after", None, Lags(2), (3, 2, 3, 4), {"reverse": True}),
    "tanh": ("rnn_tanh", None, Lags(1, "mean"), (3, 1, 3, 4), {}),
    "relu": ("rnn_relu", "sigmoid", Lags(2), (3, 2, 3, 4), {"lengths": torch.tensor([3, 2])}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES_WITH_LAGS)
def test_a_call_with_lags_gives_what_the_reference_gives(name):
    cell, gate, lags, sizes, options = CASES_WITH_LAGS[name]
    compare(random_call(Spec(cell, gate, 1.5, lags), *sizes, dtype=torch.float32, need_attention=True, **options))


def test_zoned_outputs_are_what_the_window_takes():
    spec = Spec("lstm", None, lags=Lags(2))
    compare(random_call(spec, 3, 2, 3, 5, dtype=torch.float32, zoneout=torch.rand(2, 3, 2, 5)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_as_near_as_the_reference_in_it(dtype):
    compare(random_call(Spec("lstm", None, lags=Lags(2)), 4, 3, 5, 6, dtype=dtype))


def test_what_lies_in_the_padding_is_never_read_and_a_call_gives_the_same_bits_again():
    padding_is_not_read(Spec("lstm", "sigmoid", lags=Lags(2)))


@pytest.mark.parametrize("reverse", [False, True])
def test_two_halves_with_the_window_carried_are_the_whole(reverse):
    spec = Spec("lstm", None, lags=Lags(3, "sum", 2))
    call = on_device(random_call(spec, 5, 2, 3, 4, dtype=torch.float32))
    options: Any = {"reverse": reverse, "backend": "triton"}
    whole = recurrence(*call[:4], **options)
    parts = (call.x[3:], call.x[:3]) if reverse else (call.x[:3], call.x[3:])
    first = recurrence(parts[0], *call[1:4], **options)
    second = recurrence(parts[1], first.state, *call[2:4], **options)
    output = [second.output, first.output] if reverse else [first.output, second.output]
    assert_near(torch.cat(output), whole.output, 1e-6)
    for mine, expected in zip(second.state, whole.state, strict=True):
        assert_near(mine, expected, 1e-6)


def test_a_second_derivative_with_lags_is_that_of_the_reference():
    found = []
    for backend in ("triton", "reference"):
        call = on_device(random_call(Spec("lstm", None, lags=Lags(2)), 2, 2, 3, 4, dtype=torch.float32))
        leaves = list(call.leaves().values())
        first = torch.autograd.grad(
            recurrence(*call[:4], backend=backend).output.square().sum(), leaves, create_graph=True
        )
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))
    assert all(relative_error(ours, theirs) < 1e-4 for ours, theirs in zip(*found, strict=True))


def test_a_layer_runs_on_the_kernels_and_content_says_why_it_does_not():
    x = torch.randn(3, 2, 4, device=DEVICE)
    layer = RRA(4, 5, 2, bidirectional=True, device=DEVICE)
    output = layer(x)[0]
    assert layer.last_backend.backend == "triton"
    layer.backend = "reference"
    assert_near(output, layer(x)[0], 1e-6)
    content = RRA(4, 5, 2, norm="content", device=DEVICE)
    content(x)
    assert content.last_backend.backend == "reference"
    assert "triton: it has weights that are the same at all steps" in content.last_backend.reason
    with pytest.raises(BackendError, match="norm='content'"):
        RRA(4, 5, 2, norm="content", backend="triton", device=DEVICE)(x)
    wide = random_call(Spec("lstm", None, lags=Lags(2)), 2, 1, 3, 129, dtype=torch.float32)
    with pytest.raises(BackendError, match="1 to 128 units"):
        recurrence(*on_device(wide)[:4], backend="triton")
