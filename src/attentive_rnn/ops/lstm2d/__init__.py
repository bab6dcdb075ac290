"""The 2-D LSTM of AttentionRNN: the past of each cell of a map are its left and its upper neighbour."""

from .op import lstm2d
from .spec import FLIPS, Weights

__all__ = ["FLIPS", "Weights", "lstm2d"]
