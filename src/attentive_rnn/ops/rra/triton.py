"""RRA by the Triton kernels (ops/eleatt/triton_lags.py), which take the lags' weights as they are normalised."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from ..eleatt import Spec, State, Weights, triton
from . import reference


def why_not(spec: Spec, x: Tensor, state: State, w: Weights, *options: Any) -> str | None:
    """What keeps the kernels from a call, if anything."""
    if w.lag is None:
        return "its kernels have weights that are the same at all steps, not those of norm='content'"
    return triton.why_not(spec, x, state, w, *options)


forward = partial(triton.forward, oracle=reference.forward)
