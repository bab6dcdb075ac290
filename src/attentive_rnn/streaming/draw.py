"""Skeletons, labels and attention drawn onto pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import Schema, get_layout
from ..errors import MissingExtraError
from .watch import Seen

COLOURS = ((255, 193, 7), (0, 188, 212), (233, 30, 99), (139, 195, 74), (156, 39, 176), (255, 87, 34))
SURE = 0.3  # joints that the estimator is less sure of are not drawn


def annotate(image: np.ndarray, seen: Sequence[Seen], schema: Schema) -> np.ndarray:
    """A picture with everyone's skeleton, joints sized by the attention they get, and label.

    Args:
        image: (H, W, 3) uint8; left as it is.
        seen: of :meth:`Watcher.see`.
        schema: of the model.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingExtraError("drawing needs Pillow: pip install 'attentive-rnn[report]'") from error
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture, "RGBA")
    height = image.shape[0]
    font = ImageFont.load_default(size=max(10, height // 20))
    for row, one in enumerate(seen):
        colour = COLOURS[one.track % len(COLOURS)]
        corner = (height / 60, row * height / 14 + height / 60)
        if one.person is not None:
            corner = _skeleton(draw, one, schema, height, colour)
        share = one.recognition.probabilities[one.recognition.label]
        text = f"{schema.classes[one.recognition.label]} {100 * share:.0f} %"
        draw.rectangle(draw.textbbox(corner, text, font=font), fill=(0, 0, 0, 160))
        draw.text(corner, text, fill=colour, font=font)
    return np.asarray(picture)


def _skeleton(draw: Any, one: Seen, schema: Schema, height: int, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Draw the bones and joints; the place for the label, above them."""
    assert one.person is not None
    assert schema.layout is not None
    points, sure = one.person.joints[:, :2] * height, one.person.confidence > SURE
    for a, b in get_layout(schema.layout).bones:
        if sure[a] and sure[b]:
            draw.line([*points[a], *points[b]], fill=(*colour, 200), width=max(1, height // 160))
    weights = np.ones(len(points)) if one.weights is None else one.weights
    for (x, y), weight, drawn in zip(points, weights, sure, strict=True):
        if drawn:
            radius = height / 70 * float(np.clip(weight, 0.2, 3.0))
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(*colour, 230), outline=(0, 0, 0, 255))
    shown = points[sure] if sure.any() else points
    return max(0.0, float(shown[:, 0].min())), max(0.0, float(shown[:, 1].min()) - height / 12)
