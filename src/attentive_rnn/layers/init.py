"""Named ways to initialise a recurrent layer's parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Parameters = dict[str, Tensor]  # the parameters of one direction of one layer, by their short names


def torch_uniform(parameters: Parameters, hidden_size: int, lstm: bool) -> None:
    """Every parameter uniform in +-1/sqrt(N), as torch.nn's recurrent layers are."""
    bound = 1 / math.sqrt(hidden_size)
    for tensor in parameters.values():
        nn.init.uniform_(tensor, -bound, bound)


def paper(parameters: Parameters, hidden_size: int, lstm: bool) -> None:
    """The authors' choice: input weights Glorot uniform, recurrent weights orthogonal times 0.001, biases zero.

    The LSTM's forget bias is one. Glorot's fans are those of one gate's block, and each recurrent block is orthogonal
    on its own. Source: the first author's view-adaptive networks, which the paper's design follows.
    """
    for name, tensor in parameters.items():
        blocks = [tensor] if name in ("weight_ia", "weight_ha", "bias_a") else tensor.split(hidden_size)
        for block in blocks:
            if name in ("weight_hh", "weight_ha"):
                nn.init.orthogonal_(block, gain=0.001)
            elif name in ("weight_ih", "weight_ia"):
                nn.init.xavier_uniform_(block)
            else:
                nn.init.zeros_(block)
        if lstm and name == "bias_ih":
            with torch.no_grad():
                tensor[hidden_size : 2 * hidden_size] = 1.0


INITIALISATIONS: dict[str, Callable[[Parameters, int, bool], None]] = {"torch": torch_uniform, "paper": paper}
