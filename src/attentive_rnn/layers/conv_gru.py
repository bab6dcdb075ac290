"""AttentiveConvGRU: a GRU on maps whose input passes a mask over positions and a gate on its elements, and whose state
attends to its past outputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..ops.recurrence import Lags, Spec, Weights
from ..ops.recurrence.reference import advance, attend, lag_weights
from .options import changed
from .spatial import NoAttention2d, check_size


class AttentiveConvGRU(nn.Module):
    """A convolutional GRU with attention over positions, over elements and over past states.

    With the spatial layer's mask A_t, an element gate a_t and K lags of weights w, for every position of frame X_t:

    .. math::
        Y_t &= \\frac{A_t}{\\mathrm{mean}(A_t)} \\odot X_t \\\\
        a_t &= \\sigma(W_{xa} * Y_t + W_{ha} * h_{t-1} + b_a), \\qquad \\tilde x_t = a_t \\odot Y_t \\\\
        r_t, z_t &= \\sigma(W_{r,z} * \\tilde x_t + U_{r,z} * h_{t-1} + b_{r,z}) \\\\
        \\tilde h_t &= \\tanh\\Bigl(W_h * \\tilde x_t + b_h + r_t \\odot (U_h * h_{t-1} + c_h)
            + \\sum_{k=1}^K w_k h_{t-k}\\Bigr) \\\\
        h_t &= z_t \\odot h_{t-1} + (1 - z_t) \\odot \\tilde h_t

    where * is a convolution of k x k positions with zeros around the map, and the mean is over the positions: a mask
    that is open everywhere is as good as none. With k = 1 each position is a sequence of its
    own, and the layer is :class:`EleAttGRU` with reset_after, or :class:`RRA` of that cell.

    Args:
        in_channels: C.
        hidden_channels: N.
        kernel_size: k, odd.
        spatial: a layer that gives a map (B, C, H, W) under a mask, and the mask (B, 1, H, W), such as
            :class:`AttentionRNN2d`; None: there is no mask. It sees each frame by itself.
        gate: whether there is an element gate.
        lags: K, the past outputs that a step attends to; their weights are W_a over its sum, as RRA's. 0: none.
        device, dtype: as in torch.nn.

    Inputs:
        * **x**: (T, B, C, H, W).
        * **state** (optional): what an earlier call returned; zeros if not given.
        * **lengths** (optional): int64 (B,), the frames of each film; what follows them is not looked at.
        * **need_attention**: return the attention too.

    Outputs:
        * **output**: (T, B, N, H, W), every h_t; zero past a film's end.
        * **state**: h (B, N, H, W) after each film's last frame, and the window (B, K, N, H, W) of its past outputs,
          the latest first; the window is None without lags.
        * **attention**, if asked for: the masks A (T, B, 1, H, W) and the gate's a (T, B, C, H, W), which is None
          without a gate.

    Raises:
        TypeError, ValueError: an argument that is none, or maps of other sizes than the layer was made for.

    Source: ours, of three papers' parts: Khandelwal and Sigal (ICCV 2019), Zhang et al. (ECCV 2018, equations 4 and 5),
    Wang (arXiv 1709.03714); the ConvGRU is that of Ballas et al., "Delving Deeper into Convolutional Networks for
    Learning Video Representations", ICLR 2016, with the reset gate after the product.

    Example:
        >>> import torch
        >>> from attentive_rnn.layers import AttentionRNN2d, AttentiveConvGRU
        >>> layer = AttentiveConvGRU(6, 4, spatial=AttentionRNN2d(6, hidden_size=3), lags=2)
        >>> output, (h, window), (mask, gate) = layer(torch.randn(5, 2, 6, 7, 7), need_attention=True)
        >>> output.shape, window.shape, mask.shape, gate.shape[2:]
        (torch.Size([5, 2, 4, 7, 7]), torch.Size([2, 2, 4, 7, 7]), torch.Size([5, 2, 1, 7, 7]), torch.Size([6, 7, 7]))
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        kernel_size: int = 3,
        spatial: nn.Module | None = None,
        gate: bool = True,
        lags: int = 0,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_size("in_channels", in_channels)
        check_size("hidden_channels", hidden_channels)
        check_size("kernel_size", kernel_size, odd=True)
        if lags:
            check_size("lags", lags)
        c, n = in_channels, hidden_channels
        self.in_channels, self.hidden_channels, self.kernel_size, self.lags = c, n, kernel_size, lags
        self.spec = Spec("gru_reset_after", "sigmoid" if gate else None, lags=Lags(lags) if lags else None)
        made: dict[str, Any] = {"device": device, "dtype": dtype}

        def conv(inputs: int, outputs: int, bias: bool = True) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=bias, **made)

        self.spatial = spatial or NoAttention2d()
        self.input, self.hidden = conv(c, 3 * n), conv(n, 3 * n)
        self.gate_input = conv(c, c) if gate else None
        self.gate_hidden = conv(n, c, bias=False) if gate else None
        # In 0..1, so that the sum by which they are divided is far from zero.
        self.weight_lag = nn.Parameter(torch.rand(lags, **made)) if lags else None

    def forward(
        self,
        x: Tensor,
        state: tuple[Tensor, Tensor | None] | None = None,
        lengths: Tensor | None = None,
        need_attention: bool = False,
    ) -> Any:
        """Every h_t, the state after, and the attention if asked for; see the class."""
        if x.dim() != 5 or x.shape[2] != self.in_channels:
            raise ValueError(f"expected maps of shape (T, B, {self.in_channels}, H, W), got {tuple(x.shape)}")
        steps, films, _, *size = x.shape
        there = None
        if lengths is not None:
            there = (torch.arange(steps, device=x.device)[:, None] < lengths.to(x.device))[..., None, None, None]
            x = torch.where(there, x, 0)
        frames, mask = self.spatial(x.flatten(0, 1))
        frames = frames / mask.mean((2, 3), keepdim=True)
        xa = None if self.gate_input is None else self.gate_input(frames).unflatten(0, (steps, films))
        frames = frames.unflatten(0, (steps, films))
        h, window = state if state is not None else self._zeros(x)
        w = Weights(self.input.weight, self.hidden.weight)
        if self.spec.lags is not None:
            w = w._replace(lag=lag_weights(self.spec.lags, self.weight_lag, x))
        outputs, gates = [], []
        for t, frame in enumerate(frames):
            if xa is not None:
                assert self.gate_hidden is not None
                a, frame = attend(self.spec, frame, xa[t], self.gate_hidden(h), w)
                gates.append(a)
            before = (_rows(h),) if window is None else (_rows(h), _rows(window))
            after, _ = advance(self.spec, _rows(self.input(frame)), _rows(self.hidden(h)), before, w, None)
            now, *past = (_maps(value, films, size) for value in after)
            h = now if there is None else torch.where(there[t], now, h)
            if window is not None:
                window = past[0] if there is None else torch.where(there[t].unsqueeze(1), past[0], window)
            outputs.append(h)
        output = torch.stack(outputs) if there is None else torch.where(there, torch.stack(outputs), 0)
        if not need_attention:
            return output, (h, window)
        masks = mask.unflatten(0, (steps, films))
        return output, (h, window), (masks, torch.stack(gates) if gates else None)

    def _zeros(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The state before the first frame."""
        h = x.new_zeros(x.shape[1], self.hidden_channels, *x.shape[3:])
        return h, h.unsqueeze(1).repeat(1, self.lags, 1, 1, 1) if self.lags else None

    def extra_repr(self) -> str:
        values = {"kernel_size": self.kernel_size, "gate": self.spec.gate is not None, "lags": self.lags}
        defaults = {"kernel_size": 3, "gate": True, "lags": 0}
        return ", ".join([str(self.in_channels), str(self.hidden_channels), *changed(values, defaults)])


def _rows(maps: Tensor) -> Tensor:
    """Maps (B, N, H, W) as rows (B H W, N) of the recurrence, a row for each position; a window has K before N."""
    return maps.movedim((-2, -1), (1, 2)).flatten(0, 2)


def _maps(rows: Tensor, films: int, size: list[int]) -> Tensor:
    """The inverse of :func:`_rows`."""
    return rows.unflatten(0, (films, *size)).movedim((1, 2), (-2, -1))
