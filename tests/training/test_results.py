"""results.json: what was altered is named, whatever it is."""

import copy
import json
from pathlib import Path

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.training.results import checked

RESULTS = {
    "test": {
        "count": 4,
        "accuracy": 0.5,
        "accuracy_interval_95": [0.1, 0.9],
        "classes": ["a", "b"],
        "confusion": [[1, 1], [1, 1]],
        "without_copies": {"accuracy": 0.5},
        "always": {"label": "a", "accuracy": 0.5},
    },
    "select": "best",
    "best_epoch": 1,
    "validation_accuracy": 0.5,
}


def altered(key, value):
    values = copy.deepcopy(RESULTS)
    (values if key in ("test", "best_epoch", "validation_accuracy") else values["test"])[key] = value
    return values


def test_what_training_writes_is_as_it_was(tmp_path):
    assert checked(RESULTS, tmp_path / "results.json") == RESULTS


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("test", [], "test must be an object"),
        ("accuracy", "0.5", "test.accuracy must be a number, got '0.5'"),
        ("accuracy", None, "test.accuracy must be a number"),
        ("accuracy", float("nan"), "test.accuracy must be a number"),
        ("accuracy", 10**400, "test.accuracy must be a number"),
        ("accuracy_interval_95", [0.1], "test.accuracy_interval_95 must be two numbers"),
        ("count", -1, "test.count must be a count"),
        ("classes", ["a", 1], "test.classes must be a list of names"),
        ("classes", ["a"], "test.confusion must be of 1 classes"),
        ("confusion", [[1, 1], [1]], "test.confusion must be of 2 classes"),
        ("confusion", [[1, 1], [1, "1"]], "test.confusion must be rows of counts"),
        ("without_copies", {"accuracy": []}, "test.without_copies.accuracy must be a number"),
        ("without_copies", 7, "test.without_copies must be an object"),
        ("always", {"accuracy": "all"}, "test.always.accuracy must be a number"),
        ("always", [], "test.always must be an object"),
        ("class_predicted", [1, -1], "test.class_predicted must be counts"),
        ("r2", "good", "test.r2 must be a number"),
        ("by_scale", [{"from": "near"}], "test.by_scale.0.from must be a number"),
        ("by_scale", 1, "test.by_scale must be a list"),
        ("by_kind", {"where": {"count": 0.5}}, "test.by_kind.where.count must be a count"),
        ("attention", {"layers": [0.1, None]}, "test.attention.layers must be numbers"),
        ("best_epoch", "one", "best_epoch must be a number"),
        ("validation_accuracy", True, "validation_accuracy must be a number"),
    ],
)
def test_what_was_altered_is_named(key, value, message, tmp_path):
    with pytest.raises(ConfigError, match=r"results.json: .*; the file was altered") as caught:
        checked(altered(key, value), tmp_path / "results.json")
    assert message in str(caught.value)


def test_the_most_confused_classes_are_among_the_classes(tmp_path):
    test = {"classes": ["a", "b"], "class_right": [1, 1], "class_count": [2, 1], "confused": [[0, 1, 1]]}
    assert checked({"test": test}, tmp_path)["test"]["confused"] == [[0, 1, 1]]
    with pytest.raises(ConfigError, match="confused must be of 2 classes"):
        checked({"test": test | {"confused": [[0, 2, 1]]}}, tmp_path)


def test_what_is_missing_is_named_when_it_is_asked_for(tmp_path):
    found = checked({"test": {}}, tmp_path / "results.json")
    with pytest.raises(ConfigError, match=r"results.json: test.count is missing"):
        found["test"]["count"]
    with pytest.raises(ConfigError, match=r"results.json: epochs is missing"):
        found["epochs"]
    with pytest.raises(ConfigError, match=r"test.always.accuracy is missing"):
        checked({"test": {"always": {"label": "a"}}}, tmp_path / "results.json")["test"]["always"]["accuracy"]
    assert json.loads(json.dumps(found)) == {"test": {}}


def test_scores_without_copies_are_of_the_classes_of_the_whole_test_set():
    part = {"accuracy": 0.5, "confusion": [[1, 0], [1, 0]]}
    found = checked({"test": {"accuracy": 0.5, "without_copies": part, "classes": ["a", "b"]}}, Path("results.json"))
    assert found["test"]["without_copies"]["confusion"] == part["confusion"]
    with pytest.raises(ConfigError, match=r"test\.without_copies\.confusion must be of 3 classes"):
        checked({"test": {"classes": ["a", "b", "c"], "without_copies": part}}, Path("results.json"))
    with pytest.raises(ConfigError, match=r"test\.classes must be"):
        checked({"test": {"without_copies": part, "classes": 7}}, Path("results.json"))
