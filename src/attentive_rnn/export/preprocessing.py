"""Preprocessing as a part of a graph: those transforms of a model that can be done with tensors, on padded sequences.

Input are sequences as they were read, (B, T, *shape) and their lengths; output is what the transforms make of each of
them alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..data.schema import Schema
from ..data.transforms.base import NO_RANK, Transform
from ..data.transforms.body import ConvertLayout, OriginAtBodyCentre
from ..data.transforms.features import Keep, MotionFeatures, Standardise, Stream


def divided(preprocessing: Transform, schema: Schema) -> tuple[list[Transform], list[Transform]]:
    """The transforms that have to be done before a graph, and those that can be done in it.

    Args:
        preprocessing: bound to the schema.
        schema: of the sequences as they were read.
    """
    parts = preprocessing.parts()
    last = max((number for number, part in enumerate(parts, 1) if not _in_graph(part)), default=0)
    if last and len(schema.shape) == 3:  # which joints are absent is known only where the first transform begins
        last = len(parts)
    return parts[:last], parts[last:]


def _in_graph(part: Transform) -> bool:
    if isinstance(part, Stream):
        return part.depends == "frame"
    return isinstance(part, ConvertLayout | Keep | MotionFeatures | OriginAtBodyCentre | Standardise)


class Preprocessing(nn.Module):
    """Transforms on batches of padded sequences, or on one frame after the other.

    Args:
        parts: the transforms, the second list of :func:`divided`.
        schema: of what goes in.
        least: the confidence below which a joint is absent.
    """

    def __init__(self, parts: list[Transform], schema: Schema, least: float = 0.0) -> None:
        super().__init__()
        self.parts, self.schema, self.least = parts, schema, least
        self._joints = schema.medium == "sequence" and len(schema.shape) == 3

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Sequences (B, T, *shape) as the model takes them; what lies past their lengths is not read."""
        runs = torch.arange(x.shape[1]) < lengths[:, None]
        x = self._marked(torch.where(runs.reshape(*runs.shape, *[1] * (x.dim() - 2)), x, 0.0))
        for part in self.parts:
            if isinstance(part, OriginAtBodyCentre):
                ranks, origins = _origins(part, x)
                first = ranks.argmin(1)[:, None]
                origin = origins.gather(1, first[:, :, None].expand(-1, -1, origins.shape[2]))
                x = torch.where(_open(ranks.gather(1, first) < NO_RANK, x), x - origin[:, :, None, None], x)
                continue
            frames = x.flatten(0, 1)
            if part.depends == "previous":
                before = x.index_select(1, (torch.arange(x.shape[1]) - 1).clamp(min=0)).flatten(0, 1)
                frames = _by_pair(part, before, frames)
            else:
                frames = _by_frame(part, frames)
            x = frames.unflatten(0, (-1, runs.shape[1]))
        return _unmarked(x) if self._joints else x

    def start(self, x: Tensor) -> dict[str, Tensor]:
        """The state before the first frame, by name, of streams whose frames are like x (B, *shape)."""
        state = {}
        for number, part in enumerate(self.parts, 1):
            if isinstance(part, OriginAtBodyCentre):
                state[f"origin_{number}"] = x.new_zeros(x.shape[0], x.shape[-1])
                state[f"seen_{number}"] = x.new_zeros(x.shape[0])  # 1 / (1 + rank), so that zero is none
            elif part.depends == "previous":
                assert part.schema is not None
                state[f"before_{number}"] = x.new_zeros(x.shape[0], *part.schema.shape)
                state[f"known_{number}"] = x.new_zeros(x.shape[0])  # 1 after the first frame
        return state

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """A frame (B, *shape) as the model takes it, and the state after it."""
        x, kept, after = self._marked(x), list(state), []
        for part in self.parts:
            if isinstance(part, OriginAtBodyCentre):
                origin, seen = kept.pop(0), kept.pop(0)
                ranks, origins = _origins(part, x[:, None])
                sees = torch.where(ranks[:, 0] < NO_RANK, 1 / (1 + ranks[:, 0].to(x.dtype)), 0.0)
                origin = torch.where((sees > seen)[:, None], origins[:, 0], origin)
                seen = torch.maximum(sees, seen)
                x = x - origin[:, None, None]  # zero until one is known
                after += [origin, seen]
            elif part.depends == "previous":
                before, known = kept.pop(0), kept.pop(0)
                after += [x, torch.ones_like(known)]
                x = _by_pair(part, torch.where(_open(known > 0, x), before, x), x)
            else:
                x = _by_frame(part, x)
        return _unmarked(x) if self._joints else x, tuple(after)

    def _marked(self, x: Tensor) -> Tensor:
        """NaN for the joints that are absent, as in a transform."""
        if not self._joints:
            return x
        coordinates, size = self.schema.vector
        first = x[..., :size]
        gone = (first[..., :coordinates] == 0).all(-1) | first.isnan().any(-1)
        if coordinates < size:
            gone = gone | (first[..., coordinates:] <= 0).any(-1) | (first[..., coordinates] < self.least)
        return torch.where(gone[..., None], torch.nan, x)


def _unmarked(x: Tensor) -> Tensor:
    return torch.where(x.isnan(), 0.0, x)


def _open(tensor: Tensor, like: Tensor) -> Tensor:
    return tensor.reshape(*tensor.shape, *[1] * (like.dim() - tensor.dim()))


def _by_frame(part: Transform, frames: Tensor) -> Tensor:
    """A transform of which each frame of (F, *shape) depends on itself alone."""
    return part.apply(frames, None)  # type: ignore[arg-type]


def _by_pair(part: Transform, before: Tensor, frames: Tensor) -> Tensor:
    """A transform of which each frame of (F, *shape) depends on itself and on the one before it."""
    pairs = torch.stack([before, frames], 1).flatten(0, 1)
    return _by_frame(part, pairs).unflatten(0, (-1, 2))[:, 1]


def _origins(part: OriginAtBodyCentre, x: Tensor) -> tuple[Tensor, Tensor]:
    """For each frame of (B, T, M, V, C) its rank, as :meth:`OriginAtBodyCentre.ranks`, and its origin (B, T, C)."""
    seen = ~x.isnan().all(-1)  # (B, T, M, V)
    ranks: Any = torch.full(x.shape[:2], NO_RANK)
    origins = torch.zeros_like(x[:, :, 0, 0])
    ways = [(m, joints) for m in range(x.shape[2]) for joints in part.stand_ins()]
    for rank, (m, joints) in reversed(list(enumerate(ways))):
        body, there = x[:, :, m], seen[:, :, m]
        if joints:
            fits, middle = there[..., joints].all(-1), _unmarked(body[..., joints, :]).mean(-2)
        else:
            fits = there.any(-1)
            middle = _unmarked(body).sum(-2) / there.sum(-1, keepdim=True).clamp(min=1)
        ranks = torch.where(fits, rank, ranks)
        origins = torch.where(fits[..., None], middle, origins)
    return ranks, origins - part.on_coordinates(origins, torch.zeros_like)
