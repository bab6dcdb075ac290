"""Long tables larger than memory, in pieces of whole sequences, whose data sets are joined.

Input: a .csv, .tsv or .parquet file in which the rows of each sequence are together. Output: its columns, piece by
piece; and one data set of those of the pieces, if all were read alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import DataError
from ...dataset import SequenceDataset, concatenate, relabel
from ...schema import same_rate
from ..columns import Columns
from .labels import by_number

PIECE = 2**26  # bytes of text, or of values, that are looked at together

Ends = Callable[[Columns], int]  # the row at which the last sequence of a piece begins, which may go on


def of_text(path: Path, columns: Callable[[bytes], Columns], last: Ends) -> Iterator[Columns]:
    """The columns of each piece of a text file.

    Args:
        path: the file, not compressed.
        columns: the columns of text with a line of names.
        last: tells where the last sequence of a piece begins.
    """
    with path.open("rb") as file:
        header, rest, done = file.readline(), b"", 0
        while block := file.read(PIECE):
            text = rest + block + file.readline()
            table = _moved(columns(header + text), done)
            ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
            row = last(table)
            # The last piece ends with the file; else its last sequence goes to the next one.
            if not row or file.tell() == path.stat().st_size:
                rest = text if file.tell() < path.stat().st_size else b""
                if not rest:
                    yield table
                continue
            line = table.lines[row] - 2 - done  # of the text, from 0
            rest = text[ends[line - 1] :]
            yield _rows(table, row)
            done += line


def of_batches(batches: Iterator[Any], columns: Callable[[Any], Columns], last: Ends) -> Iterator[Columns]:
    """The columns of each piece of a table that comes in batches of Arrow; arguments as for :func:`of_text`."""
    import pyarrow as pa

    waiting: list[Any] = []
    done = sequences = 0
    for batch in batches:
        waiting.append(pa.Table.from_batches([batch]))
        if sum(table.nbytes for table in waiting) < PIECE:
            continue
        whole = pa.concat_tables(waiting)
        table = columns(whole)
        if table.sequence is not None:  # each row is a sequence
            yield _numbered(table, sequences)
            waiting, sequences = [], sequences + whole.num_rows
        elif row := last(table):
            yield _moved(_rows(table, row), done)
            waiting, done = [whole.slice(row)], done + row
        else:
            waiting = [whole]
    if waiting:
        table = columns(pa.concat_tables(waiting))
        yield _moved(table, done) if table.sequence is None else _numbered(table, sequences)


def joined(pieces: Sequence[SequenceDataset], where: str) -> SequenceDataset:
    """The data set of pieces of a table.

    Raises:
        DataError: columns were taken for something else in one of them, or the rows of a sequence are apart.
    """
    rates = [piece.schema.rate for piece in pieces if piece.schema.rate]
    rate = rates[0] if len(rates) == len(pieces) and same_rate(*rates) else None
    for piece in pieces:
        piece.schema = replace(piece.schema, rate=rate)
    first = pieces[0]
    for other in pieces[1:]:
        uses = [[(column.column, column.use) for column in piece.columns] for piece in (first, other)]
        if uses[0] != uses[1] or replace(first.schema, classes=()) != replace(other.schema, classes=()):
            name = next((a[0] for a, b in zip(*uses, strict=False) if a != b), "frames")
            raise DataError(
                f"{where}: {name} would be read otherwise at the end of the file than at its beginning: say what "
                "columns are with --option features=[NAME,...], label=NAME, sequence=NAME and target=class or number"
            )
    names = [meta["name"] for piece in pieces for meta in piece.metas if "name" in meta]
    twice, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise DataError(f"{where}: the rows of the sequence {twice!r} are not together; sort the file by sequence")
    classes = sorted({name for piece in pieces for name in piece.schema.classes}, key=by_number)
    result = concatenate([relabel(piece, classes, strict=False) for piece in pieces])
    result.columns = tuple(
        replaced[0]._replace(missing=sum(column.missing for column in replaced))
        for replaced in zip(*(piece.columns for piece in pieces), strict=True)
    )
    return result


def _moved(table: Columns, lines: int) -> Columns:
    """The table with the numbers of its lines in the whole file."""
    moved = range(table.lines.start + lines, table.lines.stop + lines) if isinstance(table.lines, range) else None
    return replace(table, lines=moved if moved is not None else [line + lines for line in table.lines])


def _numbered(table: Columns, before: int) -> Columns:
    """The table with the numbers of its sequences in the whole file."""
    assert table.sequence is not None
    numbers = np.asarray(table.values[table.sequence]) + before
    return replace(table, values={**table.values, table.sequence: numbers}, _parsed={}, _numbers={})


def _rows(table: Columns, end: int) -> Columns:
    """The first rows of a table."""
    values = {name: column[:end] for name, column in table.values.items()}
    return replace(table, lines=table.lines[:end], values=values, _parsed={}, _numbers={})
