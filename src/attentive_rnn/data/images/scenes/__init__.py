"""Scenes of coloured handwritten digits, and what can be asked of them."""

from .draw import COLOURS, SCALES, Glyphs, Place, Scene, draw_scene

__all__ = ["COLOURS", "SCALES", "Glyphs", "Place", "Scene", "draw_scene"]
