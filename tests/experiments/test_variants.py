"""Which models are compared: equal parameters, names in the paper's notation, and names that are none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attentive_rnn.data import load
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.variants import equal_width, named, title, variants
from attentive_rnn.training.config import Config, ModelConfig
from attentive_rnn.training.setup import build_model

SCHEMA = load("basic-motions").train.schema


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (ModelConfig(), "3-EleAtt-GRU(100)"),
        (ModelConfig(gate=None, cell="lstm", hidden_size=128), "3-LSTM(128)"),
        (ModelConfig(gate=["sigmoid", None, None]), "1-EleAtt-GRU + 2-GRU(100)"),
        (ModelConfig(gate="softmax", cell="rnn", num_layers=1), "1-EleAtt-RNN (softmax)(100)"),
    ],
)
def test_models_are_called_as_in_the_paper(model, name):
    assert title(Config(model=model)) == name


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_the_wide_model_has_the_nearest_number_of_parameters(cell):
    config = Config(model=ModelConfig(cell=cell, hidden_size=20))
    gate, plain, wide = variants(config, SCHEMA)
    wanted = build_model(gate.config, SCHEMA).num_parameters

    def off(width):
        model = replace(plain.config.model, hidden_size=width)
        return abs(build_model(replace(plain.config, model=model), SCHEMA).num_parameters - wanted)

    width = wide.config.model.hidden_size
    assert width == equal_width(plain.config, SCHEMA, wanted)
    assert off(width) == min(off(w) for w in range(width - 3, width + 4))
    assert width > plain.config.model.hidden_size


def test_variants_differ_in_nothing_but_gate_and_width():
    config = Config()
    for variant in variants(config, SCHEMA)[1:]:
        model = replace(variant.config.model, gate="sigmoid", hidden_size=100)
        assert replace(variant.config, model=model) == config


def test_a_model_without_a_gate_cannot_be_compared():
    for gate in (None, [None, None, None]):
        with pytest.raises(ConfigError, match=r"model\.gate must not be null"):
            variants(Config(model=ModelConfig(gate=gate)), SCHEMA)


def test_named_models_have_the_recipes_number_of_parameters():
    config = Config(model=ModelConfig(cell="lstm", gate=None, hidden_size=20, num_layers=1))
    wanted = build_model(config, SCHEMA).num_parameters
    models = named(config, SCHEMA, ["lstm", "eleatt-gru", "rra", "eleatt-rra"])
    assert [m.title for m in models][2:] == ["1-RRA(20)", "1-EleAtt-RRA(19)"]
    assert models[0].config == config
    assert [(m.config.model.cell, m.config.model.gate) for m in models[1:]] == [
        ("gru", "sigmoid"),
        ("rra", None),
        ("rra", "sigmoid"),
    ]
    for model in models:
        assert build_model(model.config, SCHEMA).num_parameters == pytest.approx(wanted, rel=0.08)


def test_a_name_may_say_the_width_or_the_role():
    config = Config(model=ModelConfig(hidden_size=20, num_layers=1))
    models = named(config, SCHEMA, ["no-gate", "lstm-7", "eleatt-gru-20", "no-gate-wide"])
    assert [m.title for m in models][:3] == ["1-GRU(20)", "1-LSTM(7)", "1-EleAtt-GRU(20)"]
    roles = variants(config, SCHEMA)
    assert (models[0].config, models[2].config, models[3]) == (roles[1].config, config, roles[2])


@pytest.mark.parametrize("names", [["lstm", "transformer"], ["lstm", "lstm"], ["gru-0"], ["gru-x"], ["gate-3"]])
def test_models_that_make_no_sense_are_refused(names):
    with pytest.raises(ConfigError, match="--models"):
        named(Config(), SCHEMA, names)
