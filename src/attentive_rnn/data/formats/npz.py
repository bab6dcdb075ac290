"""The .npz format: sequences, lengths, labels and metas as named NumPy arrays.

    sequences   (sum T, ...) one after the other, or (N, T_max, ...) padded; also called x, X or data
    lengths     (N,) frames of each; may be left out where sequences are padded
    labels      (N,) class indices, -1 for none, or class names; also called y, label or target; may be left out;
                floats are numbers to be predicted, NaN for none; (sum T,) or (N, T_max) of recordings that are cut
    classes     the class names; also called class_names, label_names or target_names
    schema      JSON of a Schema, as one text
    features    (D,) the names of the features of a frame
    split       (N,) "train" or "test"
    confidence  of each joint, shaped as sequences without the last axis; also called score, scores or visibility
    meta        (N,) JSON objects

Padded arrays for each part, x_train, y_train, x_valid, ..., are read as well; their labels may be one-hot.

Any other array of N integers or texts (subject, view, name, ...) is kept as meta. Sequences may also be an array of
arrays, (T, ...) each; nothing that the file names is run.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import ConfigError, DataError, counted
from ..dataset import SequenceDataset
from ..io.arrays import Missing, check_missing, fill, read_arrays
from ..io.bad_samples import BadSamples
from ..io.cells import absent
from ..io.files import existing
from ..io.ragged import CELLS, joined
from ..labels.flags import flags_note, is_flag, parts_of_flags
from ..labels.kinds import Kind, check_kind, meant, signed
from ..labels.names import CLASS_NAMES, with_class_names
from ..options import by_name
from ..recordings import REMEDY, Windows, with_windows
from ..schema import Schema
from ..skeletons.confidence import confidences_of, fill_joints, with_confidence
from ..skeletons.layouts import (
    Layout,
    asked_for_layout,
    by_place_note,
    frame_shape,
    joint_order,
    known_layout,
    stored_layout,
)
from ..skeletons.units import with_units
from ..source import Source
from ..split import with_test_part
from .columns import META, from_columns, to_columns
from .frame_labels import by_recording, labels_of_frames
from .windows import (
    CONFIDENCE,
    DATA,
    LABELS,
    Part,
    check_part_words,
    end_of,
    gather,
    in_order,
    of_one_hot,
    role_in_part,
    told_order,
    with_parts_joined,
    with_usual_data,
    with_usual_labels,
)

_NAMES = {
    "sequences": DATA,
    "labels": LABELS,
    "confidence": CONFIDENCE,
}
_SHOWN = 100  # letters of names of arrays in a message
_RESERVED = (*DATA, *LABELS, "lengths", "classes", "schema", "file")


@dataclass(frozen=True)
class ArrayReading:
    """The options of a reader of arrays.

    Args:
        layout: joint layout of the frames, where the file has no schema.
        missing: "refuse", "interpolate", "zero", "skip" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.
        coordinates: of a joint, where a confidence follows them; see
            :func:`attentive_rnn.data.skeletons.confidence.with_confidence`.
        min_confidence: a joint with a confidence below it, in its last number or in the array "confidence", is absent.
        values: how many a joint has, if the frames are skeletons and can be read in two ways.
        target: "class" or "number", what a label is; None: as the type of the array says.
        order: the axes of x_train and so on, such as "NTD", where they can be read in two ways; see
            :mod:`attentive_rnn.data.formats.windows`.
        windows: how recordings with a label for each frame are cut; see :mod:`attentive_rnn.data.formats.frame_labels`.
    """

    layout: Layout | None = None
    missing: Missing = "refuse"
    coordinates: int | None = None
    min_confidence: float = 0.0
    values: int | None = None
    target: Kind | None = None
    order: str | None = None
    windows: Windows | None = None

    def check(self, where: str) -> None:
        """ConfigError for a value that an option does not take."""
        check_missing(self.missing)
        check_kind(where, self.target)


@by_name(ArrayReading, "reading")
def read(path: str | Path, reading: ArrayReading) -> SequenceDataset:
    """Every sequence of the file, labelled or not; a split is in ``meta["split"]``.

    Args:
        path: the .npz file.
        reading: its options.

    Raises:
        DataError: the file is malformed.
    """
    stored = read_arrays(existing(path))
    lists = {name: list(values) if values.dtype == object else values for name, values in stored.items()}
    content, notes, own = with_usual_data(with_usual_labels(lists), str(path))
    arrays: dict[str, np.ndarray] = {}
    for key, values in with_parts_joined(content, str(path)).items():
        if not isinstance(values, list):
            arrays[key] = values
        elif key in DATA:
            arrays |= joined(values, key, str(path), reading.order, own)
        else:
            notes.append(f"{path}: the array {key}, of arrays, is not used")
    name = next((name for name in DATA if name in arrays), None)
    order = reading.order
    if name is not None and "schema" not in arrays and (order is not None or name != DATA[0]):
        lengths = arrays.get("lengths")
        if lengths is None or lengths.shape == arrays[name].shape[:1]:  # else they follow each other
            arrays[name] = in_order(arrays[name], arrays, order, f"{path}: {own or name}", reading.layout)
    dataset = from_file(arrays, Path(path), replace(reading, order=None) if order in CELLS else reading)
    dataset.notes = (*notes, *dataset.notes)
    return dataset


def from_file(arrays: dict[str, np.ndarray], path: Path, reading: ArrayReading) -> SequenceDataset:
    """The sequences of all arrays of a file by name; errors as for :func:`read`."""
    reading.check(path.suffix[1:])
    where, windows = str(path), reading.windows
    padded = [x.shape for name, x in arrays.items() if role_in_part(name)[1] == "sequences" and x.ndim == 3]
    order = reading.order or next((told_order(shape, arrays) for shape in padded), None)
    if parts := {} if _named("sequences", arrays) is not None else _parts(arrays, where):
        named = {name: arrays[name] for name in CLASS_NAMES if name in arrays}
        dataset = from_parts(parts, path.stem, replace(reading, order=order, windows=None), named)
        others = [name for name in arrays if not role_in_part(name)[0] and name not in named]
        dataset.notes += tuple(f"{where}: the array {name} is not used" for name in others)
        return dataset if windows is None else windows.cut(dataset, where)
    if windows is not None:
        arrays = by_recording(arrays, _named("sequences", arrays), _named("labels", arrays))
    return from_arrays(arrays, where, path.stem, reading)


def from_parts(
    parts: Mapping[str, Part], name: str, reading: ArrayReading, classes: Mapping[str, np.ndarray] | None = None
) -> SequenceDataset:
    """The sequences of padded arrays, with the name of their part in ``meta["split"]`` where there are several.

    Args:
        parts: the arrays of each part by its name, "" where there is just one.
        name: of the data set.
        reading: its options, without windows.
        classes: the array of the names of the classes by its name, if there is one.
    """
    gathered = gather(parts, reading.order, reading.layout, reading.missing)
    where = next(iter(parts.values())).where
    arrays = {key: values for key, values in gathered.arrays.items() if key != "classes" or not classes}
    arrays |= classes or {}
    dataset = from_arrays(arrays, where, name, replace(reading, layout=gathered.layout))
    dataset.notes = (*gathered.notes, *dataset.notes)
    return dataset


def from_arrays(arrays: dict[str, np.ndarray], where: str, name: str, reading: ArrayReading) -> SequenceDataset:
    """The sequences of arrays that are named as in an .npz file. Errors as for :func:`read`."""
    missing, target, windows = reading.missing, reading.target, reading.windows
    schema = _schema(arrays, where)
    named = stored_layout(arrays.get("layout"))
    layout = schema.layout if schema else known_layout(named if reading.layout is None else reading.layout)
    stored = _named("sequences", arrays)
    if stored is None:
        held = ", ".join(arrays) or "nothing"
        held = held if len(held) <= _SHOWN else f"{held[:_SHOWN]}..."
        raise DataError(
            f"{where}: there is no array 'sequences' (or x, X, data); it holds {held}; name the array with the "
            "sequences x and that with the labels y"
        )
    if stored.dtype.kind not in "iuf" or stored.ndim < 2:
        raise DataError(f"{where}: sequences must be numbers (sum T, ...) or (N, T, ...), got {_kind(stored)}")
    cases = _cases(stored, arrays.get("lengths"), schema, where)
    names = _features(arrays, cases[0].shape[1:])
    if schema is None and layout is not None and (order := joint_order(names, layout, where, reading.values)):
        cases, arrays = [case[..., order] for case in cases], arrays | {"features": arrays["features"][order]}
    shape = schema.shape if schema else frame_shape(cases[0].shape[1:], layout, where, reading.values, names)
    given = _named("labels", arrays)
    sizes = [len(case) for case in cases]
    given, many = labels_of_frames(given, sizes, stored.shape[:2], where, windows is not None)
    notes = asked_for_layout(shape, where) if schema is None and layout is None and len(shape) > 1 else []
    notes += by_place_note(names, layout, where) if schema is None and layout is not None else []
    if given is not None and given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if schema is None and target != "number":
        arrays, given = with_class_names(arrays, given, len(cases), where)
    if given is not None and given.ndim == 2 and (schema is None or schema.target == "class"):
        given, count = of_one_hot(given, where)
        arrays = {"classes": np.arange(count)} | arrays
    if schema is None and given is not None and "classes" not in arrays:
        if given.dtype.kind == "i" and target != "number":
            given, told = signed(given, where)
            notes += told
        given = np.char.strip(given) if given.dtype.kind == "U" else given
        given, more = meant(given, target, where)
        notes += more
        if given.dtype.kind == "f" and many:
            raise DataError(f"{where}: labels are floats, and windows have classes: target=class takes them as such")
        if given.dtype.kind == "f":
            schema = Schema((), shape, _features(arrays, shape), layout, target="number")
    labels, classes = _labels(given, arrays.get("classes"), schema, sum(sizes) if many else len(cases), where)
    of_frames = np.split(np.array(labels), np.cumsum(sizes)[:-1]) if many else None
    labels = [-1] * len(cases) if many else labels
    flags = {n: v for n, v in _columns(arrays, len(cases), where).items() if is_flag(n)}
    telling, split = parts_of_flags(flags, where) if schema is None and "split" not in arrays else ([], [])
    if telling:
        arrays = {n: v for n, v in arrays.items() if n not in telling} | {"split": np.array(split)}
        notes.append(f"{where}: {flags_note(telling)}")
    bad = BadSamples(missing)
    finished = [bad.read(partial(_finished, case, i, missing, where, shape)) for i, case in enumerate(cases)]
    kept = [i for i, case in enumerate(finished) if case is not None]
    features = _features(arrays, shape)
    arrays = {name: values for name, values in arrays.items() if name != "features" or not features}
    metas = from_columns(_columns(arrays, len(cases), where), len(cases), where)
    dataset = SequenceDataset(
        [torch.from_numpy(case) for case in finished if case is not None],
        [labels[i] for i in kept],
        [metas[i] for i in kept],
        schema or Schema(classes, shape, features, layout),
        name,
        [*notes, *bad.notes(where, len(cases))],
    )
    beside = next((n for n in _NAMES["confidence"] if n in arrays and arrays[n].ndim > 1 and len(shape) == 3), None)
    known = {*_RESERVED, *_columns(arrays, len(cases), where), beside, named and "layout"}
    if unused := [name for name in arrays if name not in known]:
        dataset.notes = (*dataset.notes, f"{where}: the arrays {', '.join(unused)} are not used")

    def cut(dataset: SequenceDataset) -> SequenceDataset:
        return dataset if windows is None else windows.cut(dataset, where, of_frames and [of_frames[i] for i in kept])

    confidence = reading.coordinates, reading.min_confidence
    if beside is None:
        return cut(with_confidence(dataset, *confidence))
    sure = confidences_of(arrays[beside], stored.ndim > cases[0].ndim, cases, shape, f"{where}: the array {beside}")
    return cut(with_confidence(dataset, *confidence, [sure[i] for i in kept]))


def to_bytes(dataset: SequenceDataset) -> bytes:
    """The data set as an .npz file that :func:`read` gives back exactly."""
    columns = to_columns(dataset.metas, _RESERVED)
    arrays: dict[str, Any] = {
        "sequences": np.concatenate([s.numpy() for s in dataset.sequences]),
        "lengths": dataset.lengths,
        "labels": dataset.labels,
        "schema": json.dumps(dataset.schema.to_dict(), ensure_ascii=False),
        **{key: np.array(values) for key, values in columns.items()},
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _named(key: str, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    return next((arrays[name] for name in _NAMES[key] if name in arrays), None)


def _parts(arrays: dict[str, np.ndarray], where: str) -> dict[str, Part]:
    """The arrays of each part, where they are named x_train, y_train and so on."""
    check_part_words(arrays, where)
    found: dict[str, dict[str, str]] = {}
    for name in arrays:
        word, role = role_in_part(name)
        if word:
            found.setdefault(word, {})[role] = name
    parts = {}
    for word, names in found.items():
        if "sequences" not in names:
            raise DataError(f"{where}: there is an array {names['labels']!r}, but none with the sequences of that part")
        labels = arrays[names["labels"]] if "labels" in names else None
        parts[word] = Part(f"{where}, array {names['sequences']!r}", arrays[names["sequences"]], labels)
    return {"": next(iter(parts.values()))} if len(parts) == 1 else parts


def _kind(values: np.ndarray) -> str:
    return f"{values.dtype} {values.shape}"


def _schema(arrays: dict[str, np.ndarray], where: str) -> Schema | None:
    if "schema" not in arrays:
        return None
    text = arrays["schema"]
    try:
        content = json.loads(str(text)) if text.shape == () and text.dtype.kind == "U" else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DataError(f"{where}: the array schema must be one text, the JSON of a Schema; got {_kind(text)}")
    try:
        return Schema.from_dict(content)
    except ConfigError as error:
        raise DataError(f"{where}: {error}") from error


def _features(arrays: dict[str, np.ndarray], shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the features of a frame, where there is an array of so many texts."""
    names = arrays.get("features")
    if names is None or names.dtype.kind != "U" or names.shape != (math.prod(shape),) or len(set(names)) < names.size:
        return ()
    return tuple(names.tolist())


def _cases(values: np.ndarray, lengths: np.ndarray | None, schema: Schema | None, where: str) -> list[np.ndarray]:
    """The sequences, each (T, ...) without padding."""
    if lengths is None:
        if values.ndim < 3 or 0 in values.shape:
            raise DataError(
                f"{where}: sequences {values.shape} without an array lengths must be padded, (N, T, ...); "
                f"if it is a recording with a label for each frame, {REMEDY}"
            )
        return [case[: end_of(case)] for case in values]
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not len(lengths):
        raise DataError(f"{where}: lengths must be (N,) whole numbers, got {_kind(lengths)}")
    wrong = np.flatnonzero(lengths < 0)
    if len(wrong):
        raise DataError(f"{where}: the length of sequence {wrong[0]} is {lengths[wrong[0]]}; it must be 1 or more")
    sizes = [int(n) for n in lengths]
    if schema is not None:
        padded = values.shape[2:] == schema.shape
        if not padded and values.shape[1:] != schema.shape:
            raise DataError(f"{where}: sequences are {values.shape}, but a frame of the schema is {schema.shape}")
    else:
        padded = values.ndim >= 3 and sum(sizes) != len(values)
    if not padded:
        if sum(sizes) != len(values):
            raise DataError(
                f"{where}: the lengths add up to {sum(sizes)}, but sequences has {counted(len(values), 'frame')}"
            )
        return np.split(values, np.cumsum(sizes)[:-1])
    if len(values) != len(sizes):
        raise DataError(f"{where}: there are {counted(len(values), 'sequence')} and {counted(len(sizes), 'length')}")
    if max(sizes) > values.shape[1]:
        i = int(np.argmax(sizes))
        raise DataError(
            f"{where}: the length of sequence {i} is {sizes[i]}, but it has {counted(values.shape[1], 'frame')}"
        )
    return [case[:size] for case, size in zip(values, sizes, strict=True)]


def _finished(case: np.ndarray, i: int, missing: Missing, where: str, shape: tuple[int, ...]) -> np.ndarray:
    if not len(case):
        raise DataError(f"{where}: the length of sequence {i} is 0; it must be 1 or more")
    frames = case.reshape(len(case), -1)
    if len(shape) == 3 and missing in ("zero", "interpolate"):
        frames = fill_joints(frames.reshape(-1, *shape), missing).reshape(len(case), -1)
    filled = fill(frames, missing, lambda t, d: f"{where}: sequence {i}, frame {t}: feature {d}")
    return filled.reshape(-1, *shape)


def _labels(
    labels: np.ndarray | None, classes: np.ndarray | None, schema: Schema | None, count: int, where: str
) -> tuple[list[float], tuple[str, ...]]:
    if schema is not None and schema.target == "number":
        if labels is None:
            return [math.nan] * count, ()
        if labels.shape != (count,) or labels.dtype.kind not in "iuf":
            raise DataError(f"{where}: labels must be {(count,)} numbers, got {_kind(labels)}")
        return labels.tolist(), ()
    names = schema.classes if schema else None
    if classes is not None and schema is None:
        names = tuple(str(name) for name in classes)
    if labels is None:
        return [-1] * count, names or ()
    if labels.shape != (count,) or labels.dtype.kind not in "iuU":
        raise DataError(f"{where}: labels must be {(count,)} class indices or names, got {_kind(labels)}")
    values = labels.tolist()
    if names is None:
        found = sorted({v for v in values if v != -1 and not absent(str(v))})
        names = tuple(str(v) for v in found)
    elif labels.dtype.kind != "U":
        wrong = [v for v in values if not -1 <= v < len(names)]
        if wrong:
            raise DataError(
                f"{where}: the label {wrong[0]} is not an index into the {counted(len(names), 'class', 'classes')}"
            )
        return values, names
    index = {name: i for i, name in enumerate(names)}
    for value in values:
        if str(value) not in index and value != -1 and not absent(str(value)):
            raise DataError(f"{where}: the label {value!r} is not among classes")
    return [index.get(str(v), -1) for v in values], names


def _columns(arrays: dict[str, np.ndarray], count: int, where: str) -> dict[str, list[Any]]:
    for name in ("split", META):
        if name in arrays and (arrays[name].shape != (count,) or arrays[name].dtype.kind != "U"):
            raise DataError(f"{where}: {name} must be {(count,)} texts, got {_kind(arrays[name])}")
    kept = {name: a for name, a in arrays.items() if name not in _RESERVED}
    return {name: a.tolist() for name, a in kept.items() if a.shape == (count,) and a.dtype.kind in "iuU"}


SOURCE = Source(
    name="npz",
    title="NumPy arrays: an .npz with sequences, lengths, labels and, if known, split, subject, ...",
    load=with_units(with_windows(with_test_part(read))),
    read=with_units(with_windows(read)),
    recognise=lambda path: path.suffix.lower() == ".npz" and path.is_file(),
    check_options={"missing": "keep"},
)
