import numpy as np
import pytest
import torch

from attentive_rnn.cli import main
from commands.calls import REPRODUCED, SMALL, VOWELS
from explain.runs import feature_run, image_run, number_run, pixel_run, plain_run, skeleton_run
from small_runs import turned_table

__all__ = ["feature_run", "image_run", "number_run", "pixel_run", "plain_run", "skeleton_run", "turned_table"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A small run that the command trained, to be read only."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", VOWELS, *SMALL, "--output-dir", str(folder)]) == 0
    (path,) = (folder / VOWELS).iterdir()
    return path


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    """The two files of a small problem of one's own: rising and falling series of two channels."""
    folder = tmp_path_factory.mktemp("series")
    rng = np.random.default_rng(0)
    for part, count in (("TRAIN", 30), ("TEST", 12)):
        lines = ["@problemName Slope", "@timeStamps false", "@univariate false", "@classLabel true up down", "@data"]
        for i in range(count):
            sign = 1 if i % 2 == 0 else -1
            rows = sign * np.arange(8) + rng.normal(size=(2, 8))
            channels = [",".join(f"{value:.3f}" for value in row) for row in rows]
            lines.append(":".join([*channels, "up" if sign > 0 else "down"]))
        (folder / f"Slope_{part}.ts").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory):
    """A folder in which figure 2 has been reproduced, with tiny layers."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["reproduce", "figure2", *REPRODUCED, "--model.hidden_size", "4", "--output-dir", str(folder)]) == 0
    return folder / "basic-motions" / "reproduce"
