"""The command: what works, end to end, and one line with exit status 2 for what a user gets wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from attentive_rnn.cli import main

SMALL = ["--model.hidden_size", "6", "--model.num_layers", "1", "--training.max_epochs", "2", "--device", "cpu"]
COMMAND = [sys.executable, "-W", "error", "-m", "attentive_rnn.cli"]
VOWELS = "japanese-vowels"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run that the command trained, to be read only."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", VOWELS, *SMALL, "--output-dir", str(folder)]) == 0
    (path,) = (folder / VOWELS).iterdir()
    return path


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """The two files of a small problem of ones own: rising and falling series of two channels."""
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


def results_of(path: Path) -> dict:
    return json.loads((path / "results.json").read_text())


def fails(arguments, capsys) -> str:
    """The one line of a command that exits with 2."""
    assert main(list(map(str, arguments))) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("attentive: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_train_says_how_the_run_did(run, capsys):
    assert main(["train", "--resume", str(run)]) == 0
    captured = capsys.readouterr()
    results = results_of(run)
    assert f"test accuracy    {100 * results['test']['accuracy']:.1f} % (95 % interval" in captured.out
    assert str(run) in captured.out
    assert f"{run}: this run is finished" in captured.err


def test_evaluate_repeats_the_scores_of_the_run(run, capsys):
    assert main(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == results_of(run)["test"]
    assert main(["evaluate", str(run)]) == 0
    printed = capsys.readouterr().out
    assert f"{100 * results_of(run)['test']['accuracy']:.1f} %" in printed
    assert "true class" in printed


def test_predict_gives_a_label_and_a_probability_for_each_sequence(series, capsys):
    train = ["train", "--data", str(series), "--optim.lr", "0.05", "--training.max_epochs", "12"]
    assert main([*train, *SMALL[:4], "--device", "cpu"]) == 0
    capsys.readouterr()
    (run,) = Path("runs/sequence").iterdir()
    assert main(["predict", str(run), str(series / "Slope_TEST.ts"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [f"Slope_TEST/{i}" for i in range(1, 13)]
    right = np.mean([row["label"] == ("up" if i % 2 == 0 else "down") for i, row in enumerate(rows)])
    assert right == results_of(run)["test"]["accuracy"] == 1.0
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["probabilities"][row["label"]] == row["probability"] == max(row["probabilities"].values())
    assert main(["predict", str(run / "model"), str(series / "Slope_TEST.ts")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[0].split() == ["Slope_TEST/1", f"{rows[0]['probability']:.3f}", "up"]


def test_evaluate_finds_data_that_have_moved(series, tmp_path, capsys):
    here = tmp_path / "here"
    here.mkdir()
    for file in series.iterdir():
        (here / file.name).write_bytes(file.read_bytes())
    assert main(["train", "--data", str(here), *SMALL]) == 0
    (run,) = Path("runs/sequence").iterdir()
    here.rename(tmp_path / "there")
    assert "there is no such file" in (capsys.readouterr(), fails(["evaluate", run], capsys))[1]
    assert main(["evaluate", str(run), "--data", str(tmp_path / "there"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == results_of(run)["test"]


def test_overrides_in_every_form_reach_the_configuration(capsys):
    overrides = ["--optim.lr", "0.001", "--model.gate=null", "--data.valid-fraction", "0.3"]
    flags = ["--seed", "4", "--output-dir", "there", "--precision", "64-true", "--device=cpu"]
    assert main(["train", *overrides, VOWELS, *flags, "--print_config"]) == 0
    printed = capsys.readouterr().out
    for line in (
        "lr: 0.001",
        "gate: null",
        "valid_fraction: 0.3",
        "seed: 4",
        "output_dir: there",
        "precision: 64-true",
    ):
        assert line in printed
    assert list(Path.cwd().iterdir()) == []


def test_a_printed_configuration_is_a_recipe(capsys):
    assert main(["train", VOWELS, "--optim.lr", "0.002", "--print_config"]) == 0
    printed = capsys.readouterr().out
    Path("mine.yaml").write_text(printed)
    assert main(["train", "mine.yaml", "--print_config"]) == 0
    assert capsys.readouterr().out == printed
    assert main(["train", "mine.yaml", *SMALL]) == 0
    assert len(list(Path("runs/mine").iterdir())) == 1


def test_a_recipe_of_ones_own_may_say_only_its_differences(capsys):
    Path("mine.yml").write_text("data: {source: basic-motions}\noptim: {lr: 1e-2}\n")
    assert main(["train", "./mine.yml", "--print_config"]) == 0
    printed = capsys.readouterr().out
    assert "lr: 0.01" in printed
    assert "hidden_size: 100" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "unknown command 'trian'; did you mean train?"),
        (["train"], "give a RECIPE"),
        (["train", "japanese-vowls"], "did you mean 'japanese-vowels'?"),
        (["train", VOWELS, "--sed", "3"], "unknown option '--sed'; did you mean --seed"),
        (["train", VOWELS, "another"], "unknown argument 'another'"),
        (["train", VOWELS, "--init-from", "nowhere"], "nowhere: there is no such run folder"),
        (["train", VOWELS, "--optim.lrr", "3"], "unknown key 'optim.lrr'; did you mean 'optim.lr'"),
        (["train", VOWELS, "--optim.lr", "fast"], "optim.lr must be a number, got 'fast'"),
        (["train", VOWELS, "--optim.lr"], "option --optim.lr needs a value"),
        (["train", VOWELS, "--optim.lr", "--seed", "3"], "option --optim.lr needs a value"),
        (["train", VOWELS, "--seed"], "--seed: expected one argument"),
        (["train", VOWELS, "--seed", "x"], "seed must be an integer, got 'x'"),
        (["train", VOWELS, "--device", "tpu"], "device must be auto, cpu, cuda or cuda:INDEX"),
        (["train", VOWELS, "--data.path", "/"], "is part of the package"),
        (["train", "paper/nucla"], "data.path is missing"),
        (["train", "paper/nucla", "--data.path", "absent.zip"], "absent.zip"),
        (["train", "--data", "absent.zip"], "absent.zip"),
        (["train", "absent.yaml"], "absent.yaml: there is no such file"),
        (["train", "--resume", "runs/absent"], "runs/absent: there is no such run folder"),
        (["train", VOWELS, "--output-dir", "/dev/null/x"], "/dev/null/x"),
        (["evaluate"], "the following arguments are required: RUN"),
        (["evaluate", "absent"], "absent: there is no such run folder"),
        (["evaluate", "absent", "--optim.lr", "3"], "takes no --section.key options, got --optim.lr"),
        (["predict", "absent", "x.ts"], "absent: there is no such run folder"),
        (["data", "check", "absent.ts"], "absent.ts"),
        (["data", "chek"], "invalid choice: 'chek'"),
        (["compare", VOWELS, "--seeds", "a"], "argument --seeds: invalid int value: 'a'"),
        (["compare", VOWELS, "--seeds", "1", "1"], "--seeds must be different integers"),
        (["compare", VOWELS, "--model.gate", "null"], "model.gate must not be null"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(arguments, message, capsys):
    assert message in fails(arguments, capsys)
    assert not Path("runs").exists()


def test_predicting_other_data_than_the_model_knows_is_one_line(run, series, capsys):
    assert "the model takes (12,)" in fails(["predict", run, series / "Slope_TEST.ts"], capsys)


def test_a_run_without_a_model_is_one_line(run, tmp_path, capsys):
    folder = tmp_path / "early"
    folder.mkdir()
    (folder / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    assert "config.json: there is no such file" in fails(["evaluate", folder], capsys)


def test_two_runs_at_the_same_moment_do_not_share_a_folder():
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [*COMMAND, "train", VOWELS, *SMALL]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "12"]
    for process in started:
        process.communicate(timeout=120)
        assert process.returncode == 0
    one, other = Path("runs", VOWELS).iterdir()
    assert (one / "model/model.safetensors").read_bytes() == (other / "model/model.safetensors").read_bytes()


LONGER = [VOWELS, *SMALL[:4], "--training.max_epochs", "9", "--device", "cpu", "--model.backend", "reference"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weights of a run of nine epochs that nothing interrupted."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole")
    assert main(["train", *LONGER, "--output-dir", str(folder)]) == 0
    return next(folder.glob("*/*/model/model.safetensors")).read_bytes()


def interrupt(signal_number: int, epochs: int) -> tuple[int, str]:
    """Start a run in a process of its own, and send it a signal once some epochs are in its table."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*COMMAND, "train", *LONGER],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        tables = list(Path("runs", VOWELS).glob("*/metrics.csv"))
        if tables and len(tables[0].read_text().splitlines()) > epochs:
            process.send_signal(signal_number)
            break
        time.sleep(0.002)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_run_killed_and_resumed_ends_with_the_same_bytes(whole, epochs, capsys):
    status, _ = interrupt(signal.SIGKILL, epochs)
    assert status == -signal.SIGKILL
    (path,) = Path("runs", VOWELS).iterdir()
    assert not (path / "results.json").exists()
    assert main(["train", *LONGER, "--resume"]) == 0
    assert (path / "model/model.safetensors").read_bytes() == whole
    assert len((path / "metrics.csv").read_text().splitlines()) == 1 + 9
    assert list(Path("runs", VOWELS).iterdir()) == [path]
    assert "continuing after epoch" in capsys.readouterr().err or epochs == 1


def test_ctrl_c_exits_with_130_and_says_how_to_go_on(whole):
    status, errors = interrupt(signal.SIGINT, 2)
    (path,) = Path("runs", VOWELS).iterdir()
    assert status == 130
    assert f"interrupted; continue with: attentive train --resume {path}" in errors
    assert "Traceback" not in errors
    assert main(["train", "--resume", str(path)]) == 0
    assert (path / "model/model.safetensors").read_bytes() == whole


def test_a_terminated_run_exits_with_143_and_can_go_on(whole):
    status, errors = interrupt(signal.SIGTERM, 2)
    (path,) = Path("runs", VOWELS).iterdir()
    assert status == 128 + signal.SIGTERM
    assert "attentive train --resume" in errors
    assert main(["train", "--resume", str(path)]) == 0
    assert (path / "model/model.safetensors").read_bytes() == whole


def test_resuming_with_another_configuration_names_the_key(run, capsys):
    folder = run.parent.parent
    results = (run / "results.json").read_bytes()
    (run / "results.json").unlink()
    try:
        arguments = ["train", VOWELS, *SMALL, "--output-dir", folder, "--resume", "--optim.lr", "0.1"]
        assert "optim.lr is 0.1 now and 0.005 there" in fails(arguments, capsys)
        arguments = ["train", "--resume", run, "--seed", "3"]
        assert "seed is 3 now and 0 there" in fails(arguments, capsys)
    finally:
        (run / "results.json").write_bytes(results)


def test_resuming_where_there_is_nothing_starts_and_says_so(capsys):
    assert main(["train", "--resume", VOWELS, *SMALL]) == 0
    assert "no run of this configuration to resume; starting one" in capsys.readouterr().err
    assert len(list(Path("runs", VOWELS).iterdir())) == 1


def test_compare_prints_the_table_and_writes_the_files(capsys):
    assert main(["compare", "basic-motions", *SMALL, "--seeds", "0", "1"]) == 0
    printed = capsys.readouterr().out
    for part in ("1-EleAtt-GRU(6)", "1-GRU(6)", "1-GRU(7)", "95 % interval", "paired by seed"):
        assert part in printed
    (folder,) = Path("runs/basic-motions").iterdir()
    assert {"comparison.csv", "comparison.json", "comparison.png"} <= {file.name for file in folder.iterdir()}


def test_info_lists_versions_backends_packages_and_recipes(capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for part in (
        f"torch {torch.__version__}",
        "reference",
        "the equations in PyTorch",
        "matplotlib",
        VOWELS,
        "threads",
    ):
        assert part in printed


def test_info_says_how_to_install_what_is_missing(monkeypatch, capsys):
    from attentive_rnn.training import environment

    monkeypatch.setattr(environment, "_version", lambda name: None if name == "tensorboard" else "1.0")
    assert main(["info"]) == 0
    assert "not installed: pip install 'attentive-rnn[train]'" in capsys.readouterr().out


def test_data_list_and_check(series, capsys):
    assert main(["data", "list"]) == 0
    assert "nucla" in capsys.readouterr().out
    assert main(["data", "check", str(series)]) == 0
    assert "30 train, 12 test" in capsys.readouterr().out
    assert main(["data", "check", str(series), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"] == {"train": 30, "test": 12}


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["data"], ["--version"]])
def test_help_and_version_exit_with_0(arguments, capsys):
    try:
        status = main(arguments)
    except SystemExit as leave:
        status = leave.code
    assert status == 0
    assert "attentive" in capsys.readouterr().out


@pytest.mark.parametrize(
    "code",
    [
        "import attentive_rnn",
        "import attentive_rnn.training",
        "from attentive_rnn.cli import main; main(['info'])",
        "from attentive_rnn.cli import main; main(['data', 'list'])",
        "from attentive_rnn.cli import main; main([])",
    ],
)
def test_what_does_not_train_does_not_import_lightning(code):
    check = f"{code}\nimport sys\nslow = ['lightning_fabric', 'tensorboard', 'matplotlib', 'scipy', 'sklearn']\n"
    check += "print([name for name in slow if name in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_traceback():
    process = subprocess.Popen([*COMMAND, "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    errors = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert b"Traceback" not in errors
