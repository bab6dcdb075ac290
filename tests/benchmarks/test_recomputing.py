"""The measurement of memory over long sequences."""

from __future__ import annotations

import torch
from benchmarks.recomputing import BOUNDS, measure


def test_a_step_in_parts_has_the_gradient_of_a_step_that_keeps_all():
    whole, parts, short = (
        torch.tensor(measure(200, part, keep)["gradient"]) for part, keep in ((None, None), (30, None), (30, "bf16"))
    )
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-7)
    assert 0 < (short - whole).norm() < BOUNDS["bf16"] * whole.norm()
