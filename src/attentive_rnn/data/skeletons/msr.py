"""MSR-Action3D: Kinect skeletons of ten people doing twenty actions of games, from the real-world coordinates.

One text file a sequence, aNN_sNN_eNN_skeleton3D.txt (action, subject, repetition), twenty lines a frame: x y z in
metres and a confidence. A confidence of 0 says that the tracker guessed where the joint is, not that it is absent: in
the 567 files, 29 % of the joints have it. Those of the 1,113 frames without anybody are at zero and absent; the others,
26 % of the joints of a body, are neither at zero nor repeated, and move as steadily as sure ones do (half by less than
11 mm a frame, sure ones 16 mm; 1 % by more than 0.30 m, sure ones 0.26 m). They count as seen, as in the published
figures.

Reference: W. Li, Z. Zhang, Z. Liu, "Action recognition based on a bag of 3D points", CVPR workshops 2010; the list of
557 sequences is that of J. Wang, Z. Liu, Y. Wu, J. Yuan, CVPR 2012.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad
from ..io.members import Member
from ..io.text import parse_rows
from ..options import number, one_of
from ..schema import Schema
from ..transforms.presence import unseen
from .reader import divide, held_by, read_members, skeleton_source

Subset = Literal["all", "AS1", "AS2", "AS3"]
Files = Literal["published", "all"]

ACTIONS = (
    *("high arm wave", "horizontal arm wave", "hammer", "hand catch", "forward punch", "high throw", "draw x"),
    *("draw tick", "draw circle", "hand clap", "two hand wave", "side boxing", "bend", "forward kick", "side kick"),
    *("jogging", "tennis swing", "tennis serve", "golf swing", "pick up and throw"),
)
SUBSETS = {
    "all": tuple(range(1, 21)),
    "AS1": (2, 3, 5, 6, 10, 13, 18, 20),
    "AS2": (1, 4, 7, 8, 9, 11, 12, 14),
    "AS3": (6, 14, 15, 16, 17, 18, 19, 20),
}
TRAIN_SUBJECTS = (1, 3, 5, 7, 9)
# The ten of the 567 sequences that are not on the published list; a13_s09_e02 is all zeros.
EXCLUDED = (
    *("a02_s03_e02", "a04_s03_e01", "a07_s04_e01", "a13_s09_e01", "a13_s09_e02", "a13_s09_e03", "a14_s03_e01"),
    *("a20_s07_e01", "a20_s07_e03", "a20_s10_e03"),
)
SCHEMA = Schema(classes=ACTIONS, shape=(1, 20, 3), layout="kinect-20")

_NAME = re.compile(r"(?:.*/)?(a(\d\d)_s(\d\d)_e(\d\d))_skeleton3D\.txt", re.ASCII | re.DOTALL)
# Where the files have the joints of the layout kinect-20.
_ORDER = (6, 3, 2, 19, 0, 7, 9, 11, 1, 8, 10, 12, 4, 13, 15, 17, 5, 14, 16, 18)


def load(
    path: str | Path,
    subset: Subset = "all",
    files: Files = "published",
    min_confidence: float = 0.0,
    missing: Bad = "refuse",
) -> Splits[SequenceDataset]:
    """The cross-subject protocol: subjects 1, 3, 5, 7, 9 train (284 of the published list), the others test (273).

    Args:
        path: a folder or a zip with the files; other files in it are passed over.
        subset: "all" twenty actions, or the eight of "AS1", "AS2" or "AS3"; published figures are often the mean of
            the three.
        files: "published" leaves out the ten sequences that are not on the published list (see ``EXCLUDED``), among
            them the empty a13_s09_e02; "all" keeps them.
        min_confidence: a joint with a confidence (the fourth number of a line) below it is absent; 0 keeps all
            but those at zero, also the ones that the tracker guessed (confidence 0).
        missing: "skip" leaves out files that cannot be used, with a note; "refuse" names the first.

    Raises:
        ConfigError: an option with another value.
        DataError: a file or its name is malformed, or one part is empty.
    """
    dataset = read(path, subset, files, min_confidence, missing)
    train = np.isin(dataset.groups("subject"), TRAIN_SUBJECTS)
    return divide(dataset, train, path, "; subjects 1 3 5 7 9 train")


def read(
    path: str | Path,
    subset: Subset = "all",
    files: Files = "published",
    min_confidence: float = 0.0,
    missing: Bad = "refuse",
) -> SequenceDataset:
    """Every sequence of a file, a folder or a zip, with its label. Errors as for :func:`load`."""
    one_of("msr-action3d", "subset", subset, SUBSETS)
    one_of("msr-action3d", "files", files, get_args(Files))
    number("msr-action3d", "min_confidence", min_confidence, 0, 1)
    chosen = SUBSETS[subset]
    left_out = EXCLUDED if files == "published" else ()

    def key(name: str) -> str | None:
        match = _NAME.fullmatch(name)
        if match is None or match[1] in left_out:
            return None
        action = int(match[2])
        return match[1] if action in chosen or action not in SUBSETS["all"] else None

    def parse(member: Member) -> tuple[np.ndarray, int, dict[str, Any]]:
        action, subject, repetition = int(member.key[1:3]), int(member.key[5:7]), int(member.key[9:11])
        if action not in SUBSETS["all"]:
            raise DataError(f"{member.where}: the action in its name is not from 1 to {len(ACTIONS)}")
        meta = {"name": member.key, "subject": subject, "repetition": repetition}
        return _frames(member, min_confidence), chosen.index(action), meta

    schema = replace(SCHEMA, classes=tuple(ACTIONS[a - 1] for a in chosen))
    return read_members(path, key, "aNN_sNN_eNN_skeleton3D.txt to read", parse, schema, "msr-action3d", missing)


def _key(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return match[1] if match else None


def _frames(member: Member, min_confidence: float) -> np.ndarray:
    rows = parse_rows(member.data, member.where, columns=4)
    if len(rows) % len(_ORDER):
        raise DataError(
            f"{member.where}: has {len(rows)} lines, which are no whole frames of {len(_ORDER)}; it may be truncated"
        )
    frames = rows.reshape(-1, 1, len(_ORDER), 4)[:, :, list(_ORDER)]
    if min_confidence:
        frames[unseen(frames[..., 3], min_confidence)] = 0
    return frames[..., :3]


SOURCE = skeleton_source(
    "msr-action3d",
    "MSR-Action3D skeletons: a zip or folder of aNN_sNN_eNN_skeleton3D.txt",
    load,
    read,
    held_by(_key),
    check_options={"files": "all"},
)
