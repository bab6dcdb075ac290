"""Functions of tensors that are recorded as CUDA graphs: thousands of launches replayed by one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from . import dispatch, gpu

Tensors = Sequence[Tensor | None]
MOST = 16  # kinds of calls that are kept, the latest used; a layer's training has two, forward and backward


def machine() -> tuple[bool, str]:
    """Whether this machine can record graphs."""
    if not torch.cuda.is_available():
        return False, "PyTorch sees no GPU"
    return True, f"the loop of 'hoisted' recorded as CUDA graphs on {torch.cuda.get_device_name()}"


dispatch.register_machine_check("cuda-graph", machine)


def record(run: Callable[[], Tensors]) -> tuple[Tensors, Callable[[], None]]:
    """What `run` returns, and a function that fills it anew from the memory that `run` reads."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        run()  # libraries take the memory they work in at their first call, which a recording must not hold
    torch.cuda.current_stream().wait_stream(beside)
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
