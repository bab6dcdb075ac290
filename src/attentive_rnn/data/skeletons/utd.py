"""UTD-MHAD: Kinect skeletons of eight people doing 27 actions, a MATLAB file aN_sN_tN_skeleton.mat a sequence.

The array ``d_skel`` is (20 joints, 3 coordinates in metres, frames). Reference: C. Chen, R. Jafari, N. Kehtarnavaz,
"UTD-MHAD: a multimodal dataset for human action recognition utilizing a depth camera and a wearable inertial
sensor", ICIP 2015.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad
from ..io.mat import joints_by_time
from ..io.members import Member
from ..schema import Schema
from .reader import divide, held_by, read_members, skeleton_source

ACTIONS = (
    *("right arm swipe to the left", "right arm swipe to the right", "right hand wave", "two hand front clap"),
    *("right arm throw", "cross arms in the chest", "basketball shoot", "right hand draw x"),
    *("right hand draw circle (clockwise)", "right hand draw circle (counter clockwise)", "draw triangle"),
    *("bowling (right hand)", "front boxing", "baseball swing from right", "tennis right hand forehand swing"),
    *("arm curl (two arms)", "tennis serve", "two hand push", "right hand knock on door"),
    *("right hand catch an object", "right hand pick up and throw", "jogging in place", "walking in place"),
    *("sit to stand", "stand to sit", "forward lunge (left foot forward)", "squat (two arms stretch out)"),
)
SCHEMA = Schema(classes=ACTIONS, shape=(1, 20, 3), layout="kinect-20", rate=30.0)

_NAME = re.compile(r"(?:.*/)?a(\d{1,2})_s(\d{1,2})_t(\d{1,2})_skeleton\.mat", re.ASCII | re.DOTALL)
# Where the files, which go from the head down, have the joints of the layout kinect-20.
_ORDER = (3, 2, 1, 0, *range(4, 20))


def load(path: str | Path, missing: Bad = "refuse") -> Splits[SequenceDataset]:
    """The cross-subject protocol: subjects 1, 3, 5 and 7 to train, 2, 4, 6 and 8 to test.

    Args:
        path: a folder or a zip with the files; other files in it are passed over.
        missing: "skip" leaves out files that cannot be used, with a note; "refuse" names the first.

    Raises:
        DataError: a file or its name is malformed, or one part is empty.
    """
    dataset = read(path, missing)
    return divide(dataset, dataset.groups("subject") % 2 == 1, path, "; odd subjects train")


def read(path: str | Path, missing: Bad = "refuse") -> SequenceDataset:
    """Every sequence of a file, a folder or a zip, with its label. Errors as for :func:`load`."""
    return read_members(path, _key, "aN_sN_tN_skeleton.mat", _parse, SCHEMA, "utd-mhad", missing)


def _parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
    action, subject, trial = (int(part[1:]) for part in member.key.split("_"))
    if not 1 <= action <= len(ACTIONS):
        raise DataError(f"{member.where}: the action in its name is not from 1 to {len(ACTIONS)}")
    frames = joints_by_time(member.data, member.where, "d_skel", joints=20, coordinates=3)[:, :, list(_ORDER)]
    return frames, action - 1, {"name": f"a{action}_s{subject}_t{trial}", "subject": subject, "repetition": trial}


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return "a{:02}_s{:02}_t{:02}".format(*(int(part) for part in match.groups())) if match else None


SOURCE = skeleton_source(
    "utd-mhad", "UTD-MHAD skeletons: a zip or folder of aN_sN_tN_skeleton.mat", load, read, held_by(_key)
)
