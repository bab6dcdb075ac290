"""The types and limits of a configuration."""

from dataclasses import fields

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.training.config import SECTIONS, Config, flatten, from_dict, keys


def test_every_field_has_a_key_and_a_line_of_documentation():
    for name, section in SECTIONS.items():
        for entry in fields(section):
            assert f"{name}.{entry.name}" in keys()
            assert f"\n        {entry.name}: " in section.__doc__ or f", {entry.name}" in section.__doc__


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
    assert set(flat) == set(keys())
    assert flat["data.options"] == {}
