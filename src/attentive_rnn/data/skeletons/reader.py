"""Shared parts of the readers of skeleton data sets: a file a sequence, and a part for training and one for testing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad, check_bad
from ..io.files import existing
from ..io.members import Member, holds, members, other_members
from ..schema import Schema
from ..source import Source
from ..stored.spool import keep

Key = Callable[[str], str | None]


def read_members(
    path: str | Path,
    key: Key,
    what: str,
    parse: Callable[[Member], tuple[np.ndarray, int, dict[str, Any]]],
    schema: Schema,
    name: str,
    missing: Bad = "refuse",
    beside: tuple[str, ...] = (),
) -> SequenceDataset:
    """The sequences of a file, a folder or a zip, in the order of their keys.

    Args:
        path: what to read.
        key: the name of the sequence in a member, for its path; None passes it over.
        what: the name of the members in messages.
        parse: the frames (T, *schema.shape), the label and the meta of one member.
        schema, name: of the data set.
        missing: "skip" leaves out members that ``parse`` refuses, with a note.
        beside: the endings of other files of the set; a note counts those that are neither.
    """
    sequences, labels, metas = [], [], []
    bad, count = check_bad(name, missing), 0
    for member in members(existing(path), key, what):
        count += 1
        parsed = bad.read(partial(parse, member))
        if parsed is None:
            continue
        frames, label, meta = parsed
        sequences.append(torch.from_numpy(keep(np.array(frames, dtype=np.float32))))
        labels.append(label)
        metas.append(meta)
    notes = [*bad.notes(str(path), count), *other_members(existing(path), key, beside)]
    return SequenceDataset(sequences, labels, metas, schema, name, notes)


def divide(
    dataset: SequenceDataset, train: np.ndarray, path: str | Path, why: str, shares_persons: bool = False
) -> Splits[SequenceDataset]:
    """The sequences where ``train`` is true, bool (len,), for training, and the others for testing.

    Raises:
        DataError: one part is empty; ``why`` ends the message.
    """
    if train.all() or not train.any():
        raise DataError(f"{path}: has no sequence to {'test' if train.all() else 'train'}{why}")
    first, second = (dataset.subset(np.flatnonzero(chosen)) for chosen in (train, ~train))
    return Splits(first, second, shares_persons=shares_persons)


def skeleton_source(
    name: str,
    title: str,
    load: Callable[..., Splits],
    read: Callable[..., SequenceDataset],
    recognise: Callable[[Path], bool],
    centre: int = 1,
    check_options: Mapping[str, Any] | None = None,
) -> Source:
    """A source whose recipes move the joint ``centre`` to the origin and rotate by up to 35 degrees in training."""
    return Source(
        name,
        title,
        load,
        read,
        recognise,
        preprocessing=({"name": "origin_at_body_centre", "joint": centre},),
        augmentation=({"name": "random_rotation", "degrees": 35.0},),
        check_options=check_options or {},
    )


def held_by(key: Key) -> Callable[[Path], bool]:
    """Whether a path is a file with a key, or a folder or zip with some."""
    return partial(holds, key=key)
