"""Recognition while the frames arrive: carried states, one for each person, and segments of actions."""

from .recogniser import Recognition, Recognizer
from .segments import Segment, Segmenter

__all__ = ["Recognition", "Recognizer", "Segment", "Segmenter"]
