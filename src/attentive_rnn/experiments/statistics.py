"""Statistics of models over several data sets: their average ranks, and the tests of Friedman and Wilcoxon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from .table import markdown


@dataclass(frozen=True)
class Ranks:
    """The ranks of models over data sets, and how likely they are by chance.

    Args:
        average: the mean rank of each model, 1 for the best; equal scores share the mean of their ranks.
        friedman: probability of ranks at least as uneven if the models were alike; None for two models.
        wilcoxon: for each model but the first, that of differences to the first at least as one-sided.
        sets: the number of data sets.
    """

    average: dict[str, float]
    friedman: float | None
    wilcoxon: dict[str, float]
    sets: int

    def markdown(self) -> str:
        """A table with a line for each model, and the test of all of them."""
        first, *_ = self.average
        against = f"p, against {first}"
        rows = [
            {
                "model": model,
                f"average rank over {self.sets} sets": f"{rank:.2f}",
                against: f"{self.wilcoxon[model]:.3f}" if model in self.wilcoxon else "",
            }
            for model, rank in self.average.items()
        ]
        tests = ["p of each line: Wilcoxon's signed-rank test over the sets."]
        if self.friedman is not None:
            tests.append(f"All together: p = {self.friedman:.3f} (Friedman's test).")
        return f"{markdown(rows)}\n{' '.join(tests)}\n"


def rank(scores: Mapping[str, Mapping[str, float]]) -> Ranks:
    """Rank models on each data set, and test whether the ranks could be chance.

    Source: J. Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 2006.

    Args:
        scores: for each data set the score of each model, the same models everywhere; more is better.

    Raises:
        ConfigError: fewer than two data sets or models.

    Example:
        >>> found = rank({"a": {"gate": 0.9, "plain": 0.8}, "b": {"gate": 0.7, "plain": 0.6}})
        >>> found.average, found.wilcoxon
        ({'gate': 1.0, 'plain': 2.0}, {'plain': 0.5})
    """
    from scipy import stats  # late: it takes two seconds

    models = list(next(iter(scores.values()), {}))
    if len(scores) < 2 or len(models) < 2:
        raise ConfigError(f"ranks need two data sets and two models, got {len(scores)} and {len(models)}")
    values = np.array([[scored[model] for model in models] for scored in scores.values()])
    average = stats.rankdata(-values, axis=1).mean(0)
    friedman = float(stats.friedmanchisquare(*values.T).pvalue) if len(models) > 2 and np.ptp(values, 1).any() else None
    against = {}
    for i, model in enumerate(models[1:], 1):
        differences = values[:, 0] - values[:, i]
        against[model] = float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
    return Ranks(dict(zip(models, map(float, average), strict=True)), friedman, against, len(scores))
