"""SFINGE 3D: hand skeletons from a Leap Motion sensor, thirteen gestures, 36 instances of each.

In a zip or a folder Dictionary/GESTURE/INSTANCE.txt, a line a frame: 20 joints with a position (3) and an orientation
quaternion (4), between semicolons, 20 frames a second. Reference: A. Caputo et al., "SFINGE 3D: a novel benchmark for
online detection and recognition of heterogeneous hand gestures from 3D fingers' trajectories", Computers & Graphics
2020.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad
from ..io.members import Member
from ..io.text import parse_rows
from ..options import one_of
from ..schema import Schema
from .reader import divide, held_by, read_members, skeleton_source

Values = Literal["position", "position+orientation"]

GESTURES = (
    *("one", "two", "three", "four", "OK", "pinch", "grab", "expand", "tap", "swipe left", "swipe right"),
    *("swipe V", "swipe O"),
)
SCHEMA = Schema(classes=GESTURES, shape=(1, 20, 3), layout="sfinge-20", rate=20.0)

_NAME = re.compile(r"(?:.*/)?Dictionary/(\d{1,2})/(\d{1,4})\.txt", re.ASCII | re.DOTALL)
_JOINTS, _VALUES = 20, 7


def load(
    path: str | Path, fold: int = 0, folds: int = 4, values: Values = "position", missing: Bad = "refuse"
) -> Splits[SequenceDataset]:
    """One fold of a cross-validation over the instances; there is no official split.

    Instance i of every gesture is tested in the fold (i - 1) mod ``folds``, and trained on in the others.

    Args:
        path: a folder or a zip with Dictionary/GESTURE/INSTANCE.txt.
        fold: which fold to test, from 0.
        folds: into how many the instances are divided, from 2 to 36.
        values: "position" (3 values a joint) or "position+orientation" (3 and the quaternion x y z w).
        missing: "skip" leaves out files that cannot be used, with a note; "refuse" names the first.

    Raises:
        ConfigError: an option that is out of range.
        DataError: a file is malformed, or one part is empty.
    """
    if type(folds) is not int or not 2 <= folds <= 36:
        raise ConfigError(f"sfinge3d: folds must be from 2 to 36, got {folds!r}")
    if type(fold) is not int or not 0 <= fold < folds:
        raise ConfigError(f"sfinge3d: fold must be from 0 to {folds - 1}, got {fold!r}")
    dataset = read(path, values, missing)
    test = (dataset.groups("repetition") - 1) % folds == fold
    return divide(dataset, ~test, path, f" in fold {fold} of {folds}")


def read(path: str | Path, values: Values = "position", missing: Bad = "refuse") -> SequenceDataset:
    """Every segmented gesture, with its label. Errors as for :func:`load`."""
    one_of("sfinge3d", "values", values, get_args(Values))
    coordinates = 3 if values == "position" else _VALUES

    def parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
        gesture, instance = (int(part) for part in member.key.split("/"))
        if not 1 <= gesture <= len(GESTURES):
            raise DataError(f"{member.where}: its folder is not a gesture from 1 to {len(GESTURES)}")
        rows = parse_rows(member.data, member.where, _JOINTS * _VALUES, separator=";")
        frames = rows.reshape(-1, 1, _JOINTS, _VALUES)[..., :coordinates]
        return frames, gesture - 1, {"name": f"{gesture}/{instance}", "repetition": instance}

    schema = replace(SCHEMA, shape=(1, _JOINTS, coordinates))
    return read_members(path, _key, "Dictionary/GESTURE/INSTANCE.txt", parse, schema, "sfinge3d", missing)


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return f"{int(match[1]):02}/{int(match[2]):04}" if match else None


SOURCE = skeleton_source(
    "sfinge3d",
    "SFINGE 3D hand skeletons: a zip or folder of Dictionary/GESTURE/INSTANCE.txt",
    load,
    read,
    held_by(_key),
    centre=0,
)
