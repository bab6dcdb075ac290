"""RRA: a recurrence that also attends to its own former outputs (Wang, 2017)."""

from .op import Attention, rra
from .reference import lag_weights
from .spec import LEARNED, NORMS, Norm, check_lags

__all__ = ["LEARNED", "NORMS", "Attention", "Norm", "check_lags", "lag_weights", "rra"]
