"""Pictures of explanations as files, of the kind that suits the data."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Transform
from ..data.io.files import write_file
from ..draw import skeletons
from ..draw.samples import DEFAULT_RATE, film_encoder, has_bones
from . import masks, texts, timemaps
from .answer import Answer, hardest_mistakes
from .explanation import Explanation, mean_lags
from .images import ImageExplanation
from .lags import lag_bars
from .report import evaluation

if TYPE_CHECKING:
    from .films import FilmExplanation

MISTAKES = 6  # in the picture of the hardest ones


def draw_sequence(
    explanation: Explanation, classes: Sequence[str], folder: Path, image: ImageExplanation | None = None
) -> list[Path]:
    """Draw one sequence into a folder as NAME.png and .svg; a skeleton's frames in motion too, as .gif and .mp4.

    Of a sequence of pixels its `image` is drawn. The .mp4 is left out where PyAV is not installed.

    Raises:
        ConfigError: the folder cannot be written. MissingExtraError: matplotlib is not installed.
    """
    name = file_name(explanation.name)
    if image is not None:
        return draw_images([image], classes, folder, name)
    if explanation.words:
        return _save(texts.texts([explanation], classes), folder / name)
    if not has_bones(explanation.schema):
        return _save(timemaps.time_map(explanation, classes), folder / name)
    written = _save(skeletons.strips([explanation], classes), folder / name)
    frames = skeletons.film(explanation, classes)
    for suffix in (".gif", ".mp4") if find_spec("av") else (".gif",):
        path = folder / (name + suffix)
        write_file(path, film_encoder(path)(frames, explanation.schema.rate or DEFAULT_RATE))
        written.append(path)
    return written


def draw_footage(
    explanation: Explanation, video: str | Path, classes: Sequence[str], preprocessing: Transform, folder: Path
) -> list[Path]:
    """Draw the frames of a video that mattered, as NAME-frames.png and .svg; see :func:`footage.key_frames`."""
    from .footage import key_frames

    figure = key_frames(explanation, video, classes, preprocessing)
    return _save(figure, folder / (file_name(explanation.name) + "-frames"))


def draw_film_masks(
    explanation: FilmExplanation, video: str | Path, classes: Sequence[str], folder: Path
) -> list[Path]:
    """Draw frames of a film under their masks, as NAME-masks.png and .svg; see :func:`films.frame_masks`."""
    from .films import frame_masks

    return _save(frame_masks(explanation, video, classes), folder / (file_name(explanation.name) + "-masks"))


def draw_images(
    explanations: Sequence[ImageExplanation], classes: Sequence[str], folder: Path, name: str
) -> list[Path]:
    """Draw images under the masks of every layer, as `name`.png and .svg."""
    return _save(masks.layer_masks(explanations, classes), folder / name)


def draw_evaluation(answers: Sequence[Answer], classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw :func:`draw_scores` of the answers to what is labelled; nothing if nothing is."""
    known = [one for one in answers if one.labelled]
    if not known:
        return []
    outputs, labels = (np.array([one.probabilities for one in known]), np.array([one.label for one in known]))
    return draw_scores(outputs, labels, classes, folder)


def draw_scores(outputs: np.ndarray, labels: np.ndarray, classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw confusion, the accuracy of each class and calibration; of numbers the answers against the truth.

    Args:
        outputs: probabilities (N, K), or predicted numbers (N, 1).
        labels: (N,).
        classes: their names; none for numbers.
        folder: for confusion, accuracy and calibration, or answers, each .png and .svg.
    """
    made = evaluation.figures(outputs, labels, classes)
    return [path for name, figure in made.items() for path in _save(figure, folder / name)]


def draw_training(rows: Sequence[Mapping[str, float]], title: str, loss: str, folder: Path) -> list[Path]:
    """Draw the losses over the epochs, the rows of a metrics.csv, as training.png."""
    from ..draw.loss_curves import plot_losses

    folder.mkdir(parents=True, exist_ok=True)
    plot_losses({"loss": [rows]}, title, loss, folder / "training.png")
    return [folder / "training.png"]


def draw_classes(
    explanations: Sequence[Explanation] | Sequence[ImageExplanation], classes: Sequence[str], folder: Path
) -> list[Path]:
    """Draw what each class attends to on average, as classes.png and .svg; nothing of texts, numbers and questions."""
    images = [one for one in explanations if isinstance(one, ImageExplanation)]
    if images:
        plain = images[0].schema.target == "class" and not images[0].question
        return _save(masks.class_masks(images, classes), folder / "classes") if plain else []
    found = [one for one in explanations if isinstance(one, Explanation)]
    if found[0].words or found[0].schema.target != "class":
        return []
    draw = skeletons.class_averages if has_bones(found[0].schema) else timemaps.class_map
    return _save(draw(found, classes), folder / "classes")


def draw_mistakes(
    explanations: Sequence[Explanation] | Sequence[ImageExplanation], classes: Sequence[str], folder: Path
) -> list[Path]:
    """Draw the hardest mistakes with their attention, as mistakes.png and .svg; nothing if there are none."""
    images = [one for one in explanations if isinstance(one, ImageExplanation)]
    if images:
        found = hardest_mistakes(images, MISTAKES)
        return draw_images(found, classes, folder, "mistakes") if found else []
    worst = hardest_mistakes([one for one in explanations if isinstance(one, Explanation)], MISTAKES)
    if not worst:
        return []
    bones, words = has_bones(worst[0].schema), bool(worst[0].words)
    draw = skeletons.strips if bones else texts.texts if words else timemaps.time_maps
    return _save(draw(worst[: MISTAKES if not words else 3], classes), folder / "mistakes")


def draw_lags(explanations: Sequence[Explanation], first: int, folder: Path) -> list[Path]:
    """Draw how far back each layer looks on average, as lags.png and .svg; nothing if none does.

    Args:
        explanations: of the sequences that are averaged over.
        first: the lag of the first weight.
        folder: of the pictures.
    """
    weights = mean_lags(explanations)
    return _save(lag_bars(weights, dict.fromkeys(weights, first)), folder / "lags") if weights else []


def file_name(item: str) -> str:
    """The name of an item as that of a file.

    Example:
        >>> file_name("clap/a b.avi")
        'clap_a_b.avi'
    """
    return re.sub(r"[^\w.-]+", "_", item).strip("._") or "item"


def write_table(header: Sequence[str], rows: Sequence[Sequence[Any]], path: Path) -> Path:
    """Write rows under a header as a .csv."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_file(path, text.getvalue().encode())
    return path


def _save(figure: Any, path: Path) -> list[Path]:
    written = []
    for suffix in (".png", ".svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix[1:], dpi=130)
        write_file(path.with_name(path.name + suffix), buffer.getvalue())
        written.append(path.with_name(path.name + suffix))
    return written
