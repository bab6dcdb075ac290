"""Training on several devices, here in several processes on the CPU: the same run, whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from attentive_rnn.cli import main
from attentive_rnn.data import load
from attentive_rnn.errors import ConfigError
from attentive_rnn.training import train
from attentive_rnn.training.run_folder import list_runs
from several_processes import CHANGES, children, epochs_in, rows, timeless, wait_until, weights


def train_in_two(config, folder, **options):
    config.devices = 2
    return train(config, folder, console=Console(file=StringIO()), **options)


@pytest.fixture(scope="module")
def together(small_config, tmp_path_factory):
    """A run of two processes that nothing interrupted."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        # As in a job of a batch system, of one task, which is not about this run's processes.
        for name, value in {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "WORLD_SIZE": "1"}.items():
            patch.setenv(name, value)
        return train_in_two(small_config(**CHANGES), tmp_path_factory.mktemp("together"))


def test_two_processes_train_what_one_does(together, small_config, tmp_path, quiet):
    alone = train(small_config(**CHANGES), tmp_path, console=quiet)
    assert len(rows(together)) == len(rows(alone)) == 3  # the early stop
    for ours, theirs in zip(timeless(together), timeless(alone), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)
    expected = weights(alone)
    for name, tensor in weights(together).items():
        assert torch.allclose(tensor, expected[name], rtol=1e-9, atol=1e-12)
    ours, theirs = together.read_results(), alone.read_results()
    assert ours["test"].pop("loss") == pytest.approx(theirs["test"].pop("loss"), rel=1e-9)
    assert ours["test"] == theirs["test"]
    assert ours["best_epoch"] == theirs["best_epoch"]


def test_a_callback_of_the_first_process_ends_both(small_config, tmp_path):
    told = []
    run = train_in_two(small_config(**CHANGES), tmp_path, callbacks=[told.append, lambda row: True])
    assert (len(told), run.read_results()["epochs"]) == (1, 1)


def test_two_processes_may_run_their_shares_in_different_numbers_of_parts(together, small_config, tmp_path):
    bounded = train_in_two(small_config(**CHANGES, training__max_frames_per_batch="150"), tmp_path)
    for ours, theirs in zip(timeless(bounded), timeless(together), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)
    for name, tensor in weights(bounded).items():
        assert torch.allclose(tensor, weights(together)[name], rtol=1e-9, atol=1e-12)


def test_only_the_first_process_writes(together, finished_run):
    def files(run):
        return sorted(p.relative_to(run.path).parts[0] for p in run.path.rglob("*") if p.is_file())

    assert files(together) == files(finished_run)


def test_torch_and_the_environment_are_left_as_they_were(together):
    assert not torch.distributed.is_initialized()
    assert not {"MASTER_ADDR", "MASTER_PORT"} & set(os.environ)
    assert torch.get_num_threads() == 1
    assert not children(os.getpid())


STUDY = "seeds: [0]\nmodels: [gate]\nruns:\n  - {name: motions, recipe: basic-motions}\n"
TRAINING = {
    "train": ["train", "basic-motions"],
    "resume": ["train", "basic-motions", "--resume"],
    "compare": ["compare", "basic-motions"],
    "study": ["study", "study.yaml", "--table", "study.csv"],
    "reproduce": ["reproduce", "figure2", "--recipe", "basic-motions"],
}


@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.parametrize("variable", ["WORLD_SIZE=2", "RANK=1", "SLURM_NTASKS=4", "OMPI_COMM_WORLD_SIZE=2"])
def test_one_of_several_processes_trains_nothing_of_its_own(name, variable, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY)
    monkeypatch.setenv(*variable.split("="))
    assert main(TRAINING[name]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("attentive: error: ")]
    assert len(said) == 1
    assert variable in said[0]
    assert "--devices N" in said[0]
    assert not list(tmp_path.rglob("config.yaml"))


def test_a_task_of_slurm_that_is_alone_trains_as_usual(tmp_path):
    slurm = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    settings = ["--model.hidden_size", "4", "--training.max_epochs", "1"]
    command = [sys.executable, "-m", "attentive_rnn.cli", "train", "basic-motions", *settings]
    environment = os.environ | slurm
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("results.json"))) == 1


def test_a_killed_run_takes_its_processes_along_and_resumes_to_the_same_weights(together, tmp_path, capsys):
    options = [f"--{key.replace('__', '.')}={value}" for key, value in CHANGES.items()]
    options += ["--model.hidden_size=6", "--model.num_layers=1", "--device=cpu", "--devices=2"]
    arguments = ["train", "japanese-vowels", *options, "--output-dir", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "attentive_rnn.cli", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: epochs_in(tmp_path) >= 1 or process.poll() is not None)
    started = children(process.pid)
    process.kill()
    process.communicate()
    assert len(started) == 1
    wait_until(lambda: not Path(f"/proc/{started[0]}").exists(), seconds=30)
    (run,) = list_runs(tmp_path / "japanese-vowels")
    assert not run.finished
    assert main([*arguments, "--resume"]) == 0
    assert "test accuracy" in capsys.readouterr().out
    assert timeless(run) == timeless(together)
    for name, tensor in weights(run).items():
        assert torch.equal(tensor, weights(together)[name])


def test_a_process_that_dies_ends_the_run_with_one_line(small_config, tmp_path):
    def kill():
        wait_until(lambda: epochs_in(tmp_path) >= 1)
        os.kill(children(os.getpid())[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ConfigError, match="process 1 of the run ended with status -9; continue with: attentive train"):
        train_in_two(small_config(**CHANGES), tmp_path)
    killer.join()
    assert not children(os.getpid())
    assert not torch.distributed.is_initialized()


def test_an_error_in_training_is_told_as_that_of_one_process(small_config, tmp_path):
    changes = {"optim__lr": "1e308", "optim__clip_norm": "null", "precision": "64-true"}
    with pytest.raises(ConfigError, match=r"the loss became infinite or NaN in epoch \d"):
        train_in_two(small_config(**changes), tmp_path)
    assert not children(os.getpid())


def test_a_process_that_cannot_begin_says_why(small_config, tmp_path):
    file = tmp_path / "set.npz"
    content = {"x": np.zeros((20, 4, 2), np.float32), "y": np.arange(20) % 2}
    np.savez(file, **content)
    config = small_config("sequence", data__path=str(file))
    splits = load(config.data.source, file)
    file.unlink()
    with pytest.raises(ConfigError, match=r"process 1 of the run could not begin: .*set\.npz"):
        train_in_two(config, tmp_path, splits=splits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": "0"}, "devices must be 1 or more, got 0"),
        ({"devices": "two"}, "devices must be an integer, got 'two'"),
        ({"devices": "33"}, "training.batch_size must be at least devices, 33, got 32"),
        ({"devices": "2", "model__pool": "keras_compat"}, "devices must be 1 for model.pool keras_compat"),
    ],
)
def test_a_number_of_devices_that_cannot_be_is_one_clear_error(small_config, changes, message):
    with pytest.raises(ConfigError) as caught:
        small_config(**changes)
    assert message in str(caught.value)
