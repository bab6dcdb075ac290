"""What the neurons attend to: captured, measured against the usual, drawn, and tested for what it means."""

from .capture import attentive_layers, capture
from .explanation import Explanation, explain
from .groups import Group, groups_of
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
