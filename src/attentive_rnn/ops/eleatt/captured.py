"""EleAtt-RNN by CUDA graphs of the loop of `hoisted`: for layers too wide for kernels of our own.

Their products are the library's, dozens of launches a step; a recording is launched once for all steps. Those of a
size, forward and backward, hold 8D + (3G + 7)N numbers a step and row, and the weights twice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import graphs
from ..graphs import Tensors
from . import hoisted, sequence
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


def forward(call: Call) -> Result:
    """What `reference.forward` computes."""
    return sequence.run(sequence.Scan(_scan, _scan_back), call)


def _scan(call: Call) -> tuple[tuple[Tensor, ...], Saved]:
    spec = call.spec
    found: Any = GRAPHS(_forward, (spec, call.reverse), (call.x, call.zoneout, *call.state, *call.w))
    return tuple(found[: 1 + spec.states]), Saved(*found[1 + spec.states :])


def _forward(options: tuple[Spec, bool], tensors: Any) -> Tensors:
    (spec, reverse), (x, zoneout, *rest) = options, tensors
    state, w = tuple(rest[: spec.states]), Weights(*rest[spec.states :])
    results, saved = hoisted.scan(Call(spec, x, state, w, reverse=reverse, zoneout=zoneout))
    return *results, *saved


def _scan_back(call: Call, saved: Saved, grads: tuple[Tensor | None, ...], need_x: bool) -> Deltas:
    tensors = (call.x, call.zoneout, *call.w, *saved, *grads)
    found: Any = GRAPHS(_backward, (call.spec, call.reverse, need_x), tensors)
    cell, candidate, gate, d_x, *d_state = found
    return Deltas(cell, candidate, gate, d_x, d_state)


def _backward(options: tuple[Spec, bool, bool], tensors: Any) -> Tensors:
    (spec, reverse, need_x), (x, zoneout, *rest) = options, tensors
    w, rest = Weights(*rest[: len(Weights._fields)]), rest[len(Weights._fields) :]
    saved, grads = Saved(*rest[: len(Saved._fields)]), tuple(rest[len(Saved._fields) :])
    call = Call(spec, x, (), w, reverse=reverse, zoneout=zoneout)
    deltas = hoisted.scan_back(call, saved, grads, need_x)
    return deltas.cell, deltas.candidate, deltas.gate, deltas.x, *deltas.state
