"""EleAttRNN, EleAttLSTM and EleAttGRU: torch.nn's recurrent layers with an element-wise attention gate."""

from __future__ import annotations

from typing import Literal, Unpack

from torch import Tensor, nn

from ..ops.recurrence import Gate
from . import convert
from .base import RecurrentBase
from .calls import Typed
from .options import DEFAULTS, Options, show_options


class EleAttRNN(Typed[Tensor, Tensor | None], RecurrentBase):
    """A plain (Elman) recurrent layer whose neurons attend to the elements of their input.

    .. math:: h_t = \\tanh(W_{xh} \\tilde x_t + W_{hh} h_{t-1} + b_h)

    Args:
        nonlinearity: "tanh" or "relu".
        input_size, hidden_size, ...: and all the rest, with inputs and outputs, as in :class:`.RecurrentBase`.

    Source: Zhang et al., ECCV 2018, equations (4)-(6).

    Example:
        >>> import torch
        >>> from attentive_rnn import EleAttRNN
        >>> output, h_n = EleAttRNN(4, 8)(torch.randn(5, 2, 4))
        >>> output.shape, h_n.shape
        (torch.Size([5, 2, 8]), torch.Size([1, 2, 8]))
    """

    _mode = "RNN"

    @show_options(DEFAULTS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        **options: Unpack[Options],
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity should be 'tanh' or 'relu', got {nonlinearity!r}")
        cell = "rnn_tanh" if nonlinearity == "tanh" else "rnn_relu"
        shape = (input_size, hidden_size, num_layers)
        super().__init__(cell, *shape, bias, batch_first, dropout, bidirectional, **options)  # type: ignore[arg-type]

    @classmethod
    def from_torch(cls, layer: nn.RNN, gate: Gate = None) -> EleAttRNN:
        """An EleAttRNN with the weights of `layer`; the same function with gate None. See :func:`convert.take`."""
        return convert.take(cls, nn.RNN, layer, gate, nonlinearity=layer.nonlinearity)

    def to_torch(self) -> nn.RNN:
        """The torch.nn layer that computes the same function; every gate must be None."""
        return convert.give(self, nn.RNN, nonlinearity=self.specs[0].cell.removeprefix("rnn_"))


class EleAttLSTM(Typed[tuple[Tensor, Tensor], Tensor | None], RecurrentBase):
    """A long short-term memory layer whose neurons attend to the elements of their input.

    .. math::
        i, f, o &= \\sigma(W_{x*} \\tilde x_t + W_{h*} h_{t-1} + b_*) \\\\
        c_t &= f \\odot c_{t-1} + i \\odot \\tanh(W_{xc} \\tilde x_t + W_{hc} h_{t-1} + b_c) \\\\
        h_t &= o \\odot \\tanh(c_t)

    The gate reads h_{t-1}, not c_{t-1}.

    Args:
        input_size, hidden_size, ...: all arguments, inputs and outputs as in :class:`.RecurrentBase`; the state is the
            pair (h, c).

    Source: Zhang et al., ECCV 2018, equations (2), (4), (5).

    Example:
        >>> import torch
        >>> from attentive_rnn import EleAttLSTM
        >>> output, (h_n, c_n) = EleAttLSTM(4, 8, num_layers=2)(torch.randn(5, 2, 4))
        >>> output.shape, c_n.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 2, 8]))
    """

    _mode = "LSTM"

    @show_options(DEFAULTS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **options: Unpack[Options],
    ) -> None:
        shape = (input_size, hidden_size, num_layers)
        super().__init__("lstm", *shape, bias, batch_first, dropout, bidirectional, **options)

    @classmethod
    def from_torch(cls, layer: nn.LSTM, gate: Gate = None) -> EleAttLSTM:
        """An EleAttLSTM with the weights of `layer`; the same function with gate None. See :func:`convert.take`."""
        return convert.take(cls, nn.LSTM, layer, gate)

    def to_torch(self) -> nn.LSTM:
        """The torch.nn layer that computes the same function; every gate must be None."""
        return convert.give(self, nn.LSTM)


class EleAttGRU(Typed[Tensor, Tensor | None], RecurrentBase):
    """A gated recurrent layer whose neurons attend to the elements of their input.

    .. math::
        r_t &= \\sigma(W_{xr} \\tilde x_t + W_{hr} h_{t-1} + b_r) \\\\
        z_t &= \\sigma(W_{xz} \\tilde x_t + W_{hz} h_{t-1} + b_z) \\\\
        h'_t &= \\tanh(W_{xh} \\tilde x_t + W_{hh} (r_t \\odot h_{t-1}) + b_h) \\\\
        h_t &= z_t \\odot h_{t-1} + (1 - z_t) \\odot h'_t

    Args:
        reset_after: apply the reset gate after the recurrent product and give that product a bias of its own,
            :math:`h'_t = \\tanh(W_{xh} \\tilde x_t + b_h + r_t \\odot (W_{hh} h_{t-1} + b_{hh}))`, as torch.nn.GRU and
            cuDNN do; every block then has torch's second bias, bias_hh_l{k} (3N).
        input_size, hidden_size, ...: and all the rest, with inputs and outputs, as in :class:`.RecurrentBase`.

    Source: Zhang et al., ECCV 2018, equations (4), (5), (7).

    Example:
        >>> import torch
        >>> from attentive_rnn import EleAttGRU
        >>> gru = EleAttGRU(4, 8, batch_first=True)
        >>> output, h_n, (attention,) = gru(torch.randn(2, 5, 4), need_attention=True)
        >>> attention.shape
        torch.Size([2, 5, 4])
    """

    _mode = "GRU"

    @show_options(DEFAULTS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        reset_after: bool = False,
        **options: Unpack[Options],
    ) -> None:
        cell = "gru_reset_after" if reset_after else "gru"
        shape = (input_size, hidden_size, num_layers)
        super().__init__(cell, *shape, bias, batch_first, dropout, bidirectional, **options)  # type: ignore[arg-type]

    @classmethod
    def from_torch(cls, layer: nn.GRU, gate: Gate = None) -> EleAttGRU:
        """An EleAttGRU (reset_after) with the weights of `layer`; the same function with gate None.

        See :func:`convert.take`.
        """
        return convert.take(cls, nn.GRU, layer, gate, reset_after=True)

    def to_torch(self) -> nn.GRU:
        """The torch.nn layer that computes the same function; every gate must be None, and reset_after true."""
        return convert.give(self, nn.GRU)
