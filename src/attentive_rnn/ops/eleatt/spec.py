"""What an EleAtt recurrence is made of: its kind, its gate, its weights."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

Cell = Literal["rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after"]
Gate = Literal["sigmoid", "softmax"] | None

CELLS: tuple[Cell, ...] = ("rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_after")
GATES: tuple[Gate, ...] = ("sigmoid", "softmax", None)


class Spec(NamedTuple):
    """The recurrence: the cell, the attention gate's activation (None: no gate) and the factor on its response."""

    cell: Cell
    gate: Gate = "sigmoid"
    gate_scale: float = 1.0

    @property
    def blocks(self) -> int:
        """G, the number of N-row blocks in the cell's weights."""
        return {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3, "gru_reset_after": 3}[self.cell]

    @property
    def states(self) -> int:
        """The number of tensors that the recurrence carries: h, and for the LSTM c."""
        return 2 if self.cell == "lstm" else 1


class Weights(NamedTuple):
    """One direction of one layer; blocks of N rows in torch's order (GRU r, z, n; LSTM i, f, g, o)."""

    ih: Tensor  # (G*N, D)
    hh: Tensor  # (G*N, N)
    b_ih: Tensor | None = None  # (G*N)
    b_hh: Tensor | None = None  # (G*N), only with gru_reset_after
    ia: Tensor | None = None  # (D, D), W_xa
    ha: Tensor | None = None  # (D, N), W_ha
    b_a: Tensor | None = None  # (D)


State = tuple[Tensor, ...]  # (h,) or (h, c), each (B, N)


class Result(NamedTuple):
    """What a recurrence returns: h at every step, the last state, and the gate's response where it was asked for."""

    output: Tensor  # (T, B, N), zero past a row's length
    state: State  # (h,) or (h, c), each (B, N), at each row's last step
    attention: Tensor | None  # (T, B, D), zero past a row's length
