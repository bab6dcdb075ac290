"""Values of a data set: their statistics, in one pass over the sequences, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...errors import counted
from ..dataset import SequenceDataset
from ..schema import Schema
from .findings import Finding
from .moments import Moments, pieces

_CODES = frozenset({-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, -32768.0, 32767.0, 65535.0})


@dataclass(frozen=True)
class Statistics:
    """Numbers on the values of a data set; empty frames, which hold zeros only, count for the first three alone.

    Args:
        frames: number of frames.
        empty: frames that hold zeros only; of words there is none.
        single: sequences of one frame.
        missing: values of each feature that are NaN, (D,).
        gaps: frames in which a value is NaN.
        low, high, scale: the smallest and the largest value, and the standard deviation of all; 0 where there is none.
        spread: standard deviation of each feature over the frames without NaN, (D,), exactly 0 where it never changes.
        whole: number of these frames.
    """

    frames: int
    empty: int
    single: int
    missing: np.ndarray
    gaps: int
    low: float
    high: float
    scale: float
    spread: np.ndarray
    whole: int


def statistics(dataset: SequenceDataset) -> Statistics:
    """The statistics of all sequences, without a copy of them."""
    words = bool(dataset.schema.vocabulary)
    size = dataset.schema.size
    frames = empty = gaps = 0
    missing = np.zeros(size, dtype=np.int64)
    each, every = Moments(size), Moments(1)
    single = int((dataset.lengths == 1).sum())
    for values in pieces(sequence.flatten(1).numpy() for sequence in dataset.sequences):
        frames += len(values)
        if not words:
            present = values.any(axis=1)
            empty += int((~present).sum())
            values = values if present.all() else values[present]
        gap = np.isnan(values)
        if gap.any():
            missing += gap.sum(axis=0)
            gaps += int(gap.any(axis=1).sum())
            each.add(values[~gap.any(axis=1)])
        else:
            each.add(values)
        every.add(values[np.isfinite(values)][:, None])
    low, high = (float(every.low[0]), float(every.high[0])) if every.count[0] else (0.0, 0.0)
    whole = int(each.count.max(initial=0))
    return Statistics(
        frames, empty, single, missing, gaps, low, high, float(every.deviation()[0]), each.deviation(), whole
    )


def sequence_findings(dataset: SequenceDataset) -> Iterator[Finding]:
    """Findings on sequences without motion or with empty frames; on unknown words of texts."""
    if dataset.schema.vocabulary:
        unknown, total = sum(int((s == 0).sum()) for s in dataset.sequences), int(dataset.lengths.sum())
        if unknown:
            yield Finding("note", f"{unknown} of {counted(total, 'word')} are not in the vocabulary")
        return
    found: dict[str, list[int]] = {kind: [] for kind in _ODD.values()}
    for i, sequence in enumerate(dataset.sequences):
        for kind in _oddities(sequence.flatten(1).numpy()):
            found[_ODD[kind]].append(i)
    for kind, which in found.items():
        if which:
            example = dataset.metas[which[0]].get("name", which[0])
            of = counted(len(dataset), "sequence")
            yield Finding("note", f"{len(which)} of {of}: it {kind}; the first is {example}")


_ODD = {
    "single": "has a single frame, in which there is no motion",
    "zero": "is all zeros",
    "still": "stands still (all its frames are equal)",
    "empty first": "begins with an empty frame",
    "empty last": "ends with an empty frame, which may be padding",
}


def _oddities(values: np.ndarray) -> Iterator[str]:
    """What is odd about a sequence (T, D)."""
    if len(values) == 1:
        yield "single"
    if not values.any():
        yield "zero"
        return
    if len(values) > 1 and (values == values[0]).all():
        yield "still"
    if not values[0].any():
        yield "empty first"
    if not values[-1].any():
        yield "empty last"


def missing_findings(dataset: SequenceDataset, numbers: Statistics) -> Iterator[Finding]:
    """The finding that values are missing, with the first one and the features that lack most."""
    if not numbers.gaps:
        return
    names = _feature_names(dataset.schema)
    most = [f"{names[i]} ({numbers.missing[i]})" for i in np.argsort(-numbers.missing, kind="stable")]
    most = most[: np.count_nonzero(numbers.missing)]
    first = next(i for i, sequence in enumerate(dataset.sequences) if sequence.isnan().any())
    frame = int(dataset.sequences[first].flatten(1).isnan().any(1).int().argmax())
    name = dataset.metas[first].get("name", first)
    more = f" and {counted(len(most) - 5, 'more feature')}" if len(most) > 5 else ""
    yield Finding(
        "error",
        f"values are missing in {counted(numbers.gaps, 'frame')}; load with --option missing=interpolate (or zero, or "
        f"skip). The first is frame {frame} of sequence {name}; missing values are in {', '.join(most[:5])}{more}",
        "missing=interpolate",
    )


def value_findings(schema: Schema, numbers: Statistics) -> Iterator[Finding]:
    """Findings on features that never change, or that differ much in scale."""
    spread = numbers.spread
    if numbers.whole < 2 or schema.vocabulary:
        return
    constant = [name for name, s in zip(_feature_names(schema), spread, strict=True) if s == 0]
    if constant:
        several = f"{len(constant)} features never change, the first is {constant[0]}"
        yield Finding("note", several if len(constant) > 1 else f"1 feature never changes, it is {constant[0]}")
    if schema.layout is None and spread.max() > 100 * spread[spread > 0].min(initial=np.inf):
        yield Finding("note", "the features differ more than a hundredfold in scale; standardise them")


def code_findings(dataset: SequenceDataset, numbers: Statistics) -> Iterator[Finding]:
    """A warning on each number that seems to be a code for no value, such as -999: repeated, far from the rest."""
    if dataset.schema.vocabulary or dataset.schema.layout or not _CODES.intersection((numbers.low, numbers.high)):
        return
    code = numbers.low if numbers.low in _CODES else numbers.high
    counts = np.zeros(dataset.schema.size, dtype=np.int64)
    low, high = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    for sequence in dataset.sequences:
        values = sequence.flatten(1).numpy()
        coded = values == code
        counts += coded.sum(axis=0)
        low = np.fmin(low, np.where(coded, np.inf, values).min(axis=0))
        high = np.fmax(high, np.where(coded, -np.inf, values).max(axis=0))
    for name, count, least, most in zip(_feature_names(dataset.schema), counts, low, high, strict=True):
        if count > 1 and most > least and min(abs(code - least), abs(code - most)) > most - least:
            yield Finding(
                "warning",
                f"the value {code:g} is there {count} times in {name}, whose other values are from {least:.4g} to "
                f"{most:.4g}: a code for no value, it seems; leave such cells empty",
            )


def _feature_names(schema: Schema) -> tuple[str, ...]:
    return schema.features or tuple(f"feature {i}" for i in range(schema.size))
