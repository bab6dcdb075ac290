"""Choice of the backend that runs a recurrence, and the reason for it.

A backend is a function of a call that gives what the recurrence's reference gives, and a test of whether it can run
that call. They are tried in the order of `BACKENDS`, the fastest first; the reference, last, can run anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor

from ..options import BackendName
from . import gpu, native

BACKENDS = get_args(BackendName)[1:]  # the fastest first


class Backend(NamedTuple):
    """An implementation of a recurrence: `run` computes it, `why_not` says what keeps it from a call, if anything."""

    run: Callable[[Any], Any]
    why_not: Callable[[Any], str | None]


class Choice(NamedTuple):
    """The backend that ran a call, and why that one."""

    backend: str
    reason: str


class BackendError(RuntimeError):
    """The backend asked for by name cannot run this call; the message says why."""


class BackendStatus(NamedTuple):
    """Whether a backend can be used on this machine, and what it is or what it lacks."""

    name: str
    available: bool
    reason: str


MACHINE: dict[str, Callable[[], tuple[bool, str]]] = {
    "triton": gpu.machine,
    "cpu": native.machine,
    "cuda-graph": gpu.graphs,
    "hoisted": lambda: (
        True,
        "PyTorch's operators with a hand-written backward, on any device and in any floating dtype",
    ),
    "reference": lambda: (True, "the equations in PyTorch, on any device and in any floating dtype"),
}


def backends() -> list[BackendStatus]:
    """Every backend of the package, whether this machine has it, and why.

    Example:
        >>> import attentive_rnn
        >>> [b.name for b in attentive_rnn.backends() if b.available][-1]
        'reference'
    """
    return [BackendStatus(name, *MACHINE[name]()) for name in BACKENDS]


def choose(table: Mapping[str, Backend], requested: str, call: Any) -> Choice:
    """Pick the backend of `table` that runs `call`; for torch.onnx.export always the loop, since ONNX has it alone.

    Args:
        table: the backends that a recurrence has, by name.
        requested: "auto" or a backend's name.
        call: what each backend's `why_not` is asked about.

    Raises:
        ValueError: `requested` is no backend's name.
        BackendError: the backend asked for by name cannot run the call.
    """
    if torch.onnx.is_in_onnx_export() and "scan" in table and table["scan"].why_not(call) is None:
        return Choice("scan", "torch.onnx.export: ONNX has no function for the other backends' operator")
    if requested == "auto":
        refusals: list[str] = []
        for name in BACKENDS:
            if name in table:
                refusal = table[name].why_not(call)
                if refusal is None:
                    return Choice(name, "; ".join(refusals) or "the fastest backend here that can run this call")
                refusals.append(f"{name}: {refusal}")
        raise BackendError("no backend can run this call: " + "; ".join(refusals))
    if requested not in BACKENDS and requested not in table:
        raise ValueError(f"backend should be 'auto' or one of {', '.join(map(repr, BACKENDS))}, got {requested!r}")
    if requested not in table:
        raise BackendError(f"backend {requested!r} cannot run here: {_absence(requested)}; use backend='auto'")
    refusal = table[requested].why_not(call)
    if refusal is not None:
        raise BackendError(f"backend {requested!r} cannot run this call: {refusal}; use backend='auto'")
    return Choice(requested, "asked for by name")


def prepare(
    table: Mapping[str, Backend], requested: str, x: Tensor, call: Any
) -> tuple[Choice, Any, AbstractContextManager[Any]]:
    """The backend for a checked call, the call in autocast's dtype where that is on, and the context to run it in.

    Args:
        table, requested: see :func:`choose`.
        x: the call's input.
        call: the call, with a method `to(dtype)`.
    """
    dtype = autocast_dtype(x)
    if dtype is None:
        return choose(table, requested, call), call, nullcontext()
    call = call.to(dtype)
    return choose(table, requested, call), call, torch.autocast(x.device.type, enabled=False)


def autocast_dtype(x: Tensor) -> torch.dtype | None:
    """The type that autocast wants a call on x in; None for x's own."""
    device = x.device.type
    on = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)  # the meta device has none
    return torch.get_autocast_dtype(device) if on and x.dtype != torch.float64 else None


def _absence(name: str) -> str:
    available, reason = MACHINE[name]()
    return reason if not available else "it does not have this recurrence"
