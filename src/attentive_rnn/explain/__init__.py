"""Explanations of trained models: attention captured, drawn with what it lets in, and tested for its meaning."""

from .capture import attentive_layers, capture
from .explanation import Explanation, Group, explain, groups_of
from .response import Usual, measure_usual, stored_usual

__all__ = [
    "Explanation",
    "Group",
    "Usual",
    "attentive_layers",
    "capture",
    "explain",
    "groups_of",
    "measure_usual",
    "stored_usual",
]
