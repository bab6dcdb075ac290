"""What the player in a report shows of images: the image, and the attention of every layer laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..answer import heading
from ..images import ImageExplanation
from .player import BYTES, packed


def pack_images(explanations: Sequence[ImageExplanation], classes: Sequence[str]) -> dict[str, Any]:
    """The player's data, which JSON can hold; a step is a layer. What no longer fits into `BYTES` is left out.

    Args:
        explanations: in order of importance, at least one.
        classes: their names.
    """
    samples: list[dict[str, Any]] = []
    size = 0
    for one in explanations:
        masks = (*one.masks, one.together)[: len(one.names)]
        pictures = {"image": one.image, "wanted": one.wanted, "made": one.made}
        sample: dict[str, Any] = {
            "name": f"{one.name}: {one.question}" if one.question else one.name,
            "label": int(one.label) if one.labelled and one.schema.target == "class" else -1,
            "right": one.right or one.schema.target != "class",
            "verdict": heading(one, classes),
            "steps": len(masks),
            "stride": 1,
            "attention": packed(np.stack([255 * mask / max(mask.max(), 1e-30) for mask in masks]).round(), np.uint8),
            "shares": one.shares(),
            "pictures": {
                name: packed((255 * picture).round(), np.uint8)
                for name, picture in pictures.items()
                if picture is not None
            },
        }
        size += len(sample["attention"]) + sum(map(len, sample["pictures"].values()))
        if samples and size > BYTES:
            break
        samples.append(sample)
    first = explanations[0]
    return {
        "kind": "image",
        "classes": list(classes),
        "groups": [],
        "layers": list(first.names),
        "height": first.image.shape[0],
        "width": first.image.shape[1],
        "rate": 1,
        "samples": samples,
    }
