"""The poses of people in videos as a data set."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..data import Schema, get_layout
from ..data.io.files import check_writable, write_atomically
from ..errors import DataError
from .decode import find_videos, read_frames
from .features import Progress
from .pose import Person, PoseEstimator, check_layout, converted

LARGEST = 640  # pixels of the longer side of a picture; the networks take fewer


def extract_poses(
    videos: str | Path,
    out: str | Path,
    estimator: PoseEstimator,
    *,
    layout: str | None = None,
    people: int = 1,
    overwrite: bool = False,
    progress: Callable[[Progress], None] = lambda state: None,
) -> list[str]:
    """Write the poses of one video, or of all in a folder, as one .npz of skeleton sequences.

    The classes are the names of the videos' folders. Frames in which nobody is found are zeros. Beside what every such
    file has, ``confidence`` is (sum T, people, V) float16.

    Args:
        videos: a video, or a folder with videos in it or in its subfolders.
        out: a path that ends in .npz.
        estimator: finds the people.
        layout: the joint layout to convert to; None: the estimator's.
        people: places for persons in a frame, filled in the order in which they are found.
        overwrite: whether a file at ``out`` may be replaced.
        progress: called after each video.

    Returns:
        For each video that is left out, one line that says why: it cannot be decoded, or nobody is in it.

    Raises:
        DataError: no video is found, or there is nobody in any.
        ConfigError: OUT cannot be written, or the estimator lacks a joint of the layout.
    """
    out = check_writable(out, (".npz",), overwrite)
    layout = layout or estimator.layout
    check_layout(estimator, layout)
    root, found = find_videos(videos)
    joints, confidence, names, folders, rates, refused = [], [], [], [], [], []
    for number, video in enumerate(found, 1):
        reason, frames = None, 0
        try:
            place, sure, rate = _poses(video, estimator, layout, people)
            frames = len(place)
            joints.append(place)
            confidence.append(sure)
            rates.append(rate)
            folders.append(video.relative_to(root).parent.as_posix())
            names.append(video.relative_to(root).with_suffix("").as_posix())
        except DataError as error:
            reason = str(error)
            refused.append(reason)
        progress(Progress(video, number, len(found), frames, reason))
    if not joints:
        raise DataError(f"{videos}: nobody was found in any of {len(found)} videos: {refused[0]}")
    classes = sorted(set(folders) - {"."})
    steady = max(rates) <= 1.01 * min(rates)
    schema = Schema(tuple(classes), joints[0].shape[1:], layout=layout, rate=round(rates[0], 3) if steady else None)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        sequences=np.concatenate(joints),
        confidence=np.concatenate(confidence),
        lengths=np.array([len(j) for j in joints]),
        labels=np.array([classes.index(folder) if folder != "." else -1 for folder in folders]),
        name=np.array(names),
        schema=np.array(json.dumps(schema.to_dict())),
    )
    write_atomically(out, buffer.getvalue())
    return refused


def place_people(found: list[Person], places: list[int], people: int, joints: int) -> tuple[np.ndarray, np.ndarray]:
    """The people of one picture in fixed places, (people, V, 3) and (people, V); a new track takes a free place.

    Args:
        found: the people.
        places: the track of each place so far, changed in place; a place is free again once it is needed.
        people: the number of places.
        joints: V.
    """
    skeletons = np.zeros((people, joints, 3), np.float32)
    confidence = np.zeros((people, joints), np.float16)
    here = {person.track for person in found}
    for person in found:
        if person.track not in places:
            if len(places) < people:
                places.append(person.track)
            else:
                free = [i for i, track in enumerate(places) if track not in here]
                if not free:
                    continue
                places[free[0]] = person.track
        place = places.index(person.track)
        skeletons[place], confidence[place] = person.joints, person.confidence
    return skeletons, confidence


def _poses(video: Path, estimator: PoseEstimator, layout: str, people: int) -> tuple[np.ndarray, np.ndarray, float]:
    estimator.reset()
    places: list[int] = []
    count = len(get_layout(layout).joints)
    rows, times = [], []
    for frame in read_frames(video, largest=LARGEST):
        found = converted(estimator(frame.image), estimator.layout, layout)
        rows.append(place_people(found, places, people, count))
        times.append(frame.time)
    joints, confidence = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
    if not joints.any():
        raise DataError(f"{video}: nobody is found in its {len(rows)} frames")
    return joints, confidence, (len(times) - 1) / times[-1] if times[-1] > 0 else 25.0
