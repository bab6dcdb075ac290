"""The tables of explanations: all of them on the page of long tables, a fifth of the input on the others."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from attentive_rnn.explain.faithfulness import FRACTIONS, RANKINGS, Curves, Faithfulness
from benchmarks import explaining


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A copy of the pages, which the command works on."""
    for name in ("results.md", "results-all.md", "explain.md"):
        shutil.copy(explaining.DOCS / name, tmp_path)
    monkeypatch.setattr(explaining, "DOCS", tmp_path)
    return lambda name: (tmp_path / name).read_text(encoding="utf-8")


def outcome(lost):
    """A network that is right in proportion to what it is given, less `lost`; the attention loses as much again."""
    shares = np.asarray(FRACTIONS)
    curves = {}
    for name in RANKINGS:
        right = shares - lost - lost * (name == "attention")
        curves[name] = Curves(1 - shares, shares, 1 - right, right, np.array(1.5), np.array(0.25))
    return Faithfulness(40, "class", curves, 0.5, 0.75)


def test_means_over_seeds_are_on_the_pages_and_the_short_ones_have_a_fifth_alone(pages):
    outcomes = {"NATOPS": [outcome(0.0), outcome(0.1)], "Epilepsy": [outcome(0.0)]}
    explaining.write(outcomes)
    fifth, deleted = (
        f"| {start} | {' | '.join(low if name == 'attention' else high for name in RANKINGS)} |"
        for start, low, high in (
            ("NATOPS (2 seeds) | 20 %", "10.0", "15.0"),
            (f"NATOPS | {explaining.DELETION}", "90.0", "85.0"),
        )
    )
    whole, short, explain = map(pages, ("results-all.md", "results.md", "explain.md"))
    assert all(fifth in page for page in (whole, short, explain))
    assert deleted in whole
    assert deleted in short
    assert "| NATOPS (2 seeds) | 50 % |" in whole
    assert "| Epilepsy | CPD (high) | 1.500 |" in whole
    assert "* Epilepsy, 40 test sequences, rank correlations +0.50 and +0.75: `attentive train sequence --data" in whole
    assert all("50 % |" not in page and "CPD (high)" not in page for page in (short, explain))
