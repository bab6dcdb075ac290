import json
import pickle

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, convert, get_source, load, recognise
from attentive_rnn.data.stored.layout import open_set, write
from attentive_rnn.errors import DataError
from data.generic import assert_same


def small_set(count=9, number=False):
    rng = np.random.default_rng(0)
    sequences = [torch.from_numpy(rng.normal(size=(2 + i, 3)).astype(np.float32)) for i in range(count)]
    labels = rng.normal(size=count) if number else [i % 3 - (i == 4) * 2 for i in range(count)]
    metas = [{"name": f"s{i}", "subject": i % 2, **({"view": "left"} if i == 2 else {})} for i in range(count)]
    schema = Schema(() if number else ("a", "b", "c"), (3,), ("x", "y", "z"), target="number" if number else "class")
    return SequenceDataset(sequences, labels, metas, schema, "small", ["a note"])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder, small_set(), shard=100)  # bytes: several shards
    return folder


@pytest.mark.parametrize("number", [False, True])
@pytest.mark.parametrize("shard", [1, 100, 2**30])
def test_a_set_comes_back_as_it_was_whatever_the_size_of_its_shards(tmp_path, number, shard):
    wanted = small_set(number=number)
    write(tmp_path, wanted, shard)
    found = open_set(tmp_path)
    assert_same(found, wanted)
    assert found.notes == wanted.notes
    assert [found.fingerprint(i) for i in range(9)] == [wanted.fingerprint(i) for i in range(9)]
    assert found.lengths.tolist() == wanted.lengths.tolist()
    assert_same(found.subset([5, 1, 5]), wanted.subset([5, 1, 5]))


def test_a_stored_set_is_recognised_and_loaded_in_its_parts(folder):
    assert recognise(folder).name == "stored"
    train, test = load("stored", folder, missing="skip", test_fraction=0.5)
    names = {meta["name"] for part in (train, test) for meta in part.metas}
    assert names == {f"s{i}" for i in range(9)} - {"s4"}


def test_a_sequence_may_be_written_to_and_the_file_stays_as_it_is(folder):
    open_set(folder).sequences[0].zero_()
    assert open_set(folder).sequences[0].any()


def test_another_process_maps_the_files_anew(folder):
    found = open_set(folder)
    found.sequences[3]
    sent = pickle.dumps(found)
    assert len(sent) < 8000 < pickle.loads(pickle.dumps(small_set(200))).lengths.sum()
    assert_same(pickle.loads(sent), small_set())


def cut_shard(folder):
    path = folder / "values-00001.npy"
    path.write_bytes(path.read_bytes()[:-4])


def other_shard(folder):
    np.save(folder / "values-00001.npy", np.zeros((2, 3), np.float32))


def no_shard(folder):
    (folder / "values-00001.npy").unlink()


def objects_in_shard(folder):
    np.save(folder / "values-00001.npy", np.array([{}]), allow_pickle=True)


def other_index(folder):
    arrays = dict(np.load(folder / "index.npz"))
    np.savez(folder / "index.npz", **arrays | {"start": arrays["start"] + 1})


def described(folder, **changes):
    path = folder / "set.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def index_with(**changes):
    def damage(folder):
        import hashlib

        arrays = dict(np.load(folder / "index.npz"))
        arrays = {name: changes[name](values) if name in changes else values for name, values in arrays.items()}
        np.savez(folder / "index.npz", **{name: values for name, values in arrays.items() if values is not None})
        described(folder, index_sha256=hashlib.sha256((folder / "index.npz").read_bytes()).hexdigest())

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_shard, r"values-00001\.npy: its header says .* it is truncated"),
        (other_shard, r"values-00001\.npy: holds float32 \(2, 3\), not float32 .* as set\.json says"),
        (no_shard, r"values-00001\.npy: cannot be read: No such file"),
        (objects_in_shard, r"values-00001\.npy: holds Python objects, which could run code"),
        (other_index, r"index\.npz: is not the file that was written with set\.json"),
        (index_with(start=lambda v: v + 1), r"index\.npz: sequence \d is frames .* has not so many"),
        (index_with(shard=lambda v: v - 5), r"index\.npz: sequence 0 is frames .* of shard -5"),
        (index_with(length=lambda v: v * 0), r"index\.npz: sequence 0 is frames"),
        (index_with(label=lambda v: v[:2]), r"index\.npz: its arrays are not of one length"),
        (index_with(sha256=lambda v: None), r"index\.npz: the array 'sha256' is missing"),
        (index_with(label=lambda v: v + 7), "labels go from 0 to 2"),
        (lambda folder: described(folder, version=2), r"set\.json: version is 2, but this version .* reads 1"),
        (lambda folder: described(folder, format="x"), r"set\.json: is no description of a stored set"),
        (lambda folder: described(folder, frames=[0]), r"set\.json: frames must be whole numbers above 0"),
        (lambda folder: described(folder, schema=[]), r"set\.json: the field 'schema' is missing or no dict"),
        (lambda folder: described(folder, schema={"shape": [3]}), r"set\.json: schema: the key 'classes' is missing"),
        (lambda folder: (folder / "set.json").write_text("{"), r"set\.json: is damaged or not JSON"),
    ],
)
def test_a_damaged_set_is_refused_in_one_line(folder, damage, message):
    damage(folder)
    with pytest.raises(DataError, match=message) as caught:
        open_set(folder)
    assert "\n" not in str(caught.value)


def test_changed_values_are_found_by_the_fingerprint(folder):
    path = folder / "values-00001.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found = open_set(folder)
    with pytest.raises(DataError, match=r"values-00001\.npy: the values of sequence \d are not those that were"):
        [found.fingerprint(i) for i in range(len(found))]


def test_conversion_of_a_stored_set_gives_the_same_set(folder, tmp_path):
    again = convert(folder, tmp_path / "again")
    assert_same(get_source("stored").read(again), get_source("stored").read(folder))
    assert_same(get_source("npz").read(convert(folder, tmp_path / "set.npz")), small_set())
