"""Choice of the fewest joints or features that keep a run's accuracy.

Input: a finished run and its data. They are ranked by the attended input in training, their number is chosen on
sequences that the model was not trained on, and a model is trained again on them alone. Output: :class:`Sensors`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from ..data import SequenceDataset, Splits
from ..data.dataset import sequences_only
from ..data.io.files import csv_bytes, write_file, write_json
from ..draw import projection
from ..draw.charts import encoded
from ..draw.sensors import picture
from ..draw.skeletons import has_skeletons
from ..errors import ConfigError
from ..experiments.folds import cross_validate
from ..experiments.runner import run_once
from ..progress import bar
from ..training.config import Config
from ..training.run_folder import RunFolder
from ..training.saved_model import SavedModel, load_model
from ..training.setup import training_parts
from .explanation import Group, groups_of
from .response import LARGEST, Usual, measure_usual, observe

ATTENDED, DISTANCE, RANDOM = "attended input", "distance from the mean", "random"
POINTS = 1.0  # of accuracy, that may be lost
FOLDS = 3  # of the training part, where a run holds nothing out
_DRAWS = 5  # random orders, averaged
_SHOWN = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96)  # lines of the table on the terminal


@dataclass(frozen=True)
class Sensors:
    """The joints or features that a run can do with.

    Args:
        names: of all joints or features, in the order of the frame.
        shares: of each in the attended input of training, (G,); they add up to 1.
        curves: for each ranking the accuracy when its first 1 .. G are kept and the others are at their mean, (G,).
        measured_on: the sequences that the curves are of, in words.
        least: the accuracy that was asked for.
        kept: how many were chosen.
        run: the run.
        alone: the run that was trained on the chosen ones alone; None where all are needed.
    """

    names: tuple[str, ...]
    shares: np.ndarray
    curves: dict[str, np.ndarray]
    measured_on: str
    least: float
    kept: int
    run: RunFolder
    alone: RunFolder | None

    @property
    def chosen(self) -> list[str]:
        """The names of the chosen ones, those with the largest shares first."""
        return [self.names[i] for i in np.argsort(-self.shares, kind="stable")[: self.kept]]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each number of kept ones, with the one that the attended input adds."""
        order = np.argsort(-self.shares, kind="stable")
        return [
            {
                "kept": k + 1,
                "added": self.names[i],
                "share_of_attended_input": round(float(self.shares[i]), 6),
                **{name.replace(" ", "_"): round(float(curve[k]), 6) for name, curve in self.curves.items()},
            }
            for k, i in enumerate(order)
        ]

    def values(self) -> dict[str, Any]:
        """All of it as plain values, with the scores of both runs on the test part."""
        tests = {"all": self.run, "chosen": self.alone}
        return {
            "chosen": self.chosen,
            "of": len(self.names),
            "measured_on": self.measured_on,
            "least": self.least,
            "curves": self.rows(),
            "test": {
                name: {key: run.read_results()["test"][key] for key in ("accuracy", "accuracy_interval_95", "count")}
                for name, run in tests.items()
                if run is not None
            },
            "runs": {name: str(run.path) for name, run in tests.items() if run is not None},
        }

    def lines(self) -> list[str]:
        """The table of the curves, the choice and the test scores."""
        count, names = len(self.names), list(self.curves)
        said = [f"accuracy in % on {self.measured_on}", "  kept  " + "  ".join(names)]
        for k in sorted({*(k for k in _SHOWN if k < count), self.kept, count}):
            cells = (f"{100 * self.curves[name][k - 1]:.1f}".rjust(len(name)) for name in names)
            said.append(f"{k:6}  {'  '.join(cells)}{'  <- chosen' if k == self.kept else ''}")
        said.append(f"chosen: {self.kept} of {count}, the fewest with {100 * self.least:.1f} % or more")
        said.append(f"  {', '.join(self.chosen)}")
        tests = self.values()["test"]
        titles = {"all": f"all {count}", "chosen": f"the {self.kept} alone, trained again"}
        for name, test in tests.items():
            low, high = (100 * end for end in test["accuracy_interval_95"])
            said.append(
                f"test accuracy with {titles[name]}: {100 * test['accuracy']:.1f} % "
                f"(95 % interval {low:.1f} to {high:.1f}, {test['count']} sequences)"
            )
        if self.alone is None:
            said.append("none can be left out: no model was trained again")
        return said


def choose(
    run: RunFolder, saved: SavedModel, splits: Splits, config: Config, points: float | None, console: Console
) -> Sensors:
    """Find the fewest joints or features that keep the accuracy, and train a model on them alone.

    The curves are of the run's validation part; where it holds nothing out, of three folds of the training part, each
    by a model that has not seen it. The test part is read once, at the end of the last training.

    Args:
        run: a finished run of classes.
        saved: its model, on the CPU.
        splits: its data.
        config: its configuration.
        points: of accuracy that may be lost, in %; None: one, or one standard error of the accuracy where that is more.
        console: where progress goes.

    Raises:
        ConfigError: the model has no gate, or one group only; its answers are no classes; or its preprocessing makes
            other joints.
    """
    groups = _groups(saved)
    train, valid = training_parts(config, splits)
    scores = _scores(saved, sequences_only(train), groups)
    shares = scores[ATTENDED] / (scores[ATTENDED].sum() or 1.0)
    folder = run.path.parent / f"sensors-{run.path.name}"
    if len(valid):
        measured = [(saved, sequences_only(valid), scores["mean"])]
        measured_on = f"{len(valid)} sequences of the validation part"
    else:
        measured = list(_folds(config, folder, splits, console))
        count = sum(len(part) for _, part, _ in measured)
        measured_on = f"{count} sequences of the training part, in {FOLDS} folds"
    draws = np.random.default_rng(config.seed)
    orders = {
        ATTENDED: [np.argsort(-shares, kind="stable")],
        DISTANCE: [np.argsort(-scores[DISTANCE], kind="stable")],
        RANDOM: [draws.permutation(len(groups)) for _ in range(_DRAWS)],
    }
    curves: dict[str, np.ndarray] = {}
    with bar("curves", sum(map(len, orders.values())), console) as shown:
        for name, some in orders.items():
            found = []
            for order in some:
                found.append(_curve(measured, groups, order))
                shown.advance()
            curves[name] = np.mean(found, axis=0)
    whole, total = float(curves[ATTENDED][-1]), sum(int(part.labelled.sum()) for _, part, _ in measured)
    allowed = max(POINTS / 100, math.sqrt(whole * (1 - whole) / total)) if points is None else points / 100
    least = whole - allowed
    kept = _fewest(curves[ATTENDED], least)
    alone = None
    if kept < len(groups):
        elements = sorted(i for place in orders[ATTENDED][0][:kept] for i in groups[place].elements)
        alone = run_once(_restricted(config, saved, groups, elements), folder, splits, console)
    names = tuple(group.name for group in groups)
    return Sensors(names, shares, curves, measured_on, least, kept, run, alone)


def write(found: Sensors, train: SequenceDataset, folder: Path) -> list[Path]:
    """Write sensors.csv, .json and .png into a folder; return their paths."""
    schema = train.schema
    pose = None
    if has_skeletons(schema):
        few = train.sequences[:: max(1, len(train) // 20)]
        frames = [projection.flatten(sequence.numpy(), schema)[len(sequence) // 2] for sequence in few]
        pose = projection.clearest_pose(frames)
    paths = [folder / f"sensors.{suffix}" for suffix in ("csv", "json", "png")]
    rows = found.rows()
    write_file(paths[0], csv_bytes(list(rows[0]), (row.values() for row in rows)))
    write_json(paths[1], found.values())
    parts = (found.curves, found.shares, found.names, found.kept, found.least, found.measured_on)
    write_file(paths[2], encoded(picture(*parts, pose, schema), ".png", 120))
    return paths


def _groups(saved: SavedModel) -> list[Group]:
    """The joints or features of a model's frames, which are those of the data too."""
    if saved.schema.target != "class" or saved.schema.vocabulary:
        raise ConfigError("sensors are chosen by the accuracy of classes, and not of texts")
    after = groups_of(saved.preprocessing.schema_after(saved.schema), saved.classifier.layers.input_size)
    if [group.name for group in after] != [group.name for group in groups_of(saved.schema)]:
        raise ConfigError(
            "the preprocessing makes other joints or features than the data have, so none can be left out"
        )
    if len(after) < 2:
        raise ConfigError("a frame has one joint or feature only, so none can be left out")
    return after


def _scores(saved: SavedModel, train: SequenceDataset, groups: Sequence[Group]) -> dict[str, np.ndarray]:
    """Of each group the attended input and the distance, sums over at most 2,000 training sequences; and their mean."""
    usual = measure_usual(saved, train)
    some = train.subset(range(0, len(train), -(-len(train) // LARGEST)))
    attended, distance = np.zeros(len(usual.mean)), np.zeros(len(usual.mean))
    everything = Usual(usual.mean, usual.modulation)
    for _, batch, _, seen in observe(saved, some):
        known = torch.arange(seen.inputs.shape[0])[:, None] < batch.lengths.cpu()
        attended += seen.attended(everything)[known].sum(0).numpy()
        distance += seen._replace(gate=torch.ones_like(seen.gate)).attended(everything)[known].sum(0).numpy()

    def per_group(values: np.ndarray) -> np.ndarray:
        return np.array([values[list(group.elements)].sum() for group in groups])

    return {ATTENDED: per_group(attended), DISTANCE: per_group(distance), "mean": usual.mean}


def _folds(
    config: Config, folder: Path, splits: Splits, console: Console
) -> Iterator[tuple[SavedModel, SequenceDataset, np.ndarray]]:
    """For each fold its model, the sequences that it has not seen, and the mean frame of those that it has."""
    for number, run in enumerate(cross_validate(config, folder, FOLDS, splits=splits, console=console).runs):
        own = replace(config, data=replace(config.data, folds=FOLDS, fold=number))
        train, valid = training_parts(own, splits)
        saved = load_model(run.model)
        yield saved, sequences_only(valid), measure_usual(saved, sequences_only(train)).mean


def _curve(
    measured: Sequence[tuple[SavedModel, SequenceDataset, np.ndarray]], groups: Sequence[Group], order: np.ndarray
) -> np.ndarray:
    """The accuracy when the first 1 .. G groups of an order are kept, (G,)."""
    right, total = np.zeros(len(groups)), 0
    for saved, part, mean in measured:
        labelled = part.subset(np.flatnonzero(part.labelled))
        total += len(labelled)
        model = saved.classifier
        for _, batch, _, seen in observe(saved, labelled):
            x, present = seen.inputs.transpose(0, 1), seen.present.transpose(0, 1)
            baseline = torch.where(present, torch.from_numpy(mean).to(x.dtype), x)
            kept = torch.zeros(x.shape[-1], dtype=torch.bool)
            for k, place in enumerate(order):
                kept[list(groups[place].elements)] = True
                with torch.no_grad():
                    answers = model(torch.where(kept, x, baseline), batch.lengths).argmax(1)
                right[k] += int((answers == batch.labels).sum())
    return right / total


def _fewest(curve: np.ndarray, least: float) -> int:
    """The first number at which a curve, whose end is above `least`, reaches it.

    Example:
        >>> _fewest(np.array([0.5, 0.9, 0.8, 0.9, 0.92]), 0.9)
        2
    """
    return int(np.flatnonzero(curve >= least - 1e-9)[0]) + 1


def _restricted(config: Config, saved: SavedModel, groups: Sequence[Group], elements: list[int]) -> Config:
    """The configuration of a run on some elements of the model's frames alone.

    Joints are absent from the start, so that no step takes anything of them, such as the origin. Features are left out
    at the end: no step takes one from another, and none, such as noise, is to put something in their place.
    """
    data = config.data
    if len(saved.schema.shape) != 3:
        keep = {"name": "keep", "elements": elements}
        return replace(config, data=replace(data, augmentation=[*(data.augmentation or []), keep]))
    raw = groups_of(saved.schema)
    chosen = [place for place, group in enumerate(groups) if group.elements[0] in set(elements)]
    keep = {"name": "keep", "elements": sorted(i for place in chosen for i in raw[place].elements)}
    return replace(config, data=replace(data, preprocessing=[keep, *(data.preprocessing or [])]))
