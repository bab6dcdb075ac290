import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data.io.text import parse_rows, parse_table
from attentive_rnn.errors import DataError

floats = st.floats(-1e30, 1e30)


@given(st.lists(st.tuples(floats, floats, floats), min_size=1), st.sampled_from([" ", ";"]))
def test_written_numbers_are_read_again(rows, separator):
    text = "\n".join(separator.join(map(repr, row)) for row in rows)
    values = parse_rows(text.encode(), "here", 3, None if separator == " " else separator)
    np.testing.assert_array_equal(values, rows)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    try:
        values = parse_rows(data, "here", 2)
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert values.shape[1] == 2
        assert np.isfinite(values).all()
    assert not refusal or refusal.startswith("here")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"1 2\n\n1\n", "line 3: has 1 number,"),
        (b"1 2\n1 x\n", "line 2: 'x' is not a finite number"),
        (b"1 2\n1 nan\n", "line 2: 'nan' is not a finite number"),
        (b"1 2\n1 1e39\n", "line 2: '1e39' is not a finite number"),
        (b"1 2\n1 \xe9\n", "line 2: is not text"),
    ],
)
def test_a_fault_is_named_with_its_line(data, message):
    with pytest.raises(DataError, match=f"here.*{message}"):
        parse_rows(data, "here", 2)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_line_of_separators_is_a_row_without_values_and_an_empty_line_is_none(separator):
    text = "x,y\n,\n1,2\n\n   \n3,4\n,\n".replace(",", separator)
    table = parse_table(text.encode(), "here")
    assert table.rows == [["", ""], ["1", "2"], ["3", "4"], ["", ""]]
    assert table.lines == [2, 3, 6, 7]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0,1\n0.5,2\n", ("0", "1")),
        (",0,1\n0,0.5,2\n", ("", "0", "1")),
        ("1,2\n0.5,2.5\n", ("1", "2")),
        ("0\n0.5\n-1.5\n", ("0",)),
        ("2,1,0\n0.5,2.5,1.5\n", ("2", "1", "0")),
        ("0,1,2\n5,6,7\n", ("0", "1", "2")),
        ("1,2\n3,4\n", None),
        ("2,1,0\n5,6,7\n", None),
        ("7,7\n0.5,0.5\n", None),
        ("0\n1\n2\n", None),
        ("0,1\n", None),
        ("0,2\n3,4\n", None),
    ],
)
def test_a_first_line_that_counts_the_columns_has_their_names(text, names):
    table = parse_table(text.encode(), "here")
    assert (table.names, table.numbered) == (names, names is not None)
    assert parse_table(text.encode(), "here", header=False).names is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encodings_of_spreadsheets_are_read(encoding):
    table = parse_table("x\tgröße\t右\n1\t2\t3\n".encode(encoding), "here")
    assert (table.names, table.rows) == (("x", "größe", "右"), [["1", "2", "3"]])


def test_a_text_in_another_encoding_is_named():
    with pytest.raises(DataError, match=r"here.*save it as UTF-8"):
        parse_table("x,y\n1,2\n".encode("utf-32-le"), "here")
    with pytest.raises(DataError, match="here: begins as a text in UTF-16, but is damaged"):
        parse_table("x,y\n1,2\n".encode("utf-16-le")[:-1], "here")
    with pytest.raises(DataError, match="here, line 2: is not text in UTF-8"):
        parse_table("x,y\n\xe9,2\n".encode("latin-1"), "here")


def test_a_separator_is_told_by_numbers_with_decimal_commas_and_by_the_line_of_excel():
    assert parse_table(b"0,5;1,25;2\n1,5;2,25;3\n", "here").rows == [["0,5", "1,25", "2"], ["1,5", "2,25", "3"]]
    assert parse_table(b"sep=;\nx;y\n1,5;2\n", "here").rows == [["1,5", "2"]]
    with pytest.raises(DataError, match="line 2: 3 fields, but line 1 has 2; if commas are decimal commas"):
        parse_table(b"x,y\n1,5,2\n", "here")


def test_a_first_line_of_values_and_texts_can_be_read_in_two_ways():
    text = b"0,walk,0.25\n0,walk,0.5\n"
    with pytest.raises(DataError, match=r"line 1: holds '0.25', a value, .* header=true .* header=false"):
        parse_table(text, "here")
    assert len(parse_table(text, "here", header=False).rows) == 2
    assert parse_table(text, "here", header=True).names == ("0", "walk", "0.25")


@pytest.mark.parametrize("text", ["10,11,12\n0.5,1.5,2.5\n", "0.0,1.0\n0.5,1.5\n", "0,1\n1,0\n1,1\n", "5,3\n.5,1.25\n"])
def test_a_first_line_of_whole_numbers_unlike_the_rest_is_unclear(text):
    table = parse_table(text.encode(), "here")
    assert table.names is None
    assert "--option header=true takes the line for names, --option header=false for values" in table.unclear
    for header in (True, False):
        assert not parse_table(text.encode(), "here", header).unclear


def test_columns_without_name_and_value_at_the_end_are_cut():
    table = parse_table(b"x,y,,\n1,2,,\n3,,,\n", "here")
    assert table.names == ("x", "y")
    assert table.rows == [["1", "2"], ["3", ""]]
    assert "the last 2 columns have no name" in table.notes[0]


@pytest.mark.parametrize("second", ["-,-,m/s2,deg", ",,x,y", "id,name,m/s2,"])
def test_a_row_of_units_or_further_names_is_no_frame(second):
    text = f"id,label,ax,ay\n{second}\n1,a,0.5,1\n1,a,0.25,2\n2,b,0.5,3\n"
    with pytest.raises(DataError, match=r"here, line 2: '.*' seems to hold units or further names, .* delete the line"):
        parse_table(text.encode(), "here")
    assert len(parse_table(text.encode(), "here", header=True).rows) == 4


@pytest.mark.parametrize("first", ["1,a,ERR,1", "1,a,,", "1,a,?,ERR"])
def test_a_first_frame_with_a_fault_is_no_row_of_units(first):
    text = f"id,label,ax,ay\n{first}\n1,a,0.25,2\n2,b,0.5,3\n2,b,0.5,3\n"
    assert len(parse_table(text.encode(), "here").rows) == 4


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_quotes_around_the_only_field_of_a_line_are_no_part_of_it(ends):
    table = parse_table(ends.join(['"x"', '""', '"0.5"', "", "1.5", '""', ""]).encode(), "a.csv")
    assert (table.names, table.rows, table.lines) == (("x",), [[""], ["0.5"], ["1.5"], [""]], [2, 3, 5, 6])
