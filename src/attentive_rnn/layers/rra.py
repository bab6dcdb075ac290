"""RRA and RRACell: a recurrent layer whose output also attends to its own past outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Unpack

from torch import Tensor, nn

from ..ops.recurrence import Attention, Cell, Gate, Lags, Norm, check_lags, lag_weights
from . import convert
from .base import RecurrentBase
from .calls import Typed
from .cells import CellBase
from .options import CELL_DEFAULTS, DEFAULTS, CellOptions, Options, changed, check_choice, show_options

CELLS: dict[str, tuple[Cell, str]] = {"lstm": ("lstm", "LSTM"), "gru": ("gru", "GRU"), "rnn": ("rnn_tanh", "RNN")}


RRA_DEFAULTS: Options = {**DEFAULTS, "gate": None}
RRA_CELL_DEFAULTS: CellOptions = {**CELL_DEFAULTS, "gate": None}


class _WithLags:
    """The arguments that RRA and RRACell share, and their attention of two kinds."""

    def _take(self, cell: str, lags: int, norm: Norm, first_lag: int) -> tuple[Cell, Lags | None]:
        """Keep the arguments; the recurrence's cell, and its lags, None for none."""
        check_choice("cell", cell, tuple(CELLS))
        if not isinstance(lags, int) or isinstance(lags, bool) or lags < 0:
            raise ValueError(f"lags should be a whole number of at least 0, got {lags!r}")
        check_lags(Lags(lags or 1, norm, first_lag))
        self.cell, self.lags, self.norm, self.first_lag = cell, lags, norm, first_lag
        kind, self._mode = CELLS[cell]
        return kind, Lags(lags, norm, first_lag) if lags else None

    def _response(self, attention: Attention) -> Any:
        return attention

    def _own_options(self) -> list[str]:
        """The arguments that differ from their defaults, and the number of lags, for ``extra_repr``."""
        norm, first_lag = (self.norm, self.first_lag) if self.lags else ("sum", 1)
        shown = {"norm": norm, "first_lag": first_lag, "cell": self.cell}
        return [f"lags={self.lags}", *changed(shown, {"norm": "sum", "first_lag": 1, "cell": "lstm"})]


class RRA(_WithLags, Typed[Any, Attention], RecurrentBase):
    """A recurrent layer with residual attention: each output takes part of the K outputs before it.

    .. math::
        i, f, o &= \\sigma(W_{x*} x_t + W_{h*} h_{t-1} + b_*) \\\\
        c_t &= f \\odot c_{t-1} + i \\odot \\tanh(W_{xc} x_t + W_{hc} h_{t-1} + b_c) \\\\
        h_t &= o \\odot \\tanh(c_t + \\sum_{k=1}^{K} w_k h_{t-k}), \\qquad w = W_a / \\textstyle\\sum_k W_{a,k}

    The K weights are parameters, the same for all units and steps; outputs before the first step are zero.

    Args:
        lags: K, how many past outputs; 0 makes this the plain layer, for the default cell exactly torch.nn.LSTM.
        norm: how w is made of W_a: "sum", as in the paper; "softmax", which cannot divide by zero; "content", for each
            row and step softmax_k of <h_{t-1}, h_{t-k}>, without W_a; "mean", 1/K, without W_a.
        first_lag: the lag of the first of them; 2 begins with h_{t-2}.
        cell: "lstm"; "rnn", where the residual is added inside the tanh of h_t; or "gru", inside that of the candidate.
        gate: None, or an attention gate on the input as in :class:`EleAttLSTM`, whose attention to the input's elements
            goes with this layer's attention over time.
        init: "torch" (uniform in +-1/sqrt(N)) or "paper" (uniform in +-0.1, biases zero); W_a is uniform in 0..1.
        input_size, hidden_size, ...: and all the rest as in :class:`.RecurrentBase`.

    Inputs and outputs:
        As in :class:`.RecurrentBase`, with these differences.

        * The state is **(h, c, window)**, without c for "rnn" and "gru": h and c are (num_layers * directions, B, N)
          and the window is (num_layers * directions, B, W, N), the W = lags + first_lag - 1 past outputs, the latest
          first. A state given without the window starts with a window of zeros. With lags=0 there is no window.
        * The attention is a list with one :class:`Attention` a layer: its `lags`, (T, B, K) laid out as the input is,
          the weights of h_{t-first_lag}, h_{t-first_lag-1}, ...; and its `inputs`, (T, B, D_layer), the gate's
          response. Either is None where the layer has no lags or no gate; if bidirectional, both have a last
          dimension of 2 more; both are zero past a row's length.

    Attributes:
        weight_lag_l{k}: (K), W_a, the weight of the latest output first; with the norms "sum" and "softmax".
        weight_ih_l{k} and the others: as in :class:`.RecurrentBase`.

    Raises:
        ValueError: an unknown cell or norm, a bad lag; at a call with the norm "sum", W_a whose sum is almost zero.
        TypeError, RuntimeError: where torch.nn's layers raise them.

    Source: Wang, "RRA: Recurrent Residual Attention for Sequence Learning", arXiv 1709.03714.

    Example:
        >>> import torch
        >>> from attentive_rnn import RRA
        >>> rra = RRA(4, 8, lags=3, batch_first=True)
        >>> output, (h_n, c_n, window), (attention,) = rra(torch.randn(2, 5, 4), need_attention=True)
        >>> output.shape, window.shape, attention.lags.shape
        (torch.Size([2, 5, 8]), torch.Size([1, 2, 3, 8]), torch.Size([2, 5, 3]))
    """

    _defaults = RRA_DEFAULTS

    @show_options(RRA_DEFAULTS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        lags: int = 5,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        norm: Norm = "sum",
        first_lag: int = 1,
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
        **options: Unpack[Options],
    ) -> None:
        kind, former = self._take(cell, lags, norm, first_lag)
        shape = (input_size, hidden_size, num_layers)
        super().__init__(kind, *shape, bias, batch_first, dropout, bidirectional, **options, lags=former)

    def lag_weights(self, layer: int = 0, reverse: bool = False) -> Tensor | None:
        """w (K) of a layer, the weight of the latest output first; None with no lags or the norm "content"."""
        former, w = self.specs[layer].lags, self.weights(layer, reverse)
        return None if former is None else lag_weights(former, w.lag, w.hh)

    def extra_repr(self) -> str:
        return ", ".join([super().extra_repr(), *self._own_options()])

    @classmethod
    def from_torch(cls, layer: nn.LSTM, gate: Gate | Sequence[Gate] = None) -> RRA:
        """An RRA without lags with the weights of `layer`; the same function with gate None. See :func:`convert.take`.

        With lags there is no such RRA, for their weights never vanish.
        """

        def make(input_size: int, hidden_size: int, *rest: Any, **options: Any) -> RRA:
            return cls(input_size, hidden_size, 0, *rest, **options)

        return convert.take(make, nn.LSTM, layer, gate)  # type: ignore[arg-type]

    def to_torch(self) -> nn.LSTM:
        """The torch.nn.LSTM that computes the same function; lags must be 0, the cell an LSTM and every gate None."""
        if self.cell != "lstm":
            raise ValueError(f"RRA.to_torch gives a torch.nn.LSTM, but the cell is {self.cell!r}")
        return convert.give(self, nn.LSTM)


class RRACell(_WithLags, CellBase):
    """One step of :class:`RRA`; the state is (h, c, window), without c for "rnn" and "gru", the window (B, W, N).

    Args:
        lags, norm, first_lag, cell: as in :class:`RRA`.
        input_size, hidden_size, ...: and all the rest as in :class:`CellBase`; gate is None if not given.

    Outputs:
        The state after; with need_attention also the :class:`Attention` (lags (B, K), inputs (B, D) or None).

    Example:
        >>> import torch
        >>> from attentive_rnn import RRACell
        >>> cell, state = RRACell(4, 8, lags=3), None
        >>> for frame in torch.randn(5, 2, 4):
        ...     state = cell(frame, state)
        >>> h, c, window = state
        >>> h.shape, window.shape
        (torch.Size([2, 8]), torch.Size([2, 3, 8]))
    """

    _defaults = RRA_CELL_DEFAULTS

    @show_options(RRA_CELL_DEFAULTS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        lags: int = 5,
        bias: bool = True,
        *,
        norm: Norm = "sum",
        first_lag: int = 1,
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
        **options: Unpack[CellOptions],
    ) -> None:
        kind, former = self._take(cell, lags, norm, first_lag)
        super().__init__(kind, input_size, hidden_size, bias, **options, lags=former)

    def extra_repr(self) -> str:
        return ", ".join([super().extra_repr(), *self._own_options()])
