"""Texts of any kind with any labels, as sequences of words: tables with a text in each row, and folders of .txt files.

reviews.csv                         a row for each text, with a column of labels; .tsv, .jsonl and .parquet too
train.csv, test.csv                 the parts of a folder, and valid.csv if there is one
CLASS/FILE.txt                      or train/CLASS/FILE.txt and test/CLASS/FILE.txt
FILE.txt                            a text in each line, to be labelled by a model
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ..dataset import ColumnUse, SequenceDataset, Splits
from ..formats.columns import Columns
from ..formats.long.labels import read_labels
from ..formats.long.roles import KNOWN, Rows, find_roles, with_part_of_flags
from ..io import arrow
from ..io.bad_samples import check_bad
from ..io.cells import absent, is_value
from ..io.files import existing, read_bytes
from ..io.text import decode, encoding
from ..labels.kinds import Kind
from ..options import standing_for, whole
from ..schema import Schema
from ..source import Source
from ..split import check_part_folders, misspelt_part, no_part, part_of, with_test_part
from . import tables
from .words import build_vocabulary, encode, recode, words
from .words import decode as words_of

_LOOKED_AT = 3  # .txt files of a folder, by which it is known


def read(
    path: str | Path,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
    subject: str | None = None,
    target: Kind | None = None,
    missing: str = "refuse",
    header: bool | None = None,
) -> SequenceDataset:
    """Every text, labelled or not, with a vocabulary of all their words; of a single .txt file each line is one.

    Args:
        path: a table, or a folder of tables or .txt files.
        text, label, split, subject: columns of a table; without them the texts and the labels are told by names and
            contents, and a column ``split`` or ``part`` by its name.
        target: "class" or "number", what a label is; None: a class, and labels with fractions are refused.
        missing: "refuse" or "skip", what becomes of rows without a text or a label.
        header: whether the first line of a .csv or .tsv has names; None: it is told as said at :func:`read_table`.

    Raises:
        DataError: a file is malformed, or a row has no text.
        ConfigError: there is no column of a given name, or several could be the label.
    """
    path = existing(path)
    given = {"text": text, "label": label, "split": split, "subject": subject}
    if path.is_dir():
        parts = _parts(path)
        if parts:
            table = tables.joined({name: tables.read_table(file, header) for name, file in parts.items()}, str(path))
        elif arrow.shards(path):
            table = tables.read_table(path)
        else:
            table, given = _of_folder(path), {"text": "text", "label": "label", "split": "split", "subject": None}
            given = {role: name for role, name in given.items() if name in table.values}
    elif tables.is_table(path):
        table = tables.read_table(path, header)
    else:
        table, given = _of_lines(path), {"text": "text"}
    return _dataset(table, given, target, missing, path.name.split(".")[0])


def _check_labelled(path: Path, dataset: SequenceDataset) -> None:
    if not dataset.labelled.any() and dataset.columns and not any(one.use == "label" for one in dataset.columns):
        names = ", ".join(column.column for column in dataset.columns)
        raise DataError(f"{path}: which column is the label? say --option label=NAME; there are {names}")


_divided = with_test_part(read, _check_labelled)


@standing_for(_divided, {"vocabulary_size": 10_000})
def load(path: str | Path, vocabulary_size: int = 10_000, **options: Any) -> Splits[SequenceDataset]:
    """The training and test part, with a vocabulary of the training part alone; any other word is an unknown one.

    Args:
        path: as for :func:`read`.
        vocabulary_size: the most frequent words that have an entry, with the entry for all others.
        options: of :func:`read` and of :func:`attentive_rnn.data.split.with_test_part`.
    """
    whole("text", "vocabulary_size", vocabulary_size, 2)
    parts = _divided(path, **options).parts()
    train = parts["train"]
    vocabulary = build_vocabulary((words_of(one, train.schema.vocabulary) for one in train.sequences), vocabulary_size)
    recoded: dict[str, Any] = {name: recode(part, vocabulary) for name, part in parts.items()}
    return Splits(**recoded)


def _dataset(
    table: Columns, given: Mapping[str, str | None], target: Kind | None, missing: str, name: str
) -> SequenceDataset:
    table, given, notes = with_part_of_flags(table, given, ())
    roles = find_roles(table, given, usual=())
    if "text" not in roles:
        roles["text"], others = tables.text_column(table)
        if others or not tables.is_usual(roles["text"]):
            also = f", not of {' or '.join(map(repr, others[:3]))}" if others else ""
            shown = f"{table.where}: the texts are those of the column {roles['text']!r}{also}"
            notes.append(f"{shown}; --option text=NAME takes another one")
    if "label" not in roles and len(table.values) > 1:
        found = tables.label_column(table, roles["text"])
        if found is not None:
            roles["label"] = found
            if found.strip().lower() not in KNOWN["label"]:
                notes.append(
                    f"{table.where}: the labels are those of the column {found!r}; --option label=NAME takes others"
                )
    for column in table.values:
        named = column.strip().lower() in KNOWN["split"] and "split" not in roles and column not in roles.values()
        if named and any(map(part_of, table.texts(column))):
            roles["split"] = column
    texts = table.texts(roles["text"])
    bad = check_bad("text", missing)
    split = [bad.read(partial(_words, table, roles["text"], row, text)) for row, text in enumerate(texts)]
    kept = [row for row, found in enumerate(split) if found is not None]
    notes += bad.notes(table.where, len(texts))
    rows = Rows(np.array(kept), np.arange(len(kept)))
    labels = read_labels(table, roles.get("label"), rows, target)
    chosen = [found for found in split if found is not None]
    vocabulary = build_vocabulary(chosen)
    names = _row_names(table, roles)
    facts = {role: table.texts(roles[role]) for role in ("split", "subject") if role in roles}
    dataset = SequenceDataset(
        encode(chosen, vocabulary),
        labels.values,
        [{"name": names[row], **{role: values[row] for role, values in facts.items()}} for row in kept],
        Schema(labels.classes, (1,), target=labels.kind, vocabulary=vocabulary),
        name,
        notes,
    )
    use = {column: role for role, column in roles.items()}
    dataset.columns = tuple(
        ColumnUse(column, use.get(column, "left out"), sum(map(absent, table.texts(column))) if column in use else 0)
        for column in table.values
    )
    return dataset


def _words(table: Columns, column: str, row: int, text: str) -> list[str]:
    if absent(text):
        raise DataError(f"{table.place(row)}: {column} is {text.strip() or 'empty'}: there is no text")
    return words(text)


def _row_names(table: Columns, roles: Mapping[str, str]) -> list[str]:
    """A name for each row: of a column such as id, where each is another, or its file and line."""
    for column in table.values:
        if column.strip().lower() in (*KNOWN["sequence"], *KNOWN["name"]) and column not in roles.values():
            texts = table.texts(column)
            if len(set(texts)) == len(texts) and not any(map(absent, texts)):
                return texts
    files = (Path(table.place(row).rpartition(", ")[0]).name for row in range(len(table.lines)))
    return [f"{file.split('.')[0]} {line}" for file, line in zip(files, table.lines, strict=True)]


def _of_lines(path: Path) -> Columns:
    """The lines of a file that hold something."""
    found = [(i, line.strip()) for i, line in enumerate(decode(read_bytes(path), str(path)).splitlines(), 1)]
    found = [(i, line) for i, line in found if line]
    if not found:
        raise DataError(f"{path}: is empty")
    names = [path.stem] if len(found) == 1 else [f"{path.stem} {i}" for i, _ in found]
    return Columns(str(path), "line", [i for i, _ in found], {"name": names, "text": [line for _, line in found]})


def _of_folder(path: Path) -> Columns:
    """The .txt files of a folder, with their classes and parts by the folders they are in."""
    files = _text_files(path)
    if not files:
        raise DataError(f"{path}: holds no .txt files, and no tables of texts")
    check_part_folders([file.relative_to(path).parts[:-1] for file in files], str(path))
    columns: dict[str, list[str]] = {"name": [], "text": [], "label": [], "split": []}
    for file in files:
        folders = list(file.relative_to(path).parts[:-1])
        columns["split"].append(folders.pop(0) if folders and part_of(folders[0]) else "")
        if len(folders) > 1:
            raise DataError(
                f"{file}: is in folders within each other, which leaves its class open; put texts at CLASS/FILE.txt "
                "or PART/CLASS/FILE.txt"
            )
        columns["label"].append(folders[0] if folders else "")
        columns["name"].append("/".join([*columns["split"][-1:], *folders, file.stem]).lstrip("/"))
        columns["text"].append(decode(read_bytes(file), str(file)))
    used = {name: values for name, values in columns.items() if any(values)}
    own: dict[str, list[str] | np.ndarray] = {**used}
    return Columns(str(path), "file", range(1, len(files) + 1), own)


def _text_files(path: Path) -> list[Path]:
    found = (file for levels in ("*.txt", "*/*.txt", "*/*/*.txt") for file in path.glob(levels) if file.is_file())
    return sorted(f for f in found if not any(p.startswith((".", "__MACOSX")) for p in f.relative_to(path).parts))


def _parts(path: Path) -> dict[str, Path]:
    """The tables of a folder by the part that their names tell, where there is one for training."""
    found: dict[str, Path] = {}
    misspelt: list[str] = []
    for file in sorted(path.iterdir()):
        if file.is_file() and tables.is_table(file) and not file.name.startswith("."):
            words = re.split(r"[-_.\s]", file.stem)
            parts = [part for word in words if (part := part_of(word))]
            if parts and parts[0] in found:
                return {}  # several shards
            if parts:
                found[parts[0]] = file
            else:
                misspelt += [word for word in words if misspelt_part(word)]
    if "train" not in found or len(found) + len(misspelt) < 2:
        return {}
    if misspelt:
        raise no_part(misspelt[0], str(path))
    return {part: found[part] for part in ("train", "valid", "test", "eval") if part in found}


def recognise(path: Path) -> bool:
    """Whether a path holds texts: by the contents of the first rows or files."""
    if path.is_file():
        if tables.is_table(path):
            return tables.holds_texts(path)
        return path.suffix.lower() == ".txt" and _is_prose(path)
    parts = _parts(path)
    if parts:
        return tables.holds_texts(parts["train"])
    if shards := arrow.shards(path):
        return tables.holds_texts(shards[0])
    files = [file for file in _text_files(path) if file.parent != path]
    return bool(files) and all(map(_is_prose, files[:_LOOKED_AT]))


def _is_prose(path: Path) -> bool:
    """Whether most of what a file begins with is words, not numbers."""
    try:
        with path.open("rb") as file:
            data = file.read(1 << 16)
    except OSError:
        return False
    text = data.decode(encoding(data), "replace")
    fields = [field for field in re.split(r"[\s,;]+", text) if field]
    return "\0" not in text and bool(fields) and 2 * sum(map(is_value, fields)) < len(fields)


SOURCE = Source(
    name="text",
    title="texts with a class or a number: a .csv, .tsv, .jsonl or .parquet, or CLASS/FILE.txt",
    load=load,
    read=read,
    recognise=recognise,
    may_lack=("label", "split", "subject"),
    check_options={"missing": "skip"},
)
