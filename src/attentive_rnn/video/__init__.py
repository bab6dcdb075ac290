"""Videos: their frames, features of the frames by a network, and poses of people."""

from ..data.formats.features import read_features
from .decode import Frame, find_videos, read_frames
from .extractors import Backbone, EfficientNetLite0, Extractor, Features, load_backbone
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
