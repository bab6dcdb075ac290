"""Table of the media that can be explained, by the kind of explanation that a task names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import films, images, sequences
from .outcome import Outcome, Request
from .report import player


class Medium(NamedTuple):
    """One kind of items.

    Args:
        explain: makes the pictures, the table and the text of `attentive explain`.
        player: makes the values of a report's player and lags from the model's answers; None: a report has neither.
        refused: the arguments of `attentive explain` that have no meaning for it.
    """

    explain: Callable[[Request], Outcome]
    player: Callable[[Request, np.ndarray], dict[str, Any]] | None = None
    refused: tuple[str, ...] = ()


MEDIA = {
    "sequences": Medium(sequences.explain_run, player.of_sequences),
    "images": Medium(images.explain_run, player.of_images, ("input", "layer", "video", "relative")),
    "films": Medium(films.explain_run, refused=("input", "layer", "relative")),
}
