"""What RRA layers learnt to weigh their former outputs by, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from ..draw.colours import BLUE
from ..draw.samples import new_figure
from ..errors import ConfigError
from ..layers import RRA


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


def lag_bars(weights: Mapping[str, np.ndarray], first_lags: Mapping[str, int]) -> Any:
    """A figure with the weights of several models or layers as bars over their lags.

    Args:
        weights: for each title (K) weights.
        first_lags: for each title the lag of the first weight.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = new_figure(3.2 * len(weights), 2.8)
    axes = figure.subplots(1, len(weights), squeeze=False, sharey=True)[0]
    for axis, (title, values) in zip(axes, weights.items(), strict=True):
        lags = np.arange(len(values)) + first_lags[title]
        axis.bar(lags, values, color=BLUE)
        axis.axhline(1 / len(values), color="0.5", linestyle="--", linewidth=1)  # all alike
        axis.axhline(0, color="0", linewidth=0.8)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("lag (steps back)")
        axis.set_xticks(lags if len(lags) <= 10 else lags[:: len(lags) // 5])
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("weight")
    return figure
