"""Padding is never read: whatever stands in it, outputs, states, attention and gradients are the same."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn import RRA
from helpers import ALL_CELLS, ALL_GATES, LAYERS, as_tuple, states_of

LENGTHS = torch.tensor([3, 6, 1, 4])
PADDING = torch.arange(6)[:, None] >= LENGTHS  # (T, B)
X = torch.linspace(-2, 2, 6 * 4 * 5, dtype=torch.float64).sin().view(6, 4, 5)
every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
every_gate = pytest.mark.parametrize("gate", ALL_GATES)


def everything(layer, padding_value, hx):
    """All that comes back and all gradients, with `padding_value` in the padding."""
    torch.manual_seed(5)  # zoneout and dropout draw the same masks
    x = X.masked_fill(PADDING[..., None], padding_value).requires_grad_()
    layer.zero_grad()
    output, last, attention = layer(x, hx, lengths=LENGTHS, need_attention=True)
    returned = [output, *as_tuple(last), *(a for a in attention if a is not None)]
    sum(tensor.square().sum() for tensor in returned).backward()
    return [*returned, x.grad, *(p.grad.clone() for p in layer.parameters())]


@every_cell
@every_gate
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_what_stands_in_the_padding_changes_nothing(cell, gate, value):
    layer = LAYERS[cell](5, 6, num_layers=2, gate=gate, bidirectional=True, dropout=0.3, zoneout=0.2)
    layer = layer.double().train()
    hx = states_of(layer, rows=4)
    for ours, expected in zip(everything(layer, value, hx), everything(layer, 0.0, hx), strict=True):
        assert torch.equal(ours, expected)
        assert ours.isfinite().all()


@every_cell
def test_padding_comes_back_as_zeros_and_takes_no_gradient(cell):
    layer = LAYERS[cell](5, 6, num_layers=2, bidirectional=True, dtype=torch.float64)
    x = X.clone().requires_grad_()
    output, _, attention = layer(x, lengths=LENGTHS, need_attention=True)
    (output.sum() + sum(a.sum() for a in attention)).backward()
    for tensor in (output, *attention, x.grad):
        assert not tensor[PADDING].any()
        assert tensor[~PADDING].any(-1).all()


@every_cell
@every_gate
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_in_a_valid_step_spreads_forward_in_its_own_row_only(cell, gate, value):
    layer = LAYERS[cell](5, 6, gate=gate, dtype=torch.float64)
    x = X.clone()
    x[2, 3] = value
    x.requires_grad_()
    output, last = layer(x, lengths=LENGTHS)
    clean, clean_last = layer(X, lengths=LENGTHS)
    assert torch.equal(output[:2], clean[:2])
    assert torch.equal(output[:, :3], clean[:, :3])
    assert torch.equal(as_tuple(last)[0][:, :3], as_tuple(clean_last)[0][:, :3])
    if value != value:
        assert output[2:4, 3].isnan().all()
        assert all(s[:, 3].isnan().all() for s in as_tuple(last))
    output.sum().backward()  # comes to an end
    assert x.grad[:, :3].isfinite().all()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    cell=st.sampled_from(ALL_CELLS),
    gate=st.sampled_from(ALL_GATES),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    extra=st.integers(0, 3),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    bidirectional=st.booleans(),
    batch_first=st.booleans(),
)
def test_any_lengths_give_what_each_row_gives_alone(cell, gate, lengths, extra, sizes, bidirectional, batch_first):
    d, n = sizes
    layer = LAYERS[cell](d, n, gate=gate, bidirectional=bidirectional, batch_first=batch_first).double()
    x = torch.randn(len(lengths), max(lengths) + extra, d, dtype=torch.float64)
    output, last = layer(x if batch_first else x.transpose(0, 1), lengths=torch.tensor(lengths))
    output = output if batch_first else output.transpose(0, 1)
    assert output.shape == (len(lengths), x.shape[1], n * (2 if bidirectional else 1))
    for row, length in enumerate(lengths):
        alone, alone_last = layer(x[row, :length])
        torch.testing.assert_close(output[row, :length], alone, rtol=1e-12, atol=1e-13)
        assert not output[row, length:].any()
        for mine, expected in zip(as_tuple(last), as_tuple(alone_last), strict=True):
            torch.testing.assert_close(mine[:, row], expected, rtol=1e-12, atol=1e-13)


@every_cell
@pytest.mark.parametrize("backend", ["cpu", "hoisted", "reference"])
def test_lengths_are_copied_at_the_call(cell, backend):
    """A loader fills its buffer for the next batch before the backward pass of this one."""
    torch.manual_seed(0)
    layer = LAYERS[cell](5, 6, num_layers=2, bidirectional=True, backend=backend).double()
    gradients = []
    for fills in (LENGTHS.tolist(), [6, 1, 6, 2], [10_000_000] * 4):
        buffer, x = LENGTHS.numpy().copy(), X.clone().requires_grad_()
        output, last = layer(x, lengths=torch.from_numpy(buffer))
        buffer[:] = fills
        loss = output.square().sum() + sum(s.square().sum() for s in as_tuple(last))
        gradients.append(torch.autograd.grad(loss, (x, *layer.parameters())))
    for others in gradients[1:]:
        assert all(map(torch.equal, others, gradients[0]))


SOME = torch.tensor([3, 0, 6, 0])  # rows 1 and 3 have no steps
NONE = torch.zeros(4, dtype=torch.int64)
KINDS = {
    **LAYERS,
    "rra": partial(RRA, lags=3),
    "rra_gru": partial(RRA, lags=2, first_lag=2, cell="gru", gate="softmax"),
}
KINDS["content"] = partial(RRA, lags=2, norm="content")  # which the reference runs


@pytest.mark.parametrize("lengths", [SOME, NONE], ids=["some", "all"])
@pytest.mark.parametrize("backend", ["auto", "hoisted", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_steps_keeps_its_state_and_is_zero(kind, backend, lengths):
    backend = "auto" if kind == "content" else backend
    layer = KINDS[kind](5, 6, num_layers=2, bidirectional=True, zoneout=0.2, backend=backend).double().eval()
    hx = tuple(s.requires_grad_() for s in as_tuple(states_of(layer, rows=4)))
    x = X.masked_fill((torch.arange(6)[:, None] >= lengths)[..., None], torch.nan).requires_grad_()

    def run(x, hx, lengths):
        output, last, attention = layer(x, hx if len(hx) > 1 else hx[0], lengths=lengths, need_attention=True)
        last = as_tuple(last)
        responses = [part for a in attention for part in as_tuple(a) if part is not None]
        loss = sum(tensor.square().sum() for tensor in (output, *last, *responses))
        return output, last, responses, torch.autograd.grad(loss, (x, *hx, *layer.parameters()), allow_unused=True)

    output, last, responses, (d_x, *rest) = run(x, hx, lengths)
    d_hx, d_weights = rest[: len(hx)], rest[len(hx) :]
    there = lengths > 0
    assert not output[:, ~there].any()
    assert not any(response[:, ~there].any() for response in responses)
    assert not d_x[:, ~there].any()
    for before, after, d_before in zip(hx, last, d_hx, strict=True):
        assert torch.equal(after[:, ~there], before[:, ~there])
        torch.testing.assert_close(d_before[:, ~there], 2 * before[:, ~there])
    if not there.any():
        assert not any(d.any() for d in d_weights if d is not None)
        return
    others = run(x[:, there], tuple(s[:, there] for s in hx), lengths[there])
    for ours, expected in zip(d_weights, others[3][1 + len(hx) :], strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(output[:, there], others[0], rtol=1e-12, atol=1e-13)
