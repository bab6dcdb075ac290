"""Whether the parts of a call fit each other."""

from __future__ import annotations

import torch
from torch import Tensor

from .spec import CELLS, GATES, Call


def check(call: Call) -> None:
    """Refuse a call whose parts do not fit each other, naming the part."""
    spec, x, state, w, lengths, _, zoneout, _ = call
    if spec.cell not in CELLS:
        raise ValueError(f"cell should be one of {', '.join(map(repr, CELLS))}, got {spec.cell!r}")
    if spec.gate not in GATES:
        raise ValueError(f"gate should be one of {', '.join(map(repr, GATES))}, got {spec.gate!r}")
    if x.dim() != 3:
        raise RuntimeError(f"x must have 3 dimensions (T, B, D), got {x.dim()}")
    t, b, d = x.shape
    if t == 0 or b == 0:
        raise RuntimeError(f"expected at least one step and one row, got x of shape (T, B, D) = {tuple(x.shape)}")
    n, g = w.hh.shape[-1], spec.blocks
    expected = {
        "ih": (g * n, d),
        "hh": (g * n, n),
        "b_ih": (g * n,),
        "b_hh": (g * n,),
        "ia": (d, d),
        "ha": (d, n),
        "b_a": (d,),
        "lag": (0 if spec.lags is None else spec.lags.number,),
    }
    for name, shape in expected.items():
        tensor = getattr(w, name)
        if tensor is not None and tuple(tensor.shape) != shape:
            raise RuntimeError(f"weight {name} must be {shape} for x {tuple(x.shape)}, got {tuple(tensor.shape)}")
    if (w.ia is None) != (spec.gate is None) or (w.ha is None) != (spec.gate is None):
        raise RuntimeError(f"gate {spec.gate!r} and the weights ia, ha do not agree: a gate needs both, no gate none")
    if w.b_hh is not None and spec.cell != "gru_reset_after":
        raise RuntimeError(f"cell {spec.cell!r} has one bias, b_ih; b_hh belongs to 'gru_reset_after'")
    shapes, got = [(b, *shape) for shape in spec.state_shapes(n)], [tuple(s.shape) for s in state]
    if got != shapes:
        raise RuntimeError(f"state must be {_listed(shapes)}, got {', '.join(map(str, got))}")
    if zoneout is not None and tuple(zoneout.shape) != (spec.cell_states, t, b, n):
        raise RuntimeError(f"zoneout must be {(spec.cell_states, t, b, n)}, got {tuple(zoneout.shape)}")
    if lengths is not None:
        check_lengths(lengths, t, b)


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return f"{len(shapes)} tensor(s) of shape {', '.join(str(shape) for shape in dict.fromkeys(shapes))}"


def check_lengths(lengths: Tensor, steps: int, rows: int) -> None:
    """Refuse lengths that are not `rows` whole numbers in 1..`steps`."""
    if not isinstance(lengths, Tensor):
        raise TypeError(f"lengths must be an int64 tensor, got {type(lengths).__name__}; use torch.as_tensor(lengths)")
    if lengths.dtype != torch.int64:
        raise ValueError(f"lengths must be int64, got {lengths.dtype}; use lengths.to(torch.int64)")
    if tuple(lengths.shape) != (rows,):
        raise ValueError(f"lengths must hold one length a row, shape {(rows,)}, got {tuple(lengths.shape)}")
    if torch.compiler.is_compiling():
        return  # their values are not known yet; the operator checks them when it runs
    low, high = int(lengths.min()), int(lengths.max())
    if low < 1 or high > steps:
        raise ValueError(f"lengths must lie in 1..{steps} (the steps of the input), got {low}..{high}")
