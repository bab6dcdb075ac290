"""RRA by the fast backends of ops/eleatt, which take the lags' weights as they are normalised."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..dispatch import Backend
from ..eleatt import Call
from . import reference


def with_lags(backend: Any) -> Backend:
    """RRA by one of the backends of ops/eleatt, the module of which is given."""

    def why_not(call: Call) -> str | None:
        if call.w.lag is None:
            return "it has weights that are the same at all steps, not those of norm='content'"
        refusal: str | None = backend.why_not(call)
        return refusal

    return Backend(partial(backend.forward, oracle=reference.forward), why_not)
