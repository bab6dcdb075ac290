"""The table of the fewest sensors: its runs are made, once each, and their means are what the page shows."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.data.formats import npz
from benchmarks import explaining, rows, sensors

QUICK = {"model.hidden_size": "6", "model.num_layers": "1", "training.max_epochs": "4", "optim.lr": "0.02"}


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A copy of the page, without rows, which the command works on."""
    shutil.copy(explaining.DOCS / "results.md", tmp_path)
    monkeypatch.setattr(explaining, "DOCS", tmp_path)
    return tmp_path


@pytest.fixture
def planted(pages, monkeypatch):
    """Both sets are small ones of four features, of which the third tells the class."""
    rng = np.random.default_rng(0)
    labels = [i % 2 for i in range(80)]
    frames = 0.3 * rng.normal(size=(80, 6, 4))
    frames[:, :, 2] += 3 * np.array(labels)[:, None] - 1.5
    metas = [{"name": f"{i}", "split": "test" if i >= 60 else "train"} for i in range(80)]
    sequences = list(torch.tensor(frames, dtype=torch.float32))
    schema = Schema(("low", "high"), (4,), features=("a", "b", "telling", "d"))
    (pages / "planted.npz").write_bytes(npz.to_bytes(SequenceDataset(sequences, labels, metas, schema, "planted")))
    held_out, folds = ({"data.valid_fraction": part, "training.select": "last"} for part in ("0.3", "0"))
    entries = {
        "NATOPS": explaining.Entry("planted.npz", "paper/sequence", QUICK | held_out),
        "N-UCLA": explaining.Entry("planted.npz", "paper/sequence", QUICK | folds),
    }
    monkeypatch.setattr(sensors, "SETS", entries)
    return pages


def line(name="NATOPS", gate="sigmoid", seed=0, test=0.9, kept=1, attention=None, attended=(0.5, 0.8, 0.7, 0.9)):
    curves = attended, (0.4, 0.4, 0.4, 0.9), (0.3, 0.3, 0.3, 0.9)
    return sensors.Line(name, gate, seed, attention, *curves, "c", kept, test, 0.8, 1.0, test, 0.8, 1.0, "0")


def test_each_gate_is_trained_once_a_seed_and_the_long_set_once(planted, capsys):
    words = ["--data", str(planted), "--output-dir", str(planted / "runs"), "--seeds", "3"]
    assert sensors.main([*words, "4", "--only", "N-UCLA"]) == sensors.main(words) == 0
    lines = rows.read(planted / "sensors.csv", sensors.Line)
    keys = [(one.name, one.gate, one.seed) for one in lines]
    assert keys[0] == ("N-UCLA", "sigmoid", 3)
    assert keys[1:] == [("NATOPS", gate, 3) for gate in sensors.GATES]
    assert all(one.chosen.split("; ")[0] == "telling" for one in lines)
    assert all(one.attended[-1] == one.distance[-1] == one.random[-1] for one in lines)
    assert [one.attention is None for one in lines[1:]] == [True, False, False]
    before = (planted / "sensors.csv").read_bytes(), (planted / "results.md").read_text(encoding="utf-8")
    assert sensors.table(lines) in before[1]
    shutil.rmtree(planted / "runs")
    assert sensors.main(words) == 0
    assert ((planted / "sensors.csv").read_bytes(), (planted / "results.md").read_text(encoding="utf-8")) == before
    assert not (planted / "runs").exists()


def test_the_table_has_the_means_over_the_seeds_which_it_names():
    three = [line(seed=seed, test=test, kept=kept) for seed, test, kept in ((1, 0.8, 2), (0, 0.9, 1), (2, 1.0, 4))]
    two = [line(gate="hard, penalty 1", seed=seed, attention=0.05 + seed / 50) for seed in (0, 1)]
    one = [line("N-UCLA", attended=(1.0, 0.5, 0.5, 1.0))]
    *_, first, second, third = sensors.table([*one, *two, *three]).splitlines()
    assert first == (
        "| NATOPS (0 1 2) | sigmoid | not penalised | 80.0 / 40.0 / 30.0 (2) | 80.0 / 40.0 / 30.0 (2) "
        "| 72.5 / 52.5 / 45.0 | 90.0 (65.2 to 114.8) | 1, 2, 4 of 4 | 90.0 (65.2 to 114.8) |"
    )
    assert second.startswith("| NATOPS (0 1) | hard, penalty 1 | 0.06 | ")
    assert second.endswith("| 90.0 | 1, 1 of 4 | 90.0 |")
    assert third.startswith("| N-UCLA (0) | sigmoid | not penalised | 50.0 / 40.0 / 30.0 (2) |")
    assert third.endswith("| 90.0 (80.0 to 100.0) | 1 of 4 | 90.0 (80.0 to 100.0) |")


def test_rows_of_several_processes_are_all_kept_and_read_as_they_were(tmp_path):
    path = tmp_path / "sensors.csv"
    assert rows.read(path, sensors.Line) == []
    first, second = line(), line("N-UCLA", attention=0.25)
    rows.add(path, first)
    assert rows.add(path, second) == rows.read(path, sensors.Line) == [first, second]
