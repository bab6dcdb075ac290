"""Ranks of models over data sets, and the tests of them."""

from __future__ import annotations

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.statistics import rank


def test_ranks_share_ties_and_one_model_always_ahead_is_unlikely_by_chance():
    scores = {str(i): {"gate": 0.9, "plain": 0.5 + i / 100, "wide": 0.5 + i / 100} for i in range(8)}
    found = rank(scores)
    assert found.average == {"gate": 1.0, "plain": 2.5, "wide": 2.5}
    assert found.friedman < 0.01
    assert found.wilcoxon["plain"] == pytest.approx(2 / 2**8)
    assert "| plain | 2.50 | 0.008 |" in found.markdown()
    alike = rank({"a": {"x": 0.5, "y": 0.5}, "b": {"x": 0.5, "y": 0.5}})
    assert (alike.friedman, alike.wilcoxon) == (None, {"y": 1.0})
    with pytest.raises(ConfigError, match="two data sets and two models"):
        rank({"a": {"x": 0.5, "y": 0.5}})


def test_friedmans_test_gives_the_published_example():
    # Demsar, JMLR 2006, section 3.2: AUC of C4.5 with its pruning and its leaves tuned, in all four ways, on 14 sets.
    auc = """
        .763 .768 .771 .798  .599 .591 .590 .569  .954 .971 .968 .967  .628 .661 .654 .657  .882 .888 .886 .898
        .936 .931 .916 .931  .661 .668 .609 .685  .583 .583 .563 .625  .775 .838 .866 .875  1.0 1.0 1.0 1.0
        .940 .962 .965 .962  .619 .666 .614 .669  .972 .981 .9751 .975  .957 .978 .946 .970
    """
    values = list(map(float, auc.split()))
    names = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
    found = rank({str(i): dict(zip(names, values[4 * i : 4 * i + 4], strict=True)) for i in range(14)})
    assert [round(r, 3) for r in found.average.values()] == [3.143, 2.0, 2.893, 1.964]
    assert 0.01 < found.friedman < 0.05
    assert found.sets == 14
