"""Is it true? Whether what a model attends to is what it uses, measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data import SequenceDataset, Splits, preprocess
from ..models import SequenceClassifier
from ..training.saved_model import SavedModel
from .curves import curve, rank_correlation, ranks
from .groups import groups_of
from .parts import without_embedding
from .response import static_modulation, watch
from .saliency import gradients, integrated_gradients

# What ranks the cells. Relative attention is what the pictures show. The last three know nothing of the network:
# the distance from the mean frame, whole groups in random order (attention too favours some groups all the time, which
# leaves less to guess from than scattered cells do), and cells in random order.
RANKINGS = (
    "relative attention",
    "attention",
    "gradient",
    "integrated gradients",
    "distance from the mean",
    "random groups",
    "random cells",
)
LARGEST = 500  # test sequences, spread evenly
DRAWS = 3  # random orders, averaged
_AWAY = 2**31  # from the run's own seed, with which the fresh network would be the one that training began with


@dataclass(frozen=True)
class Faithfulness:
    """The outcome for one model.

    Args:
        count: the number of test sequences.
        target: of the schema, "class" or "number".
        deletion, insertion: for each ranking, at each fraction of cells taken out, or put in, (len(FRACTIONS),): the
            mean probability of the predicted class; of numbers the mean change of the answer, in standard deviations
            of the answers to the whole sequences.
        with_gradients: rank correlation of relative attention with the size of integrated gradients, over the cells
            of a sequence, mean over sequences.
        with_random_weights: the same with the relative attention of the same network with new random weights.
    """

    count: int
    target: str
    deletion: dict[str, np.ndarray]
    insertion: dict[str, np.ndarray]
    with_gradients: float
    with_random_weights: float


def measure(saved: SavedModel, splits: Splits, seed: int = 0, batch_size: int = 64) -> Faithfulness:
    """Measure a model on the test sequences of its data set (at most 500, evenly spread).

    A cell is a joint, sensor or feature at one step; of texts a word. Cells that are taken out are replaced by the mean
    over the frames of the training sequences; a word by the mean vector of the training words.

    Args:
        saved: a model whose first layer has a gate, on the CPU.
        splits: the data, as they were read.
        seed: of the random orders and the random weights.
        batch_size: sequences at a time.

    Raises:
        ConfigError: the first layer has no gate, or it is a network for images.

    Source: deletion and insertion: Petsiuk, Das & Saenko, "RISE", BMVC 2018; random weights: Adebayo et al.,
    "Sanity checks for saliency maps", NeurIPS 2018.
    """
    model, number = without_embedding(saved.classifier), saved.schema.target == "number"
    width = model.layers.input_size
    groups = groups_of(saved.preprocessing.schema_after(saved.schema), width)
    group_of = torch.empty(width, dtype=torch.int64)
    for place, group in enumerate(groups):
        group_of[list(group.elements)] = place
    baseline = _mean_frame(saved, splits.train).to(next(model.parameters()).dtype)
    usual = torch.from_numpy(static_modulation(saved, splits.train))
    fresh = SavedModel(_with_random_weights(saved, seed), saved.schema, saved.preprocessing)
    usual_of_fresh = torch.from_numpy(static_modulation(fresh, splits.train))
    generator = torch.Generator().manual_seed(seed)

    def per_group(values: Tensor) -> Tensor:
        total = torch.zeros(*values.shape[:2], len(groups), dtype=torch.float64)
        counts = torch.bincount(group_of, minlength=len(groups))
        return total.index_add_(2, group_of, values.double()) / counts

    test = splits.test.subset(range(0, len(splits.test), -(-len(splits.test) // LARGEST)))
    # Of one group there is no order but that of the steps, which is no ranking.
    names = [name for name in RANKINGS if len(groups) > 1 or name != "random groups"]
    curves: dict[tuple[str, bool], list[np.ndarray]] = {(name, i): [] for name in names for i in (False, True)}
    agreement: list[float] = []
    sanity: list[float] = []
    watched = list(watch(saved, test, batch_size=batch_size))
    watched_fresh = [seen.gate for *_, seen in watch(fresh, test, batch_size=batch_size)]
    spread = float(np.std(np.concatenate([outputs[:, 0] for _, _, outputs, _ in watched]))) or 1.0
    for (_, batch, outputs, seen), gate_of_fresh in zip(watched, watched_fresh, strict=True):
        x, lengths = seen.inputs.transpose(0, 1), batch.lengths
        target = torch.from_numpy(outputs[:, 0] if number else outputs.argmax(1))
        attention, of_fresh = (gate.transpose(0, 1).double() for gate in (seen.gate, gate_of_fresh))
        integrated = integrated_gradients(model, x, lengths, target, baseline)
        scores = {
            "relative attention": per_group(attention / usual),
            "attention": per_group(attention),
            "gradient": per_group(gradients(model, x, lengths, target).abs()),
            # What lowers a number changes it as much as what raises it.
            "integrated gradients": per_group(integrated.abs() if number else integrated),
            "distance from the mean": per_group((x - baseline).abs()),
        }
        shape = scores["attention"].shape
        chance = {
            "random groups": torch.rand(DRAWS, shape[0], 1, shape[2], generator=generator).expand(-1, *shape),
            "random cells": torch.rand(DRAWS, *shape, generator=generator),
        }
        for insert in (False, True):
            for name in names:
                drawn = chance[name] if name in chance else [scores[name]]
                made = [
                    curve(model, x, lengths, target, ranks(score, lengths), group_of, baseline, insert)
                    for score in drawn
                ]
                curves[name, insert].append(np.mean(made, axis=0))
        size = per_group(integrated.abs())
        relative_of_fresh = per_group(of_fresh / usual_of_fresh)
        for row, steps in enumerate(lengths.tolist()):
            relative = scores["relative attention"][row, :steps].numpy()
            agreement.append(rank_correlation(relative, size[row, :steps].numpy()))
            sanity.append(rank_correlation(relative, relative_of_fresh[row, :steps].numpy()))
    means = {key: np.concatenate(parts).mean(0) / (spread if number else 1) for key, parts in curves.items()}
    return Faithfulness(
        count=len(test),
        target=saved.schema.target,
        deletion={name: means[name, False] for name in names},
        insertion={name: means[name, True] for name in names},
        with_gradients=float(np.mean(agreement)),
        with_random_weights=float(np.mean(sanity)),
    )


def _mean_frame(saved: SavedModel, train: SequenceDataset) -> Tensor:
    """The mean (D,) of what the first layer is given in training: of frames, or of the vectors of words."""
    frames = torch.cat([s.flatten(1) for s in preprocess(train, saved.preprocessing).sequences])
    embedding = saved.classifier.embedding
    if embedding is None:
        return frames.double().mean(0)
    counts = torch.bincount(frames[:, 0].long(), minlength=embedding.num_embeddings).double()
    return counts @ embedding.weight.detach().double() / counts.sum()


def _with_random_weights(saved: SavedModel, seed: int) -> SequenceClassifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed((seed + _AWAY) % 2**32)
        model = SequenceClassifier(**saved.classifier.config)
    return model.to(next(saved.classifier.parameters()).dtype).eval()
