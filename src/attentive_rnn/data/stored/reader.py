"""Stored sets: folders that ``attentive data convert DATA FOLDER`` writes, read by map and so of any size."""

from __future__ import annotations

from pathlib import Path

from ..dataset import SequenceDataset
from ..io.bad_samples import check_bad
from ..io.files import existing
from ..skeletons.units import with_units
from ..source import Source
from ..split import with_test_part
from .layout import is_stored, open_set


def read(path: str | Path, missing: str = "refuse") -> SequenceDataset:
    """Every sequence, labelled or not; a part is in ``meta["split"]``.

    Args:
        path: the folder.
        missing: "skip" leaves out sequences without a label in training and testing.

    Raises:
        DataError: a file is missing, damaged or of another version.
    """
    check_bad("stored", missing)
    return open_set(existing(path))


SOURCE = Source(
    name="stored",
    title="a set larger than memory: a folder that attentive data convert wrote, whose files are mapped",
    load=with_units(with_test_part(read)),
    read=with_units(read),
    recognise=is_stored,
)
