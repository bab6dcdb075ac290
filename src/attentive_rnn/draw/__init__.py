"""Pictures and films of plain arrays: charts, maps, skeletons, and samples of a data set."""

from .samples import animate, draw_samples

__all__ = ["animate", "draw_samples"]
