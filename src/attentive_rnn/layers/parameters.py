"""Which parameters a layer has, their names and their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.eleatt import GATES, Gate, Spec
from ..ops.rra import LEARNED

# Short names of the parameters, in the order of the fields of Weights.
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_ia", "weight_ha", "bias_a", "weight_lag")


def parameter_shapes(spec: Spec, d: int, n: int, bias: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters of one direction of one layer, by short name, in their order."""
    rows = spec.blocks * n
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, d), "weight_hh": (rows, n)}
    if bias:
        shapes["bias_ih"] = (rows,)
        if spec.cell == "gru_reset_after":
            shapes["bias_hh"] = (rows,)
    if spec.gate is not None:
        shapes |= {"weight_ia": (d, d), "weight_ha": (d, n)}
        if bias:
            shapes["bias_a"] = (d,)
    if spec.lags is not None and spec.lags.norm in LEARNED:
        shapes["weight_lag"] = (spec.lags.number,)
    return shapes


def gates_per_layer(gate: Gate | Sequence[Gate], num_layers: int) -> tuple[Gate, ...]:
    """One gate a layer, from one for all or a sequence of them."""
    if isinstance(gate, Sequence) and not isinstance(gate, str):
        gates: tuple[Any, ...] = tuple(gate)
    else:
        gates = (gate,) * num_layers
    if len(gates) != num_layers:
        raise ValueError(f"gate should be one value or one a layer, got {len(gates)} for num_layers={num_layers}")
    for one in gates:
        if one not in GATES:
            raise ValueError(f"gate should be 'sigmoid', 'softmax' or None, got {one!r}")
    return gates
