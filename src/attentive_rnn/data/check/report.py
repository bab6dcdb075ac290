"""Report on a data set, in numbers and in words: ``attentive data check``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ..dataset import LabelledDataset, SequenceDataset, concatenate, sequences_only
from ..registry import check_options, recognise
from ..schema import Schema
from ..skeletons.layouts import get_layout, with_layout
from .copies import class_counts, copy_findings
from .findings import Finding, reader_finding, sort_findings
from .leaks import leak_findings
from .parts import classes_in_words, part_warnings
from .skeletons import SkeletonSummary, skeleton_findings, summarise_skeletons

_FAR_LONGER = 20  # times the median length, from which on a note says so


@dataclass(frozen=True)
class Report:
    """The result of :func:`check`; ``str(report)`` is for reading, :meth:`to_dict` for JSON.

    Args:
        path: what was read.
        format: name and title of the reader.
        schema: the meaning of frames and labels.
        splits: number of sequences in each part: train and test, or all.
        classes: for each part the number of sequences of each class; "(no label)" where there are some.
        lengths: shortest, median and longest sequence, in frames.
        frames: number of frames in all sequences.
        empty_frames: frames whose values are all zero.
        single_frames: sequences of one frame.
        missing: values that are NaN.
        value_range: smallest and largest value.
        value_scale: standard deviation of all values that are not in empty frames.
        findings: whatever is odd, the most severe first.
        skeletons: persons, size, unit and up axis of skeletons; None for plain features.
    """

    path: str
    format: str
    schema: Schema
    splits: dict[str, int]
    classes: dict[str, dict[str, int]]
    lengths: tuple[int, float, int]
    frames: int
    empty_frames: int
    single_frames: int
    missing: int
    value_range: tuple[float, float]
    value_scale: float
    findings: tuple[Finding, ...]
    skeletons: SkeletonSummary | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences of all findings."""
        return tuple(finding.text for finding in self.findings)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of those findings that are warnings."""
        return tuple(finding.text for finding in self.findings if finding.severity == "warning")

    @property
    def errors(self) -> tuple[str, ...]:
        """The sentences of those findings that are errors."""
        return tuple(finding.text for finding in self.findings if finding.severity == "error")

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values that JSON can hold."""
        findings = [finding._asdict() for finding in self.findings]
        values = {**asdict(self), "schema": self.schema.to_dict(), "findings": findings}
        values |= {"notes": self.notes, "warnings": self.warnings}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}

    def __str__(self) -> str:
        shortest, median, longest = self.lengths
        low, high = self.value_range
        lines = [
            *(f"{finding.severity}: {finding}" for finding in self.findings if finding.severity != "note"),
            f"{self.path}: {self.format}",
            f"sequences   {', '.join(f'{count} {part}' for part, count in self.splits.items())}",
            f"lengths     {shortest} to {longest} frames, median {median:g}; {self.frames} frames in all",
            f"a frame     {_frame_in_words(self.schema)}",
            f"values      {low:.4g} to {high:.4g}, standard deviation {self.value_scale:.4g}",
            f"defects     {self.empty_frames} empty frames, {self.single_frames} single-frame sequences, "
            f"{self.missing} missing values",
            *([f"skeletons   {self.skeletons}"] if self.skeletons else []),
            f"classes     {len(self.schema.classes)}, sequences of each ({' / '.join(self.splits)}):",
        ]
        names = list(dict.fromkeys(name for counts in self.classes.values() for name in counts))
        for name in names:
            lines.append(f"  {name:28} {' / '.join(str(c.get(name, 0)) for c in self.classes.values())}")
        notes = [finding for finding in self.findings if finding.severity == "note"]
        lines.append("notes" if notes else "notes       none")
        lines.extend(f"  - {note}" for note in notes)
        return "\n".join(lines)


def check(path: str | Path, **options: Any) -> Report:
    """Read a data set and report what is in it and what is odd about it.

    Where no training and test part can be made (one file of a pair, say), everything that is there is reported as
    one part, with a note that gives the reason.

    Args:
        path: a file or folder of a known format.
        options: of the reader, such as ``layout="kinect-20"``.

    Raises:
        DataError: no reader knows the path, or its data are malformed.
        ConfigError: an option that the reader does not take.
    """
    source = recognise(path)
    check_options(source, options)
    options = dict(source.check_options) | with_layout(options)
    of_read = {key: value for key, value in options.items() if key in signature(source.read).parameters}
    notes: list[str] = []
    parts: dict[str, LabelledDataset] = {}
    if source.draws_test_part and not {"test_fraction", "seed"} & set(options):
        dataset = source.read(path, **of_read)
        if not any("split" in meta for meta in dataset.metas):
            parts = {"all": dataset}
            notes.append("the data name no training and test part; loading draws them (test_fraction, seed)")
    try:
        if not parts:
            parts = source.load(path, **options).parts()
    except DataError as reason:
        parts = {"all": source.read(path, **of_read)}
        notes.append(f"there is no training and test part: {reason}")
    takes = set(signature(source.load).parameters) | set(signature(source.read).parameters)
    return summarise(parts, str(path), f"{source.name} ({source.title})", notes, takes)


def summarise(
    found: Mapping[str, LabelledDataset], path: str, format: str, notes: Iterable[str], takes: Iterable[str] = ()
) -> Report:
    """The report on the parts of a data set; ``notes`` are put before those found here.

    A finding names an option only if it is among those that the reader ``takes``.
    """
    known = set(takes)
    parts = {name: sequences_only(part) for name, part in found.items()}
    everything = concatenate(list(parts.values()))
    values = np.concatenate([s.flatten(1).numpy() for s in everything.sequences])
    empty = ~values.any(axis=1)
    present = values[~empty]
    finite = present[np.isfinite(present)]
    lengths = everything.lengths
    return Report(
        path=path,
        format=format,
        schema=everything.schema,
        splits={name: len(part) for name, part in parts.items()},
        classes={name: class_counts(part) for name, part in parts.items()},
        lengths=(int(lengths.min()), float(np.median(lengths)), int(lengths.max())),
        frames=len(values),
        empty_frames=int(empty.sum()),
        single_frames=int((lengths == 1).sum()),
        missing=int(np.isnan(values).sum()),
        value_range=(float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0),
        value_scale=float(finite.std(dtype=np.float64)) if finite.size else 0.0,
        findings=sort_findings(
            f if f.option.partition("=")[0] in known else f._replace(option="")
            for f in (
                *(Finding("warning", warning) for warning in part_warnings(parts)),
                *(reader_finding(note, known) for note in (*notes, *everything.notes)),
                *_class_findings(parts),
                *_sequence_findings(everything),
                *_length_findings(everything),
                *copy_findings(parts),
                *leak_findings(parts),
                *_missing_findings(everything),
                *_value_findings(present, everything.schema),
                *skeleton_findings(everything),
            )
        ),
        skeletons=summarise_skeletons(everything),
    )


def _frame_in_words(schema: Schema) -> str:
    if schema.vocabulary:
        return f"a word, one of {len(schema.vocabulary)}"
    if schema.layout is None:
        named = f": {', '.join(schema.features)}" if schema.features else ""
        return f"{schema.size} features{named}"
    persons, joints, _ = schema.shape
    coordinates, size = schema.vector
    values = f"{coordinates} coordinates" + " and a confidence" * (size > coordinates)
    layout = get_layout(schema.layout)
    return f"{persons} person, {joints} joints, {values}; layout {layout.name} ({layout.title})"


def _class_findings(parts: dict[str, SequenceDataset]) -> Iterator[Finding]:
    used = {name for dataset in parts.values() for name, count in class_counts(dataset).items() if count}
    for part, dataset in parts.items():
        if dataset.schema.target == "number" and dataset.labelled.any():
            continue
        counts = {name: n for name, n in class_counts(dataset).items() if name in dataset.schema.classes}
        if not any(counts.values()):
            yield Finding("note" if part == "test" else "warning", f"no sequence of {part} has a label")
            continue
        empty = [name for name, count in counts.items() if count == 0 and name not in used]
        if empty:
            yield Finding("note", f"{classes_in_words(empty)} no sequence in {part}")
        filled = {name: count for name, count in counts.items() if count}
        least, most = min(filled, key=lambda n: filled[n]), max(filled, key=lambda n: filled[n])
        if 5 * filled[least] < filled[most]:
            yield Finding(
                "note",
                f"{part} is unbalanced: {filled[most]} sequences of {most!r}, {filled[least]} of {least!r}; "
                "look at the accuracy of each class",
            )


def _sequence_findings(dataset: SequenceDataset) -> Iterator[Finding]:
    arrays = [s.flatten(1).numpy() for s in dataset.sequences]
    kinds = {
        "has a single frame, in which there is no motion": [len(a) == 1 for a in arrays],
        "is all zeros": [not a.any() for a in arrays],
        "stands still (all its frames are equal)": [
            len(a) > 1 and bool(a.any()) and bool((a == a[0]).all()) for a in arrays
        ],
        "begins with an empty frame": [not a[0].any() and bool(a.any()) for a in arrays],
        "ends with an empty frame, which may be padding": [not a[-1].any() and bool(a.any()) for a in arrays],
    }
    for kind, found in kinds.items():
        if any(found):
            example = dataset.metas[found.index(True)].get("name", found.index(True))
            yield Finding("note", f"{sum(found)} of {len(found)} sequences: it {kind}; the first is {example}")


def _length_findings(dataset: SequenceDataset) -> Iterator[Finding]:
    lengths = dataset.lengths
    usual = float(np.median(lengths))
    long = np.flatnonzero(lengths > _FAR_LONGER * usual)
    if len(long):
        first = long[np.argmax(lengths[long])]
        yield Finding(
            "note",
            f"{len(long)} of {len(lengths)} sequences: it is more than {_FAR_LONGER} times as long as usual "
            f"({usual:g} frames); the longest is {dataset.metas[first].get('name', first)} with {lengths[first]}. "
            "training.max_frames_per_batch bounds the padding; cut such a sequence up if it holds several",
        )


def _missing_findings(dataset: SequenceDataset) -> Iterator[Finding]:
    gaps = [np.isnan(s.flatten(1).numpy()) for s in dataset.sequences]
    frames = sum(int(gap.any(axis=1).sum()) for gap in gaps)
    if not frames:
        return
    counts = np.sum([gap.sum(axis=0) for gap in gaps], axis=0)
    names = _feature_names(dataset.schema)
    most = [f"{names[i]} ({counts[i]})" for i in np.argsort(-counts, kind="stable") if counts[i]]
    first = next(i for i, gap in enumerate(gaps) if gap.any())
    frame = int(gaps[first].any(axis=1).argmax()) + 1
    name = dataset.metas[first].get("name", first)
    yield Finding(
        "error",
        f'values are missing in {frames} frames; load with missing="interpolate" (or zero, or skip). The first is '
        f"frame {frame} of sequence {name}; missing values are in {', '.join(most[:5])}"
        + (f" and {len(most) - 5} more features" if len(most) > 5 else ""),
        "missing=interpolate",
    )


def _value_findings(present: np.ndarray, schema: Schema) -> Iterator[Finding]:
    """Findings on (frames, features) values without the empty frames."""
    present = present[~np.isnan(present).any(axis=1)]
    if len(present) < 2:
        return
    spread = present.std(axis=0, dtype=np.float64)
    constant = [name for name, s in zip(_feature_names(schema), spread, strict=True) if s == 0]
    if constant:
        yield Finding("note", f"{len(constant)} features never change, the first is {constant[0]}")
    if schema.layout is None and spread.max() > 100 * spread[spread > 0].min(initial=np.inf):
        yield Finding("note", "the features differ more than a hundredfold in scale; standardise them")


def _feature_names(schema: Schema) -> tuple[str, ...]:
    return schema.features or tuple(f"feature {i}" for i in range(schema.size))
