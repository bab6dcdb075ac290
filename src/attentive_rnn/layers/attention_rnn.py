"""AttentionRNN2d: a spatial mask whose values are predicted one after the other, each from those before it."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops.dispatch import Choice
from ..ops.lstm2d import Weights, lstm2d
from .guarded import Guarded
from .options import changed, check_choice
from .spatial import NORMALISATIONS, Normalisation, attended, check_maps, check_size, normalised

Scan = Literal["diagonal", "flat"]
Combine = Literal["concat", "mean", "mask_conv"]


class AttentionRNN2d(Guarded):
    """A mask over the positions of a map, predicted in raster and in inverse raster order by 2-D LSTMs.

    .. math::
        P &= \\mathrm{Conv}_{k \\times k}(X) + W_q q \\\\
        h_{ij}, c_{ij} &= \\mathrm{LSTM}(P_{ij} + K_{left} h_{i,j-1} + K_{up} h_{i-1,j},\\; c_{i,j-1}) \\\\
        A &= \\sigma(w_a [h^{\\rightarrow}; h^{\\leftarrow}] + b_a), \\qquad Y = A \\odot X

    The mask is one value a position, shared by all channels. Each direction has weights of its own.

    Args:
        in_channels: C, the channels of the map.
        hidden_size: N, the units of the recurrence in each direction.
        context: k, odd; each value depends on the k x k positions around it.
        block: g; one value is predicted for each block of g x g positions: a convolution of stride g leads down to them
            and a transposed one back up. Any H and W will do.
        scan: "diagonal": the past of a position are its left and its upper neighbour, all positions of a diagonal at
            once, H + W - 1 steps; "flat": its past is the whole raster before it, H * W steps.
        directions: 2, from the top left and from the bottom right; 4, from the other corners too.
        query_size: E, the length of a query vector that directs the attention; None: there is none.
        normalize: "sigmoid", or "softmax" over all positions.
        feed_mask: feed each direction's own values back as further inputs of their neighbours to the right and below,
            as sigmoids of its reading of h also where `normalize` is "softmax".
        combine: "concat" reads the mask from the states of all directions; "mean" takes the mean of one mask a
            direction; "mask_conv" reads it from one sigmoid mask a direction.
        backend: "auto" or a backend's name; see :func:`attentive_rnn.backends`.
        device, dtype: as in torch.nn.

    Inputs:
        * **x**: (B, C, H, W), in any memory format.
        * **query**: (B, E), where query_size is given.

    Outputs:
        * **y**: (B, C, H, W), the map under its mask.
        * **mask**: (B, 1, H, W).

    Attributes:
        input_to_state: the convolution that gives every direction its P, R blocks of 4N channels.
        weight_left, weight_up: (R, 4N, N), blocks in torch's order i, f, g, o; "flat" has no weight_up.
        last_backend: which backend ran the last call, and why.

    Raises:
        TypeError, ValueError: an option that is none.
        ValueError, RuntimeError: maps or queries of other sizes than the layer was made for.

    Source: Khandelwal and Sigal, "AttentionRNN: A Structured Spatial Attention Mechanism", ICCV 2019, for the idea; the
    recurrence is the diagonal LSTM of van den Oord et al., "Pixel Recurrent Neural Networks", ICML 2016.

    Example:
        >>> import torch
        >>> from attentive_rnn import AttentionRNN2d
        >>> y, mask = AttentionRNN2d(8)(torch.randn(2, 8, 7, 5))
        >>> y.shape, mask.shape
        (torch.Size([2, 8, 7, 5]), torch.Size([2, 1, 7, 5]))
    """

    last_backend: Choice | None = None

    def __init__(
        self,
        in_channels: int,
        hidden_size: int = 32,
        context: int = 3,
        block: int = 1,
        scan: Scan = "diagonal",
        directions: int = 2,
        query_size: int | None = None,
        normalize: Normalisation = "sigmoid",
        feed_mask: bool = False,
        combine: Combine = "concat",
        backend: str = "auto",
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("hidden_size", hidden_size), ("block", block)):
            check_size(name, value)
        check_size("context", context, odd=True)
        check_choice("scan", scan, ("diagonal", "flat"))
        check_choice("directions", directions, (2, 4))
        check_choice("normalize", normalize, NORMALISATIONS)
        check_choice("combine", combine, ("concat", "mean", "mask_conv"))
        if query_size is not None:
            check_size("query_size", query_size)
        if scan == "flat" and directions == 4:
            raise ValueError("scan='flat' passes over the whole raster before a position already: use directions=2")
        self.in_channels, self.hidden_size, self.context, self.block = in_channels, hidden_size, context, block
        self.scan, self.directions, self.query_size, self.normalize = scan, directions, query_size, normalize
        self.feed_mask, self.combine, self.backend = feed_mask, combine, backend
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        rows, n = 4 * hidden_size, hidden_size

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(directions, *shape, **made))

        self.down = nn.Conv2d(in_channels, in_channels, block, block, **made) if block > 1 else None
        self.input_to_state = nn.Conv2d(in_channels, directions * rows, context, padding=context // 2, **made)
        self.query_to_state = nn.Linear(query_size, directions * rows, bias=False, **made) if query_size else None
        self.weight_left = parameter(rows, n)
        self.weight_up = parameter(rows, n) if scan == "diagonal" else None
        self.value_left = parameter(rows) if feed_mask else None
        self.value_up = parameter(rows) if feed_mask and scan == "diagonal" else None
        reads = feed_mask or combine != "concat"
        self.weight_read = parameter(n) if reads else None
        self.bias_read = parameter() if reads else None
        channels = {"concat": directions * n, "mask_conv": directions, "mean": 0}[combine]
        self.up = nn.ConvTranspose2d(channels, 1, block, block, **made) if channels else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew: the recurrence's uniform in +-1/sqrt(N), the convolutions' as torch.nn does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for tensor in self.parameters(recurse=False):
            nn.init.uniform_(tensor, -bound, bound)
        for module in self.children():
            module.reset_parameters()  # type: ignore[operator]

    @property
    def num_parameters(self) -> int:
        """Trainable numbers: R(4NCk^2 + 4N + 8N^2) + RN + 1, and 4RNE with a query, for R directions."""
        return sum(p.numel() for p in self.parameters())

    def forward(self, x: Tensor, query: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The map under its mask, and the mask; see the class."""
        check_maps(x, query, self.in_channels, self.query_size)
        height, width = x.shape[2:]
        low = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # the numbers of a position lie together
        if self.down is not None:
            low = self.down(F.pad(low, (0, self.block - 1, 0, self.block - 1)))  # what fills no block stays out
        p = self.input_to_state(low)
        if self.query_to_state is not None:
            p = p + self.query_to_state(query)[:, :, None, None]
        logits = self._logits(self._recur(p.permute(0, 2, 3, 1)))
        if self.block > 1:  # taken out by index, since a slice would tie an exported graph to one remainder
            rows, columns = (torch.arange(size, device=x.device) for size in (height, width))
            logits = logits.index_select(2, rows).index_select(3, columns)
        masks = normalised(logits, self.normalize)
        return attended(x, masks.mean(1, keepdim=True) if self.combine == "mean" else masks)

    def _recur(self, p: Tensor) -> Tensor:
        """h (B, H, W, R, N) from p (B, H, W, R * 4N)."""
        sizes = p.shape[1:3]
        if self.scan == "flat":
            p = p.flatten(1, 2).unsqueeze(1)  # a map of one row
        feedback = (self.value_left, self.value_up, self.weight_read, self.bias_read) if self.feed_mask else ()
        weights = Weights(self.weight_left, self.weight_up, *feedback)
        run = lstm2d(p.unflatten(3, (self.directions, -1)), weights, backend=self.backend)
        if not torch.compiler.is_exporting():  # which takes it for a part of the graph
            self.last_backend = run.choice
        return run.h if self.scan == "diagonal" else run.h.squeeze(1).unflatten(1, sizes)

    def _logits(self, h: Tensor) -> Tensor:
        """Logits of the mask, or of one mask a direction, (B, 1 or R, H, W) with what was padded."""
        if self.combine == "concat":
            assert self.up is not None
            return self.up(h.flatten(3).permute(0, 3, 1, 2))
        assert self.weight_read is not None
        assert self.bias_read is not None
        logits = ((h * self.weight_read).sum(-1) + self.bias_read).permute(0, 3, 1, 2)
        if self.up is not None:
            return self.up(torch.sigmoid(logits))
        return F.interpolate(logits, scale_factor=self.block, mode="nearest") if self.block > 1 else logits

    def extra_repr(self) -> str:
        defaults = {
            "context": 3,
            "block": 1,
            "scan": "diagonal",
            "directions": 2,
            "query_size": None,
            "normalize": "sigmoid",
            "feed_mask": False,
            "combine": "concat",
            "backend": "auto",
        }
        values = {name: getattr(self, name) for name in defaults}
        return ", ".join([str(self.in_channels), str(self.hidden_size), *changed(values, defaults)])
