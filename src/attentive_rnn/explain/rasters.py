"""Images that were read pixel by pixel, and the attention to their pixels put back where those are."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np

from ..data import Transform
from .explanation import Explanation
from .images import ImageExplanation
from .places import places

SOURCE = "pixels"  # the reader whose sequences are images, row by row


def as_images(explanations: Sequence[Explanation], preprocessing: Transform) -> list[ImageExplanation] | None:
    """Explanations of pixel sequences as those of images; None if the steps are not the pixels of square images.

    The mask is the relative response, from the 2nd percentile of all to the 98th as 0 to 1; of three colours the mean.

    Args:
        explanations: of frames of one or three numbers, from -1 to 1, in raster order.
        preprocessing: what was done to them; steps may be moved and joined, values standardised.
    """
    low, high = np.percentile(np.concatenate([one.response.ravel() for one in explanations]), (2, 98))
    shape = explanations[0].frames.shape
    colours, side = shape[-1], isqrt(shape[0])
    order = places(preprocessing, shape)
    if order is None or colours not in (1, 3) or side * side != shape[0]:
        return None
    if not np.array_equal(np.sort(order, None), np.arange(np.prod(shape))):
        return None
    found = []
    for one in explanations:
        if one.frames.shape != shape or one.response.size != order.size:
            return None
        response = np.empty(order.size)
        response[order.ravel()] = one.response.ravel()
        share = np.clip((response - low) / ((high - low) or 1), 0, 1).reshape(side, side, colours).mean(-1)
        image = (one.frames.reshape(side, side, colours) + 1) / 2
        found.append(
            ImageExplanation(
                name=one.name,
                label=one.label,
                probabilities=one.probabilities,
                schema=one.schema,
                image=np.repeat(image, 3, -1) if colours == 1 else image,
                masks=share[None],
                layers=(f"{low:.2f} to {high:.2f} times usual",),
                question="",
                region=np.zeros((side, side), dtype=bool),
            )
        )
    return found
