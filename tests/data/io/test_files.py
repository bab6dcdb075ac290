"""Files are written in one step, and every failure names the file."""

import json

import pytest

from attentive_rnn.data.io.files import read_bytes, read_json, write_atomically, write_file, write_json
from attentive_rnn.errors import ConfigError, DataError


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "values.bin"
    path.write_bytes(b"a longer text that was there before")
    write_atomically(path, b"new")
    assert read_bytes(path) == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_is_named_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="folder: cannot be written: Is a directory"):
        write_atomically(tmp_path / "folder", b"x")
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
