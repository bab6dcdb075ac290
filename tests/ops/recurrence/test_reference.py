"""The equations of the recurrence against golden values, against themselves written out, and their identities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attentive_rnn import RRA
from attentive_rnn.ops.recurrence import Lags, Spec, Weights, recurrence
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
    run = recurrence(stacked(GOLDEN["x"]).unsqueeze(1), zeros, weights, spec, need_attention=True, backend=backend)
    torch.testing.assert_close(run.output.squeeze(1), stacked(part[h_name]), rtol=0, atol=1e-12)
    assert torch.equal(run.state[0], run.output[-1])
    if a_name is not None:
        assert run.attention.inputs is not None
        torch.testing.assert_close(run.attention.inputs.squeeze(1), stacked(part[a_name]), rtol=0, atol=1e-12)


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
        activation = {
            "sigmoid": torch.sigmoid,
            "softmax": lambda v: v.exp() / v.exp().sum(-1, keepdim=True),
            "hard": lambda v: (v / 6 + 0.5).clamp(0, 1),
        }[gate]
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
    run = recurrence(*call[:4], need_attention=True, backend=backend)
    assert_near(run.output[0], expected, 1e-14)
    if gate is None:
        assert run.attention.inputs is None
    else:
        assert_near(run.attention.inputs[0], a, 1e-14)


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_reverse_is_the_flipped_sequence(cell):
    call = random_call(Spec(cell), lengths=None)
    backward = recurrence(*call[:4], reverse=True, need_attention=True)
    forward = recurrence(call.x.flip(0), *call[1:4], need_attention=True)
    assert_near(backward.output, forward.output.flip(0), 1e-14)
    assert_near(backward.attention.inputs, forward.attention.inputs.flip(0), 1e-14)
    assert_near(backward.state[-1], forward.state[-1], 1e-14)


@pytest.mark.parametrize("lengths", [None, torch.tensor([2, 5, 3])])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_zoneout_keeps_the_given_share_of_the_old_state(cell, lengths):
    """Each step is a step without zoneout, then the mix."""
    spec = Spec(cell)
    call = random_call(spec, steps=5, rows=3, units=6)
    share = torch.rand(spec.states, 5, 3, 6, dtype=torch.float64)
    run = recurrence(*call[:4], lengths=lengths, zoneout=share)
    state = call.state
    for t in range(5):
        new = recurrence(call.x[t : t + 1], state, *call[2:4]).state
        mixed = tuple(k * old + (1 - k) * now for k, old, now in zip(share[:, t], state, new, strict=True))
        running = torch.ones(3, 1, dtype=torch.bool) if lengths is None else (lengths > t)[:, None]
        state = tuple(torch.where(running, now, old) for now, old in zip(mixed, state, strict=True))
        assert_near(run.output[t], state[0] * running, 1e-14)
    assert_near(run.state[-1], state[-1], 1e-14)


@both_backends
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_a_gate_that_reads_the_state_is_one_whose_weights_of_x_are_zero(cell, bias, backend):
    call = random_call(Spec(cell, "hard", gate_reads="state"), bias=bias)
    whole = call.weights._replace(ia=torch.zeros(4, 4, dtype=torch.float64))
    ours = recurrence(*call[:4], need_attention=True, backend=backend)
    same = recurrence(*call[:2], whole, Spec(cell, "hard"), need_attention=True, backend=backend)
    assert_near(ours.output, same.output, 1e-14)
    assert_near(ours.attention.inputs, same.attention.inputs, 1e-14)


def test_softmax_attention_sums_to_the_scale():
    call = random_call(Spec("lstm", "softmax", 3.0), inputs=7)
    total = recurrence(*call[:4], need_attention=True).attention.inputs.sum(-1)
    assert_near(total, torch.full_like(total, 3.0), 1e-14)


CELLS = ("lstm", "gru", "rnn_tanh")
NORMS = ("sum", "softmax", "content", "mean")
every_cell = pytest.mark.parametrize("cell", CELLS)
every_norm = pytest.mark.parametrize("norm", NORMS)


# h_1 ... h_6 of 3 inputs cos(0.3 k + 0.25), 2 units, weights 0.5 sin(0.7 k + s) for s = 0.4, 0.5 and no bias, made by a
# program of its own in numpy; W_a = 0.8, 0.7, 0.6 for the lags 1, 2, 3.
GOLDEN_WITH_LAGS = {
    ("sum", 1, 3): (
        (0.23761854678909683, 0.00038629330675007457),
        (0.19266444919921422, 0.022717002013086726),
        (0.06994927702301386, 0.06434980594031264),
        (-0.035090410783564494, 0.052422791359109606),
        (-0.12492420836233473, 0.006195052121124331),
        (0.022170985595311016, -0.0255219470559119),
    ),
    ("softmax", 1, 3): (
        (0.23761854678909683, 0.00038629330675007457),
        (0.19112298215899318, 0.022714501612623735),
        (0.06807355180636399, 0.06433631341442009),
        (-0.034482307545287375, 0.05207856673058808),
        (-0.12381691401146833, 0.005900949977193135),
        (0.023536110416911112, -0.025296081459106334),
    ),
    ("sum", 2, 3): (
        (0.23761854678909683, 0.00038629330675007457),
        (0.14882215759490952, 0.022647912188067828),
        (0.03628840986657367, 0.06410279332008312),
        (-0.046818235923924215, 0.04158413591720619),
        (-0.09482539396523706, 0.0012645633614090405),
        (0.05815900372300803, -0.02297426733493917),
    ),
    ("sum", 1, 0): (
        (0.23761854678909683, 0.00038629330675007457),
        (0.14882215759490952, 0.022647912188067828),
        (-0.01325042357295372, 0.06400487188824083),
        (-0.11569906281788248, 0.04222392680980542),
        (-0.1546851021534239, -0.008539983617111507),
        (0.037003833260660694, -0.031086189349220777),
    ),
}


def waves(rows: int, columns: int, shift: float) -> torch.Tensor:
    k = torch.arange(rows * columns, dtype=torch.float64)
    return 0.5 * torch.sin(0.7 * k + shift).view(rows, columns)


def from_ifog(weight: torch.Tensor) -> torch.Tensor:
    """torch's order of blocks, i f g o, from the author's, i f o g."""
    i, f, o, g = weight.chunk(4)
    return torch.cat([i, f, g, o])


@pytest.mark.parametrize(("norm", "first_lag", "lags"), GOLDEN_WITH_LAGS)
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_the_values_are_those_of_another_program(norm, first_lag, lags, backend):
    layer = RRA(3, 2, lags, norm=norm, first_lag=first_lag, bias=False, backend=backend, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(from_ifog(waves(8, 3, 0.4)))
        layer.weight_hh_l0.copy_(from_ifog(waves(8, 2, 0.5)))
        if lags:
            layer.weight_lag_l0.copy_(torch.tensor([0.8, 0.7, 0.6], dtype=torch.float64))
    x = torch.cos(0.3 * torch.arange(18, dtype=torch.float64) + 0.25).view(6, 1, 3)
    expected = torch.tensor(GOLDEN_WITH_LAGS[norm, first_lag, lags], dtype=torch.float64)
    assert (layer(x)[0][:, 0] - expected).abs().max() < 1e-12


@every_cell
@every_norm
@pytest.mark.parametrize("first", [1, 2, 3])
def test_the_reference_agrees_with_the_equations_written_out(cell, norm, first):
    """Each row and step by itself, from a list of all former outputs."""
    call = random_call(Spec(cell, None, lags=Lags(3, norm, first)), steps=6, rows=2)
    run = recurrence(*call[:4], backend="reference")
    w = call.weights
    for row in range(2):
        *inner, window = (s[row] for s in call.state)
        former = list(window)  # the latest first
        for t in range(6):
            seen = torch.stack(former[first - 1 : first + 2])
            shares = {
                "sum": lambda: w.lag / w.lag.sum(),
                "softmax": lambda: w.lag.exp() / w.lag.exp().sum(),
                "mean": lambda: torch.full((3,), 1 / 3, dtype=torch.float64),
                "content": lambda seen=seen, h=inner[0]: torch.softmax(seen @ h, 0),
            }[norm]()
            a = sum(share * h for share, h in zip(shares, seen, strict=True))
            x, h = w.ih @ call.x[t, row] + w.b_ih, w.hh @ inner[0]
            if cell == "lstm":
                i, f, g, o = (x + h).chunk(4)
                c = f.sigmoid() * inner[1] + i.sigmoid() * g.tanh()
                inner = [o.sigmoid() * (c + a).tanh(), c]
            elif cell == "rnn_tanh":
                inner = [(x + h + a).tanh()]
            else:
                r, z = (x + h)[:12].sigmoid().chunk(2)
                n = (x[12:] + w.hh[12:] @ (r * inner[0]) + a).tanh()
                inner = [z * inner[0] + (1 - z) * n]
            former.insert(0, inner[0])
            assert_near(run.output[t, row], inner[0], 1e-13)
        for last, expected in zip(run.state, [*inner, torch.stack(former[: first + 2])], strict=True):
            assert_near(last[row], expected, 1e-13)


def test_before_any_output_the_unit_is_an_lstm():
    """The window holds zeros, so that the first step has no residual; the second has one."""
    call = random_call(Spec("lstm", None, lags=Lags(4)), steps=2)
    zeros = tuple(torch.zeros_like(s) for s in call.state)
    ours = recurrence(call.x, zeros, *call[2:4])
    plain = recurrence(call.x, zeros[:2], call.weights._replace(lag=None), Spec("lstm", None))
    assert torch.equal(ours.output[0], plain.output[0])
    assert not torch.isclose(ours.output[1], plain.output[1]).any()


def test_content_weights_differ_from_row_to_row_and_step_to_step():
    call = random_call(Spec("lstm", None, lags=Lags(3, "content")), steps=4, need_attention=True)
    lags = recurrence(*call[:4], **call.options).attention.lags
    assert lags.shape == (4, 3, 3)
    assert_near(lags.sum(-1), torch.ones(4, 3, dtype=torch.float64), 1e-14)
    assert (lags[1:] != lags[:-1]).all()
    assert (lags[:, 1:] != lags[:, :-1]).all()
    first = recurrence(call.x[:, :1], tuple(s[:1] for s in call.state), *call[2:4], need_attention=True)
    assert_near(first.attention.lags[:, 0], lags[:, 0], 1e-13)


def test_the_sum_norm_does_not_see_the_size_of_its_weights():
    call = random_call(Spec("lstm", None, lags=Lags(3)))
    scaled = call.weights._replace(lag=-1e-6 * call.weights.lag)
    assert_near(recurrence(call.x, call.state, scaled, call.spec).output, recurrence(*call[:4]).output, 1e-12)
