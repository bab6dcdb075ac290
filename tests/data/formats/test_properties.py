"""What holds for every reader: what was written is read again, names tell the columns, and parts make the whole."""

import csv
import io
import math
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn.data import Schema, SequenceDataset, from_frame, read_sequences
from attentive_rnn.data.dataset import concatenate
from attentive_rnn.data.formats import npz, parquet
from attentive_rnn.data.matching import match
from data.writers import ts_text

NAMES = ("x", "y", "z")
CLASSES = ("1", "2")  # which every format can hold
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
some_missing = st.floats(width=32, allow_nan=True, allow_infinity=False)


@st.composite
def sets(draw, values=some_missing, features=(1, 2, 3), shortest=1):
    """A small set in which the sequences of both halves are of both classes."""
    size = draw(st.sampled_from(features))
    lengths = draw(st.lists(st.integers(shortest, 5), min_size=4, max_size=6))
    sequences = [
        torch.tensor(draw(st.lists(st.lists(values, min_size=size, max_size=size), min_size=n, max_size=n)))
        for n in lengths
    ]
    labels = [0, 1] * (len(lengths) // 2) + [0] * (len(lengths) % 2)
    metas = [{"name": str(i)} for i in range(len(lengths))]
    return SequenceDataset(sequences, labels, metas, Schema(CLASSES, (size,), NAMES[:size]), "set")


def number(value, decimal="point"):
    if math.isnan(value):
        return ""
    return repr(float(value)).replace(".", "," if decimal == "comma" else ".")


def columns(data, decimal=None):
    """A long table by columns: of numbers, or of texts with a decimal point or comma."""
    lengths = data.lengths
    frames = np.concatenate([s.numpy() for s in data.sequences])
    table = {
        "sequence": np.repeat([meta["name"] for meta in data.metas], lengths).tolist(),
        "time": np.concatenate([np.arange(n) for n in lengths]).tolist(),
        "label": np.repeat([CLASSES[y] for y in data.labels], lengths).tolist(),
    }
    for i, name in enumerate(data.schema.features):
        table[name] = [number(v, decimal) for v in frames[:, i]] if decimal else frames[:, i].tolist()
    return table


def text(table, delimiter):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return stream.getvalue()


def encoded(content, encoding):
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    return (mark + content).encode(encoding)


def write_csv(folder, data, delimiter=",", decimal="point", encoding="utf-8", order=None):
    table = columns(data, decimal)
    table = {name: table[name] for name in order or table}
    path = folder / ("set.tsv" if delimiter == "\t" else "set.csv")
    path.write_bytes(encoded(text(table, delimiter), encoding))
    return path


def write_parquet(folder, data, order=None):
    table = columns(data)
    pq.write_table(pa.table({name: table[name] for name in order or table}), folder / "set.parquet")
    return folder / "set.parquet"


def write_own_parquet(folder, data):
    (folder / "set.parquet").write_bytes(parquet.to_bytes(data))
    return folder / "set.parquet"


def write_own_npz(folder, data):
    (folder / "set.npz").write_bytes(npz.to_bytes(data))
    return folder / "set.npz"


def write_npz(folder, data, order=None):
    places = [data.schema.features.index(name) for name in order or data.schema.features]
    np.savez(
        folder / "set.npz",
        sequences=np.concatenate([s.numpy() for s in data.sequences])[:, places],
        lengths=data.lengths,
        labels=np.array([CLASSES[y] for y in data.labels]),
        name=np.array([meta["name"] for meta in data.metas]),
        features=np.array(data.schema.features)[places],
    )
    return folder / "set.npz"


def write_folders(folder, data, order=None, delimiter=","):
    for i, (sequence, y) in enumerate(zip(data.sequences, data.labels, strict=True)):
        names = data.schema.features if order is None or i % 2 else order  # every other file in another order
        table = {n: [number(v) for v in sequence[:, data.schema.features.index(n)].tolist()] for n in names}
        path = folder / "set" / CLASSES[y] / f"{data.metas[i]['name']}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(table, delimiter))
    return folder / "set"


def write_arrays(folder, data):
    for sequence, y, meta in zip(data.sequences, data.labels, data.metas, strict=True):
        path = folder / "set" / CLASSES[y] / f"{meta['name']}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, sequence.numpy())
    return folder / "set"


def write_ts(folder, data, part="TRAIN"):
    cases = [[[float(v) for v in row] for row in s.numpy()] for s in data.sequences]
    (folder / f"Set_{part}.ts").write_text(ts_text(cases, [CLASSES[y] for y in data.labels], CLASSES))
    return folder / f"Set_{part}.ts"


def write_arff(folder, data, part="TRAIN"):
    longest = max(map(len, data.sequences))
    attributes = "".join(f"@attribute a{t} numeric\n" for t in range(longest))
    lines = []
    for sequence, y in zip(data.sequences, data.labels, strict=True):
        dimensions = [[repr(float(v)) for v in row] for row in sequence.T.numpy()]
        rows = [",".join(row + ["?"] * (longest - len(row))) for row in dimensions]
        lines.append("'" + r"\n".join(rows) + f"',{CLASSES[y]}")
    head = f"@relation Set\n@attribute frames relational\n{attributes}@end frames\n"
    path = folder / f"Set_{part}.arff"
    path.write_text(f"{head}@attribute class {{{','.join(CLASSES)}}}\n@data\n" + "\n".join(lines) + "\n")
    return path


def write_ucr(folder, data, part="TRAIN"):
    longest = max(map(len, data.sequences))
    lines = []
    for sequence, y in zip(data.sequences, data.labels, strict=True):
        values = [repr(float(v)) for v in sequence.flatten().tolist()]
        lines.append("\t".join([CLASSES[y], *values, *["NaN"] * (longest - len(values))]))
    path = folder / f"Set_{part}.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def by_name(data):
    return {str(meta["name"]).rpartition("/")[2]: i for i, meta in enumerate(data.metas)}


def assert_equal(found, wanted, named=True):
    """The sequences of the same names, or in the same places, have the same values bit for bit and the same class."""
    assert len(found) == len(wanted)
    assert found.schema.shape == wanted.schema.shape
    for i, name in enumerate(str(meta["name"]) for meta in wanted.metas):
        j = by_name(found)[name] if named else i
        np.testing.assert_array_equal(found.sequences[j].numpy(), wanted.sequences[i].numpy())
        assert found.schema.classes[found.labels[j]] == wanted.schema.classes[wanted.labels[i]]


ANY = sets()
WITHOUT_GAPS = sets(finite)
DELIMITED = [(",", "point"), (";", "point"), ("\t", "point"), (";", "comma"), ("\t", "comma"), (",", "comma")]
FORMATS = {
    **{
        f"csv {delimiter!r} {decimal} {encoding}": (
            partial(write_csv, delimiter=delimiter, decimal=decimal, encoding=encoding),
            ANY,
            {"missing": "keep", "decimal": decimal},
        )
        for delimiter, decimal in DELIMITED
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
    },
    "parquet": (write_parquet, ANY, {"missing": "keep"}),
    "own parquet": (write_own_parquet, ANY, {"missing": "keep"}),
    "npz": (write_npz, ANY, {"missing": "keep"}),
    "own npz": (write_own_npz, ANY, {"missing": "keep"}),
    "folders": (write_folders, ANY, {"missing": "keep"}),
    "folders ';'": (partial(write_folders, delimiter=";"), sets(features=(2, 3)), {"missing": "keep"}),
    "folders of arrays": (write_arrays, ANY, {"missing": "keep"}),
    "ts": (write_ts, ANY, {"missing": "keep"}),
    "arff": (write_arff, WITHOUT_GAPS, {}),
    "ucr": (write_ucr, sets(finite, features=(1,)), {}),
}
IN_ORDER = ("ts", "arff", "ucr")  # whose sequences have no names


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=8)
@given(content=st.data())
def test_what_was_written_is_read(tmp_path_factory, name, content):
    write, strategy, options = FORMATS[name]
    data = content.draw(strategy)
    found = read_sequences(write(tmp_path_factory.mktemp("set"), data), **options)
    assert_equal(found, data, named=name not in IN_ORDER)


@pytest.mark.parametrize("name", ["csv", "parquet", "npz", "folders"])
@settings(max_examples=20)
@given(data=sets(features=(2, 3)), content=st.data())
def test_columns_in_another_order_are_the_same_data(tmp_path_factory, name, data, content):
    write = {"csv": write_csv, "parquet": write_parquet, "npz": write_npz, "folders": write_folders}[name]
    held = data.schema.features if name in ("npz", "folders") else tuple(columns(data))
    order = content.draw(st.permutations(held))
    found = read_sequences(write(tmp_path_factory.mktemp("set"), data, order=order), missing="keep")
    assert sorted(found.schema.features) == list(data.schema.features)
    assert_equal(match(found, data.schema), data)


@settings(max_examples=20)
@given(data=ANY, content=st.data())
def test_columns_in_memory_may_come_in_another_order(data, content):
    table = columns(data)
    found = from_frame({name: table[name] for name in content.draw(st.permutations(list(table)))}, missing="keep")
    assert_equal(match(found, data.schema), data)


@pytest.mark.parametrize("write", [write_ts, write_arff, write_ucr])
@settings(max_examples=15)
@given(data=sets(finite, features=(1,)))
def test_the_two_files_of_a_problem_are_the_whole_set(tmp_path_factory, write, data):
    folder = tmp_path_factory.mktemp("set")
    half = len(data) // 4 * 2
    write(folder, data.subset(range(half, len(data))), "TRAIN")
    write(folder, data.subset(range(half)), "TEST")
    found = read_sequences(folder)
    assert_equal(found, data, named=False)


@pytest.mark.parametrize(
    "write", [write_csv, write_parquet, write_own_parquet, write_npz, write_own_npz, write_folders]
)
@settings(max_examples=15)
@given(data=ANY)
def test_a_set_in_several_files_is_the_whole_set(tmp_path_factory, write, data):
    half = len(data) // 4 * 2
    parts = [data.subset(range(half)), data.subset(range(half, len(data)))]
    paths = [write(tmp_path_factory.mktemp("set"), part) for part in parts]
    assert_equal(concatenate(read_sequences(path, missing="keep") for path in paths), data)


@settings(max_examples=15)
@given(data=ANY)
def test_a_table_and_a_folder_of_its_sequences_are_the_same_data(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("set")
    of_table = read_sequences(write_csv(folder, data), missing="keep")
    assert_equal(read_sequences(write_folders(folder, data), missing="keep"), of_table)


@settings(max_examples=15)
@given(data=sets(finite), gap=st.integers(0, 3), word=st.sampled_from(["ERR", "NA", "", "n/a", "off"]))
def test_a_cell_without_a_value_is_treated_as_missing_says(tmp_path_factory, data, gap, word):
    table = columns(data, "point")
    starts = np.cumsum([0, *data.lengths])
    if starts[-1] < 2 * len(data):
        return  # too few rows for one fault to be a fault
    table["x"][starts[gap]] = word
    path = tmp_path_factory.mktemp("set") / "set.csv"
    path.write_text(text(table, ","))
    kept = read_sequences(path, missing="skip")
    assert [meta["name"] for meta in kept.metas] == [str(i) for i in range(len(data)) if i != gap]
    data.sequences[gap][0, 0] = 0
    assert_equal(read_sequences(path, missing="zero"), data)
