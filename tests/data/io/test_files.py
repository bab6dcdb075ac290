"""Files: each failure is one error that names the file, and what is written appears whole."""

import contextlib
import csv
import gzip
import json
import lzma
import subprocess
import sys

import pytest

from attentive_rnn.data.io.files import (
    check_writable,
    decompress,
    existing,
    quoted,
    read_bytes,
    read_head,
    read_json,
    write_csv,
    write_file,
    write_json,
)
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.terminal import to_json


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
    write_file(path, b"one")
    with pytest.raises(ConfigError, match="is there already"):
        check_writable(path, (".npz",), overwrite=False)
    write_file(check_writable(path, (".npz",), overwrite=True), b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.npz"]
    with pytest.raises(ConfigError, match=r"must end in \.npz or \.pkl"):
        check_writable(tmp_path / "out.csv", (".npz", ".pkl"), overwrite=False)
    path.with_name("file").touch()
    with pytest.raises(ConfigError, match=r"out.npz: cannot be written: .*file is no folder"):
        check_writable(tmp_path / "file" / "out.npz", (".npz",), overwrite=True)


WITHOUT_POWERS = """
import ctypes, sys
if sys.platform == "linux":  # root, too, obeys the modes of folders then
    ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
from attentive_rnn.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("place", ["bound", "bound/new/folder"])
def test_a_folder_that_may_not_be_written_is_refused_before_the_work(tmp_path, place):
    (tmp_path / "bound").mkdir(mode=0o555)
    out, bound = tmp_path / place / "out.npz", tmp_path / "bound"
    words = ["data", "convert", str(tmp_path / "not looked for"), str(out)]
    ended = subprocess.run([sys.executable, "-c", WITHOUT_POWERS, *words], capture_output=True, text=True)
    said = f"attentive: error: {out}: cannot be written: you may not write in {bound}; name another place\n"
    assert (ended.returncode, ended.stderr) == (2, said)


def test_rows_go_to_a_csv_file_as_they_are_but_no_text_is_a_formula(tmp_path):
    write_csv(tmp_path / "new" / "t.csv", ["model", "=x"], [["a, b", -0.5], ["@c", "-1"]])
    with open(tmp_path / "new" / "t.csv", newline="") as file:
        assert list(csv.reader(file)) == [["model", "'=x"], ["a, b", "-0.5"], ["'@c", "-1"]]


def test_json_has_no_nan_and_no_half_characters(tmp_path):
    values = {"a": [float("nan"), 1.5], "b": (float("inf"),), "c": "\ud800é"}
    assert json.loads(to_json(values)) == {"a": [None, 1.5], "b": [None], "c": "\ud800é"}
    assert to_json(values).encode()
    write_json(tmp_path / "a.json", {"c": "\ud800é"})
    assert read_json(tmp_path / "a.json") == {"c": "\ud800é"}
    for text in ('{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": ' + "9" * 5000 + "}"):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ConfigError, match=r"a\.json: is damaged or not JSON"):
            read_json(tmp_path / "a.json")


def test_a_disk_that_is_full_is_one_error_and_leaves_the_old_file(tmp_path):
    resource = pytest.importorskip("resource")
    write_file(tmp_path / "a.bin", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ConfigError, match=r"a.bin: cannot be written: File too large"):
            write_file(tmp_path / "a.bin", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_long_texts_are_cut_in_messages():
    assert quoted("short") == "'short'"
    assert quoted("x" * 50) == repr("x" * 37 + "...")


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "values.bin"
    path.write_bytes(b"a longer text that was there before")
    write_file(path, b"new")
    assert read_bytes(path) == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_is_named_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="folder: cannot be written: Is a directory"):
        write_file(tmp_path / "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_folder_of_a_file_is_made_if_need_be_unless_a_file_is_in_its_place(tmp_path):
    write_file(tmp_path / "a" / "b" / "file", b"x")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"x"
    with pytest.raises(ConfigError, match="file/c: cannot be written"):
        write_file(tmp_path / "a" / "b" / "file" / "c", b"x")


def test_json_is_readable_and_comes_back_equal(tmp_path):
    values = {"name": "Grüße", "numbers": [1, 2.5, None]}
    write_json(tmp_path / "values.json", values)
    assert "Grüße" in (tmp_path / "values.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "values.json") == values
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "values.json", {"loss": float("nan")})
    assert read_json(tmp_path / "values.json") == values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"{", "is damaged or not JSON"),
        (b"\xff\xfe", "is damaged or not JSON"),
        (b"[" * 100_000, "is damaged or not JSON"),
        (b"[1]", "must hold a JSON object"),
    ],
)
def test_what_is_no_json_object_is_refused_by_its_name(tmp_path, content, message):
    path = tmp_path / "values.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"values\.json: {message}"):
        read_json(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match="absent: cannot be read: No such file"):
        read_bytes(tmp_path / "absent")
    (tmp_path / "values.json").write_text(json.dumps({}))
    assert read_bytes(tmp_path / "values.json") == b"{}"


@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "with blank", "new\nline", "[red]", "-dash"])
def test_any_name_that_the_file_system_has_can_be_written(tmp_path, name):
    write_file(tmp_path / name, b"data")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: b"data"}


def test_a_symbolic_link_stays_and_leads_to_the_new_data(tmp_path):
    (tmp_path / "far").mkdir()
    link = tmp_path / "link.csv"
    link.symlink_to("far/real.csv")
    for data in (b"first", b"second"):
        write_file(link, data)
        assert link.is_symlink()
        assert (tmp_path / "far" / "real.csv").read_bytes() == data
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["real.csv"]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_the_head_of_a_packed_file_is_read_or_refused_where_any_byte_is_damaged(pack, tmp_path):
    text = bytes(range(256)) * 8
    path = tmp_path / f"a.{'gz' if pack is gzip.compress else 'xz'}"
    path.write_bytes(pack(text))
    assert read_head(path, 100) == text[:100]
    for place in range(len(pack(text))):
        damaged = bytearray(pack(text))
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        with contextlib.suppress(DataError):
            read_head(path)
