"""`attentive report`: a run in one page, which `attentive train` writes at its end."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .arguments import MOVED_DATA, OPTION, RUN, Command, line, reader_options

if TYPE_CHECKING:
    from pathlib import Path

    from ..data import Splits
    from ..training import RunFolder


def _report(arguments: argparse.Namespace) -> int:
    from ..explain.report.page import write_report
    from ..training import open_run

    run = open_run(arguments.folder)
    config = run.read_config(arguments.data, reader_options(arguments))
    print(f"written: {write_report(run, config=config)}")
    return 0


def report_of(run: RunFolder, splits: Splits) -> Path | None:
    """The report of a run that has just finished; whatever goes wrong with it is said, and harms nothing."""
    from ..explain.report.page import write_report

    try:
        return write_report(run, splits)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"no report.html: {reason}; the run is complete; try: attentive report {run.path}", file=sys.stderr)
        return None


REPORT = Command(
    "report",
    "write a run's results, curves and attention into one page",
    "attentive report runs/skeleton/TIME",
    _report,
    RUN,
    MOVED_DATA,
    OPTION,
    next=lambda a: [line("explain", a.folder), line("predict", a.folder, "INPUT")],
)
