"""Faithfulness of attention, measured by deletion and insertion of the parts of a sequence.

:func:`measure` takes one model, :func:`values`, :func:`markdown` and :func:`picture` show one or several outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from ..data import SequenceDataset, Splits, preprocess
from ..draw import charts, colours
from ..models import SequenceClassifier
from ..tasks.metrics import Interval, student
from ..training.saved_model import SavedModel
from .explanation import groups_of
from .response import observe, static_modulation, without_embedding
from .saliency import gradients, integrated_gradients

FRACTIONS = np.linspace(0, 1, 11)  # of the cells of a sequence; a cell is a group of elements at one step
# The ways to rank cells. Relative attention is what the pictures show. The last three know nothing of the network:
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
    fresh = replace(saved, model=_with_random_weights(saved, seed))
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
    observed = list(observe(saved, test, batch_size=batch_size))
    gates_of_fresh = [seen.gate for *_, seen in observe(fresh, test, batch_size=batch_size)]
    spread = float(np.std(np.concatenate([outputs[:, 0] for _, _, outputs, _ in observed]))) or 1.0
    for (_, batch, outputs, seen), gate_of_fresh in zip(observed, gates_of_fresh, strict=True):
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


def ranks(scores: Tensor, lengths: Tensor) -> Tensor:
    """The place of each cell among those of its sequence, the highest score first.

    Args:
        scores: (B, T, G).
        lengths: int64 (B,); steps past them come last.

    Returns:
        int64 (B, T, G).

    Example:
        >>> ranks(torch.tensor([[[0.1, 0.9], [0.5, 9.9]]]), torch.tensor([1])).tolist()
        [[[1, 0], [2, 3]]]
    """
    past = torch.arange(scores.shape[1])[:, None] >= lengths[:, None, None]
    flat = scores.masked_fill(past, -torch.inf).flatten(1)
    return flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1).reshape(scores.shape)


def curve(
    model: SequenceClassifier,
    x: Tensor,
    lengths: Tensor,
    target: Tensor,
    order: Tensor,
    group_of: Tensor,
    baseline: Tensor,
    insert: bool,
) -> np.ndarray:
    """The probability of a class while more and more cells are replaced by the baseline, or put back.

    Of a regressor it is the distance to the number that it predicts from the whole sequence.

    Args:
        model: in evaluation mode.
        x: (B, T, D).
        lengths: int64 (B,).
        target: the class of each row, int64 (B,); of a regressor its answers, floating point (B,).
        order: of the cells, int64 (B, T, G), as :func:`ranks` gives it.
        group_of: the group of each element, int64 (D,).
        baseline: (D,).
        insert: start from the baseline and put cells in, instead of taking them out.

    Returns:
        (B, len(FRACTIONS)).
    """
    cells = lengths * order.shape[2]
    place = order[:, :, group_of]
    columns = []
    for fraction in FRACTIONS:
        first = place < (fraction * cells).round()[:, None, None]
        shown = torch.where(first == insert, x, baseline)
        with torch.no_grad():
            logits = model(shown, lengths)
            if target.is_floating_point():
                columns.append((logits[:, 0] - target).abs())
            else:
                columns.append(logits.softmax(1).gather(1, target[:, None])[:, 0])
    return torch.stack(columns, dim=1).double().numpy()


def area(values: np.ndarray) -> np.ndarray:
    """The area under curves (..., len(FRACTIONS)), by the trapezium rule: the mean height, from 0 to 1."""
    return np.trapezoid(values, FRACTIONS, axis=-1)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two arrays of one shape; 0 where one of them is constant.

    Example:
        >>> rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0]))
        1.0
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second, axis=None).statistic)


def values(outcomes: Sequence[Faithfulness]) -> dict[str, Any]:
    """The table as plain values: areas under the curves and correlations, one number for each run."""
    return {
        "sequences": outcomes[0].count,
        "runs": len(outcomes),
        "rankings": {
            name: {
                "deletion": [float(area(outcome.deletion[name])) for outcome in outcomes],
                "insertion": [float(area(outcome.insertion[name])) for outcome in outcomes],
            }
            for name in outcomes[0].deletion
        },
        "correlation_with_integrated_gradients": [outcome.with_gradients for outcome in outcomes],
        "correlation_with_random_weights": [outcome.with_random_weights for outcome in outcomes],
    }


def markdown(outcomes: Sequence[Faithfulness]) -> str:
    """The table: means over the runs with Student's 95 % intervals; plain numbers for a single run."""
    found = values(outcomes)
    better = ("higher", "lower") if outcomes[0].target == "number" else ("lower", "higher")
    lines = [f"| cells ranked by | deletion ({better[0]} is better) | insertion ({better[1]} is better) |"]
    lines.append("|---|---|---|")
    for name, areas in found["rankings"].items():
        lines.append(f"| {name} | {_with_interval(areas['deletion'])} | {_with_interval(areas['insertion'])} |")
    lines += [
        "",
        "Rank correlation of relative attention with the size of integrated gradients: "
        + _with_interval(found["correlation_with_integrated_gradients"], "+.2f")
        + "; with the relative attention of the same network with random weights: "
        + _with_interval(found["correlation_with_random_weights"], "+.2f")
        + ".",
    ]
    return "\n".join(lines) + "\n"


def picture(outcomes: Sequence[Faithfulness], title: str) -> bytes:
    """The curves as a PNG: means over the runs, with bands from the lowest run to the highest.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    first, number = outcomes[0], outcomes[0].target == "number"
    panels = {
        f"{kind}, the first-ranked first": {
            name: np.stack([getattr(outcome, field)[name] for outcome in outcomes]) for name in first.deletion
        }
        for kind, field in (("deletion: cells taken out", "deletion"), ("insertion: cells put in", "insertion"))
    }
    runs = "one run" if len(outcomes) == 1 else f"mean and range of {len(outcomes)} runs"
    figure = charts.ranking_curves(
        panels,
        dict(zip(RANKINGS, colours.RANKINGS, strict=True)),
        FRACTIONS,
        f"{title}: {first.count} test sequences, {runs}",
        "change of the answer, standard deviations" if number else "probability of the predicted class",
        None if number else 1,
    )
    return charts.encoded(figure, ".png", dpi=120)


def _with_interval(numbers: Sequence[float], form: str = ".3f") -> str:
    found = student(numbers) if len(numbers) > 1 else Interval(numbers[0], numbers[0], numbers[0])
    if len(numbers) == 1:
        return f"{found.value:{form}}"
    return f"{found.value:{form}} ({found.low:{form}} to {found.high:{form}})"
