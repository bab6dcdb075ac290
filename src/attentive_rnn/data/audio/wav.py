"""Recordings of sound, .wav, as log-mel features.

    CLASS/FILE.wav                      the class by the folder; PART/CLASS/FILE.wav with train, valid and test
    FILE.wav beside a .csv              the class by a table with a column of file names: file, filename, path, ...

Any other .wav is a sequence without a label. A file is 8, 16, 24 or 32 bits or floats, of any number of channels, which
are averaged, and of any sampling rate: all are brought to one, so that a model hears the same of each.
"""

from __future__ import annotations

import io
import struct
import warnings
from functools import partial
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset
from ..io.bad_samples import check_bad
from ..io.files import existing, read_bytes
from ..io.label_table import facts_of_table
from ..options import whole
from ..recordings import Windows, with_windows
from ..schema import Schema
from ..source import Source
from ..split import check_part_folders, part_of, with_test_part
from .mel import LogMel

_RATES = (1000, 384000)  # Hz
# What scipy's parser lets through on damaged files.
_BROKEN = (ValueError, EOFError, OSError, ArithmeticError, LookupError, TypeError, MemoryError, NameError, struct.error)


def read(
    path: str | Path,
    mels: int = 40,
    hop: float = 0.01,
    sample_rate: int = 16000,
    label: str | None = None,
    subject: str | None = None,
    split: str | None = None,
    missing: str = "refuse",
    windows: Windows | None = None,
) -> SequenceDataset:
    """Every recording in the order of its path, labelled or not; a part is in ``meta["split"]``.

    Args:
        path: the folder, or one .wav file.
        mels: bands of a frame.
        hop: seconds from a frame to the next; a frame is 25 ms of sound.
        sample_rate: Hz to which all sounds are brought.
        label, subject, split: columns of the .csv file; without them the usual names are recognised.
        missing: "refuse" or "skip", what becomes of files that cannot be read.
        windows: how long recordings are cut.

    Raises:
        DataError: a file is damaged, empty or compressed.
        ConfigError: an option with another value, or a column that is not there.
    """
    path, mel = existing(path), LogMel(whole("audio", "mels", mels, 1), hop, sample_rate)
    bad = check_bad("audio", missing)
    files = _files(path) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: holds no .wav files")
    facts, notes = _facts(path, files, {"label": label, "subject": subject, "split": split})
    sounds = [bad.read(partial(_features, file, mel)) for file in files]
    kept = [i for i, sound in enumerate(sounds) if sound is not None]
    rates = [sound[1] for sound in sounds if sound is not None]
    labels = [facts[files[i]].pop("label", None) for i in kept]
    classes = tuple(sorted({name for name in labels if name is not None}))
    notes += bad.notes(str(path), len(files))
    other = [rate for rate in rates if rate != sample_rate]
    if other:
        notes.append(
            f"{path}: {len(other)} of {len(rates)} recordings have {', '.join(map(str, sorted(set(other))[:4]))} Hz "
            f"and were brought to {sample_rate} Hz (sample_rate={sample_rate})"
        )
    dataset = SequenceDataset(
        [torch.from_numpy(sound[0]) for sound in sounds if sound is not None],
        [-1 if name is None else classes.index(name) for name in labels],
        [{"name": _name(files[i], path), **facts[files[i]]} for i in kept],
        Schema(classes, (mels,), features=mel.names, rate=mel.rate),
        path.stem,
        notes,
    )
    return dataset if windows is None else windows.cut(dataset, str(path))


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """The sound of a file, (samples,) from -1 to 1, the mean of its channels; and its sampling rate in Hz.

    Raises:
        DataError: the file is damaged, truncated, empty or compressed.
    """
    # scipy reads every kind of .wav without compression and is here anyway; soundfile would bring libsndfile.
    from scipy.io import wavfile

    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks that hold no sound
            warnings.filterwarnings("error", "Reached EOF", wavfile.WavFileWarning)
            rate, values = wavfile.read(io.BytesIO(data))
    except wavfile.WavFileWarning as error:
        raise DataError(f"{path}: is truncated ({error})") from error
    except _BROKEN as error:
        raise DataError(f"{path}: is not a .wav file, damaged, or compressed ({error}); save it as PCM") from error
    if not _RATES[0] <= rate <= _RATES[1]:
        raise DataError(f"{path}: has a sampling rate of {rate} Hz, which is none of sound")
    if not values.size:
        raise DataError(f"{path}: holds no sound")
    sound = values.astype(np.float64)
    if values.dtype.kind == "u":
        sound = (sound - 128) / 128
    elif values.dtype.kind == "i":  # of 24 bits, scipy makes 32
        sound /= -float(np.iinfo(values.dtype).min)
    sound = sound.reshape(len(sound), -1).mean(1)
    if not (np.abs(sound) < 1e6).all():
        raise DataError(f"{path}: holds a value that is NaN, infinite or too large for sound")
    return sound, int(rate)


def _features(file: Path, mel: LogMel) -> tuple[np.ndarray, int]:
    from scipy.signal import resample_poly

    sound, rate = read_wav(file)
    if rate != mel.sample_rate:
        common = gcd(rate, mel.sample_rate)
        sound = resample_poly(sound, mel.sample_rate // common, rate // common)
    return mel(sound), rate


def _files(folder: Path) -> list[Path]:
    found = (p for p in folder.rglob("*") if p.suffix.lower() == ".wav" and p.is_file())
    return sorted(p for p in found if not any(q.startswith((".", "__MACOSX")) for q in p.relative_to(folder).parts))


def _facts(path: Path, files: list[Path], given: dict[str, str | None]) -> tuple[dict[Path, dict[str, Any]], list[str]]:
    """The label, subject and split of each file, where they are known, by the folders or by a table."""
    tables = sorted(p for p in path.rglob("*.csv") if not p.name.startswith(".")) if path.is_dir() else []
    if len(tables) > 1:
        names = ", ".join(str(table.relative_to(path)) for table in tables[:4])
        raise DataError(f"{path}: holds several .csv files ({names}); leave the one with the labels")
    if tables:
        return facts_of_table(tables[0], files, given)
    facts: dict[Path, dict[str, Any]] = {}
    if path.is_dir():
        check_part_folders([file.relative_to(path).parts[:-1] for file in files], str(path))
    for file in files:
        folders = file.relative_to(path).parts[:-1] if path.is_dir() else ()
        facts[file] = {"split": folders[0]} if folders and part_of(folders[0]) else {}
        if len(folders) > len(facts[file]) + 1:
            raise DataError(
                f"{path}: {file.relative_to(path)} is in folders within each other, which leaves its class open; put "
                "files at CLASS/FILE.wav, PART/CLASS/FILE.wav, or beside a .csv that names files and labels"
            )
        if len(folders) > len(facts[file]):
            facts[file]["label"] = folders[-1]
    parts = [file for file, fact in facts.items() if "split" in fact]
    if parts and len(parts) < len(files):
        other = next(file for file in files if file not in parts)
        raise DataError(f"{path}: {parts[0].relative_to(path)} is in a part, but {other.relative_to(path)} is in none")
    return facts, []


def _name(file: Path, path: Path) -> str:
    return file.relative_to(path).with_suffix("").as_posix() if path.is_dir() else file.stem


def recognise(path: Path) -> bool:
    """Whether a path is a .wav file, or a folder with some, at most two folders below it."""
    if path.is_dir():
        return any(p.suffix.lower() == ".wav" for levels in ("*", "*/*", "*/*/*") for p in path.glob(levels))
    return path.suffix.lower() == ".wav"


SOURCE = Source(
    name="audio",
    title="sounds: .wav files in a folder for each class, or with a .csv that names files and labels; log-mel features",
    load=with_windows(with_test_part(read), knows_rate=True),
    read=with_windows(read, knows_rate=True),
    recognise=recognise,
    may_lack=("label", "subject", "split"),
)
