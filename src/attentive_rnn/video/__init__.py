"""Videos: their frames, and features of the frames by a network."""

from ..data.formats.features import read_features
from .backbone import Backbone, load_backbone
from .decode import Frame, find_videos, read_frames
from .efficientnet import EfficientNetLite0
from .extractor import Extractor, Features
from .features import extract_features, frame_features

__all__ = [
    "Backbone",
    "EfficientNetLite0",
    "Extractor",
    "Features",
    "Frame",
    "extract_features",
    "find_videos",
    "frame_features",
    "load_backbone",
    "read_features",
    "read_frames",
]
