"""Commands as records: their parsers, and the recipe that their options choose."""

from __future__ import annotations

import argparse

import pytest

from attentive_rnn.commands.arguments import (
    CONFIGURATION,
    RECIPE,
    Argument,
    Command,
    add_commands,
    chosen_recipe,
    overwrite,
)
from attentive_rnn.errors import ConfigError


def parsed(arguments, words, overrides=()):
    parser = argparse.ArgumentParser()
    for argument in arguments:
        parser.add_argument(*argument.names, **argument.options)
    return argparse.Namespace(**vars(parser.parse_args(words)), overrides=list(overrides))


def test_a_command_runs_with_its_arguments_and_its_actions_with_theirs(capsys):
    show = Command(
        "show", "show a number", "x show 3", lambda a: a.number, Argument("number", type=int), overwrite("A")
    )
    group = Command("group", "a group", "x group show 3", None, actions=(show,))
    parser = argparse.ArgumentParser(prog="x")
    assert set(add_commands(parser, [show, group])) == {"show", "group"}
    for words in (["show", "3"], ["group", "show", "3", "--overwrite"]):
        arguments = parser.parse_args(words)
        assert arguments.run(arguments) == 3
        assert arguments.overwrite == ("--overwrite" in words)
        assert not arguments.takes_overrides
    arguments = parser.parse_args(["group"])
    assert arguments.run(arguments) == 0
    assert "Example:\n  x group show 3" in capsys.readouterr().out


def test_a_named_recipe_is_overridden_by_all_options_the_written_keys_before_the_short_ones():
    words = ["nucla", "--data", "set.zip", "--devices", "2", "--output-dir", "there"]
    arguments = parsed((RECIPE, *CONFIGURATION), words, [("optim.lr", "1")])
    overrides = [("data.path", "set.zip"), ("optim.lr", "1"), ("output_dir", "there"), ("devices", "2")]
    assert chosen_recipe(arguments) == ("nucla", overrides)


def test_a_path_that_is_no_recipe_is_the_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    series = tmp_path / "X_TRAIN.ts"
    series.write_text("@data\n")
    for words in (["--data", str(series)], [str(series)]):
        assert chosen_recipe(parsed((RECIPE, *CONFIGURATION), words)) == (None, [("data.path", str(series))])
    (tmp_path / "natops").mkdir()
    assert chosen_recipe(parsed((RECIPE, *CONFIGURATION), ["natops"])) == ("natops", [])
    with pytest.raises(ConfigError, match="is no recipe, and --data names the data set already"):
        chosen_recipe(parsed((RECIPE, *CONFIGURATION), [str(series), "--data", "other"]))
    with pytest.raises(ConfigError, match="give a RECIPE"):
        chosen_recipe(parsed((RECIPE, *CONFIGURATION), []))
