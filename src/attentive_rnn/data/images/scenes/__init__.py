"""Scenes of coloured handwritten digits, and questions about them."""

from .draw import COLOURS, SCALES, Glyphs, PlacedDigit, Scene, draw_scene

__all__ = ["COLOURS", "SCALES", "Glyphs", "PlacedDigit", "Scene", "draw_scene"]
