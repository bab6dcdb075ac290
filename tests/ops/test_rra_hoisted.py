"""RRA in PyTorch's operators with their own backward, against the reference: the form that wide layers take."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from attentive_rnn.ops import BackendError
from attentive_rnn.ops.eleatt import Lags, Spec
from attentive_rnn.ops.rra import rra
from helpers import ALL_CELLS, ALL_GATES, assert_all_near, random_call, relative_error, results

LAGS = [Lags(1, "mean"), Lags(2, "sum", 2), Lags(3, "softmax"), Lags(6, "sum", 3)]  # of 4 steps


@pytest.mark.parametrize("lags", LAGS, ids=str)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_any_call_gives_what_the_reference_gives(cell, lags):
    for gate, ragged, reverse, zoned in product(ALL_GATES, *[(False, True)] * 3):
        spec = Spec(cell, gate, 1.5, lags)
        options: dict[str, Any] = {"reverse": reverse, "need_attention": True, "bias": not zoned}
        if ragged:
            options["lengths"] = torch.tensor([3, 1, 4])
        if zoned:
            options["zoneout"] = torch.rand(spec.cell_states, 4, 3, 5, dtype=torch.float64)
        call = random_call(spec, 4, 3, 3, 5, **options)
        assert_all_near(results(call, "hoisted"), results(call, "reference"), 1e-11)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_second_derivative_is_that_of_the_reference(cell):
    def penalty(backend: str) -> list[torch.Tensor]:
        call = random_call(Spec(cell, lags=Lags(2)), 4, 3, 5, 6)
        leaves = list(call.leaves().values())
        first = torch.autograd.grad(rra(*call[:4], backend=backend).output.square().sum(), leaves, create_graph=True)
        return list(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))

    for ours, theirs in zip(penalty("hoisted"), penalty("reference"), strict=True):
        assert relative_error(ours, theirs) < 1e-11


def test_weights_that_differ_from_step_to_step_are_refused_with_the_reason():
    call = random_call(Spec("lstm", None, lags=Lags(2, "content")), 3, 2, 4, 5)
    with pytest.raises(BackendError, match="the same at all steps, not those of norm='content'"):
        rra(*call[:4], backend="hoisted")
