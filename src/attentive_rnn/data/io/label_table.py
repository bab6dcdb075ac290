"""Tables that name files and tell their labels, such as labels.csv: a row for each file.

Inputs are the table and the files; output is what is known of each file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError
from .cells import absent
from .files import read_bytes
from .text import parse_table

_FILE = ("file", "filename", "file_name", "filepath", "path", "wav", "audio", "name", "fname", "slice_file_name")
_COLUMNS = {
    "label": ("label", "class", "category", "target", "keyword", "emotion", "genre", "species"),
    "subject": ("subject", "speaker", "speaker_id", "subject_id", "person", "client_id"),
    "split": ("split", "part", "subset"),
}
_LOOKED_AT = 1 << 14  # bytes of a file


def label_table(files: Sequence[Path]) -> Path | None:
    """The first of some .csv files that names another one of them in a column of a usual name; None where none does."""
    names = {name for file in files for name in (file.name, file.stem)}
    for file in files:
        try:
            head = read_bytes(file)[:_LOOKED_AT]
            table = parse_table(head[: head.rfind(b"\n")] if len(head) == _LOOKED_AT else head, str(file))
        except DataError:
            continue
        columns = table.columns()
        if any(Path(cells[0]).name in names for name, cells in columns.items() if name.lower() in _FILE):
            return file
    return None


def facts_of_table(
    table: Path, files: Sequence[Path], given: Mapping[str, str | None]
) -> tuple[dict[Path, dict[str, Any]], list[str]]:
    """The label, subject and split of each file by its row in a table, where it has one; and a note on the others.

    Args:
        table: a .csv with a column of file names.
        files: with or without their endings in the table.
        given: the columns "label", "subject" and "split"; None: the ones of a usual name.

    Raises:
        DataError: a row names no file, or one that is named before, or there is no column of labels.
        ConfigError: there is no column of a given name.
    """
    text = parse_table(read_bytes(table), str(table), header=True)
    columns = text.columns()
    lower = {name.lower(): name for name in columns}
    name_column = next((lower[name] for name in _FILE if name in lower), None)
    if name_column is None:
        raise DataError(
            f"{table}: has no column of file names, called {', '.join(_FILE[:4])}; it has {', '.join(columns)}"
        )
    chosen = {}
    for role, usual in _COLUMNS.items():
        name = given.get(role)
        if name is not None and name not in columns:
            raise ConfigError(f"{table}: there is no column {name!r} (given as {role}); there are {', '.join(columns)}")
        chosen[role] = name or next((lower[word] for word in usual if word in lower), None)
    if chosen["label"] is None:
        raise DataError(f"{table}: which column is the label? say --option label=NAME; there are {', '.join(columns)}")
    by_name: dict[str, list[Path]] = {}
    for file in files:
        by_name.setdefault(file.name, []).append(file)
        by_name.setdefault(file.stem, []).append(file)
    facts: dict[Path, dict[str, Any]] = {file: {} for file in files}
    for row, name in enumerate(columns[name_column]):
        place = f"{table}, line {text.lines[row]}"
        exact = [file for file in by_name.get(Path(name).name, []) if file.as_posix().endswith(f"/{name}")]
        fitting = exact or by_name.get(Path(name).name, [])
        if len(fitting) != 1:
            raise DataError(f"{place}: {name!r} is {'not there' if not fitting else 'there more than once'}")
        if facts[fitting[0]]:
            raise DataError(f"{place}: {name!r} is named a second time")
        values = {role: columns[column][row] for role, column in chosen.items() if column is not None}
        facts[fitting[0]] = {role: value for role, value in values.items() if not absent(value)}
    rest = [file for file in files if not facts[file]]
    notes = [f"{table}: does not name {len(rest)} of {len(files)} files; the first is {rest[0].name}"] if rest else []
    return facts, notes
