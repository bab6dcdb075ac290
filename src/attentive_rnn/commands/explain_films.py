"""What `attentive explain` does with a run on maps of features of films' frames."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..data import SequenceDataset
from ..errors import ConfigError
from ..explain import pictures
from ..explain.answer import heading
from ..explain.films import explain_film
from ..tasks import task_for
from ..tasks.metrics import probabilities
from ..training import RunFolder
from ..training.run_folder import read_rows
from ..training.saved_model import SavedModel


def explain_films(
    run: RunFolder, saved: SavedModel, dataset: SequenceDataset, folder: Path, arguments: argparse.Namespace
) -> int:
    """Explain one film, or draw how right the answers to all are; return the exit status."""
    classes, said = saved.schema.classes, {}
    if arguments.item is not None:
        if arguments.video is None:
            raise ConfigError("a run on maps of features holds no pictures: give the film with --video FILE")
        one = explain_film(saved, dataset)
        said = {"name": one.name, "answer": heading(one, classes)}
        written = pictures.draw_film_masks(one, arguments.video, classes, folder)
    else:
        written = pictures.draw_scores(probabilities(saved.logits(dataset)), dataset.labels, classes, folder)
        loss = task_for(saved.schema).loss_title
        written += pictures.draw_training(read_rows(run.metrics), run.path.name, loss, folder)
    if arguments.json:
        print(json.dumps({**said, "written": list(map(str, written))}, ensure_ascii=False))
        return 0
    if said:
        print(f"{said['name']}: {said['answer']}")
    for path in written:
        print(f"written: {path}")
    return 0
