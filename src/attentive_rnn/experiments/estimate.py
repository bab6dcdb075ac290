"""Estimate of how far the scores of a run can be trusted: what simple methods reach on its split, and doubts.

Input is the results and the data of a run; output is scores to compare with, and sentences.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch.nn.functional as F

from ..data import SequenceDataset, Splits, preprocess
from ..data.dataset import sequences_only
from ..data.io.files import read_json
from ..errors import ConfigError, counted, installed, needed_for
from ..tasks import Metric
from ..tasks.metrics import Errors, Interval, differ, errors_differ, wilson, with_normal_interval
from ..training.run_folder import RunFolder
from ..training.saved_model import SavedModel

_STEPS = (9, 512)  # the fewest and the most that MiniRocket gets; it needs nine


@dataclass(frozen=True)
class Baseline:
    """The score of a simple method on the test part of a run.

    Args:
        method: what it is, with the version of its package.
        metric: the name of the score.
        score: on the test part, with its 95 % interval.
    """

    method: str
    metric: str
    score: Interval

    def to_dict(self) -> dict[str, Any]:
        """The baseline as plain values that JSON can hold."""
        return asdict(self) | {"score": self.score._asdict()}

    def in_words(self, metric: Metric) -> str:
        """The baseline as a line of text."""
        value, low, high = self.score
        return f"{metric.in_words(value)} (95 % interval {metric.show(low)} to {metric.show(high)}) by {self.method}"


def baselines(saved: SavedModel, splits: Splits) -> list[Baseline]:
    """The scores of simple methods, trained on the training part of a run and tested on its test part.

    A linear model of scikit-learn on summaries of each sequence, and MiniRocket where aeon is installed. Both see the
    sequences as the run's model does after its preprocessing; the validation part is left out.

    Args:
        saved: the run's model.
        splits: its data, as the model takes them.

    Raises:
        ConfigError: the data are images or maps. MissingExtraError: scikit-learn is not installed.
    """
    with needed_for("a baseline needs scikit-learn: pip install 'attentive-rnn[baseline]'"):
        import sklearn  # noqa: F401
    schema = saved.schema
    if schema.medium != "sequence":
        raise ConfigError(f"--baseline is for sequences, and this is a run on {schema.medium}s")
    train, test = (preprocess(sequences_only(part), saved.preprocessing) for part in splits)
    methods: list[Callable[[SequenceDataset, SequenceDataset], tuple[str, np.ndarray]]] = [_linear]
    if installed("aeon") and schema.target == "class" and not schema.vocabulary:
        methods.append(_mini_rocket)
    found = []
    for method in methods:
        name, answers = method(train, test)
        if schema.target == "number":
            score = with_normal_interval((answers - test.labels) ** 2)
        else:
            score = wilson(int((answers == test.labels).sum()), len(test))
        found.append(Baseline(name, saved.task.metric.name, score))
    return found


def stored_baselines(run: RunFolder) -> list[Baseline]:
    """The baselines that a run's folder holds; none where they were not asked for.

    Raises:
        ConfigError: the file is damaged.
    """
    if not run.baselines.exists():
        return []
    try:
        rows = read_json(run.baselines)["baselines"]
        return [Baseline(row["method"], row["metric"], Interval(**row["score"])) for row in rows]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{run.baselines}: is damaged; remove it") from error


def doubts(results: Mapping[str, Any], test: Mapping[str, Any]) -> list[str]:
    """A sentence where the scores of a run's validation part and those of its test part differ beyond chance.

    Of classes it is the accuracy, of numbers the mean absolute error.

    Args:
        results: of the run, its results.json, or what :func:`over_folds` makes of several.
        test: its test scores.
    """
    count, total = results.get("validation_count"), test.get("count")
    if not count or not total:
        return []
    figures = ""
    if "accuracy" in test and "validation_accuracy" in results:
        reached, tested = results["validation_accuracy"], test["accuracy"]
        if differ((round(reached * count), count), (round(tested * total), total)):
            figures = f"validation ({100 * reached:.1f} % of {count}) and test ({100 * tested:.1f} % of {total})"
    elif "mae" in test and "validation_mae" in results:
        held_out = Errors(results["validation_mae"], results["validation_mse"], count)
        tested = Errors(test["mae"], test["mse"], total)
        if errors_differ(held_out, tested):
            figures = (
                f"the mean absolute errors of validation ({held_out.mae:.4g}, {counted(count, 'sequence')}) "
                f"and test ({tested.mae:.4g}, {total})"
            )
    if not figures:
        return []
    return [f"{figures} differ beyond chance: the parts are of different kinds, and neither may hold for new data"]


def over_folds(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The validation scores of runs on a fold each, as those of one run on all of them."""
    count = sum(one["validation_count"] for one in results)
    keys = [key for key in ("validation_accuracy", "validation_mse", "validation_mae") if key in results[0]]
    found = {key: sum(one["validation_count"] * one[key] for one in results) / count for key in keys}
    return found | {"validation_count": count}


def _linear(train: SequenceDataset, test: SequenceDataset) -> tuple[str, np.ndarray]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    words, number = bool(train.schema.vocabulary), train.schema.target == "number"
    what = "counts of words" if words else "mean, spread, range, ends and steps of each feature"
    name = f"{'linear' if number else 'logistic'} regression (scikit-learn {version('scikit-learn')}) on {what}"
    if not number and len(np.unique(train.labels)) == 1:  # nothing to learn, which scikit-learn refuses
        return name, np.repeat(train.labels[:1], len(test))
    summarise = _bags_of_words if words else _summaries
    model = make_pipeline(StandardScaler(with_mean=not words), Ridge() if number else LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged to the last digit
        return name, model.fit(summarise(train), train.labels).predict(summarise(test))


def _summaries(part: SequenceDataset) -> np.ndarray:
    """Numbers (N, 7 D) that say what a sequence is like, whatever its length."""
    rows = []
    for sequence in part.sequences:
        x = sequence.flatten(1).double().numpy()
        steps = np.abs(np.diff(x, axis=0)).mean(0) if len(x) > 1 else np.zeros(x.shape[1])
        rows.append(np.concatenate([x.mean(0), x.std(0), x.min(0), x.max(0), x[0], x[-1], steps]))
    return np.array(rows)


def _bags_of_words(part: SequenceDataset) -> Any:
    """The logarithm of one plus how often each word occurs, a sparse (N, words)."""
    from scipy.sparse import csr_array

    found = [np.unique(sequence.flatten().numpy().astype(int), return_counts=True) for sequence in part.sequences]
    starts = np.cumsum([0, *(len(words) for words, _ in found)])
    words = np.concatenate([words for words, _ in found])
    times = np.concatenate([times for _, times in found])
    shape = len(found), len(part.schema.vocabulary)
    return csr_array((np.log1p(times), words, starts), shape=shape)


def _mini_rocket(train: SequenceDataset, test: SequenceDataset) -> tuple[str, np.ndarray]:
    from aeon.classification.convolution_based import MiniRocketClassifier

    length = int(np.clip(train.lengths.max(), *_STEPS))
    model = MiniRocketClassifier(random_state=0)
    model.fit(_of_length(train, length), train.labels)
    name = f"MiniRocket (aeon {version('aeon')})"
    return name, model.predict(_of_length(test, length)).astype(int)


def _of_length(part: SequenceDataset, length: int) -> np.ndarray:
    """All sequences drawn out or pressed to one length by straight lines, (N, D, length)."""
    stretched = [
        F.interpolate(sequence.flatten(1).T[None], size=length, mode="linear", align_corners=True)[0].numpy()
        for sequence in part.sequences
    ]
    return np.stack(stretched)
