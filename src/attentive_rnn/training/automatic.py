"""The automatic recipe: the settings for a data set of which nothing is known but what can be measured.

Input: the data and what the user fixed. Output: a recipe of the package, a complete configuration, and the sentence
that says what was chosen and why. What does not depend on the data is in the YAML file of the recipe.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data import LabelledDataset, Schema, SequenceDataset, Splits, get_source
from ..data.dataset import sequences_only
from ..data.skeletons.layouts import JointLayout, get_layout
from ..errors import ConfigError, counted
from .config import Config
from .mirror import mirroring
from .recipes import as_overrides, read_recipe, resolve
from .setup import load_splits, training_parts

Overrides = Sequence[tuple[str, str]]

# The pace of docs/study.yaml's recipe for skeletons (1,020 sequences, 120 epochs); for small sets some 1,500 steps.
STEPS = 120.0  # of 32 sequences, for the square root of the number of training sequences
TEXT_STEPS = 30.0  # the same for texts, which are learnt by heart sooner
EPOCHS = 200  # at most
LARGE = 10_000  # training sequences from which on batches are larger, and layers wider with less dropout
FRAMES = 104  # of a longer sequence so many are shown, others in each epoch
VALIDATED = 2000  # training sequences from which on a twentieth is held out
SHARE = 0.2  # is held out where the best epoch is asked for
UNEVEN = 1.5  # largest class over the smallest, from which on classes are weighted


class Choice(NamedTuple):
    """A recipe and a configuration for a data set.

    Args:
        recipe: name of the recipe that the configuration began with.
        config: complete, with the values that depend on the data.
        splits: the data.
        why: a sentence with the recipe, its reason, and the sizes of the parts.
    """

    recipe: str
    config: Config
    splits: Splits
    why: str


def choose(overrides: Overrides, *, live: bool = False) -> Choice:
    """The automatic recipe for the data set that the overrides name.

    Args:
        overrides: pairs of a dotted key and its value as text, data.path among them; they win over what is chosen.
        live: choose only what can answer while frames arrive: one direction in time, and no sampling of whole
            recordings.

    Raises:
        ConfigError: an override is wrong, or there is no automatic recipe for such data.
        DataError: the data cannot be read.

    Example:
        >>> choice = choose([("data.source", "basic-motions")])
        >>> print(choice.why)  # doctest: +ELLIPSIS
        recipe sequence, for 6 features a frame: 40 sequences of 4 classes to train on, none for validation, ...
    """
    data, splits = _read(overrides)
    recipe, _ = kind(splits.train.schema, data["data.source"])
    config = resolve(adapted(recipe, splits.train, [*as_overrides(data), *overrides], live=live))
    return Choice(recipe, config, splits, in_words(recipe, config, splits))


def adapted(recipe: str, train: LabelledDataset, overrides: Overrides, *, live: bool = False) -> Config:
    """A recipe with the values that training data ask for; overrides win over both.

    Example:
        >>> from attentive_rnn.data import load
        >>> adapted("sequence", load("basic-motions").train, []).training.batch_size
        5
    """
    fixed = read_recipe(recipe, [("data.valid_fraction", str(SHARE)), *overrides])
    return read_recipe(recipe, [*as_overrides(_settings(recipe, train, fixed, live)), *overrides])


def choose_papers(overrides: Overrides) -> str:
    """The recipe with the paper's network for the data set that the overrides name; errors as for :func:`choose`."""
    data, splits = _read(overrides)
    recipe, _ = kind(splits.train.schema, data["data.source"])
    return "paper/skeleton" if recipe == "skeleton" else "paper/sequence"


def _read(overrides: Overrides) -> tuple[dict[str, Any], Splits]:
    """The data that overrides name, and the keys with the name of their reader and their full path."""
    keys = ("data.source", "data.path", "data.options")
    config = resolve(read_recipe("base", [one for one in overrides if one[0].startswith(keys)]))
    return {"data.source": config.data.source, "data.path": config.data.path}, load_splits(config)


def kind(schema: Schema, source: str) -> tuple[str, str]:
    """The recipe for data of a schema, read by the source of that name, and what the data are, in words.

    Raises:
        ConfigError: there is none.

    Example:
        >>> kind(Schema(("sit", "stand"), (1, 20, 3), layout="kinect-20"), "npz")
        ('skeleton', 'joints (1 person, kinect-20)')
    """
    recipe, what = _kind(schema, source)
    if recipe is None:
        raise ConfigError(f"there is no automatic recipe for {source}: name one, such as mref or scene-questions")
    return recipe, what


def _kind(schema: Schema, source: str) -> tuple[str | None, str]:
    if schema.medium == "image":
        return None if schema.vocabulary or schema.target == "image" else "cifar10", "images"
    if schema.medium == "maps":
        return "jhmdb-maps", "maps of features"
    if schema.vocabulary:
        return "text", f"texts of {len(schema.vocabulary):,} different words"
    if source == "pixels":
        return "pixels", "images row by row"
    if schema.layout is not None or len(schema.shape) == 3:
        persons, joints = schema.shape[:2]
        layout = schema.layout or f"{joints} without a known layout"
        return "skeleton", f"joints ({persons} person{'s' * (persons > 1)}, {layout})"
    return "sequence", f"{schema.size} feature{'s' * (schema.size > 1)} a frame"


def in_words(recipe: str, config: Config, splits: Splits) -> str:
    """The recipe of a run, its data, the sizes of their parts and the length of the training, in one line.

    Example:
        >>> config = resolve(read_recipe("basic-motions"))
        >>> print(in_words("basic-motions", config, load_splits(config)))  # doctest: +ELLIPSIS
        recipe basic-motions, for 6 features a frame: 32 sequences of 4 classes to train on, 8 for validation, ...
    """
    assert config.data.source is not None
    _, what = _kind(splits.train.schema, config.data.source)
    if any(step["name"] == "flip_left_right" for step in config.data.augmentation or []):
        what += ", mirrored too"
    return f"recipe {recipe}, for {what}: {parts_in_words(config, splits)}"


def parts_in_words(config: Config, splits: Splits) -> str:
    """The sizes of the parts of a run, and the length of its training.

    Example:
        >>> config = resolve(read_recipe("basic-motions"))
        >>> parts_in_words(config, load_splits(config))
        '32 sequences of 4 classes to train on, 8 for validation, 40 for testing; 200 epochs of 4 steps at most'
    """
    train, valid = training_parts(config, splits)
    schema, training = splits.train.schema, config.training
    items = "images" if schema.medium == "image" else "sequences"
    of = f" of {counted(len(schema.classes), 'class', 'classes')}" if schema.target == "class" else ""
    steps = math.ceil(len(train) / training.batch_size)
    most = " at most" if training.select == "best" else ""
    return (
        f"{len(train)} {items}{of} to train on, {len(valid) or 'none'} for validation, {len(splits.test)} for testing; "
        f"{counted(training.max_epochs, 'epoch')} of {counted(steps, 'step')}{most}"
    )


def _settings(recipe: str, train: LabelledDataset, config: Config, live: bool) -> dict[str, Any]:
    """The keys whose values depend on the data, with these values."""
    schema = train.schema
    if recipe in ("cifar10", "jhmdb-maps"):
        return {}
    share = SHARE if config.training.select == "best" else 0.05 if len(train) >= VALIDATED else 0.0
    found: dict[str, Any] = {"data.valid_fraction": share}
    if schema.target == "number":
        found |= {"training.label_smoothing": 0.0, "data.standardise_target": config.init_from is None}
    elif uneven(train) >= UNEVEN:
        found["training.class_balance"] = 0.5
    found |= _length(train, config, TEXT_STEPS if recipe == "text" else STEPS)
    if len(train) >= LARGE and recipe != "text":
        found |= {"model.hidden_size": 128, "model.dropout": 0.2}
    steps = [dict(step) for step in config.data.augmentation or []]
    if recipe == "skeleton":
        named = get_source(config.data.source).preprocessing if config.data.source else ()
        found["data.preprocessing"] = _body(schema, named, live)
        steps = [step | {"root": _root(schema)} if step["name"] == "motion_features" else step for step in steps]
        if schema.layout is not None and schema.target == "class" and (flip := mirroring(sequences_only(train))):
            steps.insert(0, flip)
    if recipe == "pixels":
        found["data.preprocessing"] = _rows(train)
    assert isinstance(train, SequenceDataset)
    if recipe == "sequence" and np.median(train.lengths) > FRAMES and not live:
        steps.append({"name": "uniform_sampling", "frames": FRAMES, "random": True})
    if live:
        found["model.bidirectional"] = False
        steps = [step for step in steps if step["name"] != "uniform_sampling"]
    return found | {"data.augmentation": steps}


def _length(train: LabelledDataset, config: Config, steps: float) -> dict[str, Any]:
    """The size of a batch and the number of epochs, so many steps of 32 for the root of the number of sequences."""
    count = len(train)
    batch = 64 if count >= LARGE else min(32, max(4, count // 8))
    return {
        "training.batch_size": batch,
        "training.max_epochs": min(EPOCHS, max(4, round(steps * 32 / math.sqrt(count)))),
    }


def uneven(train: LabelledDataset) -> float:
    """The number of sequences of the largest class over that of the smallest that has any.

    Example:
        >>> from attentive_rnn.data import load
        >>> uneven(load("basic-motions").train)
        1.0
    """
    counts = np.unique(train.labels, return_counts=True)[1]
    return float(counts.max() / counts.min())


def _body(schema: Schema, named: Sequence[Any], live: bool) -> list[dict[str, Any]]:
    """The body's centre at the origin, as the reader names it, and bones of a mean length of one, known at the end."""
    steps = [dict(step) for step in named]
    if schema.layout is None:
        return steps or [{"name": "origin_at_body_centre", "joint": 0}]
    if not any(step["name"] == "origin_at_body_centre" for step in steps):
        steps.insert(0, {"name": "origin_at_body_centre", "joint": get_layout(schema.layout).centre})
    if not live and get_layout(schema.layout).bones:
        layout = schema.layout.to_dict() if isinstance(schema.layout, JointLayout) else schema.layout
        steps.append({"name": "unit_body_size", "layout": layout})
    return steps


def _root(schema: Schema) -> int:
    """The joint that the others are seen from: the middle of the hips, or else the layout's centre."""
    if schema.layout is None:
        return 0
    layout = get_layout(schema.layout)
    return layout.joints.index("hip centre") if "hip centre" in layout.joints else layout.centre


def _rows(train: LabelledDataset) -> list[dict[str, Any]]:
    """Rows of pixels as frames, where the images are square."""
    side = math.isqrt(len(train[0].sequence))
    return [{"name": "join_steps", "steps": side}] if side**2 == len(train[0].sequence) else []
