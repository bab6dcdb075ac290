"""Parquet files: what is written is read back, and so are columns of other types."""

import pytest

from attentive_rnn.data.formats import parquet, tables
from attentive_rnn.errors import DataError
from data.generic import assert_same, made


@pytest.mark.parametrize(
    "dataset",
    [
        made(),
        made((3,), features=("a", "label", "ü")),
        made((3,), features=("a", "b", "c")),
        made((2, 20, 3), "kinect-20"),
    ],
)
def test_parquet_that_was_written_is_read_back_exactly(tmp_path, dataset):
    path = tmp_path / "made.parquet"
    path.write_bytes(parquet.to_bytes(dataset))
    assert_same(tables.read(path), dataset)


def test_integer_and_timestamp_columns_of_parquet_are_read(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "id": pa.array([1, 1, 2]),
        "time": pa.array([2000, 1000, 0], pa.timestamp("ms")),
        "label": pa.array(["a", "a", "b"]).dictionary_encode(),
        "x": pa.array([1.5, None, 3.5]),
        "flag": pa.array([True, False, True]),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    data = tables.read(tmp_path / "t.parquet", missing="zero")
    assert data[0].sequence.tolist() == [[0, 0], [1.5, 1]]
    pq.write_table(pa.table({"x": pa.array([b"a", b"b"])}), tmp_path / "l.parquet")
    with pytest.raises(DataError, match="column 'x' holds binary"):
        tables.read(tmp_path / "l.parquet")
