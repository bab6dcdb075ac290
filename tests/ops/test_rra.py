"""RRA's equations: values worked out by another program, the norms, the guard, and what a step may see."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import RRA
from attentive_rnn.ops.eleatt import Lags, Spec, Weights, eleatt
from attentive_rnn.ops.rra import rra
from helpers import assert_near, random_call

CELLS = ("lstm", "gru", "rnn_tanh")
NORMS = ("sum", "softmax", "content", "mean")
every_cell = pytest.mark.parametrize("cell", CELLS)
every_norm = pytest.mark.parametrize("norm", NORMS)

# h_1 ... h_6 of 3 inputs cos(0.3 k + 0.25), 2 units, weights 0.5 sin(0.7 k + s) for s = 0.4, 0.5 and no bias, made by a
# program of its own in numpy; W_a = 0.8, 0.7, 0.6 for the lags 1, 2, 3.
GOLDEN = {
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


@pytest.mark.parametrize(("norm", "first_lag", "lags"), GOLDEN)
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_the_values_are_those_of_another_program(norm, first_lag, lags, backend):
    layer = RRA(3, 2, lags, norm=norm, first_lag=first_lag, bias=False, backend=backend, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(from_ifog(waves(8, 3, 0.4)))
        layer.weight_hh_l0.copy_(from_ifog(waves(8, 2, 0.5)))
        if lags:
            layer.weight_lag_l0.copy_(torch.tensor([0.8, 0.7, 0.6], dtype=torch.float64))
    x = torch.cos(0.3 * torch.arange(18, dtype=torch.float64) + 0.25).view(6, 1, 3)
    expected = torch.tensor(GOLDEN[norm, first_lag, lags], dtype=torch.float64)
    assert (layer(x)[0][:, 0] - expected).abs().max() < 1e-12


@every_cell
@every_norm
@pytest.mark.parametrize("first", [1, 2, 3])
def test_the_reference_agrees_with_the_equations_written_out(cell, norm, first):
    """Each row and step by itself, from a list of all former outputs."""
    call = random_call(Spec(cell, None, lags=Lags(3, norm, first)), steps=6, rows=2)
    run = rra(*call[:4], backend="reference")
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


@every_cell
def test_without_lags_it_is_eleatt(cell):
    call = random_call(Spec(cell, "sigmoid"), need_attention=True)
    ours, expected = rra(*call[:4], **call.options), eleatt(*call[:4], **call.options)
    assert torch.equal(ours.output, expected.output)
    assert ours.attention.lags is None
    assert torch.equal(ours.attention.inputs, expected.attention)


def test_before_any_output_the_unit_is_an_lstm():
    """The window holds zeros, so that the first step has no residual; the second has one."""
    call = random_call(Spec("lstm", None, lags=Lags(4)), steps=2)
    zeros = tuple(torch.zeros_like(s) for s in call.state)
    ours = rra(call.x, zeros, *call[2:4])
    plain = eleatt(call.x, zeros[:2], call.weights._replace(lag=None), Spec("lstm", None))
    assert torch.equal(ours.output[0], plain.output[0])
    assert not torch.isclose(ours.output[1], plain.output[1]).any()


@every_cell
@every_norm
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_are_each_row_alone(cell, norm, reverse):
    lengths = torch.tensor([2, 6, 1, 4])
    call = random_call(Spec(cell, "sigmoid", lags=Lags(3, norm, 2)), steps=6, rows=4)
    together = rra(*call[:4], lengths=lengths, reverse=reverse, need_attention=True)
    for row, length in enumerate(lengths.tolist()):
        state = tuple(s[row : row + 1] for s in call.state)
        alone = rra(call.x[:length, row : row + 1], state, *call[2:4], reverse=reverse, need_attention=True)
        assert_near(together.output[:length, row], alone.output[:, 0], 1e-13)
        assert not together.output[length:, row].any()
        for mine, expected in zip(together.state, alone.state, strict=True):
            assert_near(mine[row], expected[0], 1e-13)
        for mine, expected in zip(together.attention, alone.attention, strict=True):
            assert_near(mine[:length, row], expected[:, 0], 1e-13)
            assert not mine[length:, row].any()


def test_content_weights_differ_from_row_to_row_and_step_to_step():
    call = random_call(Spec("lstm", None, lags=Lags(3, "content")), steps=4, need_attention=True)
    lags = rra(*call[:4], **call.options).attention.lags
    assert lags.shape == (4, 3, 3)
    assert_near(lags.sum(-1), torch.ones(4, 3, dtype=torch.float64), 1e-14)
    assert (lags[1:] != lags[:-1]).all()
    assert (lags[:, 1:] != lags[:, :-1]).all()
    first = rra(call.x[:, :1], tuple(s[:1] for s in call.state), *call[2:4], need_attention=True)
    assert_near(first.attention.lags[:, 0], lags[:, 0], 1e-13)


def test_the_sum_norm_does_not_see_the_size_of_its_weights():
    call = random_call(Spec("lstm", None, lags=Lags(3)))
    scaled = call.weights._replace(lag=-1e-6 * call.weights.lag)
    assert_near(rra(call.x, call.state, scaled, call.spec).output, rra(*call[:4]).output, 1e-12)


@pytest.mark.parametrize("w_a", [(0.5, -0.5, 1e-5), (0.0, 0.0, 0.0)])
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_weights_that_add_up_to_zero_are_refused(w_a, backend):
    call = random_call(Spec("lstm", None, lags=Lags(3)))
    bad = call.weights._replace(lag=torch.tensor(w_a, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"add up to almost zero.*use norm='softmax'"):
        rra(call.x, call.state, bad, call.spec, backend=backend)
    softmax = call.spec._replace(lags=Lags(3, "softmax"))
    assert rra(call.x, call.state, bad, softmax, backend=backend).output.isfinite().all()


GOOD = random_call(Spec("lstm", None, lags=Lags(3, "sum", 2)))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"spec": GOOD.spec._replace(lags=Lags(3, "max"))}, ValueError, "norm should be one of 'sum', .*got 'max'"),
        ({"spec": GOOD.spec._replace(lags=Lags(0))}, ValueError, "lags should be a whole number of at least 1, got 0"),
        ({"spec": GOOD.spec._replace(lags=Lags(3, "sum", 0))}, ValueError, "first_lag should be .* 1, got 0"),
        ({"spec": GOOD.spec._replace(lags=Lags(3, "mean", 2))}, RuntimeError, "norm 'mean' has no weights lag"),
        ({"weights": GOOD.weights._replace(lag=None)}, RuntimeError, "norm 'sum' needs the weights lag"),
        ({"weights": GOOD.weights._replace(lag=torch.ones(4))}, RuntimeError, r"weight lag must be \(3,\)"),
        ({"state": GOOD.state[:2]}, RuntimeError, r"state must be 3 tensor\(s\) of shape \(3, 6\), \(3, 4, 6\)"),
        ({"state": (*GOOD.state[:2], torch.zeros(3, 3, 6))}, RuntimeError, r"got \(3, 6\), \(3, 6\), \(3, 3, 6\)"),
        ({"zoneout": torch.zeros(3, 5, 3, 6)}, RuntimeError, r"zoneout must be \(2, 5, 3, 6\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_name(changes, error, message):
    arguments = {"x": GOOD.x, "state": GOOD.state, "weights": GOOD.weights, "spec": GOOD.spec} | changes
    with pytest.raises(error, match=message):
        rra(**arguments)


def test_eleatt_says_where_lags_belong():
    with pytest.raises(ValueError, match=r"attentive_rnn\.ops\.rra"):
        eleatt(*GOOD[:4])


def test_the_kernels_say_why_they_leave_content_to_the_reference():
    call = random_call(Spec("lstm", None, lags=Lags(3, "content")))
    choice = rra(*call[:4]).choice
    assert choice.backend == "reference"
    assert "content" in choice.reason
    assert rra(*GOOD[:4]).choice.backend == "cpu"
    assert isinstance(GOOD.weights, Weights)
