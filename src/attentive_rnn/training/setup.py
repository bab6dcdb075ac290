"""The parts of a job as a configuration names them: data, preprocessing, device and model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from ..data import (
    Compose,
    GeneratedDataset,
    LabelledDataset,
    Schema,
    SequenceDataset,
    Splits,
    load,
    preprocess,
    transform_from_config,
    validation_split,
)
from ..data.check.leaks import leak_findings
from ..data.check.moments import Moments, pieces
from ..data.check.parts import part_warnings
from ..data.dataset import concatenate, sequences_only
from ..data.split import folds
from ..data.transforms import Standardise
from ..errors import ConfigError, DataError, DataWarning, one_line
from ..tasks import Model, Task, task_for
from ..terminal import standard_error
from .config import Config, DataConfig


class Job(NamedTuple):
    """A model, its task and its data, ready for the training loop."""

    config: Config
    model: Model
    task: Task
    train: LabelledDataset  # preprocessed; it is augmented as it is shown
    valid: LabelledDataset  # preprocessed; may be empty
    preprocessing: Compose  # of sequences outside training
    device: torch.device  # of several, this process's
    class_weights: Tensor | None = None  # of each class in the training loss, (K,)


def load_splits(config: Config, console: Console | None = None) -> Splits:
    """The parts of the data of a resolved configuration; warnings and the notes of its reader are printed.

    Args:
        config: says what to load.
        console: where the notes go; None: the standard error.
    """
    assert config.data.source is not None
    if config.data.path is not None and not Path(config.data.path).exists():
        raise DataError(f"{config.data.path}: there is no such file or folder; if the data have moved: --data PATH")
    splits = load(config.data.source, config.data.path, **config.data.options)
    print_notes(part_warnings(splits.parts(), splits.shares_persons), console, "warning")
    print_notes(map(str, leak_findings(splits.parts())), console, "warning")
    print_notes(splits.notes, console)
    return splits


def print_notes(notes: Iterable[str], console: Console | None = None, severity: str = "note") -> None:
    """Print notes on data, a line each that begins with the severity; without a console on the standard error."""
    console = console or (Console(stderr=True) if severity == "warning" else standard_error())
    for note in notes:
        console.print(f"{severity}: {one_line(note)}", highlight=False, soft_wrap=True, markup=False)


def training_parts(config: Config, splits: Splits) -> tuple[LabelledDataset, LabelledDataset]:
    """The items that a run trains on, and those for validation.

    These are the validation part of the data if there is one, or else a share of the training part: none for a
    fraction of 0. With data.folds they are one fold of both together.

    Raises:
        ConfigError: a fraction of 0 of a generated set, whose validation part takes nothing from training.
    """
    train: LabelledDataset = splits.train
    if config.data.folds:
        known = [sequences_only(part) for part in (splits.train, splits.valid) if part is not None]
        whole = known[0] if len(known) == 1 else concatenate(known)
        return folds(whole, config.data.folds, config.seed)[config.data.fold]
    if splits.valid is not None:
        return train, splits.valid
    if config.data.valid_fraction > 0:
        return validation_split(train, config.data.valid_fraction, config.seed)
    if isinstance(train, GeneratedDataset):
        raise ConfigError("data.valid_fraction must be above 0 for generated data: their validation part costs nothing")
    return train, train.subset([])


def measure(dataset: SequenceDataset) -> Standardise:
    """The standardisation by all frames of a data set; a feature that never changes is only centred.

    Joints that are absent do not count.

    Raises:
        ConfigError: a value is missing (NaN).
    """
    found = Moments(dataset.schema.size)
    for frames in pieces(_finite_frames(dataset)):
        found.add(frames)
    # float32 values, so that they are the same after a round trip through JSON and through a tensor.
    mean, std = found.mean.astype(np.float32), found.deviation().astype(np.float32)
    return Standardise(mean.tolist(), np.where(std > 0, std, np.float32(1)).tolist())


def _finite_frames(dataset: SequenceDataset) -> Iterator[np.ndarray]:
    """The frames of each sequence, (T, D), with NaN for joints that are absent, if all its values are finite."""
    for i in range(len(dataset)):
        if not dataset.sequences[i].isfinite().all():
            raise ConfigError(
                f"{dataset.name}: a value is missing or infinite, so the features cannot be standardised; "
                "fill gaps with --data.options.missing interpolate, or set --data.standardise false"
            )
        yield dataset.marked(i).flatten(1).numpy()


def fit_preprocessing(config: DataConfig, train: LabelledDataset) -> Compose:
    """The preprocessing that a configuration names, with its statistics taken from training sequences."""
    chosen = transform_from_config(config.preprocessing or [])
    steps = list(chosen.transforms) if isinstance(chosen, Compose) else [chosen]
    if config.standardise:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # which come again where all steps are done
            ready = sequences_only(preprocess(train, Compose(steps)))
        steps.append(measure(ready))
    return Compose(steps)


def in_test(config: DataConfig, fitted: Compose) -> Compose:
    """The steps before a model outside training: the fitted preprocessing, then the augmentation without chance.

    Example:
        >>> steps = [{"name": "random_crop"}, {"name": "uniform_sampling", "frames": 40, "random": True}]
        >>> in_test(DataConfig(augmentation=steps), Compose([])).to_config()["transforms"]
        [{'name': 'uniform_sampling', 'frames': 40, 'random': False}]
    """
    return Compose([*fitted.transforms, *map(transform_from_config, config.augmentation or [])]).in_test()


def choose_device(name: str) -> torch.device:
    """The device that a name means: auto is the first GPU where there is one.

    Raises:
        ConfigError: there is no such device.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (":" in name and not (kind == "cuda" and index.isdecimal())):
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:INDEX, got {name!r}")
    if kind == "cpu":
        return torch.device("cpu")
    if int(index or 0) >= gpus:
        there = f"{gpus} GPU{'s' if gpus > 1 else ''}" if gpus else "no GPU"
        raise ConfigError(f"device {name} is not there: torch {torch.__version__} sees {there} on this machine")
    return torch.device("cuda", int(index or 0))


def device_of(config: Config, rank: int = 0, count: int | None = None) -> torch.device:
    """The device of a configuration, of several that of one process, if it has the configuration's precision.

    Args:
        config: of the run.
        rank: the number of the process on this machine.
        count: how many processes this machine has; None: `devices` of the configuration.

    Raises:
        ConfigError: there is no such device, there are not so many, or it lacks the precision.
    """
    device, count = choose_device(config.device), config.devices if count is None else count
    if device.type == "cuda" and count > 1:
        if ":" in config.device:
            raise ConfigError(f"device must be auto or cuda for {count} devices, got {config.device!r}")
        if count > (there := torch.cuda.device_count()):
            raise ConfigError(f"devices must be at most {there}: so many GPUs has this machine, got {count}")
        device = torch.device("cuda", rank)
    if device.type == "cpu" and config.precision == "16-mixed":
        raise ConfigError("precision 16-mixed needs a GPU; on a CPU use bf16-mixed or 32-true")
    return device


def build_model(config: Config, schema: Schema) -> Model:
    """The model of a configuration for the frames and labels of a schema, with the weights of its seed.

    The schema is that of the sequences as they are read; the model takes the frames of :func:`input_schema`.

    Raises:
        ConfigError: the model section's values do not go together.
    """
    torch.manual_seed(config.seed)
    task = task_for(schema)
    model = task.build(config.to_dict()[task.section], input_schema(config, schema).size)
    return model.double() if config.precision == "64-true" else model


def make_job(config: Config, splits: Splits, model: Model, device: torch.device) -> Job:
    """A model, with the weights that it starts with, and the training sequences as a configuration prepares them.

    Raises:
        ConfigError, DataError: the preprocessing cannot be done, or the model not trained on so many devices.
    """
    if config.devices > 1:
        check_normalisation(model, device)
    if any(config.training.penalties) and task_for(splits.train.schema).section != "model":
        raise ConfigError("training.attention_penalty must be 0 but for recurrent layers that read sequences")
    train, valid = training_parts(config, splits)
    fitted = fit_preprocessing(config.data, train)
    preprocessing = in_test(config.data, fitted)
    ready = preprocess(train, fitted), preprocess(valid, preprocessing)
    task, weights = task_for(splits.train.schema), class_weights(train, config.training.class_balance)
    if config.data.standardise_target:
        task.standardise(train.labels)
    if config.training.early:
        if any(config.training.penalties):
            raise ConfigError("training.early and training.attention_penalty cannot be used together; leave one out")
        task.learn_early(model)
    return Job(config, model, task, *ready, preprocessing, device, weights)


def class_weights(train: LabelledDataset, balance: float) -> Tensor | None:
    """The weight of each class in the loss, (K,) float32, in proportion to n^-balance; None for a balance of 0.

    The mean over the training items is 1; a class without any has none.

    Raises:
        ConfigError: the items have no classes.

    Example:
        >>> from attentive_rnn.data import Schema
        >>> labels, schema = [0, 0, 0, 0, 1], Schema(("often", "seldom"), (1,))
        >>> data = SequenceDataset([torch.zeros(1, 1)] * 5, labels, [{}] * 5, schema)
        >>> class_weights(data, 1.0), class_weights(data, 0.5)
        (tensor([0.6250, 2.5000]), tensor([0.8333, 1.6667]))
    """
    if balance == 0:
        return None
    if train.schema.target != "class":
        raise ConfigError("training.class_balance must be 0 where a label is no class")
    counts = np.bincount(train.labels, minlength=len(train.schema.classes))
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -balance, 0.0)
    return torch.as_tensor(weights * len(train) / (weights * counts).sum(), dtype=torch.float32)


def check_normalisation(model: torch.nn.Module, device: torch.device) -> None:
    """Raise ConfigError where torch cannot normalise over the batches of several processes."""
    if device.type == "cpu" and any(isinstance(module, _BatchNorm) for module in model.modules()):
        raise ConfigError(
            "devices must be 1 for this network on a CPU: its batch normalisation is over whole batches, "
            "which torch has for GPUs only"
        )


def input_schema(config: Config, schema: Schema) -> Schema:
    """The schema of the model's input, for that of the sequences as they are read."""
    steps = [*(config.data.preprocessing or []), *(config.data.augmentation or [])]
    return transform_from_config(steps).schema_after(schema)
