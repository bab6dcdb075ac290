"""What a 2-D LSTM is made of: its weights, and the orders in which it passes over a map."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

# Direction r runs in raster order over the map with its rows (first) or columns (second) reversed: from the top left,
# from the bottom right (the inverse raster), from the top right, from the bottom left.
FLIPS = ((False, False), (True, True), (False, True), (True, False))


class Weights(NamedTuple):
    """All R directions; blocks of N rows in torch's order i, f, g, o. The last four only where values are fed back."""

    left: Tensor  # (R, 4N, N), K_left
    up: Tensor | None = None  # (R, 4N, N), K_up; None for maps of one row
    value_left: Tensor | None = None  # (R, 4N), k_l
    value_up: Tensor | None = None  # (R, 4N), k_u
    read: Tensor | None = None  # (R, N), w_a
    read_bias: Tensor | None = None  # (R), b_a
