"""EleAtt-RNN: a gate that gives each element of the input its own attention (Zhang et al., ECCV 2018)."""

from .op import check_lengths, eleatt
from .spec import CELLS, GATES, Cell, Gate, Result, Spec, State, Weights

__all__ = ["CELLS", "GATES", "Cell", "Gate", "Result", "Spec", "State", "Weights", "check_lengths", "eleatt"]
