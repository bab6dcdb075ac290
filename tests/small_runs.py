"""Small real runs that several tests look at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from attentive_rnn.training import Config, RunFolder, load_config, train
from attentive_rnn.training.loop import Loop

SMALL = {
    "model.hidden_size": "6",
    "model.num_layers": "1",
    "model.dropout": "0.2",
    "training.max_epochs": "3",
    "device": "cpu",
}


@pytest.fixture(scope="session")
def small_config() -> Callable[..., Config]:
    """A configuration of a set in the package with a small model and three epochs; keys with __ for the dots."""

    def make(recipe: str = "japanese-vowels", **changes: str) -> Config:
        overrides = SMALL | {key.replace("__", "."): value for key, value in changes.items()}
        return load_config(recipe, overrides.items())

    return make


@pytest.fixture
def quiet() -> Console:
    """A console whose text a test can read: quiet.file.getvalue()."""
    return Console(file=StringIO(), width=200)


@pytest.fixture(scope="session")
def finished_run(small_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of three epochs, to be read only."""
    torch.set_num_threads(1)
    return train(small_config(), tmp_path_factory.mktemp("finished"), console=Console(file=StringIO()))


@pytest.fixture(scope="session")
def skeleton_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of skeleton files in the format of Northwestern-UCLA: two actions, three people, three views."""
    folder = tmp_path_factory.mktemp("skeletons")
    rng = np.random.default_rng(0)
    for action in (1, 2):
        for subject in (1, 2, 3):
            for view in (1, 2, 3):
                name = f"a{action:02d}_s{subject:02d}_e00_v{view:02d}"
                frames = rng.normal(size=(4 + subject, 20, 3)) + 3 * action
                content = {"file_name": name, "skeletons": frames.round(4).tolist(), "label": action}
                (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def turned_table(tmp_path: Path) -> Path:
    """A table of two classes, 40 sequences to train on and 20 for testing, in which each class looks like the other."""
    rows = ["sequence,split,label,x"]
    for i in range(60):
        part, label = ("train", "test")[i >= 40], ("up", "down")[i % 2]
        sign = 1 if (label == "up") == (part == "train") else -1
        rows += [f"{i},{part},{label},{sign * t}" for t in range(4)]
    path = tmp_path / "turned.csv"
    path.write_text("\n".join(rows))
    return path


@pytest.fixture(scope="session")
def whole(small_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A whole run of four epochs, whose copies the tests leave as a kill would."""
    torch.set_num_threads(1)
    config = small_config(training__max_epochs="4", optim__lr_patience="0")
    return train(config, tmp_path_factory.mktemp("whole"), name="whole", console=Console(file=StringIO()))


def copy_of(whole: RunFolder, folder: Path, **checkpoints: bytes | None) -> RunFolder:
    """A copy of a finished run without its results, with other contents for its checkpoints."""
    run = RunFolder(folder / "copy")
    shutil.copytree(whole.path, run.path)
    run.results.unlink()
    shutil.rmtree(run.model)
    for name, content in checkpoints.items():
        path = getattr(run, name)
        path.unlink() if content is None else path.write_bytes(content)
    return run


class Killed(BaseException):
    """Stands for the end of the process."""


def train_until(epochs: int, config: Config, parent: Path) -> RunFolder:
    """A run that ends right after the checkpoint of an epoch."""
    train_one_epoch = Loop.train_one_epoch

    def stopping(loop: Loop, epoch: int) -> tuple[float, torch.Tensor]:
        if epoch == epochs:
            raise Killed
        return train_one_epoch(loop, epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "train_one_epoch", stopping)
        with pytest.raises(Killed):
            train(config, parent, name="killed", console=Console(file=StringIO()))
    return RunFolder(parent / "killed")


def weights(run: RunFolder) -> bytes:
    """The file of a run's weights."""
    return (run.model / "model.safetensors").read_bytes()
