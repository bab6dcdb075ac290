"""Recognition while the frames arrive: carried states, one for each person, and segments of actions.

PyTorch is imported when the recogniser of a trained model is first used; that of an exported one does without.
"""

from typing import TYPE_CHECKING, Any

from .answers import Recognition
from .exported import ExportedRecognizer
from .segments import Segment, Segmenter

if TYPE_CHECKING:
    from .recogniser import Recognizer

__all__ = ["ExportedRecognizer", "Recognition", "Recognizer", "Segment", "Segmenter"]


def __getattr__(name: str) -> Any:
    if name != "Recognizer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .recogniser import Recognizer

    return Recognizer
