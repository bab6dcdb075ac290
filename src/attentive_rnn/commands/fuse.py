"""`attentive fuse`: the prediction of several runs together, such as the streams of a skeleton."""

from __future__ import annotations

import argparse

from ..errors import ConfigError


def add(fuse: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive fuse` its arguments."""
    fuse.add_argument("folders", nargs="+", metavar="RUN", help="run folders of one data set")
    fuse.add_argument(
        "--weights", nargs="+", type=float, metavar="W", help="one for each run, such as 2 2 1 1 (default: all equal)"
    )
    fuse.set_defaults(run=_fuse)


def _fuse(arguments: argparse.Namespace) -> int:
    import numpy as np

    from ..training import load_model, open_run, score
    from ..training.fusion import fuse
    from ..training.metrics import probabilities
    from ..training.setup import load_splits

    runs = [open_run(folder) for folder in arguments.folders]
    configs = [run.read_config() for run in runs]
    for run, config in zip(runs, configs, strict=True):
        for key in ("source", "path", "options"):
            if getattr(config.data, key) != getattr(configs[0].data, key):
                raise ConfigError(f"{run.path}: data.{key} is not that of {runs[0].path}; fuse runs of one data set")
    test = load_splits(configs[0]).test
    if test.schema.target != "class":
        raise ConfigError(f"{runs[0].path}: predicts numbers; only the probabilities of classes are fused")
    scores = [load_model(run.model).logits(test) for run in runs]
    labels = np.asarray(test.labels)
    for run, logits in zip(runs, scores, strict=True):
        print(f"{100 * score(logits, labels).accuracy.value:5.1f} %  {run.path}")
    together = fuse([probabilities(logits) for logits in scores], arguments.weights)
    fused = score(np.log(together.clip(min=np.finfo(float).tiny)), labels).accuracy
    low, high = 100 * fused.low, 100 * fused.high
    print(f"{100 * fused.value:5.1f} %  together (95 % interval {low:.1f} to {high:.1f}, {len(test)} sequences)")
    return 0
