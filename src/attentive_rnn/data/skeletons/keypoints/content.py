"""Content of JSON files of key points, those of one frame and those of a whole video, as people frame by frame.

Known are, with V joints of a person:

    OpenPose        {"people": [{"pose_keypoints_2d": [x, y, confidence, ...], "person_id": [-1]}, ...]} for a frame,
                    or a list of those for a video; also pose_keypoints_3d [x, y, z, confidence, ...]
    Kinetics        {"data": [{"frame_index": 1, "skeleton": [{"pose": [x, y, ...], "score": [...]}]}], "label": ...}
    COCO            {"images": [{"id": ...}], "annotations": [{"image_id": ..., "keypoints": [x, y, v, ...]}]}, or only
                    the list of the latter, as estimators write results (AlphaPose: with idx, the number of a person)
    MediaPipe       a list of frames, each {"landmarks": [{"x", "y", "z", "visibility"}, ...]} or that list alone
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ....errors import DataError
from ...io.files import quoted

_LANDMARKS = ("pose_landmarks", "poseLandmarks", "landmarks")
_FLAT = {"pose_keypoints_2d": 2, "pose_keypoints": 2, "pose_keypoints_3d": 3}
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_MOST_FRAMES = 100_000  # that numbers of frames may span beyond those that are there


class Person(NamedTuple):
    """A person in a frame: coordinates (V, C) and, if known, confidences (V,) and the number of the person."""

    joints: np.ndarray
    confidence: np.ndarray | None
    track: int | None = None


class Content(NamedTuple):
    """The people of each frame of a file.

    Args:
        frames: a list of people for each frame.
        single: whether the file is one frame of a video, not a whole one.
        planar: whether the format has joints x, y, confidence in the order of the estimator.
        label: the class that the file names, if it does.
    """

    frames: list[list[Person]]
    single: bool
    planar: bool
    label: str | None = None


def parse(data: bytes, where: str) -> Content:
    """The content of a file.

    Raises:
        DataError: it is not JSON, of no known kind, or malformed; the message has the frame and the person.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is not JSON ({error}); the file may be truncated") from error
    if isinstance(value, dict) and "people" in value:
        return Content([_openpose(value, where)], single=True, planar=True)
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        label = value.get("label")
        return Content(
            _kinetics(value["data"], where),
            single=False,
            planar=True,
            label=label if isinstance(label, str) and label else None,
        )
    if isinstance(value, dict) and isinstance(value.get("annotations"), list):
        return Content(_coco(value["annotations"], value.get("images"), where), single=False, planar=True)
    if isinstance(value, list) and _is_numbers(value):
        raise DataError(f"{where}: {unknown(value)}")
    frames = value.get("frames") if isinstance(value, dict) else value
    if isinstance(frames, list) and frames:
        first = frames[0]
        if isinstance(first, dict) and "people" in first:
            found = [_openpose(frame, f"{where}: frame {t}") for t, frame in enumerate(frames)]
            return Content(found, single=False, planar=True)
        if isinstance(first, dict) and {"image_id", "keypoints"} <= set(first):
            return Content(_coco(frames, None, where), single=False, planar=True)
        if isinstance(first, list) or (isinstance(first, dict) and any(key in first for key in _LANDMARKS)):
            found = [_mediapipe(frame, f"{where}: frame {t}") for t, frame in enumerate(frames)]
            return Content(found, single=False, planar=False)
    raise DataError(f"{where}: {unknown(value)}")


def unknown(value: Any) -> str:
    """What is said of JSON of no known kind, with what it is."""
    if isinstance(value, dict):
        what = "the fields " + (", ".join(quoted(str(key)) for key in list(value)[:6]) or "none")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        what = "a list of objects with the fields " + ", ".join(quoted(str(key)) for key in list(value[0])[:6])
    elif _is_numbers(value):
        what = "a list of numbers, or of lists of them, which does not say what they are"
    else:
        what = f"{'an empty' if value == [] else 'a'} {type(value).__name__}"
    return (
        f"is JSON of no kind that is read; it has {what}. Read are key points of OpenPose, COCO, AlphaPose, MediaPipe "
        "and Kinetics skeletons, and Northwestern-UCLA skeletons. Give other numbers as an .npz with x and y, or as a "
        ".csv or .parquet table with a row for each frame and columns for sequence, time and label"
    )


def _is_numbers(value: Any) -> bool:
    """Whether a list begins with a number, or with a list that does."""
    while isinstance(value, list) and value:
        value = value[0]
    return type(value) in (int, float)


def spread(numbers: Sequence[int], where: str) -> list[int]:
    """The frame of each of several distinct numbers, counted from the first; steps of 2 or more are no gaps.

    Raises:
        DataError: the gaps are far larger than what is there.
    """
    low, ordered = min(numbers), sorted(numbers)
    step = math.gcd(*(b - low for b in ordered)) or 1
    span = (ordered[-1] - low) // step + 1
    if span > 20 * len(numbers) + 100 or span > len(numbers) + _MOST_FRAMES:
        raise DataError(
            f"{where}: its frames are numbered from {low} to {ordered[-1]}, but there are only {len(numbers)} of them"
        )
    return [(number - low) // step for number in numbers]


def _openpose(frame: Any, where: str) -> list[Person]:
    people = frame.get("people") if isinstance(frame, dict) else None
    if not isinstance(people, list):
        raise DataError(f"{where}: the field people must be there and be a list")
    found = []
    for i, person in enumerate(people):
        place = f"{where}: person {i}"
        if not isinstance(person, dict) or not any(key in person for key in _FLAT):
            raise DataError(f"{place}: must have the field pose_keypoints_2d")
        for key, coordinates in _FLAT.items():
            if person.get(key):
                joints, confidence = _flat(person[key], coordinates, f"{place}, {key}")
                found.append(Person(joints, confidence, _track(person.get("person_id"))))
                break
    return found


def _track(value: Any) -> int | None:
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    return value if type(value) is int and value >= 0 else None


def _kinetics(data: list[Any], where: str) -> list[list[Person]]:
    numbers, people = [], []
    for i, frame in enumerate(data):
        place = f"{where}: entry {i} of data"
        skeletons = frame.get("skeleton") if isinstance(frame, dict) else None
        if not isinstance(skeletons, list):
            raise DataError(f"{place}: the field skeleton must be there and be a list")
        found = []
        for m, skeleton in enumerate(skeletons):
            if not isinstance(skeleton, dict) or "pose" not in skeleton or "score" not in skeleton:
                raise DataError(f"{place}: person {m}: must have the fields pose and score")
            pose = _numbers(skeleton["pose"], f"{place}: person {m}, pose")
            score = _numbers(skeleton["score"], f"{place}: person {m}, score")
            if len(pose) != 2 * len(score) or not len(score):
                raise DataError(f"{place}: person {m}: has {len(pose)} numbers in pose and {len(score)} in score")
            found.append(Person(pose.reshape(-1, 2), score))
        numbers.append(_whole(frame.get("frame_index", i), f"{place}: frame_index"))
        people.append(found)
    return _by_number(numbers, people, where, unique="frame_index")


def _coco(annotations: list[Any], images: Any, where: str) -> list[list[Person]]:
    labelled = images is not None  # by people: visibility 0, 1 or 2; estimators give a confidence
    numbers: list[int] = []
    people: list[list[Person]] = []
    prefixes: dict[str, str] = {}
    for i, annotation in enumerate(annotations):
        place = f"{where}: annotation {i}"
        if not isinstance(annotation, dict) or "image_id" not in annotation or "keypoints" not in annotation:
            raise DataError(f"{place}: must have the fields image_id and keypoints")
        joints, confidence = _flat(annotation["keypoints"], 2, f"{place}, keypoints")
        number, prefix = _numbered(annotation["image_id"], f"{place}: image_id")
        prefixes.setdefault(prefix, place)
        numbers.append(number)
        people.append([Person(joints, confidence / 2 if labelled else confidence, _track(annotation.get("idx")))])
    if len(prefixes) > 1:
        one, other = list(prefixes)[:2]
        raise DataError(f"{where}: has pictures of more than one video, {quoted(one)} and {quoted(other)}; split it")
    if labelled:
        if not isinstance(images, list) or not all(isinstance(image, dict) and "id" in image for image in images):
            raise DataError(f"{where}: images must be a list of objects with the field id")
        known = [_numbered(image["id"], f"{where}: the id of an image")[0] for image in images]
        if not set(numbers) <= set(known):
            raise DataError(f"{where}: image_id {min(set(numbers) - set(known))} is no id of an image")
        numbers, people = numbers + known, people + [[] for _ in known]
    if not numbers:
        raise DataError(f"{where}: has no annotation")
    return _by_number(numbers, people, where)


def _by_number(numbers: list[int], people: list[list[Person]], where: str, unique: str = "") -> list[list[Person]]:
    """People by frame, where each has the number of its frame; frames without a number have nobody."""
    if not numbers:
        raise DataError(f"{where}: has no frame")
    if unique and len(set(numbers)) < len(numbers):
        twice = next(n for i, n in enumerate(numbers) if n in numbers[:i])
        raise DataError(f"{where}: the {unique} {twice} is there twice")
    distinct = list(dict.fromkeys(numbers))
    place = dict(zip(distinct, spread(distinct, where), strict=True))
    frames: list[list[Person]] = [[] for _ in range(max(place.values()) + 1)]
    for number, some in zip(numbers, people, strict=True):
        frames[place[number]].extend(some)
    return frames


def _mediapipe(frame: Any, where: str) -> list[Person]:
    if isinstance(frame, dict):
        key = next((key for key in _LANDMARKS if key in frame), None)
        if key is None:
            raise DataError(f"{where}: must have the field {' or '.join(_LANDMARKS)}")
        frame = frame[key]
    if frame is None or frame == []:
        return []
    if not isinstance(frame, list):
        raise DataError(f"{where}: its landmarks must be a list")
    several = frame if isinstance(frame[0], list) else [frame]
    return [_landmarks(person, f"{where}: person {m}") for m, person in enumerate(several) if person]


def _landmarks(person: Any, where: str) -> Person:
    if not isinstance(person, list) or not all(isinstance(joint, dict) for joint in person):
        raise DataError(f"{where}: must be a list of landmarks with x and y")
    axes = [axis for axis in ("x", "y", "z") if axis in person[0]]
    score = next((key for key in ("visibility", "score", "confidence") if key in person[0]), None)
    needed = [*axes, *([score] if score else [])]
    for v, joint in enumerate(person):
        if axes[:2] != ["x", "y"] or any(key not in joint for key in needed):
            raise DataError(f"{where}: landmark {v} must have {', '.join(needed if len(axes) > 1 else ['x', 'y'])}")
    values = _numbers([joint[key] for joint in person for key in needed], where).reshape(len(person), -1)
    return Person(values[:, : len(axes)], values[:, -1] if score else None)


def _flat(values: Any, coordinates: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    numbers = _numbers(values, where)
    if not len(numbers) or len(numbers) % (coordinates + 1):
        raise DataError(f"{where}: has {len(numbers)} numbers, which are not {coordinates + 1} for each joint")
    table = numbers.reshape(-1, coordinates + 1)
    return table[:, :-1], table[:, -1]


def _numbers(values: Any, where: str) -> np.ndarray:
    if not isinstance(values, list):
        raise DataError(f"{where}: must be a list of numbers")
    for i, value in enumerate(values):
        if type(value) not in (int, float) or not abs(value) <= _FLOAT32_MAX:
            raise DataError(f"{where}: number {i} is {quoted(str(value))}, not a finite number")
    return np.array(values, dtype=np.float64)


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise DataError(f"{where} must be a whole number from 0, got {quoted(str(value))}")
    return value


def _numbered(value: Any, where: str) -> tuple[int, str]:
    """The number of a picture, and the text before it: 12 or "clip_0012.jpg"."""
    if isinstance(value, str):
        match = re.fullmatch(r"(.*?)([0-9]{1,15})(\.[A-Za-z]+)?", value)
        if match is None:
            raise DataError(f"{where} {quoted(value)} has no number at its end, so its place in the video is not known")
        return int(match[2]), match[1]
    return _whole(value, where), ""
