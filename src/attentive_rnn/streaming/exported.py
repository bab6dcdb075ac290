"""Recogniser of frames as they arrive by an exported model: its ONNX graph of a step and the JSON file beside it.

Input are frames as the model was trained on; onnxruntime and NumPy are all that is needed.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError, needed_for
from .answers import Answers, Recognition, check_frames, check_room
from .segments import Segment
from .values import as_numbers, by_name, check_finite

FORMAT_VERSION = 1


class ExportedRecognizer:
    """A :class:`Recognizer` of a model that `attentive export` wrote; frames have the model's own joints and features.

    Args:
        path: of OUT.onnx, beside which are OUT.json and OUT.step.onnx.
        window, hold: as in :class:`Recognizer`.

    Raises:
        ConfigError: a file is missing or damaged, or the model has no graph of a step; the message says why.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, *, window: int | None = None, hold: int = 1) -> None:
        check_frames(window, hold)
        self.path = Path(path)
        described = _described(self.path.with_suffix(".json"))
        if "step" not in described:
            raise ConfigError(f"{self.path}: cannot run frame by frame: {described.get('no_step', 'it has no step')}")
        schema, step = described["schema"], described["step"]
        self.classes: tuple[str, ...] = tuple(described["classes"])
        if not self.classes:
            raise ConfigError(f"{self.path}: this model predicts a number, not classes; a stream needs classes")
        self.shape, self.features = tuple(schema["shape"]), tuple(schema.get("features", ()))
        self.window, self.hold = 1 if described["pool"] == "last" else window, hold
        with needed_for("an exported model needs onnxruntime: pip install 'attentive-rnn[export]'"):
            import onnxruntime
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # its warnings are of names that the graph does not use
        file = self.path.parent / Path(step["file"]).name
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own kinds have no base but this one
            raise ConfigError(f"{file}: is missing, damaged or not an ONNX graph ({error})") from error
        (self._frame_name, frame), *state = step["inputs"].items()
        self._dtype = np.dtype(frame["dtype"])
        self._start = {
            name: np.zeros([1 if size == "batch" else size for size in one["shape"]], one["dtype"])
            for name, one in state
        }
        self._tracks: dict[Hashable, tuple[dict[str, np.ndarray], Answers]] = {}

    @property
    def tracks(self) -> list[Hashable]:
        """The persons who have a state."""
        return list(self._tracks)

    def push(self, frame: Any, track: Hashable = 0) -> Recognition:
        """Take the next frame of a track, which starts with its first frame.

        Args:
            frame: (*schema.shape); for a skeleton also one person (V, C). All zeros: nobody. Of a joint that is not
                seen all numbers are zero, or NaN. Or the values by the names of the model's features.
            track: who it is.

        Raises:
            DataError: the frame has another shape or other names, or a value that is missing or infinite, or it begins
                a track while too many are open. Or the answer is not finite; then the track has ended.
        """
        values = self._array(frame)
        if track not in self._tracks:
            check_room(len(self._tracks))
        state, answers = self._tracks.get(track) or (self._start, Answers(self.window, self.hold))
        logits, *after = self._session.run(None, {self._frame_name: values[None], **state})
        self._tracks[track] = dict(zip(state, after, strict=True)), answers
        try:
            return answers.take(logits[0])
        except DataError:
            self.end(track)
            raise

    def push_together(self, frames: Sequence[Any], tracks: Sequence[Hashable]) -> list[Recognition]:
        """Take the next frame of each of several tracks, one after the other."""
        return [self.push(frame, track) for frame, track in zip(frames, tracks, strict=True)]

    def end(self, track: Hashable = 0) -> Segment | None:
        """Forget a track, whose person has gone; its last segment, None if it had no frame."""
        _, answers = self._tracks.pop(track, (None, None))
        return None if answers is None else answers.finish()

    def _array(self, frame: Any) -> np.ndarray:
        named = by_name(frame)
        if named is not None:
            if set(named) != set(self.features):
                names = ", ".join(self.features) or "none; send its values in a list"
                raise DataError(f"a frame must have the names of the model's features: {names}")
            frame = [named[name] for name in self.features]
        values = as_numbers(frame, self._dtype, self.shape)
        if len(self.shape) == 3 and self.shape[0] == 1 and values.shape == self.shape[1:]:
            values = values[None]
        if values.shape != self.shape:
            raise DataError(f"a frame must be {self.shape}, got {values.shape}")
        missing = np.isnan(values).any(-1, keepdims=True)
        if len(self.shape) == 3 and missing.any() and not missing.all():
            values = np.where(missing, np.zeros_like(values), values)
        check_finite(values, self.features)
        return values


def _described(file: Path) -> dict[str, Any]:
    """The description of an exported model."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        version = values["format_version"]
        values["schema"]["shape"], values["classes"], values["pool"]
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: there is no such file; `attentive export` writes it beside the graph") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file}: is damaged or not the description of an exported model") from error
    if version != FORMAT_VERSION:
        raise ConfigError(f"{file}: format_version is {version!r}, but this version reads {FORMAT_VERSION}")
    return dict(values)
