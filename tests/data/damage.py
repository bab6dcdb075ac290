"""Damaged copies of a file, for tests that read each of them."""

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
