"""EleAttRNNCell, EleAttLSTMCell and EleAttGRUCell: one step, called as torch.nn's cells are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Unpack

import torch
from torch import Tensor, nn

from ..ops.dispatch import Choice
from ..ops.recurrence import Attention, Cell, Lags, Spec, Weights, recurrence
from .forms import given_cell_state, per_part
from .guarded import Guarded
from .options import (
    CELL_DEFAULTS,
    CellOptions,
    changed,
    check_choice,
    complete,
    gates_per_layer,
    rank_of_gate,
    show_options,
)
from .parameters import INITIALISATIONS, PARAMETERS, flops, parameter_shapes
from .stepping import Steps


class CellBase(Guarded):
    """One step of a recurrence with an attention gate on its input.

    Args:
        input_size: D, the number of elements of the input.
        hidden_size: N, the number of neurons.
        bias: use the biases.
        gate, gate_reads, gate_rank, gate_scale, init, backend, device, dtype: as in :class:`.RecurrentBase`; gate is
            one value.

    Inputs:
        * **input**: (B, D) or (D).
        * **hx**: the state before, (B, N) or (N), for the LSTM the pair (h, c); zeros if not given.
        * **need_attention** (keyword): return the attention too.

    Outputs:
        * the state after, (B, N) or (N), for the LSTM the pair (h, c).
        * **attention**, if asked for: (B, D) or (D), or None without a gate.

    Attributes:
        weight_ih (G*N, D), weight_hh (G*N, N), bias_ih (G*N), with reset_after bias_hh (G*N), and the gate's weight_ia
        (D, D), weight_ha (D, N), bias_a (D), with gate_rank weight_ua too, as in :class:`.RecurrentBase`.

    Raises:
        ValueError, RuntimeError: where torch.nn's cells raise them.
    """

    _mode: str  # as in torch.nn's messages
    _defaults: ClassVar[CellOptions] = CELL_DEFAULTS
    last_backend: Choice | None = None

    @show_options(CELL_DEFAULTS)
    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        lags: Lags | None = None,
        **options: Unpack[CellOptions],
    ) -> None:
        super().__init__()
        if input_size <= 0 or hidden_size <= 0:
            raise ValueError(f"input_size and hidden_size must be greater than zero, got {input_size}, {hidden_size}")
        given = complete(options, self._defaults, type(self).__name__)
        (gate,) = gates_per_layer((given["gate"],), 1)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bool(bias)
        self.backend: str = given["backend"]
        rank = rank_of_gate(gate, given["gate_rank"], input_size)
        self.spec = Spec(cell, gate, float(given["gate_scale"]), lags, given["gate_reads"], rank)
        self._steps = Steps()
        made = {name: given[name] for name in ("device", "dtype")}
        for name, shape in parameter_shapes(self.spec, input_size, hidden_size, self.bias).items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, **made)))
        self.reset_parameters(given["init"])

    def reset_parameters(self, init: str = "torch") -> None:
        """Draw the parameters anew; `init` is "torch", "paper" or "open" (see layers/parameters.py)."""
        check_choice("init", init, tuple(INITIALISATIONS))
        INITIALISATIONS[init](dict(self.named_parameters()), self.hidden_size, self.spec)

    @property
    def num_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def flops(self, B: int = 1) -> int:
        """Multiplications and additions of a step of B rows, as the paper counts them."""
        return B * flops(self.spec, self.input_size, self.hidden_size)

    def extra_repr(self) -> str:
        values = {
            "bias": self.bias,
            "gate": self.spec.gate,
            "gate_reads": self.spec.gate_reads,
            "gate_rank": self.spec.gate_rank,
            "gate_scale": self.spec.gate_scale,
            "reset_after": self.spec.cell == "gru_reset_after",
            "nonlinearity": "relu" if self.spec.cell == "rnn_relu" else "tanh",
        }
        defaults = {"bias": True, **self._defaults, "reset_after": False, "nonlinearity": "tanh"}
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed(values, defaults)])

    def forward(self, input: Tensor, hx: Any = None, *, need_attention: bool = False) -> Any:
        """Advance the state by one step; see the class for the arguments and what comes back."""
        if hx is not None and not need_attention:
            fast = self._steps.advance(self, (self.spec,), ("",), input, hx)
            if fast is not None:
                _, state, self.last_backend = fast
                return state if len(state) > 1 else state[0]
        if input.dim() not in (1, 2):
            raise ValueError(f"{self._mode}Cell: Expected input to be 1D or 2D, got {input.dim()}D instead")
        x = input if input.dim() == 2 else input.unsqueeze(0)
        if x.size(-1) != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {x.size(-1)} expected {self.input_size}")
        if hx is None:
            state = tuple(x.new_zeros(x.shape[0], *shape) for shape in self.spec.state_shapes(self.hidden_size))
        else:
            state = given_cell_state(hx, self.spec, x, self.hidden_size, self._mode)
        tensors: list[Any] = [getattr(self, name, None) for name in PARAMETERS]
        run = recurrence(
            x.unsqueeze(0), state, Weights(*tensors), self.spec, need_attention=need_attention, backend=self.backend
        )
        if not torch.compiler.is_exporting():  # which takes it for a part of the graph
            self.last_backend = run.choice
        after = run.state if input.dim() == 2 else tuple(s.squeeze(0) for s in run.state)
        given = after if len(after) > 1 else after[0]
        if not need_attention:
            return given
        dims = (0,) if input.dim() == 2 else (0, 1)
        return given, per_part(self._response(run.attention), lambda part: part.squeeze(dims))

    def _response(self, attention: Attention) -> Any:
        """What a call returns of the attention."""
        return attention.inputs


class EleAttRNNCell(CellBase):
    """One step of :class:`EleAttRNN`; nonlinearity is "tanh" or "relu".

    Example:
        >>> import torch
        >>> from attentive_rnn import EleAttRNNCell
        >>> EleAttRNNCell(4, 8)(torch.randn(2, 4)).shape
        torch.Size([2, 8])
    """

    _mode = "RNN"

    @show_options(CELL_DEFAULTS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        **options: Unpack[CellOptions],
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity should be 'tanh' or 'relu', got {nonlinearity!r}")
        cell: Cell = "rnn_tanh" if nonlinearity == "tanh" else "rnn_relu"
        super().__init__(cell, input_size, hidden_size, bias, **options)


class EleAttLSTMCell(CellBase):
    """One step of :class:`EleAttLSTM`; the state is the pair (h, c).

    Example:
        >>> import torch
        >>> from attentive_rnn import EleAttLSTMCell
        >>> h, c = EleAttLSTMCell(4, 8)(torch.randn(2, 4))
        >>> h.shape, c.shape
        (torch.Size([2, 8]), torch.Size([2, 8]))
    """

    _mode = "LSTM"

    @show_options(CELL_DEFAULTS)
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, **options: Unpack[CellOptions]) -> None:
        super().__init__("lstm", input_size, hidden_size, bias, **options)


class EleAttGRUCell(CellBase):
    """One step of :class:`EleAttGRU`; reset_after as there.

    Example:
        >>> import torch
        >>> from attentive_rnn import EleAttGRUCell
        >>> h, a = EleAttGRUCell(4, 8)(torch.randn(2, 4), need_attention=True)
        >>> h.shape, a.shape
        (torch.Size([2, 8]), torch.Size([2, 4]))
    """

    _mode = "GRU"

    @show_options(CELL_DEFAULTS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        reset_after: bool = False,
        **options: Unpack[CellOptions],
    ) -> None:
        cell: Cell = "gru_reset_after" if reset_after else "gru"
        super().__init__(cell, input_size, hidden_size, bias, **options)
