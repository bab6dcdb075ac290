"""Multivariate time series of the UEA archive: pairs of .ts files, X_TRAIN.ts and X_TEST.ts."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from ..errors import DataError
from . import ts
from .dataset import SequenceDataset, Splits, concatenate, relabel
from .files import existing, read_bytes
from .schema import Schema
from .source import Source

_TS = re.compile(r"(?P<problem>.+?)(_(?P<part>TRAIN|TEST))?\.ts(\.gz|\.xz)?", re.IGNORECASE)


def load(path: str | Path, missing: ts.Missing = "refuse") -> Splits:
    """The training and test part of a problem.

    Args:
        path: X_TRAIN.ts or X_TEST.ts, also .ts.gz and .ts.xz, with the other one beside it; or a folder that
            holds one such pair.
        missing: "refuse", "interpolate", "zero" or "keep"; see :func:`attentive_rnn.data.ts.parse`.

    Raises:
        DataError: a file is missing or malformed, a sequence has no label, or the two files do not fit together.
    """
    train_path, test_path = _pair(existing(path))
    parts = [to_dataset(read_bytes(p), str(p), missing) for p in (train_path, test_path)]
    return splits(*parts)


def read(path: str | Path, missing: ts.Missing = "refuse") -> SequenceDataset:
    """Every sequence of a .ts file, or of all .ts files in a folder, labelled or not.

    Raises:
        DataError: a file is malformed, or files differ in classes or dimensions.
    """
    path = existing(path)
    paths = _ts_files(path) if path.is_dir() else [path]
    if not paths:
        raise DataError(f"{path}: holds no .ts file")
    return concatenate([to_dataset(read_bytes(p), str(p), missing) for p in paths])


def recognise(path: Path) -> bool:
    """Whether the path is a .ts file or a folder with some."""
    return bool(_ts_files(path)) if path.is_dir() else _TS.fullmatch(path.name) is not None


def to_dataset(
    data: bytes,
    where: str,
    missing: ts.Missing = "refuse",
    *,
    features: tuple[str, ...] = (),
    rate: float | None = None,
) -> SequenceDataset:
    """The sequences of the bytes of one .ts file; ``where`` is its name in messages and gives its compression."""
    content = ts.parse(data, where, missing)
    match = _TS.fullmatch(Path(where).name)
    stem = Path(where).name if match is None else re.sub(r"\.ts(\.gz|\.xz)?$", "", match[0], flags=re.IGNORECASE)
    schema = Schema(content.classes, (content.dimensions,), features=features, rate=rate)
    return SequenceDataset(
        sequences=[torch.from_numpy(case) for case in content.cases],
        labels=content.labels,
        metas=[{"name": f"{stem}/{i}"} for i in range(1, len(content.cases) + 1)],
        schema=schema,
        name=content.problem or stem,
    )


def splits(train: SequenceDataset, test: SequenceDataset) -> Splits:
    """Two files of one problem, with the labels in the order of the training file's classes."""
    for part, title in ((train, "TRAIN"), (test, "TEST")):
        if (part.labels < 0).any():
            name = part.metas[int((part.labels < 0).argmax())]["name"]
            raise DataError(f"{train.name}: the {title} sequence {name} has no label; training and testing need one")
    if train.schema.shape != test.schema.shape:
        raise DataError(
            f"{train.name}: the TRAIN file has {train.schema.size} dimensions and the TEST file "
            f"{test.schema.size}; they do not belong together"
        )
    return Splits(train, relabel(test, train.schema.classes, strict=True))


def _ts_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and _TS.fullmatch(p.name))


def _pair(path: Path) -> tuple[Path, Path]:
    folder = path if path.is_dir() else path.parent
    found: dict[str, dict[str, Path]] = {}
    # The given file comes last, so that it wins over the same part stored under another suffix.
    for p in [*_ts_files(folder), *([] if path.is_dir() else [path])]:
        match = _TS.fullmatch(p.name)
        if match and match["part"]:
            found.setdefault(match["problem"], {})[match["part"].upper()] = p
    if path.is_dir():
        problems = sorted(name for name, parts in found.items() if len(parts) == 2)
        if len(problems) != 1:
            holds = f"the problems {', '.join(problems)}" if problems else "no pair X_TRAIN.ts, X_TEST.ts"
            raise DataError(f"{path}: holds {holds}; give the path of one _TRAIN.ts file")
        parts = found[problems[0]]
        return parts["TRAIN"], parts["TEST"]
    match = _TS.fullmatch(path.name)
    if match is None or not match["part"]:
        raise DataError(f"{path}: is not named X_TRAIN.ts or X_TEST.ts, so that its other part cannot be found")
    parts = found[match["problem"]]
    for part in ("TRAIN", "TEST"):
        if part not in parts:
            raise DataError(f"{path}: {match['problem']}_{part}.ts (or .gz, .xz) is not beside it")
    return parts["TRAIN"], parts["TEST"]


SOURCE = Source(
    name="uea",
    title="UEA time series: X_TRAIN.ts and X_TEST.ts, also .gz and .xz",
    load=load,
    recognise=recognise,
    read=read,
    check_options={"missing": "keep"},
)
