"""Northwestern-UCLA Multiview Action 3D: Kinect skeletons of ten people doing ten actions before three cameras.

One JSON file a sequence, ``{"file_name": "a01_s02_e03_v01", "skeletons": [T][20][3] metres, "label": 1..10}``, in a
zip or a folder. Reference: J. Wang, X. Nie, Y. Xia, Y. Wu, S.-C. Zhu, "Cross-view action modeling, learning and
recognition", CVPR 2014.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import is_zipfile

import numpy as np

from ...errors import ConfigError, DataError
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad
from ..io.files import begins_like, quoted
from ..io.members import Member, first_json, holds
from ..schema import Schema
from ..split import left_out
from .reader import read_members, skeleton_source

ACTIONS = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
SCHEMA = Schema(classes=tuple(ACTIONS.values()), shape=(1, 20, 3), layout="kinect-20")
TRAIN_VIEWS, TEST_VIEW = (1, 2), 3
VIEWS = (*TRAIN_VIEWS, TEST_VIEW)

_NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_v(\d\d)", re.ASCII)


def load(
    path: str | Path, train_views: Sequence[int] = TRAIN_VIEWS, test_view: int = TEST_VIEW, missing: Bad = "refuse"
) -> Splits[SequenceDataset]:
    """The cross-view protocol: views 1 and 2 to train (1020 sequences in the full set), view 3 to test (464).

    Args:
        path: the zip, or a folder, with the JSON files; other files in it are passed over.
        train_views, test_view: other views, such as [1] and 2 to choose a recipe without a look at view 3.
        missing: "skip" leaves out files that cannot be used, with a note; "refuse" names the first.

    Raises:
        ConfigError: views that are not among 1, 2 and 3, or one for both parts.
        DataError: a file or its name is malformed, its label does not belong to its name, or one part is empty.
    """
    for name, given in (("train_views", train_views), ("test_view", [test_view])):
        if not isinstance(given, list | tuple) or not given or any(view not in VIEWS for view in given):
            raise ConfigError(f"data.options.{name} must be of the views 1, 2 and 3, got {given!r}")
    if test_view in train_views:
        raise ConfigError(f"data.options: view {test_view} is in train_views and test_view; a view is for one part")
    dataset = _dataset(path, missing, strict=True)
    views = dataset.groups("view")
    train, test = np.flatnonzero(np.isin(views, train_views)), np.flatnonzero(views == test_view)
    if not len(train) or not len(test):
        found, wanted = (", ".join(map(str, some)) for some in (np.unique(views), train_views))
        raise DataError(f"{path}: has view {found} only; training is on view {wanted} and testing on view {test_view}")
    used = np.isin(views, [*train_views, test_view])
    dataset.notes = (*dataset.notes, *left_out(dataset, used, "whose view is in no part"))
    return Splits(dataset.subset(train), dataset.subset(test), shares_persons=True)


def read(path: str | Path, missing: Bad = "refuse") -> SequenceDataset:
    """Every sequence of one JSON file, a folder or a zip; names and labels may be missing.

    Errors as for :func:`load`.
    """
    return _dataset(path, missing, strict=False)


def recognise(path: Path) -> bool:
    """Whether the path is a .zip with .json files, or such a file or a folder with some that are named or begin so."""
    if path.suffix.lower() == ".zip" and path.is_file():
        return holds(path, _key) or not is_zipfile(path)  # of a damaged one, reading says what is wrong
    if holds(path, lambda name: key if (key := _key(name)) and _NAME.fullmatch(key) else None):
        return True
    file = first_json(path)
    return file is not None and begins_like(file, (b'"skeletons"',))


def _key(name: str) -> str | None:
    return PurePosixPath(name).stem if name.lower().endswith(".json") else None


def _dataset(path: str | Path, missing: Bad, *, strict: bool) -> SequenceDataset:
    return read_members(path, _key, ".json file", partial(_parse, strict=strict), SCHEMA, "nucla", missing)


def _parse(file: Member, *, strict: bool) -> tuple[np.ndarray, int, dict[str, Any]]:
    try:
        content = json.loads(file.data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file.where}: is not JSON ({error}); the file may be truncated") from error
    if not isinstance(content, dict):
        raise DataError(f'{file.where}: must be {{"file_name": ..., "skeletons": ..., "label": ...}}')
    needed = ("file_name", "skeletons", "label") if strict else ("skeletons",)
    for key in needed:
        if key not in content:
            raise DataError(f"{file.where}: the field {key!r} is missing")
    match = _NAME.fullmatch(file.key)
    meta: dict[str, Any] = {"name": file.key}
    label = -1
    if match:
        action, subject, repetition, view = map(int, match.groups())
        if action in ACTIONS and view in VIEWS:
            meta |= {"subject": subject, "view": view, "repetition": repetition}
            label = list(ACTIONS).index(action)
        elif strict:
            field, known = ("view", (1, 2, 3)) if action in ACTIONS else ("action", tuple(ACTIONS))
            raise DataError(f"{file.where}: the {field} in its name is not one of {', '.join(map(str, known))}")
    elif strict:
        raise DataError(f"{file.where}: is not named aNN_sNN_eNN_vNN.json (action, subject, repetition, view)")
    label = _check_label(file, content, label)
    return _frames(file.where, content["skeletons"]), label, meta


def _check_label(file: Member, content: dict[str, Any], from_name: int) -> int:
    """The class index, from the name or the label field (1-10, in the order of ACTIONS), which must agree."""
    name = content.get("file_name", file.key)
    if name != file.key:
        raise DataError(f"{file.where}: its field file_name is {quoted(str(name))}; the two names must agree")
    if "label" not in content:
        return from_name
    label = content["label"]
    if type(label) is not int or not 1 <= label <= len(ACTIONS):
        raise DataError(f"{file.where}: the field label must be from 1 to {len(ACTIONS)}, got {quoted(str(label))}")
    if from_name not in (-1, label - 1):
        names = SCHEMA.classes
        raise DataError(
            f"{file.where}: its label {label} is {names[label - 1]!r}, but its name says {names[from_name]!r}"
        )
    return label - 1


def _frames(where: str, skeletons: Any) -> np.ndarray:
    _, joints, coordinates = SCHEMA.shape
    if not isinstance(skeletons, list) or not skeletons:
        raise DataError(f"{where}: skeletons must be a list of at least one frame")
    try:
        frames = np.array(skeletons)
    except (ValueError, OverflowError, RecursionError):
        frames = np.empty(0, dtype=object)
    if frames.shape[1:] != (joints, coordinates) or frames.dtype.kind not in "iuf":
        raise DataError(f"{where}: {_first_fault(skeletons, joints, coordinates)}")
    bad = np.argwhere(~(np.abs(frames) <= np.finfo(np.float32).max))
    if len(bad):
        frame, joint, _ = bad[0]
        raise DataError(f"{where}: frame {frame}, joint {joint}: a coordinate is NaN, infinite or too large")
    return frames[:, None]


def _first_fault(skeletons: list[Any], joints: int, coordinates: int) -> str:
    for t, frame in enumerate(skeletons):
        if not isinstance(frame, list) or len(frame) != joints:
            count = len(frame) if isinstance(frame, list) else "no"
            return f"frame {t} has {count} joints, expected {joints}"
        for v, joint in enumerate(frame):
            if not isinstance(joint, list) or len(joint) != coordinates:
                count = len(joint) if isinstance(joint, list) else "no"
                return f"frame {t}, joint {v} has {count} coordinates, expected {coordinates}"
            for value in joint:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return f"frame {t}, joint {v}: {quoted(str(value))} is not a number"
    return "a coordinate is too large"


SOURCE = skeleton_source(
    "nucla",
    "Northwestern-UCLA skeletons, cross-view: a zip or folder of aNN_sNN_eNN_vNN.json",
    load,
    read,
    recognise,
)
