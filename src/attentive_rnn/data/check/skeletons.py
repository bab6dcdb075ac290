"""Guesses about the coordinates of skeletons: number of persons, size, unit and up axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...errors import counted
from ..dataset import SequenceDataset
from ..schema import Schema
from ..skeletons.layouts import get_layout
from ..stored.sample import evenly, step
from ..transforms.presence import absent, numbers_of
from .findings import Finding

_SUREST = 2.0  # estimators give a little more than 1 at times
_LOOKED_AT = 20_000_000  # values of all joints
_UPPER = ("head", "nose", "neck", "face", "chest", "shoulder centre")
_LOWER = (" ankle", " foot", " knee", " hip", "pelvis", "hip centre")


@dataclass(frozen=True)
class SkeletonSummary:
    """The result of :func:`summarise_skeletons`; unit and up axis are guesses.

    Args:
        second_persons: sequences in which more than one person is present.
        bone: mean length of a bone of the first person, in the unit of the data.
        unit: "metres", "millimetres", "pixels", "picture heights", "normalised" or "unknown".
        up: the axis, with its sign, that points up, such as "+y"; None where the joints do not tell.
        known: which of ``unit`` and ``up`` the data or their layout say, and are no guesses.
    """

    second_persons: int
    bone: float
    unit: str
    up: str | None
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        seems = "is" if "up" in self.known else "seems to be"
        up = f"{self.up} {seems} up" if self.up else "which way is up cannot be told"
        verb = "in" if "unit" in self.known else "which seem" if self.unit != "unknown" else "unit"
        bones = f"bones of {self.bone:.3g} on average" if self.bone else "no bones"
        return f"a second person in {counted(self.second_persons, 'sequence')}; {bones}, {verb} {self.unit}; {up}"


def summarise_skeletons(dataset: SequenceDataset) -> SkeletonSummary | None:
    """The summary of a data set with a joint layout, None of any other."""
    schema = dataset.schema
    if schema.layout is None or len(schema.shape) != 3:
        return None
    first = _first_persons(dataset)
    bones = np.array(get_layout(schema.layout).bones, int).reshape(-1, 2)
    lengths = np.linalg.norm(first[:, bones[:, 1]] - first[:, bones[:, 0]], axis=-1)
    seen = ~absent(first)
    lengths = lengths[seen[:, bones[:, 1]] & seen[:, bones[:, 0]]]
    bone = float(lengths.mean()) if lengths.size else 0.0
    second = sum(bool(((s != 0).flatten(2).any(2).sum(1) > 1).any()) for s in dataset.sequences)
    known = tuple(key for key, value in (("unit", schema.measured), ("up", schema.upward)) if value)
    return SkeletonSummary(second, bone, schema.measured or _unit(bone, first, schema), up_axis(first, schema), known)


def up_axis(bodies: np.ndarray, schema: Schema) -> str | None:
    """The axis that points up, as in "+y", of (frames, V, C) bodies.

    As their schema says, or else that along which heads are above hips and feet, of the joints that are present; None
    where neither tells.
    """
    if schema.upward is not None:
        return schema.upward
    joints = get_layout(schema.layout).joints if schema.layout else ()
    upper = [v for v, joint in enumerate(joints) if joint in _UPPER]
    lower = [v for v, joint in enumerate(joints) if joint.endswith(_LOWER)]
    if not upper or not lower or not len(bodies):
        return None
    here = ~absent(bodies)[..., None]
    points = np.where(here, bodies, 0.0)
    counts = [here[:, side].sum(1) for side in (upper, lower)]
    sides = [points[:, side].sum(1) / np.maximum(count, 1) for side, count in zip((upper, lower), counts, strict=True)]
    both = (counts[0] * counts[1] > 0).all(-1)  # a head and a foot are seen
    if not both.any():
        return None
    direction = (sides[0] - sides[1])[both].mean(0)[:3]
    axis = int(np.abs(direction).argmax())
    if abs(direction[axis]) < 0.7 * np.linalg.norm(direction) or direction[axis] == 0:
        return None
    return f"{'+' if direction[axis] > 0 else '-'}{'xyz'[axis]}"


def skeleton_findings(dataset: SequenceDataset) -> Iterator[Finding]:
    """Whatever is odd about skeletons; a warning where their numbers seem to be others than those meant."""
    summary = summarise_skeletons(dataset)
    if summary is None:
        return
    schema = dataset.schema
    assert schema.layout is not None
    if (every := _every(dataset)) > 1:
        yield Finding("note", f"the set is so large that bones and joints are judged by one of {every} frames")
    if summary.unit == "millimetres" and "unit" not in summary.known:
        yield Finding(
            "warning",
            f"coordinates seem not to be metres but millimetres (bones of {summary.bone:.4g}); divide them by 1000",
        )
    elif summary.unit == "unknown" and _usual_bone(schema):
        yield Finding("warning", f"coordinates seem not to be metres: bones are {summary.bone:.4g} long on average")
    later = [i for i, s in enumerate(dataset.sequences) if bool(s.any()) and not bool(s[:, 0].any())]
    if later:
        name = dataset.metas[later[0]].get("name", later[0])
        several = f"{len(later)} sequences have a second person but no first one; the first is {name}"
        one = f"1 sequence has a second person but no first one: {name}"
        yield Finding("note", several if len(later) > 1 else one)
    joints = get_layout(schema.layout).joints
    zero = (_first_persons(dataset) == 0).all(-1)
    share = zero.mean(0) if len(zero) else np.zeros(len(joints))
    often = [f"{joints[v]} ({share[v]:.0%})" for v in np.argsort(-share, kind="stable") if share[v] > 0.01]
    if often:
        yield Finding(
            "note",
            "joints are at exactly 0 and so taken as not seen, which no transform moves, in part of the frames: "
            f"{', '.join(often[:5])}",
        )
    sure = evenly(dataset.sequences, every)[..., -1] if schema.vector[0] < schema.vector[1] else None
    surest = 0.0 if sure is None or not sure.numel() else float(sure.nan_to_num().max())
    if surest > _SUREST:
        yield Finding(
            "warning",
            f"confidences go up to {surest:.4g}, not to 1: min_confidence is in the same numbers, and data at use must "
            "be so too",
        )
    if schema.coordinates is None and schema.shape[-1] == 3 and _first_persons(dataset).shape[-1] == 2:
        yield Finding(
            "warning",
            "the third number of a joint is a confidence, it seems, which is taken for a coordinate; "
            "load with coordinates=2",
            "coordinates=2",
        )


def _every(dataset: SequenceDataset) -> int:
    """Of how many frames one is looked at."""
    return step(dataset.sequences, dataset.schema.size, _LOOKED_AT)


def _first_persons(dataset: SequenceDataset) -> np.ndarray:
    """Person 0 in every frame that is looked at and in which it is present, (frames, V, 2 or 3), without a score."""
    people = evenly(dataset.sequences, _every(dataset))[:, 0].numpy().astype(np.float64)
    present = np.isfinite(people).all((1, 2)) & (people != 0).any((1, 2))
    people = people[present]
    if dataset.schema.coordinates is not None:
        return people[..., : dataset.schema.coordinates]
    return people[..., : min(numbers_of(people, dataset.schema.layout).coordinates, 3)]


def _usual_bone(schema: Schema) -> float | None:
    """The mean length of a bone in metres, about 0.2 of a body, 0.03 of a hand; None of anything else."""
    joints = get_layout(schema.layout or "").joints
    if any(joint.endswith((" hip", "hip centre", "pelvis")) for joint in joints):
        return 0.2
    return 0.03 if any(joint.startswith("thumb ") for joint in joints) else None


def _unit(bone: float, bodies: np.ndarray, schema: Schema) -> str:
    """A guess by the mean length of a bone of (frames, V, C) bodies."""
    if bodies.shape[-1] == 2:
        return "pixels" if bone > 2 else "normalised"
    known = bodies[(bodies != 0).any(-1)]
    if schema.upward == "-y" and len(known) and 0 < np.median(known[:, 1]) < 1.2 and np.median(known[:, 0]) > 0:
        low = np.quantile(known[:, :2], 0.1)
        if low > 0 and bone < 1:  # from the corner of a picture; bodies in metres lie round their middle or the camera
            return "picture heights"
    metres = _usual_bone(schema)
    if metres is None:
        return "unknown"
    for unit, factor in (("metres", 1), ("millimetres", 1000)):
        if metres / 4 < bone / factor < metres * 4:
            return unit
    return "unknown"
