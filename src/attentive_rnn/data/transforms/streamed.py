"""Transforms frame by frame, for frames that arrive one at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..schema import Schema
from .base import NO_RANK, Transform, check_skeletons
from .body import OriginAtBodyCentre
from .presence import absent, has_joints, unmark


class Streamed:
    """A deterministic transform, frame by frame: T frames pushed come out as the one sequence of T frames does.

    That holds for a transform which says on which frames its output depends (``Transform.depends``). The origin and the
    view are those of the first frame in which person 0 has the joints that they need. Until then they are those of the
    best frame so far, by the order that the transform documents, as if the sequence ended there. Absent joints are
    zeros, in and out.

    Args:
        transform: what is done to a sequence; bound to a schema (:meth:`Transform.bound`), it knows a confidence.

    Raises:
        ConfigError: the transform is random or needs frames that are not there yet; the message names it.

    Example:
        >>> import torch
        >>> from attentive_rnn.data import MotionFeatures
        >>> stream = Streamed(MotionFeatures())
        >>> x = torch.rand(6, 1, 20, 3)
        >>> outputs = torch.stack([stream.push(frame) for frame in x])
        >>> torch.equal(outputs, MotionFeatures()(x, np.random.default_rng(0)))
        True
    """

    def __init__(self, transform: Transform) -> None:
        parts = transform.parts()
        for part in parts:
            if part.random or part.depends is None:
                raise ConfigError(
                    f"{part.name}: needs frames that a stream does not have yet, so that a model with it cannot run "
                    "frame by frame; train one without it"
                )
        self.schema = transform.schema
        self.steps: list[_Step | _Origin] = [_Origin(p) if type(p) is OriginAtBodyCentre else _Step(p) for p in parts]

    def push(self, frame: Tensor) -> Tensor:
        """The next frame, (*shape) in and out."""
        return unmark(self.push_marked(frame))

    def push_marked(self, frame: Tensor) -> Tensor:
        """The next frame, (*shape) in and out, with NaN for joints that are not seen."""
        if has_joints(frame.unsqueeze(0), self.schema):
            frame = _marked(frame, self.schema)
        for step in self.steps:
            frame = step.push(frame)
        return frame

    def reset(self) -> None:
        """Start a new sequence."""
        for step in self.steps:
            step.reset()


def push_together(streams: Sequence[Streamed], frames: Tensor) -> Tensor:
    """The next frame of each of several streams of one transform, as :meth:`Streamed.push_marked` gives it.

    Args:
        streams: each once.
        frames: (P, *shape), one for each.
    """
    if has_joints(frames, streams[0].schema):
        frames = _marked(frames, streams[0].schema)
    for steps in zip(*(stream.steps for stream in streams), strict=True):
        frames = steps[0].push_together(steps, frames)
    return frames


def _marked(frames: Tensor, schema: Schema | None) -> Tensor:
    """Frames of skeletons (..., V, C) with NaN for joints that are absent."""
    gone = absent(frames.numpy(), schema)
    if gone.any():
        frames = frames.clone()
        frames[torch.from_numpy(gone)] = torch.nan
    return frames


class _Step:
    """A transform applied to the frame together with those before it that decide it too."""

    def __init__(self, transform: Transform) -> None:
        self.transform = transform
        self.rng = np.random.default_rng(0)
        self.reset()

    def reset(self) -> None:
        self.before: list[Tensor] = []
        self.best = NO_RANK

    def push(self, frame: Tensor) -> Tensor:
        depends = self.transform.depends
        if depends == "first" and self.best > 0:
            rank = int(self.transform.ranks(frame[None]))
            if rank < self.best:
                self.before, self.best = [frame.clone()], rank  # the caller may use its memory again
        result = self.transform.apply(torch.stack([*self.before, frame]), self.rng)[-1]
        if depends == "previous":
            self.before = [frame.clone()]
        return result

    @staticmethod
    def push_together(steps: Sequence[_Step], frames: Tensor) -> Tensor:
        """:meth:`push` of a frame of each of several streams, (P, *shape)."""
        transform, rng = steps[0].transform, steps[0].rng
        if transform.depends == "frame":
            return transform.apply(frames, rng)
        if transform.depends == "previous" and all(step.before for step in steps):
            before = torch.stack([step.before[0] for step in steps])
            for step, frame in zip(steps, frames, strict=True):
                step.before = [frame.clone()]
            # As one sequence: in front of each frame, on which alone it depends, stands the one before it.
            return transform.apply(torch.stack([before, frames], 1).flatten(0, 1), rng)[1::2]
        return torch.stack([step.push(frame) for step, frame in zip(steps, frames, strict=True)])


class _Origin:
    """:class:`OriginAtBodyCentre` with its origin kept: the paper's preprocessing, in a few microseconds a frame."""

    def __init__(self, transform: OriginAtBodyCentre) -> None:
        self.transform = transform
        self.reset()

    def reset(self) -> None:
        self.origin: np.ndarray | None = None
        self.best = NO_RANK

    def push(self, frame: Tensor) -> Tensor:
        if self.best > 0:
            self.look(frame)
            if self.origin is None:
                return frame
        # NumPy, for at this size it is the call that takes the time.
        return torch.from_numpy(frame.numpy() - self.origin)

    def look(self, frame: Tensor) -> None:
        """Take the origin of a frame that has a better one than those before."""
        check_skeletons(OriginAtBodyCentre.name, frame[None], joints=self.transform.joint + 1)
        rank = int(self.transform.ranks(frame[None]))
        if rank < self.best:
            self.origin, self.best = self.transform.origin_in(frame, rank).numpy().copy(), rank

    @staticmethod
    def push_together(steps: Sequence[_Origin], frames: Tensor) -> Tensor:
        """:meth:`push` of a frame of each of several streams, (P, *shape)."""
        for i, step in enumerate(steps):
            if step.best > 0:
                step.look(frames[i])
        nowhere = np.zeros(frames.shape[-1], frames.numpy().dtype)
        origins = np.concatenate([nowhere if step.origin is None else step.origin for step in steps])
        return torch.from_numpy(frames.numpy() - origins.reshape(len(steps), 1, 1, -1))
