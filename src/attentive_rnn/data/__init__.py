"""Sequence data: readers, splits, transforms and batches."""

from .batch import Batch, collate
from .copies import copies_in_train
from .dataset import AugmentedDataset, Sample, SequenceDataset, Splits, preprocess
from .layouts import JointLayout, get_layout, list_layouts
from .report import Report, check
from .schema import Schema
from .source import Source
from .sources import get_source, list_sources, load, read_sequences, recognise
from .split import validation_split
from .transforms import (
    Compose,
    OriginAtBodyCentre,
    RandomRotation,
    Transform,
    transform_from_config,
)

__all__ = [
    "AugmentedDataset",
    "Batch",
    "Compose",
    "JointLayout",
    "OriginAtBodyCentre",
    "RandomRotation",
    "Report",
    "Sample",
    "Schema",
    "SequenceDataset",
    "Source",
    "Splits",
    "Transform",
    "check",
    "collate",
    "copies_in_train",
    "get_layout",
    "get_source",
    "list_layouts",
    "list_sources",
    "load",
    "preprocess",
    "read_sequences",
    "recognise",
    "transform_from_config",
    "validation_split",
]
