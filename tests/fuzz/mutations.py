"""Damage to files: to their bytes, and to what they hold once unpacked or parsed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import re
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import yaml

NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
EXTREMES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2, 2**31, 2**63, 10**30, 10**400, 0.5, 1e39, 1e308, float("nan"), float("inf"), -1e-320),
    *("", "x", "nan", "-", "9" * 5000, "\ud800", "a\nb", "\x1b[31m", "[/bold]", "$x^{$", "=1+1", "\0", "é" * 300),
    *([], {}, [[]], [None], {"": 0}, {"a": {"b": [1]}}, b"\xff"),
)
WORDS = (
    *(b"", b"0", b"-1", b"nan", b"inf", b"1e999", b"1e39", b"-0", b"9" * 401, b"9" * 5000, b"0x10", b"1_000", b"1,5"),
    *(
        b"99999999999999999999",
        b"4294967296",
        b"2147483648",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\0",
        b'"',
        b"'",
        b"[",
        b"{",
    ),
    *(
        b"null",
        b"true",
        b"~",
        b"*a",
        b"&a",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"\x1b[2J",
        b"[/red]",
        b"$",
        b"\r",
        b"\t",
        b"%s",
    ),
)


def damaged(data: bytes, name: str, rng: random.Random, other: bytes = b"") -> bytes:
    """A damaged copy of the content of a file.

    Args:
        data: the content.
        name: of the file, whose ending says what the content is.
        rng: where chance comes from.
        other: the content of another file, of which a part may be put in.
    """
    structured = _structured(data, name)
    try:
        if structured is not None and rng.random() < 0.5:
            return structured(data, rng)
    except Exception:
        pass  # the edit cannot be written in this format
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_BYTES)(data, rng, other)
    return data


def _span(data: bytes, rng: random.Random, most: int = 40) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.randint(1, most))


def _flip(data: bytes, rng: random.Random, other: bytes) -> bytes:
    copy = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 10)) if copy else 0):
        copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
    return bytes(copy)


def _cut(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _insert(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice((rng.choice(WORDS), rng.randbytes(rng.randint(1, 30)))) + data[at:]


def _remove(data: bytes, rng: random.Random, other: bytes) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: random.Random, other: bytes) -> bytes:
    start, end = _span(data, rng, 400)
    return data[:end] + data[start:end] * rng.choice((1, 1, 20)) + data[end:]


def _fill(data: bytes, rng: random.Random, other: bytes) -> bytes:
    start, end = _span(data, rng, rng.choice((1, 2, 4, 8)))
    return data[:start] + rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * (end - start) + data[end:]


def _number(data: bytes, rng: random.Random, other: bytes) -> bytes:
    found = list(NUMBER.finditer(data[:100_000]))
    if not found:
        return _fill(data, rng, other)
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(WORDS) + data[one.end() :]


def _lines(data: bytes, rng: random.Random, other: bytes) -> bytes:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(3)
    if kind == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif kind == 1:
        lines.insert(j, lines[i])
    else:
        lines[i] = rng.choice(WORDS)
    return b"\n".join(lines)


def _head(data: bytes, rng: random.Random, other: bytes) -> bytes:
    size = rng.choice((4, 8, 64, 300))
    return other[:size] + data[size:]


_BYTES = (_flip, _flip, _cut, _insert, _remove, _repeat, _fill, _number, _number, _lines, _head)


def tree(value: Any, rng: random.Random) -> Any:
    """A value of lists and dicts with one thing in it replaced, removed, added or nested."""
    places = list(_places(value))
    if not places:
        return rng.choice(EXTREMES)
    inside, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del inside[key]
    elif kind == 1 and isinstance(inside, dict):
        inside[rng.choice(("x", "", "a" * 300, 5, None, "\x1b", "[b]"))] = inside.pop(key)
    elif kind == 2:
        inside[key] = [inside[key]] * rng.choice((1, 2, 50))
    elif kind == 3:
        nested: Any = inside[key]
        for _ in range(rng.choice((3, 90, 200))):
            nested = [nested]
        inside[key] = nested
    elif kind == 4:
        other, there = rng.choice(places)
        inside[key] = pickle.loads(pickle.dumps(other[there]))
    else:
        inside[key] = rng.choice(EXTREMES)
    return value


def _places(value: Any) -> Any:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _json(data: bytes, rng: random.Random) -> bytes:
    return json.dumps(tree(json.loads(data), rng)).encode()


def _yaml(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        names = [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 1}]" for i in range(rng.choice((3, 12)))]
        return data + "\n".join(names).encode() + b"\n"
    comment = data[: data.index(b"\n") + 1] if data[:1] == b"#" else b""
    return comment + yaml.safe_dump(tree(yaml.safe_load(data), rng), allow_unicode=True).encode(
        "utf-8", "surrogatepass"
    )


def _pickle(data: bytes, rng: random.Random) -> bytes:
    value = pickle.loads(data)  # a seed of these tests
    if isinstance(value, tuple):
        value = list(value)
    return pickle.dumps(tree(value, rng), protocol=rng.choice((2, 3, 4, 5)))


def _safetensors(data: bytes, rng: random.Random) -> bytes:
    size = int.from_bytes(data[:8], "little")
    head = json.dumps(tree(json.loads(data[8 : 8 + size]), rng)).encode()
    body = data[8 + size :] if rng.random() < 0.7 else damaged(data[8 + size :], "", rng)
    return len(head).to_bytes(8, "little") + head + body


def _npy(data: bytes, rng: random.Random) -> bytes:
    size = int.from_bytes(data[8:10], "little")
    head = damaged(data[10 : 10 + size].rstrip(b" \n"), "", rng) + b"\n"
    return data[:8] + (len(head) & 0xFFFF).to_bytes(2, "little") + head + data[10 + size :]


def _zip(data: bytes, rng: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    i = rng.randrange(len(members))
    name, content = members[i]
    kind = rng.randrange(8)
    if kind == 0:
        del members[i]
    elif kind == 1:
        members.append((name + "x", content))
    elif kind == 2:
        members[i] = (rng.choice(("../" + name, "/" + name, name.upper(), "", "a\x1bb" + name)), content)
    elif kind == 3:
        members[i] = (name, rng.choice(members)[1])
    else:
        members[i] = (name, damaged(content, name, rng, rng.choice(members)[1]))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _tar(data: bytes, rng: random.Random) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive, tarfile.open(fileobj=out, mode="w:gz") as copy:
        entries = [entry for entry in archive if entry.isfile()]
        chosen = rng.choice(entries)
        for entry in entries:
            content = archive.extractfile(entry).read()  # type: ignore[union-attr]
            if entry is chosen:
                content = damaged(content, entry.name, rng)
                entry.type = rng.choice((entry.type, entry.type, tarfile.SYMTYPE, tarfile.LNKTYPE))
            entry.size = len(content)
            copy.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _repacked(unpack: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]) -> Callable[..., bytes]:
    return lambda data, rng: pack(damaged(unpack(data), "", rng) * rng.choice((1, 1, 1, 1, 3000)))


_BY_ENDING: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": _json,
    ".yaml": _yaml,
    ".pkl": _pickle,
    ".safetensors": _safetensors,
    ".npy": _npy,
    ".npz": _zip,
    ".zip": _zip,
    ".ckpt": _zip,
    ".tar.gz": _tar,
    ".gz": _repacked(gzip.decompress, gzip.compress),
    ".xz": _repacked(lzma.decompress, lambda data: lzma.compress(data, preset=0)),
    ".bz2": _repacked(bz2.decompress, bz2.compress),
}


def _structured(data: bytes, name: str) -> Callable[[bytes, random.Random], bytes] | None:
    found = next((edit for ending, edit in _BY_ENDING.items() if name.endswith(ending)), None)
    if found is None and data[:1] == b"\x80" and data[-1:] == b".":
        return _pickle
    return found
