"""The command `attentive train`: configurations, runs, and runs that are killed and resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from attentive_rnn.cli import main
from commands.calls import COMMAND, SMALL, VOWELS, fails, results_of


def test_train_says_how_the_run_did(run, capsys):
    assert main(["train", "--resume", str(run)]) == 0
    captured = capsys.readouterr()
    results = results_of(run)
    assert f"test accuracy    {100 * results['test']['accuracy']:.1f} % (95 % interval" in captured.out
    assert str(run) in captured.out
    assert f"{run}: this run is finished" in captured.err


def test_a_data_set_alone_is_trained_on_after_a_line_that_says_what_was_chosen(tmp_path, capsys):
    rows = ["sequence,t,x,label"]
    for i in range(16):
        rows += [f"{i},{t},{(-1) ** i * t / 7 + i / 99:.3f},{'up' if i % 2 else 'down'}" for t in range(6)]
    (tmp_path / "gestures.csv").write_text("\n".join(rows))
    assert main(["train", "gestures.csv", "--output-dir", "runs", *SMALL]) == 0
    said = capsys.readouterr().err
    line = next(line for line in said.splitlines() if line.startswith("recipe "))
    assert line == (
        "recipe sequence, for 1 feature a frame: 12 sequences of 2 classes to train on, none for validation, "
        "4 for testing; 2 epochs of 3 steps"
    )
    assert len(list(Path("runs/sequence").iterdir())) == 1
    assert "did you mean 'gestures.csv'" in fails(["train", "gesture.csv"], capsys)
    assert "--live chooses among recipes" in fails(["train", VOWELS, "--live"], capsys)


def test_a_named_recipe_says_the_same_line(capsys):
    assert main(["train", "basic-motions", *SMALL, "--training.max_epochs", "1", "--seed", "7"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("recipe ")]
    assert said == [
        "recipe basic-motions, for 6 features a frame: 32 sequences of 4 classes to train on, 8 for validation, "
        "40 for testing; 1 epoch of 4 steps at most"
    ]
    assert main(["train", "basic-motions", *SMALL, "--training.max_epochs", "1", "--seed", "8", "--quiet"]) == 0
    assert "recipe " not in capsys.readouterr().err


def test_folds_are_measured_on_what_each_run_has_not_seen_and_fused(capsys):
    words = [
        "train",
        "--data.source",
        "basic-motions",
        "--folds",
        "2",
        "--ensemble",
        *SMALL,
        "--training.max_epochs",
        "1",
    ]
    assert main(words) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.rsplit("/", 2)[-2] for line in printed[:2]] == ["sequence", "sequence"]
    assert "mean accuracy of 2 folds" in printed[2]
    assert "all models together on the 40 test sequences" in printed[3]
    assert "--ensemble joins the models" in fails(["train", VOWELS, "--ensemble"], capsys)
    assert "leave --resume out" in fails(["train", VOWELS, "--folds", "2", "--resume"], capsys)


def test_a_budget_is_spent_and_what_was_tried_is_said(capsys):
    assert main(["train", "--data.source", "basic-motions", "--budget", "0.01s", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("search           no other settings were tried: the budget is too short for it, or all ")
    assert "test accuracy" in printed
    assert "--budget must be a time such as 90s" in fails(["train", VOWELS, "--budget", "soon"], capsys)


def test_folds_that_promise_more_than_the_test_part_keeps_are_warned_of(turned_table, capsys):
    words = ["train", str(turned_table), "--folds", "2", *SMALL, "--training.max_epochs", "8", "--optim.lr", "0.02"]
    assert main(words) == 0
    assert "validation (100.0 % of 40) and test (0.0 % of 20) differ beyond chance" in capsys.readouterr().err


def test_a_finished_run_without_its_report_gets_it(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "report.html").unlink()
    assert main(["train", "--resume", str(copy)]) == 0
    assert (copy / "report.html").exists()
    assert "report" in capsys.readouterr().out


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
    assert errors.endswith(f"\nattentive: interrupted; go on with: attentive train --resume {path}\n")
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


def test_a_changed_configuration_is_answered_with_the_command_that_goes_on(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "results.json").unlink()
    said = fails(["train", "--resume", copy, "--training.max_epochs", "7"], capsys)
    assert f"training.max_epochs is 7 now and 2 there; to go on as it began: attentive train --resume {copy}" in said


def test_resuming_a_recipe_takes_the_path_of_the_data_from_the_run(series, capsys):
    data = Path(shutil.copytree(series, "data"))
    options = ["train", "sequence", *SMALL]
    assert main([*options, "--data", str(data)]) == 0
    (path,) = Path("runs/sequence").iterdir()
    (path / "results.json").unlink()
    assert main([*options, "--resume", "--quiet"]) == 0
    assert (path / "results.json").exists()
    data.rename("elsewhere")
    capsys.readouterr()
    for arguments in (["evaluate", path], ["explain", path], ["report", path]):
        assert "if the data have moved: --data PATH" in fails(arguments, capsys)
    (path / "results.json").unlink()
    assert main(["train", "--resume", str(path), "--data", "elsewhere", "--quiet"]) == 0
    assert (path / "results.json").exists()


def test_the_result_is_one_json_document_and_quiet_says_nothing_else(capsys):
    assert main(["train", VOWELS, *SMALL, "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    printed = json.loads(captured.out)
    assert captured.err == ""
    assert printed["test"] == results_of(Path(printed["run"]))["test"]


def test_several_devices_without_a_gpu_are_said_to_be_processes(capsys):
    assert main(["train", VOWELS, *SMALL, "--devices", "2"]) == 0
    assert "no GPU is used: devices 2 are 2 processes on this processor" in capsys.readouterr().err


def test_resuming_where_there_is_nothing_starts_and_says_so(capsys):
    assert main(["train", "--resume", VOWELS, *SMALL]) == 0
    assert "no run of this configuration to resume; starting one" in capsys.readouterr().err
    assert len(list(Path("runs", VOWELS).iterdir())) == 1
