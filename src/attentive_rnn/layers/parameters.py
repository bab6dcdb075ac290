"""Parameters of one direction of one recurrent layer: names and shapes, operations a step, initialisations."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops.recurrence import LEARNED, Spec

Parameters = dict[str, Tensor]  # the parameters of one direction of one layer, by their short names

# Short names of the parameters, in the order of the fields of Weights.
PARAMETERS = (
    *("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    *("weight_ia", "weight_ha", "weight_ua", "bias_a", "weight_lag"),
)


def parameter_shapes(spec: Spec, d: int, n: int, bias: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters of one direction of one layer, by short name, in their order."""
    rows = spec.blocks * n
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, d), "weight_hh": (rows, n)}
    if bias:
        shapes["bias_ih"] = (rows,)
        if spec.cell == "gru_reset_after":
            shapes["bias_hh"] = (rows,)
    if spec.gate is not None:
        inner = spec.gate_rank or d
        if spec.gate_reads == "both":
            shapes["weight_ia"] = (inner, d)
        shapes["weight_ha"] = (inner, n)
        if spec.gate_rank is not None:
            shapes["weight_ua"] = (d, inner)
        if bias:
            shapes["bias_a"] = (d,)
    if spec.lags is not None and spec.lags.norm in LEARNED:
        shapes["weight_lag"] = (spec.lags.number,)
    return shapes


def flops(spec: Spec, d: int, n: int) -> int:
    """Multiplications and additions of one step of one direction, with D inputs and N neurons.

    GRU N(6D + 6N + 5) and the gate D(2D + 2N + 1) (Zhang et al., ECCV 2018, section 5.4); the LSTM's
    N(8D + 8N + 4), the RNN's N(2D + 2N), the 2KN of K lags, the D(2N + 1) of a gate that reads the state alone and the
    r(2D + 2N) + D(2r + 1) of a low-rank one follow by the same counting.
    """
    cell = {
        "gru": n * (6 * d + 6 * n + 5),
        "gru_reset_after": n * (6 * d + 6 * n + 5),
        "lstm": n * (8 * d + 8 * n + 4),
        "rnn_tanh": n * (2 * d + 2 * n),
        "rnn_relu": n * (2 * d + 2 * n),
    }[spec.cell]
    gate = 0
    if spec.gate is not None:
        rank, of_x = spec.gate_rank, d * (spec.gate_reads == "both")
        gate = (rank or d) * 2 * (of_x + n) + d * (2 * (rank or 0) + 1)
    return cell + gate + (0 if spec.lags is None else 2 * spec.lags.number * n)


def factors(full: Parameters, rank: int) -> Parameters:
    """The low-rank gate whose weights' product is nearest to a full gate's, by a singular value decomposition."""
    names = [name for name in ("weight_ia", "weight_ha") if name in full]
    whole = torch.cat([full[name].detach() for name in names], 1)
    # Orthogonal columns of W_ua go with singular values of zero too: a gate of zeros can still learn.
    u, s, v = torch.linalg.svd(whole.double(), full_matrices=rank > min(whole.shape))
    inner = s[:rank, None] * v[: len(s)][:rank]
    inner = F.pad(inner, (0, 0, 0, rank - len(inner)))
    parts = inner.split([full[name].shape[1] for name in names], 1)
    made = {"weight_ua": u[:, :rank], **dict(zip(names, parts, strict=True))}
    learns = full["weight_ha"].requires_grad
    return {name: value.to(whole.dtype, copy=True).requires_grad_(learns) for name, value in made.items()}


def torch_uniform(parameters: Parameters, hidden_size: int, spec: Spec) -> None:
    """Every parameter uniform in +-1/sqrt(N), as torch.nn's recurrent layers are; RRA's W_a uniform in 0..1."""
    bound = 1 / math.sqrt(hidden_size)
    for name, tensor in parameters.items():
        _uniform(name, tensor, bound)


def _uniform(name: str, tensor: Tensor, bound: float) -> None:
    """In +-bound, but W_a in 0..1, as RRA's author has it: its sum, by which it is divided, is then far from zero."""
    low, high = (0.0, 1.0) if name == "weight_lag" else (-bound, bound)
    nn.init.uniform_(tensor, low, high)


def paper(parameters: Parameters, hidden_size: int, spec: Spec) -> None:
    """The authors' choice: input weights Glorot uniform, recurrent weights orthogonal times 0.001, biases zero.

    The LSTM's forget bias is one. Glorot's fans are those of one gate's block, and each recurrent block is orthogonal
    on its own. Source: the first author's view-adaptive networks, which the paper's design follows. With lags it is
    the choice of RRA's author: weights uniform in +-0.1, biases zero, W_a uniform in 0..1.
    """
    if spec.lags is not None:
        for name, tensor in parameters.items():
            if name.startswith("bias"):
                nn.init.zeros_(tensor)
            else:
                _uniform(name, tensor, 0.1)
        return
    for name, tensor in parameters.items():
        of_gate = name in ("weight_ia", "weight_ha", "weight_ua", "bias_a")
        blocks = [tensor] if of_gate else tensor.split(hidden_size)
        for block in blocks:
            if name in ("weight_hh", "weight_ha"):
                nn.init.orthogonal_(block, gain=0.001)
            elif name in ("weight_ih", "weight_ia", "weight_ua"):
                nn.init.xavier_uniform_(block)
            else:
                nn.init.zeros_(block)
        if spec.cell == "lstm" and name == "bias_ih":
            with torch.no_grad():
                tensor[hidden_size : 2 * hidden_size] = 1.0


def chrono(parameters: Parameters, hidden_size: int, spec: Spec, steps: int) -> None:
    """Biases with which the gates at the start remember over 1 to `steps` steps, spread evenly on a log scale.

    A forget gate at f keeps its neuron's content for about 1 / (1 - f) steps. With u uniform in 1..steps - 1 the LSTM
    starts with b_f = log(u) and b_i = -log(u), the GRU with b_z = log(u), of the gate that keeps the old state. Other
    parameters stay as they are. Source: Tallec & Ollivier, "Can recurrent neural networks warp time?", ICLR 2018,
    equation 16.
    """
    if spec.cell.startswith("rnn"):
        raise ValueError("a plain RNN has no gates that could be told how long to remember")
    if steps < 3:
        raise ValueError(f"the steps to remember over must be 3 or more, got {steps}")
    if "bias_ih" not in parameters:
        raise ValueError("a layer without biases cannot be told how long to remember")
    log = torch.log(torch.empty_like(parameters["bias_ih"][:hidden_size]).uniform_(1.0, steps - 1.0))
    starts = {0: -log, 1: log} if spec.cell == "lstm" else {1: log}
    with torch.no_grad():
        for block, start in starts.items():
            parameters["bias_ih"].split(hidden_size)[block].copy_(start)
            if "bias_hh" in parameters:
                parameters["bias_hh"].split(hidden_size)[block].zero_()


def open_gate(parameters: Parameters, hidden_size: int, spec: Spec) -> None:
    """As :func:`paper`, but with a gate that starts near the identity instead of near one half.

    .. math:: W_{xa} \\leftarrow W_{xa} / 10, \\quad W_{ha} \\leftarrow W_{ha} / 10, \\quad W_x \\leftarrow W_x / a_0

    a_0 is the response of a gate whose weights are zero: s/2 for the sigmoid and the hard gate with the factor s
    (gate_scale), s/D for the softmax over D elements. So :math:`W_x (a_t \\odot x_t) / a_0` starts nearly as
    :math:`W_x x_t`, what the layer without a gate computes; the paper's start halves the input of every layer. Without
    a gate it is the paper's.
    """
    paper(parameters, hidden_size, spec)
    if spec.gate is None:
        return
    start = spec.gate_scale / (parameters["weight_ih"].shape[1] if spec.gate == "softmax" else 2)
    with torch.no_grad():
        for name, factor in (("weight_ia", 0.1), ("weight_ha", 0.1), ("weight_ih", 1 / start)):
            if name in parameters:
                parameters[name].mul_(factor)


INITIALISATIONS: dict[str, Callable[[Parameters, int, Spec], None]] = {
    "torch": torch_uniform,
    "paper": paper,
    "open": open_gate,
}
