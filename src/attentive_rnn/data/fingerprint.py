"""Fingerprint of a data set: the name, the label and a digest of the values of each item, part by part.

Input is the parts of a data set, now or as a fingerprint remembers them; output is a fingerprint, or the remembered
parts found again in the data, whatever their order, with what is no longer as it was.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..errors import ConfigError, DataError
from .check.copies import fingerprints
from .dataset import LabelledDataset, Splits, concatenate

FORMAT = 1
_DIGITS = 16  # hexadecimal, of a digest: two of a million different items are alike with a chance of 1 in 10^7
_WORDS = {"train": "training", "valid": "validation", "test": "test"}


class Item(NamedTuple):
    """One item of a data set.

    Args:
        name: of the item, empty where it has none.
        label: the name of its class or its number; None: not labelled, or an image.
        digest: of its values.
    """

    name: str
    label: str | float | None
    digest: str


Fingerprint = dict[str, list[Item]]


def fingerprint(splits: Splits) -> Fingerprint:
    """The items of the parts "train", "valid" and "test" of a data set, in their order.

    Example:
        >>> from attentive_rnn.data import load
        >>> found = fingerprint(load("basic-motions"))
        >>> [(name, len(items)) for name, items in found.items()], found["test"][0].label
        ([('train', 40), ('test', 40)], 'Standing')
    """
    return {name: items_of(part) for name, part in splits.parts().items()}


def items_of(part: LabelledDataset) -> list[Item]:
    """The items of a part, in their order."""
    names = [str(meta.get("name", "")) for meta in part.metas]
    digests = [digest.hex()[:_DIGITS] for digest in fingerprints(part)]
    return [Item(*row) for row in zip(names, _labels(part), digests, strict=True)]


def _labels(part: LabelledDataset) -> Iterator[str | float | None]:
    for label in part.labels.tolist():
        if part.schema.target == "number":
            yield None if math.isnan(label) else label
        else:
            yield part.schema.classes[label] if 0 <= label < len(part.schema.classes) else None


def to_bytes(known: Fingerprint) -> bytes:
    """The fingerprint as JSON, compressed by gzip; the same bytes for the same fingerprint."""
    text = json.dumps({"format": FORMAT, "parts": known}, ensure_ascii=False, allow_nan=False)
    return gzip.compress(text.encode(), mtime=0)


def from_bytes(data: bytes, where: str) -> Fingerprint:
    """The fingerprint that :func:`to_bytes` wrote.

    Raises:
        ConfigError: the bytes are damaged, or of a later format.
    """
    try:
        values = json.loads(gzip.decompress(data))
        if values["format"] != FORMAT:
            raise ConfigError(
                f"{where}: format is {values['format']!r}, but this version of the package reads {FORMAT}"
            )
        found = {str(part): [Item(*row) for row in rows] for part, rows in values["parts"].items()}
        whole = all(type(item.name) is str and type(item.digest) is str for rows in found.values() for item in rows)
    except ConfigError:
        raise
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{where}: is damaged ({error})") from error
    if not whole or not {"train", "test"} <= set(found) <= set(_WORDS):
        raise ConfigError(f"{where}: is damaged (it must hold the items of the parts train and test)")
    return found


@dataclass(frozen=True)
class Found:
    """The remembered items of a data set, looked for in the data that are there now.

    Args:
        known: the fingerprint.
        now: that of the data.
        places: for each part of the fingerprint, where each item is now: its part and its number, or None.
        new: the places that are none of these.
    """

    known: Fingerprint
    now: Fingerprint
    places: dict[str, list[tuple[str, int] | None]]
    new: list[tuple[str, int]]

    @property
    def same(self) -> bool:
        """Whether every item is where it was, whatever its name, label and values."""
        where_it_was = {part: [(part, i) for i in range(len(items))] for part, items in self.known.items()}
        return not self.new and self.places == where_it_was

    def pairs(self, part: str) -> Iterator[tuple[Item, Item | None]]:
        """Each item of a part, and what it is now."""
        for item, place in zip(self.known[part], self.places[part], strict=True):
            yield item, None if place is None else self.now[place[0]][place[1]]

    def changes(self) -> list[str]:
        """A sentence for each kind of difference but names, with the count and the first; empty for the same data."""
        found = [change for part in self.known for change in self._of_part(part)]
        if self.new:
            part, i = self.new[0]
            found.append(f"{len(self.new)} sequences are new, first: {_name(self.now[part][i], i)}")
        return found

    def renamed(self) -> list[str]:
        """A sentence where the items have other names, apart from their order; else none."""
        known = Counter(item.name for items in self.known.values() for item in items)
        now = Counter(item.name for items in self.now.values() for item in items)
        gone = [name for name in known - now if name]
        return [f"{len(gone)} sequences have other names, first: {gone[0]}"] if gone and not self.missing() else []

    def missing(self, part: str | None = None) -> list[str]:
        """The names of the items that are not there."""
        parts = self.known if part is None else [part]
        return [_name(item, i) for one in parts for i, (item, now) in enumerate(self.pairs(one)) if now is None]

    def _of_part(self, part: str) -> Iterator[str]:
        pairs = list(self.pairs(part))
        kinds: dict[str, Callable[[Item, Item | None], bool]] = {
            "are missing": lambda was, now: now is None,
            "have other values": lambda was, now: now is not None and now.digest != was.digest,
            "have other labels": lambda was, now: now is not None and now.label != was.label,
        }
        for words, applies in kinds.items():
            names = [_name(was, i) for i, (was, now) in enumerate(pairs) if applies(was, now)]
            if names:
                yield f"{len(names)} of {len(pairs)} {_WORDS[part]} sequences {words}, first: {names[0]}"


def find(known: Fingerprint, splits: Splits) -> Found:
    """Look for remembered items among those of a data set: by their values, and those that changed by their names.

    Names are relied on only where each item that is known by its values still has its name: the numbers that a reader
    gives as names move with the order.
    """
    now = fingerprint(splits)
    free = {(part, i): item for part, items in now.items() for i, item in enumerate(items)}
    places: dict[str, list[tuple[str, int] | None]] = {part: [None] * len(items) for part, items in known.items()}

    def take(key: Callable[[str, Item], Hashable]) -> None:
        waiting = defaultdict(list)
        for place, item in reversed(free.items()):
            waiting[key(place[0], item)].append(place)
        for part, items in known.items():
            for i, item in enumerate(items):
                if places[part][i] is None and (there := waiting.get(key(part, item))):
                    places[part][i] = there.pop()
                    del free[places[part][i]]  # type: ignore[arg-type]

    take(lambda part, item: (part, *item))
    take(lambda part, item: item)
    take(lambda part, item: (item.label, item.digest))
    take(lambda part, item: item.digest)
    if _names_hold(Found(known, now, places, [])):
        take(lambda part, item: item.name)
    return Found(known, now, places, list(free))


def _names_hold(found: Found) -> bool:
    """Whether names tell items apart, and those known by their values have kept theirs."""
    for items in (found.known, found.now):
        names = [item.name for part in items.values() for item in part]
        if "" in names or len(set(names)) < len(names):
            return False
    return all(now is None or was.name == now.name for part in found.known for was, now in found.pairs(part))


def parts_as_remembered(found: Found, splits: Splits, where: str) -> Splits:
    """The parts of the fingerprint, item by item in its order; the data set itself where nothing has moved.

    Args:
        found: the items in the data set.
        splits: the data set.
        where: its name in messages.

    Raises:
        DataError: an item of the test part is missing, or every item of another one.
    """
    if found.same:
        return splits
    if gone := found.missing("test"):
        count = len(found.known["test"])
        lost = f"{len(gone)} of {count} test sequences of the run are missing, first: {gone[0]}"
        hint = "; `attentive predict RUN DATA` scores a run on other data" if len(gone) == count else ""
        raise DataError(f"{where}: {lost}{hint}")
    parts: dict[str, Any] = {part: _taken(splits.parts(), found, part, where) for part in found.known}
    return replace(splits, **parts)


def _taken(parts: dict[str, Any], found: Found, part: str, where: str) -> LabelledDataset:
    places = [place for place in found.places[part] if place is not None]
    if not places and found.known[part]:
        raise DataError(f"{where}: all {len(found.known[part])} {_WORDS[part]} sequences of the run are missing")
    sources = list(dict.fromkeys(name for name, _ in places)) or [part]
    if len(sources) == 1:
        taken: LabelledDataset = parts[sources[0]].subset([i for _, i in places])
        return taken
    starts, total = {}, 0
    for name in sources:
        starts[name], total = total, total + len(parts[name])
    return concatenate([parts[name] for name in sources]).subset([starts[name] + i for name, i in places])


def _name(item: Item, number: int) -> str:
    return item.name or f"number {number}"
