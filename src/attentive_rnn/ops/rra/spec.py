"""What an RRA recurrence is made of: an EleAtt recurrence (ops/eleatt/spec.py) with `lags`, its window and weights.

The cell is "lstm", the paper's, or an RNN or a GRU; the gate on the input may be there too. The state ends with the
window (B, W, N), W = K + first_lag - 1 former outputs, the latest first; the weights end with `lag`, W_a (K).
"""

from __future__ import annotations

from typing import Literal

from ..eleatt import Lags, Spec, Weights

Norm = Literal["sum", "softmax", "content", "mean"]
NORMS: tuple[Norm, ...] = ("sum", "softmax", "content", "mean")
LEARNED: tuple[Norm, ...] = ("sum", "softmax")  # those that have a W_a


def check_lags(lags: Lags) -> None:
    """Refuse lags that mean nothing.

    Raises:
        ValueError: fewer than one lag, a first lag below one, or an unknown norm.
    """
    if lags.norm not in NORMS:
        raise ValueError(f"norm should be one of {', '.join(map(repr, NORMS))}, got {lags.norm!r}")
    for name, value, least in (("lags", lags.number, 1), ("first_lag", lags.first, 1)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} should be a whole number of at least {least}, got {value!r}")


def check(spec: Spec, w: Weights) -> None:
    """Refuse lags that mean nothing, or that do not fit the weights."""
    assert spec.lags is not None
    check_lags(spec.lags)
    if (w.lag is not None) != (spec.lags.norm in LEARNED):
        needs = "needs the weights lag" if w.lag is None else "has no weights lag"
        raise RuntimeError(f"norm {spec.lags.norm!r} {needs}")
