"""Classification of films by maps of features of their frames, through spatial attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..data import Schema
from ..errors import ConfigError
from ..models import MapClassifier
from .base import Model, register
from .classification import Classification


@register("maps", "class")
class MapClassification(Classification):
    """One of the schema's classes for each film."""

    section = "vision"
    models = (MapClassifier,)
    explanation = "films"

    def build(self, options: Mapping[str, Any], frame_size: int) -> Model:
        if options["network"] != "maps":
            raise ConfigError(f"vision.network is {options['network']!r}; for maps of features it must be maps")
        kept = {key: options[key] for key in ("attention", "dropout", "hidden_size", "block", "recurrent", "lags")}
        return MapClassifier(**self.arguments(self.schema), width=options["channels"][-1], **kept)

    def arguments(self, schema: Schema) -> dict[str, Any]:
        return {"channels": schema.shape[0], "num_classes": schema.outputs}
