"""Multivariate time series of the UEA archive: pairs of .ts files, X_TRAIN.ts and X_TEST.ts."""

from __future__ import annotations

from pathlib import Path

from ..dataset import SequenceDataset, Splits
from ..io.gaps import Missing
from ..source import Source
from . import ts
from .pairs import PairFormat

TS = PairFormat("ts", ts.parse)


def load(path: str | Path, missing: Missing = "refuse") -> Splits:
    """The training and test part of a problem.

    Args:
        path: X_TRAIN.ts or X_TEST.ts, also .ts.gz and .ts.xz, with the other one beside it; or a folder that
            holds one such pair.
        missing: "refuse", "interpolate", "zero" or "keep"; see :func:`attentive_rnn.data.io.gaps.fill`.

    Raises:
        DataError: a file is missing or malformed, a sequence has no label, or the two files do not fit together.
    """
    return TS.load(path, missing)


def read(path: str | Path, missing: Missing = "refuse") -> SequenceDataset:
    """Every sequence of a .ts file, or of all .ts files in a folder, labelled or not.

    Raises:
        DataError: a file is malformed, or files differ in classes or dimensions.
    """
    return TS.read(path, missing)


SOURCE = Source(
    name="uea",
    title="UEA time series: X_TRAIN.ts and X_TEST.ts, also .gz and .xz",
    load=load,
    recognise=TS.recognise,
    read=read,
    check_options={"missing": "keep"},
)
