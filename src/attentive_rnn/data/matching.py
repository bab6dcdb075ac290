"""Match of a data set to the schema of a model: features by name, joints by name, everything else by count.

Input is a data set as it was read and the schema of the frames that a model takes; output is the data set as the model
takes it, or one DataError.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, DataWarning
from .dataset import LabelledDataset, SequenceDataset
from .io.cells import whole_number
from .schema import Schema, same_rate
from .skeletons.layouts import JointMap, get_layout, joint_map, turn_between
from .skeletons.units import factor, unit_in
from .text.words import recode

FrameMap = Callable[[Tensor], Tensor]  # (T, *found.shape) to (T, *wanted.shape)
D = TypeVar("D", bound=LabelledDataset)

_SHOWN = 8  # names in a message
_NUMBERED = re.compile(r"column \d+")  # the name that a reader gives a column without one


def match(
    dataset: D, wanted: Schema, *, strict: bool = False, takes: Collection[str] = (), where: str | None = None
) -> D:
    """The data set as a model of the schema `wanted` takes it, with that schema; the same object where it fits already.

    Features are put into the model's order where both have names. Joints of another layout are taken by name, persons
    who are not there are zeros, and persons who are never there are left out. Words become indices of the model's
    vocabulary, and labels indices of its classes. Frames without names need the model's shape or count.

    Args:
        dataset: as it was read.
        wanted: the schema of the model.
        strict: whether labels that the model does not know are an error; else they become -1 (NaN), with a warning.
        takes: options of the reader, for the advice in a message.
        where: the place of the data in a message; None: the data set's name.

    Raises:
        DataError: the frames are not those of the model; the message names what is missing and what is unknown.

    Example:
        >>> data = SequenceDataset([torch.tensor([[1.0, 2.0]])], [-1], [{}], Schema((), (2,), features=("y", "x")))
        >>> match(data, Schema(("a", "b"), (2,), features=("x", "y")))[0].sequence.tolist()
        [[2.0, 1.0]]
    """
    found = dataset.schema
    same_units = not found.measured or not wanted.measured or found.measured == wanted.measured
    if found == wanted and _turn(found, wanted) is None and same_units:
        return dataset
    where = where or dataset.name or "data"
    if isinstance(dataset, SequenceDataset):
        return _matched(dataset, wanted, strict, takes, where)  # type: ignore[return-value]
    for key in ("medium", "shape", "target", "vocabulary"):
        here, there = getattr(found, key), getattr(wanted, key)
        if here != there:
            raise DataError(f"{where}: its {key} is {_shown(here)}, but that of the model is {_shown(there)}")
    matched = copy(dataset)  # with whatever else is known of it
    matched.labels, matched.schema = _labels(dataset, wanted, strict, where), wanted
    return matched


def _matched(
    dataset: SequenceDataset, wanted: Schema, strict: bool, takes: Collection[str], where: str
) -> SequenceDataset:
    found = dataset.schema
    if found.medium != wanted.medium:
        raise DataError(f"{where}: holds items of the kind {found.medium}, but the model takes {wanted.medium}")
    if bool(found.vocabulary) != bool(wanted.vocabulary):
        kinds = ("words", "numbers") if found.vocabulary else ("numbers", "words")
        raise DataError(f"{where}: holds {kinds[0]}, but the model reads {kinds[1]}")
    if wanted.vocabulary and found.vocabulary != wanted.vocabulary:
        dataset = recode(dataset, wanted.vocabulary)
    frames = match_frames(found, wanted, where, takes)
    frames, scaled = _in_units(found, wanted, where, takes, frames)
    if found.rate and wanted.rate:
        _check_rate(where, found.rate, wanted.rate, takes)
    matched = copy(dataset)  # with whatever else is known of it
    if frames is not None:
        matched = dataset.remade(partial(_framed, dataset.metas, frames, where), wanted, same_lengths=True)
    matched.labels = _labels(dataset, wanted, strict, where)
    matched.schema = wanted
    matched.notes = (*matched.notes, *conversion_notes(found, wanted, where), *scaled)
    return matched


def _framed(metas: Sequence[Mapping[str, Any]], frames: FrameMap, where: str, index: int, marked: Tensor) -> Tensor:
    """A sequence in the frames of the model, with NaN for joints that are absent."""
    try:
        return frames(marked)
    except DataError as error:
        raise DataError(f"{where}: {metas[index].get('name', f'sequence {index}')}: {error}") from error


def _turn(found: Schema, wanted: Schema) -> Tensor | None:
    """The rotation (C, C) from skeletons whose axis that points up is known to those of the model; None: none."""
    if len(wanted.shape) != 3 or wanted.medium != "sequence" or wanted.vector[0] not in (2, 3):
        return None
    return turn_between(found.upward, wanted.upward, wanted.vector[0])


def match_frames(found: Schema, wanted: Schema, where: str, takes: Collection[str] = ()) -> FrameMap | None:
    """The function from frames of one schema to those of another; None where they are the same.

    Raises:
        DataError: there is none, as in :func:`match`. The function raises it where more persons are present than the
            model takes.

    Example:
        >>> kinect = Schema((), (1, 20, 3), layout="kinect-20")
        >>> tuple(match_frames(Schema((), (20, 3)), kinect, "here")(torch.zeros(5, 20, 3)).shape)
        (5, 1, 20, 3)
    """
    plain, turn = _untwisted(found, wanted, where, takes), _turn(found, wanted)
    if turn is None:
        return plain
    coordinates, size = wanted.vector

    def turned(frames: Tensor) -> Tensor:
        made = frames.clone() if plain is None else plain(frames)
        vectors = made.unflatten(-1, (-1, size))
        upright = vectors[..., :coordinates] @ turn.to(made.dtype).T
        return torch.cat([upright, vectors[..., coordinates:]], -1).flatten(-2)

    return turned


def _untwisted(found: Schema, wanted: Schema, where: str, takes: Collection[str]) -> FrameMap | None:
    """As :func:`match_frames`, with the axes as they are."""
    if found.layout and wanted.layout and found.layout != wanted.layout:
        return _joints(found, wanted, where, takes)
    if found.coordinates is not None and found.shape == wanted.shape:
        _check_coordinates(found, wanted, where)
    names, own = _names(found), _names(wanted)
    if names and own:
        called = {other: own[i] for i, (other, _) in _feature_units(found, wanted).items()}
        names = tuple(called.get(name, name) for name in names)
        order = feature_order(names, own, where, takes)
        if order is None and found.shape == wanted.shape:
            return None
        columns = torch.tensor(list(range(len(own))) if order is None else order)
        return lambda frames: frames.flatten(1)[:, columns].reshape(-1, *wanted.shape)
    if found.shape == wanted.shape:
        return None
    if len(wanted.shape) == 3 and wanted.medium == "sequence":
        return _joints(found, wanted, where, takes)
    if found.size != wanted.size or (len(found.shape) > 1 and len(wanted.shape) > 1):
        raise DataError(_other_shape(found, wanted, where))
    return lambda frames: frames.reshape(-1, *wanted.shape)


def _in_units(
    found: Schema, wanted: Schema, where: str, takes: Collection[str], frames: FrameMap | None
) -> tuple[FrameMap | None, list[str]]:
    """The function to frames of the model, and to its units where both are known; and a note on another one.

    Raises:
        DataError: the units measure different things, such as pixels and metres.
    """
    scale: Tensor
    if len(wanted.shape) == 3 and wanted.medium == "sequence":
        here, there = found.measured, wanted.measured
        if not here or not there or here == there:
            return frames, []
        times = factor(here, there)
        if times is None:
            hint = f"; --option units={there.split()[0]} if they are" if "units" in takes and " " not in there else ""
            raise DataError(f"{where}: coordinates are in {here}, but the model was trained with {there}{hint}")
        coordinates, size = wanted.vector
        scale = torch.tensor(([times] * coordinates + [1.0] * (size - coordinates)) * wanted.vectors)
        note = f"{where}: coordinates in {here} are taken as {there}, as in training"
    else:
        units = _feature_units(found, wanted)
        if not units:
            return frames, []
        scale = torch.ones(wanted.size)
        for i, (_, times) in units.items():
            scale[i] = times
        name, (other, _) = wanted.features[next(iter(units))], next(iter(units.values()))
        note = f"{where}: {other} is taken as {name}, as in training" + (
            f", and {len(units) - 1} more alike" if len(units) > 1 else ""
        )
        scale = scale.reshape(wanted.shape)
    return lambda x: (x.clone() if frames is None else frames(x)) * scale.to(x.dtype), [note]


def _feature_units(found: Schema, wanted: Schema) -> dict[int, tuple[str, float]]:
    """The features of a model that the data have in another unit of the same kind: their names there, and factors."""
    units: dict[int, tuple[str, float]] = {}
    here = {_plain(unit_in(name)[0]): name for name in found.features}
    for i, name in enumerate(wanted.features):
        base, unit = unit_in(name)
        other = here.get(_plain(base), name)
        own = unit_in(other)[1]
        if unit and own and unit != own and (times := factor(own, unit)) is not None and name not in found.features:
            units[i] = other, times
    return units


def feature_order(
    names: Sequence[str], wanted: Sequence[str], where: str, takes: Collection[str] = (), whose: str = "the model"
) -> list[int] | None:
    """The place among names of each wanted one; None where they are the same in the same order.

    Raises:
        DataError: one is missing or unknown.

    Example:
        >>> feature_order(("z", "x", "y"), ("x", "y", "z"), "here")
        [1, 2, 0]
    """
    if tuple(names) == tuple(wanted):
        return None
    for side, of in ((names, "the data"), (wanted, whose)):
        twice = [name for name, count in Counter(side).items() if count > 1]
        if twice:
            raise DataError(f"{where}: {of} has two features of the name {twice[0]!r}, so that they cannot be matched")
    if set(names) != set(wanted):
        # "X " for "x", where that leaves no doubt.
        plain, own = [_plain(name) for name in names], [_plain(name) for name in wanted]
        if len(set(plain)) == len(plain) and len(set(own)) == len(own) and set(plain) == set(own):
            names, wanted = plain, own
    place = {name: i for i, name in enumerate(names)}
    missing = [name for name in wanted if name not in place]
    unknown = [name for name in names if name not in set(wanted)]
    if missing or unknown:
        parts = [f"missing {_shown(missing)}"] if missing else []
        parts += [f"unknown {_shown(unknown)}"] if unknown else []
        hint = ""
        if "features" in takes and not missing:
            listed = ",".join(wanted) if len(wanted) <= _SHOWN else f"{wanted[0]},{wanted[1]},..."
            hint = f" (leave them out with --option features=[{listed}])"
        raise DataError(f"{where}: the features are not those of {whose}: {'; '.join(parts)}{hint}")
    return [place[name] for name in wanted]


def _labels(dataset: LabelledDataset, wanted: Schema, strict: bool, where: str) -> np.ndarray:
    """The labels of a data set as those of a model's schema."""
    found = dataset.schema
    if found.target == wanted.target and (found.target != "class" or found.classes == wanted.classes):
        return dataset.labels
    if found.target != wanted.target:
        if dataset.labelled.any():
            kinds = {"number": "numbers", "class": "classes", "image": "images"}
            _labels_left_out(
                f"{where}: the labels are {kinds[found.target]}, but the model predicts {kinds[wanted.target]}", strict
            )
        return np.full(len(dataset), np.nan) if wanted.target == "number" else np.full(len(dataset), -1)
    index = _places(wanted.classes, found.classes)
    counts = Counter(found.classes[label] for label in dataset.labels if label >= 0)
    unknown = [f"{name!r} ({count} sequence{'s' * (count > 1)})" for name, count in counts.items() if name not in index]
    if unknown:
        some = "the label" if len(unknown) == 1 else "the labels"
        verb = "is" if len(unknown) == 1 else "are"
        _labels_left_out(
            f"{where}: {some} {_shown(unknown)} {verb} none of the model's classes: {_shown(wanted.classes)}", strict
        )
    own = np.array([*(index.get(name, -1) for name in found.classes), -1], dtype=np.int64)
    return own[dataset.labels]  # the last one is for -1


def _places(classes: Sequence[str], names: Iterable[str]) -> dict[str, int]:
    """The place of each name among the classes: of the class of that name, or else of the only one of that number."""
    numbers = Counter(whole_number(name) for name in classes)
    places = {whole_number(name): i for i, name in enumerate(classes) if numbers[whole_number(name)] == 1}
    places.pop(None, None)
    same = {name: places[number] for name in names if (number := whole_number(name)) in places}
    return same | {name: i for i, name in enumerate(classes)}


def warn_of_rate(where: str, found: float, wanted: float) -> None:
    """Warn of frames that come at another rate than in training."""
    if same_rate(found, wanted):
        return
    warnings.warn(
        f"{where}: has {found:.4g} frames per second, but the model was trained with {wanted:.4g}; "
        "bring the data to that rate first",
        DataWarning,
        stacklevel=2,
    )


def _check_rate(where: str, found: float, wanted: float, takes: Collection[str]) -> None:
    """DataError on another rate where an option can say otherwise, else a warning."""
    if "rate" in takes and not same_rate(found, wanted):
        raise DataError(
            f"{where}: has {found:.4g} frames per second, but the model was trained with {wanted:.4g}; bring the data "
            f"to that rate first, or take them as they are with --option rate={wanted:.4g}"
        )
    warn_of_rate(where, found, wanted)


def _labels_left_out(message: str, strict: bool) -> None:
    if strict:
        raise DataError(message)
    warnings.warn(f"{message}; they count as no labels", DataWarning, stacklevel=2)


def _names(schema: Schema) -> tuple[str, ...]:
    """The names of the features; none where a reader made them up from their places."""
    return () if all(_NUMBERED.fullmatch(name) for name in schema.features) else schema.features


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _joints(found: Schema, wanted: Schema, where: str, takes: Collection[str]) -> FrameMap:
    """The function that takes the joints of a layout out of those of another, and as many persons as are wanted."""
    persons, joints, values = wanted.shape
    shape = found.shape
    if len(shape) == 2:
        shape = (1, *shape)
    elif len(shape) == 1 and not found.layout and shape[0] % (joints * values) == 0:
        shape = (shape[0] // (joints * values), joints, values)
    chosen = _joint_map(found, wanted, where)
    if chosen is not None and (len(shape) != 3 or shape[1] != len(get_layout(found.layout or "").joints)):
        raise DataError(_other_shape(found, wanted, where))
    if len(shape) == 3 and found.layout and found.vector[0] == 2 and wanted.vector[0] == 3:
        raise DataError(
            f"{where}: joints of {found.layout} have x and y in a picture, but the model takes x, y and z in space: "
            "the depth of a joint cannot be told from a picture"
        )
    if len(shape) != 3 or shape[2] != values or (chosen is None and shape[1] != joints):
        raise DataError(_other_shape(found, wanted, where))
    _check_coordinates(found, wanted, where)

    def convert(frames: Tensor) -> Tensor:
        bodies = frames.reshape(-1, *shape)
        bodies = bodies if chosen is None else chosen(bodies, wanted.vector)
        if shape[0] > persons:
            there = torch.nan_to_num(bodies).flatten(2).ne(0).any(2).any(0).nonzero().flatten().tolist()
            if len(there) > persons:
                hint = f"; choose with --option persons={persons}" if "persons" in takes else ""
                raise DataError(f"{len(there)} persons are present, but the model takes {persons}{hint}")
            rest = [p for p in range(shape[0]) if p not in there]
            bodies = bodies[:, sorted([*there, *rest[: persons - len(there)]], key=lambda p: (p not in there, p))]
        elif shape[0] < persons:
            nobody = bodies.new_zeros(len(bodies), persons - shape[0], *bodies.shape[2:])
            bodies = torch.cat([bodies, nobody], 1)
        return bodies

    return convert


def _joint_map(found: Schema, wanted: Schema, where: str) -> JointMap | None:
    """How to have the joints of the model out of those of another layout; None where there is no other.

    Raises:
        DataError: a joint cannot be had.
    """
    if not found.layout or not wanted.layout or found.layout == wanted.layout:
        return None
    made = joint_map(get_layout(found.layout).joints, get_layout(wanted.layout).joints)
    if made.missing:
        raise DataError(
            f"{where}: {found.layout} has no joint for {_shown(list(made.missing))} of {wanted.layout}, on which the "
            "model was trained"
        )
    return made


def conversion_notes(found: Schema, wanted: Schema, where: str) -> list[str]:
    """Notes on the joints that are derived for a model of another layout, and on another axis that points up."""
    made = _joint_map(found, wanted, where) if len(found.shape) > 1 else None
    notes = []
    if made is not None and made.derived:
        notes.append(f"{where}: joints of {wanted.layout} made of those of {found.layout}: {'; '.join(made.derived)}")
    if _turn(found, wanted) is not None:
        notes.append(f"{where}: turned so that {wanted.upward} is up, as in training, not {found.upward}")
    return notes


def _check_coordinates(found: Schema, wanted: Schema, where: str) -> None:
    """DataError where the numbers of a joint are known to mean something else than those of the model."""
    # Not told are the numbers of a frame in a stream, and those of a model of pictures of before they were.
    planar = wanted.layout is not None and get_layout(wanted.layout).coordinates == 2
    untold = found.coordinates is None or (wanted.coordinates is None and planar)
    if untold and (found.layout == wanted.layout or not found.layout):
        return
    if len(found.shape) == 3 and (found.vector, found.vectors) != (wanted.vector, wanted.vectors):
        raise DataError(
            f"{where}: a joint has {found.vector[0]} coordinates in {found.vector[1]} numbers, "
            f"but the model takes {wanted.vector[0]} in {wanted.vector[1]}"
        )


def _other_shape(found: Schema, wanted: Schema, where: str) -> str:
    here, there = (f"{schema.shape}{f' ({schema.layout})' if schema.layout else ''}" for schema in (found, wanted))
    names = f": {_shown(_names(wanted))}" if _names(wanted) and not _names(found) else ""
    return f"{where}: frames are {here}, but the model takes {there}{names}"


def _shown(values: object) -> str:
    """A few of several names, for a message."""
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        return str(values)
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(value if value.strip() else repr(value) for value in values[:_SHOWN]) + more if values else "none"
