"""`attentive lags`: the weights that RRA layers of trained models give to their former outputs."""

from __future__ import annotations

import argparse

from .arguments import Argument, Command


def _lags(arguments: argparse.Namespace) -> int:
    from ..data.io.files import check_writable
    from ..explain.lags import lag_bars, learnt_lags
    from ..training import load_model, open_run

    out = None
    if arguments.out is not None:
        out = check_writable(arguments.out, (".png", ".svg"), arguments.overwrite)
    weights, first = {}, {}
    for folder in arguments.folders:
        run = open_run(folder)
        model = load_model(run.model).model
        start = model.config["first_lag"]
        # The folder of a recipe holds its runs, or the folders of comparisons that do.
        recipe = next(part.name for part in run.path.resolve().parents if not part.name.startswith("compare-"))
        for layer, values in learnt_lags(model).items():
            title = f"{recipe}, {run.path.name}, {layer}"
            weights[title], first[title] = values, start
            print(f"{title}  {'  '.join(f'{lag}: {value:.3f}' for lag, value in enumerate(values, start))}")
    if out is not None:
        lag_bars(weights, first).savefig(out, dpi=150)
        print(f"drawn: {out}")
    return 0


LAGS = Command(
    "lags",
    "the weights that RRA models give to their former outputs",
    "attentive lags runs/adding/TIME --out lags.png",
    _lags,
    Argument("folders", nargs="+", metavar="RUN", help="run folders of models with model.cell rra"),
    Argument("--out", metavar="FILE", help="draw the weights into a .png or .svg"),
    Argument("--overwrite", action="store_true", help="replace the picture if it is there"),
)
