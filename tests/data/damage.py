"""Damaged copies of a file, for tests that read each of them."""

import time

import numpy as np

from attentive_rnn.errors import DataError


def damaged(data, count, seed=0):
    """``count`` copies of some bytes, each cut, with bytes replaced, removed, repeated or inserted."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(0, max(1, len(copy))))
            length = int(rng.integers(1, 12))
            match rng.integers(0, 6):
                case 0:
                    copy = copy[:at]
                case 1:
                    copy[at : at + length] = rng.integers(0, 256, size=length, dtype=np.uint8).tobytes()
                case 2:
                    del copy[at : at + length]
                case 3:
                    copy[at:at] = copy[at : at + length]
                case 4:
                    copy[at : at + 1] = rng.choice([b"\xff" * 4, b"-", b"9999999999", b"\0", b"'", b",", b"\n"])
                case 5:
                    copy[at:at] = rng.integers(0, 256, size=length, dtype=np.uint8).tobytes()
        yield bytes(copy)


def read_or_refused(read, path, copies):
    """Write each copy to the path and read it; how many were read. Anything but a DataError is raised."""
    refusals, sizes = [], []
    for copy in copies:
        path.write_bytes(copy)
        try:
            sizes.append(len(read(path)))
        except DataError as error:
            refusals.append(str(error))
    assert all(path.stem in refusal for refusal in refusals)
    assert all(sizes)
    return len(sizes)


def corrupted(data, count, seed=0):
    """``count`` copies of some bytes, each with a few bytes changed, cut out, put in twice, or cut off at the end."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(len(changed))) if changed else 0
            span = int(rng.integers(1, 20))
            kind = rng.integers(5)
            if kind == 0:
                changed[at : at + 1] = bytes(rng.integers(0, 256, 1, dtype=np.uint8))
            elif kind == 1:
                changed[at : at + 1] = rng.choice([b"-", b" ", b"\n", b"9", b"x", b"nan", b"1e99", b";", b"\xff"])
            elif kind == 2:
                del changed[at : at + span]
            elif kind == 3:
                changed[at:at] = changed[at : at + span]
            else:
                del changed[at:]
        yield bytes(changed)


def read_or_refuse(read, path, data, count=2000, seconds=30):
    """Assert that every damaged copy is read, or refused by the name of its file, in bounded time.

    Returns how many were refused.
    """
    refused = 0
    start = time.process_time()
    for copy in corrupted(data, count):
        path.write_bytes(copy)
        dataset, refusal = None, ""
        try:
            dataset = read(path)
        except DataError as error:
            refusal = str(error)
        if dataset is None:
            refused += 1
            assert path.name in refusal
        else:
            assert len(dataset) >= 1
            assert all(s.isfinite().all() for s in dataset.sequences)
    assert time.process_time() - start < seconds
    return refused
