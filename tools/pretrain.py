"""The trained run that comes with the package, for `attentive demo`.

    python -m tools.pretrain

trains it anew, with one thread and a fixed seed, and puts its files and its card into src/attentive_rnn/pretrained/.
"""

from __future__ import annotations

import shutil
import sys
import tempfile

import torch

import attentive_rnn
from attentive_rnn.data.io.files import read_json, write_file, write_json
from attentive_rnn.pretrained import FOLDER, NAME
from attentive_rnn.training import RunFolder, train
from attentive_rnn.training.automatic import choose

COMMAND = "python -m tools.pretrain"
SETTINGS = (("data.source", "basic-motions"), ("model.hidden_size", "32"), ("seed", "0"), ("device", "cpu"))
LEFT_OUT = ("checkpoints", "tensorboard", "explain")  # only training and drawing need them


def main() -> int:
    """Train the run, and put it into the package."""
    torch.set_num_threads(1)
    choice = choose(SETTINGS, live=True)
    print(choice.why, file=sys.stderr)
    with tempfile.TemporaryDirectory() as parent:
        run = train(choice.config, parent, name=NAME, splits=choice.splits)
        attentive_rnn.load(run.path).explain(
            choice.splits.test
        )  # leaves the usual attention in the folder of the model
        environment = read_json(run.environment)
        write_json(run.environment, environment | {"command": COMMAND.split(), "folder": "."})
        write_file(run.path / "CARD.md", card(run).encode())
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(run.path, FOLDER, ignore=shutil.ignore_patterns(*LEFT_OUT, ".*"))
    print(f"written: {FOLDER}")
    return 0


def card(run: RunFolder) -> str:
    """What is to be known of the model, with the scores of the run."""
    results = run.read_results()
    test, always = results["test"], results["test"]["always"]
    low, high = (100 * end for end in test["accuracy_interval_95"])
    layers = run.read_config().model.num_layers
    return f"""# basic-motions: four activities from a smart watch

| | |
|---|---|
| input | acceleration and rotation, x, y and z of each, ten frames a second |
| answer | Standing, Running, Walking or Badminton |
| network | {layers} layers of EleAtt-GRU, forward in time, {results["parameters"]:,} parameters |
| trained on | the 40 training sequences of BasicMotions, none held out, {results["epochs"]} epochs, seed 0 |
| test | {100 * test["accuracy"]:.1f} % of {test["count"]} sequences, 95 % interval {low:.1f} to {high:.1f} % |
| always the same answer | {100 * always["accuracy"]:.1f} % |
| made by | `{COMMAND}` |
| licence | the weights: Apache-2.0, as this package. The data: see PROVENANCE.md and LICENSE.aeon in data/embedded |

Each of the four students who wore the watch may be in both parts: the score says nothing certain about other people,
other watches or other activities. Ten test sequences of each class are few, which the interval shows.
"""


if __name__ == "__main__":
    sys.exit(main())
