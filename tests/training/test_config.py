"""The types and limits of a configuration."""

import inspect
from dataclasses import fields

import pytest

from attentive_rnn import SequenceClassifier
from attentive_rnn.errors import ConfigError
from attentive_rnn.training.config import (
    KEYS,
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainingConfig,
    VisionConfig,
    flatten,
    from_dict,
    in_words,
)


@pytest.mark.parametrize("section", [DataConfig, VisionConfig, OptimConfig, TrainingConfig, Config])
def test_every_field_has_a_key_and_a_line_of_documentation(section):
    for entry in fields(section):
        assert f"\n        {entry.name}: " in section.__doc__
        assert any(entry.name in key.split(".") for key in KEYS)


def test_the_model_section_has_the_options_of_the_classifier_with_its_defaults():
    options = inspect.signature(SequenceClassifier).parameters
    from_data = {"input_size", "num_classes", "vocabulary_size"}
    assert {entry.name for entry in fields(ModelConfig)} == set(options) - from_data
    for entry in fields(ModelConfig):
        assert entry.name == "embedding_size" or entry.default == options[entry.name].default


def test_the_defaults_are_within_their_own_limits():
    Config().check()
    assert from_dict({}) == Config()


def test_a_configuration_survives_plain_values():
    config = Config(seed=3)
    assert from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.valid_fraction", 0.0),
        ("data.valid_fraction", 1.0),
        ("data.num_workers", -1),
        ("model.hidden_size", 0),
        ("model.num_layers", 0),
        ("model.dropout", 1.0),
        ("model.zoneout", -0.1),
        ("model.gate_scale", 0.0),
        ("model.gate_rank", 0),
        ("model.recompute", 0),
        ("model.gate", ["sigmoid"]),
        ("optim.lr", 0.0),
        ("optim.lr", float("inf")),
        ("optim.lr", float("nan")),
        ("optim.clip_norm", 0.0),
        ("optim.lr_factor", 1.0),
        ("optim.lr_patience", -1),
        ("training.batch_size", 0),
        ("training.max_epochs", 0),
        ("training.patience", 0),
        ("seed", -1),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_key(key, value):
    values = Config().to_dict()
    section, _, name = key.rpartition(".")
    (values[section] if section else values)[name] = value
    with pytest.raises(ConfigError, match=f"^{key} must be "):
        from_dict(values)


def test_nothing_is_held_out_only_where_the_last_epoch_is_taken():
    values = Config().to_dict()
    values["data"]["valid_fraction"] = 0.0
    with pytest.raises(ConfigError, match=r"above 0 unless training\.select is last"):
        from_dict(values)
    values["training"]["select"] = "last"
    assert from_dict(values).data.valid_fraction == 0


def test_reset_after_is_for_the_gru_only():
    values = Config().to_dict()
    values["model"] |= {"cell": "lstm", "reset_after": True}
    with pytest.raises(ConfigError, match=r"^model.reset_after"):
        from_dict(values)


def test_flatten_opens_sections_and_nothing_else():
    flat = flatten(Config().to_dict())
    assert set(flat) == set(KEYS)
    assert flat["data.options"] == {}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("seed", "an integer"),
        ("data.path", "a text or null"),
        ("data.preprocessing", "a list of transforms or null"),
        ("optim.lr_steps", "a list of integers"),
        ("model.gate", "sigmoid, softmax, hard, a list of these, one for each layer or null"),
        ("model.residual", "true or false"),
    ],
)
def test_a_type_is_said_in_words(key, words):
    assert in_words(KEYS[key]) == words


def test_a_value_keeps_its_type_strictly():
    for key, value in (("seed", True), ("seed", 1.0), ("devices", "2"), ("output_dir", None)):
        with pytest.raises(ConfigError, match=f"^{key} must be an? .*, got '{value}'"):
            from_dict({key: value})


def test_a_value_that_is_no_plain_one_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(ConfigError, match=r"^mine\.yaml: must hold plain values"):
        from_dict({"data": {"options": {"a": endless}}}, "mine.yaml")
    with pytest.raises(ConfigError, match=r"must hold plain values"):
        from_dict({}, overrides=[("data.path", "no UTF-8: \udcff")])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"attention_penalty": -1}, r"training\.attention_penalty must be 0 or more, got -1"),
        (
            {"attention_penalty": [1, -1, 0]},
            r"training\.attention_penalty must be 0 or more, got \[1\.0, -1\.0, 0\.0\]",
        ),
        ({"attention_penalty": [1]}, r"training\.attention_penalty must be one weight or a list of 3, one for each"),
        ({"attention_penalty": "x"}, r"training\.attention_penalty must be a number or a list of these"),
    ],
)
def test_a_penalty_on_attention_is_a_weight_or_one_for_each_layer(values, message):
    with pytest.raises(ConfigError, match=message):
        from_dict({"training": values})


@pytest.mark.parametrize("gate", [None, "softmax", ["softmax", "hard", "hard"]])
def test_a_penalty_on_attention_needs_a_gate_that_can_close(gate):
    with pytest.raises(ConfigError, match="must be 0 for a layer whose gate is not sigmoid or hard"):
        from_dict({"model": {"gate": gate}, "training": {"attention_penalty": 1}})
    assert from_dict({"model": {"gate": gate}}).training.penalties == []
    mixed = from_dict({"model": {"gate": [None, "hard", None]}, "training": {"attention_penalty": [0, 2, 0]}})
    assert mixed.training.penalties == [0, 2, 0]


def test_an_override_is_stronger_than_a_value_and_blamed_without_the_file():
    values = {"optim": {"lr": 0.1}, "data": {"options": {"a": 1}}}
    config = from_dict(values, "mine.yaml", [("optim.lr", 0.2), ("data.options.b", 2)])
    assert (config.optim.lr, config.data.options) == (0.2, {"a": 1, "b": 2})
    with pytest.raises(ConfigError, match=r"^optim\.lr must be above 0, got -1\.0"):
        from_dict(values, "mine.yaml", [("optim.lr", -1)])
    with pytest.raises(ConfigError, match=r"^mine\.yaml: optim\.lr must be above 0, got 0\.0"):
        from_dict({"optim": {"lr": 0}}, "mine.yaml")
