"""Tables with a sequence in each row, folders of shards, and data sets of Hugging Face."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from attentive_rnn.data import from_frame, load, read_sequences, recognise
from attentive_rnn.errors import DataError
from data.damage import damaged, read_or_refused

ROWS = {
    "acc": [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]],
    "gyro": [[7.0, 8.0], [9.0]],
    "label": ["walk", "sit"],
    "person": ["ann", "bob"],
    "id": [10, 20],
}


def hub(table, **classes):
    """The table with the metadata that Hugging Face's datasets write."""
    features = {key: {"names": names, "_type": "ClassLabel"} for key, names in classes.items()}
    return table.replace_schema_metadata({b"huggingface": json.dumps({"info": {"features": features}}).encode()})


def assert_rows(data):
    assert data.schema.features == ("acc0", "acc1", "gyro")
    assert [s.tolist() for s in data.sequences] == [[[1, 2, 7], [3, 4, 8]], [[5, 6, 9]]]
    assert [data.schema.classes[label] for label in data.labels] == ["walk", "sit"]
    assert [meta["subject"] for meta in data.metas] == ["ann", "bob"]


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list])
def test_a_row_with_lists_is_a_sequence(kind):
    table = pa.table(ROWS)
    inner = kind(pa.list_(pa.float32(), 2))
    assert_rows(from_frame(table.set_column(0, "acc", table.column("acc").cast(inner))))
    assert_rows(from_frame(ROWS))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.feather"])
def test_files_of_such_tables_are_read(tmp_path, name):
    path, table = tmp_path / name, pa.table(ROWS)
    if name == "a.parquet":
        pq.write_table(table, path)
    elif name == "a.feather":
        pyarrow.feather.write_feather(table, path)
    else:
        with pa.ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table)
    assert recognise(path).name == "table"
    assert_rows(read_sequences(path))


def test_values_of_several_axes_are_named_by_their_places():
    data = from_frame({"pose": [np.arange(12.0).reshape(2, 3, 2).tolist()], "label": ["a"]})
    assert data.schema.features == ("pose0.0", "pose0.1", "pose1.0", "pose1.1", "pose2.0", "pose2.1")
    assert data[0].sequence.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


def test_only_lists_are_features_and_lists_of_times_order_the_frames():
    data = from_frame({"x": [[1.0, 2.0]], "time": [[1, 0]], "t": ["note"], "age": [30], "label": ["a"]})
    assert data.schema.features == ("x",)
    assert data[0].sequence.tolist() == [[2], [1]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"x": [[1.0], [2.0, 3.0]], "y": [[1.0], [2.0]]}, "row 2: y has 1 frames, but x has 2"),
        ({"x": [[1.0], []]}, "row 2: x has no frames"),
        ({"x": [[1.0], None]}, "row 2: x has no frames"),
        ({"x": [[[1.0], [1.0, 2.0]]]}, "the frames of x have 1 or 2 values; all must agree"),
        ({"x": [[[1.0]]], "x0": [1.0]}, "two columns would have the name 'x0'"),
    ],
)
def test_rows_that_are_no_sequences_are_refused(rows, message):
    with pytest.raises(DataError, match=message):
        from_frame(rows)


def test_numbers_of_classes_have_the_names_that_hugging_face_gives_them():
    table = pa.table({"x": [[1.0], [2.0], [3.0]], "label": [1, 0, -1]})
    data = from_frame(hub(table, label=["up", "down"]))
    assert (data.schema.classes, data.labels.tolist()) == (("down", "up"), [0, 1, -1])
    odd = table.replace_schema_metadata({b"huggingface": b'{"info": 3}'})
    assert from_frame(odd).schema.classes == ("-1", "0", "1")


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"),
        ("train/a.parquet", "train/b.parquet", "test/a.parquet"),
        ("split=train/a.parquet", "split=train/b.parquet", "split=test/a.parquet"),
    ],
)
def test_shards_are_one_table_with_its_parts(tmp_path, names):
    for i, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        table = pa.table({"x": [[float(i)], [i + 0.5]], "label": ["a", "b"]})
        pq.write_table(table if i else table.select(["label", "x"]), tmp_path / name)
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert recognise(tmp_path).name == "table"
    train, test = load("table", tmp_path)
    assert [s.item() for s in train.sequences] == [0, 0.5, 1, 1.5]
    assert ([s.item() for s in test.sequences], test.labels.tolist()) == ([2, 2.5], [0, 1])


def test_folders_of_keys_and_values_are_columns(tmp_path):
    for name in ("walk", "sit"):
        (tmp_path / f"label={name}").mkdir()
        pq.write_table(pa.table({"id": [name, name], "x": [1.0, 2.0]}), tmp_path / f"label={name}" / "0.parquet")
    data = read_sequences(tmp_path)
    assert (data.schema.classes, data.labels.tolist(), data.lengths.tolist()) == (("sit", "walk"), [0, 1], [2, 2])


def test_shards_that_do_not_fit_together_are_refused(tmp_path):
    pq.write_table(pa.table({"id": [1], "x": [1.0]}), tmp_path / "train.parquet")
    pq.write_table(pa.table({"id": [1], "y": [1.0]}), tmp_path / "test.parquet")
    with pytest.raises(DataError, match=r"train\.parquet and test\.parquet differ in the columns x, y"):
        read_sequences(tmp_path)
    (tmp_path / "test.parquet").rename(tmp_path / "more.parquet")
    with pytest.raises(DataError, match=r"train\.parquet is of a part, but the name of more\.parquet tells none"):
        read_sequences(tmp_path)
    (tmp_path / "more.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"more\.parquet: cannot be read"):
        read_sequences(tmp_path)


def test_a_sequence_may_go_on_in_the_next_shard_but_not_begin_anew(tmp_path):
    pq.write_table(pa.table({"id": [1, 1, 2], "x": [0.0, 1, 2]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"id": [2, 3], "x": [3.0, 4]}), tmp_path / "1.parquet")
    assert [s.flatten().tolist() for s in read_sequences(tmp_path).sequences] == [[0, 1], [2, 3], [4]]
    pq.write_table(pa.table({"id": [1, 1], "x": [3.0, 4]}), tmp_path / "1.parquet")
    with pytest.raises(DataError, match="the sequence 1 is in two files"):
        read_sequences(tmp_path)


def test_files_without_numbers_of_sequences_are_not_one_sequence(tmp_path):
    for name in ("0", "1"):
        pq.write_table(pa.table({"x": [0.0, 1.0]}), tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match="has 2 files, and no column tells the sequences apart"):
        read_sequences(tmp_path)


def test_data_sets_of_hugging_face_are_read_from_memory_and_disk(tmp_path):
    import datasets

    datasets.disable_progress_bars()
    features = datasets.Features(
        {"x": datasets.Array2D((2, 2), "float32"), "label": datasets.ClassLabel(names=["up", "down"])}
    )
    one = datasets.Dataset.from_dict({"x": [[[1.0, 2.0], [3.0, 4.0]]] * 2, "label": [0, 1]}, features=features)
    data = from_frame(one.select([1]))
    assert (data.schema.classes, data[0].sequence.tolist()) == (("down",), [[1, 2], [3, 4]])
    both = datasets.DatasetDict({"train": one, "test": one})
    assert [meta["split"] for meta in from_frame(both).metas] == ["train", "train", "test", "test"]
    both.save_to_disk(tmp_path / "set")
    assert len(load("table", tmp_path / "set").test) == 2
    with pytest.raises(DataError, match="IterableDataset is no Dataset in memory"):
        from_frame(one.to_iterable_dataset())


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_damaged_files_are_read_or_refused(tmp_path, name):
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(pa.table(ROWS), path, write_page_checksum=True)
    else:
        pyarrow.feather.write_feather(pa.table(ROWS), path, compression="uncompressed")
    assert read_or_refused(lambda p: read_sequences(p, missing="zero"), path, damaged(path.read_bytes(), 500)) < 400
