"""What a model made of each sequence and what it attended to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..data import Schema, SequenceDataset
from ..training.metrics import probabilities
from ..training.saved_model import SavedModel
from .capture import capture
from .groups import Group, by_group, groups_of
from .response import first_gate


@dataclass(frozen=True)
class Explanation:
    """One sequence, its classification and the attention of the first layer.

    Args:
        name: of the sequence.
        label: index of its class, -1 where it has none.
        probabilities: of the classes, (K,).
        frames: the sequence as it was read, (T, *shape).
        inputs: what the first layer was given, (T', D); preprocessing may change the number of frames.
        attention: a, what the gate let through, (T', D).
        response: a relative to the static modulation, (T', D); 1 is the usual amount.
        groups: the joints, sensors or features that the D elements make.
        schema: of `inputs`.
    """

    name: str
    label: int
    probabilities: np.ndarray
    frames: np.ndarray
    inputs: np.ndarray
    attention: np.ndarray
    response: np.ndarray
    groups: list[Group] = field(repr=False)
    schema: Schema = field(repr=False)

    @property
    def predicted(self) -> int:
        """The index of the most probable class."""
        return int(self.probabilities.argmax())

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
        """What was attended to most, the mean over time.

        Returns:
            such as "right hand 1.31, right wrist 1.22, head 1.10 times the usual".
        """
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
    groups = groups_of(schema)
    found: dict[int, Explanation] = {}
    with capture(saved.model) as captured:
        for indices, batch, logits in saved.forward(dataset, batch_size):
            shares = probabilities(logits)
            inputs = batch.x.flatten(2).cpu().double().numpy()
            if modulation is None:
                attention = np.full_like(inputs, np.nan)
            else:
                attention = first_gate(captured).transpose(0, 1).cpu().double().numpy()
            for row, (index, steps) in enumerate(zip(indices.tolist(), batch.lengths.tolist(), strict=True)):
                a = attention[row, :steps]
                found[index] = Explanation(
                    name=str(dataset.metas[index].get("name", index)),
                    label=int(dataset.labels[index]),
                    probabilities=shares[row],
                    frames=dataset.sequences[index].numpy(),
                    inputs=inputs[row, :steps],
                    attention=a,
                    response=a if modulation is None else a / modulation,
                    groups=groups,
                    schema=schema,
                )
    return [found[i] for i in range(len(dataset))]


def class_relevance(explanations: Sequence[Explanation]) -> dict[int, np.ndarray]:
    """The relevance of each group (groups,), for each class the mean over its sequences of their mean over time."""
    labels = sorted({one.label for one in explanations if one.label >= 0})
    return {
        label: np.mean([one.relevance.mean(0) for one in explanations if one.label == label], axis=0)
        for label in labels
    }


def heading(explanation: Explanation, classes: Sequence[str]) -> str:
    """What a sequence is, and what the model took it for."""
    said = f"{classes[explanation.predicted]} ({100 * explanation.probabilities.max():.0f} %)"
    if explanation.label < 0:
        return f"{explanation.name}: {said}"
    right = explanation.label == explanation.predicted
    return f"{classes[explanation.label]}, " + ("recognised" if right else f"taken for {said}")


def hardest_mistakes(explanations: Sequence[Explanation], count: int) -> list[Explanation]:
    """The labelled sequences whose own class got the lowest probability, among those taken for another class."""
    wrong = [one for one in explanations if one.label >= 0 and one.label != one.predicted]
    return sorted(wrong, key=lambda one: float(one.probabilities[one.label]))[:count]
