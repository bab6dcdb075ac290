"""Explanations of a run on images: the answer to each image, and the mask of every layer laid over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data import ImageDataset
from ..draw.charts import new_figure, wrapped
from ..draw.maps import show_image, show_mask
from ..errors import ConfigError
from ..models import ImageModel
from ..tasks.images import box_of
from ..tasks.metrics import probabilities
from ..training.saved_model import SavedModel
from .explanation import Answer, hardest_mistakes, heading
from .outcome import MISTAKES, Outcome, Request, draw_training, file_name, save_figure, write_table
from .scores import choose, draw_scores

LARGEST = 200  # images whose masks are kept at once
_DRAWN = 6  # images in a picture
_CLASSES, _COLUMNS = 20, 10  # in a picture of classes


@dataclass(frozen=True)
class ImageExplanation(Answer):
    """One image, the answer to it, and the attention to its places.

    Args:
        name, label, probabilities, schema: as in :class:`Answer`.
        image: (H, W, 3) from 0 to 1.
        masks: the attention, (layers, H, W), from 0 up.
        layers: the name of each mask.
        question: in words; empty where nothing is asked.
        region: where the object is that is asked about, bool (H, W); nowhere if none is.
        wanted, made: of a network that makes images the wanted one and its own, (H, W, 3); else None.
    """

    image: np.ndarray = field(repr=False)
    masks: np.ndarray = field(repr=False)
    layers: tuple[str, ...]
    question: str
    region: np.ndarray = field(repr=False)
    wanted: np.ndarray | None = field(default=None, repr=False)
    made: np.ndarray | None = field(default=None, repr=False)

    @property
    def together(self) -> np.ndarray:
        """The product of all masks, (H, W)."""
        product: np.ndarray = self.masks.prod(0)
        return product

    @property
    def names(self) -> tuple[str, ...]:
        """The layers, and the product of all where there are several."""
        return (*self.layers, "all multiplied") if len(self.layers) > 1 else self.layers

    def shares(self) -> list[float]:
        """The share of each mask, and last of their product, within the box round the region; [] if there is none.

        An even mask has there the share of the box in the image.
        """
        if not self.region.any():
            return []
        box = box_of(self.region)
        return [float(mask[box].sum() / max(mask.sum(), 1e-30)) for mask in (*self.masks, self.together)]

    def in_words(self) -> str:
        """The share of the attention on the object asked about, layer by layer; empty where nothing is known."""
        shares = [f"{name}: {100 * share:.0f} %" for name, share in zip(self.names, self.shares(), strict=False)]
        return f"of the attention on the object asked about, {', '.join(shares)}" if shares else ""


def explain_images(saved: SavedModel, dataset: ImageDataset, batch_size: int = 32) -> list[ImageExplanation]:
    """Explain every image of a set, of at most `LARGEST`.

    Args:
        saved: a network for images.
        dataset: the images, with their questions.
        batch_size: images at a time.

    Raises:
        ConfigError: it is a model of sequences, the images are not the model's, or there are too many.
    """
    model, schema = saved.model, saved.schema
    if not isinstance(model, ImageModel):
        raise ConfigError("a network for images is needed, but this is a model of sequences")
    if len(dataset) > LARGEST:
        raise ConfigError(f"{dataset.name}: {len(dataset)} images are too many to keep the masks of; {LARGEST} is most")
    found: dict[int, ImageExplanation] = {}
    for indices, batch in saved.batches(dataset, batch_size):
        with torch.no_grad():
            made, masks = model(batch.x, batch.question, need_attention=True)
        outputs = saved.kept(made, batch)
        placed = torch.stack(model.masks_in_image(masks), 1).cpu().double().numpy()
        pictures = batch.x.cpu().permute(0, 2, 3, 1).double().numpy()
        classes = schema.target == "class"
        answers = probabilities(outputs) if classes else outputs[:, :1]
        for row, index in enumerate(indices.tolist()):
            found[index] = ImageExplanation(
                name=str(dataset.metas[index].get("name", index)),
                label=float(dataset.labels[index]),
                probabilities=answers[row],
                schema=schema,
                image=pictures[row],
                masks=placed[row],
                layers=tuple(f"layer {layer + 1}" for layer in range(placed.shape[1])),
                question=dataset.question(index),
                region=dataset.region(index),
                wanted=None if classes else _pixels(batch.labels[row, :3]),
                made=None if classes else _pixels(made[row]),
            )
    return [found[i] for i in range(len(dataset))]


def _pixels(image: torch.Tensor) -> np.ndarray:
    """An image (3, H, W) as (H, W, 3) from 0 to 1."""
    pixels: np.ndarray = image.detach().cpu().clamp(0, 1).permute(1, 2, 0).double().numpy()
    return pixels


def explain_run(request: Request) -> Outcome:
    """Explain the images of a request: its pictures, a table of all, and what to say of them."""
    saved, dataset, folder = request.saved, request.dataset, request.folder
    assert isinstance(dataset, ImageDataset)
    classes, written = saved.schema.classes, []
    if request.one:
        explained = explain_images(saved, dataset)
        written += save_figure(layer_masks(explained, classes), folder / file_name(explained[0].name))
    else:
        outputs = saved.logits(dataset)
        if saved.schema.target == "class":
            outputs = probabilities(outputs)
            written += draw_scores(outputs, dataset.labels, classes, folder)
        explained = explain_images(saved, dataset.subset(choose(outputs, dataset, LARGEST)))
        worst = hardest_mistakes(explained, _DRAWN)
        others = [one for one in explained if one.right] or [o for o in explained if all(o is not w for w in worst)]
        if others:
            written += save_figure(layer_masks(others[:_DRAWN], classes), folder / "masks")
        written += draw_classes(explained, classes, folder)
        written += draw_mistakes(explained, classes, folder)
        written += draw_training(request)
        header = ["name", "question", "answer", *(f"share of {name}" for name in explained[0].names)]
        table = [[one.name, one.question, heading(one, classes), *one.shares()] for one in explained]
        written.append(write_table(header, table, folder / "attention.csv"))
    rows = [
        {
            "name": one.name,
            "question": one.question,
            "answer": heading(one, classes),
            "on_the_object": dict(zip(one.names, one.shares(), strict=False)),
        }
        for one in explained
    ]
    return Outcome(written, {"images": rows, "written": list(map(str, written))}, _lines(explained, classes))


def _lines(explained: list[ImageExplanation], classes: Sequence[str]) -> list[str]:
    if len(explained) == 1:
        (one,) = explained
        said = f"{one.name}: {one.question + ': ' if one.question else ''}{heading(one, classes)}"
        return [said, f"  {one.in_words()}"] if one.in_words() else [said]
    known = [one.shares() for one in explained if one.shares()]
    if not known:
        return []
    means = zip(explained[0].names, np.mean(known, axis=0), strict=False)
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in means)
    return [f"of the attention on the object asked about, mean of {len(known)}: {shares}"]


def draw_classes(explanations: Sequence[ImageExplanation], classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw the mean image and attention of each class, as classes.png and .svg; nothing where questions are asked."""
    plain = explanations[0].schema.target == "class" and not explanations[0].question
    return save_figure(class_masks(explanations, classes), folder / "classes") if plain else []


def draw_mistakes(explanations: Sequence[ImageExplanation], classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw the hardest mistakes with their masks, as mistakes.png and .svg; nothing if there are none."""
    worst = hardest_mistakes(explanations, MISTAKES)
    return save_figure(layer_masks(worst, classes), folder / "mistakes") if worst else []


def layer_masks(explanations: Sequence[ImageExplanation], classes: Sequence[str]) -> Any:
    """A figure with a row for each image: the image, the mask of every layer, and all of them multiplied.

    Each mask is scaled to its own largest value. Of a network that makes images the wanted one and its own follow.
    """
    first = explanations[0]
    columns = 1 + len(first.names) + (2 if first.made is not None else 0)
    figure = new_figure(1.75 * columns, 2.25 * len(explanations) + 0.2)
    rows = figure.subfigures(len(explanations), 1, squeeze=False)[:, 0]
    for row, one in zip(rows, explanations, strict=True):
        axes = row.subplots(1, columns)
        said = heading(one, classes)
        row.suptitle(f"{wrapped(one.question)}: {said}" if one.question else said, fontsize=9)
        show_image(axes[0], one.image)
        shares = one.shares()
        for number, (name, mask) in enumerate(zip(one.names, (*one.masks, one.together), strict=False)):
            title = f"{name}, {100 * shares[number]:.0f} %" if shares else name
            show_mask(axes[1 + number], one.image, mask, title)
        if one.made is not None and one.wanted is not None:
            show_image(axes[-2], one.wanted, "wanted")
            show_image(axes[-1], one.made, "made")
    if first.shares():
        figure.supxlabel("%: how much of the mask lies in the box round the object asked about", fontsize=8)
    return figure


def class_masks(explanations: Sequence[ImageExplanation], classes: Sequence[str]) -> Any:
    """A figure with the mean image of each class, and under it the mean over its images of all masks multiplied.

    At most 20 classes are drawn, and a title says so.
    """
    own: dict[int, list[ImageExplanation]] = {}
    for one in explanations:
        if one.labelled:
            own.setdefault(int(one.label), []).append(one)
    shown = sorted(own)[:_CLASSES]
    columns = min(len(shown), _COLUMNS)
    rows = -(-len(shown) // columns)
    figure = new_figure(1.5 * columns + 0.2, 3.4 * rows)
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for place, label in enumerate(shown):
        row, column = 2 * (place // columns), place % columns
        image = np.mean([one.image for one in own[label]], axis=0)
        show_image(axes[row, column], image, wrapped(f"{classes[label]} ({len(own[label])})"))
        show_mask(axes[row + 1, column], image, np.mean([one.together for one in own[label]], axis=0))
    if len(shown) < len(own):
        figure.suptitle(f"the first {len(shown)} of {len(own)} classes", fontsize=10)
    return figure


def compared_masks(models: Mapping[str, Sequence[ImageExplanation]], classes: Sequence[str]) -> Any:
    """A figure with a row for each image and a column for each network: the product of its masks, and its answer.

    Args:
        models: the same images explained by each network, by its name.
        classes: their names.
    """
    items = next(iter(models.values()))
    edits = items[0].made is not None
    columns = 1 + edits + len(models) * (1 + edits)
    figure = new_figure(1.5 * columns, 1.7 * len(items))
    axes = figure.subplots(len(items), columns, squeeze=False)
    for row, one in zip(axes, items, strict=True):
        show_image(row[0], one.image, one.question or classes[int(one.label)])
        if one.wanted is not None:
            show_image(row[1], one.wanted, "wanted")
    for number, (name, explained) in enumerate(models.items()):
        for row, one in zip(axes, explained, strict=True):
            at = 1 + edits + number * (1 + edits)
            show_mask(row[at], one.image, one.together, name if edits else f"{name}: {classes[one.predicted]}")
            if one.made is not None:
                show_image(row[at + 1], one.made)
    return figure
