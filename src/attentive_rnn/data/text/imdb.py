"""Film reviews, as the folder aclImdb or as tables: train.tsv and test.tsv, with .gz or .xz or without.

A line of a table is LABEL, RATING and TEXT between tabs, or LABEL and TEXT; a first line may name these columns. The
text is all that follows: quotation marks mean nothing. A label is neg or 0, pos or 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import DataError, counted
from ..dataset import SequenceDataset, Splits
from ..io.files import decompress, existing, quoted, read_bytes, read_head
from ..io.text import decode
from ..options import whole
from ..schema import Schema
from ..source import Source
from .words import build_vocabulary, encode, words

CLASSES = ("neg", "pos")
_LABELS = {"neg": 0, "0": 0, "pos": 1, "1": 1}
_COLUMNS = ("label", "rating", "text")
_TABLES = (".tsv", ".tsv.gz", ".tsv.xz")
_JOINED_BARE = re.compile(r"(neg|pos|[01])\t")  # in a text: where another line of label and text begins
_JOINED = re.compile(rf"{_JOINED_BARE.pattern}\s*\d{{1,9}}\s*\t")


class Review(NamedTuple):
    """The words of a review, its label (-1: not known) and what else is known of it."""

    words: list[str]
    label: int
    meta: dict[str, Any]


def load(path: str | Path, vocabulary_size: int = 10_000) -> Splits[SequenceDataset]:
    """The training and test reviews; the vocabulary is that of the training reviews alone.

    Args:
        path: the folder aclImdb, with {train,test}/{neg,pos}/ID_RATING.txt, or a folder with train.tsv and test.tsv.
        vocabulary_size: the most frequent words that have an entry, with the entry for all others.

    Raises:
        ConfigError: a vocabulary of less than two entries.
        DataError: a file is missing or malformed; the message names it and the line.

    Source: Maas et al., "Learning word vectors for sentiment analysis", ACL 2011.
    """
    whole("imdb", "vocabulary_size", vocabulary_size, 2)
    path = existing(path)
    notes: dict[str, list[str]] = {"train": [], "test": []}
    train, test = (list(_part(path, part, one)) for part, one in notes.items())
    vocabulary = build_vocabulary((review.words for review in train), vocabulary_size)
    said = notes.values()
    return Splits(*(_dataset(part, vocabulary, path.name, one) for part, one in zip((train, test), said, strict=True)))


def read(path: str | Path) -> SequenceDataset:
    """Every review of a folder, a table or a single .txt file, labelled or not, with a vocabulary of all their words.

    Errors as for :func:`load`.
    """
    path = existing(path)
    reviews: list[Review] = []
    notes: list[str] = []
    if path.is_file():
        reviews = list(_table(path, notes)) if _is_table(path) else [_text(path, -1)]
    elif recognise(path):
        reviews = [review for part in ("train", "test") for review in _part(path, part, notes)]
    else:
        reviews = [_text(file, _LABELS.get(file.parent.name, -1)) for file in sorted(path.rglob("*.txt"))]
    if not reviews:
        raise DataError(f"{path}: holds no .txt files")
    return _dataset(reviews, build_vocabulary(review.words for review in reviews), path.stem, notes)


def recognise(path: Path) -> bool:
    """Whether a folder has train and test tables of good and bad reviews and no others, or the folders of aclImdb."""
    if not path.is_dir():
        return False
    tables = [table for part in ("train", "test") for table in _tables(path, part)]
    if {table.name.split(".")[0] for table in tables} == {"train", "test"}:
        return len(tables) == sum(map(_is_table, path.iterdir())) and all(map(_labels, tables))
    return all(_tables(path, part) or _folders(path, part) for part in ("train", "test"))


def takes(path: Path) -> bool:
    """Whether a path may hold reviews for a model of them: what is recognised, a folder of .txt files, or a .tsv."""
    return _is_table(path) or (path.is_dir() and (recognise(path) or next(path.rglob("*.txt"), None) is not None))


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith(_TABLES)


def _labels(table: Path) -> bool:
    """Whether the first or second line begins with the label of a review; of a damaged file its reader tells."""
    try:
        fields = [line.split(b"\t")[0].strip() for line in read_head(table).split(b"\n")[:2]]
    except DataError:
        return True
    return any(field.decode("latin-1") in _LABELS for field in fields)


def _tables(path: Path, part: str) -> list[Path]:
    return [path / f"{part}{suffix}" for suffix in _TABLES if (path / f"{part}{suffix}").is_file()]


def _folders(path: Path, part: str) -> list[Path]:
    folders = [path / part / name for name in CLASSES]
    return folders if all(next(folder.glob("*.txt"), None) for folder in folders) else []


def _part(path: Path, part: str, notes: list[str]) -> Iterator[Review]:
    tables, folders = _tables(path, part), _folders(path, part)
    if tables:
        yield from _table(tables[0], notes)
    elif folders:
        for label, folder in enumerate(folders):
            for file in sorted(folder.glob("*.txt")):
                yield _text(file, label)
    else:
        raise DataError(
            f"{path}: has neither {part}.tsv (or .tsv.gz, .tsv.xz) nor {part}/neg/*.txt and {part}/pos/*.txt"
        )


def _table(path: Path, notes: list[str]) -> Iterator[Review]:
    """The reviews of a table; a note goes to ``notes`` where lines seem to be lost or joined."""
    lines = decode(decompress(read_bytes(path), str(path)), str(path)).split("\n")
    names: tuple[str, ...] | None = None
    odd: dict[str, list[int]] = {"holds two reviews, as if a line break were lost": [], "is empty": []}
    joined, empty = odd.values()
    for number, line in enumerate(lines, 1):
        row = line.rstrip("\r")
        if not row:
            empty += [number] if number < len(lines) else []  # the last line ends before its line break
            continue
        if names is None:
            first = tuple(field.strip().lower() for field in row.split("\t"))
            if "text" in first and "label" in first:
                if first not in (_COLUMNS, ("label", "text")):
                    raise DataError(f"{path}, line {number}: the columns must be label, rating and text, got {first}")
                names = first
                continue
            names = _COLUMNS if len(first) >= 3 else ("label", "text")
        fields = row.split("\t", len(names) - 1)
        if len(fields) < len(names):
            raise DataError(
                f"{path}, line {number}: {len(fields)} columns between tabs, but {', '.join(names)} are needed"
            )
        values = dict(zip(names, fields, strict=True))
        label = _LABELS.get(values["label"].strip())
        if label is None:
            raise DataError(f"{path}, line {number}: the label {quoted(values['label'])} is none of neg, pos, 0, 1")
        joined += [number] if (_JOINED if "rating" in values else _JOINED_BARE).search(values["text"]) else []
        meta: dict[str, Any] = {"name": f"{path.name.split('.')[0]} {number}"}
        if "rating" in values:
            if not re.fullmatch(r"\s*\d{1,9}\s*", values["rating"]):
                raise DataError(f"{path}, line {number}: the rating {quoted(values['rating'])} is no whole number")
            meta["rating"] = int(values["rating"])
        yield Review(words(values["text"]), label, meta)
    if names is None:
        raise DataError(f"{path}: is empty")
    for what, found in odd.items():
        others = f"; so it is in {counted(len(found), 'line')}" if len(found) > 1 else ""
        notes += [f"{path}, line {found[0]}: {what}{others}"] if found else []


def _text(path: Path, label: int) -> Review:
    meta: dict[str, Any] = {"name": f"{path.parent.name}/{path.stem}" if label >= 0 else path.stem}
    rating = path.stem.rpartition("_")[2]
    if label >= 0 and rating.isdecimal() and "_" in path.stem:
        meta["rating"] = int(rating)
    return Review(words(decode(read_bytes(path), str(path))), label, meta)


def _dataset(reviews: list[Review], vocabulary: tuple[str, ...], name: str, notes: list[str]) -> SequenceDataset:
    return SequenceDataset(
        encode((review.words for review in reviews), vocabulary),
        np.asarray([review.label for review in reviews]),
        [review.meta for review in reviews],
        Schema(CLASSES, (1,), vocabulary=vocabulary),
        name,
        notes,
    )


SOURCE = Source(
    name="imdb",
    title="Film reviews, good or bad, as sequences of words: the folder aclImdb, or train.tsv and test.tsv",
    load=load,
    read=read,
    recognise=recognise,
)
