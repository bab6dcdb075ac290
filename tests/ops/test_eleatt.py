"""The recurrence as a function: its golden values, its rows' lengths, its direction, zoneout, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attentive_rnn.ops.eleatt import Spec, Weights, check_lengths, eleatt
from helpers import ALL_CELLS, ALL_GATES, assert_near, random_call

GOLDEN = json.loads((Path(__file__).parent / "golden_eleatt.json").read_text())["eleatt"]
KINDS = {"rnn_tanh": "srnn", "gru": "gru", "gru_reset_after": "gru", "lstm": "lstm"}
CASES = [
    ("rnn_tanh", "sigmoid", "h", "a"),
    ("rnn_tanh", None, "h_without_gate", None),
    ("rnn_tanh", "softmax", "h_softmax_gate", "a_softmax_gate"),
    ("gru", "sigmoid", "h", "a"),
    ("gru", None, "h_without_gate", None),
    ("gru", "softmax", "h_softmax_gate", "a_softmax_gate"),
    ("gru_reset_after", "sigmoid", "h_reset_after", None),
    ("lstm", "sigmoid", "h", "a"),
    ("lstm", None, "h_without_gate", None),
    ("lstm", "softmax", "h_softmax_gate", "a_softmax_gate"),
]


# The equations themselves, and whatever runs here unless a backend is named.
both_backends = pytest.mark.parametrize("backend", ["reference", "auto"])


def stacked(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@both_backends
@pytest.mark.parametrize(("cell", "gate", "h_name", "a_name"), CASES)
def test_golden_values(cell, gate, h_name, a_name, backend):
    part = GOLDEN[KINDS[cell]]
    blocks = {name: stacked(part[name]) for name in ("W_x", "W_h", "b")}
    weights = Weights(
        ih=blocks["W_x"].flatten(0, 1),
        hh=blocks["W_h"].flatten(0, 1),
        b_ih=blocks["b"].flatten(),
        ia=stacked(GOLDEN["W_xa"]) if gate else None,
        ha=stacked(GOLDEN["W_ha"]) if gate else None,
        b_a=stacked(GOLDEN["b_a"]) if gate else None,
    )
    spec = Spec(cell, gate)
    zeros = tuple(torch.zeros(1, 2, dtype=torch.float64) for _ in range(spec.states))
    run = eleatt(stacked(GOLDEN["x"]).unsqueeze(1), zeros, weights, spec, need_attention=True, backend=backend)
    torch.testing.assert_close(run.output.squeeze(1), stacked(part[h_name]), rtol=0, atol=1e-12)
    assert torch.equal(run.state[0], run.output[-1])
    if a_name is not None:
        assert run.attention is not None
        torch.testing.assert_close(run.attention.squeeze(1), stacked(part[a_name]), rtol=0, atol=1e-12)


def test_golden_file_holds_no_value_that_goes_untested():
    tested = {(KINDS[cell], name) for cell, _, h, a in CASES for name in (h, a) if name}
    held = {(kind, name) for kind in ("srnn", "gru", "lstm") for name in GOLDEN[kind] if name[0] in "ha"}
    assert tested == held


@both_backends
@pytest.mark.parametrize("cell", ALL_CELLS)
@pytest.mark.parametrize("gate", ALL_GATES)
def test_one_step_written_out(cell, gate, backend):
    """The printed equations once more, without the shared products of the reference."""
    call = random_call(Spec(cell, gate, 1.5), steps=1)
    x, w = call.x[0], call.weights
    h, c = call.state[0], call.state[-1]
    n = h.shape[-1]
    attended = x
    if gate is not None:
        activation = torch.sigmoid if gate == "sigmoid" else lambda v: v.exp() / v.exp().sum(-1, keepdim=True)
        a = 1.5 * activation(x @ w.ia.T + h @ w.ha.T + w.b_a)
        attended = a * x
    xi = (attended @ w.ih.T + w.b_ih).split(n, dim=-1)
    blocks = w.hh.split(n)
    if cell.startswith("rnn"):
        expected = (torch.tanh if cell == "rnn_tanh" else torch.relu)(xi[0] + h @ w.hh.T)
    elif cell == "lstm":
        i, f, g, o = (p + h @ block.T for p, block in zip(xi, blocks, strict=True))
        expected = torch.sigmoid(o) * torch.tanh(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))
    else:
        b = w.b_hh.split(n) if cell == "gru_reset_after" else [torch.zeros(n, dtype=x.dtype)] * 3
        r = torch.sigmoid(xi[0] + h @ blocks[0].T + b[0])
        z = torch.sigmoid(xi[1] + h @ blocks[1].T + b[1])
        product = (r * h) @ blocks[2].T if cell == "gru" else r * (h @ blocks[2].T + b[2])
        expected = z * h + (1 - z) * torch.tanh(xi[2] + product)
    run = eleatt(*call[:4], need_attention=True, backend=backend)
    assert_near(run.output[0], expected, 1e-14)
    if gate is None:
        assert run.attention is None
    else:
        assert_near(run.attention[0], a, 1e-14)


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_reverse_is_the_flipped_sequence(cell):
    call = random_call(Spec(cell), lengths=None)
    backward = eleatt(*call[:4], reverse=True, need_attention=True)
    forward = eleatt(call.x.flip(0), *call[1:4], need_attention=True)
    assert_near(backward.output, forward.output.flip(0), 1e-14)
    assert_near(backward.attention, forward.attention.flip(0), 1e-14)
    assert_near(backward.state[-1], forward.state[-1], 1e-14)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_each_row_runs_for_its_own_length_only(cell, reverse):
    call = random_call(Spec(cell), steps=6, rows=4)
    lengths = torch.tensor([3, 6, 1, 4])
    run = eleatt(*call[:4], lengths=lengths, reverse=reverse, need_attention=True)
    for row, length in enumerate(lengths.tolist()):
        state = tuple(s[row : row + 1] for s in call.state)
        alone = eleatt(call.x[:length, row : row + 1], state, *call[2:4], reverse=reverse, need_attention=True)
        assert_near(run.output[:length, row], alone.output[:, 0], 1e-14)
        assert_near(run.attention[:length, row], alone.attention[:, 0], 1e-14)
        for last, last_alone in zip(run.state, alone.state, strict=True):
            assert_near(last[row], last_alone[0], 1e-14)
        assert not run.output[length:, row].any()
        assert not run.attention[length:, row].any()


@pytest.mark.parametrize("lengths", [None, torch.tensor([2, 5, 3])])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_zoneout_keeps_the_given_share_of_the_old_state(cell, lengths):
    """Each step is a step without zoneout, then the mix."""
    spec = Spec(cell)
    call = random_call(spec, steps=5, rows=3, units=6)
    share = torch.rand(spec.states, 5, 3, 6, dtype=torch.float64)
    run = eleatt(*call[:4], lengths=lengths, zoneout=share)
    state = call.state
    for t in range(5):
        new = eleatt(call.x[t : t + 1], state, *call[2:4]).state
        mixed = tuple(k * old + (1 - k) * now for k, old, now in zip(share[:, t], state, new, strict=True))
        running = torch.ones(3, 1, dtype=torch.bool) if lengths is None else (lengths > t)[:, None]
        state = tuple(torch.where(running, now, old) for now, old in zip(mixed, state, strict=True))
        assert_near(run.output[t], state[0] * running, 1e-14)
    assert_near(run.state[-1], state[-1], 1e-14)


def test_attention_is_left_out_unless_asked_for():
    call = random_call(Spec("gru"))
    assert eleatt(*call[:4]).attention is None


def test_softmax_attention_sums_to_the_scale():
    call = random_call(Spec("lstm", "softmax", 3.0), inputs=7)
    total = eleatt(*call[:4], need_attention=True).attention.sum(-1)
    assert_near(total, torch.full_like(total, 3.0), 1e-14)


GOOD = random_call(Spec("lstm"), steps=5, rows=3, inputs=4, units=6)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"spec": Spec("mgu")}, ValueError, r"cell should be one of 'rnn_tanh', .*, got 'mgu'"),
        ({"spec": Spec("lstm", "tanh")}, ValueError, r"gate should be one of 'sigmoid', 'softmax', None, got 'tanh'"),
        ({"spec": Spec("lstm", None)}, RuntimeError, r"gate None and the weights ia, ha do not agree"),
        ({"x": torch.zeros(5, 4)}, RuntimeError, r"x must have 3 dimensions \(T, B, D\), got 2"),
        ({"x": torch.zeros(0, 3, 4)}, RuntimeError, r"at least one step and one row.*\(0, 3, 4\)"),
        ({"x": torch.zeros(5, 0, 4)}, RuntimeError, r"at least one step and one row.*\(5, 0, 4\)"),
        ({"x": torch.zeros(5, 3, 9)}, RuntimeError, r"weight ih must be \(24, 9\) for x \(5, 3, 9\), got \(24, 4\)"),
        ({"weights": GOOD.weights._replace(ha=torch.zeros(4, 5))}, RuntimeError, r"weight ha must be \(4, 6\)"),
        ({"weights": GOOD.weights._replace(b_a=torch.zeros(5))}, RuntimeError, r"weight b_a must be \(4,\)"),
        ({"weights": GOOD.weights._replace(ha=None)}, RuntimeError, r"a gate needs both, no gate none"),
        ({"weights": GOOD.weights._replace(b_hh=torch.zeros(24))}, RuntimeError, r"'lstm' has one bias, b_ih"),
        ({"state": GOOD.state[:1]}, RuntimeError, r"state must be 2 tensor\(s\) of shape \(3, 6\), got \(3, 6\)"),
        ({"state": (torch.zeros(3, 6), torch.zeros(2, 6))}, RuntimeError, r"state must be 2 .*got \(3, 6\), \(2, 6\)"),
        ({"zoneout": torch.zeros(5, 3, 6)}, RuntimeError, r"zoneout must be \(2, 5, 3, 6\), got \(5, 3, 6\)"),
        ({"lengths": torch.tensor([5, 6, 1])}, ValueError, r"lengths must lie in 1\.\.5 .*, got 1\.\.6"),
        ({"backend": "cudnn"}, ValueError, r"backend should be 'auto' or one of .*, got 'cudnn'"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_name(changes, error, message):
    arguments = {"x": GOOD.x, "state": GOOD.state, "weights": GOOD.weights, "spec": GOOD.spec} | changes
    with pytest.raises(error, match=message):
        eleatt(**arguments)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([1, 2, 3], dtype=torch.int32), r"must be int64, got torch\.int32; use lengths\.to"),
        (torch.tensor([1.0, 2.0, 3.0]), r"must be int64, got torch\.float32"),
        (torch.tensor([1, 2]), r"one length a row, shape \(3,\), got \(2,\)"),
        (torch.tensor([[1, 2, 3]]), r"one length a row, shape \(3,\), got \(1, 3\)"),
        (torch.tensor([0, 2, 3]), r"must lie in 1\.\.5 .*got 0\.\.3"),
        (torch.tensor([-1, 2, 3]), r"must lie in 1\.\.5 .*got -1\.\.3"),
        (torch.tensor([6, 2, 3]), r"must lie in 1\.\.5 .*got 2\.\.6"),
    ],
)
def test_bad_lengths_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        check_lengths(lengths, steps=5, rows=3)
