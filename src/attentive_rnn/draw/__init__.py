"""Pictures and films: skeletons, samples of a data set, frames of a film."""

from .samples import animate, draw_samples

__all__ = ["animate", "draw_samples"]
