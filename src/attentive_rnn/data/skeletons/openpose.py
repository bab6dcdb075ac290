"""OpenPose key points: folders, or a zip, with a JSON file for each frame, as ``openpose --write_json`` makes them.

    CLASS/CLIP/NAME_000000000000_keypoints.json     or CLASS/NAME_..., also below train/, val/ and test/

A file is ``{"people": [{"pose_keypoints_2d": [x, y, score, ...]}, ...]}``, with nobody in it where nobody was found.
Reference: Z. Cao, G. Hidalgo, T. Simon, S.-E. Wei, Y. Sheikh, "OpenPose: realtime multi-person 2D pose estimation
using part affinity fields", IEEE TPAMI 2021.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad, check_bad
from ..io.files import existing
from ..io.members import Member, holds, members
from ..options import one_of, whole
from ..schema import Schema
from ..split import part_of, train_test
from .reader import skeleton_source

Scores = Literal["append", "drop"]

_FILE = re.compile(r"(?P<clip>.*?)_?(?P<frame>\d+)_keypoints\.json", re.IGNORECASE | re.DOTALL)
_LAYOUTS = {25: "openpose-25", 18: "openpose-18", 17: "coco-17"}
_KEYS = ("pose_keypoints_2d", "pose_keypoints")  # of version 1.1 and later, and before


class _Clip(NamedTuple):
    """A clip: its name, class and part as its folders say, with its files by the number of the frame."""

    name: str
    label: str | None
    part: str | None
    frames: dict[int, Member]


def load(
    path: str | Path,
    persons: int = 2,
    scores: Scores = "append",
    missing: Bad = "refuse",
    test_fraction: float = 0.25,
    seed: int = 0,
) -> Splits[SequenceDataset]:
    """The training and test part: the folders train, val and test, or else a share held out for testing.

    Args:
        path: the folder or zip.
        persons: how many people of a frame are kept at most: by their id where people are tracked, else in the order of
            the file.
        scores: "append" keeps the score of a key point as a third value, "drop" leaves it out.
        missing: "skip" leaves out clips that cannot be used, with a note; "refuse" names the first.
        test_fraction: share of each class held out where there are no such folders.
        seed: of that draw.

    Raises:
        ConfigError: an option with another value.
        DataError: a file is malformed, a clip has nobody in it, or a part is empty.
    """
    return train_test(read(path, persons, scores, missing), test_fraction, seed, missing)


def read(path: str | Path, persons: int = 2, scores: Scores = "append", missing: Bad = "refuse") -> SequenceDataset:
    """Every clip, in the order of its path; a clip that is in no class folder has no label. Errors as for `load`."""
    whole("openpose", "persons", persons, 1)
    one_of("openpose", "scores", scores, get_args(Scores))
    bad = check_bad("openpose", missing)
    path = existing(path)
    clips = _clips(path)
    arrays, kept = [], []
    joints: set[int] = set()
    for clip in clips:
        frames = bad.read(partial(_frames, path, clip, persons, joints))
        if frames is not None:
            arrays.append(frames)
            kept.append(clip)
    notes = [*bad.notes(str(path), len(clips)), *_gaps(path, kept)]
    most = max(a.shape[1] for a in arrays)
    values = 3 if scores == "append" else 2
    padded = [np.pad(a, ((0, 0), (0, most - a.shape[1]), (0, 0), (0, 0)))[..., :values] for a in arrays]
    classes = tuple(sorted({clip.label for clip in kept if clip.label is not None}))
    count = arrays[0].shape[2]
    return SequenceDataset(
        [torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)) for a in padded],
        [-1 if clip.label is None else classes.index(clip.label) for clip in kept],
        [{"name": clip.name} | ({"split": clip.part} if clip.part else {}) for clip in kept],
        Schema(classes, (most, count, values), layout=_LAYOUTS[count]),
        path.stem,
        notes,
    )


def _key(name: str) -> str | None:
    """Folder, clip and frame of a file, so that files are sorted by the frames of each clip."""
    file = PurePosixPath(name)
    match = _FILE.fullmatch(file.name)
    return f"{file.parent.as_posix()}\0{match['clip']}\0{int(match['frame']):012}" if match else None


def _clips(path: Path) -> list[_Clip]:
    grouped: dict[tuple[str, str], dict[int, Member]] = {}
    for member in members(path, _key, "NAME_000000000000_keypoints.json"):
        folder, clip, frame = member.key.split("\0")
        grouped.setdefault((folder, clip), {})[int(frame)] = member
    folders = {key: _below(path, key[0]) for key in grouped}
    shared = {parts[:1] for parts in folders.values()}
    if path.is_file() and len(shared) == 1 and all(len(parts) > 2 for parts in folders.values()):
        folders = {key: parts[1:] for key, parts in folders.items()}  # the folder that was packed
    clips = []
    for (folder, clip), frames in grouped.items():
        parts = folders[folder, clip]
        part = part_of(parts[0]) and parts[0] if len(parts) > 1 else None
        parts = parts[1:] if part else parts
        own = len(parts) == 1 and parts[0] == clip  # a clip's folder without a class
        label = None if own or not parts else parts[0]
        inner = "/".join(parts[1:]) if len(parts) > 1 else clip
        clips.append(_Clip(f"{label}/{inner}" if label else clip or folder, label, part, frames))
    names = [clip.name for clip in clips]
    return [
        clip._replace(name=f"{clip.name}/{key[1]}") if names.count(clip.name) > 1 else clip
        for clip, key in zip(clips, grouped, strict=True)
    ]


def _below(path: Path, folder: str) -> tuple[str, ...]:
    """The folders between the path and a clip's files."""
    if path.is_dir():
        return Path(folder).relative_to(path).parts
    return PurePosixPath(folder).parts if path.suffix.lower() == ".zip" else ()


def _frames(path: Path, clip: _Clip, persons: int, joints: set[int]) -> np.ndarray:
    """x, y and score of everybody in every frame, (T, M, V, 3), zeros for nobody."""
    frames = [_people(clip.frames[number]) for number in sorted(clip.frames)]
    counts = {len(values) // 3 for frame in frames for _, values in frame} or set()
    if not counts:
        raise DataError(f"{path}: the clip {clip.name} has nobody in any of its {len(frames)} frames")
    found = counts | joints
    if len(found) > 1 or not found <= set(_LAYOUTS):
        known = ", ".join(map(str, _LAYOUTS))
        raise DataError(
            f"{path}: the clip {clip.name} has people of {', '.join(map(str, sorted(counts)))} key points; "
            f"{known} are known, the same in all clips"
        )
    joints |= counts
    (count,) = found
    tracked = [who for frame in frames for who, _ in frame if who >= 0]
    slots = {who: i for i, who in enumerate(dict.fromkeys(tracked))}
    most = min(persons, len(slots) or max(map(len, frames)))
    result = np.zeros((len(frames), most, count, 3))
    for t, frame in enumerate(frames):
        for place, (who, values) in enumerate(frame):
            slot = slots.get(who, place)
            if slot < most:
                result[t, slot] = np.reshape(values, (count, 3))
    return result


def _people(member: Member) -> list[tuple[int, list[float]]]:
    """The id (-1: none) and the values of everybody in a frame."""
    try:
        content = json.loads(member.data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{member.where}: is not JSON ({error}); the file may be truncated") from error
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise DataError(f'{member.where}: must be {{"people": [...]}}, as OpenPose writes it')
    return [_person(f"{member.where}: person {i}", person) for i, person in enumerate(people)]


def _person(where: str, person: Any) -> tuple[int, list[float]]:
    values = next((person[key] for key in _KEYS if key in person), None) if isinstance(person, dict) else None
    if not isinstance(values, list) or not values or len(values) % 3:
        raise DataError(f"{where}: pose_keypoints_2d must be a list of x, y, score for each key point")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= np.finfo(np.float32).max:
            raise DataError(f"{where}: pose_keypoints_2d has {value!r}, which is no finite number")
    who = person.get("person_id", -1)
    who = who[0] if isinstance(who, list) and who else who
    return (who if type(who) is int else -1), values


def _gaps(path: Path, clips: list[_Clip]) -> list[str]:
    """The note on clips whose frames are not numbered one by one."""
    found = [clip for clip in clips if max(clip.frames) - min(clip.frames) + 1 != len(clip.frames)]
    if not found:
        return []
    return [
        f"{path}: in {len(found)} of {len(clips)} clips frames have no file; those that are there follow each other. "
        f"The first is {found[0].name}"
    ]


SOURCE = skeleton_source(
    "openpose",
    "OpenPose key points: a folder for each class with folders of NAME_000000000000_keypoints.json, one for each frame",
    load,
    read,
    partial(holds, key=_key),
)
