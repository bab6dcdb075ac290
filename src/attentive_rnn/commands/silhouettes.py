"""`attentive silhouettes`: how much of a model's attention lies on the person in a film."""

from __future__ import annotations

import argparse

from .arguments import Argument, Command


def _run(arguments: argparse.Namespace) -> int:
    from ..data.skeletons.silhouettes import read_silhouettes
    from ..explain.people import attention_on_people
    from ..tasks.metrics import Interval
    from ..training import load_model, open_run
    from ..training.setup import load_splits

    def shown(share: Interval) -> str:
        return f"{100 * share.value:5.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"

    silhouettes = read_silhouettes(arguments.silhouettes)
    for folder in arguments.folders:
        run = open_run(folder)
        test = load_splits(run.read_config(arguments.data)).test
        found = attention_on_people(load_model(run.model), test, silhouettes)
        print(
            f"{run.path.name:20} on the person {shown(found.attention)}, whose area is {shown(found.area)}; "
            f"difference {shown(found.gain)}; {len(test)} films, {found.frames} frames"
        )
    return 0


SILHOUETTES = Command(
    "silhouettes",
    "how much of a model's attention lies on people in films",
    "attentive silhouettes silhouettes.npz runs/jhmdb-maps/TIME",
    _run,
    Argument("silhouettes", metavar="SILHOUETTES", help="an .npz, or a folder or zip of CLASS/CLIP/puppet_mask.mat"),
    Argument("folders", nargs="+", metavar="RUN", help="run folders of models of maps of features"),
    Argument("--data", metavar="PATH", help="where the data set is now, if it has moved"),
)
