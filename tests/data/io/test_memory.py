"""The bound on memory: what would take more is refused by its name before it is taken."""

import gzip
import io
import lzma
import pickle
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest

from attentive_rnn.data import read_sequences
from attentive_rnn.data.io.arrays import open_array, read_arrays
from attentive_rnn.data.io.files import decompress
from attentive_rnn.data.io.memory import VARIABLE, check_memory, max_memory, written_out
from attentive_rnn.data.io.pickle import load_plain
from attentive_rnn.errors import ConfigError, DataError

TOO_MUCH = rf"of memory, more than is allowed \(1 MiB\).*{VARIABLE}"


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1MiB")


@pytest.mark.parametrize(("text", "size"), [("500", 500), ("1.5k", 1536), ("2 MB", 2 << 20), ("8GiB", 8 << 30)])
def test_the_bound_is_a_size_in_the_environment(text, size, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    assert max_memory() == size
    check_memory(size, "here")
    with pytest.raises(DataError, match="here: its content would take"):
        check_memory(size + 1, "here")


def test_without_the_variable_it_is_half_of_the_machine_and_another_word_is_refused(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert max_memory() > 1 << 26
    monkeypatch.setenv(VARIABLE, "much")
    with pytest.raises(ConfigError, match=f"{VARIABLE} must be a size"):
        max_memory()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_compressed_file_is_not_unpacked_beyond_the_bound(suffix, pack, small):
    assert len(decompress(pack(bytes(200_000)), "a" + suffix)) == 200_000
    with pytest.raises(DataError, match=f"a{suffix}: what it unpacks to.*{TOO_MUCH}"):
        decompress(pack(bytes(400_000)), "a" + suffix)


def test_a_table_of_many_small_fields_is_refused(tmp_path, small):
    (tmp_path / "a.csv").write_text("id,x\n" + "1,1\n" * 30_000)
    with pytest.raises(DataError, match=f"a.csv: its table.*{TOO_MUCH}"):
        read_sequences(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("x y\n" + "1 1\n" * 30_000)
    with pytest.raises(DataError, match=TOO_MUCH):
        read_sequences(tmp_path / "b.csv")


def _zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_the_arrays_of_an_npz_count_together_and_what_is_no_array_is_not_unpacked(tmp_path, small):
    array = io.BytesIO()
    np.save(array, np.zeros(100_000))
    with pytest.raises(DataError, match=f"many.npz: its content.*{TOO_MUCH}"):
        read_arrays(_zip(tmp_path / "many.npz", {f"a{i}.npy": array.getvalue() for i in range(2)}))
    held = {"a.npy": array.getvalue(), "notes.bin": bytes(2_000_000)}
    assert list(read_arrays(_zip(tmp_path / "one.npz", held))) == ["a"]


def test_the_members_of_a_zip_count_together(tmp_path, small):
    path = _zip(tmp_path / "s.zip", {f"a01_s01_e{i:02}_v01.json": b" " * 300_000 for i in range(4)})
    with pytest.raises(DataError, match=f"s.zip: its content.*{TOO_MUCH}"):
        read_sequences(path)


def test_a_parquet_column_of_one_repeated_value_is_refused(tmp_path, small):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"id": pa.array(np.zeros(200_000)), "x": pa.array(np.zeros(200_000))}), tmp_path / "a.parquet"
    )
    assert (tmp_path / "a.parquet").stat().st_size < 10_000
    with pytest.raises(DataError, match=f"a.parquet: its table.*{TOO_MUCH}"):
        read_sequences(tmp_path / "a.parquet")


@pytest.mark.parametrize(("shape", "dtype"), [((10**12, 0, 3), "<f4"), ((10**12, 5, 3), "|V0"), ((10**12,), "<U0")])
def test_an_array_of_nothing_but_many_rows_is_refused(tmp_path, shape, dtype):
    head = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
    for read in (open_array, read_arrays):
        with pytest.raises(DataError, match="which is nothing"):
            read(path)


def test_a_picture_of_65535_pixels_a_side_is_refused_before_its_pixels_are_made(tmp_path):
    from PIL import Image

    from attentive_rnn.data.images.cifar import read_cifar
    from data.writers import write_cifar_jpegs

    picture = next(write_cifar_jpegs(tmp_path, 1, 1).glob("train/*/*.jpg"))
    small = io.BytesIO()
    Image.new("RGB", (32, 32)).save(small, "JPEG")
    data = small.getvalue()
    at = data.index(b"\xff\xc0") + 5  # height and width in the header of the frame
    picture.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])
    with pytest.raises(DataError, match=r"is not a readable JPEG|65535x65535 pixels"):
        read_cifar(tmp_path)
    picture.write_bytes(data[:at] + b"\x20\x00\x20\x00" + data[at + 4 :])
    with pytest.raises(DataError, match="8192x8192 pixels; it must be 32x32"):
        read_cifar(tmp_path)


def test_a_link_in_an_archive_is_not_passed_over(tmp_path):
    import tarfile

    from attentive_rnn.data.images.cifar import read_cifar

    with tarfile.open(tmp_path / "cifar.tar", "w") as archive:
        link = tarfile.TarInfo("train/cat/0.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with pytest.raises(DataError, match=r"train/cat/0.jpg: is a link"):
        read_cifar(tmp_path / "cifar.tar")


def test_compressed_variables_of_a_matlab_file_count_together():
    from attentive_rnn.data.io.mat import read_mat

    one = zlib.compress(bytes(60 * 2**20), 1)
    data = b" " * 124 + b"\x00\x01IM" + (struct.pack("<II", 15, len(one)) + one) * 5
    with pytest.raises(DataError, match="has more than 256 MiB"):
        read_mat(data, "a.mat", "x")


def _doubled(kind):
    value = kind([1])
    for _ in range(60):
        value = kind([value, value])
    return value


def test_pickled_values_that_hold_each_other_again_and_again_are_refused_at_once():
    start = time.process_time()
    for kind in (list, tuple):
        with pytest.raises(DataError, match=r"here: .* its values hold each other, again and again"):
            load_plain(pickle.dumps({"split": _doubled(kind)}, 4), "here")
    assert time.process_time() - start < 5


def test_only_texts_and_numbers_are_keys_of_a_pickled_dict():
    shared = b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86\x94" for i in range(60))
    key = b"K\x01\x85\x94" + shared  # a tuple that holds the one before twice: its hash would take for ever
    for data in (b"\x80\x04}" + key + b"K\x01s.", b"\x80\x04}(" + key + b"K\x01u.", b"\x80\x04(" + key + b"K\x01d."):
        with pytest.raises(DataError, match=r"here: .* a key that is neither a text nor a number"):
            load_plain(data, "here")
    for protocol in (2, 4):
        plain = {"a": [(1, 2)], 1: b"x", b"k": 2.5}
        assert load_plain(pickle.dumps(plain, protocol), "here") == plain


def test_values_are_counted_as_often_as_they_are_held():
    def inside(value):
        return value if isinstance(value, list) else ()

    shared = ["a"]
    assert written_out(3, inside, 10) == 1
    assert written_out([shared, shared, "b"], inside, 10) == 6
    assert written_out([shared, shared, "b"], inside, 5) is None
    ring: list = []
    ring.append([ring])
    assert written_out(ring, inside, 10**9) is None
