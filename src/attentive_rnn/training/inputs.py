"""Inputs of a trained model: files to predict, and the data set of its run, read as in training and matched to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

from ..data import (
    LabelledDataset,
    Schema,
    SequenceDataset,
    Source,
    Splits,
    fingerprint,
    from_frame,
    get_layout,
    read_sequences,
)
from ..data.in_memory import WHERE, from_arrays
from ..data.io.files import existing, read_bytes
from ..data.recordings import RateUnknownError
from ..data.registry import carried_options, get_source, read_options, reader_of
from ..data.skeletons.confidence import with_confidence
from ..data.stored.sample import evenly, step
from ..data.transforms.presence import numbers_of
from ..errors import ConfigError, DataError
from .config import Config
from .run_folder import RunFolder
from .saved_model import SavedModel
from .setup import load_splits, print_notes


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
    path = existing(path)
    trained = "" if saved.reader is None else saved.reader.source
    source = reader_of(path, saved.schema, trained, options or {})
    takes = read_options(source)
    words = saved.schema if saved.schema.vocabulary else None
    dataset = _as_in_training(saved, source, source.read, takes, options, partial(read_sequences, path, words, source))
    if "coordinates" not in (options or {}):
        _check_depth(saved.schema, dataset, str(path))
    return saved.matched(dataset, takes=takes, where=str(path))


def read_values(
    saved: SavedModel,
    values: Any,
    lengths: Sequence[int] | None = None,
    labels: Iterable[Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> LabelledDataset:
    """Sequences for a model from whatever holds them: a path, a table in memory, arrays, or a data set.

    Args:
        saved: the model.
        values: a path as for :func:`read_input`; a data frame as for :func:`attentive_rnn.data.from_frame`; arrays as
            for :func:`attentive_rnn.data.in_memory.from_arrays`; or a data set.
        lengths, labels: of arrays.
        options: of the reader of a path or a table.

    Raises:
        DataError, ConfigError: as these functions, or arguments that do not go with such values.
    """
    tabular = not isinstance(values, str | Path | LabelledDataset) and (
        isinstance(values, Mapping) or hasattr(values, "columns") or hasattr(values, "column_names")
    )
    in_arrays = not tabular and not isinstance(values, str | Path | LabelledDataset)
    if not in_arrays and (lengths is not None or labels is not None):
        raise ConfigError("lengths and labels are of arrays; a file, a table and a data set have their own")
    if options and (in_arrays or isinstance(values, LabelledDataset)):
        raise ConfigError(f"arrays and data sets are not read, so that they take no options, got {', '.join(options)}")
    if isinstance(values, str | Path):
        return read_input(saved, values, options)
    if isinstance(values, LabelledDataset):
        return saved.matched(values)
    if tabular:
        takes = [name for name in signature(from_frame).parameters if name not in ("frame", "name")]
        table = _as_in_training(
            saved, get_source("table"), from_frame, takes, options, partial(from_frame, values, name="table")
        )
        return saved.matched(table, where="the table")
    dataset = from_arrays(values, saved.schema, lengths=lengths, labels=labels)
    if saved.min_confidence:
        dataset = with_confidence(dataset, min_confidence=saved.min_confidence)
    return saved.matched(dataset, where=WHERE)


def _as_in_training(
    saved: SavedModel,
    source: Source,
    reader: Callable[..., Any],
    takes: Sequence[str],
    options: Mapping[str, Any] | None,
    read: Callable[..., SequenceDataset],
) -> SequenceDataset:
    """What `read` gives for options, and for those of the training that hold for its reader.

    The frames per second of the training hold where neither the options nor the data say others.
    """
    given, trained = dict(options or {}), _of_training(saved, source, reader, takes)
    rate = trained.pop("rate", None)
    while True:
        try:
            dataset = read(**{**trained, **given})
            if rate is not None and dataset.schema.rate is None:
                dataset.schema = replace(dataset.schema, rate=float(rate))
            return dataset
        except RateUnknownError:
            if rate is None:
                raise
            trained["rate"], rate = rate, None
        except ConfigError as error:
            lacking = [key for key in source.may_lack if key not in given and repr(trained.get(key)) in str(error)]
            own = {} if saved.reader is None else saved.reader.options
            lacking += [key for key in ("coordinates", "features") if key not in own and key not in given]
            if not trained.keys() & set(lacking):
                raise
            trained = {key: value for key, value in trained.items() if key not in lacking}
        except DataError as error:
            layout = trained.get("layout")
            if layout is None or "layout" in given or str(get_layout(layout)) not in str(error):
                raise
            raise DataError(f"{error}; if these are other joints, name their layout: --option layout=NAME") from error


def _of_training(
    saved: SavedModel, source: Source, reader: Callable[..., Any], takes: Collection[str]
) -> dict[str, Any]:
    """The options of a model's training that a source takes for its input, and what the model knows of joints."""
    if saved.reader is None:
        return {}
    trained = carried_options(saved.reader.options, saved.reader.source, reader, source.name)
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
    joints = evenly(dataset.sequences, step(dataset.sequences, found.size)).flatten(0, 2)
    numbers = numbers_of(joints.numpy(), names=found.features)
    if numbers.coordinates < 3 and numbers.sure:
        raise DataError(
            f"{where}: the last of 3 numbers of a joint is a confidence, {numbers.why}, but the model takes x, y and z "
            "(--option coordinates=3 takes it as z)"
        )


def run_splits(run: RunFolder, saved: SavedModel, config: Config) -> Splits:
    """The training and test data of a run, as its model takes them, in the parts and the order of its training.

    Args:
        run: the run.
        saved: its model.
        config: its configuration, which may say where the data are now.

    Raises:
        DataError: they are no longer those of the model, have labels that it does not know, or lack test sequences.
    """
    return matched_splits(run, saved, load_splits(config))


def matched_splits(run: RunFolder, saved: SavedModel, splits: Splits) -> Splits:
    """As :func:`run_splits`, of data that were loaded already; the same object where they are as in training.

    Sequences are told by their values, and changed ones by their names. What is not as in training is said on the
    standard error.
    """
    parts = splits.parts()
    matched = {name: saved.matched(part, strict=True) for name, part in parts.items()}
    print_notes(dict.fromkeys(note for part in matched.values() for note in part.notes if note not in splits.notes))
    splits = splits if all(matched[name] is part for name, part in parts.items()) else replace(splits, **matched)
    known = known_data(run)
    if known is None:
        return splits
    found = fingerprint.find(known, splits)
    own = fingerprint.parts_as_remembered(found, splits, str(run.path))
    print_notes([f"not as in training: {change}" for change in found.changes()], severity="warning")
    return own


def resumed_splits(run: RunFolder, splits: Splits) -> Splits:
    """The data of a run that goes on, in the parts and the order in which it began; the same object where they are.

    Raises:
        ConfigError: a sequence is missing or new, or has other values or another label.
    """
    known = known_data(run)
    if known is None:
        note = f"{run.path}: keeps no fingerprint of its data, so that changes since its beginning cannot be noticed"
        print_notes([note])
        return splits
    found = fingerprint.find(known, splits)
    if changes := found.changes():
        raise ConfigError(f"cannot go on with {run.path}: the data are not those of its training: {'; '.join(changes)}")
    print_notes(found.renamed())
    return fingerprint.parts_as_remembered(found, splits, str(run.path))


def known_data(run: RunFolder) -> fingerprint.Fingerprint | None:
    """The fingerprint of the data that a run was trained on; None for a run of an earlier version, which has none.

    Raises:
        ConfigError: it is damaged.
    """
    path = run.fingerprint
    return fingerprint.from_bytes(read_bytes(path), str(path)) if path.exists() else None
