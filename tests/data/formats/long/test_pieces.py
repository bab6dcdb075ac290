import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attentive_rnn.data import get_source
from attentive_rnn.data.formats import parquet
from attentive_rnn.data.formats.long import pieces
from attentive_rnn.data.io import text_columns
from attentive_rnn.data.stored.spool import on_disk
from attentive_rnn.errors import DataError
from data.generic import assert_same


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A table read whole, and in pieces of so many bytes as a conversion reads it."""

    def both(path, size, **options):
        whole = get_source("table").read(path, **options)
        monkeypatch.setattr(pieces, "PIECE", size)
        folder = tmp_path / f"spool {size}"
        folder.mkdir()
        with on_disk(folder):
            return whole, get_source("table").read(path, **options)

    return both


def text(count, **odd):
    lines = ["id,time,label,subject,x,y"]
    rng = np.random.default_rng(0)
    for i in range(count):
        for t in range(1 + i % 4):
            x, y = rng.normal(size=2).tolist()
            lines.append(f"s{i},{t},{'ba'[i % 2] if i < count - 1 else 'c'},{i % 3},{x!r},{odd.get(f's{i}_{t}', y)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("size", [50, 200, 333, 5000])
@pytest.mark.parametrize("least", [0, 10**9])
def test_a_table_of_text_in_pieces_is_the_table(tmp_path, read, monkeypatch, size, least):
    monkeypatch.setattr(text_columns, "_LEAST", least)
    path = tmp_path / "t.csv"
    path.write_text(text(30))
    whole, found = read(path, size)
    assert_same(found, whole)
    assert found.columns == whole.columns


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("size", [50, 700, 10**5])
def test_a_parquet_file_in_pieces_is_the_file(tmp_path, read, monkeypatch, size, lists):
    path = tmp_path / "t.parquet"
    rng = np.random.default_rng(0)
    lengths = [1 + i % 4 for i in range(30)]
    columns = {"label": [f"{i % 2}a" for i in range(30)], "x": [rng.normal(size=n).tolist() for n in lengths]}
    if not lists:
        columns = {
            "id": np.repeat(np.arange(30), lengths),
            "label": np.repeat(columns["label"], lengths),
            "x": np.concatenate(columns["x"]),
        }
    pq.write_table(pa.table(columns), path)
    kept = parquet.batches
    monkeypatch.setattr(
        parquet, "batches", lambda path: (b.slice(i, 5) for b in kept(path) for i in range(0, len(b), 5))
    )
    whole, found = read(path, size)
    assert_same(found, whole)


def test_a_fault_is_named_by_its_line_in_the_whole_file(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text(text(30, s20_0="ERR"))
    line = path.read_text().splitlines().index(next(x for x in path.read_text().splitlines() if "ERR" in x)) + 1
    with pytest.raises(DataError, match=f"line {line}: y is 'ERR'"):
        read(path, 10**6)
    whole, found = read(path, 100, missing="zero")
    assert_same(found, whole)
    assert found.notes == whole.notes
    assert any(f"line {line}:" in note for note in found.notes)


def test_rows_of_a_sequence_that_are_apart_are_refused(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text(text(30) + "s0,9,b,0,1,2\n")
    with pytest.raises(DataError, match="the rows of the sequence 's0' are not together; sort the file by sequence"):
        read(path, 100)


def test_a_column_that_changes_its_meaning_in_the_file_is_refused(tmp_path, read):
    path = tmp_path / "t.csv"
    rows = [f"s{i},{t},a,{i * i % 7},{'word' if i > 20 else t * t % 5}" for i in range(30) for t in range(3)]
    path.write_text("\n".join(["id,time,label,x,y", *rows]) + "\n")
    with pytest.raises(DataError, match="y is 'word', not a number"):
        read(path, 100, missing="refuse")


def test_a_table_of_one_sequence_is_read_whole(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{i * i % 7},{i % 5}.5\n" for i in range(50)))
    whole, found = read(path, 50)
    assert_same(found, whole)
