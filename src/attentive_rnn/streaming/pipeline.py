"""Pipeline from pictures to recognised people: pose or features, then a recogniser for each person."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ..data import Schema, get_layout
from ..data.matching import conversion_notes
from ..data.skeletons.layouts import turn_between
from ..data.transforms.presence import unseen
from ..draw import skeletons
from ..errors import ConfigError
from ..training.saved_model import SavedModel
from ..video.decode import Frame
from ..video.stages import ahead
from .recogniser import Recognition, Recognizer
from .segments import Segment, SourceFrames

T = TypeVar("T")

if TYPE_CHECKING:
    from ..video.extractors import Extractor
    from ..video.pose import Person, PoseEstimator


@dataclass(frozen=True)
class Sighting:
    """A track in one picture.

    Args:
        track: its number.
        recognition: the state of the track now; ``start`` and ``ended`` are in numbers of pictures of the video.
        person: where the joints are; None for a model of whole pictures.
        weights: for each joint, how much of it the first layer lets in, 1 for the mean joint, (V,); None where the
            model has no gate there, its input is not joints, or nothing is to be shown of it.
    """

    track: int
    recognition: Recognition
    person: Person | None = None
    weights: np.ndarray | None = None


class Seen(NamedTuple):
    """What is recognised in one picture.

    Args:
        frame: the picture.
        people: the tracks in it.
        ended: the last segments of the tracks that ended with it, each with its track.
        found_in: seconds that the network took.
        recognised_in: seconds that the model took.
    """

    frame: Frame
    people: list[Sighting]
    ended: list[tuple[int, Segment]]
    found_in: float
    recognised_in: float


class Pipeline:
    """Recognition of people's actions, picture by picture.

    A model of skeletons gets one person's joints at a time from a pose estimator, converted by joint name; a model of
    features gets those of the whole picture from an extractor, as one track. A track ends once its person has been gone
    for ``patience`` pictures. Pictures come one by one to :meth:`push`, or all to :meth:`run`, whose stages overlap.

    Args:
        saved: the model.
        pose: finds the joints, for a model of skeletons.
        extractor: makes the features, for a model of features.
        window, hold: as in :class:`Recognizer`.
        patience: pictures.
        shown: gives what is shown of each element of the first layer's input, (D,), for that input, NaN where a joint
            is not seen, and the output of the gate: a method of :class:`attentive_rnn.explain.Usual`. None: nothing.

    Raises:
        ConfigError: the model takes neither what the estimator finds nor what the extractor makes.
    """

    def __init__(
        self,
        saved: SavedModel,
        *,
        pose: PoseEstimator | None = None,
        extractor: Extractor | None = None,
        window: int | None = None,
        hold: int = 1,
        patience: int = 10,
        shown: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> None:
        schema = saved.schema
        self.pose, self.extractor, self.patience = pose, extractor, patience
        self._shown = shown
        self.notes: list[str] = []
        if skeletons.has_skeletons(schema):
            from ..video.pose import check_layout

            if pose is None:
                raise ConfigError(f"this model takes skeletons ({schema.layout}), so it needs a pose estimator")
            assert schema.layout is not None
            check_layout(pose, schema.layout)
            self.notes = _notes(pose, schema)
            if schema.vector[0] not in (2, 3):
                raise ConfigError(f"this model takes {schema.shape[2]} numbers a joint; a pose has x, y and z")
            if schema.vector[0] == 3 and not pose.depth:
                raise ConfigError(f"this model takes x, y and z of a joint; {pose.name} finds x and y only")
        elif extractor is None or schema.shape != (extractor.dim,):
            made = "nothing" if extractor is None else f"({extractor.dim},) of {extractor.name}"
            raise ConfigError(
                f"this model takes frames {schema.shape}, but the pictures give {made}; "
                "such frames can come as lines of JSON: attentive stream RUN -"
            )
        weighed = shown is not None and skeletons.has_skeletons(schema)
        self.recognizer = Recognizer(saved, window=window, hold=hold, need_attention=weighed)
        self.schema, self._least = schema, saved.min_confidence
        self._ready = saved.preprocessing.schema_after(schema)
        self._turn = turn_between("-y", schema.upward, schema.vector[0]) if len(schema.shape) == 3 else None
        self._gone: dict[int, int] = {}
        self._frames: dict[int, SourceFrames] = {}
        self._next = 0  # number of the next picture that is pushed

    def push(self, image: np.ndarray) -> tuple[list[Sighting], list[tuple[int, Segment]]]:
        """Take the next picture (H, W, 3) uint8.

        Returns:
            The tracks in it, and the last segments of the tracks that ended with it, each with its track.
        """
        seen = self.see(Frame(image, 0.0, self._next))
        return seen.people, seen.ended

    def see(self, frame: Frame) -> Seen:
        """Take the next frame of a video or camera."""
        return self._seen(frame, *timed(self._find, frame.image))

    def run(self, frames: Iterable[Frame]) -> Generator[Seen, None, None]:
        """Take the frames of a video or camera; while one is recognised and used, the network looks at the next.

        Args:
            frames: as they are decoded; :func:`attentive_rnn.video.stages.ahead` of them overlaps decoding too.
        """
        for found in ahead(((frame, *timed(self._find, frame.image)) for frame in frames), room=1):
            yield self._seen(*found)

    def _seen(self, frame: Frame, found: list[Person] | np.ndarray, found_in: float) -> Seen:
        (people, ended), recognised_in = timed(self._recognise, found, frame.number)
        return Seen(frame, people, ended, found_in, recognised_in)

    def _find(self, image: np.ndarray) -> list[Person] | np.ndarray:
        """The people in the next picture, in the model's layout; or its features, (D,)."""
        if self.extractor is not None and self.pose is None:
            return self.extractor(image[None]).pooled[0]
        from ..video.pose import converted

        assert self.pose is not None
        assert self.schema.layout is not None
        return converted(self.pose(image), self.pose.layout, self.schema.layout)

    def _recognise(
        self, found: list[Person] | np.ndarray, number: int
    ) -> tuple[list[Sighting], list[tuple[int, Segment]]]:
        """What :meth:`push` gives, of what is found in the picture of this number in its source."""
        self._next = number + 1
        if isinstance(found, np.ndarray):
            (result,) = self._recognised([found], [0], number)
            return [Sighting(0, result)], []
        tracks = [person.track for person in found]
        results = zip(found, self._recognised([self._numbers(one) for one in found], tracks, number), strict=True)
        seen = [Sighting(person.track, result, person, self._weights(result)) for person, result in results]
        here = set(tracks)
        self._gone |= dict.fromkeys(here, 0)
        ended = []
        for track in list(self._gone):
            self._gone[track] += track not in here
            if self._gone[track] >= self.patience:
                ended += self._end(track)
        return seen, ended

    def finish(self) -> list[tuple[int, Segment]]:
        """End all tracks; their last segments. The next picture is of another video."""
        ended = [last for track in list(self.recognizer.tracks) for last in self._end(track)]  # type: ignore[arg-type]
        if self.pose is not None:
            self.pose.reset()
        self._next = 0
        return ended

    def _recognised(self, frames: Sequence[np.ndarray], tracks: Sequence[int], number: int) -> list[Recognition]:
        """The states of tracks after their frames in the picture of this number."""
        results = []
        for track, result in zip(tracks, self.recognizer.push_together(frames, tracks), strict=True):
            numbers = self._frames.setdefault(track, SourceFrames())
            numbers.push(number, result.start if result.ended is None else result.ended.start)
            ended = None if result.ended is None else numbers.of(result.ended)
            results.append(result._replace(start=numbers.number(result.start), ended=ended))
        return results

    def _end(self, track: int) -> list[tuple[int, Segment]]:
        self._gone.pop(track, None)
        last, frames = self.recognizer.end(track), self._frames.pop(track, None)
        return [] if last is None or frames is None else [(track, frames.of(last))]

    def _numbers(self, person: Person) -> np.ndarray:
        """What the model takes of a person's joints, (V, C): coordinates, and where it knows one the confidence.

        As in training, joints below its option ``min_confidence``, or of confidence 0, are absent.
        """
        coordinates, size = self.schema.vector
        metres = person.world is not None and self.schema.measured == "metres"
        joints = (person.world if metres else person.joints)[:, :coordinates]  # type: ignore[index]
        if self._turn is not None:
            joints = joints @ self._turn.numpy().T
        if size > coordinates:
            joints = np.concatenate([joints, person.confidence[:, None]], axis=1)
        return np.where(unseen(person.confidence, self._least)[:, None], 0, joints)

    def _weights(self, result: Recognition) -> np.ndarray | None:
        """The share of each joint in what is shown of the frame, its vectors together, times the number of joints."""
        first = result.attention[0] if result.attention else None
        shape = self._ready.shape
        if self._shown is None or first is None or len(shape) != 3 or shape[1] != self.schema.shape[1]:
            return None
        assert result.inputs is not None
        weights: np.ndarray = self._shown(result.inputs, first).reshape(shape)[0].sum(-1)
        return weights / weights.mean() if weights.mean() > 0 else None


def timed(function: Callable[..., T], *args: Any) -> tuple[T, float]:
    """What a function gives, and the seconds that it took."""
    before = perf_counter()
    return function(*args), perf_counter() - before


def _notes(pose: PoseEstimator, schema: Schema) -> list[str]:
    """How the joints of an estimator become those of a model."""
    from ..video.pose import PICTURE_UP

    found = Schema((), (1, len(get_layout(pose.layout).joints), schema.shape[2]), layout=pose.layout, up=PICTURE_UP)
    notes = conversion_notes(found, schema, pose.name)
    if schema.measured == "metres":
        notes.append(
            f"{pose.name}: the model was trained on metres: joints are taken in metres round the middle of the hips "
            "where the estimator gives them, so that a walk through the room is not seen"
        )
    return notes


def annotate(image: np.ndarray, seen: Sequence[Sighting], schema: Schema) -> np.ndarray:
    """A picture (H, W, 3) uint8 with everyone's skeleton, joints sized by what is let in of them, and label.

    Args:
        image: left as it is.
        seen: of :meth:`Pipeline.push`.
        schema: of the model.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    people = []
    for one in seen:
        result, person = one.recognition, one.person
        text = f"{schema.classes[result.label]} {100 * result.probabilities[result.label]:.0f} %"
        joints, sure = (None, None) if person is None else (person.joints, person.confidence)
        people.append(skeletons.Labelled(text, one.track, joints, sure, one.weights))
    bones = get_layout(schema.layout).bones if schema.layout is not None else ()
    return skeletons.annotate(image, people, bones)


def relabelled(seen: Iterable[Sighting]) -> list[tuple[int, Segment]]:
    """The segments that ended with a picture because the label of their track changed, each with its track."""
    return [(one.track, one.recognition.ended) for one in seen if one.recognition.ended is not None]
