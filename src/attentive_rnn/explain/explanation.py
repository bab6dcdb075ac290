"""What a model made of each sequence and what it attended to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..data import Schema, SequenceDataset
from ..data.text.words import decode
from ..tasks.metrics import probabilities
from ..training.saved_model import SavedModel
from .answer import Answer
from .groups import Group, by_group, groups_of
from .response import watch


@dataclass(frozen=True)
class Explanation(Answer):
    """One sequence, its classification and the attention of one layer, of the first if no other is asked for.

    Args:
        name, label, probabilities: as in :class:`Answer`.
        schema: of the frames after preprocessing; for a deeper layer, of the outputs of the layer below.
        frames: the sequence as it was read, (T, *shape).
        inputs: what the layer was given, (T', D); preprocessing may change the number of frames, and of text
            the first layer is given the vectors of the words.
        attention: a, what the gate let through, (T', D).
        response: a relative to the static modulation, (T', D); 1 is the usual amount.
        groups: the joints, sensors, features or neurons that the D elements make.
        words: of text, one for each step; else empty.
        lags: for each layer the weights of its former outputs, (K,), the mean over the steps; None for one that does
            not look back.
    """

    frames: np.ndarray
    inputs: np.ndarray
    attention: np.ndarray
    response: np.ndarray
    groups: list[Group] = field(repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)
    lags: tuple[np.ndarray | None, ...] = field(default=(), repr=False)

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
    saved: SavedModel, dataset: SequenceDataset, modulation: np.ndarray | None, layer: int = 0, batch_size: int = 64
) -> list[Explanation]:
    """Explain every sequence of a data set.

    Args:
        saved: the model.
        dataset: sequences as they were read.
        modulation: the static modulation (D,), see :func:`static_modulation`; None for a layer without a gate:
            attention and response are then NaN.
        layer: whose attention it is, from 0.
        batch_size: sequences at a time; it does not change the result beyond rounding.

    Raises:
        ConfigError: there is no such layer, it has no gate, though a modulation is given, or the frames are not the
            model's.
    """
    schema = _schema_of(saved, layer)
    groups = groups_of(schema, saved.classifier.layers.input_size if layer == 0 else _width(saved))
    found: dict[int, Explanation] = {}
    for indices, batch, outputs, seen in watch(saved, dataset, layer, modulation is not None, batch_size):
        answers = outputs if schema.target == "number" else probabilities(outputs)
        inputs, attention = (tensor.transpose(0, 1).cpu().double().numpy() for tensor in (seen.inputs, seen.gate))
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
                response=a if modulation is None else a / modulation,
                groups=groups,
                words=tuple(decode(batch.x[row, :steps].cpu(), schema.vocabulary)) if schema.vocabulary else (),
                lags=tuple(None if one is None else one[row, :steps].mean(0) for one in lags),
            )
    return [found[i] for i in range(len(dataset))]


def _schema_of(saved: SavedModel, layer: int) -> Schema:
    """The meaning of what a layer is given: frames, or the outputs of the neurons below; of text always words."""
    schema = saved.preprocessing.schema_after(saved.schema)
    if layer == 0 or schema.vocabulary:
        return schema
    neurons = range(1, saved.classifier.layers.hidden_size + 1)
    directions = ("", " backward")[: saved.classifier.layers.directions]
    names = tuple(f"neuron {i}{direction}" for direction in directions for i in neurons)
    return replace(schema, shape=(len(names),), features=names, layout=None)


def _width(saved: SavedModel) -> int:
    return saved.classifier.layers.hidden_size * saved.classifier.layers.directions


def class_relevance(explanations: Sequence[Explanation]) -> dict[int, np.ndarray]:
    """The relevance of each group (groups,), for each class the mean over its sequences of their mean over time."""
    own: dict[int, list[np.ndarray]] = {}
    for one in explanations:
        if one.labelled and one.schema.target == "class":
            own.setdefault(int(one.label), []).append(one.relevance.mean(0))
    return {label: np.mean(own[label], axis=0) for label in sorted(own)}


def mean_lags(explanations: Sequence[Explanation]) -> dict[str, np.ndarray]:
    """The weights (K,) of the former outputs, of each layer that looks back the mean over sequences and steps."""
    found = {}
    for layer, weights in enumerate(explanations[0].lags):
        if weights is not None:
            own = [one.lags[layer] for one in explanations]
            found[f"layer {layer + 1}"] = np.mean([weights for weights in own if weights is not None], axis=0)
    return found
