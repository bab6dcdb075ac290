"""Files that are damaged at random, for tests of readers."""

import time

import numpy as np

from attentive_rnn.errors import DataError


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
