"""Inputs of a trained model: files to predict, and the data set of its run, read as in training and matched to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from ..data import SequenceDataset, Splits, read_sequences
from ..data.io.files import existing
from ..data.registry import read_options, reader_of
from ..errors import ConfigError
from .config import Config
from .saved_model import SavedModel
from .setup import load_splits


def read_input(saved: SavedModel, path: str | Path, options: Mapping[str, Any] | None = None) -> SequenceDataset:
    """Sequences for a model, read with the options of its training where the same source reads them.

    An option of the training that names a column for labels, parts or subjects counts only if the input has it.

    Args:
        saved: the model.
        path: of the sequences.
        options: of the reader; they go before those of the training.

    Raises:
        DataError: nothing can be read there, or the frames are not those of the model; see :func:`match`.
        ConfigError: an option that the reader does not take.
    """
    path, given = existing(path), dict(options or {})
    source = reader_of(path, saved.schema)
    takes = read_options(source)
    trained = {}
    if saved.reader is not None and saved.reader.source == source.name:
        trained = {key: value for key, value in saved.reader.options.items() if key in takes}
    refused = None
    for kept in _choices(trained, [key for key in source.may_lack if key not in given]):
        try:
            dataset = read_sequences(path, saved.schema if saved.schema.vocabulary else None, **{**kept, **given})
            return saved.matched(dataset, takes=takes, where=str(path))
        except ConfigError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _choices(options: dict[str, Any], may_lack: list[str]) -> Iterator[dict[str, Any]]:
    """All options; then those without one, two and so on of the keys that an input may lack."""
    lacking = [key for key in may_lack if key in options]
    for count in range(len(lacking) + 1):
        for left_out in combinations(lacking, count):
            yield {key: value for key, value in options.items() if key not in left_out}


def run_splits(saved: SavedModel, config: Config) -> Splits:
    """The training and test data of a run, as its model takes them.

    Raises:
        DataError: they are no longer those of the model, or have labels that it does not know.
    """
    return matched_splits(saved, load_splits(config))


def matched_splits(saved: SavedModel, splits: Splits) -> Splits:
    """Data that were loaded already as a model takes them; the same object where they fit."""
    found = Splits(*(saved.matched(part, strict=True) for part in splits))
    return splits if all(a is b for a, b in zip(found, splits, strict=True)) else found
