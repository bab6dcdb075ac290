"""Configuration of a run: the sections of a recipe, with the type, limits, default and meaning of every key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, make_dataclass
from difflib import get_close_matches
from itertools import pairwise, repeat
from math import inf
from operator import attrgetter
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from ..errors import ConfigError, either
from ..options import CLASSIFIER_DEFAULTS, HIDDEN_SIZE, MAX_FRAMES, NUM_LAYERS, ClassifierOptions, Rate

# The description of a limit is what an error message says of it.
Amount = Annotated[int, Field(ge=0, description="0 or more")]
Count = Annotated[int, Field(ge=1, description="1 or more")]
Counts = Annotated[list[Count], Field(min_length=1, description="a list of numbers, 1 or more")]
Share = Annotated[float, Field(ge=0, lt=1, description="at least 0 and below 1")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, description="above 0")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description=f"from 0 to {2**32 - 1}")]
Steps = list[dict[str, Any]]  # transforms, each with its name and options


@dataclass
class DataConfig:
    """The sequences, and what is done to them.

    Args:
        source: name of the data set or format (`attentive data list`); null: recognised from the path.
        path: file or folder of the data; null for a set that comes with the package.
        options: options of the reader, such as {missing: interpolate}.
        valid_fraction: share of the training sequences held out to choose the epoch, below 1; 0: none, which needs
            training.select last.
        folds: 2 or more: the validation part is one of so many folds instead, by subject where subjects are known; 0:
            it is as valid_fraction says.
        fold: which of them, from 0.
        preprocessing: transforms of every sequence, in order; null: those that the data set's reader names.
        standardise: bring every feature to mean 0 and deviation 1, measured on the training sequences.
        standardise_target: where a label is a number, learn it at mean 0 and deviation 1 of the training labels; the
            trained model answers in their own unit.
        augmentation: transforms after that, those with chance drawn anew each epoch; validation and test sequences
            get what they are without chance, which for most is nothing; null: the reader's.
        num_workers: processes that prepare batches; 0: the training process itself.
    """

    source: str | None = None
    path: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    valid_fraction: Share = 0.05
    folds: Amount = 0
    fold: Amount = 0
    preprocessing: Steps | None = None
    standardise: bool = False
    standardise_target: bool = False
    augmentation: Steps | None = field(default_factory=list)
    num_workers: Amount = 0


def _model_section() -> type:
    """A dataclass of the options of SequenceClassifier, with their names, types and defaults."""
    by_type: dict[Any, Any] = {int: Count, Rate: Share}
    sizes = {"hidden_size": HIDDEN_SIZE, "num_layers": NUM_LAYERS}
    kinds = dict.fromkeys(sizes, int) | get_type_hints(ClassifierOptions, include_extras=True)
    by_name: dict[str, Any] = {"dropout": Share, "embedding_size": Count, "gate_scale": Positive, "lags": Amount}
    by_name |= dict.fromkeys(("gate_rank", "recompute"), Count | None)
    found = []
    for name, default in (sizes | CLASSIFIER_DEFAULTS).items():
        kind = by_name.get(name, by_type.get(kinds[name], kinds[name]))
        default = 128 if name == "embedding_size" else default  # without words it is not used
        found.append((name, kind, field(default=default)))
    documentation = "The classifier of sequences; its keys are the options of :class:`.SequenceClassifier`."
    return make_dataclass("ModelConfig", found, namespace={"__doc__": documentation, "__module__": __name__})


if TYPE_CHECKING:
    ModelConfig = Any
else:
    ModelConfig = _model_section()


@dataclass
class VisionConfig:
    """The network for images, and its spatial attention; not used for sequences.

    Args:
        network: resnet, progressive, answerer or editor, or maps for films of maps of features; see
            :mod:`attentive_rnn.models`.
        attention: arnn (AttentionRNN2d), or one of its rivals: pan-context, pan, cbam, conv or none.
        channels: of each layer, stage or scale; maps takes the last.
        blocks: residual blocks in each stage of a resnet.
        channel_gate: CBAM's channel gate before the spatial one, in a resnet.
        hidden_size: neurons of the spatial attention, in the kinds that have some.
        block: for arnn: one value of the mask for so many rows and columns.
        reader: how a question becomes a vector: bag, gru or eleatt-gru.
        reader_size: of that vector, but for bag.
        dropout: share of the features zeroed before the last layer, but in a resnet.
        recurrent: for maps: channels of a convolutional GRU over the frames' maps, with a gate on its input; 0: none.
        lags: for maps: past states that this GRU attends to.
    """

    network: Literal["resnet", "progressive", "answerer", "editor", "maps"] = "resnet"
    attention: Literal["arnn", "pan-context", "pan", "cbam", "conv", "none"] = "arnn"
    channels: Counts = field(default_factory=lambda: [16, 32, 64])
    blocks: Counts = field(default_factory=lambda: [1, 1, 1])
    channel_gate: bool = False
    hidden_size: Count = 32
    block: Count = 1
    reader: Literal["bag", "gru", "eleatt-gru"] = "bag"
    reader_size: Count = 64
    dropout: Share = 0.5
    recurrent: Amount = 0
    lags: Amount = 0


@dataclass
class OptimConfig:
    """The optimiser, and how its step changes.

    Args:
        lr: learning rate at the start; with one-cycle, the largest.
        optimizer: adam, sgd (with Nesterov's momentum 0.9) or rmsprop.
        weight_decay: decoupled, as in AdamW: a step first shrinks every weight by this share of the learning rate;
            for sgd and rmsprop a part of the gradient.
        clip_norm: largest norm of the gradient of all weights together; null: no limit.
        schedule: plateau: the rate falls when the training metric stops improving; one-cycle: it rises from lr / 25
            over the first 30 % of max_epochs and falls to nearly nothing at their end, step by step (set select
            to last, or patience to max_epochs: an early stop cuts the cycle short); steps: it falls after the epochs
            lr_steps; constant.
        lr_factor: factor on the learning rate when the training accuracy, or error, stops improving; for plateau,
            and for steps.
        lr_steps: epochs after which the rate falls; for steps.
        lr_patience: epochs without an improvement before that.
        lr_cooldown: epochs to wait after it.
    """

    lr: Positive = 0.005
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False, description="0 or more")] = 0.0
    clip_norm: Positive | None = 1.0
    schedule: Literal["plateau", "one-cycle", "steps", "constant"] = "plateau"
    lr_factor: Annotated[float, Field(gt=0, lt=1, description="between 0 and 1")] = 0.1
    lr_steps: list[int] = field(default_factory=list)
    lr_patience: Amount = 5
    lr_cooldown: Amount = 3


@dataclass
class TrainingConfig:
    """The length of training, and the size of its batches.

    Args:
        batch_size: sequences in a step of the optimiser.
        max_frames_per_batch: rows times longest sequence of a padded batch, which bounds the memory that it takes; a
            larger batch is run in parts of sequences of like lengths, here and wherever the model is used, with the
            same mean gradient in the one step; a single sequence may be longer. Not for images and keras_compat.
        max_epochs: passes over the training sequences, at most.
        patience: epochs without a better validation score after which training stops.
        select: the epoch whose weights are kept: best, that of the best validation score; last, which a schedule such
            as one-cycle fixes beforehand, and with which nothing stops early.
        label_smoothing: share of the training target that goes to all classes alike; for classes only.
        class_balance: b, from 0 to 1: a training sequence of a class with n sequences has a weight in the loss in
            proportion to n^-b, 1 on average; 0: all weigh alike; 1: all classes do. For classes only.
        early: minimise the mean of the loss after each frame, as if the sequence ended there, in place of the loss
            after the last one: for answers before the action ends. For classes, of models that read forward only;
            without attention_penalty.
        strategy: of several processes: ddp, each holds the whole model; fsdp (FSDP2), each holds its share of the
            weights, gradients and optimiser's state, for models too large for one device; not for 16-mixed.
        attention_penalty: w: the loss grows by w times the mean attention of the first layer's gate, over the elements
            and frames of a sequence and over sequences, so that the gate closes where it can; a list: one weight for
            each layer. It rises from 0 over the first half of max_epochs: with select best the epoch kept may lie
            before that. metrics.csv has the mean attention of the layers concerned as train_attention.
    """

    batch_size: Count = 32
    max_frames_per_batch: Count = MAX_FRAMES
    max_epochs: Count = 200
    patience: Count = 15
    select: Literal["best", "last"] = "best"
    label_smoothing: Share = 0.0
    class_balance: Annotated[float, Field(ge=0, le=1, description="from 0 to 1")] = 0.0
    early: bool = False
    strategy: Literal["ddp", "fsdp"] = "ddp"
    attention_penalty: float | list[float] = 0.0

    @property
    def penalties(self) -> list[float]:
        """The weight of each layer's attention, but for layers at the end that have none."""
        given = self.attention_penalty
        return given if isinstance(given, list) else [given] * (given != 0)


@dataclass
class Config:
    """Everything that decides a run; two runs of one Config on one machine give the same weights.

    Args:
        data: the sequences, and what is done to them.
        model: the classifier of sequences.
        vision: the network for images.
        optim: the optimiser and its schedule.
        training: the length of training, and the size of its batches.
        seed: of the validation split, the first weights, the order, the dropout and the augmentation.
        init_from: a finished run whose weights the model starts with; null: as model.init says.
        output_dir: where the folders of runs are made.
        device: auto, cpu, cuda or cuda:INDEX.
        devices: how many GPUs of this machine train, each on its share of every batch of training.batch_size; on a CPU
            how many processes.
        precision: 32-true, 64-true, bf16-mixed or 16-mixed (the last on a GPU only).
    """

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    vision: VisionConfig = field(default_factory=VisionConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    seed: Seed = 0
    init_from: str | None = None
    output_dir: str = "runs"
    device: str = "auto"
    devices: Count = 1
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = "32-true"

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain nested values, in the order of a recipe."""
        return asdict(self)

    def check(self) -> None:
        """Raise ConfigError that names the key of a value of the wrong type or out of range."""
        from_dict(self.to_dict())

    @model_validator(mode="after")
    def _check_together(self) -> Config:
        model, optim, data, devices = self.model, self.optim, self.data, self.devices
        chosen = self.training.select == "last" or data.valid_fraction > 0 or data.folds > 0
        gates = len(model.gate) if isinstance(model.gate, list) else model.num_layers
        remembers = model.memory is None or (model.memory >= 3 and model.cell != "rnn")
        rising = all(a < b for a, b in pairwise((0, *optim.lr_steps)))
        alone = devices == 1 or model.pool != "keras_compat"
        whole = self.training.strategy == "ddp" or self.precision != "16-mixed"
        kinds: Iterable[str | None] = model.gate if isinstance(model.gate, list) else repeat(model.gate)
        penalties = self.training.penalties
        each = not isinstance(self.training.attention_penalty, list) or len(penalties) == model.num_layers
        closes = each and all(kind in ("sigmoid", "hard") for kind, w in zip(kinds, penalties, strict=False) if w)
        for key, holds, wanted in (
            ("model.gate", gates == model.num_layers, f"one name or a list of {model.num_layers}, one for each layer"),
            ("model.memory", remembers, "null, or 3 or more for a cell with gates"),
            ("model.reset_after", not model.reset_after or model.cell == "gru", "false but for a gru"),
            ("optim.lr_steps", rising, "a rising list of epochs, 1 or more"),
            ("data.valid_fraction", chosen, "above 0 unless training.select is last"),
            ("data.standardise_target", not data.standardise_target or self.init_from is None, "false with init_from"),
            ("data.folds", data.folds != 1, "0 or 2 or more"),
            ("data.fold", data.fold < max(data.folds, 1), f"below data.folds, {data.folds}" if data.folds else "0"),
            ("training.batch_size", devices <= self.training.batch_size, f"at least devices, {devices}"),
            ("training.attention_penalty", all(0 <= w < inf for w in penalties), "0 or more"),
            ("training.attention_penalty", each, f"one weight or a list of {model.num_layers}, one for each layer"),
            ("training.attention_penalty", closes, "0 for a layer whose gate is not sigmoid or hard"),
            ("training.strategy", whole, "ddp for precision 16-mixed"),
            ("devices", alone, "1 for model.pool keras_compat, which looks at whole batches"),
        ):
            if not holds:
                raise ConfigError(f"{key} must be {wanted}, got {attrgetter(key)(self)!r}")
        return self


_ADAPTER: TypeAdapter[Config] = TypeAdapter(Config)


def _keys() -> dict[str, dict[str, Any]]:
    """The JSON schema of the values of every dotted key."""
    schema, found = _ADAPTER.json_schema(), dict[str, dict[str, Any]]()
    for name, own in schema["properties"].items():
        section = schema["$defs"].get(own.get("$ref", "").rpartition("/")[2])
        found |= {name: own} if section is None else {f"{name}.{k}": s for k, s in section["properties"].items()}
    return found


KEYS = _keys()
SECTIONS = tuple(dict.fromkeys(key.partition(".")[0] for key in KEYS if "." in key))
_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number", "too_short")


def from_dict(values: Mapping[str, Any], where: str = "", overrides: Iterable[tuple[str, Any]] = ()) -> Config:
    """The configuration of nested plain values and overrides; keys that are left out have their defaults.

    Args:
        values: the values by name, those of a section in a mapping of their own.
        where: the file of the values, which error messages begin with.
        overrides: pairs of a dotted key and its value; later ones win.

    Raises:
        ConfigError: an unknown key, or a value of the wrong type or out of range; the message names it.
    """
    given = [(key, value, where) for key, value in flatten(values, where).items()]
    overridden = [(key, value, "") for key, value in overrides]
    nested: dict[str, Any] = {}
    for key, value, place in (*given, *overridden):
        check_key(key, place)
        *sections, name = key.split(".")
        inner = nested
        for section in sections:
            if not isinstance(inner.get(section), dict):
                inner[section] = {}
            inner = inner[section]
        inner[name] = value
    try:
        return _ADAPTER.validate_json(json.dumps(nested, default=str), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":  # such as the bytes of a path that is no UTF-8
            raise ConfigError(f"{_place(where)}must hold plain values: {first['msg']}") from None
        if first["type"] == "value_error":
            place = "" if overridden else where
            raise ConfigError(f"{_place(place)}{first['ctx']['error']}") from None
        names = [str(part) for part in first["loc"]]
        wrong = ".".join(names[: 2 if names[0] in SECTIONS else 1])
        value, place = next((value, place) for key, value, place in (*overridden[::-1], *given) if key == wrong)
        raise ConfigError(_place(place) + _refusal(wrong, value, first["type"] in _OUT_OF_RANGE)) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{_place(where)}must hold plain values: {error}") from error


def _refusal(key: str, value: Any, out_of_range: bool) -> str:
    if not out_of_range:
        return f"{key} must be {in_words(KEYS[key])}, got {str(value)!r}"
    limit = next(one for one in (KEYS[key], *KEYS[key].get("anyOf", ())) if "description" in one)
    as_float = limit.get("type") == "number" and abs(value) < sys.float_info.max
    shown = float(value) if as_float else shorten(str(value), 40)
    return f"{key} must be {limit['description']}, got {shown}"


def flatten(values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Nested values by dotted key, sections opened and nothing else.

    Raises:
        ConfigError: a section holds something else than keys; the message begins with `where`.
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if key not in SECTIONS:
            flat[key] = value
        elif isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            flat |= {f"{key}.{name}": part for name, part in value.items()}
        else:
            raise ConfigError(f"{_place(where)}{key} must hold keys such as {_of_section(key)[0]}, got {value!r}")
    return flat


def check_key(key: str, where: str = "") -> None:
    """Raise ConfigError, with the nearest known names, if a configuration has no such dotted key."""
    if key in KEYS or any(schema.get("type") == "object" and key.startswith(f"{k}.") for k, schema in KEYS.items()):
        return
    if key in SECTIONS:
        raise ConfigError(f"{_place(where)}{key} is a section: it must hold keys such as {_of_section(key)[0]}")
    near = get_close_matches(key, [*KEYS, *SECTIONS], n=3, cutoff=0.6)
    section = key.split(".")[0]
    if not near:
        near = _of_section(section) if section in SECTIONS else [*SECTIONS, *(k for k in KEYS if "." not in k)]
    raise ConfigError(f"{_place(where)}unknown key {key!r}; did you mean {either(near)}?")


def _of_section(section: str) -> list[str]:
    return [key for key in KEYS if key.startswith(f"{section}.")]


def _place(where: str) -> str:
    return f"{where}: " if where else ""


def in_words(schema: Mapping[str, Any]) -> str:
    """A JSON schema as the reader of a recipe would say it.

    Example:
        >>> in_words(KEYS["model.cell"]), in_words(KEYS["optim.clip_norm"])
        ('gru, lstm, rnn or rra', 'a number or null')
    """
    names = {
        "integer": "an integer",
        "number": "a number",
        "boolean": "true or false",
        "string": "a text",
        "object": "a mapping of names to values",
        "null": "null",
    }
    lists = {"integer": "a list of integers", "object": "a list of transforms"}
    said: list[str] = []
    for one in schema.get("anyOf", [schema]):
        if "enum" in one:
            said += one["enum"]
        elif one["type"] == "array":
            said.append(lists.get(one["items"].get("type"), "a list of these, one for each layer"))
        else:
            said.append(names[one["type"]])
    return either(said, quote=False)
