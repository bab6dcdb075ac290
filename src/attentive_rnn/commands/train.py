"""Command `attentive train`: a run of a recipe, or of a general recipe for a data set."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import CONFIGURATION, RECIPE, Argument, Command, chosen_recipe
from .evaluate import BASELINE, print_scores
from .report import report_of

if TYPE_CHECKING:
    from ..data import Splits
    from ..training import RunFolder

RESUME_NEWEST = ""  # the value of --resume without a folder


def _train(arguments: argparse.Namespace) -> int:
    from ..training import list_recipes, open_run, recipes
    from ..training.run import find_resumable, require_same, resume, train
    from ..training.setup import load_splits

    # `--resume RECIPE`: the recipe was taken for the folder of a run.
    if arguments.recipe is None and arguments.resume in list_recipes():
        arguments.recipe, arguments.resume = arguments.resume, RESUME_NEWEST
    run = open_run(arguments.resume) if arguments.resume else None
    if run is not None and arguments.recipe is None:
        arguments.recipe = str(run.config)
    recipe, overrides = chosen_recipe(arguments)
    config = recipes.read_recipe(recipe, overrides)
    if arguments.print_config:
        print(recipes.to_yaml(config), end="")
        return 0
    config = recipes.resolve(config)
    parent = Path(config.output_dir) / recipes.recipe_name(recipe)
    if run is None and arguments.resume is not None:
        run = find_resumable(config, parent)
        if run is None:
            print(f"{parent}: no run of this configuration to resume; starting one", file=sys.stderr)
    if run is not None:
        require_same(config, run)
        if run.finished:
            print(f"{run.path}: this run is finished", file=sys.stderr)
            if arguments.baseline or not run.report.exists():  # it ended between its results and its report
                splits = load_splits(config)
                if arguments.baseline:
                    _compare_simple(run, splits)
                report_of(run, splits)
            return _print_results(run)
    splits = load_splits(config)
    run = train(config, parent, splits=splits) if run is None else resume(run, splits=splits)
    if arguments.baseline:
        _compare_simple(run, splits)
    report_of(run, splits)
    return _print_results(run)


def _compare_simple(run: RunFolder, splits: Splits) -> None:
    """Train simple methods on the split of a run, and leave their scores in its folder."""
    from ..data.io.files import write_json
    from ..experiments.estimate import baselines
    from ..training import load_model

    write_json(run.baselines, {"baselines": [one.to_dict() for one in baselines(load_model(run.model), splits)]})


def _print_results(run: RunFolder) -> int:
    from ..experiments.estimate import doubts, stored_baselines
    from ..tasks import task_for
    from ..training import load_model

    results = run.read_results()
    print(f"run              {run.path}")
    print(f"model            {run.model}")
    if run.report.exists():
        print(f"report           {run.report}")
    print(f"{results.get('select', 'best')} epoch       {results['best_epoch']} of {results['epochs']}")
    task = task_for(load_model(run.model).schema)
    metric = task.metric
    if (reached := results.get(f"validation_{metric.name}")) is not None:
        print(f"validation       {metric.in_words(reached)}")
    compared = [one.in_words(metric) for one in stored_baselines(run)]
    print_scores(task, results["test"], compared, doubts(results, results["test"]))
    each = "an image" if task.schema.medium == "image" else "a step of a sequence"
    print(f"parameters       {results['parameters']}, {results['flops_per_step']} FLOPs {each}")
    print(
        f"time             {results['seconds']:.1f} s, {results['seconds_per_epoch']:.3g} s an epoch, "
        f"{100 * results['loading_share']:.0f} % of it to make batches"
    )
    return 0


TRAIN = Command(
    "train",
    "train a recipe, or on a data set; the result is a run folder",
    "attentive train japanese-vowels --training.max_epochs 5",
    _train,
    RECIPE,
    *CONFIGURATION,
    Argument("--seed", help="of everything random (default 0)"),
    Argument("--init-from", "--init_from", metavar="RUN", help="start with the weights of a finished run"),
    Argument("--print_config", action="store_true", help="print the complete recipe and leave"),
    Argument(
        "--resume",
        nargs="?",
        const=RESUME_NEWEST,
        metavar="RUN",
        help="continue an interrupted run: the newest one of the recipe, or the one in the folder RUN",
    ),
    BASELINE,
    overrides=True,
)
