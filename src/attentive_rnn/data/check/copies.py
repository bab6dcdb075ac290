"""Copies: sequences that occur more than once, value for value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..dataset import LabelledDataset, SequenceDataset, Splits
from .findings import Finding


def fingerprints(dataset: LabelledDataset) -> list[bytes]:
    """A digest of the content of each item; equal for equal items only."""
    return [dataset.fingerprint(i) for i in range(len(dataset))]


def copies_in_train(splits: Splits) -> np.ndarray:
    """The test sequences that are also in the training part, value for value, as a mask: bool (len(test),).

    The accuracy on these says nothing about unseen sequences: report that of the rest, ``~copies_in_train(splits)``,
    as well.

    Example:
        >>> from attentive_rnn.data import load
        >>> int(copies_in_train(load("japanese-vowels")).sum())
        0
    """
    known = set(fingerprints(splits.train))
    return np.asarray([f in known for f in fingerprints(splits.test)], dtype=bool)


def copy_findings(parts: Mapping[str, SequenceDataset]) -> Iterator[Finding]:
    """Findings on sequences that are in a data set more than once, a sentence for each pair of parts.

    A warning where they are in two parts, or have two labels; else a note.
    """
    first: dict[bytes, tuple[str, str, int]] = {}
    copies: dict[tuple[str, str], list[tuple[str, str, int, bool]]] = {}
    for part, dataset in parts.items():
        for key, sequence, label, meta in zip(
            fingerprints(dataset), dataset.sequences, dataset.labels.tolist(), dataset.metas, strict=True
        ):
            if not sequence.any():
                continue
            name = str(meta.get("name", "?"))
            if key in first:
                known_part, known_name, known_label = first[key]
                copies.setdefault((known_part, part), []).append((known_name, name, label, label != known_label))
            else:
                first[key] = (part, name, label)
    for (known_part, part), found in copies.items():
        classes = parts[part].schema.classes
        names = [classes[int(y)] if y >= 0 else "(no label)" for _, _, y, _ in found] if classes else []
        totals = class_counts(parts[part])
        by_class = ", ".join(f"{names.count(n)} of {totals[n]} of {n!r}" for n in dict.fromkeys(names))
        note = f"{len(found)} sequences of {part} are copies of one in {known_part}"
        note = f"1 sequence of {part} is a copy of one in {known_part}" if len(found) == 1 else note
        note += f" ({by_class}); " if by_class else "; "
        note += f"the first is {found[0][1]}, equal to {found[0][0]}"
        if part != known_part:
            note += f". The score on {part} is not one on unseen data: report it without them as well"
        conflicts = sum(differs for *_, differs in found)
        note += f". In {conflicts} of them the labels differ" if conflicts else ""
        yield Finding("warning" if conflicts or part != known_part else "note", note)


def class_counts(part: SequenceDataset) -> dict[str, int]:
    """The number of sequences of each class, and of those without a label where there are some."""
    counts = {name: int((part.labels == i).sum()) for i, name in enumerate(part.schema.classes)}
    unlabelled = int((~part.labelled).sum())
    return counts | ({"(no label)": unlabelled} if unlabelled else {})
