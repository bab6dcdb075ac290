"""Models made of the layers."""

from .answerer import QuestionAnswerer
from .classifier import SequenceClassifier
from .editor import ImageEditor
from .image_model import ImageModel
from .progressive import ProgressiveAttention
from .residual import AttentiveResNet

__all__ = [
    "AttentiveResNet",
    "ImageEditor",
    "ImageModel",
    "ProgressiveAttention",
    "QuestionAnswerer",
    "SequenceClassifier",
]
