"""Single steps of a module's layers without gradients, prepared once on the compiled kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ..ops import dispatch, native
from ..ops.dispatch import Choice
from ..ops.recurrence import Call, Lags, Spec, State, Weights, check
from ..ops.recurrence.op import TABLE, normalised
from ..ops.recurrence.stream import Stream, addresses, joined
from .parameters import PARAMETERS

try:
    from torch._C._dynamo.guards import TensorGuards
except ImportError:  # a private name of PyTorch: where it is gone, every step takes the general path
    TensorGuards = None  # type: ignore[assignment, misc]

_address = Tensor.data_ptr
_COMPUTING = (BasePruningMethod, SpectralNorm, WeightNorm)


class _LagWeights:
    """The weights of a layer's lags as the kernels read them, kept in step with the parameter they are made of."""

    def __init__(self, lags: Lags, learned: Tensor | None, like: Tensor) -> None:
        self.lags, self.learned, self.like = lags, learned, like
        self.made = normalised(lags, learned, like)
        self.of = None if learned is None else learned.tolist()

    def follow(self) -> None:
        """Make them anew, in their place, if the parameter has changed in its place."""
        if self.learned is not None and self.learned.tolist() != self.of:
            made = normalised(self.lags, self.learned, self.like)
            assert self.made is not None
            assert made is not None
            self.made.copy_(made)
            self.of = self.learned.tolist()


def like(tensors: Sequence[Tensor]) -> Callable[..., bool]:
    """A test, one call, of whether as many tensors have the types, dtypes, layouts, sizes and strides of these.

    It is the one that graphs of torch.compile have. It fails too where autocast, a transform or another mode of
    dispatch was switched on or off since.
    """
    sizes: list[Any] = [list(t.shape) for t in tensors]
    strides: list[Any] = [list(t.stride()) for t in tensors]
    test: Callable[..., bool] = TensorGuards(*tensors, dynamic_dims_sizes=sizes, dynamic_dims_strides=strides).check
    return test


class Prepared(NamedTuple):
    """A step of all layers of a module on the compiled kernels, and what it was made for."""

    backend: str
    threads: int
    like_given: Callable[..., bool]  # of x and the state
    kind: type[nn.Module]  # a parametrisation changes it
    read: frozenset[str]  # names of all that a layer may read, found or not
    names: list[str]  # of all that was registered as a parameter
    like_held: Callable[..., bool]  # of those parameters
    addresses: list[int]  # theirs
    choice: Choice
    run: Callable[..., None]  # all layers, on addresses
    output: Tensor | None  # one like a layer's; a cell has none but its state
    streams: tuple[Stream, ...]  # they hold the memory at those addresses
    lags: tuple[_LagWeights, ...]

    def fits(self, module: nn.Module, x: Tensor, state: State) -> bool:
        return (
            self.backend == module.backend
            and self.threads == torch.get_num_threads()
            and self.like_given(x, *state)
            and self.follows(module)
        )

    def follows(self, module: nn.Module) -> bool:
        """Whether the module's weights are still those that this reads, whatever their values are now."""
        held = module._parameters
        tensors: Any = held.values()
        return (
            list(held) == self.names
            and type(module) is self.kind
            and module.__dict__.keys().isdisjoint(self.read)  # where a pruned weight stands, and one of weight_norm
            and (not module._buffers or module._buffers.keys().isdisjoint(self.read))
            and self.like_held(*tensors)
            and list(map(_address, tensors)) == self.addresses
        )


def compute_weights(module: nn.Module) -> None:
    """Make the weights that pruning, weight_norm and spectral_norm compute before a call, from what they are now."""
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, _COMPUTING):
            hook(module, ())


class Steps:
    """Steps of a module by :class:`Stream`, prepared at the first and again where the module's tensors were replaced.

    It is no part of the module's state: pickles and deep copies of the module start with none prepared.
    """

    def __init__(self) -> None:
        self._prepared: Prepared | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Steps, ()

    def advance(
        self, module: nn.Module, specs: Sequence[Spec], suffixes: Sequence[str], x: Any, state: Any
    ) -> tuple[Tensor, State, Choice] | None:
        """The output and the state after x, in new tensors, and the backend; None where only the general path can tell.

        Args:
            module: the owner of the parameters and of `backend`.
            specs: one a layer.
            suffixes: of the names of each layer's parameters; "" for a cell, whose state has no dimension for layers.
            x: the input, (B, D) or (D).
            state: h or (h, c), each (L, B, N) or (L, N); with lags it ends with the window, (L, B, W, N) or (L, W, N).
        """
        # What else keeps a call from the kernels, `prepare` finds, and `fits` where it was switched on since.
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or forward_ad._current_level >= 0:
            return None
        if TensorGuards is None:
            return None
        if specs[0].states == 1:
            state = (state,)
        elif type(state) not in (tuple, list) or len(state) != specs[0].states:
            return None
        prepared = self._prepared
        if prepared is None or not prepared.fits(module, x, state):
            prepared = self._prepared = prepare(module, specs, suffixes, x, state)
            if prepared is None:
                return None
        for lags in prepared.lags:
            lags.follow()
        x, h = x.contiguous(), state[0].contiguous()
        h_after = torch.empty_like(h)
        output = h_after if prepared.output is None else torch.empty_like(prepared.output)
        if len(state) == 1:
            prepared.run(_address(x), _address(h), None, None, _address(h_after), None, None, _address(output))
            return output, (h_after,), prepared.choice
        before = (h, *(s.contiguous() for s in state[1:]))
        after = (h_after, *map(torch.empty_like, before[1:]))
        places = addresses(specs[0], before), addresses(specs[0], after)
        prepared.run(_address(x), *places[0], *places[1], _address(output))
        return output, after, prepared.choice


def prepare(
    module: Any, specs: Sequence[Spec], suffixes: Sequence[str], x: Tensor, state: Sequence[Tensor]
) -> Prepared | None:
    """Streams over a module's layers as they are now, with dropout and zoneout aside; None where they cannot be had.

    Args:
        module, specs, suffixes, x, state: as in :meth:`Steps.advance`, the state a tuple.
    """
    if native.kernels is None or native.why_not_transformed() is not None or torch.is_autocast_enabled("cpu"):
        return None
    if specs[0].lags is not None and specs[0].lags.norm == "content":
        return None  # weights of the lags that differ from step to step
    if not all(isinstance(t, Tensor) for t in (x, *state, *module._parameters.values())):
        return None
    if len(specs) > 1 and module.residual:
        return None  # the kernels hand a layer's output to the next one as it is
    names = [name + suffix for suffix in suffixes for name in PARAMETERS]
    found = [module._parameters.get(name) for name in names]
    if any(getattr(module, name, None) is not p for name, p in zip(names, found, strict=True)):
        return None  # a weight is computed, and so may be another one at the next step
    layers = [
        Weights(*(None if p is None else p.detach() for p in found[i : i + len(PARAMETERS)]))  # type: ignore[arg-type]
        for i in range(0, len(found), len(PARAMETERS))
    ]
    d, n, dtype = layers[0].ih.shape[1], layers[0].hh.shape[1], layers[0].ih.dtype
    stack = (len(specs),) if suffixes[0] else ()
    shapes = tuple(torch.Size((*stack, *x.shape[:-1], *shape)) for shape in specs[0].state_shapes(n))
    if x.dim() not in (1, 2) or x.shape[-1] != d or x.numel() == 0 or tuple(s.shape for s in state) != shapes:
        return None
    if dtype not in (torch.float32, torch.float64) or not all(w is None or w.is_contiguous() for w in sum(layers, ())):
        return None
    rows = x.shape[0] if x.dim() == 2 else 1
    frames = x.reshape(1, rows, d)
    choice, former, one_row = None, [], specs[0].state_shapes(n)
    for k, (spec, weights) in enumerate(zip(specs, layers, strict=True)):
        before = tuple(s.reshape(len(specs), rows, *shape)[0] for s, shape in zip(state, one_row, strict=True))
        call = Call(spec, frames, before, weights)
        check(call)
        if spec.lags is not None:
            former.append(_LagWeights(spec.lags, weights.lag, weights.hh))
            layers[k] = weights._replace(lag=former[-1].made)
            call = call._replace(w=layers[k])
        choice = dispatch.choose(TABLE, module.backend, call)
        if choice.backend != "cpu":
            return None
        frames = before[0].unsqueeze(0)
    assert choice is not None
    streams = tuple(Stream(spec, weights, rows) for spec, weights in zip(specs, layers, strict=True))
    held = module._parameters
    return Prepared(
        module.backend,
        torch.get_num_threads(),
        like((x, *state)),
        type(module),
        frozenset(names),
        list(held),
        like(tuple(held.values())),
        list(map(_address, held.values())),
        choice,
        joined(streams),
        torch.empty((*x.shape[:-1], n), dtype=dtype) if suffixes[0] else None,
        streams,
        tuple(former),
    )
