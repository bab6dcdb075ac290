"""Recogniser of frames as they arrive: a trained classifier with the hidden state of each person carried."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data import Schema, Streamed, get_layout
from ..data.matching import FrameMap, match_frames
from ..data.ranges import check_ranges
from ..data.skeletons.layouts import Layout, joint_map, known_layout, plain_name
from ..data.transforms import push_together
from ..data.transforms.presence import unmark, unseen
from ..errors import ConfigError, DataError, counted
from ..training.saved_model import SavedModel
from .answers import MOST_TRACKS, Answers, Recognition, check_frames, check_room, take_together
from .carried import Carried
from .segments import Segment
from .values import as_numbers, by_name, check_finite

LOOKED_AT = 10  # frames, whose values are compared with those of training


class Recognizer:
    """Push frames, get classes: each frame costs the same, and memory does not grow.

    With :math:`z_t = W h_t + b` the logits are pooled as the classifier pools them, so that T pushed frames end at what
    the classifier gives for the T frames at once: the running mean :math:`y_t = y_{t-1} + (z_t - y_{t-1}) / t`, or
    :math:`y_t = z_t` for ``pool="last"``. With a ``window`` of n frames the past fades:
    :math:`y_t = y_{t-1} + (z_t - y_{t-1}) / \\min(t, n)`, for a stream in which one action follows another.

    Args:
        saved: a model, its schema and its preprocessing (:func:`attentive_rnn.training.load_model`).
        window: n, in frames; None: all frames count alike, as in training.
        hold: frames that another class must lead before it is the label.
        need_attention: give the attention too.
        layout: of the frames, whose joints are then taken by name; None: the model's.
        features: names of a frame's values, which are then put into the model's order; empty: they are in it.
        most_tracks: persons who may have a state at once; end those who have gone.

    Raises:
        ConfigError: the model reads sequences from both ends, or its preprocessing needs frames to come; or a window,
            hold or number of tracks below 1.

    Example:
        >>> import torch
        >>> from attentive_rnn import SequenceClassifier
        >>> from attentive_rnn.data import OriginAtBodyCentre, Schema
        >>> from attentive_rnn.training import SavedModel
        >>> schema = Schema(classes=("sit", "stand"), shape=(1, 20, 3), layout="kinect-20")
        >>> saved = SavedModel(SequenceClassifier(60, 2).eval(), schema, OriginAtBodyCentre())
        >>> recognizer = Recognizer(saved)
        >>> frames = torch.randn(5, 1, 20, 3)
        >>> for frame in frames:
        ...     result = recognizer.push(frame, track="Ann")
        >>> bool(abs(result.probabilities - recognizer.push_chunk(frames, track="Bob")[-1].probabilities).max() < 1e-6)
        True
        >>> recognizer.end("Ann").end
        5
    """

    def __init__(
        self,
        saved: SavedModel,
        *,
        window: int | None = None,
        hold: int = 1,
        need_attention: bool = False,
        layout: Layout | None = None,
        features: Sequence[str] = (),
        most_tracks: int = MOST_TRACKS,
    ) -> None:
        model = saved.classifier
        if saved.schema.vocabulary:
            raise ConfigError(
                "this model reads texts; a stream is of frames of numbers: attentive predict labels texts"
            )
        if model.config["bidirectional"]:
            raise ConfigError(
                "this model reads every sequence from both ends (model.bidirectional is true), so that it cannot run "
                "frame by frame; train one that can: attentive train DATA --live"
            )
        check_frames(window, hold)
        if most_tracks < 1:
            raise ConfigError(f"most_tracks must be 1 or more, got {most_tracks}")
        if not saved.schema.classes:
            raise ConfigError("this model predicts a number, not classes; a stream needs classes")
        Streamed(saved.preprocessing)  # refuses what is not causal, before the first frame
        self.saved, self.hold, self.need_attention = saved, hold, need_attention
        self.window = 1 if model.pool == "last" else window
        self._layers = model.layers.eval()
        # Frames are prepared in NumPy, for at this size it is the calls that take the time, and NumPy's are short.
        self._dtype = next(model.parameters()).dtype
        self._numpy_dtype = torch.empty(0, dtype=self._dtype).numpy().dtype
        self._weight, self._bias = (p.detach().numpy() for p in (model.classifier.weight, model.classifier.bias))
        self._tracks: dict[Hashable, _Track] = {}
        self._most_tracks = most_tracks
        self._carried = Carried(self._layers, most_tracks)
        self._pooled = np.zeros((most_tracks, len(self._bias)))  # logits of the tracks, in the rows of their states
        self._layout = known_layout(layout)
        self._features = tuple(features)
        self._maps: dict[tuple[Any, ...], FrameMap | None] = {}
        self._first: list[Tensor] | None = [] if saved.seen is not None else None

    @property
    def tracks(self) -> list[Hashable]:
        """The persons who have a state."""
        return list(self._tracks)

    def push(self, frame: Any, track: Hashable = 0) -> Recognition:
        """Take the next frame of a track, which starts with its first frame.

        Args:
            frame: (*schema.shape), an array or tensor; for a skeleton also one person (V, C). All zeros: nobody. Of a
                joint that is not seen all numbers are zero, or NaN. Or the values by their names, as a dict or a row of
                a data frame: of a skeleton, one person's coordinates (C,) of each joint.
            track: who it is.

        Raises:
            DataError: the frame has another shape or other names, or a value that is missing or infinite, or it begins
                a track while too many are open. Or the answer is not finite, for the frame is far outside those of
                training; then the track has ended.
        """
        ready = self._frame(frame)  # before its track: one that is refused opens none
        state = self._track(track)
        marked = state.preprocess.push_marked(ready).reshape(1, -1)
        x = unmark(marked) if np.isnan(marked.numpy()).any() else marked
        output, attention = self._carried.step(state.row, x, self.need_attention)
        inputs = marked[0].numpy() if self.need_attention else None
        try:
            return state.answers.take(self._weight.dot(output) + self._bias, tuple(attention), inputs)
        except DataError:
            self.end(track)
            raise

    def push_together(self, frames: Any, tracks: Sequence[Hashable]) -> list[Recognition]:
        """Take the next frame of each of several tracks: the results of pushing them one by one, in one step.

        Args:
            frames: one for each track, as in :meth:`push`; or all as one array (P, *schema.shape), which is fastest.
            tracks: who they are, each once.

        Raises:
            DataError: as in :meth:`push`, or a track occurs twice; then no track has taken its frame. Where an answer
                is not finite, all tracks of the step have ended.

        Example:
            >>> import torch
            >>> from attentive_rnn import SequenceClassifier
            >>> from attentive_rnn.data import Compose, Schema
            >>> from attentive_rnn.training import SavedModel
            >>> schema = Schema(classes=("sit", "stand"), shape=(6,))
            >>> recognizer = Recognizer(SavedModel(SequenceClassifier(6, 2).eval(), schema, Compose([])))
            >>> ann, bob = recognizer.push_together(torch.randn(2, 6), ["Ann", "Bob"])
            >>> ann.frame, recognizer.tracks
            (0, ['Ann', 'Bob'])
        """
        if len(frames) != len(tracks):
            raise DataError(f"there are {len(frames)} frames of {len(tracks)} tracks")
        if len(tracks) < 2:
            return [self.push(frame, track) for frame, track in zip(frames, tracks, strict=True)]
        distinct = set(tracks)
        if len(distinct) < len(tracks):
            twice = next(track for i, track in enumerate(tracks) if track in tracks[:i])
            raise DataError(f"track {twice!r} has two frames in one step")
        ready = self._together(frames, tracks)
        new = distinct - self._tracks.keys()
        if new:
            check_room(len(self._tracks) + len(new) - 1, self._most_tracks)
        states = [self._tracks.get(track) or self._track(track) for track in tracks]
        rows = np.array([state.row for state in states])
        marked = push_together([state.preprocess for state in states], ready).flatten(1)
        outputs, attention = self._carried.steps(rows, unmark(marked).contiguous(), self.need_attention)
        logits = outputs @ self._weight.T + self._bias
        if self.need_attention:
            gates = [tuple(None if a is None else a[i] for a in attention) for i in range(len(rows))]
            inputs: Sequence[Any] = list(marked.numpy())
        else:
            gates, inputs = [()] * len(rows), [None] * len(rows)
        try:
            return take_together([state.answers for state in states], self._pooled, rows, logits, gates, inputs)
        except DataError as error:
            for track in tracks:
                self.end(track)
            bad = next(track for track, row in zip(tracks, logits, strict=True) if not np.isfinite(row).all())
            raise DataError(f"track {bad!r}: {error}, and with it all of this step") from error

    def push_chunk(self, frames: Any, track: Hashable = 0) -> list[Recognition]:
        """Take several frames of a track at once, (T, *shape): the results of pushing them one by one, in one pass.

        Raises:
            DataError: as in :meth:`push`.
        """
        ready = [self._frame(frame) for frame in frames]
        if not ready:
            return []
        state = self._track(track)
        marked = torch.stack([state.preprocess.push_marked(frame) for frame in ready]).flatten(1)
        outputs, attention = self._carried.chunk(state.row, unmark(marked), self.need_attention)
        logits = outputs @ self._weight.T + self._bias
        inputs = marked.numpy() if self.need_attention else [None] * len(ready)
        try:
            return [
                state.answers.take(row, tuple(None if a is None else a[t] for a in attention), inputs[t])
                for t, row in enumerate(logits)
            ]
        except DataError:
            self.end(track)
            raise

    def end(self, track: Hashable = 0) -> Segment | None:
        """Forget a track, whose person has gone; its last segment, None if it had no frame."""
        state = self._tracks.pop(track, None)
        if state is None:
            return None
        self._carried.end(state.row)
        return state.answers.finish()

    def _track(self, track: Hashable) -> _Track:
        found = self._tracks.get(track)
        if found is None:
            check_room(len(self._tracks), self._most_tracks)
            row = self._carried.begin()
            self._pooled[row] = 0
            answers = Answers(self.window, self.hold, self._pooled[row])
            found = self._tracks[track] = _Track(Streamed(self.saved.preprocessing), row, answers)
        return found

    def _frame(self, frame: Any) -> Tensor:
        """A frame in the model's shape, without what is missing."""
        return self._checked(self._values(frame))

    def _together(self, frames: Any, tracks: Sequence[Hashable]) -> Tensor:
        """The frames of several tracks in the model's shape, (P, *shape)."""
        whole = isinstance(frames, np.ndarray | Tensor) and frames.shape[1:] == self.saved.schema.shape
        if whole and not self._features and self._layout is None:
            return self._checked(self._array(frames), tracks)
        found = []
        for frame, track in zip(frames, tracks, strict=True):
            try:
                found.append(self._values(frame))
            except DataError as error:
                raise DataError(f"track {track!r}: {error}") from error
        return self._checked(np.stack(found), tracks)

    def _values(self, frame: Any) -> np.ndarray:
        """A frame in the model's shape."""
        names, named = self._features, by_name(frame)
        if named is not None:
            frame, names = self._named(named)
        values = self._array(frame)
        if values.shape != self.saved.schema.shape or names or self._layout is not None:
            values = self._matched(values, names)
        return values

    def _checked(self, values: np.ndarray, tracks: Sequence[Hashable] = ()) -> Tensor:
        """A frame (*shape), or several (P, *shape), with zeros for joints that are missing; not all may be."""
        schema = self.saved.schema
        if len(schema.shape) == 3:
            if np.isnan(values).any():
                missing = np.isnan(values).any(-1, keepdims=True)
                values = np.where(missing & ~missing.all((-3, -2), keepdims=True), 0, values)
            if self.saved.min_confidence and schema.vector[0] < schema.vector[1]:
                unsure = unseen(values[..., schema.vector[0]], self.saved.min_confidence)
                values = np.where(unsure[..., None], 0, values)
        if not np.isfinite(values).all():
            names = schema.features if schema.layout is None else get_layout(schema.layout).joints
            if not tracks:
                check_finite(values, names)
            for track, one in zip(tracks, values, strict=False):
                try:
                    check_finite(one, names)
                except DataError as error:
                    raise DataError(f"track {track!r}: {error}") from error
        ready = torch.from_numpy(values if values.flags.writeable else values.copy())
        if self._first is not None:
            self._first += ready.clone().reshape(-1, 1, *schema.shape)
            if len(self._first) >= LOOKED_AT:
                check_ranges(self.saved.seen, schema, self._first, "the stream")
                self._first = None
        return ready

    def _named(self, frame: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
        """The values of a frame that names them, and their names if they are still to be put in order."""
        schema = self.saved.schema
        if schema.layout is None:
            if not schema.features:
                raise DataError("a frame has names, but the model knows none; send its values in a list")
            return list(frame.values()), tuple(frame)
        plain = {plain_name(name): name for name in frame}
        twice = [name for name in frame if plain[plain_name(name)] != name]
        if twice:
            raise DataError(f"{twice[0]!r} and {plain[plain_name(twice[0])]!r} of a frame are one joint")
        made = joint_map(tuple(plain), get_layout(schema.layout).joints)
        if made.missing:
            raise DataError(f"a frame lacks the joints {', '.join(made.missing)} of {schema.layout}")
        values = self._array(list(frame.values()))
        if values.shape != (len(frame), schema.shape[-1]):
            raise DataError(f"each joint of a frame must be {schema.shape[-1]} numbers, got {values.shape[1:]}")
        return _made(values, lambda joints: made(joints, schema.vector)), ()

    def _array(self, frame: Any) -> np.ndarray:
        if isinstance(frame, Tensor) and not frame.is_complex():
            frame = frame.detach().to("cpu", self._dtype).numpy()
        return as_numbers(frame, self._numpy_dtype, self.saved.schema.shape)

    def _matched(self, values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        """Values of another shape, order or layout as a frame of the model."""
        schema, key = self.saved.schema, (values.shape, names)
        persons = schema.shape[0]
        if values.ndim == len(schema.shape) == 3 and np.nan_to_num(values[persons:]).any():
            # Of a whole sequence those who are there are taken; of single frames it would be now one, now another.
            raise DataError(
                f"a frame has a person {persons} (from 0), but the model takes {counted(persons, 'person')}: "
                "send each person as a track of its own"
            )
        if key not in self._maps:
            try:
                found = Schema((), values.shape, features=names, layout=self._layout)
                self._maps[key] = match_frames(found, schema, "no match")
            except (ConfigError, DataError) as error:
                raise DataError(f"a frame must be {schema.shape}, got {values.shape}: {error}") from error
        convert = self._maps[key]
        if convert is None:
            return values
        if self._layout is not None and values.ndim > 1:
            return _made(values[None], convert)[0]
        return convert(torch.from_numpy(values[None])).numpy()[0]


def _made(frames: np.ndarray, convert: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Joints (..., V, C) made of others: one is all zeros where one of those that it is made of is."""
    values = torch.from_numpy(frames)
    gone = (values == 0).all(-1, keepdim=True) | values.isnan().any(-1, keepdim=True)
    return unmark(convert(torch.where(gone, torch.nan, values))).numpy()


class _Track(NamedTuple):
    """The state kept of one person."""

    preprocess: Streamed
    row: int  # of its hidden state and its pooled logits
    answers: Answers
