import zipfile
from pathlib import Path

import pytest

from attentive_rnn.data.io.members import LARGEST, holds, members, other_members, read_member
from attentive_rnn.errors import DataError


def key(name):
    return Path(name).stem if name.endswith(".txt") else None


@pytest.fixture
def folder(tmp_path):
    for name in ("b.txt", "deep/a.txt", "readme.md", ".hidden.txt", "__MACOSX/c.txt"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "set"


def zipped(folder):
    path = folder.parent / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for p in folder.rglob("*"):
            archive.write(p, p.relative_to(folder))
    return path


def test_members_come_in_the_order_of_their_keys_without_the_litter_of_file_managers(folder):
    for path in (folder, zipped(folder)):
        found = list(members(path, key, "text"))
        assert [m.key for m in found] == ["a", "b"]
        assert [m.data for m in found] == [b"deep/a.txt", b"b.txt"]
        assert "deep/a.txt" in found[0].where
        assert holds(path, key)
        assert not holds(path, lambda name: None)
        assert read_member(path, "a.txt").data == b"deep/a.txt"
        assert read_member(path, ".txt") is None


def test_a_single_file_is_its_own_member(folder):
    (member,) = members(folder / "b.txt", key, "text")
    assert (member.key, member.data) == ("b", b"b.txt")


def test_nothing_to_read_and_one_name_twice_are_refused(folder):
    with pytest.raises(DataError, match="holds no table"):
        list(members(folder, lambda name: None, "table"))
    (folder / "deep" / "b.txt").write_text("again")
    with pytest.raises(DataError, match=r"the same sequence is also in .*; delete one"):
        list(members(folder, key, "text"))


def test_a_damaged_zip_is_not_recognised_and_refused_by_its_name(folder):
    path = zipped(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert not holds(path, key)
    with pytest.raises(DataError, match=r"set.zip: cannot be read from the zip"):
        list(members(path, key, "text"))
    path.write_bytes(whole.replace(b"deep/a.txt", b"deep/b.txt", 1))
    with pytest.raises(DataError, match=r"set.zip, member deep/a.txt: cannot be read"):
        list(members(path, key, "text"))


def test_a_member_that_claims_to_be_huge_is_refused_unread(folder):
    path = zipped(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.txt", bytes(LARGEST + 1))
    with pytest.raises(DataError, match=r"member c.txt: is larger than 64 MiB"):
        list(members(path, key, "text"))


def test_files_that_are_no_members_are_counted_and_one_is_named(folder):
    path = zipped(folder)
    assert other_members(path, key) == [f"{path}: 1 other file in it is not read; the first is 'readme.md'"]
    assert other_members(folder, key, (".md",)) == []
    assert other_members(folder / "b.txt", lambda name: None) == []


def test_a_name_with_dots_for_the_folder_above_is_not_hidden(folder):
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../z.txt", "z")
    assert [m.key for m in members(path, key, "text")] == ["a", "b", "z"]
