"""`attentive fuse`: the prediction of several runs together, such as streams of a skeleton, or pictures and poses."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from ..data import SequenceDataset
    from ..training.run_folder import RunFolder


def add(fuse: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive fuse` its arguments."""
    fuse.add_argument(
        "folders", nargs="+", metavar="RUN", help="run folders of one data set, or of several views of it"
    )
    fuse.add_argument(
        "--weights", nargs="+", type=float, metavar="W", help="one for each run, such as 2 2 1 1 (default: all equal)"
    )
    fuse.set_defaults(run=_fuse)


def _fuse(arguments: argparse.Namespace) -> int:
    import numpy as np

    from ..training import load_model, open_run, score
    from ..training.fusion import fuse_known
    from ..training.metrics import probabilities

    runs = [open_run(folder) for folder in arguments.folders]
    tests = _tests(runs)
    rows, labels = _aligned(runs, tests)
    scores = []
    for run, test, places in zip(runs, tests, rows, strict=True):
        logits = load_model(run.model).logits(test)
        accuracy = score(logits, np.asarray(test.labels)).accuracy
        lacks = f", without {(places < 0).sum()} sequences" if (places < 0).any() else ""
        print(f"{100 * accuracy.value:5.1f} %  {run.path}{lacks}")
        shares = probabilities(logits)[places]
        shares[places < 0] = np.nan
        scores.append(shares)
    together = fuse_known(scores, arguments.weights)
    fused = score(np.log(together.clip(min=np.finfo(float).tiny)), labels).accuracy
    low, high = 100 * fused.low, 100 * fused.high
    print(f"{100 * fused.value:5.1f} %  together (95 % interval {low:.1f} to {high:.1f}, {len(labels)} sequences)")
    return 0


def _tests(runs: Sequence[RunFolder]) -> list[SequenceDataset]:
    """The test sequences of each run; data of one configuration are read once."""
    from ..training.setup import load_splits

    loaded: dict[str, SequenceDataset] = {}
    tests = []
    for run in runs:
        config = run.read_config()
        key = repr((config.data.source, config.data.path, config.data.options))
        if key not in loaded:
            loaded[key] = load_splits(config).test
        if loaded[key].schema.target != "class":
            raise ConfigError(f"{run.path}: predicts numbers; only the probabilities of classes are fused")
        tests.append(loaded[key])
    return tests


def _aligned(runs: Sequence[RunFolder], tests: Sequence[SequenceDataset]) -> tuple[list[np.ndarray], np.ndarray]:
    """For each run the place of every sequence of any run, -1 where it lacks it, and the labels of these.

    Raises:
        ConfigError: sequences of different data cannot be told by their names, or are labelled otherwise.
    """
    import numpy as np

    if all(test is tests[0] for test in tests):
        return [np.arange(len(tests[0]))] * len(tests), np.asarray(tests[0].labels)
    known: dict[str, int] = {}
    places = []
    for run, test in zip(runs, tests, strict=True):
        names = [str(meta.get("name", "")) for meta in test.metas]
        if "" in names or len(set(names)) < len(names):
            raise ConfigError(f"{run.path}: its data are not those of {runs[0].path}, and its sequences have no names")
        if test.schema.classes != tests[0].schema.classes:
            raise ConfigError(f"{run.path}: its classes are not those of {runs[0].path}; fuse runs of one data set")
        places.append({name: i for i, name in enumerate(names)})
        for name, label in zip(names, test.labels, strict=True):
            if known.setdefault(name, int(label)) != label:
                raise ConfigError(f"{run.path}: {name} has another label than in {runs[0].path}")
    if not set.intersection(*(set(own) for own in places)):
        raise ConfigError(f"{runs[-1].path}: tests no sequence of {runs[0].path}; fuse runs of one data set and split")
    return [np.array([own.get(name, -1) for name in known]) for own in places], np.array(list(known.values()))
