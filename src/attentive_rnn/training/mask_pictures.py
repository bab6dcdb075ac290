"""Pictures of where networks for images attend. This module imports matplotlib: import it late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from ..data import ImageSet, collate
from ..models import ImageModel


def draw_masks(models: Mapping[str, ImageModel], dataset: ImageSet, items: Sequence[int], path: Path) -> None:
    """Draw items with the attention of several networks into a PNG.

    A row is an item: the image, the wanted image where the answer is one, and for each network the product of its masks
    laid over the image (dark is little, bright is much), followed by its answer or the image that it made.

    Args:
        models: the networks by what they are called.
        dataset: of the items.
        items: which to show.
        path: of the PNG.
    """
    batch = collate([dataset[i] for i in items])
    edits = dataset.schema.target == "image"
    columns = 1 + edits + len(models) * (1 + edits)
    figure = Figure(figsize=(1.5 * columns, 1.7 * len(items)), dpi=64, layout="constrained")
    axes = figure.subplots(len(items), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    grey = batch.x.mean(1).numpy()
    for row, item in enumerate(items):
        axes[row, 0].imshow(_picture(batch.x[row]))
        axes[row, 0].set_title(dataset.question(item) or dataset.schema.classes[dataset.labels[item]], fontsize=8)
        if edits:
            axes[row, 1].imshow(_picture(batch.labels[row, :3]))
            axes[row, 1].set_title("wanted", fontsize=8)
    for number, (name, model) in enumerate(models.items()):
        parameter = next(model.parameters())
        question = None if batch.question is None else batch.question.to(parameter.device)
        with torch.no_grad():
            outputs, masks = model.eval()(batch.x.to(parameter), question, need_attention=True)
        together = torch.stack([mask.double() for mask in model.masks_in_image(masks)]).prod(0).cpu().numpy()
        for row in range(len(items)):
            axis = axes[row, 1 + edits + number * (1 + edits)]
            mask = together[row] / max(together[row].max(), 1e-30)
            axis.imshow(grey[row], cmap="gray", vmin=0, vmax=1)
            axis.imshow(mask, cmap="inferno", vmin=0, vmax=1, alpha=0.75)
            answer = "" if edits else f": {dataset.schema.classes[int(outputs[row].argmax())]}"
            axis.set_title(name + answer, fontsize=8)
            if edits:
                axes[row, 2 + edits + number * 2].imshow(_picture(outputs[row].cpu()))
    figure.savefig(path)


def _picture(image: torch.Tensor) -> np.ndarray:
    """An image (3, H, W) as matplotlib takes it."""
    pixels: np.ndarray = image.clamp(0, 1).permute(1, 2, 0).numpy()
    return pixels
