"""What `attentive explain` does with a run on sequences."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..data import SequenceDataset
from ..explain import Explanation, explain, pictures, rasters, stored_modulation
from ..explain.answer import heading
from ..explain.explanation import class_relevance, mean_lags, most_attended
from ..explain.response import has_gate
from ..explain.timemaps import moments
from ..tasks import task_for
from ..training import RunFolder
from ..training.run_folder import read_rows
from ..training.saved_model import SavedModel

DRAWN = 8  # sequences of an INPUT that are drawn one by one


def explain_sequences(
    run: RunFolder,
    saved: SavedModel,
    train: SequenceDataset,
    dataset: SequenceDataset,
    folder: Path,
    arguments: argparse.Namespace,
) -> int:
    """Explain the sequences of a data set: draw, write and say what is asked for; return the exit status."""
    layer = 0 if arguments.layer is None else arguments.layer - 1
    looks_back = saved.classifier.config["cell"] == "rra" and saved.classifier.config["lags"] > 0
    gated = has_gate(saved, layer)
    # A layer that looks back and has no gate still has lags to show; of any other this says what is missing.
    modulation = stored_modulation(run.model, saved, train, layer) if gated or not looks_back else None
    explanations = explain(saved, dataset, modulation, layer)
    if layer and arguments.out is None:
        folder = folder / f"layer-{layer + 1}"
    classes, one_by_one = saved.schema.classes, arguments.item is not None
    written = pictures.draw_lags(explanations, saved.classifier.config["first_lag"], folder)
    images = None
    if gated and layer == 0 and run.read_config().data.source == rasters.SOURCE:
        images = rasters.as_images(explanations, saved.preprocessing)
    if gated and (one_by_one or (arguments.input is not None and len(dataset) <= DRAWN)):
        for number, one in enumerate(explanations):
            written += pictures.draw_sequence(one, classes, folder, None if images is None else images[number])
            if arguments.video is not None:
                written += pictures.draw_footage(one, arguments.video, classes, saved.preprocessing, folder)
    if not one_by_one:
        if gated and any(one.labelled for one in explanations):
            shown = explanations if images is None else images
            written += pictures.draw_classes(shown, classes, folder)
            written += pictures.draw_mistakes(shown, classes, folder)
        if layer == 0:
            written += pictures.draw_evaluation(explanations, classes, folder)
        if layer == 0 and arguments.input is None:
            loss = task_for(saved.schema).loss_title
            written += pictures.draw_training(read_rows(run.metrics), run.path.name, loss, folder)
        written.append(_table(explanations, gated, folder / "attention.csv"))
    _say(explanations, gated, written, saved.classifier.config["first_lag"], arguments.json)
    return 0


def _table(explanations: list[Explanation], gated: bool, path: Path) -> Path:
    """A row for each sequence: the truth, what the model said, and the attention to each group."""
    names = [group.name for group in explanations[0].groups] if gated else []
    rows = [
        [*_said(one).values(), *(f"{value:.4f}" for value in (one.relevance.mean(0) if gated else ()))]
        for one in explanations
    ]
    return pictures.write_table([*_said(explanations[0]), *names], rows, path)


def _said(one: Explanation) -> dict[str, Any]:
    """The name, the truth, where it is known, and what the model said."""
    if one.schema.target == "number":
        number = float(one.label) if one.labelled else None
        return {"name": one.name, "truth": number, "predicted": float(one.probabilities[0]), "probability": None}
    classes = one.schema.classes
    truth, predicted = classes[int(one.label)] if one.labelled else None, classes[one.predicted]
    return {
        "name": one.name,
        "truth": truth,
        "predicted": predicted,
        "probability": float(one.probabilities.max()),
    }


def _say(explanations: list[Explanation], gated: bool, written: list[Path], first_lag: int, as_json: bool) -> None:
    classes, groups = explanations[0].schema.classes, explanations[0].groups
    lags = mean_lags(explanations)
    if as_json:
        rows: list[dict[str, Any]] = []
        for one in explanations:
            rows.append(_said(one))
            if gated:
                means = one.relevance.mean(0).tolist()
                rows[-1]["attention"] = {group.name: value for group, value in zip(groups, means, strict=True)}
                rows[-1]["steps"] = moments(one)
        values = {"sequences": rows, "written": list(map(str, written))}
        if lags:
            values["lags"] = {name: dict(enumerate(mean.tolist(), first_lag)) for name, mean in lags.items()}
        print(json.dumps(values, ensure_ascii=False))
        return
    if len(explanations) <= DRAWN:
        for one in explanations:
            print(f"{one.name}: {heading(one, classes)}")
            if gated:
                print(f"  attended to most: {one.in_words()}; most at steps {', '.join(map(str, moments(one)))}")
    elif gated:
        for label, relevance in class_relevance(explanations).items():
            print(f"{classes[label]}: {most_attended(relevance, groups)}")
    for name, mean in lags.items():
        weights = ", ".join(f"{lag}: {weight:.2f}" for lag, weight in enumerate(mean, first_lag))
        print(f"{name} weighs its outputs of so many steps ago by {weights}")
    for path in written:
        print(f"written: {path}")
