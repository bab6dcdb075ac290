"""Names and values of columns that are no features."""

import numpy as np
import pytest

from attentive_rnn.data import load, read_sequences
from attentive_rnn.data.formats.columns import Columns
from attentive_rnn.data.formats.long.roles import Left, Rows, divide, find_roles, left_notes, says
from attentive_rnn.errors import ConfigError, DataError


def columns(**values):
    rows = len(next(iter(values.values())))
    return Columns("set.csv", "line", range(2, rows + 2), {key: list(map(str, v)) for key, v in values.items()})


def three_by_two():
    return Rows(np.arange(6), np.array([0, 2, 4]))


@pytest.mark.parametrize(
    ("names", "meaning"),
    [
        (
            ("", "Unnamed: 0", "__index_level_0__", "level_0", "index", "ID", "rowId", "class_idx", "Trial No."),
            "number",
        ),
        (("time", "Timestamp [ms]", "t", "unixTime", "frame_number", "sample_time", "elapsed_s"), "time"),
        (("x", "x1", "target_x", "frame_width", "level", "heart_rate", "count", "acc_1", "noise"), "nothing"),
    ],
)
def test_what_a_name_says(names, meaning):
    assert [says(name) for name in names] == [meaning] * len(names)


def test_a_role_is_found_by_the_usual_names_or_given():
    table = columns(Label=["a"], who=["b"], person=["c"])
    assert find_roles(table, {"subject": None}) == {"label": "Label", "subject": "person"}
    assert find_roles(table, {"subject": "who"}) == {"subject": "who", "label": "Label"}
    with pytest.raises(ConfigError, match="could both be the label; say which with --option label=NAME"):
        find_roles(columns(label=["a"], gesture=["b"]), {"label": None})


def test_the_columns_of_a_frame_are_told_from_those_left_out():
    table = columns(x=[1, 2, 1, 5, 3, 1], trial=[4, 4, 2, 2, 9, 9], mood=list("aabbcc"))
    assert divide(table, {}, three_by_two()) == (
        ["x"],
        {
            "trial": Left("numbers the sequences, their classes or the like", "keep", True),
            "mood": Left("holds texts that stay the same within each sequence", "numbers", True),
        },
    )
    assert divide(table, {}, three_by_two(), keep=["trial"])[0] == ["x", "trial"]
    assert divide(table, {}, three_by_two(), features=["trial"])[0] == ["trial"]
    for wrong in ({"features": ["z"]}, {"keep": ["z"]}):
        with pytest.raises(ConfigError, match="there is no column 'z'"):
            divide(table, {}, three_by_two(), **wrong)
    with pytest.raises(DataError, match="no column of numbers is left for the features; there are mood"):
        divide(columns(mood=list("aabbcc")), {}, three_by_two())


def test_columns_left_out_for_one_reason_are_one_note():
    table = columns(a=[1], b=[2], c=[3])
    notes = left_notes(table, {"a": Left("is odd", "keep"), "b": Left("is even"), "c": Left("is odd", "keep")})
    assert notes == [
        "set.csv: each of the columns 'a', 'c' is odd and was left out of the features; --option keep=[a,c] takes them",
        "set.csv: the column 'b' is even and was left out of the features",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Nr;Wer;x\n7;A;1\n7;A;2\n8;A;1\n8;B;2\n9;B;1\n9;B;3\n", "Wer changes .* sequence=Nr; or name the features"),
        ("Nr;t;x\n7;0;1\n7;1;2\n8;0;1\n8;1;2\n", "t 0 is there twice .* sequence=Nr$"),
        ("Nr;class;x\n7;A;1\n7;A;2\n8;B;1\n8;B;2\n", "class changes .* sequence=Nr names the column that tells the"),
        ("Nr;x\n7;1\n7;2\n8;1\n8;2\n", "all 4 rows are one sequence.* is it 'Nr'"),
    ],
)
def test_the_column_that_may_tell_sequences_apart_is_named(tmp_path, text, said):
    path = tmp_path / "set.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        load("table", path)


def test_decimal_commas_of_a_column_tell_those_of_the_others(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("sequence;x;y\n1;-0,5;8,837\n1;0,6;10,123\n")
    np.testing.assert_allclose(read_sequences(path)[0].sequence, [[-0.5, 8.837], [0.6, 10.123]])


def test_a_column_without_a_name_whose_commas_have_two_readings_is_not_taken_for_empty(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("5;1,204\n6;1,530\n")
    with pytest.raises(DataError, match=r"--option decimal=comma reads 1\.204, --option decimal=point reads 1204"):
        read_sequences(path, missing="refuse")
    read = read_sequences(path, decimal="comma")[0].sequence.numpy()
    assert read == pytest.approx(np.array([[5, 1.204], [6, 1.53]]))
