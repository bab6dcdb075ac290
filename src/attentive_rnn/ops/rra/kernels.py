"""RRA by the kernels of ops/eleatt, which take the lags' weights as they are normalised."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..dispatch import Backend
from ..eleatt import Call
from . import reference


def with_lags(kernels: Any) -> Backend:
    """RRA by one of the modules of ops/eleatt that have kernels."""

    def why_not(call: Call) -> str | None:
        if call.w.lag is None:
            return "its kernels have weights that are the same at all steps, not those of norm='content'"
        refusal: str | None = kernels.why_not(call)
        return refusal

    return Backend(partial(kernels.forward, oracle=reference.forward), why_not)
