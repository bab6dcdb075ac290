"""The public function of the recurrence: attention, lengths, the sum of the lags' weights, refusals."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.ops.recurrence import Lags, Spec, Weights, recurrence
from helpers import ALL_CELLS, assert_near, random_call


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_each_row_runs_for_its_own_length_only(cell, reverse):
    call = random_call(Spec(cell), steps=6, rows=4)
    lengths = torch.tensor([3, 6, 1, 4])
    run = recurrence(*call[:4], lengths=lengths, reverse=reverse, need_attention=True)
    for row, length in enumerate(lengths.tolist()):
        state = tuple(s[row : row + 1] for s in call.state)
        alone = recurrence(call.x[:length, row : row + 1], state, *call[2:4], reverse=reverse, need_attention=True)
        assert_near(run.output[:length, row], alone.output[:, 0], 1e-14)
        assert_near(run.attention.inputs[:length, row], alone.attention.inputs[:, 0], 1e-14)
        for last, last_alone in zip(run.state, alone.state, strict=True):
            assert_near(last[row], last_alone[0], 1e-14)
        assert not run.output[length:, row].any()
        assert not run.attention.inputs[length:, row].any()


def test_attention_is_left_out_unless_asked_for():
    call = random_call(Spec("gru"))
    assert recurrence(*call[:4]).attention.inputs is None


CELLS = ("lstm", "gru", "rnn_tanh")
NORMS = ("sum", "softmax", "content", "mean")
every_cell = pytest.mark.parametrize("cell", CELLS)
every_norm = pytest.mark.parametrize("norm", NORMS)


@every_cell
@every_norm
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_are_each_row_alone(cell, norm, reverse):
    lengths = torch.tensor([2, 6, 1, 4])
    call = random_call(Spec(cell, "sigmoid", lags=Lags(3, norm, 2)), steps=6, rows=4)
    together = recurrence(*call[:4], lengths=lengths, reverse=reverse, need_attention=True)
    for row, length in enumerate(lengths.tolist()):
        state = tuple(s[row : row + 1] for s in call.state)
        alone = recurrence(call.x[:length, row : row + 1], state, *call[2:4], reverse=reverse, need_attention=True)
        assert_near(together.output[:length, row], alone.output[:, 0], 1e-13)
        assert not together.output[length:, row].any()
        for mine, expected in zip(together.state, alone.state, strict=True):
            assert_near(mine[row], expected[0], 1e-13)
        for mine, expected in zip(together.attention, alone.attention, strict=True):
            assert_near(mine[:length, row], expected[:, 0], 1e-13)
            assert not mine[length:, row].any()


@pytest.mark.parametrize("w_a", [(0.5, -0.5, 1e-5), (0.0, 0.0, 0.0)])
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_weights_that_add_up_to_zero_are_refused(w_a, backend):
    call = random_call(Spec("lstm", None, lags=Lags(3)))
    bad = call.weights._replace(lag=torch.tensor(w_a, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"add up to almost zero.*use norm='softmax'"):
        recurrence(call.x, call.state, bad, call.spec, backend=backend)
    softmax = call.spec._replace(lags=Lags(3, "softmax"))
    assert recurrence(call.x, call.state, bad, softmax, backend=backend).output.isfinite().all()


LAGGED = random_call(Spec("lstm", None, lags=Lags(3, "sum", 2)))


def test_the_kernels_say_why_they_leave_content_to_the_reference():
    call = random_call(Spec("lstm", None, lags=Lags(3, "content")))
    choice = recurrence(*call[:4]).choice
    assert choice.backend == "reference"
    assert "content" in choice.reason
    assert recurrence(*LAGGED[:4]).choice.backend == "cpu"
    assert isinstance(LAGGED.weights, Weights)
