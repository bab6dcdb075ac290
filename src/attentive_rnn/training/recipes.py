"""Recipes: YAML files that name what they change of the default configuration, and overrides given after them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, either
from .config import KEYS, Config, flatten, from_dict

_LAYOUTS = ("layout", "source", "target")  # options of transforms that are joint layouts
_MOST_VALUES = 1_000_000  # of a YAML file with its aliases written out
_SEAL = "# sha256 of the lines below: "
BASE = "base"  # the recipe that changes nothing
ENDINGS = (".yaml", ".yml")  # of a recipe of one's own
_FOLDERS = ("", "sequences", "skeletons", "images", "paper")  # of the package's recipes; the first has the general ones
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
    root = files("attentive_rnn").joinpath("recipes")
    found = [(PAPER * (folder == "paper"), file) for folder in _FOLDERS for file in root.joinpath(folder).iterdir()]
    return {start + file.name[:-5]: file for start, file in found if file.name.endswith(".yaml")}


def is_recipe(name: str) -> bool:
    """Whether a word names a recipe: one of the package, or a YAML file.

    Example:
        >>> is_recipe("natops"), is_recipe("mine.yaml"), is_recipe("gestures.csv")
        (True, True, False)
    """
    return name in _built_in() or name.endswith(ENDINGS)


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
    return from_dict(values, where, [(key, _value(key, text)) for key, text in overrides])


def _value(key: str, text: str) -> Any:
    """The value of an override: YAML, but a text stays as it is written."""
    schema = KEYS.get(key, {})
    kinds = [one["type"] for one in schema.get("anyOf", [schema]) if "type" in one and "enum" not in one]
    try:
        value = yaml.load(text, _Loader) if text.strip() else text
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    return text if "string" in kinds and not (value is None and "null" in kinds) else value


def _full_path(key: str, path: str) -> str:
    try:
        return str(Path(path).expanduser().resolve())
    except (ValueError, RuntimeError) as error:  # a NUL character; ~NAME of nobody
        raise ConfigError(f"{key}: {path!r} is no path ({error})") from error


def resolve(config: Config) -> Config:
    """The configuration with what depends on the data set filled in: its reader, its transforms, its full path."""
    from ..data import get_source, recognise, transform_from_config  # late: they import PyTorch

    data = config.data
    if config.init_from is not None:
        config.init_from = _full_path("init_from", config.init_from)
    if data.path is not None:
        data.path = _full_path("data.path", data.path)
    if data.source is None:
        if data.path is None:
            raise ConfigError("data.path is missing: give --data.path PATH, a file or folder of sequences")
        data.source = recognise(data.path, data.options).name
    data.options = _with_layouts(data.options, ("layout",))
    source = get_source(data.source)
    if data.path is None and not source.embedded:
        raise ConfigError(f"data.path is missing: give --data.path PATH, for {source.title}")
    if data.preprocessing is None:
        data.preprocessing = [dict(step) for step in source.preprocessing]
    if data.augmentation is None:
        data.augmentation = [dict(step) for step in source.augmentation]
    data.preprocessing = [_with_layouts(step, _LAYOUTS) for step in data.preprocessing]
    data.augmentation = [_with_layouts(step, _LAYOUTS) for step in data.augmentation]
    for key, steps in (("preprocessing", data.preprocessing), ("augmentation", data.augmentation)):
        try:
            transform = transform_from_config(steps)
        except ConfigError as error:
            raise ConfigError(f"data.{key}: {error}") from error
        if key == "preprocessing" and transform.random:
            raise ConfigError(f"data.preprocessing: {transform!r} is random: it belongs in data.augmentation")
    return config


def _with_layouts(options: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Options of a reader or of a transform with the content of the layout files that they name.

    A run is then complete without them.
    """
    from ..data import JointLayout, known_layout

    found = dict(options)
    for key in (key for key in keys if found.get(key) is not None):
        layout = known_layout(found[key])
        found[key] = layout.to_dict() if isinstance(layout, JointLayout) else layout
    return found


def read_config(path: Path) -> Config:
    """The configuration of a run; a key or section that an earlier version did not have is as in the base recipe.

    Raises:
        ConfigError: the file is missing, cut, changed since it was written, or not a configuration.
    """
    values = read_yaml(path, whole=True)
    config = from_dict(values, str(path))
    if missing := [name for name in ("data", "model", "optim", "training") if name not in values]:
        raise ConfigError(f"{path}: the section {missing[0]} is missing")
    return config


def to_yaml(config: Config) -> str:
    """The configuration as a complete recipe: read again, it gives the same configuration."""
    return yaml.dump(config.to_dict(), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def sealed(text: str) -> str:
    """A configuration with a first line by which :func:`read_config` notices that what follows was cut or changed."""
    return f"{_SEAL}{sha256(text.encode()).hexdigest()}\n{text}"


def difference(wanted: Config, found: Config) -> str | None:
    """The first key that two configurations differ in, with both values; where runs are put does not count."""
    old = flatten(found.to_dict())
    for key, value in flatten(wanted.to_dict()).items():
        if key != "output_dir" and value != old[key]:
            return f"{key} is {value!r} now and {old[key]!r} there"
    return None


def _is_path(recipe: str) -> bool:
    """Whether a recipe is a file: by its ending, or a file that is there; a name of the package comes first."""
    if recipe in _built_in():
        return False
    return recipe.endswith(ENDINGS) or (bool(re.search(r"[/\\]", recipe)) and Path(recipe).is_file())


def _read(recipe: str | Path) -> tuple[str, dict[str, Any]]:
    """The place of a recipe, for error messages, and its values as written."""
    if _is_path(str(recipe)):
        path = Path(recipe).expanduser()
        return str(path), read_yaml(path)
    name, built_in = str(recipe), _built_in()
    if name not in built_in:
        raise _unknown(name)
    return f"recipe {name}", _mapping(f"recipe {name}", built_in[name].read_text(encoding="utf-8"))


def _unknown(name: str) -> ConfigError:
    """The refusal of a word that is no recipe, with what may have been meant: files where it looks like a path."""
    path = Path(name).expanduser()
    if path.suffix or (len(path.parts) > 1 and path.parent.is_dir()):
        there = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        near = [str(path.parent / one) for one in get_close_matches(path.name, there, n=3, cutoff=0.6)]
        hint = f"did you mean {either(near)}?" if near else "give the path of a data set, or a recipe (attentive info)"
        return ConfigError(f"{name}: there is no such file; {hint}")
    near = get_close_matches(name, list(list_recipes()), n=3, cutoff=0.5)
    hint = f"did you mean {either(near)}?" if near else "attentive info lists them"
    return ConfigError(f"unknown recipe {name!r}; {hint} (a recipe of your own is the path of a .yaml file)")


def read_yaml(path: Path, whole: bool = False) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Args:
        path: the file.
        whole: whether it must be as it was written, if its first line tells: see :func:`sealed`.

    Raises:
        ConfigError: the file is missing, not YAML, changed, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        first, _, rest = text.partition("\n")
        if whole and first.startswith("#") and sealed(rest) != text:  # older versions wrote none
            raise ConfigError(
                f"{path}: was cut or changed after the run began: its first line has the checksum of the others. "
                "Restore it; for a run with other settings give the file to attentive train as a recipe"
            )
        return _mapping(path, text)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from error


class _Loader(yaml.SafeLoader):
    """Reader of YAML 1.1 that takes 1e-3 for a number, as YAML 1.2 does; aliases of aliases are bounded."""

    has_aliases = False

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.has_aliases = self.has_aliases or self.check_event(yaml.AliasEvent)
        return super().compose_node(parent, index)

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is None or not self.has_aliases:
            return node
        from ..data.io.memory import written_out  # late: the package of data imports PyTorch

        if written_out(node, _inside, _MOST_VALUES) is None:
            raise yaml.constructor.ConstructorError(problem=f"its aliases stand for more than {_MOST_VALUES} values")
        return node


def _inside(node: yaml.Node) -> list[yaml.Node]:
    """The nodes in one."""
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


class _Dumper(yaml.SafeDumper):
    """Writer of what :class:`_Loader` reads: a text such as 1e-3 is quoted."""


for _kind in (_Loader, _Dumper):
    _number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _number, list("-+.0123456789"))


def as_overrides(changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Keys and values as the command line would give them.

    Example:
        >>> as_overrides({"model.gate": None, "data.augmentation": [{"name": "jitter"}], "model.init": "open"})
        [('model.gate', 'null'), ('data.augmentation', '[{"name": "jitter"}]'), ('model.init', 'open')]
    """
    return [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in changes.items()]


def _mapping(where: Path | str, text: str) -> dict[str, Any]:
    try:
        values = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{where}{line}: is not YAML: {getattr(error, 'problem', None) or error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{where}: must hold keys such as data, model, optim and training")
    return values
