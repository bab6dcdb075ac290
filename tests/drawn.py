"""Calls of the recurrence as Hypothesis draws them: odd sizes, lengths, both directions, zoneout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st

from attentive_rnn.ops.recurrence import Spec
from helpers import TOLERANCE, Call, random_call

SIZES = (1, 3, 15, 16, 17, 33)


@st.composite
def calls(draw: Callable[..., Any], specs: st.SearchStrategy[Spec]) -> Call:
    """A random call of one of `specs`; D may exceed 3N."""
    size = st.sampled_from(SIZES)
    steps, rows, inputs, units = draw(size), draw(size), draw(size), draw(size)
    inputs += 3 * units * draw(st.booleans())
    spec, dtype = draw(specs), draw(st.sampled_from(tuple(TOLERANCE)))
    if inputs == 1 and spec.gate == "softmax":  # always one: a gradient of zero has no relative error
        spec = spec._replace(gate="sigmoid")
    options: dict[str, Any] = {"reverse": draw(st.booleans()), "need_attention": draw(st.booleans())}
    lengths = draw(st.none() | st.lists(st.integers(0, steps), min_size=rows, max_size=rows))
    if lengths is not None:
        options["lengths"] = torch.tensor(lengths)
    if draw(st.booleans()):
        options["zoneout"] = torch.rand(spec.cell_states, steps, rows, units, dtype=dtype)
    seed, bias = draw(st.integers(0, 2**16)), draw(st.booleans())
    return random_call(spec, steps, rows, inputs, units, dtype=dtype, bias=bias, seed=seed, **options)
