"""A trained model on disk: model.safetensors holds the weights, config.json all that is needed to use them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ..data import (
    Batch,
    LabelledDataset,
    Schema,
    SequenceDataset,
    Transform,
    collate,
    preprocess,
    transform_from_config,
)
from ..data.batch import within
from ..data.io.files import read_json, write_file, write_json
from ..data.matching import match
from ..data.ranges import Ranges, check_ranges
from ..errors import ConfigError, either
from ..hub import fetch, is_name
from ..models import SequenceClassifier
from ..ops.dispatch import BackendName
from ..options import MAX_FRAMES
from ..tasks import Model, Task, task_for
from .recipes import read_config
from .run_folder import open_run

FORMAT_VERSION = 1
_LARGEST = 10**8  # of an option that is a number
WEIGHTS, DESCRIPTION = "model.safetensors", "config.json"
D = TypeVar("D", bound=LabelledDataset)


class Reader(NamedTuple):
    """The source that a model's training data were read by, and its options."""

    source: str
    options: dict[str, Any]


@dataclass
class SavedModel:
    """A classifier with the meaning of its input and output.

    Args:
        model: the classifier, in evaluation mode.
        schema: the frames that it takes, before preprocessing, and its classes or the number it predicts.
        preprocessing: the steps between a sequence as it was read and the classifier.
        reader: how its training data were read; None: not known.
        seen: the ranges of the features of its training data; None: not known.
        max_frames: rows times longest sequence of a padded batch, as training.max_frames_per_batch.
    """

    model: Model
    schema: Schema
    preprocessing: Transform
    reader: Reader | None = None
    seen: Ranges | None = None
    max_frames: int = MAX_FRAMES

    def __post_init__(self) -> None:
        self.preprocessing = self.preprocessing.bound(self.schema)

    @property
    def min_confidence(self) -> float:
        """The confidence below which a joint was absent in training."""
        least = {} if self.reader is None else self.reader.options
        return float(least.get("min_confidence", 0.0))

    @property
    def task(self) -> Task:
        """The task that the model was trained for."""
        return task_for(self.schema)

    @property
    def classifier(self) -> SequenceClassifier:
        """The model, if it is one of sequences.

        Raises:
            ConfigError: it is a network for images.
        """
        if not isinstance(self.model, SequenceClassifier):
            kind = type(self.model).__name__
            raise ConfigError(f"a model of sequences is needed, but this is {kind}, for images or maps of features")
        return self.model

    @property
    def width(self) -> int:
        """D, the elements of a frame as the classifier takes it."""
        return self.preprocessing.schema_after(self.schema).size

    def matched(self, dataset: D, *, strict: bool = False, takes: Collection[str] = (), where: str | None = None) -> D:
        """The data set as the model takes it: see :func:`match`, whose arguments and errors these are.

        Values far outside those of training are warned of.
        """
        dataset = match(dataset, self.schema, strict=strict, takes=takes, where=where)
        if isinstance(dataset, SequenceDataset):
            check_ranges(self.seen, self.schema, dataset.sequences, where or dataset.name or "data")
        return dataset

    def logits(self, dataset: LabelledDataset, batch_size: int = 32) -> np.ndarray:
        """The model's output for sequences as they were read, (len(dataset), K) float; K is 1 for a number.

        Args:
            dataset: sequences that are not preprocessed yet.
            batch_size: sequences at a time, at most; it does not change the result beyond rounding.

        Raises:
            DataError: the frames are not those of the schema; see :func:`match`.
        """
        made = [(indices, values) for indices, _, values in self.forward(dataset, batch_size)]
        result = np.empty((len(dataset), *made[0][1].shape[1:])) if made else np.empty((0, self.schema.outputs))
        for indices, values in made:
            result[indices] = values
        return result

    def forward(self, dataset: LabelledDataset, batch_size: int = 32) -> Iterator[tuple[np.ndarray, Batch, np.ndarray]]:
        """Classify sequences as they were read, batch by batch.

        Yields:
            the two items of :meth:`batches`, and the part of the output that the task keeps, such as the logits (B, K)
            of classes in float64.

        Raises:
            DataError: the frames are not those of the schema; see :func:`match`.
        """
        for indices, batch in self.batches(dataset, batch_size):
            with torch.no_grad():
                output = self.task.run(self.model, batch)
            yield indices, batch, self.kept(output, batch)

    def batches(self, dataset: LabelledDataset, batch_size: int = 32) -> Iterator[tuple[np.ndarray, Batch]]:
        """Sequences as they were read, batch by batch as the model takes them, which is put in evaluation mode.

        Yields:
            the indices in the data set of the sequences of a batch; the batch, where the model is.

        Raises:
            DataError: the frames are not those of the schema; see :func:`match`.
        """
        ready = preprocess(match(dataset, self.schema), self.preprocessing)
        parameter = next(self.model.parameters())
        self.model.eval()
        for indices in _alike(ready.lengths, batch_size, self.max_frames if self.task.divides(self.model) else None):
            batch = collate([ready[int(i)] for i in indices])
            yield (
                indices,
                batch._replace(
                    x=batch.x.to(parameter.device, parameter.dtype),
                    lengths=batch.lengths.to(parameter.device),
                    labels=batch.labels.to(parameter.device),
                    question=None if batch.question is None else batch.question.to(parameter.device),
                ),
            )

    def kept(self, output: Tensor, batch: Batch) -> np.ndarray:
        """The part of the model's output for a batch that the task keeps, (B, ...) float64.

        Raises:
            ConfigError: it is not finite.
        """
        kept: np.ndarray = self.task.keep(output, batch).cpu().double().numpy()
        if not np.isfinite(kept).all():
            raise ConfigError(
                "the model's answer is not finite: its values or those of its preprocessing are damaged, "
                "or the data are far outside what it was trained with"
            )
        return kept


def _alike(lengths: np.ndarray, batch_size: int, max_frames: int | None) -> Iterator[np.ndarray]:
    """Indices in batches of sequences of like lengths, so that little is spent on padding."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        for part in within(lengths[chosen], max_frames):
            yield chosen[part]


def save_model(folder: Path, saved: SavedModel) -> None:
    """Write model.safetensors and config.json into a folder, which is made if need be."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in saved.model.state_dict().items()}
    write_file(folder / WEIGHTS, save_tensors(tensors))
    description = {
        "format_version": FORMAT_VERSION,
        "class": type(saved.model).__name__,
        # Which backend ran the training says nothing about the machine that will use the model.
        "model": saved.model.config | ({"backend": "auto"} if "backend" in saved.model.config else {}),
        "schema": saved.schema.to_dict(),
        "preprocessing": saved.preprocessing.to_config(),
        **({} if saved.reader is None else {"reader": saved.reader._asdict()}),
        **({} if saved.seen is None else {"seen": saved.seen.to_dict()}),
        "max_frames_per_batch": saved.max_frames,
    }
    write_json(folder / DESCRIPTION, description)


def load_model(path: str | Path) -> SavedModel:
    """The model of a run, or of a folder that :func:`save_model` wrote; nothing in it is executed.

    Args:
        path: the folder of a run, or one with model.safetensors and config.json; or the name of a model on the Hugging
            Face hub, "USER/REPOSITORY" or "USER/REPOSITORY@REVISION".

    Raises:
        ConfigError: a file is missing or damaged, of a later format, or the two do not fit together.
    """
    folder = find_model(path)
    file = folder / DESCRIPTION
    values = read_json(file)
    if values.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"{file}: format_version is {values.get('format_version')!r}, "
            f"but this version of the package reads {FORMAT_VERSION}"
        )
    max_frames = values.get("max_frames_per_batch", MAX_FRAMES)  # older models have none
    if type(max_frames) is not int or max_frames < 1:
        raise ConfigError(f"{file}: max_frames_per_batch must be an integer, 1 or more, got {max_frames!r}")
    for key in ("model", "schema", "preprocessing"):
        if not isinstance(values.get(key), dict):
            raise ConfigError(f"{file}: the field {key!r} is missing or not an object")
    try:
        schema = Schema.from_dict(values["schema"])
        preprocessing = transform_from_config(values["preprocessing"])
        task = task_for(schema)
        kinds = {kind.__name__: kind for kind in task.models}
        kind = kinds.get(values.get("class", ""))
        if kind is None:
            raise ConfigError(f"{file}: class is {values.get('class')!r}; it must be {' or '.join(kinds)}")
        backend = values["model"].get("backend", "auto")
        if backend not in get_args(BackendName):
            raise ConfigError(f"{file}: backend must be {either(get_args(BackendName))}, got {backend!r}")
        tensors = _read_tensors(folder / WEIGHTS)
        _check_size(kind, values["model"], tensors, folder)
        model = kind(**values["model"])
        seen = Ranges.from_dict(values["seen"], schema.size) if "seen" in values else None
    except (TypeError, ValueError, RuntimeError) as error:
        if str(error).startswith(str(folder)):
            raise
        raise ConfigError(f"{file}: {str(error).splitlines()[0]}") from error
    if not task.fits(model, preprocessing.schema_after(schema)):
        raise ConfigError(f"{file}: the schema's frame, classes or vocabulary are not those of the model")
    dtypes = {tensor.dtype for tensor in tensors.values()}
    if len(dtypes) == 1 and (dtype := dtypes.pop()).is_floating_point:
        model = model.to(dtype)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{folder / WEIGHTS}: does not fit {DESCRIPTION}: {reason}") from error
    return SavedModel(model.eval(), schema, preprocessing, _reader(values, folder), seen, max_frames)


def find_model(path: str | Path) -> Path:
    """The folder of a model: the path itself, or model/ in the folder of a run; of one on the hub, in its cache."""
    if is_name(path):
        return fetch(str(path))
    folder = Path(path).expanduser()
    in_run = folder.name == "model" and (folder.parent / "config.yaml").is_file()
    if in_run or any((folder / file).is_file() for file in (DESCRIPTION, WEIGHTS)):
        return folder
    return open_run(folder).model


def _check_size(kind: type[Model], options: dict[str, Any], tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Make the model without memory and compare it with the weights, which are as large as their file.

    Raises:
        ConfigError: the two do not fit together.
    """
    for key, value in options.items():
        # Before anything is made of them: layers have weights of their own, and lags take memory when they are used.
        most = len(tensors) if key == "num_layers" else _LARGEST
        if isinstance(value, int) and value > most:
            raise ConfigError(f"{key} is larger than {most}, which the weights in {WEIGHTS} cannot be of")
    made: set[tuple[int, str]] = set()

    def count(module: torch.nn.Module, name: str, parameter: Any) -> None:
        made.add((id(module), name))
        if len(made) > 2 * len(tensors) + 100:
            raise ConfigError(f"the model has more weights than the {len(tensors)} in {WEIGHTS}")

    hook = torch.nn.modules.module.register_module_parameter_registration_hook(count)
    try:
        with torch.device("meta"):
            shapes = {name: tuple(tensor.shape) for name, tensor in kind(**options).state_dict().items()}
    except (RuntimeError, OverflowError, MemoryError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"the options of the model make none: {reason}") from error
    finally:
        hook.remove()
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in (*shapes, *found):
        if shapes.get(name) != found.get(name):
            raise ConfigError(
                f"{folder / WEIGHTS}: does not fit {DESCRIPTION}: {name} is {_shown(found, name)} there, "
                f"and {_shown(shapes, name)} by the description"
            )


def _shown(shapes: Mapping[str, tuple[int, ...]], name: str) -> str:
    return f"of size {shapes[name]}" if name in shapes else "missing"


def _reader(values: dict[str, Any], folder: Path) -> Reader | None:
    """How the training data were read: by the description, or else by the configuration of the run beside it."""
    found = values.get("reader")
    if found is None and (path := folder.parent / "config.yaml").is_file():
        found = vars(read_config(path).data)
    if not isinstance(found, dict) or not isinstance(found.get("source"), str):
        return None
    options = found.get("options")
    return Reader(found["source"], dict(options) if isinstance(options, dict) else {})


def _read_tensors(path: Path) -> dict[str, Any]:
    try:
        tensors = load_tensors(path.read_bytes())
        if damaged := next((n for n, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()), None):
            raise ConfigError(f"{path}: {damaged} has values that are NaN or infinite; the file is damaged")
        return tensors
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: is damaged or not a safetensors file ({error})") from error
