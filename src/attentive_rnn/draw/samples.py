"""Pictures of a data set: samples of its classes, and one sequence in motion."""

from __future__ import annotations

import textwrap
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from ..data.dataset import LabelledDataset, SequenceDataset, sequences_only
from ..data.io.files import check_writable, write_file
from ..data.registry import read_all, read_sequences
from ..data.stored.sample import evenly, step
from ..data.text.words import decode
from ..errors import DataError
from . import films, projection, skeletons
from .charts import draw_ranges, encoded, new_figure, without_frame, wrapped
from .colours import TRACES

PICTURES = (".png", ".svg")
_CLASSES, _FRAMES = 10, 6  # the most that one picture shows
_WORDS, _COLUMNS = 60, 110  # of a text, and of a line of it


def draw_samples(data: str | Path | SequenceDataset, out: str | Path, overwrite: bool = False, **options: Any) -> Path:
    """Draw one sequence of each class, as a .png or .svg.

    Skeletons: a row for each class with six frames from its start to its end, each centred on its body. Features:
    the range of each, and their course in one sequence of each class. Texts: the words of one of each class, and the
    lengths of all. At most ten classes are shown.

    Args:
        data: a data set, or the path of one.
        out: the picture.
        overwrite: whether a file at ``out`` may be replaced.
        options: of the reader.

    Returns:
        The path of the picture.

    Raises:
        DataError: the data cannot be read.
        ConfigError: another suffix, or ``out`` is there already or cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    out = check_writable(out, PICTURES, overwrite)
    dataset = sequences_only(data) if isinstance(data, LabelledDataset) else read_all(data, **options)
    draw = _draw_texts if dataset.schema.vocabulary else _draw_features
    draw = _draw_skeletons if skeletons.has_skeletons(dataset.schema) else draw
    write_file(out, encoded(draw(dataset, _one_of_each_class(dataset)), out.suffix, dpi=120))
    return out


def animate(
    data: str | Path | SequenceDataset, item: int | str, out: str | Path, overwrite: bool = False, **options: Any
) -> Path:
    """Show one skeleton sequence as a film, .gif or .mp4, at the rate of the data (15 frames per second if unknown).

    Args:
        data: a data set, or the path of one.
        item: the index of the sequence, or its ``meta["name"]``.
        out: the film.
        overwrite: whether a file at ``out`` may be replaced.
        options: of the reader.

    Returns:
        The path of the film.

    Raises:
        DataError: the data cannot be read, there is no such sequence, or it is no skeleton with a layout.
        ConfigError: another suffix, or ``out`` is there already or cannot be written.
        MissingExtraError: matplotlib, or PyAV for .mp4, is not installed.
    """
    out = check_writable(out, (".gif", ".mp4"), overwrite)
    if out.suffix.lower() == ".mp4":
        films.import_av()  # says what is missing before the data are read
    dataset = sequences_only(data) if isinstance(data, LabelledDataset) else read_sequences(data, **options)
    index, schema = find_item(dataset, item), dataset.schema
    if not skeletons.has_skeletons(schema):
        raise DataError(f"{dataset.name}: only skeletons with a joint layout can be shown as a film")
    points = projection.flatten(dataset[index].sequence.numpy(), schema)
    pictures = skeletons.film(title_of(dataset, index), points, schema)
    films.write_film(out, pictures, schema.rate or films.DEFAULT_RATE)
    return out


def find_item(dataset: LabelledDataset, item: int | str) -> int:
    """The index of a sequence that is given by index or by name; DataError if there is none."""
    if isinstance(item, str):
        names = [meta.get("name") for meta in dataset.metas]
        if item in names:
            return names.index(item)
        if not item.lstrip("-").isdigit():
            raise DataError(f"{dataset.name}: there is no sequence {item!r}; the first is {names[0]!r}")
    index = int(item)
    if not 0 <= index < len(dataset):
        raise DataError(f"{dataset.name}: there is no sequence {index}; they go from 0 to {len(dataset) - 1}")
    return index


def title_of(dataset: SequenceDataset, index: int) -> str:
    """The class or the number of a sequence, or the name of one that is not labelled."""
    label = dataset.labels[index]
    if not dataset.labelled[index]:
        return str(dataset.metas[index].get("name", index))
    return f"{label:.4g}" if dataset.schema.target == "number" else dataset.schema.classes[label]


def _one_of_each_class(dataset: SequenceDataset) -> list[int]:
    """The sequence of median length of each of the first classes; of unlabelled data the first ones."""
    chosen = []
    for label in range(len(dataset.schema.classes)):
        found = np.flatnonzero(dataset.labels == label)
        if len(found):
            chosen.append(int(found[np.argsort(dataset.lengths[found], kind="stable")[len(found) // 2]]))
    return (chosen or list(range(len(dataset))))[:_CLASSES]


def _heading(dataset: SequenceDataset, shown: int) -> str:
    classes = len(dataset.schema.classes)
    part = f"{shown} of {classes} classes" if classes > shown else f"{classes} classes"
    other = "numbers to predict" if dataset.schema.target == "number" else "not labelled"
    return f"{dataset.name or 'data'}: {len(dataset)} sequences, {part if classes else other}"


def _draw_skeletons(dataset: SequenceDataset, chosen: list[int]) -> Any:
    figure = new_figure(1.6 * _FRAMES + 1.6, 1.65 * len(chosen) + 0.9)
    axes = figure.subplots(len(chosen), _FRAMES, squeeze=False)
    for row, index in zip(axes, chosen, strict=True):
        frames = dataset[index].sequence.numpy()
        times, centred, reach = projection.spread(projection.flatten(frames, dataset.schema), _FRAMES)
        for axis in row:
            axis.set_axis_off()
        for axis, t, points in zip(row, times, centred, strict=False):
            skeletons.draw_skeletons(axis, points, dataset.schema)
            skeletons.square_window(axis, (0, 0), 1.08 * reach)
            axis.text(0.5, 0, f"frame {t}", transform=axis.transAxes, ha="center", va="top", fontsize=7)
        row[0].set_axis_on()
        row[0].set(xticks=[], yticks=[])
        row[0].spines[:].set_visible(False)
        row[0].set_ylabel(wrapped(title_of(dataset, index)), rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle(f"{_heading(dataset, len(chosen))}; frames of one sequence each", fontsize=11)
    skeletons.side_legend(figure, dataset.schema)
    return figure


def _draw_texts(dataset: SequenceDataset, chosen: list[int]) -> Any:
    texts = [decode(dataset.sequences[i][:_WORDS], dataset.schema.vocabulary) for i in chosen]
    lines = [textwrap.wrap(" ".join(text), _COLUMNS) for text in texts]
    heights = [3.0, *(0.4 + 0.2 * len(one) for one in lines)]
    figure = new_figure(10.5, sum(heights) + 0.6)
    upper, *axes = figure.subplots(len(heights), 1, height_ratios=heights)
    upper.hist(dataset.lengths, bins=min(40, max(1, len(np.unique(dataset.lengths)))), color=TRACES[0][0])
    upper.set_xlabel("words", fontsize=8)
    upper.set_ylabel("texts", fontsize=8)
    without_frame(upper)
    for axis, index, one in zip(axes, chosen, lines, strict=True):
        axis.set_axis_off()
        axis.set_title(title_of(dataset, index), fontsize=9, loc="left")
        axis.text(0, 1, "\n".join(one), fontsize=8, family="monospace", va="top", transform=axis.transAxes)
    figure.suptitle(_heading(dataset, len(chosen)).replace(" sequences,", " texts,"), fontsize=11)
    return figure


def _draw_features(dataset: SequenceDataset, chosen: list[int]) -> Any:
    columns = min(len(chosen), 5)
    rows = ceil(len(chosen) / columns)
    figure = new_figure(10.5, 3.4 + 1.9 * rows)
    upper, lower = figure.subfigures(2, 1, height_ratios=[3.0, 1.9 * rows + 0.4])
    values = evenly(dataset.sequences, step(dataset.sequences, dataset.schema.size)).flatten(1).numpy()
    names = dataset.schema.features or tuple(f"feature {i}" for i in range(dataset.schema.size))
    draw_ranges(upper, values, names)
    upper.suptitle(f"{_heading(dataset, len(chosen))}: range of each feature", fontsize=11)
    deviations = np.nan_to_num(np.nanstd(values, axis=0))
    drawn = sorted(np.argsort(-deviations, kind="stable")[: len(TRACES)].tolist())
    axes = lower.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axis, index in zip(axes, chosen, strict=False):
        sequence = dataset[index].sequence.flatten(1).numpy()
        for (colour, style), feature in zip(TRACES, drawn, strict=False):
            axis.plot(sequence[:, feature], color=colour, linestyle=style, linewidth=1.3, label=names[feature])
        axis.set_title(title_of(dataset, index), fontsize=9)
        axis.tick_params(labelsize=7)
        axis.xaxis.get_major_locator().set_params(integer=True)
        without_frame(axis)
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    lower.legend(handles, labels, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8)
    for axis in axes[max(0, len(chosen) - columns) : len(chosen)]:
        axis.set_xlabel("frame", fontsize=8)
    what = "all features" if len(drawn) == len(names) else f"the {len(drawn)} features of largest spread"
    lower.suptitle(f"one sequence of each class, {what}", fontsize=10)
    return figure
