"""Launchers of a study as jobs of this machine: divided, killed, failed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.launchers import launch_study
from attentive_rnn.experiments.study import read_study, run_study
from attentive_rnn.experiments.table import StudyTable

pytest.importorskip("submitit")

STUDY = """
seeds: [0, 1, 2]
models: [no-gate, gate]
runs:
- {name: vowels, recipe: japanese-vowels, set: {model.hidden_size: 1, model.num_layers: 1, training.max_epochs: 1}}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    (tmp_path / "study.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "study.yaml"


def kill_one(table):
    """Kill the first process that makes a row."""
    while not (at_work := list(table.parent.glob("..t.csv.*.row.lock"))):
        time.sleep(0.02)
    try:
        os.kill(json.loads(at_work[0].read_text())["process"], signal.SIGKILL)
    except (OSError, ValueError):  # it has just ended
        kill_one(table)


def test_a_killed_job_is_started_again_and_the_table_is_that_of_a_sequential_study(study, tmp_path, capsys):
    killer = threading.Thread(target=kill_one, args=(tmp_path / "t.csv",))
    killer.start()
    launch_study(study, tmp_path / "t.csv", engine="local", workers=2, options={})
    killer.join()
    assert "a launcher was killed, and another one starts" in capsys.readouterr().err
    run_study(read_study(study), alone := StudyTable(tmp_path / "alone.csv"), output=tmp_path / "others")
    run_study(read_study(study), both := StudyTable(tmp_path / "t.csv"))
    assert list(both.rows) == list(alone.rows)
    for key, row in alone.rows.items():
        assert replace(both.rows[key], seconds=row.seconds) == row
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_error_of_a_job_is_that_of_the_command(study, tmp_path):
    study.write_text(STUDY.replace("model.num_layers: 1", "model.num_layers: 0"))
    with pytest.raises(ConfigError, match=r"num_layers.* \(its log: t\.jobs"):
        launch_study(study, tmp_path / "t.csv", engine="local", workers=1, options={})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers": 0}, "--workers must be 1 or more, got 0"),
        ({"options": {"timeout_min": 3}}, "--job timeout_min: is for --on slurm"),
        ({"engine": "slurm"}, "--on slurm: this machine has no sbatch"),
    ],
)
def test_what_makes_no_sense_is_refused(study, tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        launch_study(study, tmp_path / "t.csv", **({"engine": "local", "workers": 1, "options": {}} | changes))
