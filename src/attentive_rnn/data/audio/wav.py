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

import numpy as np
import torch

from ...errors import DataError
from ..dataset import SequenceDataset
from ..io.bad_samples import check_bad
from ..io.files import existing, read_bytes
from ..labels.kinds import Kind, check_kind, labels_of_files
from ..labels.table import facts_of_files, files_of, holds_files, name_of
from ..options import whole
from ..recordings import Windows, with_windows
from ..schema import Schema
from ..source import Source
from ..split import with_test_part
from ..stored.spool import keep
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
    target: Kind | None = None,
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
        target: "class" or "number", what a label is; None: a class, and labels with fractions are refused.
        windows: how long recordings are cut.

    Raises:
        DataError: a file is damaged, empty or compressed.
        ConfigError: an option with another value, or a column that is not there.
    """
    path, mel = existing(path), LogMel(whole("audio", "mels", mels, 1), hop, sample_rate)
    bad = check_bad("audio", missing)
    files = files_of(path, ".wav")
    facts, notes = facts_of_files(path, files, {"label": label, "subject": subject, "split": split})
    sounds = [bad.read(partial(_features, file, mel)) for file in files]
    kept = [i for i, sound in enumerate(sounds) if sound is not None]
    rates = [sound[1] for sound in sounds if sound is not None]
    names = [facts[files[i]].pop("label", None) for i in kept]
    labels = labels_of_files(names, [files[i] for i in kept], "class" if windows else check_kind("audio", target))
    notes += bad.notes(str(path), len(files))
    other = [rate for rate in rates if rate != sample_rate]
    if other:
        notes.append(
            f"{path}: {len(other)} of {len(rates)} recordings have {', '.join(map(str, sorted(set(other))[:4]))} Hz "
            f"and were brought to {sample_rate} Hz; --option sample_rate=HZ brings all to another rate"
        )
    dataset = SequenceDataset(
        [torch.from_numpy(sound[0]) for sound in sounds if sound is not None],
        labels.values,
        [{"name": name_of(files[i], path), **facts[files[i]]} for i in kept],
        Schema(labels.classes, (mels,), features=mel.names, rate=mel.rate, target=labels.kind),
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
    return keep(mel(sound)), rate


SOURCE = Source(
    name="audio",
    title="sounds: .wav files in a folder for each class, or with a .csv that names files and labels; log-mel features",
    load=with_windows(with_test_part(read), knows_rate=True),
    read=with_windows(read, knows_rate=True),
    recognise=partial(holds_files, suffix=".wav"),
    may_lack=("label", "subject", "split"),
)
