"""Faithfulness of explanations, measured by deletion and insertion of the parts of a sequence.

:func:`measure` takes one model; :mod:`.faithfulness_table` shows one or several outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from ..data import Splits
from ..models import SequenceClassifier
from ..training.saved_model import SavedModel
from .explanation import groups_of
from .response import measure_usual, observe, without_embedding
from .saliency import STEPS, gradients, integrated_gradients

FRACTIONS = np.linspace(0, 1, 11)  # of the cells of a sequence; a cell is a group of elements at one step
CUMULATIVE = np.linspace(0, 0.2, 11)  # of the cells, over which changes of the answer are added up
# The ways to rank cells, and how often each runs the network forward and backward. "Size" is without the sign, so that
# what speaks against the class counts too. The last two know nothing of the network.
RANKINGS = {
    "attended input": (1, 0),
    "integrated gradients": (STEPS, STEPS),
    "size of integrated gradients": (STEPS, STEPS),
    "gradient x input": (1, 1),
    "attention": (1, 0),
    "relative attention": (1, 0),
    "distance from the mean": (0, 0),
    "random": (0, 0),
}
LARGEST = 500  # test sequences, spread evenly
DRAWS = 3  # random orders, averaged
_AWAY = 2**31  # from the run's own seed, with which the fresh network would be the one that training began with


class Curves(NamedTuple):
    """What is left of the answers while the cells that one ranking puts first are taken out, or put in.

    Args:
        deletion, insertion: at each fraction of cells taken out, or put in, (len(FRACTIONS),): the mean probability of
            the class predicted from the whole; of numbers the mean change of the answer, in standard deviations of the
            answers to the whole sequences.
        right_after_deletion, right_after_insertion: the share of the labelled sequences whose class is found, likewise;
            NaN of numbers.
        difference: the cumulative prediction difference (CPD), (): the changes of all probabilities, added up without
            their sign, while the first 20 % of the cells are taken out, in ten steps. High is good.
        preservation: the same for the last 20 % (CPP). Low is good.
    """

    deletion: np.ndarray
    insertion: np.ndarray
    right_after_deletion: np.ndarray
    right_after_insertion: np.ndarray
    difference: np.ndarray
    preservation: np.ndarray


@dataclass(frozen=True)
class Faithfulness:
    """The outcome for one model.

    Args:
        count: the number of test sequences.
        target: of the schema, "class" or "number".
        curves: of each ranking.
        with_gradients: rank correlation of the attended input with the size of integrated gradients, over the cells
            of a sequence, mean over sequences.
        with_random_weights: the same with the attended input of the same network with new random weights.
    """

    count: int
    target: str
    curves: dict[str, Curves]
    with_gradients: float
    with_random_weights: float


def measure(saved: SavedModel, splits: Splits, seed: int = 0, batch_size: int = 64) -> Faithfulness:
    """Measure a model on the test sequences of its data set (at most 500, evenly spread).

    A cell is a joint, sensor or feature at one step; of texts a word. Cells that are taken out are replaced by the mean
    over the frames of the training sequences; a word by the mean vector of the training words. A joint that is not seen
    is no cell: it stays away.

    Args:
        saved: a model whose first layer has a gate, on the CPU.
        splits: the data, as they were read.
        seed: of the random orders and the random weights.
        batch_size: sequences at a time.

    Raises:
        ConfigError: the first layer has no gate, or it is a network for images.

    Source: deletion and insertion: Petsiuk, Das & Saenko, "RISE", BMVC 2018; cumulative differences: Jang, Kim & Yang,
    "TIMING", ICML 2025; random weights: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018.
    """
    model, number = without_embedding(saved.classifier), saved.schema.target == "number"
    groups = groups_of(saved.preprocessing.schema_after(saved.schema), model.layers.input_size)
    group_of = torch.empty(model.layers.input_size, dtype=torch.int64)
    for place, group in enumerate(groups):
        group_of[list(group.elements)] = place
    usual = measure_usual(saved, splits.train)
    fresh = replace(saved, model=_with_random_weights(saved, seed))
    usual_of_fresh = measure_usual(fresh, splits.train)
    mean = torch.from_numpy(usual.mean).to(next(model.parameters()).dtype)
    generator = torch.Generator().manual_seed(seed)

    def per_group(values: Tensor) -> Tensor:
        total = torch.zeros(*values.shape[:2], len(groups), dtype=torch.float64)
        return total.index_add_(2, group_of, values.double())

    test = splits.test.subset(range(0, len(splits.test), -(-len(splits.test) // LARGEST)))
    found: dict[str, list[Curves]] = {name: [] for name in RANKINGS}
    agreement: list[float] = []
    sanity: list[float] = []
    observed = list(observe(saved, test, batch_size=batch_size))
    attended_by_fresh = [
        seen.attended(usual_of_fresh).transpose(0, 1) for *_, seen in observe(fresh, test, batch_size=batch_size)
    ]
    spread = float(np.std(np.concatenate([outputs[:, 0] for _, _, outputs, _ in observed]))) or 1.0
    for (_, batch, outputs, seen), of_fresh in zip(observed, attended_by_fresh, strict=True):
        x, present, lengths = seen.inputs.transpose(0, 1), seen.present.transpose(0, 1), batch.lengths
        baseline = torch.where(present, mean, x)
        target = torch.from_numpy(outputs[:, 0] if number else outputs.argmax(1))
        attention = seen.gate.transpose(0, 1).double() * present
        integrated = integrated_gradients(model, x, lengths, target, baseline)
        slope = gradients(model, x, lengths, target) * (x - baseline)
        sizes = torch.bincount(group_of, minlength=len(groups))
        scores = {
            "attended input": per_group(seen.attended(usual).transpose(0, 1)),
            # What lowers a number changes it as much as what raises it.
            "integrated gradients": per_group(integrated.abs() if number else integrated),
            "size of integrated gradients": per_group(integrated.abs()),
            "gradient x input": per_group(slope.abs() if number else slope),
            "attention": per_group(attention) / sizes,
            "relative attention": per_group(attention / torch.from_numpy(usual.modulation)) / sizes,
            "distance from the mean": per_group((x - baseline).abs()),
        }
        cells = per_group(present) > 0
        cells &= (torch.arange(cells.shape[1]) < lengths[:, None])[..., None]

        answers = partial(_answers, model, x, baseline, lengths, group_of, spread if number else None)
        for name in RANKINGS:
            of_chance = (torch.rand(cells.shape, generator=generator) for _ in range(DRAWS))
            orders = [ranks(score, cells) for score in (of_chance if name == "random" else [scores[name]])]
            made = [
                _curves(answers, order, cells, target / spread if number else target, batch.labels) for order in orders
            ]
            found[name].append(Curves(*(np.mean(parts, axis=0) for parts in zip(*made, strict=True))))
        compared = scores["attended input"], scores["size of integrated gradients"], per_group(of_fresh)
        for row, known in enumerate(cells):
            own, by_gradients, by_fresh = (values[row][known].numpy() for values in compared)
            agreement.append(rank_correlation(own, by_gradients))
            sanity.append(rank_correlation(own, by_fresh))
    return Faithfulness(
        count=len(test),
        target=saved.schema.target,
        curves={name: _mean(parts) for name, parts in found.items()},
        with_gradients=float(np.mean(agreement)),
        with_random_weights=float(np.mean(sanity)),
    )


def _answers(
    model: SequenceClassifier,
    x: Tensor,
    baseline: Tensor,
    lengths: Tensor,
    group_of: Tensor,
    spread: float | None,
    kept: Tensor,
) -> Tensor:
    """The probabilities (B, K), or numbers (B, 1) over their spread, where the cells that are not kept are replaced."""
    with torch.no_grad():
        made = model(torch.where(kept[:, :, group_of], x, baseline), lengths).double()
    return made.softmax(1) if spread is None else made / spread


def _with_random_weights(saved: SavedModel, seed: int) -> SequenceClassifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed((seed + _AWAY) % 2**32)
        model = SequenceClassifier(**saved.classifier.config)
    return model.to(next(saved.classifier.parameters()).dtype).eval()


def _mean(parts: list[Curves]) -> Curves:
    """The mean over all sequences of several batches; what is right, over those that have a label."""
    together = [np.concatenate(part) for part in zip(*parts, strict=True)]
    known = ~np.isnan(together[2][:, 0])
    together[2:4] = [part[known] for part in together[2:4]] if known.any() else together[2:4]
    return Curves(*(np.asarray(part.mean(0)) for part in together))


def ranks(scores: Tensor, cells: Tensor) -> Tensor:
    """The place of each cell among those of its sequence, the highest score first.

    Args:
        scores: (B, T, G).
        cells: bool (B, T, G), which ones there are; the others, such as steps past the end, come last.

    Returns:
        int64 (B, T, G).

    Example:
        >>> cells = torch.tensor([[[True, True], [True, False]]])
        >>> ranks(torch.tensor([[[0.1, 0.9], [0.5, 9.9]]]), cells).tolist()
        [[[2, 0], [1, 3]]]
    """
    flat = scores.double().masked_fill(~cells, -torch.inf).flatten(1)
    return flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1).reshape(scores.shape)


def _curves(
    answers: Callable[[Tensor], Tensor], order: Tensor, cells: Tensor, target: Tensor, labels: Tensor
) -> Curves:
    """The curves of each of B sequences, for one order of their cells.

    Args:
        answers: gives the probabilities (B, K), or numbers (B, 1), where only the cells (B, T, G) that it is told are
            left.
        order: of the cells, int64 (B, T, G), as :func:`ranks` gives it.
        cells: bool (B, T, G), which ones there are.
        target: the predicted class, int64 (B,); of numbers the answers to the whole, floating point (B,).
        labels: (B,), -1 where there is none.

    Returns:
        curves (B, len(FRACTIONS)), and the last two (B,).
    """
    count = cells.flatten(1).sum(1)

    def at(fraction: float) -> Tensor:
        return (fraction * count).round()[:, None, None]

    taken_out = [answers(order >= at(fraction)) for fraction in FRACTIONS]
    put_in = [answers(order < at(fraction)) for fraction in FRACTIONS]
    from_last = count[:, None, None] - 1 - order  # below 0 past the cells, where there is nothing to replace
    changes = []
    for places in (order, from_last):
        steps = torch.stack([answers(places >= at(fraction)) for fraction in CUMULATIVE])
        changes.append(steps.diff(dim=0).abs().sum((0, 2)).numpy())
    curves = [
        torch.stack([of(made, truth) for made in some], 1).numpy()
        for of, truth in ((_left, target), (_right, labels))
        for some in (taken_out, put_in)
    ]
    return Curves(*curves, *changes)


def _left(answers: Tensor, target: Tensor) -> Tensor:
    """The probability of the class that was predicted from the whole, or the distance to the number, (B,)."""
    if target.is_floating_point():
        return (answers[:, 0] - target).abs()
    return answers.gather(1, target[:, None])[:, 0]


def _right(answers: Tensor, labels: Tensor) -> Tensor:
    """1 where the class is found, 0 where not, and NaN where it is not known, (B,) float64."""
    if labels.is_floating_point():
        return torch.full(labels.shape, torch.nan, dtype=torch.float64)
    return torch.where(labels < 0, torch.nan, (answers.argmax(1) == labels).double())


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two arrays of one shape; 0 where one of them is constant.

    Example:
        >>> rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0]))
        1.0
    """
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second, axis=None).statistic)
