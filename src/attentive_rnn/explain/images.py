"""What a network made of each image and where it looked, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from ..data import ImageDataset
from ..errors import ConfigError
from ..models import ImageModel
from ..tasks.images import box_of
from ..tasks.metrics import probabilities
from ..training.saved_model import SavedModel
from .answer import Answer

LARGEST = 200  # images whose masks are kept at once


@dataclass(frozen=True)
class ImageExplanation(Answer):
    """One image, the answer to it, and the attention to its places.

    Args:
        name, label, probabilities, schema: as in :class:`Answer`.
        image: (H, W, 3) from 0 to 1.
        masks: the attention, (layers, H, W), from 0 up.
        layers: what each mask is called.
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

    def shares(self) -> list[float]:
        """How much of each mask, and last of their product, lies within the box round the region; [] if there is none.

        An even mask has there the share of the box in the image.
        """
        if not self.region.any():
            return []
        box = box_of(self.region)
        return [float(mask[box].sum() / max(mask.sum(), 1e-30)) for mask in (*self.masks, self.together)]

    def in_words(self) -> str:
        """How much of the attention lies on the object asked about, layer by layer; empty where nothing is known."""
        shares = [f"{name}: {100 * share:.0f} %" for name, share in zip(self.names, self.shares(), strict=False)]
        return f"of the attention on the object asked about, {', '.join(shares)}" if shares else ""

    @property
    def names(self) -> tuple[str, ...]:
        """The layers, and the product of all where there are several."""
        return (*self.layers, "all multiplied") if len(self.layers) > 1 else self.layers


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
                wanted=None if classes else _picture(batch.labels[row, :3]),
                made=None if classes else _picture(made[row]),
            )
    return [found[i] for i in range(len(dataset))]


def _picture(image: torch.Tensor) -> np.ndarray:
    """An image (3, H, W) as (H, W, 3) from 0 to 1."""
    pixels: np.ndarray = image.detach().cpu().clamp(0, 1).permute(1, 2, 0).double().numpy()
    return pixels
