"""Explanations of films: frames that were attended to most, masks over frames, and the attention on people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ..data import SequenceDataset, Transform
from ..data.dataset import sequences_only
from ..data.skeletons.silhouettes import cover
from ..draw.charts import new_figure, without_frame
from ..draw.colours import BLUE, ORANGE
from ..draw.maps import show_image, show_mask
from ..errors import ConfigError, DataError
from ..models import MapClassifier
from ..tasks.metrics import Interval, probabilities, with_normal_interval
from ..training.saved_model import SavedModel
from ..video import read_frames
from .explanation import Answer, Explanation, heading, origins
from .outcome import Outcome, Request, draw_training, file_name, save_figure
from .scores import draw_scores

_FRAMES = 8  # in a picture


@dataclass(frozen=True)
class FilmExplanation(Answer):
    """One film and the attention to the places of its frames.

    Args:
        name, label, probabilities, schema: as in :class:`Answer`.
        masks: (T, h, w), one for each frame whose features were kept.
        every: frames of the film from one of these to the next.
    """

    masks: np.ndarray = field(repr=False)
    every: int


def explain_run(request: Request) -> Outcome:
    """Explain one film of maps of features, or draw how right the answers to all are.

    Raises:
        ConfigError: one film was asked for without its video.
    """
    saved, dataset, folder = request.saved, request.dataset, request.folder
    classes = saved.schema.classes
    if request.one:
        if request.video is None:
            raise ConfigError("a run on maps of features holds no pictures: give the film with --video FILE")
        one = explain_film(saved, sequences_only(dataset))
        said = {"name": one.name, "answer": heading(one, classes)}
        figure = frame_masks(one, request.video, classes)
        written = save_figure(figure, folder / (file_name(one.name) + "-masks"))
        lines = [f"{one.name}: {said['answer']}"]
    else:
        said, lines = {}, []
        written = draw_scores(probabilities(saved.logits(dataset)), dataset.labels, classes, folder)
        written += draw_training(request)
    return Outcome(written, {**said, "written": list(map(str, written))}, lines)


def explain_film(saved: SavedModel, dataset: SequenceDataset) -> FilmExplanation:
    """Explain the first film of a data set of maps of features.

    Raises:
        ConfigError: it is a model of something else.
    """
    model = _map_classifier(saved)
    _, batch = next(saved.batches(dataset.subset([0])))
    with torch.no_grad():
        logits, masks = model(batch.x, batch.lengths, need_attention=True)
    return FilmExplanation(
        name=str(dataset.metas[0].get("name", 0)),
        label=float(dataset.labels[0]),
        probabilities=probabilities(saved.kept(logits, batch))[0],
        schema=saved.schema,
        masks=masks[0, :, 0].cpu().double().numpy(),
        every=int(dataset.metas[0].get("every", 1)),
    )


def _map_classifier(saved: SavedModel) -> MapClassifier:
    if not isinstance(saved.model, MapClassifier):
        raise ConfigError(f"a model of maps of features is needed, but this is {type(saved.model).__name__}")
    return saved.model


def frame_masks(explanation: FilmExplanation, video: str | Path, classes: Sequence[str]) -> Any:
    """A figure: frames of the film, evenly spread, and under each the attention laid over it.

    Args:
        explanation: of the film.
        video: the file.
        classes: their names.

    Raises:
        DataError: it cannot be read, or is shorter than the film that was explained.
        MissingExtraError: PyAV is not installed.
    """
    steps = len(explanation.masks)
    shown = np.unique(np.linspace(0, steps - 1, _FRAMES).round().astype(int)).tolist()
    images, _ = _read(video, [step * explanation.every for step in shown])
    if len(images) < len(shown):
        raise DataError(f"{video}: has fewer frames than {explanation.name}, of which {steps} were read")
    figure = new_figure(1.5 * len(shown), 3.0)
    axes = figure.subplots(2, len(shown), squeeze=False)
    for column, step in enumerate(shown):
        number = step * explanation.every
        image = images[number] / 255
        rows, columns = (np.arange(n) * m // n for n, m in zip(image.shape, explanation.masks.shape[1:], strict=False))
        show_image(axes[0, column], image, str(number))
        show_mask(axes[1, column], image, explanation.masks[step][rows][:, columns])
    figure.suptitle(f"{heading(explanation, classes)}; over each frame the attention to its places", fontsize=9)
    return figure


def key_frames(explanation: Explanation, video: str | Path, classes: Sequence[str], preprocessing: Transform) -> Any:
    """A figure: how much is let in of the frames of a video over time, and frames of it, those of most marked.

    Args:
        explanation: of the features of the video's frames.
        video: the file.
        classes: their names.
        preprocessing: of the features; it may leave out frames.

    Raises:
        DataError: it cannot be read, has not as many frames as there are features, or a step is made of several.
        MissingExtraError: PyAV is not installed.
    """
    course = explanation.course
    order = origins(preprocessing, (len(explanation.frames), 1))
    if order is None or order.size != len(course):
        raise DataError(f"{explanation.name}: a step is made of several frames, which cannot be shown as one")
    at = order.ravel()
    most = explanation.key_steps()
    even = np.linspace(0, len(course) - 1, _FRAMES).round().astype(int).tolist()
    # Those attended to most take the places of the nearest of the evenly spread ones.
    for step in most:
        free = [i for i, other in enumerate(even) if other not in most]
        if step not in even and free:
            even[min(free, key=lambda i: abs(even[i] - step))] = step
    shown = sorted(set(even))
    images, count = _read(video, at[shown].tolist())
    if count != len(explanation.frames):
        raise DataError(f"{video}: has {count} frames, but {explanation.name} has {len(explanation.frames)}")
    figure = new_figure(1.35 * len(shown) + 0.4, 3.6)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.4, 1.0])
    axis = upper.subplots()
    axis.plot(at, course, color=BLUE, linewidth=1.5)
    axis.plot(at[most], course[most], "o", color=ORANGE, markersize=7)
    axis.set_xlabel("frame", fontsize=8)
    unit = "times the mean frame's" if explanation.shows == "attended" else explanation.quantity.unit
    axis.set_ylabel(f"{explanation.quantity.name},\n{unit}", fontsize=8)
    axis.tick_params(labelsize=8)
    without_frame(axis)
    for cell, step in zip(lower.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        cell.imshow(images[at[step]])
        cell.set(xticks=[], yticks=[])
        marked = step in most
        cell.spines[:].set(color=ORANGE if marked else "0.8", linewidth=3 if marked else 1)
        cell.set_title(f"{at[step]}: {course[step]:.3f}", fontsize=8, color=ORANGE if marked else "0.2")
    figure.suptitle(f"{heading(explanation, classes)}; the frames attended to most in orange", fontsize=9)
    return figure


def _read(video: str | Path, wanted: Sequence[int]) -> tuple[dict[int, np.ndarray], int]:
    """Frames of a video by their numbers from 0, and how many it has."""
    images, count = {}, 0
    for frame in read_frames(video, largest=320):
        if count in wanted:
            images[count] = frame.image
        count += 1
    return images, count


class OnPeople(NamedTuple):
    """Shares from 0 to 1 with their 95 % intervals over the films, each film the mean of its frames.

    ``attention``: of the mask on the person; ``area``: of the frame that the person covers, which an even mask has;
    ``gain``: their difference; ``frames``: how many were looked at.
    """

    attention: Interval
    area: Interval
    gain: Interval
    frames: int


def attention_on_people(
    saved: SavedModel, dataset: SequenceDataset, silhouettes: Mapping[str, np.ndarray], batch_size: int = 16
) -> OnPeople:
    """Compare a model's masks with where the person is.

    A frame's share is the sum over the cells of the mask times the part of the cell that the person covers, over the
    sum of the mask.

    Args:
        saved: a model of maps of features.
        dataset: films of maps, each with ``meta["name"]`` and ``meta["every"]``.
        silhouettes: bool (T, rows, columns) of each film by name; see :func:`read_silhouettes`.
        batch_size: films at a time.

    Raises:
        ConfigError: the model is one of something else, or the frames are not the model's.
        DataError: a film has no silhouettes. Frames past their end, which some films have, are left out.
    """
    model = _map_classifier(saved)
    shares, even, frames = np.empty(len(dataset)), np.empty(len(dataset)), 0
    for indices, batch in saved.batches(dataset, batch_size):
        with torch.no_grad():
            _, masks = model(batch.x, batch.lengths, need_attention=True)
        lengths, found = batch.lengths.tolist(), masks[:, :, 0].double().cpu().numpy()
        for i, meta, length, mask in zip(indices, batch.metas, lengths, found, strict=True):
            inside = _covered(meta, length, silhouettes, mask.shape[1:])
            own = mask[: len(inside)]
            shares[i] = ((own * inside).sum((1, 2)) / own.sum((1, 2))).mean()
            even[i] = inside.mean()
            frames += len(inside)
    return OnPeople(
        with_normal_interval(shares), with_normal_interval(even), with_normal_interval(shares - even), frames
    )


def _covered(
    meta: Mapping[str, object], length: int, silhouettes: Mapping[str, np.ndarray], size: tuple[int, ...]
) -> np.ndarray:
    """The part of each cell that the person covers, (T, *size)."""
    name = str(meta["name"])
    if name not in silhouettes:
        raise DataError(f"{name}: there are no silhouettes of this film")
    return cover(silhouettes[name][:: int(str(meta["every"]))][:length], (size[0], size[1]))
