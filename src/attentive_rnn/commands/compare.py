"""Command `attentive compare`: several models over the same seeds, in one table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .arguments import (
    CONFIGURATION,
    JSON,
    RECIPE,
    SEEDS,
    TRAINING,
    Argument,
    Command,
    after_training,
    chosen_recipe,
    show,
)
from .report import report_of


def _compare(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from ..data.io.files import read_json
    from ..experiments.compare import compare
    from ..training import automatic, recipes
    from ..training.setup import load_splits

    recipe, overrides = chosen_recipe(arguments)
    if recipe is None:
        choice = automatic.choose(overrides)
        print(choice.why, file=sys.stderr)
        recipe, config, splits = choice.recipe, choice.config, choice.splits
    else:
        config = recipes.load_config(recipe, overrides)
        splits = load_splits(config)
    parent = Path(config.output_dir) / recipes.recipe_name(recipe)
    comparison = compare(
        config, parent, arguments.seeds, models=arguments.models, threshold=arguments.threshold, splits=splits
    )
    run = comparison.outcomes[0].runs[0]
    arguments.run_folder = run.path
    report = run.report if run.report.exists() else report_of(run, splits)
    if arguments.json:
        show(arguments, {"folder": str(comparison.folder), **read_json(comparison.folder / "comparison.json")}, ())
        return 0
    # A file's lines are wide, since nobody folds them.
    Console(width=None if sys.stdout.isatty() else 160).print(comparison.table())
    print(*comparison.remarks(), sep="\n")
    if report is not None:
        print(f"The run with {comparison.outcomes[0].variant.title} and seed {arguments.seeds[0]}, on a page: {report}")
    return 0


COMPARE = Command(
    "compare",
    "train with the gate and without, or several models, over the same seeds",
    "attentive compare basic-motions --training.max_epochs 5 --seeds 0 1",
    _compare,
    RECIPE,
    *CONFIGURATION,
    Argument(
        "--models",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="such as lstm eleatt-gru, each as wide as gives it the recipe's number of parameters; gru-100: 100 wide; "
        "or some of gate, no-gate and no-gate-wide, which are trained if none are named",
    ),
    Argument(
        "--threshold", type=float, metavar="X", help="say after how many training sequences validation was better"
    ),
    SEEDS,
    JSON,
    overrides=True,
    loads=TRAINING,
    goes_on=True,
    next=after_training,
)
