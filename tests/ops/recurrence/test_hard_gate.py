"""The hard gate: exact zeros and ones, no gradient there, and no use of what it shuts out; on every backend."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.ops.recurrence import Spec, recurrence
from helpers import ALL_CELLS, Call, assert_all_near, compare, random_call, results

BACKENDS = ("reference", "hoisted", "cpu")


def steep(spec: Spec, *sizes: int, factor: float = 20.0, **options: object) -> Call:
    """A call whose gates are closed, open and between: their weights are large."""
    call = random_call(spec, *sizes, **options)
    edited = {
        name: (getattr(call.weights, name).detach() * factor).requires_grad_()
        for name in ("ia", "ha", "b_a")
        if getattr(call.weights, name) is not None
    }
    return call._replace(weights=call.weights._replace(**edited))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("reads", ["both", "state"])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_gates_at_their_ends_give_what_the_reference_gives(has_isa, cell, reads, dtype):
    if not has_isa:
        return
    spec = Spec(cell, "hard", 1.5, gate_reads=reads)
    call = steep(spec, 5, 9, 19, 13, dtype=dtype, need_attention=True, lengths=torch.tensor([5, 1, 3] * 3))
    a = recurrence(*call[:4], **call.options).attention.inputs
    running = torch.arange(5)[:, None] < call.options["lengths"]
    shares = [float((a[running] == end).double().mean()) for end in (0.0, 1.5)]
    assert all(0.05 < share < 0.95 for share in shares), shares
    compare(call)
    if dtype is torch.float64:
        assert_all_near(results(call, "hoisted"), results(call, "reference"), 1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scale", [1.0, 1.5, 49.0, 0.1])
def test_the_gate_is_the_clamped_line_and_its_slope_is_zero_at_and_past_its_ends(backend, scale):
    z = torch.tensor([-1e30, -3.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.0, 1e30], dtype=torch.float64)
    call = random_call(Spec("gru", "hard", scale), 1, 1, len(z), 3)
    w = call.weights._replace(
        ia=torch.zeros(len(z), len(z), dtype=torch.float64),
        ha=torch.zeros(len(z), 3, dtype=torch.float64),
        b_a=z.clone().requires_grad_(),
    )
    a = recurrence(call.x, call.state, w, call.spec, need_attention=True, backend=backend).attention.inputs
    share = torch.tensor([0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1], dtype=torch.float64)
    torch.testing.assert_close(a[0, 0], scale * share, rtol=1e-14, atol=0)
    (slope,) = torch.autograd.grad(a.sum(), w.b_a)
    expected = ((share > 0) & (share < 1)).double() * (scale / 6)
    torch.testing.assert_close(slope, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reads", ["both", "state"])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_an_element_whose_gate_stays_closed_is_used_by_nothing_but_the_gate(cell, reads, backend):
    call = random_call(Spec(cell, "hard", gate_reads=reads), 6, 3, 4, 5, dtype=torch.float32, need_attention=True)
    with torch.no_grad():
        call.weights.b_a[1] = -100.0
        if reads == "both":
            call.weights.ia[:, 1] = 0.0  # what the gate itself sees of it
    other = call.x.detach().clone()
    other[..., 1] = 7.0 * torch.randn(6, 3)
    whole, edited = (recurrence(x, *call[1:4], **call.options, backend=backend) for x in (call.x.detach(), other))
    assert (whole.attention.inputs[..., 1] == 0).all()
    assert torch.equal(whole.attention.inputs, edited.attention.inputs)
    assert torch.equal(whole.output, edited.output)
    assert all(torch.equal(a, b) for a, b in zip(whole.state, edited.state, strict=True))
    (of_x,) = torch.autograd.grad(recurrence(*call[:4], **call.options, backend=backend).output.sum(), call.x)
    assert (of_x[..., 1] == 0).all()
    assert of_x[..., 0].any()
