"""Models of a comparison: the one of a configuration, and others by name with the same number of parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..data import Schema
from ..errors import ConfigError
from ..models.image_model import Attention
from ..options import CELLS
from ..tasks import task_for
from ..training.config import Config
from ..training.setup import build_model

ROLES = ("gate", "no-gate", "no-gate-wide")  # the models of a configuration with a gate
SPATIAL: dict[Attention, str] = {
    "arnn": "AttentionRNN",
    "pan-context": "local attention with context",
    "pan": "local attention",
    "cbam": "CBAM's spatial gate",
    "conv": "1x1 convolution",
    "none": "no attention",
}


@dataclass(frozen=True)
class Variant:
    """One of the compared models: its title in words, its name in file names (none: ""), and its configuration."""

    title: str
    name: str
    config: Config

    def run_name(self, seed: int) -> str | None:
        """The name of the folder of its run with a seed; None: it is named by the time."""
        return f"{self.name}-seed{seed}" if self.name else None


def variants(config: Config, schema: Schema) -> list[Variant]:
    """The configuration, the same without its gate, and that with as many parameters as the first.

    For images and maps: the configuration, and the same with every other spatial attention.

    Raises:
        ConfigError: the configuration's model has no gate.
    """
    if task_for(schema).section == "vision":
        return named(config, schema, sorted(SPATIAL, key=lambda name: name != config.vision.attention))
    gate = config.model.gate
    if gate is None or (isinstance(gate, list) and not any(gate)):
        raise ConfigError("compare sets a model with a gate against one without: model.gate must not be null")
    plain = replace(config, model=replace(config.model, gate=None))
    width = equal_width(plain, schema, build_model(config, schema).num_parameters)
    wide = replace(plain, model=replace(plain.model, hidden_size=width))
    return [Variant(title(one), role, one) for role, one in zip(ROLES, (config, plain, wide), strict=True)]


def named(config: Config, schema: Schema, names: Sequence[str]) -> list[Variant]:
    """The models of these names, each as wide as gives it the number of parameters of the configuration's model.

    A name is a cell, such as lstm, or, with an attention gate on its input, eleatt- and a cell; with a number of
    neurons at its end, as in lstm-100 and eleatt-gru-64, it is as wide as that. gate, no-gate and no-gate-wide are
    those of :func:`variants`. For images it is a spatial attention, such as pan-context, in a network of the same
    width.

    Raises:
        ConfigError: a name is of no such model, or occurs twice.
    """
    if len(set(names)) < len(names):
        raise ConfigError(f"--models: a model is named twice in {' '.join(names)}")
    if task_for(schema).section == "vision":
        return [_with_attention(config, name) for name in names]
    wanted = build_model(config, schema).num_parameters
    roles = {v.name: v for v in variants(config, schema)} if set(ROLES) & set(names) else {}
    return [roles[name] if name in roles else _cell(config, schema, name, wanted) for name in names]


def _cell(config: Config, schema: Schema, name: str, parameters: int) -> Variant:
    """The model of a cell's name, with its own number of neurons or as many as give it so many parameters."""
    match = re.fullmatch(rf"(eleatt-)?({'|'.join(CELLS)})(?:-([1-9]\d*))?", name)
    if match is None:
        known = f"{', '.join([*ROLES, *CELLS])}, a cell also with eleatt- before it and -NEURONS after it"
        raise ConfigError(f"--models: unknown model {name!r}; there are {known}")
    cell = next(known for known in CELLS if known == match[2])
    gate = (config.model.gate or "sigmoid") if match[1] else None
    model = replace(config.model, cell=cell, gate=gate, reset_after=config.model.reset_after and cell == "gru")
    made = replace(config, model=model)
    width = int(match[3]) if match[3] else equal_width(made, schema, parameters)
    wide = replace(made, model=replace(model, hidden_size=width))
    return Variant(title(wide), name, wide)


def _with_attention(config: Config, name: str) -> Variant:
    for attention, words in SPATIAL.items():
        if attention == name:
            return Variant(words, name, replace(config, vision=replace(config.vision, attention=attention)))
    raise ConfigError(f"--models: unknown attention {name!r}; there are {', '.join(SPATIAL)}")


def title(config: Config) -> str:
    """A model in the paper's notation: layers, kind and, in brackets, neurons.

    Example:
        >>> title(Config())
        '3-EleAtt-GRU(100)'
    """
    model = config.model
    gates = model.gate if isinstance(model.gate, list) else [model.gate] * model.num_layers
    cell = model.cell.upper()
    parts: list[tuple[str, int]] = []
    for gate in gates:
        kind = cell if gate is None else f"EleAtt-{cell}" + ("" if gate == "sigmoid" else f" ({gate})")
        parts = [*parts[:-1], (kind, parts[-1][1] + 1)] if parts and parts[-1][0] == kind else [*parts, (kind, 1)]
    return " + ".join(f"{count}-{kind}" for kind, count in parts) + f"({model.hidden_size})"


def equal_width(config: Config, schema: Schema, parameters: int) -> int:
    """The hidden size with which a model has as many parameters as is possible to `parameters`, or the nearest."""

    def count(hidden_size: int) -> int:
        model = replace(config.model, hidden_size=hidden_size)
        return build_model(replace(config, model=model), schema).num_parameters

    low, high = 1, config.model.hidden_size
    while count(high) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < parameters else (low, middle)
    return min((low, high), key=lambda width: abs(count(width) - parameters))
