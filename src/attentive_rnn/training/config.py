"""What a training run can be told: the sections of a recipe, with their types and limits."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal, get_args

from ..errors import ConfigError

GateName = Literal["sigmoid", "softmax"]
CellName = Literal["gru", "lstm", "rnn", "rra"]
CELLS: tuple[CellName, ...] = get_args(CellName)


@dataclass
class DataConfig:
    """Which sequences, and what is done to them.

    Args:
        source: name of the data set or format (`attentive data list`); null: recognised from the path.
        path: file or folder of the data; null for a set that comes with the package.
        options: options of the reader, such as {missing: interpolate}.
        valid_fraction: share of the training sequences held out to choose the epoch, below 1; 0: none, which needs
            training.select last.
        preprocessing: transforms of every sequence, in order; null: those that the data set's reader names.
        standardise: bring every feature to mean 0 and deviation 1, measured on the training sequences.
        augmentation: transforms after that, those with chance drawn anew each epoch; validation and test sequences
            get what they are without chance, which for most is nothing; null: the reader's.
        num_workers: processes that prepare batches; 0: the training process itself.
    """

    source: str | None = None
    path: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    valid_fraction: float = 0.05
    preprocessing: list[dict[str, Any]] | None = None
    standardise: bool = False
    augmentation: list[dict[str, Any]] | None = field(default_factory=list)
    num_workers: int = 0

    def check(self) -> None:
        """Raise ConfigError for a value out of range."""
        _require("data.valid_fraction", self.valid_fraction, 0 <= self.valid_fraction < 1, "at least 0 and below 1")
        _require("data.num_workers", self.num_workers, self.num_workers >= 0, "0 or more")


@dataclass
class ModelConfig:
    """The classifier; see :class:`attentive_rnn.SequenceClassifier`.

    Args:
        cell: gru, lstm, rnn, or rra: the LSTM with attention over its former outputs.
        gate: sigmoid, softmax, null (no attention), or a list with one of these for each layer.
        gate_scale: factor on the gate's response.
        hidden_size: neurons of a layer.
        num_layers: recurrent layers.
        dropout: share of outputs zeroed after each layer, drawn anew at every step.
        locked_dropout: the same with one draw for all steps.
        zoneout: share of units that keep their old state at a step.
        residual: each layer but the first adds its input to its output.
        bidirectional: a second set of layers from the end to the start.
        reset_after: for the GRU: torch's form, with the reset gate after the product.
        pool: what is classified of the outputs: their mean over time, the last one, or keras_compat.
        init: how the weights start: paper, open (the paper's, with a gate that starts near the identity) or torch.
        backend: auto, triton, cpu, cuda-graph, hoisted or reference.
        embedding_size: numbers that a word becomes, where the sequences are text; not used otherwise.
        lags: for rra: how many former outputs; 0 makes it the LSTM.
        norm: for rra: how their weights are normalised: sum, softmax, content or mean.
        first_lag: for rra: the lag of the first of them.
        memory: steps that the gates remember over at the start, about a sequence's length; null: as init has it.
    """

    cell: CellName = "gru"
    gate: GateName | list[GateName | None] | None = "sigmoid"
    gate_scale: float = 1.0
    hidden_size: int = 100
    num_layers: int = 3
    dropout: float = 0.5
    locked_dropout: float = 0.0
    zoneout: float = 0.0
    residual: bool = False
    bidirectional: bool = False
    reset_after: bool = False
    pool: Literal["mean", "last", "keras_compat"] = "mean"
    init: Literal["paper", "open", "torch"] = "paper"
    backend: Literal["auto", "triton", "cpu", "cuda-graph", "hoisted", "reference"] = "auto"
    embedding_size: int = 128
    lags: int = 5
    norm: Literal["sum", "softmax", "content", "mean"] = "sum"
    first_lag: int = 1
    memory: int | None = None

    def check(self) -> None:
        """Raise ConfigError for a value out of range."""
        _require("model.lags", self.lags, self.lags >= 0, "0 or more")
        for name in ("hidden_size", "num_layers", "embedding_size", "first_lag"):
            _require(f"model.{name}", getattr(self, name), getattr(self, name) >= 1, "1 or more")
        for name in ("dropout", "locked_dropout", "zoneout"):
            _require(f"model.{name}", getattr(self, name), 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        _require("model.gate_scale", self.gate_scale, _positive(self.gate_scale), "above 0")
        if isinstance(self.gate, list):
            fits = len(self.gate) == self.num_layers
            _require("model.gate", self.gate, fits, f"one name or a list of {self.num_layers}, one for each layer")
        remembers = self.memory is None or (self.memory >= 3 and self.cell != "rnn")
        _require("model.memory", self.memory, remembers, "null, or 3 or more for a cell with gates")
        _require(
            "model.reset_after", self.reset_after, not self.reset_after or self.cell == "gru", "false but for a gru"
        )


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
    """

    network: Literal["resnet", "progressive", "answerer", "editor", "maps"] = "resnet"
    attention: Literal["arnn", "pan-context", "pan", "cbam", "conv", "none"] = "arnn"
    channels: list[int] = field(default_factory=lambda: [16, 32, 64])
    blocks: list[int] = field(default_factory=lambda: [1, 1, 1])
    channel_gate: bool = False
    hidden_size: int = 32
    block: int = 1
    reader: Literal["bag", "gru", "eleatt-gru"] = "bag"
    reader_size: int = 64
    dropout: float = 0.5

    def check(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name in ("channels", "blocks"):
            values = getattr(self, name)
            _require(f"vision.{name}", values, bool(values) and min(values) >= 1, "a list of numbers, 1 or more")
        for name in ("hidden_size", "block", "reader_size"):
            _require(f"vision.{name}", getattr(self, name), getattr(self, name) >= 1, "1 or more")
        _require("vision.dropout", self.dropout, 0 <= self.dropout < 1, "at least 0 and below 1")


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

    lr: float = 0.005
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    schedule: Literal["plateau", "one-cycle", "steps", "constant"] = "plateau"
    lr_factor: float = 0.1
    lr_steps: list[int] = field(default_factory=list)
    lr_patience: int = 5
    lr_cooldown: int = 3

    def check(self) -> None:
        """Raise ConfigError for a value out of range."""
        _require("optim.lr", self.lr, _positive(self.lr), "above 0")
        decay = self.weight_decay
        _require("optim.weight_decay", decay, decay >= 0 and math.isfinite(decay), "0 or more")
        _require("optim.clip_norm", self.clip_norm, self.clip_norm is None or _positive(self.clip_norm), "above 0")
        _require("optim.lr_factor", self.lr_factor, 0 < self.lr_factor < 1, "between 0 and 1")
        rising = all(a < b for a, b in pairwise((0, *self.lr_steps)))
        _require("optim.lr_steps", self.lr_steps, rising, "a rising list of epochs, 1 or more")
        for name in ("lr_patience", "lr_cooldown"):
            _require(f"optim.{name}", getattr(self, name), getattr(self, name) >= 0, "0 or more")


@dataclass
class TrainingConfig:
    """How long, and on how much at a time.

    Args:
        batch_size: sequences in a step of the optimiser.
        max_epochs: passes over the training sequences, at most.
        patience: epochs without a better validation score after which training stops.
        select: the epoch whose weights are kept: best, that of the best validation score; last, which a schedule such
            as one-cycle fixes beforehand, and with which nothing stops early.
        label_smoothing: share of the training target that goes to all classes alike; for classes only.
    """

    batch_size: int = 32
    max_epochs: int = 200
    patience: int = 15
    select: Literal["best", "last"] = "best"
    label_smoothing: float = 0.0

    def check(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name in ("batch_size", "max_epochs", "patience"):
            _require(f"training.{name}", getattr(self, name), getattr(self, name) >= 1, "1 or more")
        smoothing = self.label_smoothing
        _require("training.label_smoothing", smoothing, 0 <= smoothing < 1, "at least 0 and below 1")


@dataclass
class Config:
    """Everything that decides a run; two runs of one Config on one machine give the same weights.

    Args:
        data: which sequences, and what is done to them.
        model: the classifier of sequences.
        vision: the network for images.
        optim: the optimiser and its schedule.
        training: how long, and on how much at a time.
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
    seed: int = 0
    init_from: str | None = None
    output_dir: str = "runs"
    device: str = "auto"
    devices: int = 1
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = "32-true"

    def check(self) -> None:
        """Raise ConfigError that names the key of a value out of range."""
        for section in (self.data, self.model, self.vision, self.optim, self.training):
            section.check()
        held_out = self.data.valid_fraction > 0 or self.training.select == "last"
        _require("data.valid_fraction", self.data.valid_fraction, held_out, "above 0 unless training.select is last")
        _require("devices", self.devices, self.devices >= 1, "1 or more")
        fits = self.devices <= self.training.batch_size
        _require("training.batch_size", self.training.batch_size, fits, f"at least devices, {self.devices}")
        alone = self.devices == 1 or self.model.pool != "keras_compat"
        _require("devices", self.devices, alone, "1 for model.pool keras_compat, which looks at whole batches")
        _require("seed", self.seed, 0 <= self.seed < 2**32, "from 0 to 4294967295")

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain nested values, in the order of a recipe."""
        return asdict(self)


SECTIONS = {
    "data": DataConfig,
    "model": ModelConfig,
    "vision": VisionConfig,
    "optim": OptimConfig,
    "training": TrainingConfig,
}


def from_dict(values: dict[str, Any]) -> Config:
    """The configuration of complete and well-typed values, checked for their ranges."""
    sections = {name: kind(**values[name]) for name, kind in SECTIONS.items()}
    rest = {key: value for key, value in values.items() if key not in SECTIONS}
    config = Config(**sections, **rest)
    config.check()
    return config


def keys() -> dict[str, str]:
    """Every dotted key of a configuration and its type, in words.

    Example:
        >>> keys()["optim.lr"], keys()["data.path"]
        ('float', 'str | None')
    """
    found: dict[str, str] = {}
    for entry in fields(Config):
        if entry.name in SECTIONS:
            found |= {f"{entry.name}.{part.name}": str(part.type) for part in fields(SECTIONS[entry.name])}
        else:
            found[entry.name] = str(entry.type)
    return found


def flatten(values: dict[str, Any]) -> dict[str, Any]:
    """Nested values by dotted key, sections opened and nothing else."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if key in SECTIONS and isinstance(value, dict):
            flat |= {f"{key}.{name}": part for name, part in value.items()}
        else:
            flat[key] = value
    return flat


def _positive(value: float) -> bool:
    return value > 0 and math.isfinite(value)


def _require(key: str, value: Any, holds: bool, wanted: str) -> None:
    if not holds:
        raise ConfigError(f"{key} must be {wanted}, got {value!r}")
