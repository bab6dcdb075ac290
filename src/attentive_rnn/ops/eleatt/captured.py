"""EleAtt-RNN, with lags or without, by CUDA graphs of the loop of `hoisted`: for layers too wide for our own kernels.

Their products are the library's, dozens of launches a step; a recording is launched once for all steps. Those of a
size, forward and backward, hold 8D + (3G + 7)N numbers a step and row, and the weights twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import graphs
from ..graphs import Tensors
from . import hoisted, reference, sequence
from .sequence import Deltas, Saved
from .spec import Call, Result, Spec, Weights

LONGEST = 2048  # steps of a graph, each a few dozen nodes
GRAPHS = graphs.Graphs()


def why_not(call: Call) -> str | None:
    """What keeps this form from a call, if anything."""
    if call.x.device.type != "cuda":
        return f"tensors are on {call.x.device}"
    return why_not_recorded(call.x, call.lengths) or hoisted.why_not(call)


def why_not_recorded(x: Tensor, lengths: Tensor | None) -> str | None:
    """What keeps a call on a GPU from being recorded, if anything."""
    if lengths is not None:
        return "a graph does the same at every replay, and lengths differ from batch to batch"
    if x.shape[0] > LONGEST:
        return f"graphs are recorded for up to {LONGEST} steps"
    if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
        return "its stream is being captured into another graph"
    return None


def forward(call: Call, oracle: Callable[[Call], Result] = reference.forward) -> Result:
    """What `oracle`, the recurrence's reference, computes."""
    return sequence.run(sequence.Scan(_scan, _scan_back, oracle), call)


def _scan(call: Call) -> tuple[tuple[Tensor, ...], Saved]:
    spec = call.spec
    found: Any = GRAPHS(_forward, (spec, call.reverse), call.tensors[1:])
    return tuple(found[: 1 + spec.states]), Saved(*found[1 + spec.states :])


def _forward(options: tuple[Spec, bool], tensors: Any) -> Tensors:
    spec, reverse = options
    results, saved = hoisted.scan(Call.of((spec, reverse, False), (None, *tensors)))
    return *results, *saved


def _scan_back(call: Call, saved: Saved, grads: tuple[Tensor | None, ...], need_x: bool) -> Deltas:
    tensors = (*call.tensors[1:], *saved, *grads)
    found: Any = GRAPHS(_backward, (call.spec, call.reverse, need_x), tensors)
    cell, candidate, gate, d_x, lag, *d_state = found
    return Deltas(cell, candidate, gate, d_x, d_state, lag)


def _backward(options: tuple[Spec, bool, bool], tensors: Any) -> Tensors:
    spec, reverse, need_x = options
    given = 2 + spec.states + len(Weights._fields)  # all tensors of a call but its lengths
    call, rest = Call.of((spec, reverse, False), (None, *tensors[:given])), tensors[given:]
    parts = len(Saved._fields)
    deltas = hoisted.scan_back(call, Saved(*rest[:parts]), tuple(rest[parts:]), need_x)
    return deltas.cell, deltas.candidate, deltas.gate, deltas.x, deltas.lag, *deltas.state
