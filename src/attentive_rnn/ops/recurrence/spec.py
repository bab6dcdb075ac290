"""Parts of a recurrence: its cell, its gate, the past outputs that it attends to, its weights and its state; a call
of it, which every backend takes; the result; and the check that the parts of a call fit each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ...options import Gate, GateReads, Keep, Norm
from ..autograd import differentiable

Cell = Literal["rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after"]

CELLS: tuple[Cell, ...] = ("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after")
GATES: tuple[Gate, ...] = ("sigmoid", "softmax", "hard", None)
GATE_READS: tuple[GateReads, ...] = ("both", "state")

NORMS: tuple[Norm, ...] = ("sum", "softmax", "content", "mean")
LEARNED: tuple[Norm, ...] = ("sum", "softmax")  # those that have a W_a


class Lags(NamedTuple):
    """The K past outputs that a step attends to, h_{t-first} ... h_{t-first-K+1}."""

    number: int  # K
    norm: Norm = "sum"  # how their weights w are made of W_a; see reference.lag_weights
    first: int = 1

    @property
    def window(self) -> int:
        """W, how many past outputs the recurrence carries."""
        return self.number + self.first - 1


class Spec(NamedTuple):
    """The recurrence: the cell, the attention gate's activation (None: no gate), its response's factor, the lags,
    what the gate reads, and its rank.
    """

    cell: Cell
    gate: Gate = "sigmoid"
    gate_scale: float = 1.0
    lags: Lags | None = None  # None: no attention to past outputs
    gate_reads: GateReads = "both"  # "state": h_{t-1} alone
    gate_rank: int | None = None  # r, the length of u_t, of a low-rank gate; None: there is no W_ua

    @property
    def blocks(self) -> int:
        """G, the number of N-row blocks in the cell's weights."""
        return {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3, "gru_reset_after": 3}[self.cell]

    @property
    def cell_states(self) -> int:
        """The number of tensors (B, N) that the cell carries: h, and for the LSTM c."""
        return 2 if self.cell == "lstm" else 1

    @property
    def states(self) -> int:
        """The number of tensors that the recurrence carries: the cell's, and with lags the window."""
        return self.cell_states + (self.lags is not None)

    def state_shapes(self, n: int) -> list[tuple[int, ...]]:
        """The shapes of one row's states: (N,) for h and c, (W, N) for the window, the latest output first."""
        cell: list[tuple[int, ...]] = [(n,)] * self.cell_states
        return cell if self.lags is None else [*cell, (self.lags.window, n)]

    def h_c_window(self, states: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Something of h, of c and of the window, from that of the states that the recurrence has; else None."""
        c = states[1] if self.cell_states > 1 else None
        return states[0], c, states[-1] if self.lags is not None else None

    def of_states(self, h: Any, c: Any, window: Any) -> list[Any]:
        """The inverse of :meth:`h_c_window`."""
        return [h] + [c] * (self.cell_states > 1) + [window] * (self.lags is not None)


class Weights(NamedTuple):
    """One direction of one layer; blocks of N rows in torch's order (GRU r, z, n; LSTM i, f, g, o)."""

    ih: Tensor  # (G*N, D)
    hh: Tensor  # (G*N, N)
    b_ih: Tensor | None = None  # (G*N)
    b_hh: Tensor | None = None  # (G*N), only with gru_reset_after
    ia: Tensor | None = None  # (D, D), W_xa, low-rank (r, D); None too where the gate reads h_{t-1} alone
    ha: Tensor | None = None  # (D, N), W_ha, low-rank (r, N)
    ua: Tensor | None = None  # (D, r), W_ua, only of a low-rank gate
    b_a: Tensor | None = None  # (D)
    lag: Tensor | None = None  # (K), W_a of the lags, that of the latest output first; in a `Call`, w made of it


State = tuple[Tensor, ...]  # (h,) or (h, c), each (B, N); with lags also the window (B, W, N)


class Call(NamedTuple):
    """One direction of one layer over a batch of sequences.

    A function of autograd, an operator and a CUDA graph take tensors one by one: a call is taken apart into `options`
    and `tensors` and put together by `of`. Here `w.lag` is w, not W_a; None with the norm "content".
    """

    spec: Spec
    x: Tensor  # (T, B, D)
    state: State  # before the first step
    w: Weights
    lengths: Tensor | None = None  # (B), int64: the number of steps of each row, each in 0..T; None: all T
    reverse: bool = False  # from each row's last step to its first
    zoneout: Tensor | None = None  # (cell_states, T, B, N), in 0..1: the share of its old value that each unit keeps
    need_attention: bool = False
    keep: Keep = None  # how what the backward pass reads is kept: "bf16", in bfloat16; None: in full

    @property
    def options(self) -> tuple[Spec, bool, bool, Keep]:
        """All that is no tensor."""
        return self.spec, self.reverse, self.need_attention, self.keep

    @property
    def differentiable(self) -> bool:
        """Whether gradients of its results can be asked for."""
        return differentiable(self.inputs)

    @property
    def empty(self) -> bool:
        """Whether it has no rows, and nothing is to be computed."""
        return self.x.shape[1] == 0

    @property
    def inputs(self) -> tuple[Tensor | None, ...]:
        """The tensors that have gradients: x, the states and the weights."""
        return (self.x, *self.state, *self.w)

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """All tensors: the lengths, zoneout and the inputs."""
        return (self.lengths, self.zoneout, self.x, *self.state, *self.w)

    @classmethod
    def of(cls, options: tuple[Spec, bool, bool, Keep], tensors: Sequence[Any]) -> Call:
        """The call that has these `options` and `tensors`."""
        spec, reverse, need_attention, keep = options
        lengths, zoneout, x, *inputs = tensors
        state, w = tuple(inputs[: spec.states]), Weights(*inputs[spec.states :])
        return cls(spec, x, state, w, lengths, reverse, zoneout, need_attention, keep)

    @property
    def dtype(self) -> torch.dtype:
        """Of all its numbers."""
        return self.x.dtype

    def contiguous(self) -> Call:
        """The call as kernels read it: all tensors contiguous, but x, which has unit stride along D."""
        x, others = self.x, (self.lengths, self.zoneout, *self.state, *self.w)
        if x.stride(-1) == 1 and all(t is None or t.is_contiguous() for t in others):
            return self
        lengths, zoneout, *rest = (None if t is None else t.contiguous() for t in others)
        return Call.of(self.options, (lengths, zoneout, x if x.stride(-1) == 1 else x.contiguous(), *rest))

    def to(self, dtype: torch.dtype) -> Call:
        """The call with all its numbers in another type."""
        lengths, *numbers = self.tensors
        return Call.of(self.options, (lengths, *(None if t is None else t.to(dtype) for t in numbers)))

    def result(self, tensors: Sequence[Tensor]) -> Result:
        """The result of (output, *state), with the gate's response last if that is asked for."""
        inputs = tensors[-1] if self.need_attention else None
        return Result(tensors[0], tuple(tensors[1 : 1 + self.spec.states]), Attention(None, inputs))

    def why_not_by_hand(self) -> str | None:
        """What keeps the call from every backend with a backward pass of its own, if anything."""
        if self.spec.lags is not None and self.w.lag is None:
            return "it has weights that are the same at all steps, not those of norm='content'"
        if self.zoneout is not None and self.zoneout.requires_grad:
            return "it has no gradient for zoneout"
        return None


class Attention(NamedTuple):
    """What a layer attended to at every step, zero past a row's length; None where it has no lags or no gate."""

    lags: Tensor | None  # (T, B, K): the weights of the past outputs, that of h_{t-first} first
    inputs: Tensor | None  # (T, B, D): the gate's response to the elements of the input


class Result(NamedTuple):
    """What a recurrence returns: h at every step, the last state, and what it attended to where that is asked for.

    A backend leaves out the weights of the lags where they are the same at all steps.
    """

    output: Tensor  # (T, B, N), zero past a row's length
    state: State  # at each row's last step
    attention: Attention

    def to(self, dtype: torch.dtype) -> Result:
        """The result in another type."""
        attention = Attention(*(None if a is None else a.to(dtype) for a in self.attention))
        return Result(self.output.to(dtype), tuple(s.to(dtype) for s in self.state), attention)


def check(call: Call) -> None:
    """Refuse a call whose parts do not fit each other, naming the part.

    Raises:
        RuntimeError: a tensor's shape does not fit the others', or a weight is missing or has no place.
        ValueError: lengths out of range, an unknown cell, gate or norm, a bad lag.
    """
    spec, x, state, w, lengths, _, zoneout, *_ = call
    if spec.lags is not None:
        check_lags(spec.lags)
        if (w.lag is not None) != (spec.lags.norm in LEARNED):
            needs = "needs the weights lag" if w.lag is None else "has no weights lag"
            raise RuntimeError(f"norm {spec.lags.norm!r} {needs}")
    if spec.cell not in CELLS:
        raise ValueError(f"cell should be one of {', '.join(map(repr, CELLS))}, got {spec.cell!r}")
    if spec.gate not in GATES:
        raise ValueError(f"gate should be one of {', '.join(map(repr, GATES))}, got {spec.gate!r}")
    if spec.gate_reads not in GATE_READS:
        raise ValueError(f"gate_reads should be one of {', '.join(map(repr, GATE_READS))}, got {spec.gate_reads!r}")
    if spec.gate_rank is not None and (spec.gate is None or spec.gate_rank < 1):
        raise ValueError(f"gate_rank should be None or, with a gate, 1 or more, got {spec.gate_rank!r}")
    if x.dim() != 3:
        raise RuntimeError(f"x must have 3 dimensions (T, B, D), got {x.dim()}")
    t, b, d = x.shape
    if t == 0:
        raise RuntimeError(f"expected at least one step, got x of shape (T, B, D) = {tuple(x.shape)}")
    n, g, r = w.hh.shape[-1], spec.blocks, spec.gate_rank or d
    expected = {
        "ih": (g * n, d),
        "hh": (g * n, n),
        "b_ih": (g * n,),
        "b_hh": (g * n,),
        "ia": (r, d),
        "ha": (r, n),
        "ua": (d, r),
        "b_a": (d,),
        "lag": (0 if spec.lags is None else spec.lags.number,),
    }
    for name, shape in expected.items():
        tensor = getattr(w, name)
        if tensor is not None and tuple(tensor.shape) != shape:
            raise RuntimeError(f"weight {name} must be {shape} for x {tuple(x.shape)}, got {tuple(tensor.shape)}")
    if (w.ha is None) != (spec.gate is None) or (w.ia is None) != (spec.gate is None or spec.gate_reads == "state"):
        raise RuntimeError(
            f"gate {spec.gate!r} and the weights ia, ha do not agree: a gate needs both, one that reads the state ha, "
            "no gate none"
        )
    if (w.ua is None) != (spec.gate_rank is None):
        raise RuntimeError(
            f"gate_rank {spec.gate_rank} and the weight ua do not agree: a low-rank gate needs it, no other has it"
        )
    if w.b_hh is not None and spec.cell != "gru_reset_after":
        raise RuntimeError(f"cell {spec.cell!r} has one bias, b_ih; b_hh belongs to 'gru_reset_after'")
    shapes, got = [(b, *shape) for shape in spec.state_shapes(n)], [tuple(s.shape) for s in state]
    if got != shapes:
        listed = f"{len(shapes)} tensor(s) of shape {', '.join(str(shape) for shape in dict.fromkeys(shapes))}"
        raise RuntimeError(f"state must be {listed}, got {', '.join(map(str, got))}")
    if zoneout is not None and tuple(zoneout.shape) != (spec.cell_states, t, b, n):
        raise RuntimeError(f"zoneout must be {(spec.cell_states, t, b, n)}, got {tuple(zoneout.shape)}")
    if lengths is not None:
        check_lengths(lengths, t, b)


def own_lengths(lengths: Tensor | None) -> Tensor | None:
    """A copy of lengths, for a call and its backward pass.

    The caller's may lie over a buffer of NumPy's, which a loader fills with those of the next batch before the backward
    pass of this one: autograd does not notice, and the kernels would read other rows' memory.
    """
    return lengths.clone() if isinstance(lengths, Tensor) else lengths  # what is no tensor, check_lengths refuses


def check_lags(lags: Lags) -> None:
    """Refuse lags that mean nothing.

    Raises:
        ValueError: fewer than one lag, a first lag below one, or an unknown norm.
    """
    if lags.norm not in NORMS:
        raise ValueError(f"norm should be one of {', '.join(map(repr, NORMS))}, got {lags.norm!r}")
    for name, value in (("lags", lags.number), ("first_lag", lags.first)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} should be a whole number of at least 1, got {value!r}")


def check_lengths(lengths: Tensor | None, steps: int, rows: int) -> None:
    """Refuse lengths that are not `rows` whole numbers in 0..`steps`."""
    if not isinstance(lengths, Tensor):
        raise TypeError(f"lengths must be an int64 tensor, got {type(lengths).__name__}; use torch.as_tensor(lengths)")
    if lengths.dtype != torch.int64:
        raise ValueError(f"lengths must be int64, got {lengths.dtype}; use lengths.to(torch.int64)")
    if tuple(lengths.shape) != (rows,):
        raise ValueError(f"lengths must hold one length a row, shape {(rows,)}, got {tuple(lengths.shape)}")
    if torch.compiler.is_compiling() or rows == 0:
        return  # their values are not known yet; the operator checks them when it runs
    if torch._C._functorch.is_batchedtensor(lengths):
        raise RuntimeError("lengths cannot be mapped by vmap: give it sequences of one length, or loop over the rows")
    low, high = int(lengths.min()), int(lengths.max())
    if low < 0 or high > steps:
        raise ValueError(f"lengths must lie in 0..{steps} (the steps of the input), got {low}..{high}")
