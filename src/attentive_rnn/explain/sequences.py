"""Explanations of a run on sequences in pictures and words: skeletons, signals, texts, and pixels as images."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Transform
from ..data.dataset import sequences_only
from ..draw import films, maps, projection, skeletons
from ..draw.charts import Drawing
from ..draw.colours import TRACES
from ..errors import installed
from . import images, lags, scores, words
from .explanation import Explanation, class_relevance, explain, hardest_mistakes, heading, most_attended, origins
from .films import key_frames
from .images import ImageExplanation
from .outcome import MISTAKES, Outcome, Request, draw_training, file_name, save_figure, write_table
from .response import has_gate, stored_usual

PIXELS = "pixels"  # the reader whose sequences are images, row by row
_DRAWN = 8  # sequences of a file that are drawn one by one
_TEXTS = 3  # in the picture of the hardest mistakes


def explain_run(request: Request) -> Outcome:
    """Explain the sequences of a request: its pictures, a table of all, and what to say of them.

    Raises:
        ConfigError: there is no such layer, or it has neither a gate nor lags.
    """
    saved, folder = request.saved, request.folder
    dataset, train = sequences_only(request.dataset), sequences_only(request.train)
    config, classes = saved.classifier.config, saved.schema.classes
    layer = 0 if request.layer is None else request.layer - 1
    looks_back = config["cell"] == "rra" and config["lags"] > 0
    gated = has_gate(saved, layer)
    # A layer that looks back and has no gate still has lags to show; of any other this says what is missing.
    usual = stored_usual(request.run.model, saved, train, layer) if gated or not looks_back else None
    explanations = explain(saved, dataset, usual, layer, shows=request.shows)
    mean_lags = lags.mean_lags(explanations)
    written = lags.draw_lags(mean_lags, config["first_lag"], folder)
    pixels = None
    if gated and layer == 0 and request.run.read_config().data.source == PIXELS:
        pixels = as_images(explanations, saved.preprocessing)
    if gated and (request.one or (not request.of_run and len(dataset) <= _DRAWN)):
        for number, one in enumerate(explanations):
            written += draw_sequence(one, classes, folder, None if pixels is None else pixels[number])
            if request.video is not None:
                figure = key_frames(one, request.video, classes, saved.preprocessing)
                written += save_figure(figure, folder / (file_name(one.name) + "-frames"))
    if not request.one:
        if gated and any(one.labelled for one in explanations):
            if pixels is None:
                written += [*draw_classes(explanations, folder), *draw_mistakes(explanations, classes, folder)]
            else:
                written += images.draw_classes(pixels, classes, folder)
                written += images.draw_mistakes(pixels, classes, folder)
        known = [one for one in explanations if one.labelled]
        if layer == 0 and known:
            outputs, labels = (np.array([one.probabilities for one in known]), np.array([one.label for one in known]))
            written += scores.draw_scores(outputs, labels, classes, folder)
        if layer == 0 and request.of_run:
            written += draw_training(request)
        written.append(_table(explanations, gated, folder / "attention.csv"))
        if best := words.class_words(explanations):
            rows = [
                (name, *one[:1], f"{one.weight:.5f}", f"{one.relevance:.4f}", one.texts)
                for name in best
                for one in best[name]
            ]
            written.append(write_table(("class", "word", "weight", "attention", "texts"), rows, folder / "words.csv"))
    said: dict[str, Any] = {"sequences": _values(explanations, gated), "written": list(map(str, written))}
    if mean_lags:
        said["lags"] = {name: dict(enumerate(mean.tolist(), config["first_lag"])) for name, mean in mean_lags.items()}
    return Outcome(written, said, _lines(explanations, gated, mean_lags, config["first_lag"]))


def draw_sequence(
    explanation: Explanation, classes: Sequence[str], folder: Path, image: ImageExplanation | None = None
) -> list[Path]:
    """Draw one sequence into a folder as NAME.png and .svg; a skeleton's frames in motion too, as .gif and .mp4.

    Of a sequence of pixels its `image` is drawn. The .mp4 is left out where PyAV is not installed.

    Raises:
        ConfigError: the folder cannot be written. MissingExtraError: matplotlib is not installed.
    """
    name, schema = file_name(explanation.name), explanation.schema
    if image is not None:
        return save_figure(images.layer_masks([image], classes), folder / name)
    if explanation.kind == "map":
        return save_figure(time_map(explanation, classes), folder / name)
    written = save_figure(_rows([explanation], classes), folder / name)
    if explanation.kind == "skeleton":
        shown = drawing(explanation, classes)
        pictures = skeletons.film(heading(explanation, classes), shown.points, schema, shown.relevance, shown.quantity)
        for suffix in (".gif", ".mp4") if installed("av") else (".gif",):
            written.append(folder / (name + suffix))
            films.write_film(written[-1], pictures, schema.rate or films.DEFAULT_RATE)
    return written


def draw_classes(explanations: Sequence[Explanation], folder: Path) -> list[Path]:
    """Draw what each class attends to on average, as classes.png and .svg; nothing of texts and numbers."""
    first = explanations[0]
    if first.words or first.schema.target != "class":
        return []
    found, names = class_relevance(explanations), [group.name for group in first.groups]
    if first.kind == "map":
        return save_figure(maps.class_map(found, names, first.quantity), folder / "classes")
    frames = [projection.flatten(one.positions[:1], one.schema)[0] for one in explanations]
    pose = projection.clearest_pose(frames)
    return save_figure(skeletons.class_averages(found, pose, names, first.schema, first.quantity), folder / "classes")


def draw_mistakes(explanations: Sequence[Explanation], classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw the hardest mistakes with their attention, as mistakes.png and .svg; nothing if there are none."""
    worst = hardest_mistakes(explanations, _TEXTS if explanations[0].words else MISTAKES)
    return save_figure(_rows(worst, classes), folder / "mistakes") if worst else []


def time_map(explanation: Explanation, classes: Sequence[str]) -> Any:
    """A figure: the elements attended to most, over time; under them the relevance of every group at every step."""
    groups, names = explanation.groups, explanation.schema.features
    order = np.argsort(-explanation.relevance.mean(0), kind="stable")
    shown = [i for group in order for i in groups[group].elements][: len(TRACES)]
    signals = [(names[i] if names else _element(explanation, i), explanation.inputs[:, i]) for i in shown]
    return maps.time_map(drawing(explanation, classes), [group.name for group in groups], signals)


def drawing(explanation: Explanation, classes: Sequence[str], between: str = "\n") -> Drawing:
    """A sequence to draw, under its heading and the groups attended to most."""
    title = f"{heading(explanation, classes)}{between}{explanation.in_words()}"
    if explanation.kind != "skeleton":
        return Drawing(title, explanation.relevance, words=explanation.words, quantity=explanation.quantity)
    points = projection.flatten(explanation.positions, explanation.schema)
    return Drawing(title, explanation.relevance.reshape(points.shape[:-1]), points, quantity=explanation.quantity)


def as_images(explanations: Sequence[Explanation], preprocessing: Transform) -> list[ImageExplanation] | None:
    """Explanations of pixel sequences as those of images; None if the steps are not the pixels of square images.

    The mask is what the explanations show, between its limits as 0 to 1; of three colours the mean.

    Args:
        explanations: of frames of one or three numbers, from -1 to 1, in raster order.
        preprocessing: of the sequences; steps may be moved and joined, values standardised.
    """
    quantity = explanations[0].quantity
    low, high = quantity.limits(np.concatenate([one.elements.ravel() for one in explanations]))
    shape = explanations[0].frames.shape
    colours, side = shape[-1], isqrt(shape[0])
    order = origins(preprocessing, shape)
    if order is None or colours not in (1, 3) or side * side != shape[0]:
        return None
    if not np.array_equal(np.sort(order, None), np.arange(np.prod(shape))):
        return None
    found = []
    for one in explanations:
        if one.frames.shape != shape or one.response.size != order.size:
            return None
        response = np.empty(order.size)
        response[order.ravel()] = one.elements.ravel()
        share = np.clip((response - low) / (high - low), 0, 1).reshape(side, side, colours).mean(-1)
        image = (one.frames.reshape(side, side, colours) + 1) / 2
        found.append(
            ImageExplanation(
                name=one.name,
                label=one.label,
                probabilities=one.probabilities,
                schema=one.schema,
                image=np.repeat(image, 3, -1) if colours == 1 else image,
                masks=share[None],
                layers=(f"{quantity.name}, {quantity.form.format(low)} to {quantity.form.format(high)}",),
                question="",
                region=np.zeros((side, side), dtype=bool),
            )
        )
    return found


def _rows(explanations: Sequence[Explanation], classes: Sequence[str]) -> Any:
    """A figure with a row for each sequence."""
    kind = explanations[0].kind
    shown = [drawing(one, classes, "\n" if kind == "skeleton" else ": ") for one in explanations]
    if kind == "skeleton":
        return skeletons.strips(shown, explanations[0].schema)
    return maps.coloured_texts(shown) if kind == "words" else maps.time_maps(shown)


def _element(explanation: Explanation, index: int) -> str:
    group = next(group for group in explanation.groups if index in group.elements)
    schema = explanation.schema
    axes = schema.axes if len(schema.shape) == 3 and schema.vector[0] <= 3 else tuple("xyz")
    axis = "" if len(group.elements) == 1 else f" {axes[group.elements.index(index) % len(axes)]}"
    return group.name + axis


def _table(explanations: list[Explanation], gated: bool, path: Path) -> Path:
    """A row for each sequence: the truth, the model's answer, and the mean over time of what is shown of each group."""
    names = [group.name for group in explanations[0].groups] if gated else []
    rows = [
        [*_answer(one).values(), *(f"{value:.4f}" for value in (one.relevance.mean(0) if gated else ()))]
        for one in explanations
    ]
    return write_table([*_answer(explanations[0]), *names], rows, path)


def _answer(one: Explanation) -> dict[str, Any]:
    """The name, the truth, where it is known, and the model's answer."""
    if one.schema.target == "number":
        number = float(one.label) if one.labelled else None
        return {"name": one.name, "truth": number, "predicted": float(one.probabilities[0]), "probability": None}
    classes = one.schema.classes
    return {
        "name": one.name,
        "truth": classes[int(one.label)] if one.labelled else None,
        "predicted": classes[one.predicted],
        "probability": float(one.probabilities.max()),
    }


def _values(explanations: list[Explanation], gated: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for one in explanations:
        rows.append(_answer(one))
        if gated:
            means = one.relevance.mean(0).tolist()
            rows[-1][one.shows] = {group.name: value for group, value in zip(one.groups, means, strict=True)}
            rows[-1]["steps"] = one.key_steps()
    return rows


def _lines(explanations: list[Explanation], gated: bool, mean_lags: dict[str, np.ndarray], first_lag: int) -> list[str]:
    classes, lines = explanations[0].schema.classes, []
    if len(explanations) <= _DRAWN:
        for one in explanations:
            said = heading(one, classes)  # begins with the name where the truth is not known
            lines.append(f"{one.name}: {said}" if one.labelled else said)
            if gated:
                steps = ", ".join(map(str, one.key_steps()))
                lines.append(f"  attended to most: {one.in_words()}; most at steps {steps}")
    elif gated and explanations[0].words:
        for name, best in words.class_words(explanations).items():
            lines.append(f"{name}: {words.in_words(best)}")
    elif gated:
        names = [group.name for group in explanations[0].groups]
        for name, relevance in class_relevance(explanations).items():
            lines.append(f"{name}: {most_attended(relevance, names, explanations[0].quantity)}")
    for name, mean in mean_lags.items():
        weights = ", ".join(f"{lag}: {weight:.2f}" for lag, weight in enumerate(mean, first_lag))
        lines.append(f"{name} weighs its outputs of so many steps ago by {weights}")
    return lines
