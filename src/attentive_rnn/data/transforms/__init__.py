"""Changes of a whole sequence, named so that a saved model can repeat them."""

from .augment import DropSteps, FlipLeftRight, Jitter, MaskJoints, MaskTime, RandomRotation, rotation_matrix
from .base import Compose, Transform, transform_from_config
from .body import AlignView, OriginAtBodyCentre, UnitBodySize
from .images import RandomCropFlip
from .sampling import CentreCrop, RandomCrop, Resample, UniformSampling
from .steps import JoinSteps, LimitSteps, PermuteSteps
from .streamed import Streamed
from .streams import MotionFeatures, Stream

__all__ = [
    "AlignView",
    "CentreCrop",
    "Compose",
    "DropSteps",
    "FlipLeftRight",
    "Jitter",
    "JoinSteps",
    "LimitSteps",
    "MaskJoints",
    "MaskTime",
    "MotionFeatures",
    "OriginAtBodyCentre",
    "PermuteSteps",
    "RandomCrop",
    "RandomCropFlip",
    "RandomRotation",
    "Resample",
    "Stream",
    "Streamed",
    "Transform",
    "UniformSampling",
    "UnitBodySize",
    "rotation_matrix",
    "transform_from_config",
]
