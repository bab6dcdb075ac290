"""Trained run as one object: it labels sequences, is scored on them, explains them and recognises frames as they come.

Input is the folder of a run or of a model; the object takes paths, data frames, arrays and data sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .data import ImageDataset, LabelledDataset, Splits
from .data.dataset import sequences_only
from .data.fingerprint import items_of
from .data.io.files import write_file
from .errors import ConfigError, DataError
from .experiments.fusion import answers_in_test
from .explain import Explanation, explain, stored_usual
from .explain.images import ImageExplanation, explain_images
from .explain.report.card import model_card
from .explain.response import FILE as USUAL
from .explain.response import has_gate
from .explain.sequences import draw_classes
from .hub import push
from .streaming import Recognizer
from .streaming.recordings import are_windows, segments_of_recordings
from .tasks import Task
from .tasks.metrics import probabilities
from .training import RunFolder, SavedModel, load_model, open_run, save_model
from .training.inputs import known_data, read_values, run_splits
from .training.run import test_scores
from .training.saved_model import find_model
from .training.setup import choose_device


def load(folder: str | Path, device: str = "cpu") -> TrainedRun:
    """The trained run in a folder.

    Args:
        folder: of a run, or of its model; or the name of a model on the Hugging Face hub, "USER/REPOSITORY" or
            "USER/REPOSITORY@REVISION".
        device: where the model works: "auto", "cpu", "cuda" or "cuda:INDEX".

    Raises:
        ConfigError: the folder is none of these, or damaged; there is no such model on the hub, or no such device.

    Example:
        >>> import tempfile
        >>> import attentive_rnn
        >>> from rich.console import Console
        >>> from attentive_rnn.data import load as load_data
        >>> from attentive_rnn.training import load_config, train
        >>> config = load_config("basic-motions", [("training.max_epochs", "1"), ("model.hidden_size", "4")])
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     folder = train(config, parent, console=Console(quiet=True)).path
        ...     run = attentive_rnn.load(folder)
        >>> prediction = run.predict(load_data("basic-motions").test.sequences[0].numpy())
        >>> len(prediction.labels), prediction.probabilities.shape, len(prediction.top(3)[0])
        (1, (1, 4), 3)
    """
    path = find_model(folder)
    saved = load_model(path)
    saved.model.to(choose_device(device))
    in_run = path.name == "model" and (path.parent / "config.yaml").is_file()
    return TrainedRun(saved, path, open_run(path.parent) if in_run else None)


@dataclass(frozen=True)
class Prediction:
    """The model's answers to some sequences.

    Args:
        names: of the sequences.
        labels: the most probable class of each, or the number predicted.
        probabilities: of the classes, (N, K); (N, 0) where numbers are predicted.
        classes: the names of the classes, K.
        truth: the label that a sequence came with; None: it came without.
        scores: of the answers where the truth is known, as the "test" of results.json; None where it never is.
        trained_on: how many of the sequences the model was trained on, where its run says so.
        notes: of the reader, on how the sequences were taken.
        segments: of recordings that were cut into windows, the answers for these joined frame by frame, as
            :func:`attentive_rnn.streaming.recordings.segments_of_recordings` gives them; else empty.
    """

    names: list[str]
    labels: list[str] | list[float]
    probabilities: np.ndarray
    classes: tuple[str, ...]
    truth: list[str | float | None]
    scores: dict[str, Any] | None
    trained_on: int = 0
    notes: tuple[str, ...] = ()
    segments: tuple[dict[str, Any], ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def top(self, k: int) -> list[list[tuple[str, float]]]:
        """The k most probable classes of each sequence with their probabilities, the most probable first.

        Raises:
            ConfigError: k is below 1, or the model predicts a number.
        """
        if k < 1 or not self.classes:
            raise ConfigError(f"top {k}: it must be 1 or more, and the model one of classes")
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :k]
        return [
            [(self.classes[i], float(shares[i])) for i in row]
            for row, shares in zip(order.tolist(), self.probabilities, strict=True)
        ]


@dataclass(frozen=True)
class TrainedRun:
    """A model with all that it can be used for; :func:`load` makes one.

    Args:
        saved: the model and the meaning of its input.
        model: the folder that it was loaded from.
        folder: the run that it belongs to; None: it is a model alone.
    """

    saved: SavedModel
    model: Path
    folder: RunFolder | None

    @property
    def task(self) -> Task:
        """What the model was trained for."""
        return self.saved.task

    def read(
        self,
        data: Any,
        *,
        lengths: Sequence[int] | None = None,
        labels: Iterable[Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> LabelledDataset:
        """Sequences as the model takes them.

        Args:
            data: a path; an array (T, D), a list of these, or (N, T, D); a data frame of pandas, polars or pyarrow; or
                a data set. See :func:`attentive_rnn.training.inputs.read_values`.
            lengths: frames of each sequence of an array (N, T, D).
            labels: of arrays: for each sequence the name of its class, or its number.
            options: of the reader of a path or a data frame, such as ``{"missing": "interpolate"}``.

        Raises:
            DataError, ConfigError: the data cannot be read, or are not what the model takes.
        """
        return read_values(self.saved, data, lengths, labels, options)

    def predict(
        self, data: Any, *, lengths: Sequence[int] | None = None, options: Mapping[str, Any] | None = None
    ) -> Prediction:
        """The labels of sequences; arguments and errors are those of :meth:`read`."""
        dataset = self.read(data, lengths=lengths, options=options)
        schema = self.saved.schema
        if schema.target == "image":
            raise ConfigError("this model makes images; it has no label to predict")
        outputs = self.saved.logits(dataset)
        numbers = schema.target == "number"
        shares = np.empty((len(outputs), 0)) if numbers else probabilities(outputs)
        classes = schema.classes
        truths = [_truth(label, classes) for label in dataset.labels.tolist()]
        known = dataset.labelled
        return Prediction(
            names=[str(meta.get("name", i)) for i, meta in enumerate(dataset.metas)],
            labels=outputs[:, 0].tolist() if numbers else [classes[i] for i in shares.argmax(1)],
            probabilities=shares,
            classes=classes,
            truth=truths,
            scores=self._scores(outputs[known], dataset.labels[known]) if known.any() else None,
            trained_on=self._trained_on(dataset),
            notes=dataset.notes,
            segments=tuple(segments_of_recordings(dataset, outputs)) if classes and are_windows(dataset) else (),
        )

    def evaluate(
        self,
        data: Any = None,
        labels: Iterable[Any] | None = None,
        *,
        lengths: Sequence[int] | None = None,
        options: Mapping[str, Any] | None = None,
        views: int = 1,
    ) -> dict[str, Any]:
        """The scores of the model, as the "test" of results.json.

        Args:
            data: labelled sequences, as for :meth:`read`; None: the test part of the run.
            labels, lengths, options: as for :meth:`read`.
            views: of the test part of the run: the mean over so many random views of each sequence.

        Raises:
            DataError, ConfigError: as :meth:`read`; or no sequence has a label.
        """
        if data is None:
            if labels is not None or lengths is not None:
                raise ConfigError("labels and lengths are of arrays, but no data are given")
            return self.scores(self.splits(options=options), views)
        if views != 1:
            raise ConfigError("several views are of the test part of the run")
        dataset = self.read(data, lengths=lengths, labels=labels, options=options)
        known = dataset.labelled
        if not known.any():
            raise DataError(f"{dataset.name or 'the data'}: no sequence has a label, so there is nothing to score")
        return self._scores(self.saved.logits(dataset)[known], dataset.labels[known])

    def splits(self, data: str | None = None, options: Mapping[str, Any] | None = None) -> Splits:
        """The parts of the run's own data, as in its training.

        Args:
            data: where the data set is now, if it has moved.
            options: further ones of its reader.

        Raises:
            DataError, ConfigError: they cannot be read, or lack test sequences; or this is a model without its run.
        """
        run = self._run()
        return run_splits(run, self.saved, run.read_config(data, options))

    def scores(self, splits: Splits, views: int = 1) -> dict[str, Any]:
        """The scores on the test part of :meth:`splits`, each sequence by the mean of so many views."""
        return test_scores(self.saved, splits, answers_in_test(self._run().read_config(), self.saved, splits, views))

    def explain(
        self,
        data: Any,
        *,
        layer: int = 1,
        lengths: Sequence[int] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> list[Explanation] | list[ImageExplanation]:
        """What a layer lets in of each sequence, and the model's answer.

        Args:
            data, lengths, options: as for :meth:`read`.
            layer: from 1.

        Raises:
            DataError, ConfigError: as :meth:`read`; or the layer has no gate.
        """
        dataset = self.read(data, lengths=lengths, options=options)
        if isinstance(dataset, ImageDataset):
            return explain_images(self.saved, dataset)
        sequences = sequences_only(dataset)
        if not has_gate(self.saved, layer - 1):
            return explain(self.saved, sequences, None, layer - 1)
        usual = stored_usual(self.model, self.saved, lambda: sequences_only(self.splits().train), layer - 1)
        return explain(self.saved, sequences, usual, layer - 1)

    def stream(self, **options: Any) -> Recognizer:
        """A recogniser of frames as they arrive; the options are those of :class:`Recognizer`, such as ``hold=10``.

        Raises:
            ConfigError: the model cannot run frame by frame.
        """
        return Recognizer(self.saved, **options)

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        name: str | None = None,
        data: str | None = None,
        options: Mapping[str, Any] | None = None,
        license: str | None = None,
    ) -> None:
        """Write what a repository of the Hugging Face hub holds of the run, which :func:`load` reads.

        It is the weights, their description (classes, frames, preprocessing), the usual attention, and a model card
        with the results and a picture of the attention in each class. Names of sequences and paths are left out.

        Args:
            folder: for the files; those of these names are replaced.
            name: of the model in the card; None: the folder.
            data, options: as for :meth:`splits`; the picture is of the test part.
            license: of the weights, as the hub names it: "apache-2.0", "cc-by-4.0"; None: the card says none.

        Raises:
            ConfigError: this is a model without its run, or the run is not finished.
            DataError: its data cannot be read.
            MissingExtraError: huggingface_hub or matplotlib is not installed.
        """
        run, folder = self._run(), Path(folder)
        run.read_results()  # before anything is written
        drawn: list[Path] = []
        if self.task.explanation == "sequences" and has_gate(self.saved):
            splits = self.splits(data, options)
            usual = stored_usual(self.model, self.saved, sequences_only(splits.train))
            drawn = draw_classes(explain(self.saved, sequences_only(splits.test), usual), folder)
        card = model_card(run, self.saved, name or str(folder), drawn[0].name if drawn else None, license)
        save_model(folder, _without_paths(self.saved))
        if (self.model / USUAL).exists():
            write_file(folder / USUAL, (self.model / USUAL).read_bytes())
        write_file(folder / "README.md", card.encode())

    def push_to_hub(self, repository: str, *, private: bool = False, **options: Any) -> str:
        """Put the run's model with its card on the Hugging Face hub; ``load(repository)`` gives it to anyone.

        Args:
            repository: "USER/REPOSITORY"; it is made if there is none.
            private: whether a new one is for you alone.
            options: data, options and license, as for :meth:`save_pretrained`.

        Returns:
            The address of the model's page.

        Raises:
            DataError, ConfigError, MissingExtraError: as :meth:`save_pretrained`; or you are not logged in
                (``hf auth login``), or the hub cannot be reached.
        """
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, name=repository, **options)
            return push(Path(folder), repository, private)

    def _scores(self, outputs: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        scores = self.task.score(outputs, labels)
        return scores | ({"classes": list(self.saved.schema.classes)} if self.saved.schema.classes else {})

    def _trained_on(self, dataset: LabelledDataset) -> int:
        known = None if self.folder is None else known_data(self.folder)
        if known is None:
            return 0
        training = {item.digest for item in known["train"]}
        return sum(item.digest in training for item in items_of(dataset))

    def _run(self) -> RunFolder:
        if self.folder is None:
            raise ConfigError(f"{self.model}: is a model without its run, whose data are not known; give data")
        return self.folder


def _without_paths(saved: SavedModel) -> SavedModel:
    """The model, whose reader's options no longer say where files are on this machine."""
    if saved.reader is None:
        return saved
    kept = {key: value for key, value in saved.reader.options.items() if not Path(str(value)).is_absolute()}
    return replace(saved, reader=saved.reader._replace(options=kept))


def _truth(label: float, classes: tuple[str, ...]) -> str | float | None:
    if classes:
        return classes[int(label)] if label >= 0 else None
    return None if np.isnan(label) else label
