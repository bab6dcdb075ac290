"""How far the joints of the same videos are apart in two files of poses, beside how far they move and tremble.

    attentive pose VIDEOS old.npz        # by one estimator or version, and again by the other one
    python -m benchmarks.agreement old.npz new.npz

Joints count where both are sure of them (0.5). They tremble by the second difference of three frames over sqrt(6).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from attentive_rnn.data.io.arrays import read_arrays


def main() -> None:
    """Print the quantiles, in picture heights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs=2, type=Path)
    (names, first, sure), (others, second, sure_too) = (videos(file) for file in parser.parse_args().files)
    rows: dict[str, list[np.ndarray]] = {"apart": [], "moved": [], "trembled": []}
    for i, name in enumerate(names):
        if name in others:
            a, b, both = first[i], second[others.index(name)], sure[i] & sure_too[others.index(name)]
            rows["apart"].append(np.linalg.norm(a - b, axis=-1)[both])
            rows["moved"].append(np.linalg.norm(a[1:] - a[:-1], axis=-1)[both[1:] & both[:-1]])
            bend = np.linalg.norm(a[2:] - 2 * a[1:-1] + a[:-2], axis=-1) / 6**0.5
            rows["trembled"].append(bend[both[2:] & both[1:-1] & both[:-2]])
    print(f"videos {len(rows['apart'])}, joints {sum(map(len, rows['apart']))}; median, 90 %, 95 %")
    for word, values in rows.items():
        print(f"  {word:9}", *(f"{value:.4f}" for value in np.percentile(np.concatenate(values), (50, 90, 95))))


def videos(path: Path) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    """The names, the first person's joints (T, V, 2) and which of them are sure (T, V), of each video."""
    held = read_arrays(path)
    ends = np.cumsum(held["lengths"])[:-1]
    joints, confidence = held["sequences"][:, 0, :, :2], held["confidence"][:, 0]
    return held["name"].tolist(), np.split(joints, ends), np.split(confidence > 0.5, ends)


if __name__ == "__main__":
    main()
