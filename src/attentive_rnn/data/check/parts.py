"""Warnings on the parts of a data set that make a score on them say less than it seems to, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..dataset import LabelledDataset
from ..io.cells import whole_number

_NAMED = 8  # classes that a sentence names at most
_DASHES = re.compile(r"[-_.*#]+")
_NO_LABEL = ("unlabeled", "unlabelled", "not labeled", "not labelled", "no label", "nolabel", "missing", "undefined")


def part_warnings(parts: Mapping[str, LabelledDataset], shares_persons: bool = False) -> Iterator[str]:
    """A sentence for each part of one class only or without a class of another part, and on persons in two parts.

    Also on classes that differ only in case, spaces or how a number is written, which may be one, and on those whose
    name may mean that there is no label.

    Args:
        parts: the parts of a data set by name.
        shares_persons: whether its protocol has persons in several parts, so that no warning is due.

    Example:
        >>> import torch
        >>> from attentive_rnn.data import Schema, SequenceDataset
        >>> data = SequenceDataset([torch.ones(2, 1)] * 2, [0, 0], [{}, {}], Schema(("up", "down"), (1,)))
        >>> list(part_warnings({"train": data}))
        ["all 2 labelled sequences are of one class, 'up': any model is right about them"]
    """
    found = {name: np.unique(part.labels[part.labelled]) for name, part in parts.items() if part.schema.classes}
    everywhere = np.unique(np.concatenate([*found.values(), np.empty(0)])).astype(int)
    if len(everywhere) == 1 and sum(int(part.labelled.sum()) for part in parts.values()) > 1:
        yield _of_one_class(list(parts.values()), everywhere[0], "")
        found = {}
    for name, labels in found.items():
        part = parts[name]
        classes, count = part.schema.classes, int(part.labelled.sum())
        missing = [classes[i] for i in everywhere if i not in labels]
        if len(labels) == 1 and count > 1:
            yield _of_one_class([part], labels[0], f" of {name}")
        elif missing and count:
            yield f"{classes_in_words(missing)} no sequence in {name}, but some in another part"
    yield from _alike(next(iter(parts.values())).schema.classes if parts else ())
    yield from _placeholders(next(iter(parts.values())).schema.classes if parts else ())
    if not shares_persons:
        yield from _shared_persons(parts)


def _of_one_class(parts: Sequence[LabelledDataset], label: int, of: str) -> str:
    schema, count = parts[0].schema, sum(int(part.labelled.sum()) for part in parts)
    items = "images" if schema.medium == "image" else "sequences"
    return (
        f"all {count} labelled {items}{of} are of one class, {schema.classes[label]!r}: any model is right about them"
    )


def _alike(classes: Sequence[str]) -> Iterator[str]:
    alike: dict[str, list[str]] = {}
    for name in classes:
        words = re.findall(r"\d+|[^\W\d_]+|[^\w\s]", name.casefold())
        number = whole_number(name)
        key = "".join(word.lstrip("0") or "0" for word in words) if number is None else str(number)
        alike.setdefault(key, []).append(name)
    for names in alike.values():
        if len(names) > 1:
            shown = " and ".join(map(repr, names))
            yield (
                f"the classes {shown} differ only in case or spaces or in how a number is written: write them alike "
                "if they are one"
            )


def _placeholders(classes: Sequence[str]) -> Iterator[str]:
    numbers = [whole_number(name) for name in classes]
    numbered = len(classes) > 3 and all(number is not None and number >= -1 for number in numbers)
    for name, number in zip(classes, numbers, strict=True):
        dash = _DASHES.fullmatch(name) is not None and "+" not in classes
        if dash or (numbered and number == -1) or name.strip().lower() in _NO_LABEL:
            yield f"the class {name!r} may mean that there is no label: leave its cells empty if so"


def classes_in_words(names: Sequence[str]) -> str:
    """The beginning of a sentence on classes that have something."""
    if len(names) == 1:
        return f"the class {names[0]!r} has"
    more = f", ... ({len(names) - _NAMED} more)" if len(names) > _NAMED else ""
    return f"{len(names)} classes, {', '.join(repr(name) for name in names[:_NAMED])}{more}, have"


def _shared_persons(parts: Mapping[str, LabelledDataset]) -> Iterator[str]:
    persons = {
        name: {str(meta["subject"]) for meta in part.metas}
        for name, part in parts.items()
        if all("subject" in meta for meta in part.metas)
    }
    for name in ("valid", "test"):
        both = sorted(persons.get("train", set()) & persons.get(name, set()))
        if both:
            yield (
                f"{len(both)} of {len(persons[name])} persons of {name} are in train too, first {both[0]!r}: "
                "the score is not one on new persons"
            )
