import json

import pytest

from attentive_rnn.data import Schema
from attentive_rnn.data.schema import same_rate
from attentive_rnn.errors import ConfigError, DataError


@pytest.mark.parametrize(
    "schema",
    [
        Schema(classes=("a", "b"), shape=(2,), features=("x", "y"), rate=10.0),
        Schema(classes=(), shape=(1, 20, 3), layout="kinect-20"),
    ],
)
def test_a_schema_survives_json(schema):
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"shape": [3]}, "classes"),
        ({"classes": ["a"]}, "shape"),
        ({"classes": ["a"], "shape": [3], "colour": 1}, "colour"),
        ({"classes": "ab", "shape": [3]}, "classes"),
        ({"classes": ["a"], "shape": [True]}, "shape"),
        ({"classes": ["a"], "shape": [0]}, "shape"),
        ({"classes": ["a"], "shape": [3], "rate": "fast"}, "rate"),
        ({"classes": ["a"], "shape": [3], "layout": 20}, "layout"),
        ({"classes": ["a"], "shape": [3], "features": ["x"]}, "feature names"),
        ({"classes": ["a", "a"], "shape": [3]}, "twice"),
    ],
)
def test_a_wrong_schema_is_refused_by_the_name_of_its_key(values, named):
    with pytest.raises(ConfigError, match=named):
        Schema.from_dict(values)


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "a\0", "\ud800"])
def test_a_name_with_control_characters_is_refused(name):
    with pytest.raises(DataError, match="of a class or feature has control characters"):
        Schema((name, "b"), (2,))
    with pytest.raises(DataError, match="of a class or feature has control characters"):
        Schema((), (2,), features=("x", name))
    assert Schema(("ü $ [b] \u00a0", "語"), (2,)).outputs == 2


def test_rates_are_one_up_to_5_percent_of_the_highest():
    assert same_rate(95.0, 98.0, 100.0)
    assert same_rate(100.0, 95.0)
    assert same_rate(30.0)
    assert not same_rate(94.9, 100.0)
    assert not same_rate(100.0, 105.3)
