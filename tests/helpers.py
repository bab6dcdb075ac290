"""Helpers of the tests: the layers by their cell, random calls of the recurrence, and the measure of error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from attentive_rnn import EleAttGRU, EleAttGRUCell, EleAttLSTM, EleAttLSTMCell, EleAttRNN, EleAttRNNCell
from attentive_rnn.layers.base import RecurrentBase
from attentive_rnn.layers.cells import CellBase
from attentive_rnn.ops import native
from attentive_rnn.ops.recurrence import LEARNED, Cell, Gate, Spec, State, Weights, recurrence

ALL_CELLS: tuple[Cell, ...] = ("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after")
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-11}  # of the CPU kernels
ALL_GATES: tuple[Gate, ...] = ("sigmoid", "softmax", "hard", None)
LAYERS: dict[str, Callable[..., RecurrentBase]] = {
    "rnn_tanh": EleAttRNN,
    "rnn_relu": partial(EleAttRNN, nonlinearity="relu"),
    "lstm": EleAttLSTM,
    "gru": EleAttGRU,
    "gru_reset_after": partial(EleAttGRU, reset_after=True),
}
CELL_MODULES: dict[str, Callable[..., CellBase]] = {
    "rnn_tanh": EleAttRNNCell,
    "rnn_relu": partial(EleAttRNNCell, nonlinearity="relu"),
    "lstm": EleAttLSTMCell,
    "gru": EleAttGRUCell,
    "gru_reset_after": partial(EleAttGRUCell, reset_after=True),
}


def relative_error(out: Tensor, ref: Tensor) -> float:
    """||out - ref|| / ||ref||, in float64; the norm of `out` itself where `ref` is zero."""
    out, ref = out.detach().to("cpu", torch.float64), ref.detach().to("cpu", torch.float64)
    scale = float(ref.norm())
    return float((out - ref).norm()) / (scale if scale > 0 else 1.0)


def assert_near(out: Tensor, ref: Tensor, tolerance: float, name: str = "result") -> None:
    """Both have one shape, and their relative error is at most `tolerance`; NaN is no agreement."""
    assert out.shape == ref.shape, f"{name}: shape {tuple(out.shape)}, expected {tuple(ref.shape)}"
    error = relative_error(out, ref)
    assert error <= tolerance, f"{name}: relative error {error:.3e} is over {tolerance:.0e}"


def assert_all_near(out: dict[str, Tensor], ref: dict[str, Tensor], tolerance: float) -> None:
    """`assert_near` for every named tensor; neither side has a name that the other lacks."""
    assert out.keys() == ref.keys()
    for name in ref:
        assert_near(out[name], ref[name], tolerance, name)


def states_of(layer: RecurrentBase, rows: int, dtype: torch.dtype = torch.float64) -> Any:
    """A random initial state of a layer, as its call takes it."""
    state = tuple(torch.randn(shape, dtype=dtype) for shape in layer.state_shapes(rows))
    return state if len(state) > 1 else state[0]


def as_tuple(state: Any) -> State:
    """A layer's or cell's state as a tuple of tensors, (h,) or (h, c)."""
    return state if isinstance(state, tuple) else (state,)


def assert_runs_near(ours: Any, theirs: Any, tolerance: float = 1e-13) -> None:
    """An output and a state against another output and state."""
    assert_near(ours[0], theirs[0], tolerance, "output")
    for last, expected in zip(as_tuple(ours[1]), as_tuple(theirs[1]), strict=True):
        assert_near(last, expected, tolerance, "state")


def assert_near_or_none(ours: Tensor | None, expected: Tensor | None) -> None:
    """An attention against another, or none against none."""
    assert (ours is None) == (expected is None)
    if ours is not None and expected is not None:
        assert_near(ours, expected, 1e-13, "attention")


class Call(NamedTuple):
    """A call of the recurrence: everything `rra` takes but the backend."""

    x: Tensor
    state: State
    weights: Weights
    spec: Spec
    options: dict[str, Any]

    def leaves(self) -> dict[str, Tensor]:
        """The tensors that gradients are taken of, by name."""
        named = {"x": self.x} | {f"state{i}": s for i, s in enumerate(self.state)}
        return named | {name: w for name, w in zip(Weights._fields, self.weights, strict=True) if w is not None}


def random_call(
    spec: Spec,
    steps: int = 5,
    rows: int = 3,
    inputs: int = 4,
    units: int = 6,
    *,
    dtype: torch.dtype = torch.float64,
    bias: bool = True,
    seed: int = 0,
    **options: Any,
) -> Call:
    """A call with normal inputs and states and uniform weights, all of which require gradients."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int, bound: float | None = None) -> Tensor:
        if bound is None:
            tensor = torch.randn(shape, generator=generator, dtype=torch.float64)
        else:
            tensor = (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1) * bound
        return tensor.to(dtype).requires_grad_()

    def draw_lags(number: int) -> Tensor:  # as at the start of a training: far from a sum of zero
        return torch.rand(number, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()

    g, n, d, r, bound = spec.blocks, units, inputs, spec.gate_rank or inputs, units**-0.5
    gated = spec.gate is not None
    weights = Weights(
        ih=draw(g * n, d, bound=bound),
        hh=draw(g * n, n, bound=bound),
        b_ih=draw(g * n, bound=bound) if bias else None,
        b_hh=draw(g * n, bound=bound) if bias and spec.cell == "gru_reset_after" else None,
        ia=draw(r, d, bound=d**-0.5) if gated and spec.gate_reads == "both" else None,
        ha=draw(r, n, bound=bound) if gated else None,
        ua=None if spec.gate_rank is None else draw(d, r, bound=r**-0.5),
        b_a=draw(d, bound=bound) if bias and gated else None,
        lag=draw_lags(spec.lags.number) if spec.lags is not None and spec.lags.norm in LEARNED else None,
    )
    state = tuple(draw(rows, *shape) for shape in spec.state_shapes(n))
    return Call(draw(steps, rows, d), state, weights, spec, options)


def results(call: Call, backend: str) -> dict[str, Tensor]:
    """What `call` returns on `backend`, and the gradients of a fixed function of it, by name.

    The function weighs every number that comes back with a different weight, so that no error can hide in a sum.
    """
    leaves = call.leaves()
    run = recurrence(*call[:4], **call.options, backend=backend)
    returned = {"output": run.output} | {f"last{i}": s for i, s in enumerate(run.state)}
    returned |= {name: a for name, a in run.attention._asdict().items() if a is not None}
    generator = torch.Generator().manual_seed(1)
    loss = sum(
        (out.double() * torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out.device)).sum()
        for out in returned.values()
    )
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    returned = {name: tensor.detach() for name, tensor in returned.items()}
    return returned | {f"grad_{name}": grad for name, grad in zip(leaves, gradients, strict=True)}


def _edited(call: Call, edit: Callable[[Tensor], Tensor]) -> Call:
    """The call with every tensor of numbers changed."""

    def edited(tensor: Tensor | None) -> Any:
        return None if tensor is None else edit(tensor.detach()).requires_grad_(tensor.requires_grad)

    options = call.options | {"zoneout": edited(call.options.get("zoneout"))}
    return Call(edited(call.x), tuple(map(edited, call.state)), Weights(*map(edited, call.weights)), call.spec, options)


def in_double(call: Call) -> Call:
    return _edited(call, lambda tensor: tensor.double())


class _Disturbed(TorchDispatchMode):
    """Every sum and product that PyTorch computes, off by a share of the sum of its terms' sizes, at random.

    What a result then differs by is what rounding of that share may do to it: sums that cancel, 1 - tanh^2 of a
    saturated unit, and what follows from either.
    """

    SIZES: ClassVar[dict[Any, Callable[..., Tensor]]] = {
        torch.ops.aten.sub.Tensor: torch.add,
        torch.ops.aten.rsub.Scalar: torch.add,
        torch.ops.aten.tanh_backward.default: lambda g, y: g * (1 + y * y),
        torch.ops.aten.sigmoid_backward.default: lambda g, y: g * (1 + y) * y,
        torch.ops.aten._softmax_backward_data.default: lambda g, y, dim, _: y * (g + (g * y).sum(dim, keepdim=True)),
    }
    AS_THEY_ARE: ClassVar[set[str]] = {
        *("add", "mul", "div", "mm", "addmm", "bmm", "baddbmm", "sum", "tanh", "sigmoid", "_softmax", "mv", "dot")
    }

    def __init__(self, share: float, seed: int) -> None:
        super().__init__()
        self.share, self.generator = share, torch.Generator().manual_seed(seed)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        known = func in self.SIZES or func.overloadpacket.__name__ in self.AS_THEY_ARE
        if known and out.is_floating_point():
            sizes = self.SIZES.get(func, func)(*(a.abs() if isinstance(a, Tensor) else a for a in args))
            signs = torch.rand(out.shape, generator=self.generator, dtype=out.dtype) * 2 - 1
            out = out + self.share * signs * sizes.abs()
        return out


def term_errors(call: Call, exact: dict[str, Tensor], share: float, seed: int) -> dict[str, float]:
    """By name, how far each result is from `exact`, as a norm, where all terms are off by a share of their size."""
    with _Disturbed(share, seed):
        off = results(in_double(call), "reference")
    return {name: float((off[name] - expected).norm()) for name, expected in exact.items()}


def compare(call: Call, exact: dict[str, Tensor] | None = None, bound: float | None = None) -> None:
    """The kernels give what the reference gives in float64, to within rounding.

    Rounding is relative to a result, or where terms cancel to what :func:`term_errors` says of their sizes: the most of
    several draws, for what is off by a random number may by chance be right.

    Args:
        call: what is compared.
        exact: what the reference gives for its numbers in float64; None: it is asked.
        bound: of the rounding, as a share; None: that of the call's dtype.
    """
    exact = results(in_double(call), "reference") if exact is None else exact
    out, errors = results(call, "cpu"), {}
    bound = TOLERANCE[call.x.dtype] if bound is None else bound
    assert out.keys() == exact.keys()
    for name, expected in exact.items():
        assert out[name].shape == expected.shape, f"{name}: shape {tuple(out[name].shape)}"
        error = float((out[name].double() - expected).norm())
        if not error <= bound * float(expected.norm()):  # NaN is no agreement
            errors[name] = error
    # Where a derivative jumps, a number near the jump may be on its other side in one draw of two.
    draws = 20 if call.spec.cell == "rnn_relu" or call.spec.gate == "hard" else 3
    for seed in range(draws):
        if not errors:
            break
        allowed = term_errors(call, exact, bound, seed)
        errors = {name: error for name, error in errors.items() if not error <= allowed[name]}
    assert not errors, f"off by more than the sizes of the terms allow: {errors}"


def poison_pool() -> None:
    """Fill with NaN what the kernels will take from their pool."""
    blocks = [native.buffer(size) for size in (1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20) for _ in range(4)]
    for block in blocks:
        block.fill_(255)
