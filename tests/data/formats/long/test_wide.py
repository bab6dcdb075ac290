import pytest

from attentive_rnn.data import load, read_sequences
from attentive_rnn.errors import DataError


def wide(tmp_path, text, **options):
    (tmp_path / "w.csv").write_text(text)
    return read_sequences(tmp_path / "w.csv", wide=True, **options)


def test_a_line_is_a_sequence_and_numbered_columns_are_its_frames_in_their_order(tmp_path):
    data = wide(tmp_path, "id,label,x_10,x_9,y[10],y[9]\n7,up,2,1,4,3\n8,down,6,5,8,7\n")
    assert data.schema.features == ("x", "y")
    assert [sequence.tolist() for sequence in data.sequences] == [[[1, 3], [2, 4]], [[5, 7], [6, 8]]]
    assert [data.schema.classes[i] for i in data.labels] == ["up", "down"]
    assert [meta["id"] for meta in data.metas] == [7, 8]


def test_empty_cells_end_a_sequence_and_are_missing_before_its_end(tmp_path):
    data = wide(tmp_path, "label,t0,t1,t2\na,1,2,\nb,3,NA,5\n", missing="interpolate")
    assert data.schema.features == ("value",)
    assert [sequence.flatten().tolist() for sequence in data.sequences] == [[1, 2], [3, 4, 5]]
    with pytest.raises(DataError, match=r"w.csv, line 3: value is missing"):
        load("table", tmp_path / "w.csv", wide=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,x_0,x_1,y_0,y_2\na,1,2,3,4\n", "x and y have columns for different frames; number 1 is in one of them"),
        ("label,x_0,x_1\na,1,2\nb,,\n", "w.csv, line 3: has no value in any frame"),
        ("label,x,y\na,1,2\n", "wide=true needs a column for each frame, such as x_0, x_1, x_2; there are label, x, y"),
        ("label,x_1,x_01\na,1,2\n", "'x_1' and 'x_01' number the same frame"),
        ("label,row,sequence,x_1,x_2\na,1,1,1,2\n", "two columns would have the name 'row'"),
    ],
)
def test_what_is_not_wide_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        wide(tmp_path, text)


def test_without_the_option_the_message_names_both_readings(tmp_path):
    (tmp_path / "w.csv").write_text("label,t0,t1\na,1,2\nb,3,4\n")
    with pytest.raises(DataError, match=r"line 3: label changes .* --option sequence=NAME .* --option wide=true"):
        read_sequences(tmp_path / "w.csv")
