"""Recipes and overrides become one typed configuration, or one clear line."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.training import recipes
from attentive_rnn.training.config import KEYS, Config, flatten, from_dict


def raw(name: str) -> dict:
    return yaml.safe_load(recipes._built_in()[name].read_text(encoding="utf-8"))


def test_the_base_recipe_is_the_default_configuration_which_no_file_repeats():
    assert recipes.read_recipe("base") == Config()
    assert raw("base") is None


def test_the_base_recipe_is_the_papers():
    base = flatten(recipes.read_recipe("base").to_dict())
    wanted = {
        "model.hidden_size": 100,
        "model.num_layers": 3,
        "model.cell": "gru",
        "model.gate": "sigmoid",
        "model.dropout": 0.5,
        "model.pool": "mean",
        "optim.lr": 0.005,
        "optim.clip_norm": 1.0,
        "optim.lr_factor": 0.1,
        "optim.lr_patience": 5,
        "optim.lr_cooldown": 3,
        "training.batch_size": 32,
        "training.patience": 15,
        "training.max_epochs": 200,
    }
    assert {key: base[key] for key in wanted} == wanted


@pytest.mark.parametrize("name", list(recipes.list_recipes()))
def test_a_recipe_says_only_what_it_changes(name):
    base = flatten(Config().to_dict())
    for key, value in flatten(raw(name)).items():
        assert base[key] != value, key


@pytest.mark.parametrize("name", list(recipes.list_recipes()))
def test_every_recipe_makes_a_complete_configuration(name, skeleton_folder):
    needs_path = raw(name).get("data", {}).get("source") not in ("japanese-vowels", "basic-motions")
    config = recipes.load_config(name, [("data.path", str(skeleton_folder))] if needs_path else [])
    assert config.data.source is not None
    assert config.data.preprocessing is not None
    assert config.data.augmentation is not None


def test_the_papers_skeleton_recipe_takes_the_transforms_that_the_reader_names(skeleton_folder):
    config = recipes.load_config("paper/skeleton", [("data.path", str(skeleton_folder))])
    assert config.data.source == "nucla"
    assert config.data.preprocessing == [{"name": "origin_at_body_centre", "joint": 1}]
    assert config.data.augmentation == [{"name": "random_rotation", "degrees": 35.0}]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("optim.lr", "1e-3", 0.001),
        ("optim.lr", "1", 1.0),
        ("optim.clip_norm", "null", None),
        ("model.gate", "null", None),
        ("model.gate", "softmax", "softmax"),
        ("model.gate", "[sigmoid, null, softmax]", ["sigmoid", None, "softmax"]),
        ("model.bidirectional", "true", True),
        ("seed", "7", 7),
        ("data.options.missing", "zero", "zero"),
        ("data.augmentation", "[{name: jitter, std: 0.5}]", [{"name": "jitter", "std": 0.5}]),
    ],
)
def test_an_override_is_read_as_the_type_of_its_key(key, text, value):
    flat = flatten(recipes.load_config("japanese-vowels", [(key, text)]).to_dict())
    assert flat.get(key, flat["data.options"].get("missing")) == value


def test_the_last_of_two_overrides_wins():
    assert recipes.load_config("japanese-vowels", [("seed", "1"), ("seed", "2")]).seed == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([("optim.lrr", "1")], "unknown key 'optim.lrr'; did you mean 'optim.lr'"),
        ([("optm.lr", "1")], "unknown key 'optm.lr'; did you mean 'optim.lr'"),
        ([("model.gaet", "null")], "did you mean 'model.gate'"),
        ([("model", "3")], "model is a section: it must hold keys such as model.hidden_size"),
        ([("optim.lr", "abc")], "optim.lr must be a number, got 'abc'"),
        ([("optim.lr", "")], "optim.lr must be a number, got ''"),
        ([("seed", "1.5")], "seed must be an integer, got '1.5'"),
        ([("model.bidirectional", "3")], "model.bidirectional must be true or false, got '3'"),
        ([("model.cell", "grru")], "model.cell must be gru, lstm, rnn or rra, got 'grru'"),
        (
            [("model.gate", "relu")],
            "model.gate must be sigmoid, softmax, hard, a list of these, one for each layer or null",
        ),
        ([("model.gate", "[sigmoid, 3, null]")], "model.gate must be"),
        ([("precision", "8")], "precision must be 32-true, 64-true, bf16-mixed or 16-mixed, got '8'"),
        ([("data.options", "3")], "data.options must be a mapping of names to values, got '3'"),
        ([("data.source", "mnist")], "unknown data set 'mnist'"),
        ([("data.preprocessing", "[{name: turn}]")], "data.preprocessing: unknown transform 'turn'"),
        ([("data.preprocessing", "[{name: jitter}]")], "is random: it belongs in data.augmentation"),
        ([("optim.lr", "-1")], "optim.lr must be above 0, got -1.0"),
    ],
)
def test_a_wrong_override_is_one_line_that_names_it(overrides, message):
    with pytest.raises(ConfigError) as caught:
        recipes.load_config("japanese-vowels", overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim: {lr: fast}", "optim.lr must be a number, got 'fast'"),
        ("optim: 3", "optim must hold keys such as optim.lr, got 3"),
        ("optim:\n  lr: [1\n", "line 3: is not YAML"),
        ("- a list", "must hold keys such as data, model, optim and training"),
        ("modle: {}", "unknown key 'modle'; did you mean 'model'"),
        ("seed: null", "seed must be an integer, got 'None'"),
        ("seed: true", "seed must be an integer, got 'True'"),
        ("optim: {1: 2}", "optim must hold keys"),
        ("a: !!python/object/apply:os.system ['touch hacked']", "is not YAML"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_file_and_the_key(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        recipes.load_config(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "hacked").exists()


def test_an_unknown_recipe_is_named_with_the_nearest_known_one(tmp_path):
    with pytest.raises(ConfigError, match="unknown recipe 'japanese-vowls'; did you mean 'japanese-vowels'"):
        recipes.load_config("japanese-vowls")
    with pytest.raises(ConfigError, match="attentive info lists them"):
        recipes.load_config("qqqq")
    with pytest.raises(ConfigError, match="unknown recipe 'ntu-cs'; did you mean 'paper/ntu-cs'"):
        recipes.load_config("ntu-cs")
    with pytest.raises(ConfigError, match="unknown recipe 'paper/nuclaa'; did you mean 'paper/nucla'"):
        recipes.load_config("paper/nuclaa")
    with pytest.raises(ConfigError, match=r"a recipe of your own is the path of a \.yaml file"):
        recipes.load_config("qqqq")
    with pytest.raises(ConfigError, match="there is no such file"):
        recipes.load_config(tmp_path / "absent.yaml")


def test_a_data_set_that_is_not_there_is_named_with_the_nearest_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gestures_2.csv").touch()
    with pytest.raises(ConfigError, match=r"gestures\.csv: there is no such file; did you mean 'gestures_2\.csv'"):
        recipes.load_config("gestures.csv")
    with pytest.raises(ConfigError, match=r"absent: there is no such file; give the path of a data set"):
        recipes.load_config(tmp_path / "absent")


@pytest.mark.parametrize("path", ["a\0b.csv", "~nobody-of-this-name/set.csv"])
@pytest.mark.parametrize("key", ["data.path", "init_from"])
def test_a_path_that_is_none_is_one_line(key, path):
    with pytest.raises(ConfigError, match=rf"{key}: .*is no path"):
        recipes.load_config("japanese-vowels", [(key, path)])


def test_a_recipe_of_the_package_comes_before_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("paper/nucla", "mine/nucla"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text("seed: 7")
    assert recipes.read_recipe("paper/nucla").seed == 0
    assert recipes.recipe_name("paper/nucla") == "paper/nucla"
    assert recipes.read_recipe("./paper/nucla").seed == recipes.read_recipe("mine/nucla").seed == 7
    assert recipes.recipe_name("mine/nucla") == "nucla"


def test_a_data_set_of_ones_own_needs_a_path():
    with pytest.raises(ConfigError, match=r"data.path is missing: give --data.path PATH"):
        recipes.load_config("paper/nucla")
    with pytest.raises(ConfigError, match=r"data.path is missing: give --data.path PATH"):
        recipes.load_config("sequence")


def test_a_printed_configuration_is_a_recipe_that_gives_it_again(tmp_path):
    overrides = [("model.gate", "[softmax, null, sigmoid]"), ("optim.lr", "3e-05"), ("data.options", "{}")]
    config = recipes.read_recipe("japanese-vowels", overrides)
    path = tmp_path / "printed.yaml"
    path.write_text(recipes.to_yaml(config))
    assert recipes.read_recipe(path) == config
    assert recipes.recipe_name(path) == "printed"


def test_a_difference_names_the_key_and_both_values_but_not_the_output_folder():
    one = recipes.load_config("japanese-vowels", [("output_dir", "here")])
    other = recipes.load_config("japanese-vowels", [("output_dir", "there")])
    assert recipes.difference(one, other) is None
    other.optim.lr = 0.1
    assert recipes.difference(one, other) == "optim.lr is 0.005 now and 0.1 there"


def test_a_text_that_looks_like_a_number_survives_printing(tmp_path):
    config = recipes.read_recipe("base", [("data.path", "1e-3"), ("optim.lr", "1e-3")])
    path = tmp_path / "printed.yaml"
    path.write_text(recipes.to_yaml(config))
    again = recipes.read_recipe(path)
    assert (again.data.path, again.optim.lr) == ("1e-3", 0.001)


def test_the_configuration_of_an_earlier_version_is_read(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "data:\n  source: japanese-vowels\n  path: null\n  valid_fraction: 0.05\n  augmentation: []\n"
        "model:\n  cell: lstm\n  gate: sigmoid\n  hidden_size: 50\n"
        "optim:\n  lr: 1.0e-05\ntraining:\n  batch_size: 16\nseed: 3\n"
    )
    config = recipes.read_config(path)
    assert (config.model.cell, config.model.hidden_size, config.optim.lr, config.seed) == ("lstm", 50, 1e-5, 3)
    assert config.vision == Config().vision
    path.write_text("data: {}\nmodel: {}\noptim: {}\n")
    with pytest.raises(ConfigError, match="the section training is missing"):
        recipes.read_config(path)


def test_aliases_of_aliases_are_refused_before_they_are_written_out(tmp_path):
    names = [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 1}]\n" for i in range(12)]
    (tmp_path / "bomb.yaml").write_text("".join(names))
    with pytest.raises(ConfigError, match=r"bomb.yaml: is not YAML: its aliases stand for more than 1000000 values"):
        recipes.load_config(tmp_path / "bomb.yaml")
    (tmp_path / "ring.yaml").write_text("model: &m\n  gate: *m\n")
    with pytest.raises(ConfigError, match=r"ring.yaml: is not YAML"):
        recipes.load_config(tmp_path / "ring.yaml")
    (tmp_path / "fine.yaml").write_text("data: {source: japanese-vowels}\nseed: &n 3\nmodel: {hidden_size: *n}\n")
    assert recipes.load_config(tmp_path / "fine.yaml").model.hidden_size == 3


@pytest.mark.parametrize("text", ["", "~", "''", "[]", "{}", ".nan", ".inf", "-1", "9" * 400, "9" * 5000, '"\\ud800"'])
def test_an_empty_or_extreme_value_of_any_key_is_taken_or_one_error(tmp_path, text):
    for key in KEYS:
        section, _, name = key.rpartition(".")
        values = f"{section}:\n  {name}: {text}\n" if section else f"{name}: {text}\n"
        (tmp_path / "r.yaml").write_text(values + ("" if section == "data" else "data: {source: japanese-vowels}\n"))
        with contextlib.suppress(ConfigError, DataError):
            recipes.load_config(tmp_path / "r.yaml")


@given(st.text(max_size=60))
def test_any_text_is_a_mapping_of_known_keys_or_one_clear_error(text):
    try:
        from_dict(recipes._mapping("text", text), "text")
    except ConfigError:
        with pytest.raises(ConfigError, match=r"^text"):
            from_dict(recipes._mapping("text", text), "text")
