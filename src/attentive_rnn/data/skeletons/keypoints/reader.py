"""Reader of key points in JSON: clips with a file for each frame, as OpenPose writes them, or a file for each video.

    CLASS/CLIP/CLIP_000000000000_keypoints.json     or CLASS/CLIP_000000000000_keypoints.json
    CLASS/CLIP.json                                 one file for the whole video

Folders train, val and test may hold the classes. Without folders of classes the clips have no label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch

from ....errors import ConfigError, DataError
from ...dataset import SequenceDataset
from ...io.bad_samples import Bad, BadSamples, check_bad
from ...io.files import begins_like, existing, read_bytes
from ...io.members import first_json, holds, members
from ...options import one_of, whole
from ...schema import Schema
from ...source import Source
from ...split import check_part_folders, part_of, with_test_part
from ...transforms.presence import unseen
from ..layouts import Layout, get_layout, list_layouts
from ..units import with_units
from .content import Content, Person, parse, spread
from .people import settle

Scores = Literal["append", "drop"]

_FRAME = re.compile(r"(?P<clip>.*?)[_-]?(?P<number>[0-9]{1,15})(?P<mark>_keypoints)?", re.DOTALL)
_KEYPOINTS = re.compile(r".*_keypoints\.json", re.IGNORECASE | re.DOTALL)
_KINDS = (b'"people"', b'"pose_keypoints', b'"keypoints"', b'"frame_index"', b'andmarks"', b'"visibility"')
# What is known of an estimator's x, y, confidence by the count of joints.
_PLANAR = {25: "openpose-25", 18: "openpose-18", 17: "coco-17", 33: "mediapipe-33", 21: "hand-21"}


def read(
    path: str | Path,
    layout: Layout | None = None,
    persons: int = 2,
    scores: Scores = "append",
    min_confidence: float = 0.0,
    missing: Bad = "refuse",
) -> SequenceDataset:
    """Every clip, in the order of its path; a part is in ``meta["split"]``.

    Args:
        path: the folder or zip.
        layout: joint layout; without it, by the count of joints: 25 and 18 of OpenPose, 17 of COCO, 33 of MediaPipe.
        persons: how many people are kept at most, the surest of a clip.
        scores: "append" keeps the confidence of a joint beside its coordinates, "drop" leaves it out.
        min_confidence: a joint with a confidence below it, or of 0, is absent: all zeros.
        missing: "skip" leaves out files that cannot be read and clips without a label, with a note; "refuse" names the
            first.

    Raises:
        DataError: a file is malformed or unlike the others, or its joints fit several layouts.
        ConfigError: an option with another value.
    """
    whole("keypoints", "persons", persons, 1)
    one_of("keypoints", "scores", scores, get_args(Scores))
    unseen(np.zeros(1), min_confidence)
    path = existing(path)
    notes: list[str] = []
    bad = check_bad("keypoints", missing)
    found = list(_clips(path, notes, bad))
    clips = [clip for clip in found if bad.read(partial(_check_seen, clip)) is not None]
    notes.extend(bad.notes(str(path), len(found)))
    _check_alike(clips)
    first = next(person for clip in clips for people in clip.frames for person in people)
    if first.confidence is None and min_confidence:
        raise ConfigError(f"{path}: min_confidence needs confidences, which the files do not have")
    joints, coordinates = first.joints.shape
    named, note = _layout(layout, joints, clips[0].planar and coordinates == 2, str(path))
    notes.extend(note)
    appended = scores == "append" and first.confidence is not None
    settled, crowded = [], []
    for clip in clips:
        places, confidence, lost = settle(clip.frames, persons)
        if lost:
            crowded.append(clip.name)
        settled.append(_values(places, confidence, min_confidence, appended))
    if crowded:
        notes.append(
            f"{path}: in {len(crowded)} of {len(clips)} clips more than {persons} people are seen, and the surest are "
            f"kept; the first is {crowded[0]}; persons=N keeps more"
        )
    most = max(values.shape[1] for values in settled)
    shape = (most, joints, coordinates + appended)
    sequences = []
    for values in settled:
        full = np.zeros((len(values), *shape), dtype=np.float32)
        full[:, : values.shape[1]] = values
        sequences.append(torch.from_numpy(full))
    classes = tuple(sorted({clip.label for clip in clips if clip.label is not None}))
    return SequenceDataset(
        sequences,
        [-1 if clip.label is None else classes.index(clip.label) for clip in clips],
        [clip.meta for clip in clips],
        Schema(classes, shape, layout=named, coordinates=coordinates if appended else None),
        path.stem,
        notes,
    )


def recognise(path: Path) -> bool:
    """Whether a path holds NAME_keypoints.json, or a .json file that begins like key points of one of the kinds."""
    if holds(path, lambda name: name if _KEYPOINTS.fullmatch(PurePosixPath(name).name) else None):
        return True
    file = first_json(path)
    return file is not None and begins_like(file, _KINDS)


def refusal(path: Path) -> str:
    """What is said of the .json files of a path that no reader knows; empty where there are none."""
    file = first_json(path)
    if file is None:
        return ""
    try:
        parse(read_bytes(file), str(file))
    except DataError as error:
        return str(error)
    return ""


class _Clip(NamedTuple):
    where: str
    name: str
    label: str | None
    split: str | None
    frames: list[list[Person]]
    planar: bool

    @property
    def meta(self) -> dict[str, Any]:
        name = self.name if self.label is None else f"{self.label}/{self.name}"
        return {"name": name} | ({} if self.split is None else {"split": self.split})


class _File(NamedTuple):
    where: str
    number: int
    content: Content


def _clips(path: Path, notes: list[str], bad: BadSamples) -> Iterator[_Clip]:
    """The clips of a path: files of single frames together, files of videos by themselves."""
    groups: dict[tuple[tuple[str, ...], str], list[_File]] = {}
    found: list[tuple[tuple[str, ...], str, _File]] = []
    count = 0
    for member in members(path, _key, ".json file"):
        count += 1
        content = bad.read(partial(parse, member.data, member.where))
        if content is None and not _KEYPOINTS.fullmatch(member.key):
            continue
        content = content or Content([[]], single=True, planar=True)  # the frame stays, with nobody
        place = PurePosixPath(member.key)
        folders = place.parts[:-1]
        if path.is_dir():
            folders = place.relative_to(path.as_posix()).parts[:-1]
        elif path.suffix.lower() == ".json":
            folders = ()
        match = _FRAME.fullmatch(place.stem)
        if content.single and match and (match["mark"] or len(match["number"]) >= 3):
            found.append((folders, match["clip"], _File(member.where, int(match["number"]), content)))
        else:
            found.append((folders, place.stem, _File(member.where, -1, content)))
    notes.extend(note.replace("sequences", "files") for note in bad.notes(str(path), count))
    bad.errors.clear()
    top = {folders[:1] for folders, _, _ in found}
    if not path.is_dir() and len(top) == 1 and () not in top:  # the folder that was packed
        found = [(folders[1:], name, file) for folders, name, file in found]
    for folders, name, file in found:
        groups.setdefault((folders, name), []).append(file)
    check_part_folders([folders for folders, _ in groups], str(path))
    for (folders, name), files in groups.items():
        yield _clip(path, folders, name, files, notes)
    alone = {folders for folders, _ in groups if len(folders) == 1}
    if alone and len(alone) == len(groups) > 1 and all(folders[0] != name for folders, name in groups):
        notes.append(f"{path}: each folder holds one clip, and its name was taken for the class of the clip")


def _key(name: str) -> str | None:
    return name if name.lower().endswith(".json") else None


def _clip(path: Path, folders: tuple[str, ...], name: str, files: list[_File], notes: list[str]) -> _Clip:
    where = files[0].where
    split = None
    if len(folders) > 1 and part_of(folders[0]):
        split, folders = folders[0], folders[1:]
    many = files[0].number >= 0
    if many and folders and name in (folders[-1], ""):
        folders, name = folders[:-1], folders[-1]
    label = folders[0] if folders else files[0].content.label
    called = "/".join((*folders[1:], name or path.stem))
    if not many:
        if len(files) > 1:
            raise DataError(f"{files[1].where}: the same clip is also in {where}")
        return _Clip(where, called, label, split, files[0].content.frames, files[0].content.planar)
    numbers = [file.number for file in files]
    if len(set(numbers)) < len(numbers):
        twice = next(i for i, n in enumerate(numbers) if n in numbers[:i])
        raise DataError(
            f"{files[twice].where}: the frame {numbers[twice]} is there twice, first in "
            f"{files[numbers.index(numbers[twice])].where}"
        )
    places = spread(numbers, f"{path}: clip {called}")
    frames: list[list[Person]] = [[] for _ in range(max(places) + 1)]
    for place, file in zip(places, files, strict=True):
        frames[place] = file.content.frames[0]
    if len(frames) > len(files):
        gap = min(set(range(len(frames))) - set(places))
        notes.append(
            f"{path}: clip {called}: {len(frames) - len(files)} of {len(frames)} frames have no file and are taken as "
            f"frames with nobody; the first is frame {gap}"
        )
    return _Clip(where, called, label, split, frames, True)


def _check_seen(clip: _Clip) -> _Clip:
    """The clip itself, or DataError where nobody is seen in it."""
    if not any(clip.frames):
        raise DataError(f"{clip.where}: clip {clip.name}: nobody is seen in any of its {len(clip.frames)} frames")
    return clip


def _check_alike(clips: list[_Clip]) -> None:
    """DataError where people differ in joints, coordinates, or in having confidences."""
    first: tuple[str, tuple[int, ...], bool] | None = None
    for clip in clips:
        for t, people in enumerate(clip.frames):
            for m, person in enumerate(people):
                place = f"{clip.where}: frame {t}, person {m}"
                scored = person.confidence is not None
                first = first or (place, person.joints.shape, scored)
                if person.joints.shape != first[1]:
                    raise DataError(
                        f"{place}: has {person.joints.shape[0]} joints of {person.joints.shape[1]} coordinates, but "
                        f"{first[0]} has {first[1][0]} of {first[1][1]}; all must agree"
                    )
                if scored != first[2]:
                    raise DataError(f"{place}: has {'a' if scored else 'no'} confidence, unlike {first[0]}")


def _layout(given: Layout | None, joints: int, planar: bool, where: str) -> tuple[Layout | None, list[str]]:
    """The layout of so many joints, and a note where there is none."""
    if given is not None:
        count = len(get_layout(given).joints)
        if count != joints:
            raise DataError(f"{where}: people have {joints} joints, but {given} has {count}")
        return given, []
    fitting = [name for name in list_layouts() if len(get_layout(name).joints) == joints]
    if planar:
        fitting = [_PLANAR[joints]] if joints in _PLANAR else []
    if len(fitting) > 1:
        raise DataError(
            f"{where}: {joints} joints can be {' or '.join(fitting)}; say which with the option layout, "
            f"--option layout={fitting[0]}"
        )
    if not fitting:
        return None, [
            f"{where}: no layout of {joints} joints is known, so the joints have no names and no bones; known are "
            f"{', '.join(list_layouts())}"
        ]
    return fitting[0], []


def _values(joints: np.ndarray, confidence: np.ndarray | None, least: float, appended: bool) -> np.ndarray:
    """The numbers of the joints (T, M, V, C), zeros for those that are absent."""
    if confidence is None:
        return joints
    values = np.concatenate([joints, confidence[..., None]], axis=-1) if appended else joints
    values[unseen(confidence, least)] = 0
    return values


SOURCE = Source(
    name="keypoints",
    title="key points in JSON of OpenPose, COCO, AlphaPose or MediaPipe: CLASS/CLIP with a file a frame, "
    "or CLASS/CLIP.json",
    load=with_units(with_test_part(read)),
    read=with_units(read),
    recognise=recognise,
)
