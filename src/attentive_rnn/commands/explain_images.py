"""What `attentive explain` does with a run on images."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..data import ImageDataset, LabelledDataset
from ..explain import images, pictures
from ..explain.answer import hardest_mistakes, heading
from ..explain.images import ImageExplanation
from ..explain.report.player import choose
from ..tasks import task_for
from ..tasks.metrics import probabilities
from ..training import RunFolder
from ..training.run_folder import read_rows
from ..training.saved_model import SavedModel

DRAWN = 6  # images in a picture


def explain_images(
    run: RunFolder, saved: SavedModel, dataset: LabelledDataset, folder: Path, arguments: argparse.Namespace
) -> int:
    """Explain the images of a data set: draw, write and say what is asked for; return the exit status."""
    assert isinstance(dataset, ImageDataset)
    classes, written = saved.schema.classes, []
    if arguments.item is not None:
        explained = images.explain_images(saved, dataset)
        written += pictures.draw_images(explained, classes, folder, pictures.file_name(explained[0].name))
    else:
        outputs = saved.logits(dataset)
        if saved.schema.target == "class":
            outputs = probabilities(outputs)
            written += pictures.draw_scores(outputs, dataset.labels, classes, folder)
        chosen = choose(outputs, dataset, images.LARGEST)
        explained = images.explain_images(saved, dataset.subset(chosen))
        worst = hardest_mistakes(explained, DRAWN)
        others = [one for one in explained if one.right] or [o for o in explained if all(o is not w for w in worst)]
        if others:
            written += pictures.draw_images(others[:DRAWN], classes, folder, "masks")
        written += pictures.draw_classes(explained, classes, folder)
        written += pictures.draw_mistakes(explained, classes, folder)
        rows = read_rows(run.metrics)
        written += pictures.draw_training(rows, run.path.name, task_for(saved.schema).loss_title, folder)
        header = ["name", "question", "answer", *(f"share of {name}" for name in explained[0].names)]
        table = [[one.name, one.question, heading(one, classes), *one.shares()] for one in explained]
        written.append(pictures.write_table(header, table, folder / "attention.csv"))
    _say(explained, written, classes, arguments.json)
    return 0


def _say(explained: list[ImageExplanation], written: list[Path], classes: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "name": one.name,
                "question": one.question,
                "answer": heading(one, classes),
                "on_the_object": dict(zip(one.names, one.shares(), strict=False)),
            }
            for one in explained
        ]
        print(json.dumps({"images": rows, "written": list(map(str, written))}, ensure_ascii=False))
        return
    for one in explained[:1] if len(explained) == 1 else ():
        print(f"{one.name}: {one.question + ': ' if one.question else ''}{heading(one, classes)}")
        if one.in_words():
            print(f"  {one.in_words()}")
    known = [one.shares() for one in explained if one.shares()]
    if known and len(explained) > 1:
        means = zip(explained[0].names, np.mean(known, axis=0), strict=False)
        print(
            f"of the attention on the object asked about, mean of {len(known)}: "
            + ", ".join(f"{name} {100 * share:.0f} %" for name, share in means)
        )
    for path in written:
        print(f"written: {path}")
