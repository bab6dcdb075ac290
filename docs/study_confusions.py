"""Confusions of classes in the runs of a comparison, for docs/study.md.

    python -m docs.study_confusions RUNS...

adds the confusions of the test set up over the seeds of each model, for the folders of a comparison that
`attentive study` has made (runs/nucla/compare-<time>; several where seeds were run apart), into
docs/study-confusions.json, which docs/study.py reads.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from attentive_rnn.data.io.files import write_file
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.table import markdown
from attentive_rnn.training.run_folder import list_runs

NAME = "study-confusions.json"


def collect(*folders: Path) -> dict[str, Any]:
    """The classes of the finished runs of a comparison; of each model its seeds and its confusions, summed over them.

    Raises:
        ConfigError: the folders have no finished run on classes.
    """
    classes: list[str] = []
    models: dict[str, dict[str, Any]] = {}
    for run in (run for folder in folders for run in list_runs(folder)):
        test = run.read_results()["test"] if run.finished else {}
        if "confusion" in test:
            classes = test["classes"]
            zero = {"seeds": [], "confusion": np.zeros_like(test["confusion"])}
            model = models.setdefault(run.path.name.rpartition("-seed")[0], zero)
            model["seeds"].append(run.read_config().seed)
            model["confusion"] += np.array(test["confusion"])
    if not models:
        raise ConfigError(f"{', '.join(map(str, folders))}: no finished run on classes is there")
    lists = {
        name: {"seeds": sorted(model["seeds"]), "confusion": model["confusion"].tolist()}
        for name, model in sorted(models.items())
    }
    return {"classes": classes, "models": lists}


def pairs(found: dict[str, Any], most: int = 10) -> str:
    """The pairs of classes that the models mistake most often, in Markdown: percent of the first class's sequences."""
    names = found["classes"]
    shares = {}
    for name, model in found["models"].items():
        confusion = np.array(model["confusion"], dtype=float)
        shares[name] = 100 * confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    mean = np.mean([share - np.diag(np.diag(share)) for share in shares.values()], axis=0)
    worst = [np.unravel_index(place, mean.shape) for place in np.argsort(-mean, axis=None)[:most]]
    header = [f"{name}, seeds {' '.join(map(str, model['seeds']))}" for name, model in found["models"].items()]
    return markdown(
        [
            {
                "of": names[true],
                "taken for": names[taken],
                **{title: f"{share[true, taken]:.0f} %" for title, share in zip(header, shares.values(), strict=True)},
            }
            for true, taken in worst
        ]
    )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    write_file(Path(__file__).with_name(NAME), json.dumps(collect(*map(Path, sys.argv[1:]))).encode() + b"\n")
