"""Files: each failure is one error that names the file, and what is written appears whole."""

import gzip
import lzma

import pytest

from attentive_rnn.data.io.files import check_writable, decompress, existing, quoted, read_bytes, write_atomically
from attentive_rnn.errors import ConfigError, DataError


def test_a_path_that_is_missing_or_unusable_is_named(tmp_path):
    assert existing(str(tmp_path)) == tmp_path
    with pytest.raises(DataError, match="nothing: there is no such file or folder"):
        existing(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"not a usable path|no such file"):
        existing("a\0b")
    with pytest.raises(DataError, match="cannot be read"):
        read_bytes(tmp_path)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress), ("", bytes)])
def test_compressed_bytes_come_back_and_damaged_ones_are_refused(suffix, pack):
    packed = pack(b"values" * 100)
    assert decompress(packed, "set.txt" + suffix) == b"values" * 100
    if suffix:
        with pytest.raises(DataError, match=f"set.txt{suffix}: is truncated or not a {suffix[1:]} file"):
            decompress(packed[:-9], "set.txt" + suffix)


def test_a_file_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "out.npz"
    assert check_writable(path, (".npz",), overwrite=False) == path
    write_atomically(path, b"one")
    with pytest.raises(ConfigError, match="is there already"):
        check_writable(path, (".npz",), overwrite=False)
    write_atomically(check_writable(path, (".npz",), overwrite=True), b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.npz"]
    with pytest.raises(ConfigError, match=r"must end in \.npz or \.pkl"):
        check_writable(tmp_path / "out.csv", (".npz", ".pkl"), overwrite=False)
    with pytest.raises(ConfigError, match="cannot be written"):
        write_atomically(tmp_path / "no" / "folder.npz", b"")


def test_long_texts_are_cut_in_messages():
    assert quoted("short") == "'short'"
    assert quoted("x" * 50) == repr("x" * 37 + "...")
