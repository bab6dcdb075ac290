"""Guesses about the coordinates of skeletons: number of persons, size, unit and up axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...errors import counted
from ..dataset import SequenceDataset
from ..schema import Schema
from ..skeletons.layouts import get_layout
from ..transforms.presence import absent, is_planar
from .findings import Finding


@dataclass(frozen=True)
class SkeletonSummary:
    """The result of :func:`summarise_skeletons`; unit and up axis are guesses.

    Args:
        second_persons: sequences in which more than one person is present.
        bone: mean length of a bone of the first person, in the unit of the data.
        unit: "metres", "millimetres", "pixels", "normalised" or "unknown".
        up: the axis, with its sign, that points up, such as "+y"; None where the joints do not tell.
    """

    second_persons: int
    bone: float
    unit: str
    up: str | None

    def __str__(self) -> str:
        up = f"{self.up} seems to be up" if self.up else "which way is up cannot be told"
        return (
            f"a second person in {counted(self.second_persons, 'sequence')}; bones of {self.bone:.3g} on average, "
            f"{'which seem' if self.unit != 'unknown' else 'unit'} {self.unit}; {up}"
        )


def summarise_skeletons(dataset: SequenceDataset) -> SkeletonSummary | None:
    """The summary of a data set with a joint layout, None of any other."""
    schema = dataset.schema
    if schema.layout is None or len(schema.shape) != 3:
        return None
    first = _first_persons(dataset)
    bones = np.array(get_layout(schema.layout).bones)
    lengths = np.linalg.norm(first[:, bones[:, 1]] - first[:, bones[:, 0]], axis=-1)
    seen = ~absent(first)
    lengths = lengths[seen[:, bones[:, 1]] & seen[:, bones[:, 0]]]
    bone = float(lengths.mean()) if lengths.size else 0.0
    second = sum(bool(((s != 0).flatten(2).any(2).sum(1) > 1).any()) for s in dataset.sequences)
    return SkeletonSummary(second, bone, _unit(bone, first.shape[-1] == 2, schema), up_axis(first, schema))


def up_axis(bodies: np.ndarray, schema: Schema) -> str | None:
    """The axis along which heads are above hips (and hips above feet) in (frames, V, C) bodies, as in "+y"."""
    joints = get_layout(schema.layout).joints if schema.layout else ()
    upper = [v for v, joint in enumerate(joints) if joint in ("head", "nose", "neck", "shoulder centre")]
    lower = [v for v, joint in enumerate(joints) if joint.endswith((" ankle", " foot", " knee", " hip"))]
    if not upper or not lower or not len(bodies):
        return None
    points = np.where(np.isfinite(bodies), bodies, 0.0)
    direction = (points[:, upper].mean(1) - points[:, lower].mean(1)).mean(0)[:3]
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
    if summary.unit == "millimetres":
        yield Finding(
            "warning",
            f"coordinates seem not to be metres but millimetres (bones of {summary.bone:.4g}); divide them by 1000",
        )
    elif summary.unit == "unknown":
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
    if schema.coordinates is None and schema.shape[-1] == 3 and _first_persons(dataset).shape[-1] == 2:
        yield Finding(
            "warning",
            "the third number of a joint is from 0 to 1 beside pixels: a confidence, it seems, which is taken for a "
            "coordinate; load with coordinates=2",
            "coordinates=2",
        )


def _first_persons(dataset: SequenceDataset) -> np.ndarray:
    """Person 0 in every frame where it is present, (frames, V, 2 or 3), without a score."""
    people = np.concatenate([s[:, 0].numpy() for s in dataset.sequences]).astype(np.float64)
    present = np.isfinite(people).all((1, 2)) & (people != 0).any((1, 2))
    people = people[present]
    if dataset.schema.coordinates is not None:
        return people[..., : dataset.schema.coordinates]
    return people[..., : 2 if is_planar(people) else 3]


def _unit(bone: float, planar: bool, schema: Schema) -> str:
    """A guess by the mean length of a bone; that of a body is about 0.2 m, that of a hand 0.03 m."""
    if planar:
        return "pixels" if bone > 2 else "normalised"
    body = any(joint.endswith(" hip") for joint in get_layout(schema.layout or "").joints)
    metres = 0.2 if body else 0.03
    for unit, factor in (("metres", 1), ("millimetres", 1000)):
        if metres / 4 < bone / factor < metres * 4:
            return unit
    return "unknown"
