"""The measurement of memory over long sequences."""

from __future__ import annotations

import torch
from benchmarks.recomputing import measure


def test_a_step_in_parts_has_the_gradient_of_a_step_that_keeps_all():
    whole, parts = (torch.tensor(measure(200, part)["gradient"]) for part in (None, 30))
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-7)
