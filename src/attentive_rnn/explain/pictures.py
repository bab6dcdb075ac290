"""Pictures of explanations as files, of the kind that suits the data."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..data.picture import DEFAULT_RATE, film_encoder, has_bones
from ..training.files import write_file
from . import skeletons, texts, timemaps
from .explanation import Explanation, hardest_mistakes

MISTAKES = 6  # in the picture of the hardest ones


def draw_sequence(explanation: Explanation, classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw one sequence into a folder as NAME.png and .svg; a skeleton's frames in motion too, as .gif and .mp4.

    The .mp4 is left out where PyAV is not installed.

    Raises:
        ConfigError: the folder cannot be written. MissingExtraError: matplotlib is not installed.
    """
    name = re.sub(r"[^\w.-]+", "_", explanation.name).strip("._") or "sequence"
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


def draw_classes(explanations: Sequence[Explanation], classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw what each class attends to on average, as classes.png and .svg; nothing of texts and of numbers."""
    if explanations[0].words or explanations[0].schema.target != "class":
        return []
    draw = skeletons.class_averages if has_bones(explanations[0].schema) else timemaps.class_map
    return _save(draw(explanations, classes), folder / "classes")


def draw_mistakes(explanations: Sequence[Explanation], classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw the hardest mistakes with their attention, as mistakes.png and .svg; nothing if there are none."""
    worst = hardest_mistakes(explanations, MISTAKES)
    if not worst:
        return []
    bones, words = has_bones(worst[0].schema), bool(worst[0].words)
    draw = skeletons.strips if bones else texts.texts if words else timemaps.time_maps
    return _save(draw(worst[: MISTAKES if not words else 3], classes), folder / "mistakes")


def _save(figure: Any, path: Path) -> list[Path]:
    written = []
    for suffix in (".png", ".svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix[1:], dpi=130)
        write_file(path.with_name(path.name + suffix), buffer.getvalue())
        written.append(path.with_name(path.name + suffix))
    return written
