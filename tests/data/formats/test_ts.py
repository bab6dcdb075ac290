"""The .ts reader: what it reads, and what it says about what it cannot read."""

import gzip
import lzma

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from attentive_rnn.data import load
from attentive_rnn.data.formats.ts import TS, parse
from attentive_rnn.errors import ConfigError, DataError
from data.writers import ts_text

NAMES = ("up", "down", "3.0")
GOOD = ts_text([[[1, 2], [3, 4], [5, 6]], [[7, 8]]], ["up", "down"], NAMES)
FIRST = 10  # the number of the first line of data of what ts_text writes
PACK = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


@st.composite
def problems(draw):
    dimensions = draw(st.integers(1, 4))
    values = st.floats(width=32, allow_nan=False, allow_infinity=False)
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    cases = [draw(hnp.arrays(np.float32, (t, dimensions), elements=values)) for t in lengths]
    labels = draw(st.none() | st.lists(st.sampled_from(NAMES), min_size=len(cases), max_size=len(cases)))
    return cases, labels


@given(problems(), st.sampled_from(sorted(PACK)), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_is_read_back_exactly(problem, suffix, newline):
    cases, labels = problem
    text = ts_text(cases, labels, NAMES).replace("\n", newline)
    content = parse(PACK[suffix](text.encode()), f"Made_TRAIN.ts{suffix}")
    assert content.problem == "Made"
    assert content.classes == (() if labels is None else NAMES)
    assert content.labels == [-1 if labels is None else NAMES.index(name) for name in labels or cases]
    for read, written in zip(content.cases, cases, strict=True):
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, written)


def test_a_header_may_leave_out_what_the_data_show():
    content = parse(b"@CLASSLABEL true a b\n@Data\n1,2:3,4:a\n\n% note\n5:6:?\n", "x.ts")
    assert content.dimensions == 2
    assert content.labels == [0, -1]


ERRORS = {
    "empty file": ("", "x.ts: is empty"),
    "blank file": (" \n\n", "x.ts: is empty"),
    "no data line": ("@problemName X\n@classLabel true a\n", "there is no @data line"),
    "not a header": ("hello\n", "line 1: expected a header line .* got 'hello'"),
    "data without header": ("# a\n1,2,3:4,5,6:a\n", "line 2: expected a header line"),
    "no class label": (ts_text([[[1]]], classLabel=None), "line 8: the header has no @classLabel"),
    "class label flag": (ts_text([[[1]]], classLabel="yes"), "line 8: @classLabel must be"),
    "class label without names": (ts_text([[[1]]], classLabel="true"), "line 8: @classLabel true must be followed"),
    "class named twice": (ts_text([[[1]]], ["a"], ("a", "a")), "line 8: @classLabel names a class twice"),
    "time stamps": (ts_text([[[1]]], timeStamps="true"), f"line {FIRST}: dimension 1 is not .time,value."),
    "no target": (ts_text([[[1]]], targetLabel="true"), "0 dimensions, expected 1"),
    "a flag that is none": (ts_text([[[1]]], equalLength="maybe"), "line 7: @equallength must be true or false"),
    "dimensions in words": (ts_text([[[1]]], dimensions="six"), "line 6: @dimensions must be a positive"),
    "no dimension": (ts_text([[[1]]], dimensions="0"), "line 6: @dimensions must be a positive"),
    "univariate with two dimensions": (ts_text([[[1, 2]]], univariate="true"), "line 5: @univariate true, but"),
    "key given twice": ("@dimensions 1\n@Dimensions 2\n", "line 2: @dimensions is given twice, first in line 1"),
    "no sequence": (GOOD[: GOOD.index("@data") + 6], "no sequence after @data"),
    "too few dimensions": (ts_text([[[1, 2]]], dimensions=3), f"line {FIRST}: 2 dimensions, expected 3"),
    "too many dimensions": (GOOD + "1:2:3:up\n", f"line {FIRST + 2}: 3 dimensions, expected 2"),
    "unknown class": (GOOD + "1:2:left\n", f"line {FIRST + 2}: the class label 'left'"),
    "line cut in its label": (GOOD[:-2], f"line {FIRST + 1}: the class label 'dow'"),
    "line cut in a value": (GOOD[: GOOD.index(",6")], f"line {FIRST}: .*class label"),
    "ragged dimensions": (GOOD + "1,2:3:up\n", "dimension 2 has 1 value and dimension 1 has 2"),
    "not a number": (GOOD + "1:x2:up\n", f"line {FIRST + 2}: value 1 of dimension 2 is 'x2', not a number"),
    "digits in groups": (GOOD + "1:1_000:up\n", "value 1 of dimension 2 is '1_000', not a number"),
    "empty value": (GOOD + "1,2:3,:up\n", "value 2 of dimension 2 is empty"),
    "infinite": (GOOD + "1:-inf:up\n", "value 1 of dimension 2 is infinite or too large"),
    "too large": (GOOD + "1,1:1,1e39:up\n", "value 2 of dimension 2 is infinite or too large"),
    "missing": (GOOD + "1,2:3,?:up\n", "value 2 of dimension 2 is missing; load with --option missing="),
    "missing as NaN": (GOOD + "1,NaN:3,4:up\n", "value 2 of dimension 1 is missing"),
    "wrong length": (
        ts_text([[[1], [2]]], equalLength="true", seriesLength=3),
        f"line {FIRST + 1}: 2 values a dimension, but @seriesLength is 3",
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused_with_its_line_and_field(kind):
    text, message = ERRORS[kind]
    with pytest.raises(DataError, match=message) as caught:
        parse(text.encode(), "x.ts")
    assert str(caught.value).startswith("x.ts")
    assert "\n" not in str(caught.value)


def test_binary_junk_is_refused_with_its_line():
    with pytest.raises(DataError, match=r"x.ts, line 2: is not text in UTF-8"):
        parse(b"# fine\n\xff\xfe\x00", "x.ts")


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_truncated_or_wrongly_named_archive_is_refused(suffix):
    packed = PACK[suffix](GOOD.encode())
    for data in (packed[:-9], GOOD.encode(), b"", packed[:20] + b"junk" + packed[24:]):
        with pytest.raises(DataError, match=f"x.ts{suffix}: is (truncated|empty)"):
            parse(data, f"x.ts{suffix}")


GAPS = GOOD + "?,1,?,3,?:0,0,0,0,0:up\n"


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("zero", [0, 1, 0, 3, 0]), ("interpolate", [1, 1, 2, 3, 3]), ("keep", [np.nan, 1, np.nan, 3, np.nan])],
)
def test_missing_values_are_filled_as_asked(missing, expected):
    np.testing.assert_array_equal(parse(GAPS.encode(), "x.ts", missing).cases[2][:, 0], np.float32(expected))


def test_a_dimension_without_any_value_cannot_be_interpolated():
    with pytest.raises(DataError, match=f"line {FIRST + 2}: value 1 of dimension 2, like all others of"):
        parse((GOOD + "1,2:?,?:up\n").encode(), "x.ts", "interpolate")


def test_an_unknown_way_to_fill_is_refused():
    with pytest.raises(ConfigError, match="missing must be one of"):
        parse(GOOD.encode(), "x.ts", "mean")


def read_or_refuse(data, where):
    """The only two outcomes allowed; anything else fails the test."""
    try:
        content, refusal = parse(data, where), ""
    except DataError as error:
        content, refusal = None, str(error)
    if content is None:
        assert refusal.startswith(where)
        return
    assert content.cases
    for case in content.cases:
        assert np.isfinite(case).all()
        assert case.shape[1] == content.dimensions
    assert all(-1 <= label < len(content.classes) for label in content.labels)


@given(st.data(), st.sampled_from(sorted(PACK)))
def test_corrupted_bytes_are_read_or_refused(data, suffix):
    packed = bytearray(PACK[suffix](GOOD.encode()))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(packed) - 1))
        kind = data.draw(st.sampled_from(["change", "delete", "insert", "cut"]))
        if kind == "change":
            packed[at] = data.draw(st.integers(0, 255))
        elif kind == "delete":
            del packed[at : at + data.draw(st.integers(1, 20))]
        elif kind == "insert":
            packed[at:at] = data.draw(st.binary(max_size=8))
        else:
            del packed[at:]
        if not packed:
            break
    read_or_refuse(bytes(packed), f"x.ts{suffix}")


LINES = GOOD.split("\n")
PIECES = st.sampled_from(
    [":", ",", "?", "nan", "inf", "1e999", "-", "@", "@data", "#", " ", "\x00", "\u2028", "٣", "up"]
)


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=20) | st.lists(PIECES, max_size=6).map("".join), max_size=14))
@example(["@classLabel false", "@data", ""])
@example(["@classLabel true up", "@data", ":up"])
@example(["@classLabel true up", "@data", "up"])
def test_shuffled_and_invented_lines_are_read_or_refused(lines):
    read_or_refuse("\n".join(lines).encode(), "x.ts")


@given(st.binary(max_size=300), st.sampled_from(sorted(PACK)))
def test_random_bytes_are_read_or_refused(data, suffix):
    read_or_refuse(data, f"x.ts{suffix}")


HEAD = "@problemName Made\n@timeStamps {stamps}\n@univariate false\n@dimensions 2\n@equalLength false\n"


def put(tmp_path, head, *lines, name="Made_TRAIN.ts"):
    path = tmp_path / name
    path.write_text(head + "@data\n" + "".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    "times", [("0", "1", "2"), ("2016-01-01 00:00:00", "2016-01-01 00:00:01", "2016-01-01 00:00:02")]
)
def test_values_with_times_are_read_in_their_order(tmp_path, times):
    x, y = ([f"({t},{v})" for t, v in zip(times, values, strict=True)] for values in ((1, 2, 3), (4, 5, "?")))
    head = HEAD.format(stamps="true") + "@classLabel true a b\n"
    data = TS.read(put(tmp_path, head, f"{','.join(x)}:{','.join(y)}:b"), missing="interpolate")
    assert data[0].sequence.tolist() == [[1, 4], [2, 5], [3, 5]]
    assert data.labels.tolist() == [1]
    assert data.notes == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("(0,1),(1,2):(0,1),(2,2):a", "dimension 2 has other times than dimension 1"),
        ("(1,1),(0,2):(1,1),(0,2):a", "time 2 is not after the one before"),
        ("(0,1),(x,2):(0,1),(x,2):a", "time 2 is 'x', not a number"),
        ("1,2:3,4:a", "is not .time,value."),
    ],
)
def test_times_that_give_no_order_are_refused(tmp_path, line, message):
    with pytest.raises(DataError, match=rf"Made_TRAIN.ts, line 8: .*{message}"):
        TS.read(put(tmp_path, HEAD.format(stamps="true") + "@classLabel true a\n", line))


def test_times_that_are_not_evenly_spaced_are_said(tmp_path):
    head = HEAD.format(stamps="true") + "@classLabel true a\n"
    data = TS.read(put(tmp_path, head, "(0,1),(1,2),(5,3):(0,1),(1,2),(5,3):a"))
    assert "times are not evenly spaced" in data.notes[0]


def test_targets_are_numbers_to_predict(tmp_path):
    head = HEAD.format(stamps="false") + "@targetLabel true\n"
    path = put(tmp_path, head, "1,2:3,4:0.25", "5:6:-7.5")
    put(tmp_path, head, "1:3:0.5", name="Made_TEST.ts")
    train, test = load("uea", path)
    assert train.schema.target == "number"
    assert train.labels.tolist() == [0.25, -7.5]
    assert test.labels.tolist() == [0.5]
    with pytest.raises(DataError, match=r"line 8: the target .* is 'up', not a number"):
        TS.read(put(tmp_path, head, "1:2:up"))
    with pytest.raises(DataError, match="a sequence has a target or a class"):
        TS.read(put(tmp_path, head + "@classLabel true a\n", "1:2:a"))


def test_a_name_given_twice_is_said_and_classes_given_twice_are_refused(tmp_path):
    head = HEAD.format(stamps="false") + "@classLabel true a\n"
    data = TS.read(put(tmp_path, "@problemName Other\n" + head, "1:2:a"))
    assert data.name == "Made"
    assert "line 2: @problemname is given twice" in data.notes[0]
    with pytest.raises(DataError, match="line 7: @classlabel is given twice, first in line 6"):
        TS.read(put(tmp_path, head + "@classLabel true b\n", "1:2:a"))
