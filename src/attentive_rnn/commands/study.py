"""`attentive study`: recipes, models and data sets over seeds, into one table."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Argument, Command


def _study(arguments: argparse.Namespace) -> int:
    from ..experiments.statistics import rank
    from ..experiments.study import read_study, run_study
    from ..experiments.table import StudyTable, complete, models_table

    study = read_study(Path(arguments.file))
    table = StudyTable(Path(arguments.table))
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
    for name in shown:
        print(f"{name}\n\n{models_table(table.of(name))}")
    if shown:
        scores = complete(table, shown, list(table.of(shown[0])))
        if len(scores) > 1 and len(next(iter(scores.values()))) > 1:
            print(rank(scores).markdown())
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
    overrides=True,
)
