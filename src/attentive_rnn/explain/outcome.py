"""Request and outcome of the explanation of a run's items, and the files that the media share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data import LabelledDataset
from ..data.io.files import write_csv
from ..draw import charts
from ..training import RunFolder
from ..training.run_folder import read_rows
from ..training.saved_model import SavedModel

MISTAKES = 6  # in the picture of the hardest ones


@dataclass(frozen=True)
class Request:
    """Items of a run to explain.

    Args:
        run: the run.
        saved: its model.
        train: its training sequences, as they were read.
        dataset: the items, as they were read.
        folder: of the pictures.
        one: whether a single item was asked for.
        of_run: whether the items are of the run's own data set.
        layer: whose attention it is, from 1; None: the first, or all.
        video: the film that the item is of.
        shows: of sequences "attended" or "relative", see :class:`Explanation`.
    """

    run: RunFolder
    saved: SavedModel
    train: LabelledDataset
    dataset: LabelledDataset
    folder: Path
    one: bool
    of_run: bool
    layer: int | None = None
    video: str | None = None
    shows: str = "attended"


@dataclass(frozen=True)
class Outcome:
    """The result of an explanation: the files written, what JSON says of it, and the lines of text that say it."""

    written: list[Path]
    values: dict[str, Any]
    lines: list[str] = field(default_factory=list)


def draw_training(request: Request) -> list[Path]:
    """Draw the losses of the run over its epochs, as training.png."""
    run, path = request.run, request.folder / "training.png"
    figure = charts.losses({"loss": [read_rows(run.metrics)]}, run.path.name, request.saved.task.loss_title)
    charts.save(figure, path, dpi=150)
    return [path]


def save_figure(figure: Any, path: Path) -> list[Path]:
    """Write a figure as `path`.png and .svg.

    Raises:
        ConfigError: the folder cannot be written.
    """
    written = [path.with_name(path.name + suffix) for suffix in (".png", ".svg")]
    for file in written:
        charts.save(figure, file, dpi=130)
    return written


def write_table(header: Sequence[str], rows: Sequence[Sequence[Any]], path: Path) -> Path:
    """Write rows under a header as a .csv."""
    write_csv(path, header, rows)
    return path


def file_name(item: str) -> str:
    """The name of an item as that of a file.

    Example:
        >>> file_name("clap/a b.avi")
        'clap_a_b.avi'
    """
    return re.sub(r"[^\w.-]+", "_", item).strip("._") or "item"
