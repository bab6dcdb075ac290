"""Problems of the UEA archive: two text files, X_TRAIN and X_TEST, in one of its formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from ...errors import DataError
from ..dataset import SequenceDataset, Splits, concatenate, relabel
from ..io.files import existing, read_bytes
from ..io.gaps import Missing
from ..schema import Schema
from .ts import TsContent


@dataclass(frozen=True)
class PairFormat:
    """A format of such files.

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

    def load(self, path: str | Path, missing: Missing) -> Splits:
        """The training and test part of a problem, given one of its files or a folder with one problem."""
        train_path, test_path = self._pair(existing(path))
        parts = [self.to_dataset(read_bytes(p), str(p), missing) for p in (train_path, test_path)]
        return splits(*parts)

    def read(self, path: str | Path, missing: Missing) -> SequenceDataset:
        """Every sequence of a file, or of all files of the format in a folder, labelled or not."""
        path = existing(path)
        paths = self._files(path) if path.is_dir() else [path]
        if not paths:
            raise DataError(f"{path}: holds no .{self.suffix} file")
        return concatenate([self.to_dataset(read_bytes(p), str(p), missing) for p in paths])

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
        return SequenceDataset(
            sequences=[torch.from_numpy(case) for case in content.cases],
            labels=content.labels,
            metas=[{"name": f"{stem}/{i}"} for i in range(1, len(content.cases) + 1)],
            schema=Schema(content.classes, (content.dimensions,), features=features, rate=rate),
            name=content.problem or stem,
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


def splits(train: SequenceDataset, test: SequenceDataset) -> Splits:
    """Two files of one problem, with the labels in the order of the training file's classes."""
    for part, title in ((train, "TRAIN"), (test, "TEST")):
        if not part.labelled.all():
            name = part.metas[int(part.labelled.argmin())]["name"]
            raise DataError(f"{train.name}: the {title} sequence {name} has no label; training and testing need one")
    if train.schema.shape != test.schema.shape:
        raise DataError(
            f"{train.name}: the TRAIN file has {train.schema.size} dimensions and the TEST file "
            f"{test.schema.size}; they do not belong together"
        )
    return Splits(train, relabel(test, train.schema.classes, strict=True))


def _without_single_dimensions(problems: Iterable[str]) -> list[str]:
    """The archive puts each dimension of X beside X, as XDimension1, XDimension2, ...; these are left out."""
    names = sorted(problems)
    return [
        n for n in names if re.sub(r"Dimension\d+$", "", n) in (n, "") or re.sub(r"Dimension\d+$", "", n) not in names
    ]
