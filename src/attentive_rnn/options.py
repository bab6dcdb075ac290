"""Options of the recurrent layers and of the classifier made of them: names, types and defaults, each written once.

The layers and the classifier take them as ``**options`` (see :mod:`.layers.options`), the training configuration as
the keys of its model section. PyTorch is not imported here, so that a recipe can be read and printed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict, get_args

BackendName = Literal["auto", "triton", "cpu", "cuda-graph", "hoisted", "reference"]
CellName = Literal["gru", "lstm", "rnn", "rra"]
Gate = Literal["sigmoid", "softmax", "hard"] | None
GateReads = Literal["both", "state"]
Init = Literal["torch", "paper", "open"]
Keep = Literal["bf16"] | None
Norm = Literal["sum", "softmax", "content", "mean"]
Pool = Literal["mean", "last", "keras_compat"]
Rate = Annotated[float, "a number in range [0, 1]"]

CELLS: tuple[CellName, ...] = get_args(CellName)
POOLS: tuple[Pool, ...] = get_args(Pool)
MAX_FRAMES = 2**18  # of a padded batch, where nothing else is said: more than any recipe needs for its data


class LayerOptions(TypedDict, total=False):
    """Options of a stack of recurrent layers.

    Args:
        gate: "sigmoid"; "softmax" (the elements of a_t sum to one); "hard", min(max(z/6 + 1/2, 0), 1) of what the
            sigmoid takes, which closes and opens altogether; None (the plain layer, x~ = x); or a sequence with one
            entry a layer.
        gate_reads: "both", x_t and h_{t-1}; "state", h_{t-1} alone: there is no W_xa, and an element whose gate is
            exactly zero changes nothing.
        gate_rank: r, of a low-rank gate, which costs less where inputs are wide: a_t = sigmoid(W_ua u_t + b_a), with
            the r numbers u_t = W_xa x_t + W_ha h_{t-1}. It is not the paper's. None, and in layers of r inputs or
            fewer: the full gate.
        gate_scale: s, a factor on the gate's response; 2 makes it about one at the start.
        locked_dropout: as dropout, but with one mask held over all steps (variational dropout).
        zoneout: probability that a unit keeps its old state at a step; in evaluation the mean is taken.
        residual: each layer but the first adds its input, after dropout, to its output: x_{k+1} = layer_k(x_k) + x_k.
        recompute: for long sequences: a training step keeps the states every so many steps alone, and on the way back
            runs the steps between them once more. None: it keeps what every step left. Not in graphs of torch.compile.
        keep: "bf16": a training step keeps what it needs on the way back in bfloat16, in little more than half the
            memory; results stay as they are, gradients are off by the rounding of what was kept, a share of 2^-9. Of
            float32 on the backend "cpu" alone, and not in graphs of torch.compile. None: it keeps all in full.
        init: "torch" (all parameters uniform in +-1/sqrt(N)), "paper" (Glorot, orthogonal times 0.001, zeros) or
            "open" (as "paper", with a gate that starts near the identity).
        backend: "auto", "triton", "cpu", "cuda-graph", "hoisted" or "reference"; see :func:`attentive_rnn.backends`.
    """

    gate: Gate | Sequence[Gate]
    gate_reads: GateReads
    gate_rank: int | None
    gate_scale: float
    locked_dropout: Rate
    zoneout: Rate
    residual: bool
    recompute: int | None
    keep: Keep
    init: Init
    backend: BackendName


class ClassifierOptions(LayerOptions, total=False):
    """Options of :class:`.SequenceClassifier` beside its sizes, which means them in its docstring."""

    cell: CellName
    dropout: float
    bidirectional: bool
    reset_after: bool
    lags: int
    norm: Norm
    first_lag: int
    memory: int | None
    pool: Pool
    embedding_size: int | None


LAYER_DEFAULTS: LayerOptions = {
    "gate": "sigmoid",
    "gate_reads": "both",
    "gate_rank": None,
    "gate_scale": 1.0,
    "locked_dropout": 0.0,
    "zoneout": 0.0,
    "residual": False,
    "recompute": None,
    "keep": None,
    "init": "torch",
    "backend": "auto",
}
HIDDEN_SIZE, NUM_LAYERS = 100, 3  # of the classifier
CLASSIFIER_DEFAULTS: ClassifierOptions = {
    "cell": "gru",
    "dropout": 0.5,
    "bidirectional": False,
    "reset_after": False,
    "lags": 5,
    "norm": "sum",
    "first_lag": 1,
    "memory": None,
    "pool": "mean",
    "embedding_size": None,
    **LAYER_DEFAULTS,
    "init": "paper",
}
