"""Page report.html of a run: one file that needs nothing else, for any screen."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ...data import Splits
from ...data.check.leaks import leak_findings
from ...data.check.parts import part_warnings
from ...data.io.files import check_folder, write_file
from ...errors import ConfigError, needed_for
from ...experiments.estimate import doubts, stored_baselines
from ...tasks import Metric, Task
from ...tasks.metrics import confused_pairs, of_classes, probabilities, wilson
from ...training.config import Config
from ...training.inputs import matched_splits
from ...training.run_folder import RunFolder, read_rows
from ...training.saved_model import SavedModel, load_model
from ...training.setup import load_splits
from ..media import MEDIA
from ..outcome import Request
from ..scores import READABLE, expected_calibration_error, reliability
from . import charts

_CONFUSED = 15  # pairs of classes that are listed
_CLASSES = 200  # the most classes that are listed one by one


def write_report(run: RunFolder, splits: Splits | None = None, config: Config | None = None) -> Path:
    """Write the report of a finished run into its folder.

    Args:
        run: the run.
        splits: its data, if they are loaded already.
        config: where its data are, if they are not where they were.

    Returns:
        The path of the page.

    Raises:
        ConfigError: the run is not finished, its folder cannot be written, or a file of it is damaged.
        DataError: its data cannot be read.
        MissingExtraError: Jinja2 is not installed.
    """
    if not run.finished:
        raise ConfigError(f"{run.path}: the run is not finished; continue it with: attentive train --resume {run.path}")
    check_folder(run.path, run.report)
    splits = load_splits(config or run.read_config()) if splits is None else splits
    write_file(run.report, render(contents(run, splits)).encode())
    return run.report


def render(values: dict[str, Any]) -> str:
    """The page with the values of :func:`contents`; every text is escaped."""
    with needed_for("a report needs Jinja2: pip install 'attentive-rnn[report]'"):
        from jinja2 import Environment, StrictUndefined
    templates = files(__package__).joinpath("templates")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    from markupsafe import Markup

    own = {
        name: Markup(templates.joinpath(file).read_text(encoding="utf-8"))
        for name, file in (("css", "report.css"), ("script", "player.js"))
    }
    template = environment.from_string(templates.joinpath("report.html.jinja").read_text(encoding="utf-8"))
    return template.render(**values, **own)


def contents(run: RunFolder, splits: Splits) -> dict[str, Any]:
    """Everything that the page says, as plain values."""
    results, environment = run.read_results(), run.read_environment()
    saved = load_model(run.model)
    splits = matched_splits(run, saved, splits)
    test, task = results["test"], saved.task
    classified = saved.schema.target == "class"
    wide = len(saved.schema.classes) > READABLE
    player = MEDIA[task.explanation].player
    request = Request(run, saved, splits.train, splits.test, run.path, one=False, of_run=True)
    answers = saved.logits(splits.test)
    if classified:
        answers = probabilities(answers)
    return {
        "title": f"{run.path.parent.name} / {run.path.name}",
        "subtitle": f"{layers_in_words(saved)}; trained {environment.get('date', '')[:10]}",
        "numbers": numbers(results, task),
        "remarks": [
            *(f"Warning: {doubt}." for doubt in doubts(results, test)),
            *_data_remarks(splits),
            *(f"For comparison: {one.in_words(task.metric)}." for one in stored_baselines(run)),
            *remarks_on(results, task.metric),
        ],
        "curves": charts.learning_curves(read_rows(run.metrics), results.get("best_epoch")),
        **_classes(test if classified else None),
        "confusion": _confusion(test) if classified and not wide else None,
        "confused": _confused(test) if classified and wide else None,
        "calibration": _calibration(answers, splits.test.labels) if classified else None,
        "answers": _answers(answers, splits.test.labels) if saved.schema.target == "number" else None,
        "player": None,
        "lags": None,
        "words": None,
        **(player(request, answers) if player else {}),
        "command": _command(run, environment),
        "environment": _environment(environment),
        "configuration": run.config.read_text(encoding="utf-8"),
    }


def _data_remarks(splits: Splits) -> list[str]:
    """The warnings and the notes of the data's reader."""
    parts = splits.parts()
    found = [*part_warnings(parts, splits.shares_persons), *(finding.text for finding in leak_findings(parts))]
    warnings = [f"Warning: {warning}." for warning in found]
    return warnings + [f"Data: {note}." for note in splits.notes]


def _answers(answers: np.ndarray, truth: np.ndarray) -> dict[str, Any] | None:
    known = ~np.isnan(truth)
    return charts.scatter_chart(answers[known, 0].tolist(), truth[known].tolist()) if known.any() else None


def _calibration(shares: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    found = reliability(shares, labels)
    error = 100 * expected_calibration_error(found)
    return charts.reliability_chart(found) | {
        "words": f"On average the stated probability and the accuracy lie {error:.1f} points apart (expected "
        "calibration error, ten bins). Bars under the dashed line: the model is surer than it is right."
    }


def layers_in_words(saved: SavedModel) -> str:
    """The kind of the model and, of recurrent layers, their number, size and gates."""
    name, model = type(saved.model).__name__, saved.model.config
    if saved.task.explanation != "sequences":
        return name
    gates = saved.classifier.layers.gates
    kinds = {None: "no gate", "sigmoid": "sigmoid gate", "softmax": "softmax gate", "hard": "hard gate"}
    gate = kinds[gates[0]] if len(set(gates)) == 1 else " / ".join(kinds[one] for one in gates)
    return f"{name}, {model['num_layers']} x {model['cell'].upper()}({model['hidden_size']}), {gate}"


def numbers(results: dict[str, Any], task: Task) -> list[dict[str, str]]:
    """The figures of results.json, each with its name, its value in words and a note."""
    test, metric = results["test"], task.metric
    low, high = (metric.show(end) for end in test[f"{metric.name}_interval_95"])
    found = [(f"test {metric.name}", metric.in_words(test[metric.name]), f"95 % interval {low} to {high}")]
    if "mean_class_accuracy" in test:
        found.append(("mean of the classes", f"{100 * test['mean_class_accuracy']:.1f} %", ""))
    always = test.get("always")
    if always is not None:
        answer = always.get("label", "the mean")
        found.append((f"always {answer}", metric.in_words(always[metric.name]), "the best constant answer"))
    reached = results.get(f"validation_{metric.name}")
    note = f"epoch {results['best_epoch']}"
    chosen = [] if reached is None else [(f"validation {metric.name}", metric.in_words(reached), note)]
    each, step = ("images", "an image") if task.schema.medium == "image" else ("sequences", "a step")
    found += [
        (f"test {each}", f"{test['count']}", ""),
        *([("test loss", f"{test['loss']:.3g}", task.loss_title)] if "loss" in test else []),
        *chosen,
        ("epochs", f"{results['epochs']}", f"{results['seconds_per_epoch']:.3g} s each"),
        ("parameters", f"{results['parameters']:,}", f"{results['flops_per_step']:,} FLOPs {step}"),
    ]
    return [{"name": name, "value": value, "note": note} for name, value, note in found]


def remarks_on(results: dict[str, Any], metric: Metric) -> list[str]:
    """How the test set was used, and the score without copies of training sequences."""
    last = results.get("select") == "last"
    epoch = "last epoch" if last else "epoch that the validation part chose"
    test, remarks = results["test"], [f"The test set was used once, at the {epoch}."]
    if "without_copies" in test:
        remarks.append(
            f"{test['copies_in_train']} test sequences are copies of training sequences; {metric.name} without them: "
            f"{metric.in_words(test['without_copies'][metric.name])}."
        )
    return remarks


def _classes(test: dict[str, Any] | None) -> dict[str, Any]:
    """The accuracy of each class, of very many the least accurate ones, and what is left out."""
    if test is None:
        return {"classes": None, "classes_note": None}
    known = [one for one in zip(test["classes"], *of_classes(test), strict=True) if one[2]]
    note = None
    if len(known) > _CLASSES:
        note = f"The {_CLASSES} least accurate of {len(known)} classes; results.json has all."
        known = sorted(known, key=lambda one: one[1] / one[2])[:_CLASSES]
    rows = []
    for name, right, count in known:
        value, low, high = (100 * share for share in wilson(right, count))
        row = {"name": name, "right": right, "count": count, "share": round(value, 1)}
        rows.append(row | {"accuracy": f"{value:.0f} %", "interval": f"{low:.0f} to {high:.0f}"})
    return {"classes": rows, "classes_note": note}


def _confusion(test: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for number, (name, counts) in enumerate(zip(test["classes"], test["confusion"], strict=True), 1):
        cells = [{"count": count, "share": round(100 * count / max(sum(counts), 1))} for count in counts]
        rows.append({"name": name, "number": number, "cells": cells})
    return rows


def _confused(test: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"true": true, "taken": taken, "count": n} for true, taken, n in confused_pairs(test, _CONFUSED)]


def _command(run: RunFolder, environment: dict[str, Any]) -> str:
    words = [str(word) for word in environment.get("command", [])]
    again = f"attentive train {shlex.quote(str(run.config))}"
    if not words or Path(words[0]).name != "attentive":
        return again
    return f"{shlex.join(['attentive', *words[1:]])}\n# or, from the configuration that the run left:\n{again}"


def _environment(environment: dict[str, Any]) -> list[dict[str, str]]:
    hardware, versions = environment.get("hardware", {}), environment.get("versions", {})
    found = {
        "date": environment.get("date"),
        "folder": environment.get("folder"),
        "device": environment.get("device"),
        "processor": f"{hardware.get('cpu')}, {hardware.get('cores')} cores, {environment.get('threads')} threads",
        "memory": f"{hardware.get('memory_gib')} GiB",
        "GPU": ", ".join(map(str, gpus)) or "none" if isinstance(gpus := hardware.get("gpus", []), list) else gpus,
        "system": hardware.get("system"),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    if environment.get("resumed"):
        found["resumed"] = ", ".join(str(one.get("date")) for one in environment["resumed"])
    return [{"name": name, "value": str(value)} for name, value in found.items() if value]
