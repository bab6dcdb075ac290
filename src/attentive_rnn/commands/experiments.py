"""Commands that train several models and put them into a table: `attentive compare`, `study` and `reproduce`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..terminal import tell
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
    read_values,
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
        recipe, config, splits, why = automatic.choose(overrides)
        tell(why)
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


def _study(arguments: argparse.Namespace) -> int:
    from ..experiments.statistics import rank
    from ..experiments.study import read_study, run_study, runs_to_come
    from ..experiments.table import StudyTable, complete, models_table

    study = read_study(Path(arguments.file))
    table = StudyTable(Path(arguments.table))
    chosen: dict[str, Any] = {"only": arguments.only, "seeds": arguments.seeds, "overrides": arguments.overrides}
    places: dict[str, Any] = {"data": arguments.data and Path(arguments.data), "output": Path(arguments.output_dir)}
    if arguments.dry_run:
        runs = runs_to_come(study, table, **chosen)
        values = [dict(zip(("name", "model", "seed"), run, strict=True)) for run in runs]
        count = len(runs)
        lines = [f"run {i} of {count}  {name}  {model}  seed {seed}" for i, (name, model, seed) in enumerate(runs, 1)]
        show(arguments, values, lines or [f"{table.path}: has every row"])
        return 0
    if arguments.on is not None:
        from ..experiments.launchers import launch_study

        launch_study(
            Path(arguments.file),
            table.path,
            engine=arguments.on,
            workers=arguments.workers,
            options=read_values("--job", arguments.job),
            **places,
            **chosen,
        )
    run_study(study, table, **places, **chosen)
    shown = [name for name in arguments.only or study.names if name in table.names()]
    lines = [f"{name}\n\n{models_table(table.of(name))}" for name in shown]
    if shown:
        scores = complete(table, shown, list(table.of(shown[0])))
        if len(scores) > 1 and len(next(iter(scores.values()))) > 1:
            lines.append(rank(scores).markdown())
    show(arguments, [asdict(row) for name in shown for rows in table.of(name).values() for row in rows.values()], lines)
    return 0


def _reproduce(arguments: argparse.Namespace) -> int:
    """Train the table's rows, one run a seed each, and print them beside the paper's."""
    from ..experiments.reproduce import read_table, reproduce
    from ..training import automatic, recipes

    wanted = read_table(arguments.table)
    arguments.recipe = arguments.recipe or wanted.recipe
    recipe, overrides = chosen_recipe(arguments)
    recipe = recipe or automatic.choose_papers(overrides)
    parent = Path(recipes.read_recipe(recipe, overrides).output_dir) / recipes.recipe_name(recipe) / "reproduce"
    made = reproduce(wanted, recipe, overrides, arguments.seeds, parent)
    print(f"{wanted.title}\n\n{made.markdown()}")
    print(f"Written to {parent}: {arguments.table}.md and {arguments.table}.json")
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
STUDY = Command(
    "study",
    "train recipes and models over data sets and seeds, into one table",
    "attentive study docs/study.yaml --table study.csv --data DATA",
    _study,
    Argument("file", metavar="STUDY", help="path of a YAML file; docs/study.yaml is one"),
    Argument("--table", required=True, metavar="FILE", help="the CSV file with a row for each finished run"),
    Argument("--data", metavar="DIR", help="folder that the study's paths of data start from (default: here)"),
    Argument("--only", nargs="+", default=[], metavar="NAME", help="these runs or fusions only"),
    Argument("--seeds", nargs="+", type=int, default=[], metavar="SEED", help="instead of the study's own"),
    Argument("--output-dir", "--output_dir", default="runs", metavar="DIR", help="default: runs"),
    Argument("--dry-run", action="store_true", help="list the runs that the table lacks, and train none"),
    Argument("--on", choices=("local", "slurm"), help="run it in several jobs, of this machine or of a SLURM cluster"),
    Argument("--workers", type=int, default=2, metavar="N", help="with --on: the number of jobs (default 2)"),
    Argument(
        "--job",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="with --on slurm: what is asked for, such as slurm_partition=gpu timeout_min=240 gpus_per_node=1",
    ),
    JSON,
    overrides=True,
    loads=TRAINING,
    goes_on=True,
)
REPRODUCE = Command(
    "reproduce",
    "train a table of the paper and print it beside the paper's",
    "attentive reproduce figure2 --recipe basic-motions --training.max_epochs 5",
    _reproduce,
    Argument(
        "table", metavar="TABLE", help="figure2, table1, table1-ntu, table2, table3, table4, table5, table6 or table7"
    ),
    Argument(
        "--recipe",
        metavar="RECIPE",
        help="what the rows change; default: the table's own, or paper/skeleton, or paper/sequence",
    ),
    SEEDS,
    *CONFIGURATION,
    overrides=True,
    loads=TRAINING,
    goes_on=True,
)
