"""Keyword options of the recurrent layers: each option's name, type, default and meaning, written once.

`base`, `cells` and `models.classifier` take them as ``**options``; the training configuration reads their names, types
and defaults from ``inspect.signature`` of the class.
"""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict, TypeVar, get_type_hints

import torch

from ..ops.dispatch import BackendName
from ..ops.recurrence import GATES, Gate

Constructor = TypeVar("Constructor", bound=Callable[..., None])
Init = Literal["torch", "paper", "open"]
Rate = Annotated[float, "a number in range [0, 1]"]


class LayerOptions(TypedDict, total=False):
    """Options of a stack of recurrent layers.

    Args:
        gate: "sigmoid"; "softmax" (the elements of a_t sum to one); None (the plain layer, x~ = x); or a sequence
            with one entry a layer.
        gate_scale: s, a factor on the gate's response; 2 makes it about one at the start.
        locked_dropout: as dropout, but with one mask held over all steps (variational dropout).
        zoneout: probability that a unit keeps its old state at a step; in evaluation the mean is taken.
        residual: each layer but the first adds its input, after dropout, to its output: x_{k+1} = layer_k(x_k) + x_k.
        init: "torch" (all parameters uniform in +-1/sqrt(N)), "paper" (Glorot, orthogonal times 0.001, zeros) or
            "open" (as "paper", with a gate that starts near the identity).
        backend: "auto", "triton", "cpu", "cuda-graph", "hoisted" or "reference"; see :func:`attentive_rnn.backends`.
    """

    gate: Gate | Sequence[Gate]
    gate_scale: float
    locked_dropout: Rate
    zoneout: Rate
    residual: bool
    init: Init
    backend: BackendName


class Placement(TypedDict, total=False):
    """Device and type of a module's parameters, as in torch.nn."""

    device: Any
    dtype: torch.dtype | None


class Options(LayerOptions, Placement, total=False):
    """Every keyword option of a recurrent layer."""


class CellOptions(Placement, total=False):
    """Every keyword option of a single step's module; gate is one value."""

    gate: Gate
    gate_scale: float
    init: Init
    backend: BackendName


LAYER_DEFAULTS: LayerOptions = {
    "gate": "sigmoid",
    "gate_scale": 1.0,
    "locked_dropout": 0.0,
    "zoneout": 0.0,
    "residual": False,
    "init": "torch",
    "backend": "auto",
}
DEFAULTS: Options = {**LAYER_DEFAULTS, "device": None, "dtype": None}
CELL_DEFAULTS: CellOptions = {
    "gate": "sigmoid",
    "gate_scale": 1.0,
    "init": "torch",
    "backend": "auto",
    "device": None,
    "dtype": None,
}
LAYOUT = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
_TYPES = get_type_hints(Options, include_extras=True)


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
        if name not in defaults:
            raise TypeError(f"{owner}.__init__() got an unexpected keyword argument {name!r}")
        if _TYPES[name] is bool:
            check_type(name, value, bool)
        elif _TYPES[name] is Rate:
            check_rate(name, value)
    return {**defaults, **options}


def check_type(name: str, value: Any, kind: type[Any]) -> None:
    """Refuse a value that is not of its type, or a size that is not above zero."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    if kind is int and value <= 0:
        raise ValueError(f"{name} must be greater than zero")


def check_rate(name: str, value: Any) -> None:
    """Refuse a probability that is not in 0..1."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 <= float(value) <= 1:
        raise ValueError(f"{name} should be a number in range [0, 1], got {value!r}")


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
            raise ValueError(f"gate should be 'sigmoid', 'softmax' or None, got {one!r}")
    return gates


def changed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Those values that differ from their defaults, as ``name=value``, for ``extra_repr``."""
    return [f"{name}={value!r}" for name, value in values.items() if value != defaults[name]]
