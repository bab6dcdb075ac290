"""EleAtt-RNN: a gate that gives each element of the input its own attention (Zhang et al., ECCV 2018)."""

from .checks import check, check_lengths
from .op import eleatt
from .spec import CELLS, GATES, Call, Cell, Gate, Lags, Result, Spec, State, Weights

__all__ = [
    "CELLS",
    "GATES",
    "Call",
    "Cell",
    "Gate",
    "Lags",
    "Result",
    "Spec",
    "State",
    "Weights",
    "check",
    "check_lengths",
    "eleatt",
]
