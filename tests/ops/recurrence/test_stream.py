"""Single steps on the CPU kernels against whole passes."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.ops.recurrence import Lags, Spec, recurrence
from attentive_rnn.ops.recurrence.stream import Stream
from helpers import (
    ALL_CELLS,
    ALL_GATES,
    assert_near,
    in_double,
    random_call,
    relative_error,
)


@pytest.mark.parametrize("rows", [1, 3, 20])
@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_steps_of_a_stream_are_the_steps_of_a_pass(cell, gate, rows):
    call = random_call(Spec(cell, gate), 5, rows, 19, 13, dtype=torch.float32)
    stream, state = Stream(call.spec, call.weights, rows), call.state
    expected = recurrence(*in_double(call)[:4], backend="reference")
    for x, output in zip(call.x.detach(), expected.output, strict=True):
        state = stream.step(x, state)
        assert relative_error(state[0], output) < 1e-5
    with pytest.raises(RuntimeError, match=r"expected x and states \(\d+, 19\)"):
        stream.step(call.x[0, :, :4], state)


def test_a_stream_sees_weights_that_change_in_place_and_refuses_those_it_cannot_read():
    call = random_call(Spec("gru"), 1, 2, 3, 4, dtype=torch.float32)
    stream = Stream(call.spec, call.weights, 2)
    before = stream.step(call.x[0], call.state)[0]
    with torch.no_grad():
        call.weights.ih.mul_(2)
    assert not torch.equal(before, stream.step(call.x[0], call.state)[0])
    with pytest.raises(RuntimeError, match="not contiguous"):
        Stream(call.spec, call.weights._replace(hh=torch.zeros(4, 12).T), 2)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_steps_of_a_stream_are_the_steps_of_the_reference(cell, rows):
    call = random_call(Spec(cell, "sigmoid", lags=Lags(3, "mean", 2)), 6, rows, 19, 13, dtype=torch.float32)
    stream, state = Stream(call.spec, call.weights._replace(lag=torch.full((3,), 1 / 3)), rows), call.state
    expected = recurrence(*in_double(call)[:4], backend="reference")
    for x in call.x.detach():
        state = stream.step(x, state)
    for ours, theirs in zip(state, expected.state, strict=True):
        assert_near(ours.double(), theirs, 1e-5)
    with pytest.raises(RuntimeError, match="expected x and states"):
        stream.step(x, state[:-1])
    with pytest.raises(RuntimeError, match="differ from step to step"):
        Stream(call.spec, call.weights, rows)
