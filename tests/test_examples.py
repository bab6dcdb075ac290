"""Programs of the folder examples: each runs from beginning to end and writes what it says."""

from __future__ import annotations

import re
import runpy
import warnings
from pathlib import Path

import pytest
import torch
from opacus import GradSampleModule, PrivacyEngine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from attentive_rnn import AttentionRNN2d, EleAttGRUCell, EleAttLSTMCell, EleAttRNNCell, SequenceClassifier

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_the_estimator_chooses_its_parameters_and_draws_its_attention(tmp_path, capsys):
    runpy.run_path(str(EXAMPLES / "estimator.py"))["main"](tmp_path)
    printed = capsys.readouterr().out
    assert "best of 4: {'hidden_size':" in printed
    assert float(printed.split("new recordings ")[1].split()[0]) > 0.5
    assert "of the attended input" in printed
    assert (tmp_path / "classes.png").stat().st_size > 10_000
    assert str(tmp_path / "classes.png") in printed


def run(name, capsys, *arguments):
    runpy.run_path(str(EXAMPLES / name))["main"](*arguments)
    return capsys.readouterr().out


def test_lightning_trains_the_classifier(tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers of the loader
        assert float(run("with_lightning.py", capsys, tmp_path).split()[-1]) > 0.5


def test_skorch_makes_an_estimator_of_a_network(capsys):
    validated, accuracy = (float(line.split()[-1]) for line in run("with_skorch.py", capsys).splitlines())
    assert validated > 0.5
    assert accuracy > 0.5


def test_optuna_ends_bad_runs_early(tmp_path, capsys):
    printed = run("with_optuna.py", capsys, tmp_path)
    runs, pruned = re.match(r"(\d+) runs, (\d+) ended early; best {'hidden_size':", printed).groups()
    finished = list(tmp_path.glob("trial-*/results.json"))
    assert (int(runs), len(finished)) == (6, 6 - int(pruned))
    assert int(pruned) > 0


@pytest.mark.filterwarnings("ignore")  # Ray's, which leaves sockets open
def test_ray_ends_bad_runs_early(tmp_path, capsys, monkeypatch):
    pytest.importorskip("ray.tune", reason="Ray is 240 MB, and no part of the extra dev: pip install 'ray[tune]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    printed = run("with_ray.py", capsys, tmp_path, 4)
    runs, ended = re.search(r"(\d+) runs, (\d+) ended early; best {'hidden_size':", printed).groups()
    finished = list(tmp_path.glob("trial-*/results.json"))
    assert (int(runs), len(finished)) == (4, 4 - int(ended))
    assert finished


def test_onnx_graphs_compute_what_the_layer_does(tmp_path, capsys):
    printed = run("with_onnx.py", capsys, tmp_path)
    gaps = [float(line.split()[-1]) for line in printed.splitlines() if "difference" in line]
    assert len(gaps) == 3
    assert max(gaps) < 1e-5


def test_windows_of_an_eeg_are_told_apart_by_the_channels_at_the_back(capsys):
    printed = run("eeg_windows.py", capsys)
    assert float(printed.splitlines()[0].split()[-1]) > 0.7
    assert "O1" in printed or "O2" in printed


def test_opacus_trains_with_a_gradient_for_each_sequence(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Opacus's on its random numbers
        printed = run("with_opacus.py", capsys)
    accuracy, epsilon = re.match(r"accuracy ([\d.]+), epsilon ([\d.]+) at", printed).groups()
    assert float(accuracy) > 0.4
    assert 0 < float(epsilon) < 100


def test_the_gradients_given_to_opacus_are_those_of_a_loop_over_the_sequences():
    torch.manual_seed(0)
    model = SequenceClassifier(3, 2, hidden_size=4, num_layers=2, dropout=0.0).double()
    x, labels = torch.randn(5, 7, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1])
    found = runpy.run_path(str(EXAMPLES / "with_opacus.py"))["gradients"](model, x, labels)
    for row in range(5):
        model.zero_grad()
        nn.functional.cross_entropy(model(x[row : row + 1]), labels[row : row + 1]).backward()
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(found[name][row], parameter.grad, msg=name)


@pytest.mark.parametrize(
    "model",
    [
        SequenceClassifier(3, 2, hidden_size=4, num_layers=1, dropout=0.0),
        EleAttRNNCell(3, 4),
        EleAttLSTMCell(3, 4),
        EleAttGRUCell(3, 4),
        AttentionRNN2d(3, 4),
        AttentionRNN2d(3, 4, scan="flat", feed_mask=True),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_hooks_of_opacus_are_refused_before_training_starts(model):
    name = "EleAttGRU" if isinstance(model, SequenceClassifier) else type(model).__name__
    with pytest.raises(NotImplementedError, match=rf"for {name}; use make_private\(grad_sample_mode=\"no_op\"\)"):
        GradSampleModule(model)


@pytest.mark.filterwarnings("ignore")  # Opacus's on its random numbers
def test_the_engine_of_opacus_refuses_a_cell():
    cell = EleAttGRUCell(3, 4)
    optimizer = torch.optim.SGD(cell.parameters(), lr=0.1)
    data = DataLoader(TensorDataset(torch.zeros(4, 3)), batch_size=2)
    engine = PrivacyEngine()
    with pytest.raises(NotImplementedError, match="for EleAttGRUCell"):
        engine.make_private(module=cell, optimizer=optimizer, data_loader=data, noise_multiplier=1.0, max_grad_norm=1.0)
