"""Scores and intervals against figures worked out elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.tasks.metrics import (
    CONFUSED,
    MATRIX,
    class_scores,
    confused_pairs,
    differ,
    of_classes,
    score,
    student,
    wilson,
)


def one_hot(predicted, classes=3):
    return np.eye(classes)[predicted] * 4.0


def test_a_class_that_is_only_predicted_does_not_count_as_zero():
    scores = score(one_hot([0, 0, 2]), np.array([0, 0, 1]))
    assert scores.accuracy.value == pytest.approx(2 / 3)
    assert scores.mean_class_accuracy == pytest.approx((1 + 0) / 2)
    assert scores.confusion.tolist() == [[2, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_scores_of_very_many_classes_grow_with_their_number_and_not_with_its_square():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 300, 5000)
    predicted = np.where(rng.random(5000) < 0.5, labels, rng.integers(0, 300, 5000))
    predicted[labels == 7] = 9
    found = score(np.eye(300)[predicted], labels)
    test = found.to_dict() | {"classes": [f"c{i}" for i in range(300)]}
    assert "confusion" not in test
    assert len(test["confused"]) == CONFUSED
    whole = {"confusion": found.confusion.tolist(), "classes": test["classes"]}
    assert of_classes(test) == of_classes(whole)
    assert found.confusion.sum() == sum(test["class_count"]) == 5000
    assert confused_pairs(test, 50) == confused_pairs(whole, 50)
    assert confused_pairs(test, 1) == [("c7", "c9", int((labels == 7).sum()))]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_the_matrix_counts_every_answer(pairs):
    labels, predicted = np.array(pairs).T
    expected = np.zeros((5, 5), dtype=int)
    np.add.at(expected, (labels, predicted), 1)
    found = score(one_hot(predicted, 5), labels)
    assert found.confusion.tolist() == found.to_dict()["confusion"] == expected.tolist()
    assert MATRIX >= 100


def test_mean_class_accuracy_weighs_classes_alike():
    labels = np.array([0] * 9 + [1])
    assert score(one_hot([0] * 10), labels).accuracy.value == pytest.approx(0.9)
    assert score(one_hot([0] * 10), labels).mean_class_accuracy == pytest.approx(0.5)


def test_the_loss_is_the_mean_cross_entropy_also_of_large_logits():
    logits = np.array([[0.0, 0.0], [1000.0, 0.0]])
    assert score(logits, np.array([0, 1])).loss == pytest.approx((np.log(2) + 1000) / 2)


def test_wilson_gives_the_published_example():
    # Newcombe, Statistics in Medicine 1998, table I, method 3.
    assert wilson(81, 263)[1:] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148)[1:] == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20)[1:] == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29)[1:] == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_within_0_and_1(case):
    value, low, high = wilson(*case)
    assert 0 <= low <= value <= high <= 1
    assert low < high


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.3027), (9, 2.2622), (30, 2.0423), (31, 2.0395), (60, 2.0003), (120, 1.9799)],
)
def test_students_quantile_agrees_with_the_printed_table(freedom, quantile):
    values = np.arange(freedom + 1.0)
    value, low, high = student(values)
    error = values.std(ddof=1) / np.sqrt(freedom + 1)
    assert (high - value) / error == pytest.approx(quantile, abs=5.1e-5)
    assert (value - low) / error == pytest.approx(quantile, abs=5.1e-5)


def test_students_interval_of_three_values():
    value, low, high = student([0.9, 0.92, 0.94])
    assert value == pytest.approx(0.92)
    assert high - value == pytest.approx(value - low) == pytest.approx(4.302652729696 * 0.02 / np.sqrt(3))


@pytest.mark.parametrize("classes", [3, MATRIX + 1])
def test_precision_recall_and_f1_are_those_of_the_answers(classes):
    labels = np.array([0, 0, 0, 1])
    logits = np.zeros((4, classes))
    logits[range(4), [0, 0, 1, 1]] = 1
    test = score(logits, labels).to_dict() | {"classes": [f"c{i}" for i in range(classes)]}
    first, second, third, *_ = class_scores(test)
    assert first == ("c0", 1.0, pytest.approx(2 / 3), pytest.approx(0.8), 3)
    assert second == ("c1", 0.5, 1.0, pytest.approx(2 / 3), 1)
    assert third == ("c2", None, None, None, 0)


def test_shares_differ_only_beyond_chance():
    # The pooled normal test, another method, gives p = 0.0080, 0.0144 and 0.0000002.
    assert differ((56, 70), (48, 80))
    assert not differ((55, 70), (48, 80))
    assert differ((56, 70), (30, 80))
    assert not differ((1, 1), (0, 1))
