"""Keyword options of the recurrent layers: how ``**options`` of a constructor are shown, completed and checked.

Their names, types, defaults and meanings are in :mod:`attentive_rnn.options`, which needs no PyTorch.
"""

from __future__ import annotations

import inspect
import numbers
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, get_type_hints

import torch

from ..ops.recurrence import GATE_READS, GATES
from ..options import LAYER_DEFAULTS, BackendName, ClassifierOptions, Gate, GateReads, Init, LayerOptions, Rate

Constructor = TypeVar("Constructor", bound=Callable[..., None])


class Placement(TypedDict, total=False):
    """Device and type of a module's parameters, as in torch.nn."""

    device: Any
    dtype: torch.dtype | None


class Options(LayerOptions, Placement, total=False):
    """Every keyword option of a recurrent layer."""


class CellOptions(Placement, total=False):
    """Every keyword option of a single step's module; gate is one value."""

    gate: Gate
    gate_reads: GateReads
    gate_rank: int | None
    gate_scale: float
    init: Init
    backend: BackendName


DEFAULTS: Options = {**LAYER_DEFAULTS, "device": None, "dtype": None}
CELL_DEFAULTS: CellOptions = {
    "gate": "sigmoid",
    "gate_reads": "both",
    "gate_rank": None,
    "gate_scale": 1.0,
    "init": "torch",
    "backend": "auto",
    "device": None,
    "dtype": None,
}
LAYOUT = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
_TYPES = get_type_hints(Options, include_extras=True) | get_type_hints(ClassifierOptions, include_extras=True)


def show_options(defaults: Mapping[str, Any]) -> Callable[[Constructor], Constructor]:
    """Let ``inspect.signature`` and ``help`` name the options that ``**options`` of a constructor stands for.

    Args:
        defaults: the options, with their defaults for this class.
    """

    def decorate(constructor: Constructor) -> Constructor:
        signature = inspect.signature(constructor, eval_str=True)
        *named, rest = signature.parameters.values()
        assert rest.kind is rest.VAR_KEYWORD
        keywords = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_TYPES[name])
            for name, default in defaults.items()
        ]
        constructor.__signature__ = signature.replace(parameters=[*named, *keywords])  # type: ignore[attr-defined]
        return constructor

    return decorate


def complete(options: Mapping[str, Any], defaults: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Every option, from those given to the class `owner` and the defaults.

    Raises:
        TypeError: one that is given does not exist, or is not of its type.
        ValueError: a rate is out of range.
    """
    for name, value in options.items():
        if name == "proj_size":
            raise TypeError(f"{owner} has no proj_size: put a torch.nn.Linear(hidden_size, proj_size) behind the layer")
        if name not in defaults:
            raise TypeError(f"{owner}.__init__() got an unexpected keyword argument {name!r}")
        if _TYPES[name] is bool:
            check_type(name, value, bool)
        elif _TYPES[name] is Rate:
            check_rate(name, value)
        elif name == "gate_scale":
            check_above_zero(name, value)
        elif name == "gate_reads":
            check_choice(name, value, GATE_READS)
        elif name == "keep":
            check_choice(name, value, (None, "bf16"))
        elif name in ("gate_rank", "recompute") and value is not None:
            check_type(name, value, int)
    return {**defaults, **options}


def check_type(name: str, value: Any, kind: type[Any]) -> None:
    """Refuse a value that is not of its type, or a size that is not above zero."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    if kind is int and value <= 0:
        raise ValueError(f"{name} must be greater than zero")


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_rate(name: str, value: Any) -> None:
    """Refuse a probability that is not in 0..1."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"{name} should be a number in range [0, 1], got {value!r}")


def check_above_zero(name: str, value: Any) -> None:
    """Refuse what is no number above zero, or too large for a float."""
    if not _is_number(value) or not 0 < value <= sys.float_info.max:
        raise ValueError(f"{name} should be a finite number above 0, got {value!r}")


def check_choice(name: str, value: object, known: Sequence[object]) -> None:
    """Refuse a value that is not one of those known."""
    if value not in known:
        raise ValueError(f"{name} should be one of {', '.join(map(repr, known))}, got {value!r}")


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
            raise ValueError(f"gate should be 'sigmoid', 'softmax', 'hard' or None, got {one!r}")
    return gates


def rank_of_gate(gate: Gate, rank: int | None, width: int) -> int | None:
    """The rank of a layer's gate on `width` inputs; None where it has none, or would not be smaller for it."""
    return None if gate is None or rank is None or rank >= width else rank


def changed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Those values that differ from their defaults, as ``name=value``, for ``extra_repr``."""
    return [f"{name}={value!r}" for name, value in values.items() if value != defaults[name]]
