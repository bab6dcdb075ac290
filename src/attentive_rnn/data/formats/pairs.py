"""Problems of time series archives: two text files, X_TRAIN and X_TEST, of one sequence a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch

from ...errors import DataError, counted
from ..dataset import SequenceDataset, Splits, concatenate, relabel
from ..io.arrays import Missing
from ..io.bad_samples import BadSamples
from ..io.files import existing, read_bytes
from ..schema import Schema, Target
from ..source import Source
from ..split import labelled_only


@dataclass
class TsContent:
    """The content of one file: ``cases`` are (T, dimensions) float32, ``labels`` index ``classes`` or are -1."""

    problem: str
    classes: tuple[str, ...]
    dimensions: int
    cases: list[np.ndarray]
    labels: list[float]
    numbers: list[int]  # of the cases among the sequences of the file, from 1
    notes: tuple[str, ...] = ()
    target: Target = "class"


def fail(where: str, number: int, message: str) -> NoReturn:
    """Raise the DataError of a line of a file."""
    raise DataError(f"{where}, line {number}: {message}")


def read_lines(
    lines: list[str],
    start: int,
    comments: str,
    sequence: Callable[[int, str], tuple[np.ndarray, float]],
    where: str,
    missing: Missing,
) -> TsContent:
    """The sequences in the lines after the header, which ``sequence(number, line)`` reads with their label.

    Raises:
        DataError: there is none, or one is malformed and ``missing`` is not "skip".
    """
    bad, content, count = BadSamples(missing), TsContent("", (), 0, [], [], []), 0
    empty: list[int] = []  # lines since the last sequence
    notes: list[str] = []
    for number, line in enumerate(lines[start:], start + 1):
        line = line.strip()
        if not line or line[0] in comments:
            empty += [] if line else [number]
            continue
        if empty and count:
            notes += [f"{where}, line {empty[0]}: is empty, between two sequences; a sequence may be lost there"]
        count, empty = count + 1, []
        read = bad.read(partial(sequence, number, line))
        if read is not None:
            content.cases.append(read[0])
            content.labels.append(read[1])
            content.numbers.append(count)
    content.notes = (*bad.notes(where, count), *notes[:1])
    if not content.cases:
        raise DataError(f"{where}: there is no sequence after @data; the file is empty or truncated")
    content.dimensions = content.cases[0].shape[1]
    return content


@dataclass(frozen=True)
class PairFormat:
    """A format of the problems of the archive: two text files, X_TRAIN and X_TEST, read as one data set.

    Args:
        suffix: of the file names, such as "ts"; .gz and .xz may follow it.
        parse: ``parse(data, where, missing)`` reads the bytes of one file.
    """

    suffix: str
    parse: Callable[[bytes, str, Missing], TsContent]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches a file name, with the groups problem and part (TRAIN, TEST or None)."""
        name = r"(?P<problem>.+?)(_(?P<part>TRAIN|TEST))?"
        return re.compile(rf"{name}(?P<suffix>\.{self.suffix}(\.gz|\.xz)?)", re.IGNORECASE)

    def load(self, path: str | Path, missing: Missing = "refuse") -> Splits[SequenceDataset]:
        """The training and test part of a problem.

        Args:
            path: X_TRAIN.ts or X_TEST.ts (X_TRAIN.arff ...), also with .gz and .xz, with the other one in its folder;
                or a folder that holds one such pair (XDimension1_TRAIN and the like in it are passed over).
            missing: "refuse", "interpolate", "zero", "skip" or "keep"; see :func:`attentive_rnn.data.io.arrays.fill`.

        Raises:
            DataError: a file is missing or malformed, a sequence has no label, or the two files do not fit together.
        """
        train_path, test_path = self._pair(existing(path))
        parts = [self.to_dataset(read_bytes(p), str(p), missing) for p in (train_path, test_path)]
        return splits(parts[0], parts[1], missing)

    def read(self, path: str | Path, missing: Missing = "refuse") -> SequenceDataset:
        """Every sequence of a file, or of all files of the format in a folder, labelled or not.

        Raises:
            DataError: a file is malformed, or files differ in classes or dimensions.
        """
        path = existing(path)
        paths = self._files(path) if path.is_dir() else [path]
        if not paths:
            raise DataError(f"{path}: holds no .{self.suffix} file")
        return concatenate([self.to_dataset(read_bytes(p), str(p), missing) for p in paths])

    def source(self, name: str, title: str) -> Source:
        """The source of the format."""
        return Source(name, title, self.load, self.read, self.recognise, check_options={"missing": "keep"})

    def recognise(self, path: Path) -> bool:
        """Whether the path is a file of the format or a folder with some."""
        return bool(self._files(path)) if path.is_dir() else self.pattern.fullmatch(path.name) is not None

    def to_dataset(
        self,
        data: bytes,
        where: str,
        missing: Missing = "refuse",
        *,
        features: tuple[str, ...] = (),
        rate: float | None = None,
    ) -> SequenceDataset:
        """The sequences of the bytes of one file; ``where`` is its name in messages and gives its compression."""
        content = self.parse(data, where, missing)
        name = Path(where).name
        match = self.pattern.fullmatch(name)
        stem = name if match is None else name[: match.start("suffix")]
        shape = (content.dimensions,)
        try:
            schema = Schema(content.classes, shape, features=features, rate=rate, target=content.target)
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        return SequenceDataset(
            sequences=[torch.from_numpy(case) for case in content.cases],
            labels=content.labels,
            metas=[{"name": f"{stem}/{i}"} for i in content.numbers],
            schema=schema,
            name=content.problem or stem,
            notes=content.notes,
        )

    def _files(self, folder: Path) -> list[Path]:
        return sorted(p for p in folder.iterdir() if p.is_file() and self.pattern.fullmatch(p.name))

    def _pair(self, path: Path) -> tuple[Path, Path]:
        folder = path if path.is_dir() else path.parent
        found: dict[str, dict[str, Path]] = {}
        # The given file comes last, so that it wins over the same part stored under another suffix.
        for p in [*self._files(folder), *([] if path.is_dir() else [path])]:
            match = self.pattern.fullmatch(p.name)
            if match and match["part"]:
                found.setdefault(match["problem"], {})[match["part"].upper()] = p
        if path.is_dir():
            problems = _without_single_dimensions(name for name, parts in found.items() if len(parts) == 2)
            if len(problems) != 1:
                none = f"no pair X_TRAIN.{self.suffix}, X_TEST.{self.suffix}"
                holds = f"the problems {', '.join(problems)}" if problems else none
                raise DataError(f"{path}: holds {holds}; give the path of one _TRAIN.{self.suffix} file")
            parts = found[problems[0]]
            return parts["TRAIN"], parts["TEST"]
        match = self.pattern.fullmatch(path.name)
        if match is None or not match["part"]:
            names = f"X_TRAIN.{self.suffix} or X_TEST.{self.suffix}"
            raise DataError(f"{path}: is not named {names}, so that its other part cannot be found")
        parts = found[match["problem"]]
        for part in ("TRAIN", "TEST"):
            if part not in parts:
                name = f"{match['problem']}_{part}.{self.suffix}"
                raise DataError(f"{path}: {name} (or .gz, .xz) is not beside it")
        return parts["TRAIN"], parts["TEST"]


def splits(train: SequenceDataset, test: SequenceDataset, missing: Missing = "refuse") -> Splits[SequenceDataset]:
    """Two files of one problem, with the labels in the order of the training file's classes."""
    name = train.name
    train = labelled_only(train, missing, f"{name}: the TRAIN file")
    test = labelled_only(test, missing, f"{name}: the TEST file")
    if train.schema.target != test.schema.target:
        raise DataError(f"{name}: one of the TRAIN and the TEST file has targets and the other classes")
    if train.schema.shape != test.schema.shape:
        raise DataError(
            f"{train.name}: the TRAIN file has {counted(train.schema.size, 'dimension')} and the TEST file "
            f"{test.schema.size}; they do not belong together"
        )
    return Splits(train, relabel(test, train.schema.classes, strict=True))


def _without_single_dimensions(problems: Iterable[str]) -> list[str]:
    """The archive puts each dimension of X beside X, as XDimension1, XDimension2, ...; these are left out."""
    names = sorted(problems)
    return [
        n for n in names if re.sub(r"Dimension\d+$", "", n) in (n, "") or re.sub(r"Dimension\d+$", "", n) not in names
    ]
