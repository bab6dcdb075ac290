"""Windows of recordings: equal spans of frames, each with one label, where the labels of a recording change.

Inputs are the recordings that a reader has read, with a label for each frame, and its options window, overlap, mixed
and rate. Output is the data set of their windows, each with its recording and first frame in its meta.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from torch import Tensor

from ..errors import ConfigError, DataError
from .dataset import LabelledDataset, SequenceDataset
from .options import number, one_of, standing_for
from .split import left_out

Mixed = Literal["majority", "skip"]
_OPTIONS = {"window": None, "overlap": 0.0, "mixed": "majority", "rate": None}
_SECONDS = re.compile(r"(\d+(?:\.\d*)?|\.\d+) ?s")
# What to do about labels that change within a sequence.
REMEDY = "cut the recordings into windows with --option window=2.56s --option overlap=.5, or window=128 (frames)"


class RateUnknownError(DataError):
    """A length in seconds of data whose frames per second are not known."""


@dataclass(frozen=True)
class Windows:
    """How recordings are cut.

    Args:
        window: the length, in frames, or in seconds as "2.56s".
        overlap: share of a window that it has in common with the one before, at least 0 and below 1.
        mixed: what a window with several labels is: "majority" gives it the most frequent one (of several the one that
            comes first), "skip" gives it none and leaves it out of training and testing.
        rate: frames per second, where the data do not say; needed for seconds.

    Raises:
        ConfigError: another value.

    Example:
        >>> Windows("2.56s", overlap=0.5).frames(50.0, "here")
        (128, 64)
    """

    window: int | str
    overlap: float = 0.0
    mixed: Mixed = "majority"
    rate: float | None = None

    def __post_init__(self) -> None:
        number("windows", "overlap", self.overlap, 0, 1)
        if self.overlap == 1:
            raise ConfigError("windows: overlap must be below 1")
        one_of("windows", "mixed", self.mixed, get_args(Mixed))
        self._length()

    def _length(self) -> tuple[float, bool]:
        """The length, and whether it is in seconds."""
        text = str(self.window).strip()
        seconds = _SECONDS.fullmatch(text)
        value = float(seconds[1]) if seconds else int(text) if text.isascii() and text.isdigit() else 0
        if value <= 0 or isinstance(self.window, bool):
            raise ConfigError(
                f"windows: window must be frames, such as 128, or seconds, such as 2.56s; got {self.window!r}"
            )
        return value, seconds is not None

    def frames(self, rate: float | None, where: str) -> tuple[int, int]:
        """Frames of a window, and from the start of one to that of the next.

        Args:
            rate: frames per second, as the data say; the option goes before it.
            where: the file, for a message.

        Raises:
            RateUnknownError: the length is in seconds, and there is no rate.
        """
        value, in_seconds = self._length()
        rate = self.rate or rate
        if in_seconds and rate is None:
            raise RateUnknownError(
                f"{where}: window={self.window} is in seconds, but the frames per second are not known: give them as "
                "--option rate=50, or the window in frames as window=128"
            )
        size = max(round(value * rate) if in_seconds and rate else int(value), 1)
        return size, max(round(size * (1 - self.overlap)), 1)

    def cut(self, dataset: SequenceDataset, where: str, labels: Sequence[np.ndarray] | None = None) -> SequenceDataset:
        """The windows of recordings, with meta "recording", its name, and "start", the first frame.

        All frames are in a window: the last one of a recording ends with it, and a shorter recording is one window.

        Args:
            dataset: the recordings.
            where: the file, for messages.
            labels: of each recording an index for each of its frames, -1 for none; None: a recording has one label.
        """
        size, step = self.frames(dataset.schema.rate, where)
        sequences: list[Tensor] = []
        chosen: list[float] = []
        metas: list[dict[str, Any]] = []
        mixed = 0
        for i, (name, frames) in enumerate(zip(_names(dataset), dataset.sequences, strict=True)):
            last = max(len(frames) - size, 0)
            for start in sorted({*range(0, last, step), last}):
                piece = slice(start, start + size)
                label = float(dataset.labels[i])
                if labels is not None:
                    label, several = _most(labels[i][piece])
                    mixed += several
                    label = -1 if several and self.mixed == "skip" else label
                sequences.append(frames[piece])
                chosen.append(label)
                metas.append({**dataset.metas[i], "name": f"{name}/{start}", "recording": name, "start": start})
        notes = list(dataset.notes)
        if mixed:
            said = "the most frequent one counts" if self.mixed == "majority" else "they count as not labelled"
            notes.append(
                f"{where}: {mixed} of {len(chosen)} windows hold several labels, and {said} "
                f"(mixed={self.mixed}; there is also mixed={'skip' if self.mixed == 'majority' else 'majority'})"
            )
        return SequenceDataset(sequences, chosen, metas, dataset.schema, dataset.name, notes)

    def usable(self, dataset: SequenceDataset) -> SequenceDataset:
        """The windows to train and test with: with mixed="skip" those with a label; a note counts the others."""
        if self.mixed != "skip" or not dataset.labelled.any():
            return dataset
        notes = left_out(dataset, dataset.labelled, "because they do not hold one label throughout (mixed=skip)")
        if notes:
            dataset = dataset.subset(np.flatnonzero(dataset.labelled))
            dataset.notes = (*dataset.notes, *notes)
        return dataset


def with_windows(reader: Callable[..., Any], knows_rate: bool = False) -> Callable[..., Any]:
    """A reader, ``load`` or ``read``, whose argument ``windows`` is given as the options of :class:`Windows`.

    Its option ``rate`` also says the frames per second of a set that is not cut; a reader that knows them has none.
    """
    defaults = {key: value for key, value in _OPTIONS.items() if key != "rate" or not knows_rate}

    @standing_for(reader, defaults, without=("windows",))
    def read(path: Any, **options: Any) -> Any:
        own = {key: options.pop(key, default) for key, default in defaults.items()}
        rate = own.get("rate")
        if rate is not None:
            own["rate"] = rate = number(str(path), "rate", rate, 0, float("inf"), above=True)
        if own["window"] is None:
            for key in ("overlap", "mixed"):
                if own[key] != _OPTIONS[key]:
                    raise ConfigError(
                        f"{path}: {key} is of windows; give their length too, as window=128 or window=2.56s"
                    )
        found = reader(path, **options, windows=None if own["window"] is None else Windows(**own))
        if rate is not None:
            for part in [found] if isinstance(found, LabelledDataset) else found.parts().values():
                part.schema = replace(part.schema, rate=rate)
        return found

    return read


def changes(*columns: np.ndarray) -> np.ndarray:
    """The rows (n,) at which one of several columns (n,) differs from the row before, and row 0.

    Example:
        >>> changes(np.array([1, 1, 2, 2]), np.array(["a", "a", "a", "b"])).tolist()
        [0, 2, 3]
    """
    differs = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.concatenate([[0], np.flatnonzero(differs) + 1])


def _most(labels: np.ndarray) -> tuple[float, bool]:
    """The most frequent label, of several the first; whether there is another one."""
    values, first, counts = np.unique(labels, return_index=True, return_counts=True)
    return float(values[np.lexsort((first, -counts))[0]]), len(values) > 1


def _names(dataset: SequenceDataset) -> list[str]:
    """A name for each recording, each another one."""
    names = [str(meta.get("name", i)) for i, meta in enumerate(dataset.metas)]
    return names if len(set(names)) == len(names) else [f"{name}#{i}" for i, name in enumerate(names)]
