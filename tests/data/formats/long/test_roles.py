"""Names and values of columns that are no features."""

import numpy as np
import pytest

from attentive_rnn.data import read_sequences
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


def test_a_column_without_a_name_whose_commas_have_two_readings_is_not_taken_for_empty(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("0,5;1,204\n0,6;1,530\n")
    with pytest.raises(DataError, match=r"--option decimal=comma reads 1\.204, --option decimal=point reads 1204"):
        read_sequences(path, missing="refuse")
    read = read_sequences(path, decimal="comma")[0].sequence.numpy()
    assert read == pytest.approx(np.array([[0.5, 1.204], [0.6, 1.53]]))
