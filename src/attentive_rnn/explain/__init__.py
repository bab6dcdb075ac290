"""Explanations of trained models: attention captured, set against the usual, drawn, and tested for its meaning."""

from .capture import attentive_layers, capture
from .explanation import Explanation, Group, explain, groups_of
from .response import static_modulation, stored_modulation

__all__ = [
    "Explanation",
    "Group",
    "attentive_layers",
    "capture",
    "explain",
    "groups_of",
    "static_modulation",
    "stored_modulation",
]
