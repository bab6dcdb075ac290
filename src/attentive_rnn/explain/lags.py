"""Weights of past outputs (lags) in RRA layers: those learnt, and the means over explained sequences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from ..draw.charts import lag_bars
from ..errors import ConfigError
from ..layers import RRA
from .explanation import Explanation
from .outcome import save_figure


def learnt_lags(model: nn.Module) -> dict[str, np.ndarray]:
    """The normalised weights w (K) of a model's RRA layers, that of the smallest lag first.

    A layer without lags, or whose weights depend on the content, has none that are its own.

    Args:
        model: any module with RRA layers in it.

    Returns:
        for each direction of each layer, by a name such as "layer 1" or "layer 1, backward".

    Raises:
        ConfigError: the model has no such layer.

    Example:
        >>> from attentive_rnn import RRA
        >>> weights = learnt_lags(RRA(2, 3, lags=4, norm="mean"))
        >>> list(weights), weights["layer 1"].tolist()
        (['layer 1'], [0.25, 0.25, 0.25, 0.25])
    """
    found = {}
    for part in model.modules():
        if isinstance(part, RRA):
            for layer in range(part.num_layers):
                for reverse in (False, True)[: part.directions]:
                    weights = part.lag_weights(layer, reverse)
                    if weights is not None:
                        found[f"layer {layer + 1}{', backward' if reverse else ''}"] = weights.detach().cpu().numpy()
    if not found:
        raise ConfigError("the model has no RRA layer with weights of its own: train one with model.cell rra, lags > 0")
    return found


def mean_lags(explanations: Sequence[Explanation]) -> dict[str, np.ndarray]:
    """The weights (K,) of the past outputs, of each layer that looks back the mean over sequences and steps."""
    found = {}
    for layer, weights in enumerate(explanations[0].lags):
        if weights is not None:
            own = [one.lags[layer] for one in explanations]
            found[f"layer {layer + 1}"] = np.mean([weights for weights in own if weights is not None], axis=0)
    return found


def draw_lags(weights: dict[str, np.ndarray], first: int, folder: Path) -> list[Path]:
    """Draw the weights of each layer, the first of which is of lag `first`, as lags.png and .svg; nothing of none."""
    return save_figure(lag_bars(weights, dict.fromkeys(weights, first)), folder / "lags") if weights else []
