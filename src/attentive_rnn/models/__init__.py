"""Models made of the layers."""

from .answerer import QuestionAnswerer
from .classifier import SequenceClassifier
from .editor import ImageEditor
from .image_model import ImageModel
from .map_classifier import MapClassifier
from .progressive import ProgressiveAttention
from .residual import AttentiveResNet

__all__ = [
    "AttentiveResNet",
    "ImageEditor",
    "ImageModel",
    "MapClassifier",
    "ProgressiveAttention",
    "QuestionAnswerer",
    "SequenceClassifier",
]
