"""Recipes: YAML files that say what they change of recipes/base.yaml, and overrides given after them."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from .. import data as sequence_data
from ..errors import ConfigError
from .config import CELLS, SECTIONS, Config, flatten, from_dict, keys

BASE = "base"
PAPER = "paper/"  # what the names of the recipes of Zhang et al., ECCV 2018, begin with


def list_recipes() -> dict[str, str]:
    """The recipes that come with the package: their names, and what the first line of each file says.

    Example:
        >>> "japanese-vowels" in list_recipes()
        True
    """
    texts = {name: file.read_text(encoding="utf-8") for name, file in _built_in().items()}
    return {name: texts[name].splitlines()[0].lstrip("# ") for name in sorted(texts) if name != BASE}


def _built_in() -> dict[str, Traversable]:
    """The files of the package's recipes, base.yaml too, by name; those of the paper are named paper/NAME."""
    found = {}
    for folder in ("", PAPER):
        for file in files("attentive_rnn").joinpath("recipes", folder).iterdir():
            if file.name.endswith(".yaml"):
                found[folder + file.name[:-5]] = file
    return found


def general_recipe(path: str | Path, *, paper: bool = False) -> str:
    """The name of the recipe for the kind of data at a path: "skeleton" or "sequence".

    Args:
        path: of the data.
        paper: whether to take the paper's recipe for skeletons, "paper/skeleton", instead of this package's.

    Raises:
        DataError: there is nothing at the path, or no reader knows it.
    """
    source = sequence_data.recognise(path)
    if source.preprocessing or source.augmentation:
        return f"{PAPER}skeleton" if paper else "skeleton"
    return "sequence"


def recipe_name(recipe: str | Path) -> str:
    """What the folder of a recipe's runs is called: its name, or that of its file."""
    return Path(recipe).stem if _is_path(str(recipe)) else str(recipe)


def load_config(recipe: str | Path, overrides: Iterable[tuple[str, str]] = ()) -> Config:
    """The configuration that a recipe and overrides make, ready to be trained: see :func:`resolve`.

    Args:
        recipe: the name of a recipe of the package, or the path of a YAML file.
        overrides: pairs of a dotted key and its value as text, as on the command line; later ones win.

    Raises:
        ConfigError: no such recipe or key, or a value of the wrong type or out of range; the message names it.
        DataError: there is nothing at data.path, or no reader knows it.

    Example:
        >>> config = load_config("japanese-vowels", [("optim.lr", "0.001"), ("seed", "3")])
        >>> config.optim.lr, config.seed, config.training.max_epochs
        (0.001, 3, 200)
    """
    return resolve(read_recipe(recipe, overrides))


def read_recipe(recipe: str | Path, overrides: Iterable[tuple[str, str]] = ()) -> Config:
    """The configuration that a recipe and overrides make, as :func:`load_config` takes them, with its gaps."""
    where, values = _read(recipe)
    _, base = _read(BASE)
    overrides = list(overrides)
    for key, place in [(key, where) for key in flatten(values)] + [(key, "") for key, _ in overrides]:
        check_key(key, place)
    return _typed(_merged(base, values), overrides, where)


def resolve(config: Config) -> Config:
    """The configuration with what depends on the data set filled in: its reader, its transforms, its full path."""
    data = config.data
    if config.init_from is not None:
        config.init_from = str(Path(config.init_from).expanduser().resolve())
    if data.path is not None:
        data.path = str(Path(data.path).expanduser().resolve())
    if data.source is None:
        if data.path is None:
            raise ConfigError("data.path is missing: give --data.path PATH, a file or folder of sequences")
        data.source = sequence_data.recognise(data.path).name
    source = sequence_data.get_source(data.source)
    if data.path is None and not source.embedded:
        raise ConfigError(f"data.path is missing: give --data.path PATH, for {source.title}")
    if data.preprocessing is None:
        data.preprocessing = [dict(step) for step in source.preprocessing]
    if data.augmentation is None:
        data.augmentation = [dict(step) for step in source.augmentation]
    for key, steps in (("preprocessing", data.preprocessing), ("augmentation", data.augmentation)):
        try:
            transform = sequence_data.transform_from_config(steps)
        except ConfigError as error:
            raise ConfigError(f"data.{key}: {error}") from error
        if key == "preprocessing" and transform.random:
            raise ConfigError(f"data.preprocessing: {transform!r} is random: it belongs in data.augmentation")
    return config


def read_config(path: Path) -> Config:
    """The configuration of a run; a key or section that an earlier version did not have is as in the base recipe.

    Raises:
        ConfigError: the file is missing, damaged or not a configuration.
    """
    values = _parse(path, _text(path))
    for key in flatten(values):
        check_key(key, str(path))
    if missing := [name for name in ("data", "model", "optim", "training") if name not in values]:
        raise ConfigError(f"{path}: the section {missing[0]} is missing")
    return _typed(_merged(_read(BASE)[1], values), [], str(path))


def to_yaml(config: Config) -> str:
    """The configuration as a complete recipe: read again, it gives the same configuration."""
    return yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True)


def difference(wanted: Config, found: Config) -> str | None:
    """The first key that two configurations differ in, with both values; where runs are put does not count."""
    old = flatten(found.to_dict())
    for key, value in flatten(wanted.to_dict()).items():
        if key != "output_dir" and value != old[key]:
            return f"{key} is {value!r} now and {old[key]!r} there"
    return None


def check_key(key: str, where: str = "") -> None:
    """Raise ConfigError, with the nearest known names, if a configuration has no such dotted key."""
    known = keys()
    if key in known or any(known[k].startswith("dict") and key.startswith(f"{k}.") for k in known):
        return
    if key in SECTIONS:
        raise ConfigError(f"{_place(where)}{key} is a section: it must hold keys such as {_of_section(key)[0]}")
    near = difflib.get_close_matches(key, [*known, *SECTIONS], n=3, cutoff=0.6)
    section = key.split(".")[0]
    if not near:
        near = _of_section(section) if section in SECTIONS else [*SECTIONS, *(k for k in known if "." not in k)]
    raise ConfigError(f"{_place(where)}unknown key {key!r}; did you mean {_either(near)}?")


def _of_section(section: str) -> list[str]:
    return [key for key in keys() if key.startswith(f"{section}.")]


def _is_path(recipe: str) -> bool:
    """Whether a recipe is a file: by its ending, or a file that is there; a name of the package comes first."""
    if recipe in _built_in():
        return False
    return recipe.endswith((".yaml", ".yml")) or (bool(re.search(r"[/\\]", recipe)) and Path(recipe).is_file())


def _read(recipe: str | Path) -> tuple[str, dict[str, Any]]:
    """Where a recipe is and its values as written."""
    if _is_path(str(recipe)):
        path = Path(recipe).expanduser()
        return str(path), _parse(path, _text(path))
    name = str(recipe)
    known = list(list_recipes())
    if name not in (*known, BASE):
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {_either(near)}?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"unknown recipe {name!r}; {hint} (a recipe of your own is the path of a .yaml file)")
    return f"recipe {name}", _parse(f"recipe {name}", _built_in()[name].read_text(encoding="utf-8"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Raises:
        ConfigError: the file is missing, not YAML, or holds something else.
    """
    return _mapping(path, _text(path))


def as_overrides(changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Keys and values as the command line would give them.

    Example:
        >>> as_overrides({"model.gate": None, "data.augmentation": [{"name": "jitter"}], "model.init": "open"})
        [('model.gate', 'null'), ('data.augmentation', '[{"name": "jitter"}]'), ('model.init', 'open')]
    """
    return [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in changes.items()]


def _mapping(where: Path | str, text: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{where}{line}: is not YAML: {getattr(error, 'problem', None) or error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{where}: must hold keys such as data, model, optim and training")
    return values


def _parse(where: Path | str, text: str) -> dict[str, Any]:
    values = _mapping(where, text)
    for section in SECTIONS:
        part = values.get(section, {})
        if not isinstance(part, dict) or not all(isinstance(key, str) for key in part):
            raise ConfigError(f"{where}: {section} must hold keys such as {_of_section(section)[0]}, got {part!r}")
    return values


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        merged[key] = {**base[key], **value} if key in SECTIONS else value
    return merged


def _typed(values: dict[str, Any], overrides: list[tuple[str, str]], where: str) -> Config:
    """The values and overrides as a Config, every one of the type that the dataclasses declare."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Config, None)
    place = where
    try:
        parsed = parser.parse_object(values)
        place = ""
        for key, text in overrides:
            parsed = parser.parse_args([f"--{key}={text}"], namespace=parsed)
    except Exception as error:
        raise _wrong_type(error, place) from error
    return from_dict(parsed.as_dict())


def _wrong_type(error: Exception, where: str) -> Exception:
    """jsonargparse's account of a value of the wrong type, in one line; any other error as it is."""
    match = re.match(r'Parser key "([^"]+)":', str(error))
    value = re.findall(r"(?:Got value|Given value): (.*)", str(error))
    if not match or not value:
        return error
    known = keys()
    key = match[1]
    named = next((k for k in (key, key.rpartition(".")[0]) if k in known), key)
    return ConfigError(f"{_place(where)}{key} must be {in_words(known.get(named, 'valid'))}, got {value[-1]!r}")


def in_words(annotation: str) -> str:
    """A type as a reader of a recipe would say it.

    Example:
        >>> in_words("Literal['gru', 'lstm']"), in_words("float | None")
        ('gru or lstm', 'a number or null')
    """
    words = {
        "int": "an integer",
        "float": "a number",
        "bool": "true or false",
        "str": "a text",
        "dict[str, Any]": "a mapping of names to values",
        "list[dict[str, Any]]": "a list of transforms",
        "list[int]": "a list of integers",
        "GateName": "sigmoid, softmax",
        "CellName": _either(CELLS, quote=False),
        "list[GateName | None]": "a list of these, one for each layer",
        "None": "null",
    }
    parts = re.split(r" \| (?![^\[]*\])", annotation)
    said: list[str] = []
    for part in parts:
        if part.startswith("Literal["):
            said.extend(re.findall(r"""['"]([^'"]+)['"]""", part))
        else:
            said.append(words.get(part, part))
    return _either(said, quote=False)


def _either(names: Iterable[str], quote: bool = True) -> str:
    shown = [repr(name) if quote else name for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _place(where: str) -> str:
    return f"{where}: " if where else ""
