"""Tasks on images: a class, with or without a question, or a changed image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import Batch, ImageDataset, LabelledDataset, Schema, collate
from ..errors import ConfigError
from ..models import AttentiveResNet, ImageEditor, ImageModel, ProgressiveAttention, QuestionAnswerer
from .base import Metric, Model, Task, register
from .classification import Classification
from .metrics import with_normal_interval

NETWORKS: dict[str, Callable[..., ImageModel]] = {
    "resnet": AttentiveResNet,
    "progressive": ProgressiveAttention,
    "answerer": QuestionAnswerer,
    "editor": ImageEditor,
}
SCALES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # the ends of the buckets by which Seo et al. report accuracy


class ImageTask(Task):
    """The network by its name, and where its attention lies."""

    section = "vision"
    explanation = "images"
    item = step = "image"

    def build(self, options: Mapping[str, Any], frame_size: int) -> Model:
        network, schema = options["network"], self.schema
        channels, height, width = schema.shape
        if channels != 3 or height != width:
            raise ConfigError(f"vision: images must be square and of 3 colours, got {schema.shape}")
        if network not in NETWORKS:
            raise ConfigError(f"vision.network is {network!r}, which is none for images")
        if (network == "editor") != (schema.target == "image"):
            wanted = "editor" if schema.target == "image" else "another one: the data have classes"
            raise ConfigError(f"vision.network is {network!r}; for these data it must be {wanted}")
        if (network == "resnet") != (not schema.vocabulary):
            what = "that takes the questions of these data" if schema.vocabulary else "for images without questions"
            raise ConfigError(f"vision.network is {network!r}, which is none {what}")
        keys = ["channels", "attention", "hidden_size", "block"]
        keys += ["blocks", "channel_gate"] if network == "resnet" else ["reader", "reader_size"]
        keys += ["dropout"] * (network in ("progressive", "answerer"))
        given = {key: value for key, value in self.arguments(schema).items() if value is not None}
        try:
            return NETWORKS[network](**given, **{key: options[key] for key in keys})
        except ValueError as error:
            raise ConfigError(f"vision: {error}") from error

    def arguments(self, schema: Schema) -> dict[str, Any]:
        *_, size = schema.shape
        return {
            "image_size": size if schema.shape == (3, size, size) else None,
            "num_classes": schema.outputs or None,
            "words": len(schema.vocabulary) or None,
        }

    def divides(self, model: Model) -> bool:
        return False  # batch normalisation is over whole batches; and images of one size need no padding

    def run(self, model: torch.nn.Module, batch: Batch) -> Tensor:
        output: Tensor = model(batch.x, batch.question)
        return output

    def examine(self, model: torch.nn.Module, dataset: LabelledDataset, outputs: np.ndarray) -> dict[str, Any]:
        assert isinstance(model, ImageModel)
        assert isinstance(dataset, ImageDataset)
        values = self.judged(outputs, dataset.labels)
        found: dict[str, Any] = {}
        if all("scale" in meta for meta in dataset.metas):
            scales = np.array([meta["scale"] for meta in dataset.metas])
            found["by_scale"] = [
                {"from": low, "to": high, **_mean(values[(low <= scales) & (scales < high)])}
                for low, high in pairwise(SCALES)
            ]
        if all("kind" in meta for meta in dataset.metas):
            kinds = dataset.groups("kind")
            found["by_kind"] = {str(kind): _mean(values[kinds == kind]) for kind in np.unique(kinds)}
        if dataset.asked.any():
            found["attention"] = attention_on_object(model, dataset)
        return found

    @abstractmethod
    def judged(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The metric of each item, (N,)."""

    def details(self, test: dict[str, Any]) -> dict[str, float]:
        factor = 100 if self.metric.percent else 1
        found = {title: factor * row["mean"] for title, row in _groups(test, "{from:g}-{to:g}")}
        if "attention" in test:
            found["% on digit"] = 100 * test["attention"]["together"]
        return found

    def extra_lines(self, test: dict[str, Any]) -> list[str]:
        """The lines that a command prints of :meth:`examine`."""
        groups = _groups(test, "scale {from:g} to {to:g}")
        lines = [f"{title:16} {self.metric.in_words(row['mean'])} of {row['count']}" for title, row in groups]
        if "attention" in test:
            on = test["attention"]
            lines.append(
                f"attention        {100 * on['together']:.1f} % of it lies on the digit asked about "
                f"(which is {100 * on['area']:.1f} % of the image); "
                f"layer by layer {', '.join(f'{100 * share:.1f}' for share in on['layers'])}"
            )
        return lines


def _groups(test: dict[str, Any], scale: str) -> list[tuple[str, dict[str, Any]]]:
    """The groups of items, by scale and by kind, that have some, each with its title."""
    rows = [(scale.format(**row), row) for row in test.get("by_scale", [])] + [*test.get("by_kind", {}).items()]
    return [(title, row) for title, row in rows if row["count"]]


def _mean(values: np.ndarray) -> dict[str, Any]:
    return {"count": len(values), "mean": float(values.mean()) if len(values) else None}


@register("image", "class")
class ImageClassification(ImageTask, Classification):
    """One of the schema's classes for each image, or for each question about one."""

    models = (AttentiveResNet, ProgressiveAttention, QuestionAnswerer)

    def judged(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return (outputs.argmax(1) == labels).astype(float)

    def report(self, test: dict[str, Any]) -> list[str]:
        what = "questions" if self.schema.vocabulary else "images"
        return [line.replace("sequences", what) for line in super().report(test)] + self.extra_lines(test)


@register("image", "image")
class ImageEditing(ImageTask):
    """The image that a question asks for, judged by the mean absolute error of its values, from 0 to 1.

    The region to be changed weighs as much as all the rest, in what is minimised and in what is reported: it is so
    small that by the plain mean a network learns first, and for long, to change nothing, and is the better for it.
    """

    metric = Metric("error", "error", rising=False, percent=False, single="the normal one of the mean, of one run")
    models = (ImageEditor,)
    loss_title = "mean absolute error, half of it inside the region"

    def loss(
        self, output: Tensor, labels: Tensor, label_smoothing: float = 0.0, weights: Tensor | None = None
    ) -> Tensor:
        if label_smoothing:
            raise ConfigError("training.label_smoothing must be 0 where images are wanted: it is for classes")
        return self.tally(output, labels) / len(output)

    def tally(self, output: Tensor, labels: Tensor) -> Tensor:
        return torch.stack(_inside_and_outside(output, labels)).mean(0).sum()

    def keep(self, output: Tensor, batch: Batch) -> Tensor:
        """Mean absolute error of each item inside the region and outside, and inside of the image left as it is."""
        unchanged, _ = _inside_and_outside(batch.x, batch.labels)
        return torch.stack([*_inside_and_outside(output, batch.labels), unchanged], 1)

    def judged(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return outputs[:, :2].mean(1)

    def score(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        error = with_normal_interval(self.judged(outputs, labels))
        inside, outside, unchanged = outputs.mean(0).tolist()
        return {
            "count": len(outputs),
            "error": error.value,
            "error_interval_95": [error.low, error.high],
            "inside": inside,
            "outside": outside,
            "unchanged": unchanged,
            "loss": error.value,
        }

    def details(self, test: dict[str, Any]) -> dict[str, float]:
        return {"inside": test["inside"], "outside": test["outside"], **super().details(test)}

    def report(self, test: dict[str, Any]) -> list[str]:
        low, high = test["error_interval_95"]
        return [
            f"test error       {test['error']:.4g} mean absolute, of values from 0 to 1, half of it in the region "
            f"(95 % interval {low:.4g} to {high:.4g}, {test['count']} images)",
            f"in the region    {test['inside']:.4g} (the image left as it is: {test['unchanged']:.4g})",
            f"elsewhere        {test['outside']:.4g} (the image left as it is: 0)",
            *self.extra_lines(test),
        ]

    def answers(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [{"error": float(row[:2].mean()), "inside": float(row[0]), "outside": float(row[1])} for row in outputs]

    def in_words(self, answer: dict[str, Any]) -> str:
        return f"{answer['error']:.4g}"


def _inside_and_outside(image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute errors (B,) of images (B, 3, H, W) in the region to be changed, the last of the labels (B, 4, H,
    W), and elsewhere.
    """
    error, region = (image - labels[:, :-1]).abs().mean(1), labels[:, -1]
    return _within(error, region), _within(error, 1 - region)


def _within(error: Tensor, region: Tensor) -> Tensor:
    """The mean over a region (B, H, W) of errors (B, H, W)."""
    return (error * region).sum((1, 2)) / region.sum((1, 2)).clamp(min=1)


def attention_on_object(model: ImageModel, dataset: ImageDataset, batch_size: int = 64) -> dict[str, Any]:
    """The share of the attention that lies on the object asked about, on average over the items that ask about one.

    A mask's share is its sum within the bounding box of the object over its sum; an even mask has the share of the box
    in the image's area.

    Args:
        model: the network.
        dataset: images whose objects' pixels are known.
        batch_size: items at a time.

    Returns:
        "layers", the share of each mask; "together", that of all masks multiplied; "area", that of an even mask.
    """
    asked = np.flatnonzero(dataset.asked)
    parameter = next(model.parameters())
    model.eval()
    sums: Any = 0
    for start in range(0, len(asked), batch_size):
        indices = asked[start : start + batch_size]
        batch = collate([dataset[int(i)] for i in indices])
        assert batch.question is not None
        boxes = torch.from_numpy(np.stack([box_of(dataset.region(int(i))) for i in indices])).to(parameter.device)
        x, question = batch.x.to(parameter.device, parameter.dtype), batch.question.to(parameter.device)
        with torch.no_grad():
            _, masks = model(x, question, need_attention=True)
        placed = [mask.double() for mask in model.masks_in_image(masks)]
        together = torch.stack(placed).prod(0)
        shares = [(m * boxes).sum((1, 2)) / m.sum((1, 2)).clamp(min=1e-30) for m in (*placed, together)]
        shares.append(boxes.double().mean((1, 2)))
        sums = sums + torch.stack(shares).sum(1)
    means = (sums / len(asked)).tolist()
    return {"layers": means[:-2], "together": means[-2], "area": means[-1]}


def box_of(region: np.ndarray) -> np.ndarray:
    """The bounding box of a region, bool (H, W), as a mask of that size."""
    box = np.zeros_like(region)
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box
