"""The recurrence by CUDA graphs of the loop of `hoisted`, for layers too wide for our own kernels: thousands of
launches are recorded once and replayed by one.

Their products are the library's, dozens of launches a step. The recordings of a size, forward and backward, hold
8D + (3G + 7)N numbers a step and row, and the weights twice.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import autograd, gpu
from . import hoisted, reference
from .hoisted import Deltas, Saved
from .spec import Call, Result, Spec, Weights

Tensors = Sequence[Tensor | None]
MOST = 16  # kinds of calls that are kept, the latest used; a layer's training has two, forward and backward
LONGEST = 2048  # steps of a graph, each a few dozen nodes


def why_not(call: Call) -> str | None:
    """What keeps this form from a call, if anything."""
    refusal = call.why_not_by_hand()
    if refusal is not None:
        return refusal
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


def run(call: Call) -> Result:
    """What the reference computes."""
    result: Result = autograd.run(KERNELS, None, call)
    return result


def record(run: Callable[[], Tensors]) -> tuple[Tensors, Callable[[], None]]:
    """What `run` returns, and a function that fills it anew from the memory that `run` reads."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run()  # libraries take the memory they work in at their first call, which a recording must not hold
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may prepare batches meanwhile
        returned = run()
    return returned, graph.replay


class _Recording(NamedTuple):
    given: Tensors
    returned: Tensors
    replay: Callable[[], None]


class Graphs:
    """Call functions through recordings, one for each kind of call: function, options, shapes, dtypes, stream.

    A recording reads and writes memory of its own: arguments are copied in and results copied out, so that calls may
    follow each other in any order, layers of the same sizes share one, and what a call returned stays as it is. That
    memory is the arguments', the results' and what the function works in, for each kind.

    The first call of a kind runs as it is, the second one is recorded: sizes that come once cost nothing.

    Args:
        record: see :func:`record`.
    """

    def __init__(self, record: Callable[[Callable[[], Tensors]], tuple[Tensors, Callable[[], None]]] = record) -> None:
        self._record = record
        self._kinds: OrderedDict[Hashable, _Recording | None] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, function: Callable[..., Tensors], options: Hashable, tensors: Tensors) -> Tensors:
        """What function(options, tensors) returns; it may change what it is given."""
        first = next(tensor for tensor in tensors if tensor is not None)
        with self._lock, torch.cuda.device_of(first):
            kind = (function, options, _modes(first), tuple(None if t is None else (t.shape, t.dtype) for t in tensors))
            new = kind not in self._kinds
            recording = self._kinds.setdefault(kind, None)
            self._kinds.move_to_end(kind)
            if len(self._kinds) > MOST:
                self._kinds.popitem(last=False)
            if new:
                return function(options, tensors)
            if recording is None:
                given = [None if t is None else t.clone(memory_format=torch.contiguous_format) for t in tensors]
                recording = _Recording(given, *self._record(lambda: function(options, given)))
                self._kinds[kind] = recording
            for ours, theirs in zip(recording.given, tensors, strict=True):
                if ours is not None and theirs is not None:
                    ours.copy_(theirs)
            recording.replay()
            return [None if t is None else t.clone() for t in recording.returned]


def _modes(tensor: Tensor) -> Hashable:
    """What else decides which kernels are recorded, and for which stream."""
    stream = torch.cuda.current_stream().cuda_stream if tensor.is_cuda else None
    return tensor.device, stream, gpu.precision(), torch.are_deterministic_algorithms_enabled()


GRAPHS = Graphs()


def forward(call: Call, keep: Any) -> tuple[tuple[Tensor, ...], Saved]:
    """The results (output, *states[, attention]), and what a backward pass needs; see :class:`Kernels`."""
    states = call.spec.states
    call = call._replace(state=tuple(s.clone() for s in call.state))  # a call that is not replayed changes them
    found: Any = GRAPHS(_forward, (call.spec, call.reverse), call.tensors[1:])
    results, saved = tuple(found[: 1 + states]), Saved(*found[1 + states :])
    return hoisted.with_attention(call, results, saved), saved


def _forward(options: tuple[Spec, bool], tensors: Any) -> Tensors:
    spec, reverse = options
    results, saved = hoisted.scan(Call.of((spec, reverse, False, None), (None, *tensors)))
    return *results, *saved


def backward(call: Call, saved: Any, grads: Any, needed: Any) -> tuple[Tensor | None, ...]:
    """The gradients of x, the states and the weights where needed."""
    tensors = (*call.tensors[1:], *saved, *grads)
    found: Any = GRAPHS(_backward, (call.spec, call.reverse, needed[0]), tensors)
    cell, candidate, gate, d_x, lag, *d_state = found
    return hoisted.gradients(call, Saved(*saved), Deltas(cell, candidate, gate, d_x, d_state, lag), needed)


def _backward(options: tuple[Spec, bool, bool], tensors: Any) -> Tensors:
    spec, reverse, need_x = options
    given = 2 + spec.states + len(Weights._fields)  # all tensors of a call but its lengths
    call, rest = Call.of((spec, reverse, False, None), (None, *tensors[:given])), tensors[given:]
    parts = len(Saved._fields)
    deltas = hoisted.scan_back(call, Saved(*rest[:parts]), tuple(rest[parts:]), need_x)
    return deltas.cell, deltas.candidate, deltas.gate, deltas.x, deltas.lag, *deltas.state


KERNELS = autograd.Kernels("cuda-graph", hoisted.KERNELS.why_not, forward, backward, reference.results)
