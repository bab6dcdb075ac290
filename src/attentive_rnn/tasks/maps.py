"""What is learnt on maps of features of films' frames: a class for each film, through spatial attention."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data import Batch as Tensors
from ..errors import ConfigError
from ..models import MapClassifier
from ..training.config import Config
from .classification import Classification, Model


class MapClassification(Classification):
    """One of the schema's classes for each film."""

    def build(self, config: Config, frame_size: int) -> Model:
        vision = config.vision
        if vision.network != "maps":
            raise ConfigError(f"vision.network is {vision.network!r}; for maps of features it must be maps")
        return MapClassifier(
            self.schema.shape[0],
            len(self.schema.classes),
            width=vision.channels[-1],
            attention=vision.attention,
            dropout=vision.dropout,
            hidden_size=vision.hidden_size,
            block=vision.block,
        )

    def run(self, model: torch.nn.Module, batch: Tensors) -> Tensor:
        output: Tensor = model(batch.x, batch.lengths)
        return output
