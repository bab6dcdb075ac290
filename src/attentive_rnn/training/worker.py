"""A process of a run after the first: python -m attentive_rnn.training.worker RUN RANK COUNT PORT [CHECKPOINT]."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from rich.console import Console

from ..errors import UserError
from .fit import train_epochs
from .processes import READY, Place
from .recorder import Recorder
from .run_folder import open_run
from .setup import build_model, device_of, load_splits, make_job


def main(folder: str, place: Place, start: Path | None) -> int:
    """Train the share of one process; return its exit status.

    What the first process cannot know is said to it on the standard output, in a line: that this one is ready, or why
    it is not.
    """
    reports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    ready = False
    try:
        run = open_run(folder)
        config = run.read_config()
        device = device_of(config, place.rank)
        splits = load_splits(config)
        # The weights that the first process starts with are sent to all.
        job = make_job(config, splits, build_model(config, splits.train.schema), device)
        print(READY, file=reports, flush=True)
        ready = True
        recorder = Recorder(run, config.training, job.task.metric, writes=False)
        train_epochs(recorder, job, Console(quiet=True), place, start)
    except UserError as error:
        # In training it is the first process's error as well.
        if not ready:
            print(" ".join(str(error).split()), file=reports, flush=True)
        return 2
    return 0


def _end_with_the_first() -> None:
    """Wait for the end of the first process, which holds the other end of the standard input, and end."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    folder, rank, count, port, *start = sys.argv[1:]
    sys.exit(main(folder, Place(int(rank), int(count), int(port)), Path(start[0]) if start else None))
