"""The recurrence: a cell, perhaps with an attention gate on its input and with attention to its own past outputs.

Sources: Zhang et al., ECCV 2018 (EleAtt-RNN); Wang, arXiv 1709.03714 (RRA).
"""

from .op import Run, recurrence
from .reference import lag_weights
from .spec import (
    CELLS,
    GATE_READS,
    GATES,
    LEARNED,
    NORMS,
    Attention,
    Call,
    Cell,
    Gate,
    Lags,
    Norm,
    Result,
    Spec,
    State,
    Weights,
    check,
    check_lags,
    check_lengths,
    own_lengths,
)

__all__ = [
    "CELLS",
    "GATES",
    "GATE_READS",
    "LEARNED",
    "NORMS",
    "Attention",
    "Call",
    "Cell",
    "Gate",
    "Lags",
    "Norm",
    "Result",
    "Run",
    "Spec",
    "State",
    "Weights",
    "check",
    "check_lags",
    "check_lengths",
    "lag_weights",
    "own_lengths",
    "recurrence",
]
