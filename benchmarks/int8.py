"""Runs exported with int8 weights beside the same in float32: answers, size and time.

    python -m benchmarks.int8 RUN [RUN ...] [--data PATH] [--seconds 10] [--write docs/benchmarks.md]

RUN is the folder of a finished run of `attentive train` on sequences. Output is a table: the share of the answers to
the test part that stay, the run's metric, the size of the file, and the time of onnxruntime on one thread for the first
sequence of the test part and for the first 32; both graphs take turns, and the least times count.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

import attentive_rnn
from attentive_rnn.data import Compose, collate, preprocess
from attentive_rnn.data.dataset import sequences_only
from attentive_rnn.export import export_run
from attentive_rnn.export.preprocessing import divided
from attentive_rnn.training import open_run

from .sections import with_section
from .timing import interleave, processor

TITLE = "## int8 weights"
BATCHES = (1, 32)


def row(run: str, data: str | None, seconds: float) -> str:
    """A line of the table."""
    import onnxruntime

    trained = attentive_rnn.load(run)
    saved, test = trained.saved, sequences_only(trained.splits(data).test)
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.onnx" for name in ("float32", "int8")}
        made = {name: export_run(saved, file, test, int8=name == "int8") for name, file in files.items()}
        sizes = [f"{file.stat().st_size / 1000:.0f}" for file in files.values()]
        sessions = {name: onnxruntime.InferenceSession(file.read_bytes(), options) for name, file in files.items()}
    before = Compose(divided(saved.preprocessing, saved.schema)[0]).bound(saved.schema)
    times = []
    for count in BATCHES:
        ready = preprocess(test.subset(range(min(count, len(test)))), before)
        batch = collate([ready[i] for i in range(len(ready))])
        given = {"x": batch.x.numpy(), "lengths": batch.lengths.numpy()}
        both = interleave({name: partial(one.run, None, given) for name, one in sessions.items()}, seconds)
        least = [1e3 * min(own) for own in both.values()]
        times.append(f"{least[0]:.2f} / {least[1]:.2f} ({least[1] / least[0]:.2f})")
    answers = made["int8"].int8
    assert answers is not None
    scores = [trained.task.metric.in_words(answers[name]) for name in ("model", "graph")]
    model, steps = saved.classifier.config, int(np.median(ready.lengths))
    epochs = open_run(run).read_results()["epochs"]
    what = f"{test.name}: {model['cell']}, {model['num_layers']} x {model['hidden_size']}"
    what += f"{' both ways' if model['bidirectional'] else ''}, {steps} steps, {epochs} epochs"
    kept = f"{100 * answers['kept']:.2f} % of {made['int8'].compared}"
    return f"| {what} | {kept} | {' / '.join(scores)} | {' / '.join(sizes)} | {' | '.join(times)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--data", help="where the data are now")
    parser.add_argument("--seconds", type=float, default=10.0, help="of measurement for each size of a batch")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page whose section is replaced")
    options = parser.parse_args()
    page = [
        TITLE,
        "",
        f"Made by `python -m benchmarks.int8` on {datetime.date.today()}: {processor()}, onnxruntime "
        f"{importlib.metadata.version('onnxruntime')}, 1 thread; load {os.getloadavg()[0]:.0f} on "
        f"{os.cpu_count()} cores.",
        "Each cell is of `attentive export` / of `attentive export --int8`; the last two are least times, with their "
        "ratio.",
        "",
        "| run | answers that stay | test score | file, kB | 1 sequence, ms | 32 sequences, ms |",
        "|---|---|---|---|---|---|",
        *(row(run, options.data, options.seconds) for run in options.runs),
    ]
    print("\n".join(page))
    if options.write:
        options.write.write_text(with_section(options.write.read_text(), TITLE, page))


if __name__ == "__main__":
    main()
