"""What a model made of each sequence and what it attended to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..data import Schema, SequenceDataset
from ..data.text import decode
from ..training.metrics import probabilities
from ..training.saved_model import SavedModel
from .capture import capture
from .groups import Group, by_group, groups_of
from .response import first_layer


@dataclass(frozen=True)
class Explanation:
    """One sequence, its classification and the attention of the first layer.

    Args:
        name: of the sequence.
        label: index of its class, -1 where it has none; of numbers the number, NaN where there is none.
        probabilities: of the classes, (K,); of numbers the number that was predicted, (1,).
        frames: the sequence as it was read, (T, *shape).
        inputs: what the first layer was given, (T', D); preprocessing may change the number of frames, and of text
            it is the vectors of the words.
        attention: a, what the gate let through, (T', D).
        response: a relative to the static modulation, (T', D); 1 is the usual amount.
        groups: the joints, sensors or features that the D elements make.
        schema: of the frames after preprocessing.
        words: of text, one for each step; else empty.
        lags: for each layer the weights of its former outputs, (K,), the mean over the steps; None for one that does
            not look back.
    """

    name: str
    label: float
    probabilities: np.ndarray
    frames: np.ndarray
    inputs: np.ndarray
    attention: np.ndarray
    response: np.ndarray
    groups: list[Group] = field(repr=False)
    schema: Schema = field(repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)
    lags: tuple[np.ndarray | None, ...] = field(default=(), repr=False)

    @property
    def predicted(self) -> int:
        """The index of the most probable class."""
        return int(self.probabilities.argmax())

    @property
    def labelled(self) -> bool:
        """Whether the truth is known."""
        return not np.isnan(self.label) if self.schema.target == "number" else self.label >= 0

    @property
    def right(self) -> bool:
        """Whether the truth is known and was found; of numbers never."""
        return self.schema.target == "class" and self.label == self.predicted

    @property
    def error(self) -> float:
        """How far from the truth: one minus the probability of the true class, or the distance to the true number."""
        if self.schema.target == "number":
            return abs(float(self.probabilities[0]) - self.label)
        return 1 - float(self.probabilities[int(self.label)])

    @property
    def relevance(self) -> np.ndarray:
        """The relative response of each group at each step, (T', groups)."""
        return by_group(self.response, self.groups)

    @property
    def positions(self) -> np.ndarray:
        """The frames in which to draw a skeleton, one for each step, (T', M, V, C): as read, where that is possible."""
        if len(self.frames) == len(self.inputs) and self.frames.shape[1:3] == self.schema.shape[:2]:
            return self.frames
        return self.inputs.reshape(-1, *self.schema.shape)

    def in_words(self, count: int = 3) -> str:
        """What was attended to most, the mean over time; of text the words.

        Returns:
            such as "right hand 1.31, right wrist 1.22, head 1.10 times the usual".
        """
        if self.words:
            order = np.argsort(-self.relevance[:, 0], kind="stable")[:count]
            return ", ".join(f"{self.words[t]} {self.relevance[t, 0]:.2f}" for t in order) + " times the usual"
        return most_attended(self.relevance.mean(0), self.groups, count)


def most_attended(relevance: np.ndarray, groups: list[Group], count: int = 3) -> str:
    """The groups of largest relevance (groups,), in words."""
    order = np.argsort(-relevance, kind="stable")[:count]
    return ", ".join(f"{groups[i].name} {relevance[i]:.2f}" for i in order) + " times the usual"


def explain(
    saved: SavedModel, dataset: SequenceDataset, modulation: np.ndarray | None, batch_size: int = 64
) -> list[Explanation]:
    """Explain every sequence of a data set.

    Args:
        saved: the model.
        dataset: sequences as they were read.
        modulation: the static modulation (D,), see :func:`static_modulation`; None for a model whose first layer has
            no gate: attention and response are then NaN.
        batch_size: sequences at a time; it does not change the result beyond rounding.

    Raises:
        ConfigError: the first layer has no gate, though a modulation is given, or the frames are not the model's.
    """
    schema = saved.preprocessing.schema_after(saved.schema)
    groups = groups_of(schema, saved.classifier.layers.input_size)
    found: dict[int, Explanation] = {}
    with capture(saved.classifier) as captured:
        for indices, batch, outputs in saved.forward(dataset, batch_size):
            seen = first_layer(captured, gated=modulation is not None)
            answers = outputs if schema.target == "number" else probabilities(outputs)
            inputs, attention = (tensor.transpose(0, 1).cpu().double().numpy() for tensor in (seen.inputs, seen.gate))
            lags = [None if one is None else one.transpose(0, 1).cpu().double().numpy() for one in seen.lags]
            for row, (index, steps) in enumerate(zip(indices.tolist(), batch.lengths.tolist(), strict=True)):
                a = attention[row, :steps]
                found[index] = Explanation(
                    name=str(dataset.metas[index].get("name", index)),
                    label=dataset.labels[index].item(),
                    probabilities=answers[row],
                    frames=dataset.sequences[index].numpy(),
                    inputs=inputs[row, :steps],
                    attention=a,
                    response=a if modulation is None else a / modulation,
                    groups=groups,
                    schema=schema,
                    words=tuple(decode(batch.x[row, :steps].cpu(), schema.vocabulary)) if schema.vocabulary else (),
                    lags=tuple(None if one is None else one[row, :steps].mean(0) for one in lags),
                )
    return [found[i] for i in range(len(dataset))]


def class_relevance(explanations: Sequence[Explanation]) -> dict[int, np.ndarray]:
    """The relevance of each group (groups,), for each class the mean over its sequences of their mean over time."""
    own: dict[int, list[np.ndarray]] = {}
    for one in explanations:
        if one.labelled and one.schema.target == "class":
            own.setdefault(int(one.label), []).append(one.relevance.mean(0))
    return {label: np.mean(own[label], axis=0) for label in sorted(own)}


def heading(explanation: Explanation, classes: Sequence[str]) -> str:
    """What a sequence is, and what the model took it for."""
    if explanation.schema.target == "number":
        said = f"predicted {explanation.probabilities[0]:.4g}"
        return f"{explanation.label:.4g}, {said}" if explanation.labelled else f"{explanation.name}: {said}"
    said = f"{classes[explanation.predicted]} ({100 * explanation.probabilities.max():.0f} %)"
    if not explanation.labelled:
        return f"{explanation.name}: {said}"
    return f"{classes[int(explanation.label)]}, " + ("recognised" if explanation.right else f"taken for {said}")


def hardest_mistakes(explanations: Sequence[Explanation], count: int) -> list[Explanation]:
    """The labelled sequences furthest from the truth, among those taken for another class; of numbers, among all."""
    wrong = [one for one in explanations if one.labelled and not one.right]
    return sorted(wrong, key=lambda one: -one.error)[:count]
