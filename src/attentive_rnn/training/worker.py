"""A process of a run after the first: python -m attentive_rnn.training.worker RUN RANK COUNT PORT [CHECKPOINT]."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from rich.console import Console

from ..data import preprocess
from ..errors import UserError
from .fit import train_epochs
from .preprocessing import fit_preprocessing, in_test
from .processes import READY, Place
from .recorder import Recorder
from .run_folder import open_run
from .setup import build_model, device_of, load_splits, training_parts
from .tasks import task_for


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
        train_set, valid_set = training_parts(config, splits.train)
        fitted = fit_preprocessing(config.data, train_set)
        sets = preprocess(train_set, fitted), preprocess(valid_set, in_test(config.data, fitted))
        # The weights that the first process starts with are sent to all.
        model, task = build_model(config, splits.train.schema), task_for(splits.train.schema)
        print(READY, file=reports, flush=True)
        ready = True
        recorder = Recorder(run, config.training, task.metric, writes=False)
        train_epochs(recorder, config, model, task, *sets, device, Console(quiet=True), place, start)
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
