"""Explanations: for each item the model's answer, and for each sequence what one layer lets in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch

from ..data import Compose, Schema, SequenceDataset, Transform, get_layout
from ..data.schema import NO_JOINTS
from ..data.text.words import decode
from ..data.transforms import Standardise
from ..draw.charts import ATTENDED, RELATIVE, Quantity
from ..draw.skeletons import has_skeletons
from ..tasks.metrics import probabilities
from ..training.saved_model import SavedModel
from .response import Usual, observe

QUANTITIES = {"attended": ATTENDED, "relative": RELATIVE}  # that an explanation can show
_AXES = frozenset("xyzw")


@dataclass(frozen=True)
class Answer:
    """One item, its label and the model's answer.

    Args:
        name: of the item.
        label: index of its class, -1 where it has none; of numbers the number, NaN where there is none.
        probabilities: of the classes, (K,); of numbers the number that was predicted, (1,); of images that are to be
            made the mean absolute error of the one that was, (1,).
        schema: of the model's input, after preprocessing.
    """

    name: str
    label: float
    probabilities: np.ndarray
    schema: Schema = field(repr=False)

    @property
    def predicted(self) -> int:
        """The index of the most probable class."""
        return int(self.probabilities.argmax())

    @property
    def labelled(self) -> bool:
        """Whether the truth is known."""
        if self.schema.target == "class":
            return self.label >= 0
        return not np.isnan(self.label)

    @property
    def right(self) -> bool:
        """Whether the truth is known and was found; of numbers and images never."""
        return self.schema.target == "class" and self.label == self.predicted

    @property
    def error(self) -> float:
        """The distance from the truth: one minus the probability of the true class, or that of the number or image."""
        if self.schema.target == "number":
            return abs(float(self.probabilities[0]) - self.label)
        if self.schema.target == "image":
            return float(self.probabilities[0])
        return 1 - float(self.probabilities[int(self.label)])


AnswerT = TypeVar("AnswerT", bound=Answer)


def heading(answer: Answer, classes: Sequence[str]) -> str:
    """The truth and the model's answer to an item, in words."""
    if answer.schema.target == "image":
        return f"mean absolute error {answer.error:.3g}"
    if answer.schema.target == "number":
        said = f"predicted {answer.probabilities[0]:.4g}"
        return f"{answer.label:.4g}, {said}" if answer.labelled else f"{answer.name}: {said}"
    said = f"{classes[answer.predicted]} ({100 * answer.probabilities.max():.0f} %)"
    if not answer.labelled:
        return f"{answer.name}: {said}"
    return f"{classes[int(answer.label)]}, " + ("recognised" if answer.right else f"taken for {said}")


def hardest_mistakes(answers: Sequence[AnswerT], count: int) -> list[AnswerT]:
    """The labelled items furthest from the truth, among those taken for another class; of others, among all."""
    wrong = [one for one in answers if one.labelled and not one.right]
    return sorted(wrong, key=lambda one: -one.error)[:count]


@dataclass(frozen=True)
class Group:
    """A joint, a sensor or a single feature: its name and the indices of its elements in the flattened frame."""

    name: str
    elements: tuple[int, ...]


def groups_of(schema: Schema, width: int | None = None) -> list[Group]:
    """The groups of a frame, in its order: joints of a skeleton, features that differ in their axis only, features.

    Of a single sensor each axis is a group. Of text there is one group, the word, which is all of the vector that it
    becomes.

    Args:
        schema: of the frames.
        width: the length of a word's vector, for text.

    Example:
        >>> schema = Schema(classes=(), shape=(4,), features=("gyroscope x", "gyroscope y", "gyroscope z", "pressure"))
        >>> [(group.name, group.elements) for group in groups_of(schema)]
        [('gyroscope', (0, 1, 2)), ('pressure', (3,))]
    """
    if schema.vocabulary:
        return [Group("word", tuple(range(width or 1)))]
    if len(schema.shape) == 3:
        persons, joints, axes = schema.shape
        known = get_layout(schema.layout).joints if schema.layout else ()
        names = known if len(known) == joints else tuple(f"joint {v}" for v in range(joints))
        return [
            Group(
                name if person == 0 else f"{name} (person {person + 1})",
                tuple(range((person * joints + v) * axes, (person * joints + v + 1) * axes)),
            )
            for person in range(persons)
            for v, name in enumerate(names)
        ]
    features = schema.features or tuple(f"feature {i}" for i in range(schema.size))
    found: dict[str, list[int]] = {}
    for i, feature in enumerate(features):
        stem, _, axis = feature.replace("_", " ").rpartition(" ")
        found.setdefault(stem if stem and axis.lower() in _AXES else feature, []).append(i)
    if len(found) == 1:  # all of it would always be 100 %
        return [Group(feature, (i,)) for i, feature in enumerate(features)]
    return [Group(name, tuple(elements)) for name, elements in found.items()]


@dataclass(frozen=True)
class Explanation(Answer):
    """One sequence, its classification and what one layer lets in, the first if no other is asked for.

    Args:
        name, label, probabilities: as in :class:`Answer`.
        schema: of the frames after preprocessing; for a deeper layer, of the outputs of the layer below.
        frames: the sequence as it was read, (T, *shape).
        inputs: the layer's input, (T', D); preprocessing may change the number of frames, and of text the first layer
            is given the vectors of the words.
        attention: a, the output of the gate, (T', D).
        response: a relative to the static modulation, (T', D); 1 is the usual amount.
        attended: the attended input a |x - mean|, (T', D), where the mean is that of the training frames; 0 for a joint
            that is not seen.
        groups: the joints, sensors, features or neurons that the D elements make.
        words: of text, one for each step; else empty.
        lags: for each layer the weights of its past outputs, (K,), the mean over the steps; None for one that does
            not look back.
        shows: what :attr:`relevance`, the words and the pictures are of: "attended", the input that is let in, or
            "relative", the relative attention of the paper. ``dataclasses.replace(one, shows="relative")`` changes it.
    """

    frames: np.ndarray
    inputs: np.ndarray
    attention: np.ndarray
    response: np.ndarray
    attended: np.ndarray
    groups: list[Group] = field(repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)
    lags: tuple[np.ndarray | None, ...] = field(default=(), repr=False)
    shows: str = "attended"

    @property
    def quantity(self) -> Quantity:
        """The name, the unit and the scale of what is shown."""
        return QUANTITIES[self.shows]

    @property
    def kind(self) -> str:
        """The kind of picture that suits the frames: "skeleton", "words", or "map" of time against features."""
        return "skeleton" if has_skeletons(self.schema) else "words" if self.schema.vocabulary else "map"

    @property
    def elements(self) -> np.ndarray:
        """What is shown of each element at each step, (T', D).

        Of the attended input it is % of all that is attended to in a mean step, so that the mean over the steps is the
        element's share of the whole sequence; of words, which one looks at one by one, % of the whole sequence.
        """
        if self.shows == "relative":
            return self.response
        total = self.attended.sum()
        steps = 1 if self.words else len(self.attended)
        return self.attended * (100 * steps / total if total else 0.0)

    @property
    def relevance(self) -> np.ndarray:
        """What is shown of each group at each step, (T', groups).

        The attended input of a group is the sum over its elements, such as the coordinates and velocities of a joint:
        all groups together make 100 % of a mean step. Of the relative response it is the mean; the paper adds the
        coordinates of a joint, but the mean ranks groups of different size alike, with 1 for the usual attention.
        """
        gather = np.mean if self.shows == "relative" else np.sum
        return np.stack([gather(self.elements[:, list(group.elements)], axis=-1) for group in self.groups], axis=-1)

    @property
    def course(self) -> np.ndarray:
        """What is shown of the input as a whole, (T',): times that of a mean step, or the mean relative response."""
        if self.shows == "relative":
            return self.response.mean(1)
        course = self.attended.sum(1)
        return course / (course.mean() or 1.0)

    @property
    def positions(self) -> np.ndarray:
        """The frames in which to draw a skeleton, one for each step, (T', M, V, C): as read, where that is possible."""
        if len(self.frames) == len(self.inputs) and self.frames.shape[1:3] == self.schema.shape[:2]:
            return self.frames
        return self.inputs.reshape(-1, *self.schema.shape)

    def in_words(self, count: int = 3) -> str:
        """The groups attended to most, the mean over time; of text the words.

        Returns:
            such as "right hand 23 %, right wrist 18 %, head 9 % of the attended input".
        """
        if self.words:
            best = {self.words[t]: self.relevance[t, 0] for t in np.argsort(self.relevance[:, 0])}  # of equal words
            return most_attended(np.array(list(best.values())), list(best), self.quantity, count)
        return most_attended(self.relevance.mean(0), [group.name for group in self.groups], self.quantity, count)

    def key_steps(self, count: int = 3) -> list[int]:
        """The steps, from 0, at which the input as a whole was attended to most, in their order."""
        order = np.argsort(-self.course, kind="stable")[:count]
        return sorted(int(t) for t in order)


def most_attended(relevance: np.ndarray, names: Sequence[str], quantity: Quantity, count: int = 3) -> str:
    """The names of the largest values of a quantity (groups,), in words."""
    order = np.argsort(-relevance, kind="stable")[:count]
    unit = "of the attended input" if quantity is ATTENDED else quantity.unit
    return ", ".join(f"{names[i]} {quantity.form.format(relevance[i])}" for i in order) + f" {unit}"


def explain(
    saved: SavedModel,
    dataset: SequenceDataset,
    usual: Usual | None,
    layer: int = 0,
    batch_size: int = 64,
    shows: str = "attended",
) -> list[Explanation]:
    """Explain every sequence of a data set.

    Args:
        saved: the model.
        dataset: sequences as they were read.
        usual: the layer's mean input and mean effect of the gate, see :func:`measure_usual`; None for a layer without a
            gate: attention, response and attended input are then NaN.
        layer: whose attention it is, from 0.
        batch_size: sequences at a time; it does not change the result beyond rounding.
        shows: as in :class:`Explanation`.

    Raises:
        ConfigError: there is no such layer, it has no gate, though it has something usual, or the frames are not the
            model's.
    """
    schema, layers = _schema_of(saved, layer), saved.classifier.layers
    groups = groups_of(schema, layers.input_size if layer == 0 else layers.hidden_size * layers.directions)
    found: dict[int, Explanation] = {}
    for indices, batch, outputs, seen in observe(saved, dataset, layer, usual is not None, batch_size):
        answers = outputs if schema.target == "number" else probabilities(outputs)
        let_in = seen.gate if usual is None else seen.attended(usual)
        inputs, attention, attended = (
            tensor.transpose(0, 1).cpu().double().numpy() for tensor in (seen.inputs, seen.gate, let_in)
        )
        lags = [None if one is None else one.transpose(0, 1).cpu().double().numpy() for one in seen.lags]
        for row, (index, steps) in enumerate(zip(indices.tolist(), batch.lengths.tolist(), strict=True)):
            a = attention[row, :steps]
            found[index] = Explanation(
                name=str(dataset.metas[index].get("name", index)),
                label=dataset.labels[index].item(),
                probabilities=answers[row],
                schema=schema,
                frames=dataset.sequences[index].numpy(),
                inputs=inputs[row, :steps],
                attention=a,
                response=a if usual is None else usual.relative(inputs[row, :steps], a),
                attended=attended[row, :steps],
                groups=groups,
                words=tuple(decode(batch.x[row, :steps].cpu(), schema.vocabulary)) if schema.vocabulary else (),
                lags=tuple(None if one is None else one[row, :steps].mean(0) for one in lags),
                shows=shows,
            )
    return [found[i] for i in range(len(dataset))]


def _schema_of(saved: SavedModel, layer: int) -> Schema:
    """The meaning of a layer's input: frames, or the outputs of the neurons below; of text always words."""
    schema = saved.preprocessing.schema_after(saved.schema)
    if layer == 0 or schema.vocabulary:
        return schema
    neurons = range(1, saved.classifier.layers.hidden_size + 1)
    directions = ("", " backward")[: saved.classifier.layers.directions]
    names = tuple(f"neuron {i}{direction}" for direction in directions for i in neurons)
    return replace(schema, shape=(len(names),), features=names, layout=None, **NO_JOINTS)


def class_relevance(explanations: Sequence[Explanation]) -> dict[str, np.ndarray]:
    """The relevance of each group (groups,), for each class the mean over its sequences of their mean over time."""
    own: dict[int, list[np.ndarray]] = {}
    for one in explanations:
        if one.labelled and one.schema.target == "class":
            own.setdefault(int(one.label), []).append(one.relevance.mean(0))
    classes = explanations[0].schema.classes
    return {classes[label]: np.mean(own[label], axis=0) for label in sorted(own)}


def origins(preprocessing: Transform, shape: tuple[int, ...]) -> np.ndarray | None:
    """The number of the element (T, ...), counted from 0, that each element after preprocessing comes from.

    Args:
        preprocessing: moves, joins or leaves out steps; that it standardises values does not matter.
        shape: of the sequence as it was read, the steps first.

    Returns:
        int64 of the shape of the preprocessed sequence; None if its values are made of several others.

    Example:
        >>> from attentive_rnn.data import JoinSteps
        >>> origins(JoinSteps(2), (4, 1)).tolist()
        [[0, 1], [2, 3]]
    """
    parts = preprocessing.transforms if isinstance(preprocessing, Compose) else [preprocessing]
    moves = Compose([part for part in parts if not isinstance(part, Standardise)])
    numbers = np.arange(np.prod(shape))
    moved = moves(torch.from_numpy(numbers.reshape(shape)).double(), np.random.default_rng(0)).numpy()
    return moved.astype(np.int64) if np.isin(moved, numbers).all() else None
