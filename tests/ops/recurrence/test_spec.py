"""Refusals of calls whose parts do not fit each other."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.ops.recurrence import Lags, Spec, check_lengths, recurrence
from helpers import random_call

GOOD = random_call(Spec("lstm"), steps=5, rows=3, inputs=4, units=6)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"spec": Spec("mgu")}, ValueError, r"cell should be one of 'rnn_tanh', .*, got 'mgu'"),
        ({"spec": Spec("lstm", "tanh")}, ValueError, r"gate should be one of 'sigmoid', .*, None, got 'tanh'"),
        (
            {"spec": Spec("lstm", gate_rank=0)},
            ValueError,
            r"gate_rank should be None or, with a gate, 1 or more, got 0",
        ),
        ({"spec": Spec("lstm", None, gate_rank=2)}, ValueError, r"gate_rank should be None or, with a gate, 1 or more"),
        ({"spec": Spec("lstm", gate_reads="x")}, ValueError, r"gate_reads should be one of 'both', 'state', got 'x'"),
        ({"spec": Spec("lstm", gate_reads="state")}, RuntimeError, r"one that reads the state ha, no gate none"),
        ({"spec": Spec("lstm", None)}, RuntimeError, r"gate None and the weights ia, ha do not agree"),
        ({"x": torch.zeros(5, 4)}, RuntimeError, r"x must have 3 dimensions \(T, B, D\), got 2"),
        ({"x": torch.zeros(0, 3, 4)}, RuntimeError, r"at least one step,.*\(0, 3, 4\)"),
        ({"x": torch.zeros(5, 3, 9)}, RuntimeError, r"weight ih must be \(24, 9\) for x \(5, 3, 9\), got \(24, 4\)"),
        ({"weights": GOOD.weights._replace(ha=torch.zeros(4, 5))}, RuntimeError, r"weight ha must be \(4, 6\)"),
        ({"weights": GOOD.weights._replace(b_a=torch.zeros(5))}, RuntimeError, r"weight b_a must be \(4,\)"),
        (
            {"weights": GOOD.weights._replace(ha=None)},
            RuntimeError,
            r"a gate needs both, one that reads the state ha, no gate none",
        ),
        ({"weights": GOOD.weights._replace(b_hh=torch.zeros(24))}, RuntimeError, r"'lstm' has one bias, b_ih"),
        ({"state": GOOD.state[:1]}, RuntimeError, r"state must be 2 tensor\(s\) of shape \(3, 6\), got \(3, 6\)"),
        ({"state": (torch.zeros(3, 6), torch.zeros(2, 6))}, RuntimeError, r"state must be 2 .*got \(3, 6\), \(2, 6\)"),
        ({"zoneout": torch.zeros(5, 3, 6)}, RuntimeError, r"zoneout must be \(2, 5, 3, 6\), got \(5, 3, 6\)"),
        ({"lengths": torch.tensor([5, 6, 1])}, ValueError, r"lengths must lie in 0\.\.5 .*, got 1\.\.6"),
        ({"backend": "cudnn"}, ValueError, r"backend should be 'auto' or one of .*, got 'cudnn'"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_name(changes, error, message):
    arguments = {"x": GOOD.x, "state": GOOD.state, "weights": GOOD.weights, "spec": GOOD.spec} | changes
    with pytest.raises(error, match=message):
        recurrence(**arguments)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([1, 2, 3], dtype=torch.int32), r"must be int64, got torch\.int32; use lengths\.to"),
        (torch.tensor([1.0, 2.0, 3.0]), r"must be int64, got torch\.float32"),
        (torch.tensor([1, 2]), r"one length a row, shape \(3,\), got \(2,\)"),
        (torch.tensor([[1, 2, 3]]), r"one length a row, shape \(3,\), got \(1, 3\)"),
        (torch.tensor([-1, 2, 3]), r"must lie in 0\.\.5 .*got -1\.\.3"),
        (torch.tensor([6, 2, 3]), r"must lie in 0\.\.5 .*got 2\.\.6"),
    ],
)
def test_bad_lengths_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        check_lengths(lengths, steps=5, rows=3)


LAGGED = random_call(Spec("lstm", None, lags=Lags(3, "sum", 2)))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"spec": LAGGED.spec._replace(lags=Lags(3, "max"))},
            ValueError,
            "norm should be one of 'sum', .*got 'max'",
        ),
        (
            {"spec": LAGGED.spec._replace(lags=Lags(0))},
            ValueError,
            "lags should be a whole number of at least 1, got 0",
        ),
        ({"spec": LAGGED.spec._replace(lags=Lags(3, "sum", 0))}, ValueError, "first_lag should be .* 1, got 0"),
        (
            {"spec": LAGGED.spec._replace(lags=Lags(3, "mean", 2))},
            RuntimeError,
            "norm 'mean' has no weights lag",
        ),
        ({"weights": LAGGED.weights._replace(lag=None)}, RuntimeError, "norm 'sum' needs the weights lag"),
        ({"weights": LAGGED.weights._replace(lag=torch.ones(4))}, RuntimeError, r"weight lag must be \(3,\)"),
        (
            {"state": LAGGED.state[:2]},
            RuntimeError,
            r"state must be 3 tensor\(s\) of shape \(3, 6\), \(3, 4, 6\)",
        ),
        (
            {"state": (*LAGGED.state[:2], torch.zeros(3, 3, 6))},
            RuntimeError,
            r"got \(3, 6\), \(3, 6\), \(3, 3, 6\)",
        ),
        ({"zoneout": torch.zeros(3, 5, 3, 6)}, RuntimeError, r"zoneout must be \(2, 5, 3, 6\)"),
    ],
)
def test_lags_that_do_not_fit_are_refused_by_name(changes, error, message):
    arguments = {
        "x": LAGGED.x,
        "state": LAGGED.state,
        "weights": LAGGED.weights,
        "spec": LAGGED.spec,
    } | changes
    with pytest.raises(error, match=message):
        recurrence(**arguments)
