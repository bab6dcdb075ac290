"""Sequences and images: readers, splits, transforms and batches."""

from .batch import Batch, collate
from .check.copies import copies_in_train
from .check.report import Report, check
from .convert import convert
from .dataset import AugmentedDataset, LabelledDataset, Sample, SequenceDataset, Splits, preprocess
from .formats.tables import from_frame
from .generated import GeneratedDataset
from .image_dataset import ImageDataset
from .matching import match
from .registry import get_source, list_sources, load, read_sequences, recognise
from .schema import Schema
from .skeletons.layouts import JointLayout, get_layout, known_layout, list_layouts, same_joint
from .source import Source
from .split import validation_split
from .transforms import (
    AlignView,
    CentreCrop,
    Compose,
    DropSteps,
    FlipLeftRight,
    Jitter,
    JoinSteps,
    LimitSteps,
    MaskJoints,
    MaskTime,
    MotionFeatures,
    OriginAtBodyCentre,
    PermuteSteps,
    RandomCrop,
    RandomCropFlip,
    RandomRotation,
    RandomScale,
    RandomStretch,
    Resample,
    Stream,
    Streamed,
    Transform,
    UniformSampling,
    UnitBodySize,
    transform_from_config,
)
from .transforms.body import ConvertLayout

ImageSet = ImageDataset  # its former name

__all__ = [
    "AlignView",
    "AugmentedDataset",
    "Batch",
    "CentreCrop",
    "Compose",
    "ConvertLayout",
    "DropSteps",
    "FlipLeftRight",
    "GeneratedDataset",
    "ImageDataset",
    "ImageSet",
    "Jitter",
    "JoinSteps",
    "JointLayout",
    "LabelledDataset",
    "LimitSteps",
    "MaskJoints",
    "MaskTime",
    "MotionFeatures",
    "OriginAtBodyCentre",
    "PermuteSteps",
    "RandomCrop",
    "RandomCropFlip",
    "RandomRotation",
    "RandomScale",
    "RandomStretch",
    "Report",
    "Resample",
    "Sample",
    "Schema",
    "SequenceDataset",
    "Source",
    "Splits",
    "Stream",
    "Streamed",
    "Transform",
    "UniformSampling",
    "UnitBodySize",
    "check",
    "collate",
    "convert",
    "copies_in_train",
    "from_frame",
    "get_layout",
    "get_source",
    "known_layout",
    "list_layouts",
    "list_sources",
    "load",
    "match",
    "preprocess",
    "read_sequences",
    "recognise",
    "same_joint",
    "transform_from_config",
    "validation_split",
]
