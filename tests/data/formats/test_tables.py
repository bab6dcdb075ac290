import contextlib
import gzip
import math

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import Schema, from_frame, load, read_sequences, validation_split
from attentive_rnn.data.formats import parquet, tables
from attentive_rnn.errors import ConfigError, DataError
from data.damage import damaged, read_or_refused
from data.generic import assert_same, made

RNG = np.random.default_rng(0)

GOOD = """ID,Frame,ax,ay,Class,subject,note
r2,1,0.5,1,walk,7,x y
r2,0,0.25,-1e3,walk,7,x y
r1,0,3,4,run,8,z
r1,1,5,6,run,8,z
"""


def write(tmp_path, text, name="set.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_usual_names_are_recognised_and_rows_are_sorted_by_time(tmp_path):
    data = read_sequences(write(tmp_path, GOOD))
    assert data.schema.features == ("ax", "ay")
    assert data.schema.classes == ("run", "walk")
    assert data.labels.tolist() == [1, 0]
    assert data[0].sequence.tolist() == [[0.25, -1000], [0.5, 1]]
    assert data.metas == [
        {"name": "r2", "subject": 7, "note": "x y"},
        {"name": "r1", "subject": 8, "note": "z"},
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_quotes_compression_and_a_byte_order_mark_are_read(tmp_path, separator):
    text = "\ufeff" + GOOD.replace(",", separator).replace("walk", '"walk"')
    for path in (write(tmp_path, text), write(tmp_path, gzip.compress(text.encode()), "set.csv.gz")):
        assert read_sequences(path).schema.classes == ("run", "walk")


def test_columns_can_be_named(tmp_path):
    text = GOOD.replace("ID", "recording").replace("Class", "what")
    data = tables.read(write(tmp_path, text), sequence="recording", label="what", features=["ay", "ax"])
    assert data.schema.features == ("ay", "ax")
    assert data[1].sequence.tolist() == [[4, 3], [6, 5]]
    with pytest.raises(ConfigError, match=r"there is no column 'who' \(given as subject\); there are recording, Frame"):
        tables.read(tmp_path / "set.csv", subject="who")


def test_a_table_without_sequences_is_one_to_predict_but_none_to_train_with(tmp_path):
    path = write(tmp_path, "1 2\n3 4\n# done\n5 6\n", "one.csv")
    assert read_sequences(path)[0].sequence.tolist() == [[1, 2], [3, 4], [5, 6]]
    with pytest.raises(DataError, match="holds one sequence; say which column"):
        load("table", path)


def test_labels_that_are_numbers_are_in_their_order_and_empty_ones_are_none(tmp_path):
    data = tables.read(write(tmp_path, "id,label,x\n1,10,0\n2,9,0\n3,,0\n"))
    assert (data.schema.classes, data.labels.tolist()) == (("9", "10"), [1, 0, -1])


def test_a_split_column_makes_the_parts(tmp_path):
    path = write(tmp_path, "id,label,x,split\n1,a,0,train\n2,b,0,test\n3,b,1,train\n")
    train, test = load("table", path)
    assert [m["name"] for m in train.metas] == ["1", "3"]
    assert test.labels.tolist() == [1]


def test_missing_values_are_refused_with_their_line_or_filled(tmp_path):
    path = write(tmp_path, "id,x\n1,0\n1,NA\n1,2\n")
    with pytest.raises(DataError, match=r"set.csv, line 3: x is missing; load with --option missing="):
        tables.read(path)
    assert tables.read(path, missing="interpolate")[0].sequence.flatten().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "set.csv: is empty"),
        ("id,x\n", "has names in line 1, but no values"),
        ("id,x\n1,2\n1\n", "line 3: 1 field, but line 1 has 2"),
        ("id,x,x\n1,2,3\n", "line 1: two columns have the name 'x'; rename one"),
        ("id,label,x\n1,a,2\n1,b,3\n", "line 3: label changes from 'a' to 'b' within a sequence"),
        ("id,time,x\n1,0,2\n1,0,3\n", "line 3: time 0 is there twice in one sequence, first in line 2"),
        ("recording,time,x\n1,0,2\n2,0,3\n", r"tells the sequences apart\? --option sequence=recording"),
        ("machine,time,x\n1,0,2\n2,0,3\n", r"tells the sequences apart\? --option sequence=NAME"),
        ("id,time,x\n1,,2\n", "line 2: time is missing"),
        ("id,time,x\n1,soon,2\n", "line 2: time is 'soon', not a number"),
        ("id,x\n,2\n1,2\n", "line 2: id is empty"),
        ("id,label\n1,a\n", "no column of numbers is left"),
        ("id,x\n1,1e99\n", "line 2: x is infinite or too large"),
        ("id,note,x\n1,a,2\n1,b,3\n", "line 3: note changes"),
        (b"id,x\n1,\xff\n", "line 2: is not text in UTF-8"),
        ('id,x\n1,"2\n', "set.csv, line 2"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        tables.read(write(tmp_path, text))


def test_two_columns_for_one_role_are_asked_about(tmp_path):
    with pytest.raises(ConfigError, match="'label' and 'class' could both be the label"):
        tables.read(write(tmp_path, "id,label,class,x\n1,a,b,2\n"))


@given(st.text(alphabet='0123456789.,;-e"\n# abxNA?\t', max_size=80))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = write(tmp_path_factory.mktemp("text"), text)
    with contextlib.suppress(DataError, ConfigError):
        assert len(tables.read(path)) > 0


@pytest.mark.parametrize("name", ["set.csv", "set.parquet"])
def test_damaged_files_are_read_or_refused(tmp_path, name):
    data = GOOD.encode() if name.endswith("csv") else parquet.to_bytes(made(counts=(3, 2)))
    path = write(tmp_path, data, name)
    assert read_or_refused(tables.read, path, damaged(data, 2000)) < 1900


ROWS = [("a", 0.5, 2), ("a", 1.5, 1), ("b", 0.25, 7), ("b", 2.5, 5)] * 3


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__", "index", "Row", "anything"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_numbers_the_rows_is_no_feature(tmp_path, name, first):
    lines = [f"{i},{s},{s},{x},{y}" for i, (s, x, y) in enumerate(sorted(ROWS), first)]
    path = write(tmp_path, "\n".join([f"{name},sequence,label,x,y", *lines]))
    data = tables.read(path)
    assert data.schema.features == ("x", "y")
    (note,) = data.notes
    assert "numbers the rows and was left out" in note
    assert tables.read(path, features=[name, "x"]).schema.features == (name, "x")


def test_a_pandas_index_in_a_parquet_file_is_no_feature(tmp_path):
    columns = {"sequence": [0, 0, 1, 1], "label": ["a", "a", "b", "b"], "x": [1.5, 2, 3, 4]}
    pq.write_table(pa.table({**columns, "__index_level_0__": [7, 3, 5, 4]}), tmp_path / "set.parquet")
    data = tables.read(tmp_path / "set.parquet")
    assert data.schema.features == ("x",)
    assert len(data.notes) == 1


def test_a_column_with_a_name_and_values_of_its_own_stays_a_feature(tmp_path):
    text = "sequence,label,count,x\n0,a,0,1\n0,a,1,2\n1,b,0,3\n1,b,1,9\n"
    assert tables.read(write(tmp_path, text)).schema.features == ("count", "x")


@pytest.mark.parametrize("word", ["", "?", "NA", "N/A", "nan", "NaN", "None", "none", "null", "NULL", "<NA>"])
def test_every_word_for_no_value_is_no_label(tmp_path, word):
    path = write(tmp_path, f"sequence,label,x\n0,a,1\n1,{word},2\n2,b,3\n")
    data = tables.read(path)
    assert data.schema.classes == ("a", "b")
    assert data.labels.tolist() == [0, -1, 1]


def test_labels_with_fractions_can_be_read_in_two_ways_and_the_option_decides(tmp_path):
    path = write(tmp_path, "sequence,label,x\n0,0.5,1\n1,1.25,2\n2,NaN,3\n")
    with pytest.raises(DataError, match=r"line 2: the label '0.5' is no whole number; .*target=number .*target=class"):
        tables.read(path)
    data = tables.read(path, target="number")
    assert data.schema.target == "number"
    assert data.labels[:2].tolist() == [0.5, 1.25]
    assert data.labelled.tolist() == [True, True, False]
    assert tables.read(path, target="class").schema.classes == ("0.5", "1.25")
    with pytest.raises(ConfigError, match=r"target must be one of class, number.*--option label=COLUMN"):
        tables.read(path, target="both")


def test_a_split_column_gives_three_parts(tmp_path):
    rows = [
        f"{i},{label},{part},{i}"
        for i, (label, part) in enumerate(zip("abab" * 3, ["train", "dev", "test"] * 4, strict=True))
    ]
    splits = load("table", write(tmp_path, "\n".join(["id,label,split,x", *rows])))
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 4, "valid": 4, "test": 4}
    assert not any("split" in meta for meta in splits.train.metas)


def test_times_order_the_frames_and_are_no_features(tmp_path):
    text = "sequence,time,taken,label,x,touch\n0,2024-01-01 00:00:02,2023-05-01,a,2.5,True\n"
    text += "0,2024-01-01 00:00:01.5,2023-05-02,a,1.5,False\n"
    data = tables.read(write(tmp_path, text))
    assert data.schema.features == ("x", "touch")
    assert data[0].sequence.tolist() == [[1.5, 0], [2.5, 1]]
    (note,) = data.notes
    assert "the column 'taken' holds times and was left out" in note


def test_moments_in_a_parquet_file_are_no_features(tmp_path):
    moments = pa.array([2, 1, 3], pa.timestamp("ms"))
    pq.write_table(pa.table({"when": moments, "label": ["a"] * 3, "x": [2.5, 1.5, 3.5]}), tmp_path / "set.parquet")
    data = tables.read(tmp_path / "set.parquet")
    assert data.schema.features == ("x",)
    assert "the column 'when' holds times" in data.notes[0]
    assert tables.read(tmp_path / "set.parquet", time="when")[0].sequence.flatten().tolist() == [1.5, 2.5, 3.5]


def test_one_bad_cell_is_named_with_its_line_and_column(tmp_path):
    rows = [f"{i // 4},{i // 4},{i}.5,{'ERR' if i == 6 else i / 4}" for i in range(12)]
    with pytest.raises(DataError, match=r"set.csv, line 8: y is 'ERR', not a number; leave the cell empty"):
        tables.read(write(tmp_path, "\n".join(["sequence,label,x,y", *rows])))


def test_columns_that_are_not_among_the_given_features_are_left_out_with_a_note(tmp_path):
    path = write(tmp_path, "sequence,label,x,remark\n0,a,1.5,hm\n0,a,2.5,good\n")
    with pytest.raises(DataError, match="remark changes from 'hm' to 'good'"):
        tables.read(path)
    assert "the column 'remark' is not among the features" in tables.read(path, features=["x"]).notes[0]


def test_decimal_commas_between_semicolons_are_read(tmp_path):
    data = tables.read(write(tmp_path, "sequence;label;x\n0;a;0,5\n0;a;-1,25\n"))
    assert data[0].sequence.flatten().tolist() == [0.5, -1.25]


class Frame:
    """What pandas' and polars' frames offer, and no more."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def in_memory():
    ids = np.repeat(np.arange(8), 3)
    return {
        "id": ids.tolist(),
        "frame": [0, 1, 2] * 8,
        "label": [["up", "down"][i % 2] for i in ids],
        "subject": (ids % 4).tolist(),
        "x": RNG.normal(size=24).tolist(),
        "y": RNG.normal(size=24).tolist(),
    }


@pytest.mark.parametrize("form", [pa.table, dict, lambda values: Frame(pa.table(values))])
def test_a_table_in_memory_is_read_as_one_in_a_file(tmp_path, form):
    values = in_memory()
    pyarrow.csv.write_csv(pa.table(values), tmp_path / "frame.csv")
    data = from_frame(form(values))
    assert_same(data, tables.read(tmp_path / "frame.csv"))
    train, valid = validation_split(data, 0.25, seed=0)
    wanted = load("table", tmp_path / "frame.csv")
    assert (len(train), len(valid)) == (len(wanted.train), len(wanted.test))


def test_options_are_those_of_the_reader():
    values = in_memory() | {"who": in_memory()["id"]}
    data = from_frame(values, sequence="id", features=["y"], label="who", name="mine")
    assert (data.name, data.schema.features, len(data.schema.classes)) == ("mine", ("y",), 8)
    with pytest.raises(ConfigError, match="mine: there is no column 'z'"):
        from_frame(values, features=["z"], name="mine")


def test_texts_of_polars_and_categories_of_pandas():
    values = pa.table(in_memory())
    place = values.column_names.index("label")
    for kind in (pa.string_view(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        label = values.column("label").cast(kind)
        assert from_frame(values.set_column(place, "label", label)).schema.classes == ("down", "up")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (3, "int is not a table of numbers and texts"),
        ({"a": [1, 2], "b": [1]}, "dict is not a table"),
        ({"a": [b"1"]}, "the column 'a' holds binary"),
        ({"x": pa.array([], pa.float64())}, "has no rows"),
        ({"id": [1, 1], "x": [1.0, None]}, "frame, row 2: x is missing"),
    ],
)
def test_what_is_no_table_is_refused(frame, message):
    with pytest.raises(DataError, match=message):
        from_frame(frame)


def test_a_number_that_is_missing_in_all_rows_of_a_sequence_is_no_label():
    table = {"sequence": [0, 0, 1, 1, 2, 2], "x": [1.0, 2, 3, 4, 5, 6], "label": [np.nan, np.nan, 1, 1, 2, 2]}
    data = from_frame(table, target="class")
    assert data.labels.tolist() == [-1, 0, 1]


def table(names, *columns, rows=24):
    """A table of eight recordings of three rows, half of them of class a, with columns by functions of the row."""
    values = ([column(i) for column in columns] for i in range(rows))
    lines = [[i // 3, "ab"[i // 12], f"{math.sin(i):.3f}", *own] for i, own in enumerate(values)]
    return "\n".join([f"sequence,label,x,{names}", *(",".join(map(str, line)) for line in lines)])


@pytest.mark.parametrize(
    ("name", "value", "use"),
    [
        ("index", lambda i: 7 * i + i % 3, "left out"),
        ("level_0", lambda i: 2 * i, "left out"),
        ("Unnamed: 0", lambda i: 2 * i, "left out"),
        ("id", lambda i: 100 + 5 * i, "left out"),
        ("row_id", lambda i: (i * 7) % 24, "left out"),
        ("label_id", lambda i: i // 12, "fact"),
        ("classCode", lambda i: 5 - i // 12, "fact"),
        ("trial", lambda i: i // 3 + 1, "fact"),
        ("timestamp_ms", lambda i: 1700000000000 + 33 * i, "left out"),
        ("Time (s)", lambda i: i % 3 / 30, "left out"),
        ("epoch", lambda i: 1700000000 + i // 3, "fact"),
    ],
)
def test_a_column_that_numbers_or_times_by_its_name_and_its_values_is_no_feature(tmp_path, name, value, use):
    path = write(tmp_path, table(name, value))
    data = tables.read(path)
    assert data.schema.features == ("x",)
    assert {column: taken for column, taken, _ in data.columns}[name] == use
    (note,) = data.notes
    assert repr(name) in note
    assert f"--option keep=[{name}] takes it" in note
    assert tables.read(path, keep=[name]).schema.features == ("x", name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code", lambda i: i % 5),
        ("number", lambda i: 0.5 * i),
        ("frame_x", lambda i: i * i),
        ("target_y", lambda i: i // 3),
        ("time", lambda i: [0, 2, 1][i % 3]),
        ("height", lambda i: 170 + i // 3),
        ("x1", lambda i: 3 * i),
    ],
)
def test_a_column_that_only_the_name_or_only_the_values_speak_against_is_a_feature(tmp_path, name, value):
    data = tables.read(write(tmp_path, table(f"{name},taken", value, lambda i: i % 3)), time="taken")
    assert data.schema.features == ("x", name)
    assert data.notes == ()


def test_an_id_of_each_row_gives_way_to_the_column_of_the_sequences(tmp_path):
    data = tables.read(write(tmp_path, table("id", lambda i: i)))
    assert data.lengths.tolist() == [3] * 8
    assert data.schema.features == ("x",)
    rows = "\n".join(f"{i},a,{i / 3:.3f}" for i in range(12))
    assert (
        "each of the 12 rows is a sequence of its own" in tables.read(write(tmp_path, "id,label,x\n" + rows)).notes[0]
    )


def test_texts_that_stay_the_same_within_each_sequence_are_facts_with_a_note(tmp_path):
    path = write(tmp_path, table("remark,place", lambda i: "good" if i < 6 else "bad", lambda i: f"room {i // 12}"))
    data = tables.read(path)
    assert [meta["remark"] for meta in data.metas] == ["good"] * 2 + ["bad"] * 6
    (note,) = data.notes
    assert "each of the columns 'remark', 'place' holds texts that stay the same within each sequence" in note
    with pytest.raises(DataError, match="line 2: remark is 'good', not a number"):
        tables.read(path, keep=["remark"])


def test_numbers_with_three_decimals_after_a_comma_can_be_read_in_two_ways(tmp_path):
    rows = [f"{i // 3};{'ab'[i // 12]};{1 + i // 3},234;{math.sin(i):.3f}" for i in range(24)]
    path = write(tmp_path, "\n".join(["sequence;label;w;x", *rows]))
    for missing in ("refuse", "zero", "keep"):
        with pytest.raises(
            DataError, match=r"line 2: w is '1,234'.*decimal=comma reads 1.234, --option decimal=point reads 1234"
        ):
            tables.read(path, missing=missing)
    assert tables.read(path, decimal="comma")[0].sequence[0].tolist() == pytest.approx([1.234, 0])
    assert tables.read(path, decimal="point")[0].sequence[0].tolist() == [1234, 0]
    with pytest.raises(ConfigError, match="decimal must be one of point, comma"):
        tables.read(path, decimal=",")


def test_cells_that_are_no_numbers_are_dealt_with_as_missing_ones(tmp_path):
    rows = [f"{i // 4},a,{'ERR' if i in (5, 6) else i}.0".replace("ERR.0", "ERR") for i in range(12)]
    path = write(tmp_path, "\n".join(["sequence,label,x", *rows]))
    data = tables.read(path, missing="interpolate")
    assert data[1].sequence.flatten().tolist() == [4, 4 + 1, 4 + 2, 7]
    assert "line 7: x is 'ERR'; 2 cells of this column are no numbers and count as missing" in data.notes[0]
    assert tables.read(path, missing="zero")[1].sequence.flatten().tolist() == [4, 0, 0, 7]
    data = tables.read(path, missing="skip")
    assert [meta["name"] for meta in data.metas] == ["0", "2"]
    assert "1 of 3 sequences are left out (missing=skip); first: " in data.notes[0]
    assert [column.missing for column in data.columns] == [0, 0, 2]


@pytest.mark.parametrize("times", [["12/31/2024", "1/2/2025"], ["31.12.2024", "02.01.2025"], ["9:59 AM", "1:00 PM"]])
def test_dates_of_countries_order_the_frames(tmp_path, times):
    late, early = times[1], times[0]
    data = tables.read(write(tmp_path, f"sequence,time,label,x\n0,{late},a,2.5\n0,{early},a,1.5\n"))
    assert data[0].sequence.flatten().tolist() == [1.5, 2.5]


def test_yes_and_no_are_one_and_zero(tmp_path):
    data = tables.read(write(tmp_path, "sequence,label,x,touch\n0,a,2.5,yes\n0,a,1.5,No\n"))
    assert data[0].sequence.tolist() == [[2.5, 1], [1.5, 0]]


def test_a_separator_at_the_end_of_the_lines_makes_no_feature(tmp_path):
    for head in ("sequence,label,x,", "sequence,label,x"):
        data = tables.read(write(tmp_path, f"{head}\n0,a,1.5,\n0,a,2.5,\n1,b,3.5,\n"))
        assert data.schema.features == ("x",)
    assert "the last column has no name" in tables.read(write(tmp_path, "sequence,x,\n0,1.5,\n0,2.5,\n")).notes[0]
    data = tables.read(write(tmp_path, "0.5,1.5,\n0.25,2.5,\n"))
    assert data.schema.features == ("column 1", "column 2")
    assert "the column 'column 3' has no name and no values" in data.notes[0]


def test_a_number_of_rows_that_a_model_knows_as_a_feature_is_taken_at_use(tmp_path):
    schema = Schema(("a", "b"), (2,), features=("x", "index"))
    path = write(tmp_path, table("index", lambda i: i))
    assert read_sequences(path).schema.features == ("x",)
    assert read_sequences(path, schema).sequences[0][:, 1].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="missing z"):
        read_sequences(path, Schema(("a", "b"), (2,), features=("x", "z")))


def test_two_columns_of_the_time_that_order_alike_are_no_question(tmp_path):
    text = "id,frame,timestamp,label,x\n0,1,60,a,2.5\n0,0,30,a,1.5\n1,0,7,b,3.5\n"
    data = tables.read(write(tmp_path, text))
    assert data[0].sequence.flatten().tolist() == [1.5, 2.5]
    assert data.schema.features == ("x",)
    with pytest.raises(
        ConfigError, match="'frame' and 'timestamp' could both be the time; say which with --option time="
    ):
        tables.read(write(tmp_path, text.replace("30", "90")))


def test_a_number_with_a_unit_is_named(tmp_path):
    with pytest.raises(DataError, match=r"line 2: x is '5%', not a number; write the number alone, without a unit"):
        tables.read(write(tmp_path, "id,label,x,y\n0,a,5%,1.5\n0,a,6%,2.5\n"))
