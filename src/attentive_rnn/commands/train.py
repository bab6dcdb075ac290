"""Command `attentive train`: a run of a recipe, or of a general recipe for a data set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import CONFIGURATION, JSON, RECIPE, TRAINING, Argument, Command, chosen_recipe, line, show
from .evaluate import score_lines
from .report import report_of

if TYPE_CHECKING:
    from ..training import RunFolder

RESUME_NEWEST = ""  # the value of --resume without a folder


def _train(arguments: argparse.Namespace) -> int:
    from ..training import list_recipes, recipes

    # `--resume RECIPE`: the recipe was taken for the folder of a run.
    if arguments.recipe is None and arguments.resume in list_recipes():
        arguments.recipe, arguments.resume = arguments.resume, RESUME_NEWEST
    if arguments.print_config:
        return _print_config(arguments)
    from ..training import open_run
    from ..training.run import find_resumable, path_of_newest, require_same, resume, train
    from ..training.setup import load_splits

    run = open_run(arguments.resume) if arguments.resume else None
    if run is not None and arguments.recipe is None:
        arguments.recipe = str(run.config)
    recipe, overrides = chosen_recipe(arguments)
    config = recipes.read_recipe(recipe, overrides)
    parent = Path(config.output_dir) / recipes.recipe_name(recipe)
    if arguments.resume == RESUME_NEWEST and config.data.path is None:
        config.data.path = path_of_newest(parent)
    config = recipes.resolve(config)
    if run is None and arguments.resume is not None:
        run = find_resumable(config, parent)
        if run is None:
            print(f"{parent}: no run of this configuration to resume; starting one", file=sys.stderr)
    if run is not None:
        require_same(config, run)
        if run.finished:
            print(f"{run.path}: this run is finished", file=sys.stderr)
            if not run.report.exists():  # it ended between its results and its report
                report_of(run, load_splits(config))
            return _print_results(arguments, run)
    splits = load_splits(config)
    run = train(config, parent, splits=splits) if run is None else resume(run, splits=splits)
    report_of(run, splits)
    return _print_results(arguments, run)


def _print_config(arguments: argparse.Namespace) -> int:
    from ..training import recipes

    if arguments.resume:
        arguments.recipe = arguments.recipe or str(Path(arguments.resume) / "config.yaml")
    config = recipes.read_recipe(*chosen_recipe(arguments))
    show(arguments, config.to_dict(), [recipes.to_yaml(config).rstrip("\n")])
    return 0


def _print_results(arguments: argparse.Namespace, run: RunFolder) -> int:
    arguments.run_folder = run.path
    results = run.read_results()
    show(arguments, {"run": str(run.path), "model": str(run.model), **results}, _lines(run, results))
    return 0


def _lines(run: RunFolder, results: dict[str, Any]) -> Iterator[str]:
    from ..tasks import task_for
    from ..training import load_model

    yield f"run              {run.path}"
    yield f"model            {run.model}"
    if run.report.exists():
        yield f"report           {run.report}"
    yield f"{results.get('select', 'best')} epoch       {results['best_epoch']} of {results['epochs']}"
    task = task_for(load_model(run.model).schema)
    metric = task.metric
    if (reached := results.get(f"validation_{metric.name}")) is not None:
        yield f"validation       {metric.in_words(reached)}"
    yield from score_lines(task, results["test"])
    each = "an image" if task.schema.medium == "image" else "a step of a sequence"
    yield f"parameters       {results['parameters']}, {results['flops_per_step']} FLOPs {each}"
    yield (
        f"time             {results['seconds']:.1f} s, {results['seconds_per_epoch']:.3g} s an epoch, "
        f"{100 * results['loading_share']:.0f} % of it to make batches"
    )


def _next(arguments: argparse.Namespace) -> list[str]:
    run = getattr(arguments, "run_folder", None)  # none after --print_config
    return [] if run is None else [line("evaluate", run), line("explain", run), line("predict", run, "INPUT")]


TRAIN = Command(
    "train",
    "train a recipe, or on a data set; the result is a run folder",
    "attentive train japanese-vowels --training.max_epochs 5",
    _train,
    RECIPE,
    *CONFIGURATION,
    JSON,
    Argument("--seed", help="of everything random (default 0)"),
    Argument("--init-from", "--init_from", metavar="RUN", help="start with the weights of a finished run"),
    Argument("--print_config", action="store_true", help="print the complete recipe and exit"),
    Argument(
        "--resume",
        nargs="?",
        const=RESUME_NEWEST,
        metavar="RUN",
        help="continue an interrupted run: the newest one of the recipe, or the one in the folder RUN",
    ),
    overrides=True,
    light=lambda arguments: arguments.print_config and arguments.data is None,
    loads=TRAINING,
    next=_next,
)
