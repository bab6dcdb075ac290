import csv
import io
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn.data import get_source
from attentive_rnn.data.io import text_columns
from attentive_rnn.data.io.cells import parse
from attentive_rnn.data.io.text import parse_table
from attentive_rnn.data.io.text_columns import TextColumn, plain_table
from attentive_rnn.errors import UserError

NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["007", "+5", "1.", "-.5", "1e5", "1E-400", "1e400", "9007199254740993", "-0", "0.10"]),
)
ODD = st.sampled_from(
    [
        "",
        "NA",
        "nan",
        "?",
        "None",
        "ERR",
        "1,5",
        "1.234,5",
        "1_000",
        "true",
        "No",
        "2024-01-02",
        "12:30",
        "5 kg",
        "0x10",
    ]
)
OTHER = st.text(st.sampled_from("aB1 .\t-+e,;'é\""), max_size=4)
CELLS = st.one_of(NUMBERS, NUMBERS, NUMBERS, ODD, OTHER)


@st.composite
def tables(draw):
    """The bytes of a table whose sequences, labels and features have plain and odd cells."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    features = draw(st.integers(1, 3))
    of_column = [draw(st.sampled_from([NUMBERS, st.one_of(NUMBERS, st.just("")), CELLS])) for _ in range(features)]
    rows = []
    for i, length in enumerate(lengths):
        for t in range(length):
            cells = [draw(cell) for cell in of_column]
            rows.append([draw(st.sampled_from(["s", "s "])) + str(i), str(t), draw(st.sampled_from("ab")), *cells])
    text = io.StringIO()
    end = draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(text, delimiter=draw(st.sampled_from(",;\t")), lineterminator=end)
    writer.writerows([["id", "time", "label", *(f"f{i}" for i in range(features))], *rows])
    content = text.getvalue()
    cut = draw(st.sampled_from([0, 0, 0, len(end)]))
    return draw(st.sampled_from(["", "\ufeff"])).encode() + content[: len(content) - cut].encode()


@pytest.fixture(autouse=True, scope="module")
def small_files_too():
    before, text_columns._LEAST = text_columns._LEAST, 0
    yield
    text_columns._LEAST = before


def answer(path, missing):
    try:
        found = get_source("table").read(path, missing=missing)
    except UserError as error:
        return str(error)
    frames = [s.numpy().tobytes() for s in found.sequences]
    return frames, found.labels.tolist(), found.metas, found.schema, found.notes, found.columns


@settings(max_examples=150, deadline=None)
@given(data=tables(), missing=st.sampled_from(["refuse", "keep"]))
def test_a_table_is_read_alike_with_polars_and_without(tmp_path_factory, data, missing):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_bytes(data)
    found = answer(path, missing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_columns, "installed", lambda name: None)
        assert found == answer(path, missing)


@settings(max_examples=100, deadline=None)
@given(data=tables())
def test_the_fields_of_a_plain_table_are_those_of_the_careful_reader(data):
    found = plain_table(data, "t.csv", None)
    if found is not None:
        wanted = parse_table(data, "t.csv")
        assert list(found.lines) == wanted.lines
        assert {name: column.texts for name, column in found.columns.items()} == wanted.columns()


def test_most_tables_take_the_short_way():
    rows = "".join(f"{i // 5},{i % 5},a,{i / 7!r},{'' if i == 3 else i}\r\n" for i in range(60))
    found = plain_table(f"id,time,label,x,y\r\n{rows}".encode(), "t.csv", None)
    assert found is not None
    assert found.columns["x"].numbers()[8] == 8 / 7
    assert math.isnan(found.columns["y"].numbers()[3])


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n1,"2"\n',
        "a,b\n1,2\n\n3,4\n",
        "a,b\n1,2\n3\n",
        "a,b\n1,2\n3,4,5\n",
        "a,b\n1,2,\n3,4,\n",
        "# note\na,b\n1,2\n",
        "a,b\n1,2\n#3,4\n",
        "a,b,\n1,2,\n",
        "0,1\n1.5,2.5\n",
        "1,2\n3,4\n",
        "a,a\n1,2\n",
        "sep=;\na;b\n1;2\n",
        "a,b\n1,\u00e9\n",
        "a,b\n1,2\x0b3,4\n",
        "a,b\n1,2\r3,4\n",
        "m,s\nkg,m\n1,2\n3,4\n5,6\n",
        "a b\n1 2\n3 4\n",
    ],
)
def test_whatever_is_to_be_looked_at_closely_is_left_to_the_careful_reader(text):
    assert plain_table(text.encode(), "t.csv", None) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=8))
def test_numbers_of_a_whole_column_are_those_of_its_fields(cells):
    texts = [cell.strip() for cell in cells]
    found = TextColumn(pl.Series(texts, dtype=pl.String)).numbers()
    if found is not None:
        wanted, faults = parse(texts, times=True)
        assert not faults
        np.testing.assert_array_equal(found, wanted)


def test_a_column_counts_compares_and_numbers_its_texts():
    column = TextColumn(pl.Series(["b", "a", "b", "", "a"]))
    numbers, names = column.codes()
    assert (numbers.tolist(), names) == ([0, 1, 0, 2, 1], ["b", "a", ""])
    assert column.count("b") == 2
    assert column.count(lambda text: not text) == 1
    assert column.differ(np.array([0, 1]), np.array([2, 3])).tolist() == [False, True]
    assert column.at(np.array([3, 1])) == ["", "a"]
    assert (column[1], column[1:3].texts, len(column), list(column)) == ("a", ["a", "b"], 5, ["b", "a", "b", "", "a"])
