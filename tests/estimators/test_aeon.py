"""aeon's own checks of an estimator, among them collections of unequal length."""

from __future__ import annotations

import pytest

pytest.importorskip("aeon", reason="its checks need aeon, whose pins are not those of the other packages here")

from aeon.testing.estimator_checking import parametrize_with_checks

from attentive_rnn.estimators.aeon import AttentiveClassifier, AttentiveRegressor


@parametrize_with_checks([AttentiveClassifier, AttentiveRegressor])
@pytest.mark.filterwarnings("default")
def test_aeons_check(check):
    check()
