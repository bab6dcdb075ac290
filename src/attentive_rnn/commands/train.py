"""Command `attentive train`: a run of a recipe, or of the automatic recipe for a data set."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, counted
from ..terminal import standard_error, tell
from .arguments import (
    CONFIGURATION,
    JSON,
    RECIPE,
    TRAINING,
    Argument,
    Command,
    after_training,
    chosen_recipe,
    show,
)
from .evaluate import BASELINE, score_lines, warn_of
from .report import report_of

if TYPE_CHECKING:
    from ..data import Splits
    from ..training import Config, RunFolder
    from ..training.processes.group import Group

RESUME_NEWEST = ""  # the value of --resume without a folder


def _train(arguments: argparse.Namespace) -> int:
    from ..training import list_recipes

    # `--resume RECIPE`: the recipe was taken for the folder of a run.
    if arguments.recipe is None and arguments.resume in list_recipes():
        arguments.recipe, arguments.resume = arguments.resume, RESUME_NEWEST
    if arguments.print_config:
        return _print_config(arguments)
    from ..training.run import require_extra

    require_extra()
    from ..training.processes.joined import joined

    with joined() as group:
        return _train_in(group, arguments)


def _train_in(group: Group, arguments: argparse.Namespace) -> int:
    """Train in one process, or in each process of torchrun or SLURM, of which process 0 decides and prints."""
    from ..data.io.locks import tidy
    from ..environment import require_one_process
    from ..experiments.search import seconds_of
    from ..training import automatic, open_run, recipes
    from ..training.run import find_resumable, path_of_newest, require_same, resume, train
    from ..training.setup import load_splits

    seconds = None if arguments.budget is None else seconds_of(arguments.budget)
    if seconds is not None and (arguments.folds is not None or arguments.resume is not None):
        raise ConfigError("--budget goes with neither --folds nor --resume")
    if arguments.folds is not None and arguments.resume is not None:
        raise ConfigError("--folds goes on by itself where it was interrupted: leave --resume out")
    if arguments.ensemble and arguments.folds is None:
        raise ConfigError("--ensemble joins the models of a cross-validation: give --folds K too")
    if seconds is not None or arguments.folds is not None:
        require_one_process()
    if group.size > 1 and arguments.resume is None and os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
        raise ConfigError("--max-restarts of torchrun needs --resume: then a restart goes on with the run")
    run = open_run(arguments.resume) if arguments.resume else None
    if run is not None and arguments.recipe is None:
        arguments.recipe = str(run.config)
    recipe, overrides = chosen_recipe(arguments)
    splits = None
    if recipe is None:
        recipe, config, splits, _ = automatic.choose(overrides, live=arguments.live)
    elif arguments.live:
        raise ConfigError(f"--live chooses among recipes: give a data set instead of {recipe}")
    else:
        config = recipes.read_recipe(recipe, overrides)
    parent = Path(config.output_dir) / recipes.recipe_name(recipe)
    if arguments.resume == RESUME_NEWEST and config.data.path is None:
        config.data.path = group.first(lambda: path_of_newest(parent))
    config = recipes.resolve(config)
    if seconds is not None:
        keys = [key for key, _ in overrides]
        return _search(arguments, config, parent, seconds, splits=_told(recipe, config, splits), fixed=keys)
    if arguments.folds is not None:
        return _cross_validate(arguments, config, parent, _told(recipe, config, splits))
    if run is None and arguments.resume is not None:
        run = group.first(lambda: find_resumable(config, parent))
        if run is None and group.rank == 0:
            print(f"{parent}: no run of this configuration to resume; starting one", file=sys.stderr)
    if run is not None:
        require_same(config, run)
        if run.finished and group.rank > 0:
            return 0
        if run.finished:
            print(f"{run.path}: this run is finished", file=sys.stderr)
            tidy(run.path)
            if arguments.baseline or not run.report.exists():  # it ended between its results and its report
                splits = load_splits(config)
                if arguments.baseline:
                    _compare_simple(run, splits)
                report_of(run, splits)
            return _print_results(arguments, run)
    splits = splits or load_splits(config, standard_error() if group.rank > 0 else None)
    if run is None:
        words = automatic.in_words(recipes.recipe_name(recipe), config, splits)
        run = train(config, parent, splits=splits, words=words)
    else:
        run = resume(run, splits=splits)
    if group.rank > 0:
        return 0
    if arguments.baseline:
        _compare_simple(run, splits)
    report_of(run, splits)
    return _print_results(arguments, run)


def _told(recipe: str, config: Config, splits: Splits | None) -> Splits:
    """The data of several trainings, after the line with their recipe and the sizes of the parts."""
    from ..training import automatic, recipes
    from ..training.setup import load_splits

    splits = splits or load_splits(config)
    tell(automatic.in_words(recipes.recipe_name(recipe), config, splits))
    return splits


def _compare_simple(run: RunFolder, splits: Splits) -> None:
    """Train simple methods on the split of a run, and leave their scores in its folder."""
    from ..data.io.files import check_folder, write_json
    from ..experiments.estimate import baselines
    from ..training import load_model

    check_folder(run.path, run.baselines)
    write_json(run.baselines, {"baselines": [one.to_dict() for one in baselines(load_model(run.model), splits)]})


def _cross_validate(arguments: argparse.Namespace, config: Config, parent: Path, splits: Splits) -> int:
    """Train on each fold; print the metric on what was held out, its mean, and the models of all folds together."""
    from ..experiments.folds import cross_validate

    made = cross_validate(config, parent, arguments.folds, splits=splits, finished=lambda run: report_of(run, splits))
    metric = made.task.metric
    lines = [f"{metric.in_words(value):>10}  {run.path}" for run, value in zip(made.runs, made.held_out, strict=True)]
    value, low, high = made.mean
    lines.append(
        f"{metric.in_words(value):>10}  mean {metric.name} of {len(made.runs)} folds, each unseen by its model "
        f"(95 % interval {metric.show(low)} to {metric.show(high)})"
    )
    values: dict[str, Any] = {"runs": [str(run.path) for run in made.runs], "held_out": list(made.held_out)}
    values["mean"] = {metric.name: value, "low": low, "high": high}
    if arguments.ensemble:
        value, low, high = made.fused(splits).together.accuracy
        values["ensemble"] = {metric.name: value, "low": low, "high": high}
        lines.append(
            f"{metric.in_words(value):>10}  all models together on the {len(splits.test)} test sequences "
            f"(95 % interval {metric.show(low)} to {metric.show(high)})"
        )
    show(arguments, values, lines)
    warn_of(made.doubts)
    return 0


def _search(
    arguments: argparse.Namespace,
    config: Config,
    parent: Path,
    seconds: float,
    *,
    splits: Splits,
    fixed: Collection[str],
) -> int:
    """Spend a budget of time on settings and seeds; print the first run, and all seeds together."""
    from ..experiments.fusion import fuse_runs
    from ..experiments.search import search

    made = search(config, parent, seconds, splits=splits, fixed=fixed)
    run = made.runs[0]
    report_of(run, splits)
    lines, values = [f"search           {made.in_words()}", *_lines(run)], _values(run)
    values["runs"] = [str(one.path) for one in made.runs]
    if len(made.runs) > 1 and splits.test.schema.target == "class":
        value, low, high = fuse_runs(made.runs, splits=splits).together.accuracy
        metric, others = made.task.metric, len(made.runs) - 1
        values["together"] = {metric.name: value, "low": low, "high": high}
        lines.append(
            f"with {counted(others, 'more seed')} together {metric.in_words(value)} "
            f"(95 % interval {metric.show(low)} to {metric.show(high)})"
        )
    arguments.run_folder = run.path
    show(arguments, values, lines)
    warn_of(made.doubts)
    return 0


def _print_config(arguments: argparse.Namespace) -> int:
    from ..training import recipes

    if arguments.resume:
        arguments.recipe = arguments.recipe or str(Path(arguments.resume) / "config.yaml")
    recipe, overrides = chosen_recipe(arguments)
    if recipe is None:
        from ..training import automatic  # which needs PyTorch

        recipe, config, _, why = automatic.choose(overrides, live=arguments.live)
        tell(why)
    else:
        config = recipes.read_recipe(recipe, overrides)
    show(arguments, config.to_dict(), [recipes.to_yaml(config).rstrip("\n")])
    return 0


def _print_results(arguments: argparse.Namespace, run: RunFolder) -> int:
    from ..experiments.estimate import doubts

    arguments.run_folder = run.path
    results = run.read_results()
    show(arguments, _values(run), _lines(run))
    warn_of(doubts(results, results["test"]))
    return 0


def _values(run: RunFolder) -> dict[str, Any]:
    return {"run": str(run.path), "model": str(run.model), **run.read_results()}


def _lines(run: RunFolder) -> Iterator[str]:
    from ..experiments.estimate import stored_baselines
    from ..tasks import task_for
    from ..training import load_model

    results = run.read_results()
    yield f"run              {run.path}"
    yield f"model            {run.model}"
    if run.report.exists():
        yield f"report           {run.report}"
    yield f"{results.get('select', 'best')} epoch       {results['best_epoch']} of {results['epochs']}"
    task = task_for(load_model(run.model).schema)
    metric = task.metric
    if (reached := results.get(f"validation_{metric.name}")) is not None:
        yield f"validation       {metric.in_words(reached)}"
    yield from score_lines(task, results["test"], [one.in_words(metric) for one in stored_baselines(run)])
    each = "an image" if task.schema.medium == "image" else "a step of a sequence"
    yield f"parameters       {results['parameters']}, {results['flops_per_step']} FLOPs {each}"
    yield (
        f"time             {results['seconds']:.1f} s, {results['seconds_per_epoch']:.3g} s an epoch, "
        f"{100 * results['loading_share']:.0f} % of it to make batches"
    )


TRAIN = Command(
    "train",
    "train on a data set, or a recipe; the result is a run folder",
    "attentive train gestures.csv",
    _train,
    RECIPE,
    *CONFIGURATION,
    JSON,
    Argument("--seed", help="of everything random (default 0)"),
    Argument("--init-from", "--init_from", metavar="RUN", help="start with the weights of a finished run"),
    Argument(
        "--folds",
        type=int,
        metavar="K",
        help="cross-validate: K runs, each measured on a K-th of the training part that it has not seen",
    ),
    Argument("--ensemble", action="store_true", help="with --folds: also test the K models together"),
    Argument(
        "--budget",
        metavar="TIME",
        help="spend so long, such as 10m, on a search for settings inside the training part, and on more seeds",
    ),
    Argument("--live", action="store_true", help="choose what can answer while the frames arrive (attentive stream)"),
    Argument("--print_config", action="store_true", help="print the complete recipe and exit"),
    Argument(
        "--resume",
        nargs="?",
        const=RESUME_NEWEST,
        metavar="RUN",
        help="continue an interrupted run: the newest one of the recipe, or the one in the folder RUN",
    ),
    BASELINE,
    overrides=True,
    light=lambda arguments: arguments.print_config and arguments.data is None,
    loads=TRAINING,
    next=after_training,
)
