"""CIFAR: every form of the set is read alike, and every damage is one clear error."""

from __future__ import annotations

import pickle
import struct
import tarfile

import numpy as np
import pytest

from attentive_rnn.data.images.cifar import holds_cifar, read_cifar
from attentive_rnn.errors import DataError
from data.writers import tint, write_cifar_binaries, write_cifar_jpegs


def packed(folder, archive):
    with tarfile.open(archive, "w:xz" if archive.name.endswith("xz") else "w:gz") as tar:
        for file in sorted(folder.rglob("*")):
            tar.add(file, arcname=file.relative_to(folder).as_posix(), recursive=False)
    return archive


@pytest.mark.parametrize("hundred", [False, True])
def test_binaries_hold_planes_of_red_green_and_blue(tmp_path, hundred):
    write_cifar_binaries(tmp_path, records=4, hundred=hundred)
    train, test, classes = read_cifar(tmp_path)
    assert classes == ("apple", "bear", "chair")
    assert train.images.shape == ((4 if hundred else 20), 32, 32, 3)
    assert test.labels.tolist() == [0, 1, 2, 0]
    assert (train.images[0] == tint(0, np.random.default_rng(0))).all()
    assert holds_cifar(tmp_path)


def test_a_folder_and_an_archive_of_pictures_are_alike(tmp_path):
    folder = write_cifar_jpegs(tmp_path / "pictures", train=3, test=2, classes=("dog", "cat"))
    archive = packed(folder, tmp_path / "cifar10-jpg.tar.xz")
    assert holds_cifar(folder)
    assert holds_cifar(archive)
    one, other = read_cifar(folder), read_cifar(archive)
    assert one.classes == other.classes == ("cat", "dog")
    assert one.train.images.shape == (6, 32, 32, 3)
    assert sorted(one.test.labels.tolist()) == [0, 0, 1, 1]
    assert (np.sort(one.train.images.mean((1, 2)), 0) == np.sort(other.train.images.mean((1, 2)), 0)).all()
    reds = one.train.images[one.train.labels == 1].mean((0, 1, 2))
    assert reds[0] > reds[1] + 50


def test_an_archive_of_binaries_is_read(tmp_path):
    (tmp_path / "batches").mkdir()
    archive = packed(write_cifar_binaries(tmp_path / "batches"), tmp_path / "cifar-10-binary.tar.gz")
    assert len(read_cifar(archive).train.labels) == 20


def test_a_cut_record_is_named(tmp_path):
    file = write_cifar_binaries(tmp_path) / "data_batch_3.bin"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"data_batch_3.bin: has 12291 bytes, which are no whole records of 3073"):
        read_cifar(tmp_path)


def test_a_label_without_a_name_is_named(tmp_path):
    file = write_cifar_binaries(tmp_path) / "test_batch.bin"
    file.write_bytes(bytes([9]) + file.read_bytes()[1:])
    with pytest.raises(DataError, match=r"test_batch.bin: record 0 has the label 9, but there are 3 names"):
        read_cifar(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    (write_cifar_binaries(tmp_path) / "data_batch_2.bin").unlink()
    with pytest.raises(DataError, match=r"data_batch_2.bin is missing"):
        read_cifar(tmp_path)


def test_a_broken_picture_and_one_of_another_size_are_named(tmp_path):
    from PIL import Image

    folder = write_cifar_jpegs(tmp_path, train=1, test=1)
    broken = folder / "train" / "cat" / "0000.jpg"
    good = broken.read_bytes()
    broken.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"train/cat/0000.jpg: is not a readable JPEG"):
        read_cifar(folder)
    Image.new("RGB", (30, 32)).save(broken)
    with pytest.raises(DataError, match=r"is 30x32 pixels"):
        read_cifar(folder)
    broken.write_bytes(good)
    for file in (folder / "test").rglob("*.jpg"):
        file.unlink()
    with pytest.raises(DataError, match="no pictures in test/"):
        read_cifar(folder)


def test_other_archives_and_folders_are_refused(tmp_path):
    archive = tmp_path / "cifar.tar.gz"
    archive.write_bytes(b"\x1f\x8b not one")
    with pytest.raises(DataError, match="cannot be read as an archive"):
        read_cifar(archive)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds neither test_batch.bin nor"):
        read_cifar(tmp_path / "empty")
    assert not holds_cifar(tmp_path / "empty")


def python2_pickle(pixels, labels, key="labels"):
    """A batch as Python 2 pickled it, protocol 2: texts and the array's bytes are its byte strings."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"K" + bytes([value])

    shape = number(len(pixels)) + b"M" + struct.pack("<H", pixels.shape[1]) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + number(0) + number(1) + b"\x87R"
    dtype += b"(" + number(3) + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff" + number(0) + b"tb"
    content = b"T" + struct.pack("<I", pixels.size) + pixels.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + number(0) + b"\x85" + text(b"b") + b"\x87R"
    array += b"(" + number(1) + shape + dtype + b"\x89" + content + b"tb"
    listed = b"](" + b"".join(map(number, labels)) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(key.encode()) + listed + b"u."


def write_pickles(folder, train=3, rows=3072):
    rng = np.random.default_rng(0)
    batches = {}
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        pixels = rng.integers(0, 256, (train, rows), dtype=np.uint8)
        batches[name] = pixels
        (folder / name).write_bytes(python2_pickle(pixels, [i % 2 for i in range(train)]))
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"cat", b"dog"]}, protocol=2))
    return batches


def test_the_pickles_of_python_2_are_read_without_executing_them(tmp_path):
    batches = write_pickles(tmp_path)
    assert holds_cifar(tmp_path)
    train, test, classes = read_cifar(tmp_path)
    assert classes == ("cat", "dog")
    assert train.images.shape == (15, 32, 32, 3)
    assert test.labels.tolist() == [0, 1, 0]
    planes = batches["data_batch_2"].reshape(3, 3, 32, 32)
    assert (train.images[4] == planes[1].transpose(1, 2, 0)).all()
    archive = packed(tmp_path, tmp_path.parent / "cifar-10-python.tar.gz")
    assert (read_cifar(archive).train.images == train.images).all()


def test_a_pickle_that_would_run_something_is_refused(tmp_path):
    write_pickles(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(b"\x80\x02cos\nsystem\nU\x04true\x85R.")
    with pytest.raises(DataError, match=r"data_batch_2: is not read as a pickle: it names os\.system"):
        read_cifar(tmp_path)


def test_a_pickle_of_something_else_is_named(tmp_path):
    write_pickles(tmp_path, rows=3071)
    with pytest.raises(DataError, match=r"data_batch_1: 'data' must be bytes \(N, 3072\)"):
        read_cifar(tmp_path)
    write_pickles(tmp_path)
    (tmp_path / "test_batch").write_bytes(python2_pickle(np.zeros((2, 3072), np.uint8), [0, 7]))
    with pytest.raises(DataError, match=r"test_batch: 'labels' must be a list of numbers from 0 to 1"):
        read_cifar(tmp_path)
    (tmp_path / "test_batch").unlink()
    with pytest.raises(DataError, match="test_batch"):
        read_cifar(tmp_path)
