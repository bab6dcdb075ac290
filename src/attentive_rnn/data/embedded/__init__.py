"""Two small real data sets in the package; PROVENANCE.md names their origin."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ...errors import ConfigError
from ..dataset import SequenceDataset, Splits, concatenate
from ..formats.pairs import splits
from ..formats.ts import TS
from ..source import Source


def _source(name: str, title: str, problem: str, features: tuple[str, ...], rate: float) -> Source:
    def load(path: str | Path | None = None) -> Splits[SequenceDataset]:
        if path is not None:
            raise ConfigError(f"{name} is part of the package: give no path (to read your own files, use 'uea')")
        train, test = (
            TS.to_dataset(files(__package__).joinpath(file).read_bytes(), file, features=features, rate=rate)
            for file in (f"{problem}_TRAIN.ts.xz", f"{problem}_TEST.ts.xz")
        )
        return splits(train, test)

    def read(path: str | Path | None = None) -> SequenceDataset:
        return concatenate(load(path))

    return Source(name=name, title=title, load=load, read=read, embedded=True)


JAPANESE_VOWELS = _source(
    "japanese-vowels",
    "who of nine men says /ae/: 12 cepstrum coefficients, 7-29 frames, 270 and 370 sequences",
    "JapaneseVowels",
    tuple(f"LPC cepstrum {i}" for i in range(1, 13)),
    rate=1000 / 6.4,
)

BASIC_MOTIONS = _source(
    "basic-motions",
    "four activities with a smart watch: 6 sensor channels, 100 frames, 40 and 40 sequences",
    "BasicMotions",
    tuple(f"{sensor} {axis}" for sensor in ("accelerometer", "gyroscope") for axis in "xyz"),
    rate=10.0,
)
