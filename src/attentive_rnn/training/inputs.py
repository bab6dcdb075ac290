"""Inputs of a trained model: files to predict, and the data set of its run, read as in training and matched to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from ..data import Schema, SequenceDataset, Source, Splits, read_sequences
from ..data.io.files import existing
from ..data.registry import carried_options, read_options, reader_of
from ..data.transforms.presence import numbers_of
from ..errors import ConfigError, DataError
from .config import Config
from .saved_model import SavedModel
from .setup import load_splits


def read_input(saved: SavedModel, path: str | Path, options: Mapping[str, Any] | None = None) -> SequenceDataset:
    """Sequences for a model, read with the options of its training.

    Another reader than that of the training takes from it what says what a value means, such as min_confidence. An
    option of the training that names a column, such as that of the labels, counts only if the input has it.

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
    trained = _of_training(saved, source, takes)
    while True:
        try:
            words = saved.schema if saved.schema.vocabulary else None
            dataset = read_sequences(path, words, **{**trained, **given})
            break
        except ConfigError as error:
            lacking = [key for key in source.may_lack if key not in given and repr(trained.get(key)) in str(error)]
            own = {} if saved.reader is None else saved.reader.options
            lacking += [key for key in ("coordinates", "features") if key not in own and key not in given]
            if not trained.keys() & set(lacking):
                raise
            trained = {key: value for key, value in trained.items() if key not in lacking}
        except DataError as error:
            layout = trained.get("layout")
            if layout is None or "layout" in given or str(layout) not in str(error):
                raise
            raise DataError(f"{error}; if these are other joints, name their layout: --option layout=NAME") from error
    if "coordinates" not in given:
        _check_depth(saved.schema, dataset, str(path))
    return saved.matched(dataset, takes=takes, where=str(path))


def _of_training(saved: SavedModel, source: Source, takes: Collection[str]) -> dict[str, Any]:
    """The options of a model's training that a source takes for its input, and what the model knows of joints."""
    if saved.reader is None:
        return {}
    trained = carried_options(saved.reader.options, saved.reader.source, source.read, source.name)
    schema = saved.schema
    if "coordinates" in takes and len(schema.shape) == 3 and schema.vectors == 1 and schema.shape[-1] in (3, 4):
        trained.setdefault("coordinates", schema.vector[0])
        if "features" in takes and schema.features and schema.vector[0] < schema.vector[1]:
            trained.setdefault("features", list(schema.features))  # in the order in which a confidence is the last
    return trained


def _check_depth(wanted: Schema, dataset: SequenceDataset, where: str) -> None:
    """DataError where joints of x, y and z are wanted, and those of a data set are x, y and a confidence."""
    found = dataset.schema
    if any(len(schema.shape) != 3 or schema.vector != (3, 3) for schema in (wanted, found)) or wanted.coordinates == 3:
        return
    joints = torch.cat([sequence.flatten(0, 2) for sequence in dataset.sequences])
    numbers = numbers_of(joints.numpy(), names=found.features)
    if numbers.coordinates < 3 and numbers.sure:
        raise DataError(
            f"{where}: the last of 3 numbers of a joint is a confidence, {numbers.why}, but the model takes x, y and z "
            "(--option coordinates=3 takes it as z)"
        )


def run_splits(saved: SavedModel, config: Config) -> Splits:
    """The training and test data of a run, as its model takes them.

    Raises:
        DataError: they are no longer those of the model, or have labels that it does not know.
    """
    return matched_splits(saved, load_splits(config))


def matched_splits(saved: SavedModel, splits: Splits) -> Splits:
    """Data that were loaded already as a model takes them; the same object where they fit."""
    parts = splits.parts()
    found = {name: saved.matched(part, strict=True) for name, part in parts.items()}
    return splits if all(found[name] is part for name, part in parts.items()) else Splits(**found)
