"""Report on a data set, in numbers and in words: ``attentive data check``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError, counted
from ..dataset import ColumnUse, LabelledDataset, SequenceDataset, concatenate, sequences_only
from ..registry import check_options, recognise
from ..schema import Schema
from ..skeletons.layouts import get_layout, with_layout
from ..split import PartsError
from .copies import class_counts, copy_findings
from .findings import Finding, Severity, reader_finding, sort_findings
from .leaks import leak_findings
from .parts import classes_in_words, part_warnings
from .skeletons import SkeletonSummary, skeleton_findings, summarise_skeletons
from .texts import TextSummary, summarise_texts
from .values import code_findings, missing_findings, sequence_findings, statistics, value_findings

_NAMED = 8  # columns that a line names at most
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
        columns: what each column of a table was taken for, and how many rows have no value in it.
        labels: smallest, mean and largest label where labels are numbers.
        texts: words of texts, how many are unknown, and excerpts; None for anything else.
        trainable: whether there are parts, or can be drawn, to train on and to test with.
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
    columns: tuple[ColumnUse, ...] = ()
    labels: tuple[float, float, float] | None = None
    texts: TextSummary | None = None
    trainable: bool = True

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
        columns = [column._asdict() for column in self.columns]
        values = {**asdict(self), "schema": self.schema.to_dict(), "findings": findings, "columns": columns}
        values |= {"notes": self.notes, "warnings": self.warnings}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}

    def __str__(self) -> str:
        shortest, median, longest = self.lengths
        items, step = ("sequences", "frame") if self.texts is None else ("texts", "word")
        lines = [
            *(f"{finding.severity}: {finding}" for finding in self.findings if finding.severity != "note"),
            f"{self.path}: {self.format}",
            f"{items:12}{', '.join(f'{count} {part}' for part, count in self.splits.items())}",
            f"lengths     {shortest} to {counted(longest, step)}, median {median:g}; "
            f"{counted(self.frames, step)} in all",
            *_columns_in_words(self.columns),
            *(self._frames_in_words() if self.texts is None else self.texts.lines()),
            *self._labels_in_words(),
        ]
        notes = [finding for finding in self.findings if finding.severity == "note"]
        lines.append("notes" if notes else "notes       none")
        lines.extend(f"  - {note}" for note in notes)
        return "\n".join(lines)

    def _frames_in_words(self) -> Iterator[str]:
        low, high = self.value_range
        yield f"a frame     {_frame_in_words(self.schema)}"
        yield f"values      {low:.4g} to {high:.4g}, standard deviation {self.value_scale:.4g}"
        yield (
            f"defects     {counted(self.empty_frames, 'empty frame')}, "
            f"{counted(self.single_frames, 'single-frame sequence')}, {counted(self.missing, 'missing value')}"
        )
        if self.skeletons:
            yield f"skeletons   {self.skeletons}"

    def _labels_in_words(self) -> Iterator[str]:
        """The range of labels that are numbers, or the number of sequences of each class."""
        if self.schema.target == "number":
            unlabelled = sum(counts.get("(no label)", 0) for counts in self.classes.values())
            least, mean, most = self.labels or (np.nan, np.nan, np.nan)
            told = f"numbers from {least:.4g} to {most:.4g}, {mean:.4g} on average" if self.labels else "none"
            yield f"labels      {told}" + (f"; {counted(unlabelled, 'sequence')} without one" if unlabelled else "")
            return
        items = "sequences" if self.texts is None else "texts"
        yield f"classes     {len(self.schema.classes)}, {items} of each ({' / '.join(self.splits)}):"
        for name in dict.fromkeys(name for counts in self.classes.values() for name in counts):
            excerpt = "" if self.texts is None else f"   {self.texts.excerpts.get(name, '')}"
            yield f"  {name:28} {' / '.join(str(c.get(name, 0)) for c in self.classes.values())}{excerpt}".rstrip()


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
    source = recognise(path, options)
    check_options(source, options)
    options = dict(source.check_options) | with_layout(options)
    of_read = {key: value for key, value in options.items() if key in signature(source.read).parameters}
    notes: list[str] = []
    errors: list[str] = []
    parts: dict[str, LabelledDataset] = {}
    shares_persons, trainable = False, True
    columns: tuple[ColumnUse, ...] = ()
    if source.draws_test_part and not {"test_fraction", "seed"} & set(options):
        dataset = source.read(path, **of_read)
        columns = dataset.columns
        if not any("split" in meta for meta in dataset.metas):
            parts = {"all": dataset}
            trainable = len(dataset) > 1 and bool(dataset.labelled.any())
            notes.append("the data name no training and test part; loading draws them (test_fraction, seed)")
    try:
        if not parts:
            splits = source.load(path, **options)
            parts, shares_persons = splits.parts(), splits.shares_persons
    except PartsError as reason:
        parts = {"all": source.read(path, **of_read)}
        errors.append(str(reason))
    except DataError as reason:
        parts = {"all": source.read(path, **of_read)}
        notes.append(f"there is no training and test part: {reason}")
        trainable = False
    takes = set(signature(source.load).parameters) | set(signature(source.read).parameters)
    found = str(path), f"{source.name} ({source.title})"
    report = summarise(parts, *found, notes, takes, columns, errors, shares_persons)
    return replace(report, trainable=trainable)


def summarise(
    found: Mapping[str, LabelledDataset],
    path: str,
    format: str,
    notes: Iterable[str],
    takes: Iterable[str] = (),
    columns: Iterable[ColumnUse] = (),
    errors: Iterable[str] = (),
    shares_persons: bool = False,
) -> Report:
    """The report on the parts of a data set; ``errors`` and ``notes`` are put before those found here.

    A finding names an option only if it is among those that the reader ``takes``. ``columns`` are those of a table;
    ``shares_persons`` is that of :class:`Splits`.
    """
    known = set(takes)
    parts = {name: sequences_only(part) for name, part in found.items()}
    everything = concatenate(list(parts.values()))
    numbers = statistics(everything)
    lengths = everything.lengths
    labels = everything.labels[everything.labelled]
    return Report(
        path=path,
        format=format,
        schema=everything.schema,
        splits={name: len(part) for name, part in parts.items()},
        classes={name: class_counts(part) for name, part in parts.items()},
        lengths=(int(lengths.min()), float(np.median(lengths)), int(lengths.max())),
        frames=numbers.frames,
        empty_frames=numbers.empty,
        single_frames=numbers.single,
        missing=int(numbers.missing.sum()),
        value_range=(numbers.low, numbers.high),
        value_scale=numbers.scale,
        findings=sort_findings(
            f if f.option.partition("=")[0] in known else f._replace(option="")
            for f in (
                *(Finding("error", error) for error in errors),
                *(Finding("warning", warning) for warning in part_warnings(parts, shares_persons)),
                *(reader_finding(note, known) for note in (*notes, *everything.notes)),
                *_class_findings(parts),
                *sequence_findings(everything),
                *_length_findings(everything),
                *copy_findings(parts),
                *leak_findings(parts),
                *missing_findings(everything, numbers),
                *value_findings(everything.schema, numbers),
                *code_findings(everything, numbers),
                *skeleton_findings(everything),
            )
        ),
        skeletons=summarise_skeletons(everything),
        texts=summarise_texts(parts),
        columns=tuple(columns),
        labels=(float(labels.min()), float(labels.mean()), float(labels.max()))
        if everything.schema.target == "number" and len(labels)
        else None,
    )


def _columns_in_words(columns: Iterable[ColumnUse]) -> Iterator[str]:
    """What the columns of a table that are no features were taken for, and in which how many rows have no value."""
    uses: dict[str, list[str]] = {}
    for column in columns:
        if column.use != "feature":
            uses.setdefault(column.use, []).append(column.column or "(no name)")
    if uses:
        yield "columns     " + "; ".join(f"{use}: {_some(names)}" for use, names in uses.items())
    lacking = [f"{column.column} in {counted(column.missing, 'row')}" for column in columns if column.missing]
    if lacking:
        yield f"no value    {_some(lacking)}"


def _some(names: list[str]) -> str:
    more = f", ... ({len(names) - _NAMED} more)" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _frame_in_words(schema: Schema) -> str:
    if schema.layout is None:
        named = f": {', '.join(schema.features)}" if schema.features else ""
        return f"{counted(schema.size, 'feature')}{named}"
    persons, joints, _ = schema.shape
    coordinates, size = schema.vector
    values = f"{coordinates} coordinates" + " and a confidence" * (size > coordinates)
    layout = get_layout(schema.layout)
    return f"{counted(persons, 'person')}, {joints} joints, {values}; layout {layout.name} ({layout.title})"


def _class_findings(parts: dict[str, SequenceDataset]) -> Iterator[Finding]:
    used = {name for dataset in parts.values() for name, count in class_counts(dataset).items() if count}
    for part, dataset in parts.items():
        if dataset.schema.target == "number" and dataset.labelled.any():
            continue
        counts = {name: n for name, n in class_counts(dataset).items() if name in dataset.schema.classes}
        if not any(counts.values()):
            severe: Severity = "note" if part == "test" else "warning"
            yield Finding(severe, f"no sequence of {part} has a label", "label=COLUMN")
            continue
        empty = [name for name, count in counts.items() if count == 0 and name not in used]
        if empty:
            yield Finding("note", f"{classes_in_words(empty)} no sequence in {part}")
        filled = {name: count for name, count in counts.items() if count}
        least, most = min(filled, key=lambda n: filled[n]), max(filled, key=lambda n: filled[n])
        if 5 * filled[least] < filled[most]:
            yield Finding(
                "note",
                f"{part} is unbalanced: {counted(filled[most], 'sequence')} of {most!r}, {filled[least]} of {least!r}; "
                "look at the accuracy of each class",
            )


def _length_findings(dataset: SequenceDataset) -> Iterator[Finding]:
    lengths = dataset.lengths
    usual = float(np.median(lengths))
    long = np.flatnonzero(lengths > _FAR_LONGER * usual)
    if len(long):
        first = long[np.argmax(lengths[long])]
        yield Finding(
            "note",
            f"{len(long)} of {counted(len(lengths), 'sequence')}: it is more than {_FAR_LONGER} times as long as usual "
            f"({usual:g} frames); the longest is {dataset.metas[first].get('name', first)} with {lengths[first]}. "
            "training.max_frames_per_batch bounds the padding; cut such a sequence up if it holds several",
        )
