"""`attentive study`: recipes, models and data sets over seeds, into one table."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from .arguments import JSON, TRAINING, Argument, Command, show


def _study(arguments: argparse.Namespace) -> int:
    from ..experiments.statistics import rank
    from ..experiments.study import read_study, run_study, runs_to_come
    from ..experiments.table import StudyTable, complete, models_table

    study = read_study(Path(arguments.file))
    table = StudyTable(Path(arguments.table))
    if arguments.dry_run:
        chosen = {"only": arguments.only, "seeds": arguments.seeds, "overrides": arguments.overrides}
        runs = runs_to_come(study, table, **chosen)
        values = [dict(zip(("name", "model", "seed"), run, strict=True)) for run in runs]
        count = len(runs)
        lines = [f"run {i} of {count}  {name}  {model}  seed {seed}" for i, (name, model, seed) in enumerate(runs, 1)]
        show(arguments, values, lines or [f"{table.path}: has every row"])
        return 0
    run_study(
        study,
        table,
        data=None if arguments.data is None else Path(arguments.data),
        output=Path(arguments.output_dir),
        only=arguments.only,
        seeds=arguments.seeds,
        overrides=arguments.overrides,
    )
    shown = [name for name in arguments.only or study.names if name in table.names()]
    lines = [f"{name}\n\n{models_table(table.of(name))}" for name in shown]
    if shown:
        scores = complete(table, shown, list(table.of(shown[0])))
        if len(scores) > 1 and len(next(iter(scores.values()))) > 1:
            lines.append(rank(scores).markdown())
    show(arguments, [asdict(row) for name in shown for rows in table.of(name).values() for row in rows.values()], lines)
    return 0


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
    JSON,
    overrides=True,
    loads=TRAINING,
    goes_on=True,
)
