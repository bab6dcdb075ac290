"""Labels of files, a sequence each: by the folders that they are in, or by a table that names them, such as labels.csv.

Inputs are a folder or the table, and the files; output is what is known of each file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError
from ..io.cells import absent
from ..io.files import read_bytes, read_head, unpacked
from ..io.text import parse_table
from ..split import check_part_folders, part_of
from .flags import flags_note, is_flag, parts_of_flags

_FILE = ("file", "filename", "file_name", "filepath", "path", "wav", "audio", "name", "fname", "slice_file_name")
_COLUMNS = {
    "label": ("label", "class", "category", "target", "keyword", "emotion", "genre", "species"),
    "subject": ("subject", "speaker", "speaker_id", "subject_id", "person", "client_id"),
    "split": ("split", "part", "subset"),
}
_LOOKED_AT = 1 << 14  # bytes of a file


def files_of(path: Path, suffix: str) -> list[Path]:
    """The file itself, or the files of a folder and those within it that end so, in order; hidden ones are passed over.

    Raises:
        DataError: the folder has none.
    """
    if not path.is_dir():
        return [path]
    found = (p for p in path.rglob("*") if p.suffix.lower() == suffix and p.is_file())
    files = sorted(p for p in found if not any(q.startswith((".", "__MACOSX")) for q in p.relative_to(path).parts))
    if not files:
        raise DataError(f"{path}: holds no {suffix} files")
    return files


def holds_files(path: Path, suffix: str) -> bool:
    """Whether a path is a file that ends so, or a folder with some, at most two folders below it."""
    if path.is_dir():
        return any(p.suffix.lower() == suffix for levels in ("*", "*/*", "*/*/*") for p in path.glob(levels))
    return path.suffix.lower() == suffix


def name_of(file: Path, path: Path) -> str:
    """The name of a file's sequence: its place within the folder, without its ending."""
    return file.relative_to(path).with_suffix("").as_posix() if path.is_dir() else file.stem


def facts_of_files(
    path: Path, files: Sequence[Path], given: Mapping[str, str | None]
) -> tuple[dict[Path, dict[str, Any]], list[str]]:
    """The label, subject and split of each file, where they are known: by a .csv beside them, or by their folders.

    Args:
        path: the folder, or the only file.
        files: those of :func:`files_of`.
        given: the columns "label", "subject" and "split" of the table; None: the ones of a usual name.

    Raises:
        DataError: there are several tables, or folders that leave the class open.
        ConfigError: there is no column of a given name.
    """
    tables = sorted(p for p in path.rglob("*.csv") if not p.name.startswith(".")) if path.is_dir() else []
    if len(tables) > 1:
        names = ", ".join(str(table.relative_to(path)) for table in tables[:4])
        raise DataError(f"{path}: holds several .csv files ({names}); leave the one with the labels")
    if tables:
        return facts_of_table(tables[0], files, given)
    facts: dict[Path, dict[str, Any]] = {}
    if path.is_dir():
        check_part_folders([file.relative_to(path).parts[:-1] for file in files], str(path))
    for file in files:
        folders = file.relative_to(path).parts[:-1] if path.is_dir() else ()
        facts[file] = {"split": folders[0]} if folders and part_of(folders[0]) else {}
        if len(folders) > len(facts[file]) + 1:
            kind = file.suffix.lower()
            raise DataError(
                f"{path}: {file.relative_to(path)} is in folders within each other, which leaves its class open; put "
                f"files at CLASS/FILE{kind}, PART/CLASS/FILE{kind}, or beside a .csv that names files and labels"
            )
        if len(folders) > len(facts[file]):
            facts[file]["label"] = folders[-1]
    parts = [file for file, fact in facts.items() if "split" in fact]
    if parts and len(parts) < len(files):
        other = next(file for file in files if file not in parts)
        raise DataError(f"{path}: {parts[0].relative_to(path)} is in a part, but {other.relative_to(path)} is in none")
    return facts, []


def label_table(files: Sequence[Path]) -> Path | None:
    """The first of some .csv files that names another one of them in a column of a usual name; None where none does."""
    names = {name for file in files for name in _names(file)}
    for file in files:
        try:
            head = read_head(file, _LOOKED_AT)
            table = parse_table(head[: head.rfind(b"\n")] if len(head) == _LOOKED_AT else head, str(unpacked(file)))
        except DataError:
            continue
        columns = table.columns()
        if any(Path(cells[0]).name in names for name, cells in columns.items() if name.lower() in _FILE):
            return file
    return None


def _names(file: Path) -> set[str]:
    """The names by which a table may name a file."""
    return {file.name, unpacked(file).name, unpacked(file).stem}


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
    flags = {n: cells for n, cells in columns.items() if is_flag(n) and chosen["split"] in (None, n)}
    telling, parts = parts_of_flags(flags, str(table))
    if telling:
        chosen["split"], columns[telling[0]] = telling[0], parts
    by_name: dict[str, list[Path]] = {}
    for file in files:
        for name in _names(file):
            by_name.setdefault(name, []).append(file)
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
    notes = [f"{table}: {flags_note(telling)}"] if telling else []
    notes += [f"{table}: does not name {len(rest)} of {len(files)} files; the first is {rest[0].name}"] if rest else []
    return facts, notes
