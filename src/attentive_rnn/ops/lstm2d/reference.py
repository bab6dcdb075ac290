"""The recurrence of AttentionRNN in the words of its equations, cell by cell; every other backend is tested against it.

    s_ij = P_ij + K_left h_{i,j-1} + K_up h_{i-1,j} [+ k_l a_{i,j-1} + k_u a_{i-1,j}]
    i, f, o = sigmoid(s),  g = tanh(s)
    c_ij = f * c_{i,j-1} + i * g                      the memory comes from the left neighbour only
    h_ij = o * tanh(c_ij)
    a_ij = sigmoid(w_a . h_ij + b_a)

What lies outside the map is zero. Source: the row-wise recurrence with the state-to-state taps of the diagonal LSTM
of van den Oord et al., "Pixel Recurrent Neural Networks", ICML 2016, as the structured attention of Khandelwal and
Sigal, "AttentionRNN", ICCV 2019, whose own equations are not public. They give the gates as o, f, i, g; here their
blocks stand in torch's order.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .spec import FLIPS, Call, Weights


def cell(s: Tensor, c_left: Tensor) -> tuple[Tensor, Tensor]:
    """h_ij and c_ij from the pre-activations s_ij and c_{i,j-1}."""
    i, f, g, o = s.chunk(4, dim=-1)
    c = torch.sigmoid(f) * c_left + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def raster(p: Tensor, w: Weights, r: int) -> Tensor:
    """Direction r's pass in raster order over p (B, H, W, 4N): h (B, H, W, N)."""
    batch, height, width, _ = p.shape
    nothing, nought = p.new_zeros(batch, w.left.shape[-1]), p.new_zeros(batch)
    h: list[list[Tensor]] = []
    a: list[list[Tensor]] = []
    for i in range(height):
        h.append([])
        a.append([])
        c = nothing
        for j in range(width):
            s = p[:, i, j] + (h[i][j - 1] if j else nothing) @ w.left[r].T
            if w.up is not None:
                s = s + (h[i - 1][j] if i else nothing) @ w.up[r].T
            if w.value_left is not None:
                s = s + (a[i][j - 1] if j else nought).unsqueeze(-1) * w.value_left[r]
            if w.value_up is not None:
                s = s + (a[i - 1][j] if i else nought).unsqueeze(-1) * w.value_up[r]
            h_ij, c = cell(s, c)
            h[i].append(h_ij)
            if w.read is not None and w.read_bias is not None:
                a[i].append(torch.sigmoid(h_ij @ w.read[r] + w.read_bias[r]))
    return torch.stack([torch.stack(row, 1) for row in h], 1)


def flipped(tensor: Tensor, r: int) -> Tensor:
    """A map (B, H, W, ...) as direction r sees it; applied twice, the map itself."""
    return tensor.flip([axis for axis, flip in zip((1, 2), FLIPS[r], strict=True) if flip])


def forward(call: Call) -> Tensor:
    """h (B, H, W, R, N) from p (B, H, W, R, 4N), every direction in its own order."""
    p, w = call
    return torch.stack([flipped(raster(flipped(p[:, :, :, r], r), w, r), r) for r in range(p.shape[3])], 3)
