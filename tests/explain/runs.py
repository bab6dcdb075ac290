"""Small real runs of every kind of data, trained by the command."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema, SequenceDataset
from attentive_rnn.data.formats import npz
from attentive_rnn.explain import Explanation, explain, measure_usual
from attentive_rnn.training import RunFolder, SavedModel, load_config, load_model, train
from attentive_rnn.training.setup import load_splits
from data.writers import write_mnist

SMALL = {"model.hidden_size": "6", "model.num_layers": "2", "training.max_epochs": "2", "device": "cpu"}


def skeletons(count: int = 24, persons: int = 1) -> SequenceDataset:
    """Standing bodies that wave their right hand, or their left one; the second class has a hostile name."""
    rng = np.random.default_rng(0)
    body = np.zeros((20, 3))
    body[:, 1] = [
        0,
        0.2,
        0.5,
        0.7,
        0.45,
        0.25,
        0.1,
        0,
        0.45,
        0.25,
        0.1,
        0,
        -0.05,
        -0.4,
        -0.8,
        -0.85,
        -0.05,
        -0.4,
        -0.8,
        -0.85,
    ]
    body[:, 0] = [0, 0, 0, 0, 0.2, 0.3, 0.3, 0.3, -0.2, -0.3, -0.3, -0.3, 0.1, 0.1, 0.1, 0.1, -0.1, -0.1, -0.1, -0.1]
    sequences = []
    for i in range(count):
        steps = 8 + i % 5
        frames = np.tile(body, (steps, persons, 1, 1)) + 0.01 * rng.normal(size=(steps, persons, 20, 3))
        frames[:, 0, 11 if i % 2 else 7, 1] += np.sin(np.arange(steps)) ** 2
        sequences.append(torch.tensor(frames, dtype=torch.float32))
    schema = Schema(
        ("wave <left>", "</script><script>alert('x')</script>"), (persons, 20, 3), layout="kinect-20", rate=10.0
    )
    metas = [{"name": f"s/{i}", "split": "test" if i % 4 > 1 else "train"} for i in range(count)]
    return SequenceDataset(sequences, [i % 2 for i in range(count)], metas, schema, "waving")


def explained(run: RunFolder) -> tuple[list[Explanation], tuple[str, ...]]:
    """The explanations of a run's test sequences, and the names of its classes."""
    saved, splits = load_model(run.model), load_splits(run.read_config())
    return explain(saved, splits.test, measure_usual(saved, splits.train)), saved.schema.classes


def saved_for(schema: Schema, **options: Any) -> SavedModel:
    """A classifier of a schema with new weights."""
    model = SequenceClassifier(schema.size, len(schema.classes), hidden_size=5, num_layers=2, **options).eval()
    return SavedModel(model, schema, Compose([]))


def small_run(folder: Path, recipe: str, **changes: str) -> RunFolder:
    """A finished run of two epochs; keys of the configuration with __ for the dots."""
    torch.set_num_threads(1)
    overrides = SMALL | {key.replace("__", "."): value for key, value in changes.items()}
    return train(load_config(recipe, overrides.items()), folder, console=Console(file=StringIO()))


@pytest.fixture(scope="session")
def skeleton_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on skeletons, to be read only, but for its explanations."""
    folder = tmp_path_factory.mktemp("skeleton-run")
    (folder / "waving.npz").write_bytes(npz.to_bytes(skeletons()))
    return small_run(folder, "paper/skeleton", data__path=str(folder / "waving.npz"))


@pytest.fixture(scope="session")
def feature_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on the six channels of a smart watch."""
    return small_run(tmp_path_factory.mktemp("feature-run"), "basic-motions")


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run without any attention."""
    return small_run(tmp_path_factory.mktemp("plain-run"), "basic-motions", model__gate="null")


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that answers questions about images, by two layers of attention."""
    folder = tmp_path_factory.mktemp("image-run")
    options = "{image_size: 40, train: 60, test: 30, digits: [2, 3], scales: [1.0, 2.0]}"
    vision = {"vision__channels": "[4, 6]", "vision__hidden_size": "3", "training__batch_size": "20"}
    return small_run(folder, "mdist", data__path=str(write_mnist(folder)), data__options=options, **vision)


@pytest.fixture(scope="session")
def pixel_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on images pixel by pixel, in an order of its own."""
    folder = tmp_path_factory.mktemp("pixel-run")
    options = {"data__path": str(write_mnist(folder, train=40, test=10)), "model__gate": "sigmoid"}
    return small_run(folder, "pmnist", **options, model__num_layers="1", training__max_epochs="1")


@pytest.fixture(scope="session")
def number_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that predicts a number, by a layer that looks back."""
    options = {"data__options": "{length: 12, count: 60, test_count: 30}", "data__valid_fraction": "0.5"}
    options |= {"model__cell": "rra", "model__lags": "3"}
    return small_run(tmp_path_factory.mktemp("number-run"), "adding", **options)


class FirstElement(nn.Module):
    """The logit of class 1 is ten times the mean over time of element 0; nothing else matters."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        known = torch.arange(x.shape[1]) < lengths[:, None]
        score = (10 * x[..., 0] * known).sum(1) / lengths
        return torch.stack([torch.zeros_like(score), score], dim=1)


@pytest.fixture
def planted() -> tuple[FirstElement, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The network, x (3, 4, 5), the lengths and the class of each row."""
    x, lengths = torch.ones(3, 4, 5).double(), torch.tensor([4, 2, 3])
    return FirstElement(), x, lengths, torch.tensor([1, 1, 1])
