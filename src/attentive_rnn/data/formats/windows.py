"""Arrays with all sequences of a part, padded to one length: their axes, joints and labels, as one set of arrays.

    (N, C, T, V, M)     skeletons of ST-GCN: coordinates, frames, joints, persons
    (N, T, D)           windows of D features; also (N, D, T), with order="NDT"
    (N, T, V, C)        skeletons of one person; also (N, C, T, V)

An axis has the letter N for sequences, T for frames, D for features, M for persons, V for joints, C for coordinates.
Labels are indices or names (N,), numbers to be predicted (N,), or one-hot rows (N, K).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...errors import DataError, counted
from ..io.bad_samples import BadSamples
from ..options import one_of
from ..skeletons.layouts import Layout, get_layout, list_layouts
from ..split import misspelt_part, no_part, part_of
from ..stored.spool import concatenated, keep
from ..transforms.presence import numbers_of

V = TypeVar("V")

DATA = ("sequences", "x", "X", "data")
LABELS = ("labels", "y", "Y")
_ALSO_LABELS = ("label", "target", "targets")  # in any case, and where there are no others
CONFIDENCE = ("confidence", "confidences", "score", "scores", "visibility", "keypoint_score", "keypoint_scores")
ORDERS = ("NCTVM", "NMTVC", "NTMVC", "NTVMC", "NTVCM", "NTVC", "NCTV", "NTD", "NDT")
_PERSONS = 6  # more in an axis are frames or joints
_OF_PART = re.compile(r"((?P<first>[a-z]+)_)?(?P<role>x|data|y|labels?)(_?(?P<part>[a-z]+))?", re.IGNORECASE)
_SAY = "say which with the option order, --option order=AXES"
_NTU = (150, (60, 120))  # features of two people of 25 joints, and classes of NTU RGB+D, as CTR-GCN stores them


@dataclass
class Part:
    """The arrays of one part.

    Args:
        where: the file in messages.
        values: all sequences, with axes in one of the orders.
        labels: (N,) or (N, K), or None.
        names: of the sequences, or None.
    """

    where: str
    values: np.ndarray
    labels: np.ndarray | None = None
    names: list[str] | None = None


@dataclass
class Gathered:
    """The arrays of all parts as an .npz file has them, and what they are.

    Args:
        arrays: "sequences" (sum T, ...), "lengths" and, if known, "labels", "classes", "split", "name".
        layout: joint layout, if known.
        notes: how the arrays were taken.
    """

    arrays: dict[str, np.ndarray]
    layout: Layout | None
    notes: list[str] = field(default_factory=list)


def gather(parts: Mapping[str, Part], order: str | None, layout: Layout | None, missing: str = "refuse") -> Gathered:
    """The sequences of all parts one after the other, without the zeros or NaN that pad them at their ends.

    Args:
        parts: by the name of the part; "" where there is just one.
        order: the letters of the axes; None: told by their number and sizes.
        layout: joint layout; None: told by the joints.
        missing: "skip" leaves out sequences that hold zeros or NaN only, with a note; "refuse" names the first.

    Raises:
        DataError: axes, joints or labels that can be read in two ways or in none, or parts that differ.
        ConfigError: an order that is none.
    """
    if order is not None:
        one_of("arrays", "order", order, ORDERS)
    frames: list[np.ndarray] = []
    split: list[str] = []
    used: list[list[int]] = []
    shapes: dict[tuple[int, ...], str] = {}
    hot = {_one_hot(part) for part in parts.values() if part.labels is not None}
    classes = max((count for count in hot if count is not None), default=None)
    notes: list[str] = []
    for name, part in parts.items():
        values = part.values
        if values.dtype.kind not in "iuf" or not 3 <= values.ndim <= 5 or 0 in values.shape:
            raise DataError(
                f"{part.where}: sequences must be numbers of 3 to 5 axes, got {values.dtype} {values.shape}"
            )
        ntu = layout is None and order is None and values.ndim == 3 and values.shape[2] == _NTU[0]
        if ntu and classes in _NTU[1]:
            layout = "ntu-25"
            notes.append(
                f"{part.where}: {values.shape[2]} features and {classes} classes were taken as NTU RGB+D: 2 persons x "
                "25 joints x 3 coordinates"
            )
        axes = order or _order(values.shape, layout, part.where)
        if len(axes) != values.ndim:
            raise DataError(f"{part.where}: has the axes {values.shape}, which are not {len(axes)}, {axes}")
        values = _with_time_first(values, axes)
        bad = BadSamples(missing)
        ends = [bad.read(partial(_end, values[i], f"{part.where}: sequence {i}", missing)) for i in range(len(values))]
        notes += bad.notes(part.where, len(values))
        kept = [i for i, end in enumerate(ends) if end is not None]
        found = [keep(np.array(values[i][: ends[i]])) for i in kept]
        used.append(kept)
        shapes.setdefault(found[0].shape[1:], part.where)
        frames += found
        split += [name] * len(found)
    if len(shapes) > 1:
        (one, first), (other, second) = list(shapes.items())[:2]
        raise DataError(f"{second}: has frames {other}, but {first} has {one}; all parts must agree")
    arrays = {"sequences": concatenated(frames), "lengths": np.array([len(case) for case in frames])}
    if arrays["sequences"].ndim == 4:
        layout = _layout(arrays["sequences"], layout, next(iter(parts.values())).where, notes)
    if set(parts) != {""}:
        arrays["split"] = np.array(split)
    _add_labels(arrays, list(parts.values()), used, classes)
    if all(part.names is not None for part in parts.values()):
        named = zip(parts.values(), used, strict=True)
        arrays["name"] = np.array([part.names[i] for part, kept in named for i in kept if part.names is not None])
    return Gathered(arrays, layout, notes)


def end_of(case: np.ndarray) -> int:
    """Number of frames (T, ...) up to the last one that is neither all zeros nor all NaN; at least one."""
    frames = case.reshape(len(case), -1)
    kept = np.flatnonzero((np.nan_to_num(frames) != 0).any(axis=1))
    return int(kept[-1]) + 1 if len(kept) else 1


def _end(case: np.ndarray, where: str, missing: str) -> int:
    """As :func:`end_of`, or the error that there is nothing in a sequence."""
    end = end_of(case)
    if end == 1 and missing in ("refuse", "skip") and not np.nan_to_num(case[0]).any():
        raise DataError(f"{where}: holds nothing but zeros or NaN")
    return end


def _order(shape: tuple[int, ...], layout: Layout | None, where: str) -> str:
    """The axes of a shape, where only one order fits."""
    if len(shape) == 5:
        fitting = _of_persons(shape, layout)
        if len(fitting) == 1:
            return fitting[0]
        asked = " or ".join(f"({', '.join(axes)})" for axes in fitting)
        can = f"can be {asked}" if fitting else "are those of no skeletons, by their sizes"
        raise DataError(f"{where}: the axes {shape} {can}; {_SAY}")
    if len(shape) == 4:
        first, last = shape[1] in (2, 3, 4), shape[3] in (2, 3, 4)
        if first == last:
            raise DataError(f"{where}: the axes {shape} can be (N, C, T, V) or (N, T, V, C); {_SAY}")
        return "NCTV" if first else "NTVC"
    known = get_layout(layout) if layout else None
    sizes = [len(known.joints) * values for values in (known.coordinates, known.coordinates + 1)] if known else []
    fits, turned = (any(size % one == 0 for one in sizes) for size in (shape[2], shape[1]))
    if turned and not fits:
        return "NDT"
    if (known and not turned) or (not known and shape[1] >= shape[2]) or shape[1] == shape[2]:
        return "NTD"
    raise DataError(
        f"{where}: the axes {shape} can be {counted(shape[1], 'frame')} of {counted(shape[2], 'feature')} "
        f"(NTD) or {counted(shape[2], 'frame')} of {counted(shape[1], 'feature')} (NDT); {_SAY}"
    )


def _of_persons(shape: tuple[int, ...], layout: Layout | None) -> list[str]:
    """The orders of five axes in which a shape has coordinates, persons and joints of usual counts.

    Example:
        >>> [_of_persons(shape, None) for shape in ((9, 3, 300, 25, 2), (9, 300, 2, 25, 3), (9, 4, 1, 25, 3))]
        [['NCTVM'], ['NTMVC'], ['NTMVC']]
    """
    known = get_layout(layout) if layout else None
    numbers = (known.coordinates, known.coordinates + 1) if known else (2, 3, 4)
    counts = {len(known.joints)} if known else {len(get_layout(name).joints) for name in list_layouts()}
    sizes = {axes: dict(zip(axes, shape, strict=True)) for axes in ORDERS if len(axes) == len(shape)}
    fitting = [axes for axes, size in sizes.items() if size["C"] in numbers and size["M"] <= _PERSONS]
    named = [axes for axes in fitting if sizes[axes]["V"] in counts]
    fitting = named if named or known else [axes for axes in fitting if sizes[axes]["V"] > sizes[axes]["M"]]
    fitting = [axes for axes in fitting if sizes[axes]["T"] > 1] or fitting
    # Three coordinates of two persons, as ST-GCN has them, are more usual than two of three persons.
    return ["NCTVM"] if "NCTVM" in fitting and (shape[1], shape[4]) == (3, 2) else fitting


def time_before_features(values: np.ndarray, order: str | None, where: str, layout: Layout | None = None) -> np.ndarray:
    """The sequences (N, T, D) of an array (N, T, D) or (N, D, T), where one order is given or only one fits."""
    order = order if order in ORDERS else _order(values.shape, None, where)
    if len(order) != values.ndim:
        raise DataError(f"{where}: has the axes {values.shape}, which are not {len(order)}, {order}")
    return _with_time_first(values, order)


def in_order(
    values: np.ndarray, arrays: Mapping[str, np.ndarray], order: str | None, where: str, layout: Layout | None = None
) -> np.ndarray:
    """An array (N, T, ...), out of one that may have other axes: as given, as other arrays tell, or as only one fits.

    Args:
        values: the sequences.
        arrays: of the file; see :func:`told_order`.
        order: of the axes; None: it is to be told.
        where: the array in messages.
        layout: joint layout, if known.

    Raises:
        DataError: the axes can be read in two ways.
    """
    shape = values.shape
    if order is not None:
        return time_before_features(values, order, where)
    if values.ndim == 3:
        return _with_time_first(values, told_order(shape, arrays) or _order(shape, layout, where))
    if values.ndim < 4 or "lengths" in arrays:
        return values
    if values.ndim == 5:  # of no skeletons, the frames are first, as in all arrays of sequences
        return _with_time_first(values, _order(shape, layout, where)) if _of_persons(shape, layout) else values
    if shape[2] > shape[1] and shape[1] in (2, 3, 4) and shape[3] not in (2, 3, 4):
        return _with_time_first(values, "NCTV")
    return values


def told_order(shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> str | None:
    """Whether an array is (N, T, D) or (N, D, T), as the names of the features or the lengths tell; else None.

    Example:
        >>> told_order((9, 3, 100), {"features": np.array(["x", "y", "z"])})
        'NDT'
    """
    names, lengths = arrays.get("features"), arrays.get("lengths")
    if names is not None and names.dtype.kind == "U" and shape[1] != shape[2]:
        return {shape[2]: "NTD", shape[1]: "NDT"}.get(names.size)
    if lengths is not None and lengths.shape == shape[:1] and lengths.dtype.kind in "iu":
        longest = lengths.max(initial=0)
        return "NTD" if longest <= shape[1] else "NDT" if longest <= shape[2] else None
    return None


def role_in_part(name: str) -> tuple[str, str]:
    """The word for a part in the name of an array, and "sequences" or "labels"; "" where it has none.

    Example:
        >>> role_in_part("XTrain"), role_in_part("y_val"), role_in_part("mean")
        (('train', 'sequences'), ('val', 'labels'), ('', ''))
    """
    match = _OF_PART.fullmatch(name)
    word = match and (match["part"] or match["first"])
    if not match or not word or not part_of(word):
        return "", ""
    return word.lower(), "labels" if match["role"].lower() in ("y", "label", "labels") else "sequences"


def check_part_words(names: Iterable[str], where: str) -> None:
    """Refuse x_vaild beside x_train: arrays that are named as those of a part, by a word that is none.

    Raises:
        PartsError: there are sequences and labels of such a word, or it resembles that of a part.
    """
    names = list(names)
    if not any(role_in_part(name)[0] for name in names):
        return
    roles: dict[str, set[str]] = {}
    for name in names:
        match = _OF_PART.fullmatch(name)
        word = match and (match["part"] or match["first"])
        if match and word and not part_of(word):
            roles.setdefault(word.lower(), set()).add("y" if match["role"].lower()[0] in "yl" else "x")
    for word, found in roles.items():
        if len(found) == 2 or misspelt_part(word):
            raise no_part(word, where)


def with_usual_labels(arrays: Mapping[str, V]) -> dict[str, V]:
    """The arrays with one called "label", "Target" or the like as "labels", where there is no such array.

    Example:
        >>> list(with_usual_labels({"x": np.zeros((2, 3, 1)), "Label": np.zeros(2)}))
        ['x', 'labels']
    """
    also = next((name for word in _ALSO_LABELS for name in arrays if name.lower() == word), None)
    if also is None or any(name in arrays for name in LABELS):
        return dict(arrays)
    return {LABELS[0] if name == also else name: values for name, values in arrays.items()}


def with_usual_data(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str], str | None]:
    """The content of a file with the only array that can be the sequences as "data", where none has a usual name.

    Returns:
        The content, a note on that array, and its own name, None where none was renamed.

    Example:
        >>> found, notes, own = with_usual_data({"EEG": np.zeros((9, 100, 8)), "fs": np.zeros(())}, "a.npz")
        >>> list(found), notes, own
        (['data', 'fs'], ["a.npz: the array 'EEG' was taken for the sequences"], 'EEG')
    """
    if any(name in DATA or name == "schema" or role_in_part(name)[0] for name in content):
        return dict(content), [], None
    fitting = [name for name, value in content.items() if name not in CONFIDENCE and _may_be_sequences(value)]
    if len(fitting) != 1:
        return dict(content), [], None
    data = {DATA[-1] if name == fitting[0] else name: value for name, value in content.items()}
    return data, [f"{where}: the array {fitting[0]!r} was taken for the sequences"], fitting[0]


def _may_be_sequences(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(one, np.ndarray) and one.dtype.kind in "iuf" and one.size > 1 for one in value)
    return isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim > 2


def with_parts_joined(content: dict[str, Any], where: str) -> dict[str, Any]:
    """The content with XTrain, YTrain, XTest, ... as X, Y and split, where these are cells."""
    check_part_words(content, where)
    cells = [
        name for name, value in content.items() if role_in_part(name)[1] == "sequences" and isinstance(value, list)
    ]
    x: list[Any] = []
    y: list[Any] = []
    split: list[str] = []
    for name in cells:
        word, sequences = role_in_part(name)[0], content[name]
        others = [key for key in content if role_in_part(key) == (word, "labels")]
        found = content[others[0]] if others else None
        labels = (
            np.array_split(found.reshape(-1), found.size) if isinstance(found, np.ndarray) and found.size else found
        )
        if not isinstance(labels, list) or len(labels) != len(sequences):
            count = len(labels) if isinstance(labels, list) else "no"
            raise DataError(f"{where}: {name!r} has {len(sequences)} cells, but {count} labels")
        x, y, split = [*x, *sequences], [*y, *labels], [*split, *[word] * len(sequences)]
    return content | {"x": x, "y": y, "split": np.array(split)} if cells else content


def _with_time_first(values: np.ndarray, axes: str) -> np.ndarray:
    """The sequences as (N, T, D), or as (N, T, M, V, C)."""
    wanted = "NTD" if "D" in axes else "".join(letter for letter in "NTMVC" if letter in axes)
    values = values.transpose([axes.index(letter) for letter in wanted])
    return values if "D" in axes or "M" in axes else values[:, :, None]


def _layout(frames: np.ndarray, layout: Layout | None, where: str, notes: list[str]) -> Layout | None:
    """The layout of frames (sum T, M, V, C), where only one fits."""
    joints, numbers = frames.shape[2:]
    found = numbers_of(frames)
    score = numbers == 4 or found.coordinates < numbers or not found.sure  # or it may be one
    if layout is None:
        fitting = [name for name in list_layouts() if len(get_layout(name).joints) == joints]
        if numbers == 2 or (numbers == 3 and not score):
            fitting = [
                name for name in fitting if name.startswith(("openpose", "coco", "jhmdb")) == (numbers == 2)
            ] or (fitting if numbers == 3 and joints == 18 else [])
        if len(fitting) > 1:
            raise DataError(
                f"{where}: {joints} joints of {numbers} numbers can be {' or '.join(fitting)}; say which with the "
                f"option layout, --option layout={fitting[0]}"
            )
        layout = fitting[0] if fitting else None
        if layout is None:
            notes.append(
                f"{where}: no layout of {joints} joints and {numbers} coordinates is known, so they have no names"
            )
    elif len(get_layout(layout).joints) != joints:
        raise DataError(f"{where}: has {joints} joints, but {layout} has {len(get_layout(layout).joints)}")
    return layout


def _one_hot(part: Part) -> int | None:
    """How many classes one-hot labels tell; they are made indices, -1 for a row of zeros."""
    labels = part.labels
    if labels is None or labels.ndim == 1:
        return None
    if labels.ndim == 2 and labels.shape[1] == 1:
        part.labels = labels[:, 0]
        return None
    part.labels, count = of_one_hot(labels, part.where)
    return count


def of_one_hot(labels: np.ndarray, where: str) -> tuple[np.ndarray, int]:
    """The class indices of one-hot labels (N, K), -1 for a row of zeros, and K.

    Raises:
        DataError: they are not one-hot.
    """
    if labels.ndim != 2 or labels.dtype.kind not in "iufb":
        raise DataError(f"{where}: labels must be (N,), or one-hot (N, K), got {labels.dtype} {labels.shape}")
    ones, zeros = labels == 1, labels == 0
    wrong = np.flatnonzero(~((ones | zeros).all(axis=1) & (ones.sum(axis=1) <= 1)))
    if len(wrong):
        raise DataError(f"{where}: the label of sequence {wrong[0]} is not one-hot: one 1 and otherwise 0")
    return np.where(ones.any(axis=1), ones.argmax(axis=1), -1), int(labels.shape[1])


def _add_labels(arrays: dict[str, np.ndarray], parts: list[Part], used: list[list[int]], classes: int | None) -> None:
    if all(part.labels is None for part in parts):
        return
    found: list[Any] = []
    for part, kept in zip(parts, used, strict=True):
        count = len(part.values)
        labels = np.full(count, -1) if part.labels is None else part.labels
        if labels.shape != (count,) or labels.dtype.kind not in "iufU":
            raise DataError(
                f"{part.where}: there are {counted(count, 'sequence')}, and labels are {labels.dtype} {labels.shape}"
            )
        found.append(labels[kept])
    if len({array.dtype.kind == "U" for array in found}) > 1:
        raise DataError(f"{parts[0].where}: the labels of one part are texts and those of another numbers")
    arrays["labels"] = np.concatenate(found)
    if classes is not None:
        if arrays["labels"].max() >= classes:
            known = counted(classes, "class", "classes")
            raise DataError(f"{parts[0].where}: a label is {arrays['labels'].max()}, but there are {known}")
        arrays["classes"] = np.array([str(i) for i in range(classes)])
