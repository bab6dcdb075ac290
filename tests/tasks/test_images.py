"""Training on images by the command: each task from files in the formats of MNIST and CIFAR to its results."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from attentive_rnn.cli import main
from attentive_rnn.data import load
from attentive_rnn.errors import ConfigError
from attentive_rnn.models import ProgressiveAttention
from attentive_rnn.tasks import task_for
from attentive_rnn.tasks.images import attention_on_object, box_of
from attentive_rnn.training import load_config, load_model, open_run
from attentive_rnn.training.setup import build_model
from data.writers import write_cifar_jpegs, write_mnist

SMALL = ["--training.max_epochs", "2", "--training.batch_size", "20", "--vision.hidden_size", "3", "--device", "cpu"]
SCENES = {
    "mdist": "[4, 6, 6]",
    "scene-questions": "[4, 6, 6]",
    "scene-editing": "[4, 6]",
}


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    return write_mnist(tmp_path_factory.mktemp("mnist"))


def options(**changes):
    return {"image_size": 40, "train": 60, "test": 30, "digits": [2, 4], "scales": [1.0, 3.0], **changes}


def run_command(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return captured.out


def trained(capsys, recipe, path, out, *arguments):
    text = run_command(capsys, "train", recipe, "--data.path", path, "--output-dir", out, *SMALL, *arguments)
    folder = next(line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith("run "))
    return text, open_run(folder)


@pytest.mark.parametrize("recipe", SCENES)
def test_scenes_from_files_to_results(recipe, mnist, tmp_path, capsys):
    chosen = ["--data.options", json.dumps(options()), "--vision.channels", SCENES[recipe]]
    text, run = trained(capsys, recipe, mnist, tmp_path, *chosen)
    test = run.read_results()["test"]
    assert test["count"] == 30
    assert "FLOPs an image" in text
    assert 0 < test["attention"]["area"] < 1
    picture = tmp_path / "masks.png"
    run_command(capsys, "masks", run.path, "--picture", picture, "--items", 0, 5)
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = run_command(capsys, "evaluate", run.path)
    shown = [line for line in text.splitlines() if line.startswith(("test ", "attention", "scale", "in the region"))]
    assert shown
    assert all(line in again for line in shown)
    if recipe == "mdist":
        assert sum(row["count"] for row in test["by_scale"]) == 30
    elif recipe == "scene-questions":
        assert set(test["by_kind"]) == {"colour", "count", "count of a colour", "neighbour"}
    else:
        assert test["unchanged"] > 0
        assert test["error"] == pytest.approx((test["inside"] + test["outside"]) / 2)


def test_cifar_from_pictures_to_results(tmp_path, capsys):
    pictures = write_cifar_jpegs(tmp_path / "pictures", train=20, test=6)
    small = ["--vision.channels", "[4, 6]", "--vision.blocks", "[1, 1]", "--training.max_epochs", "4"]
    text, run = trained(capsys, "cifar10", pictures, tmp_path, *small)
    assert "test accuracy" in text
    test = run.read_results()["test"]
    assert (test["count"], test["classes"]) == (12, ["cat", "dog"])
    assert "attention" not in test
    assert "true class" in run_command(capsys, "evaluate", run.path)


def test_a_comparison_trains_every_attention_or_those_that_are_named(mnist, tmp_path, capsys):
    shared = ["--data.path", mnist, "--output-dir", tmp_path, "--data.options", json.dumps(options()), *SMALL]
    shared += ["--training.max_epochs", "1", "--vision.channels", "[4, 6]"]
    text = run_command(capsys, "compare", "mdist", *shared, "--models", "pan", "none", "--seeds", "0", "1")
    assert "local attention minus no attention" in text
    folder = next(tmp_path.glob("mdist/compare-*"))
    runs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert runs == ["none-seed0", "none-seed1", "pan-seed0", "pan-seed1"]
    assert "% on digit" in (folder / "comparison.md").read_text()
    run_command(capsys, "compare", "mdist", *shared, "--seeds", "0")
    everything = (folder / "comparison.md").read_text()
    assert all(name in everything for name in ("AttentionRNN", "with context", "CBAM", "1x1 convolution"))
    assert len([p for p in folder.iterdir() if p.is_dir()]) == 8  # the runs of the first comparison were taken over


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(mnist, tmp_path, capsys):
    chosen = ["--data.options", json.dumps(options()), "--vision.channels", "[4, 6]", "--vision.attention", "pan"]
    chosen += ["--optim.schedule", "steps", "--optim.lr_steps", "[1, 2]", "--optim.optimizer", "sgd"]
    _, whole = trained(capsys, "mref", mnist, tmp_path / "whole", *chosen, "--training.max_epochs", "3")
    _, part = trained(capsys, "mref", mnist, tmp_path / "part", *chosen, "--training.max_epochs", "3")
    rates = [float(line.split(",")[1]) for line in whole.metrics.read_text().splitlines()[1:]]
    assert rates == pytest.approx([0.003, 0.002, 0.003 * 4 / 9])
    assert (whole.model / "model.safetensors").read_bytes() == (part.model / "model.safetensors").read_bytes()


def test_a_saved_network_answers_as_the_one_that_was_trained(mnist, tmp_path, capsys):
    chosen = ["--data.options", json.dumps(options()), "--vision.channels", "[4, 6]", "--optim.optimizer", "rmsprop"]
    _, run = trained(capsys, "mref", mnist, tmp_path, *chosen)
    saved = load_model(run.model)
    assert isinstance(saved.model, ProgressiveAttention)
    dataset = load("mref", mnist, **options()).test
    logits = saved.logits(dataset)
    accuracy = float((logits.argmax(1) == dataset.labels).mean())
    assert accuracy == pytest.approx(run.read_results()["test"]["accuracy"])


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        ("mref", [("vision.network", "resnet")], "none that takes the questions of these data"),
        ("mref", [("vision.network", "editor")], "it must be another one: the data have classes"),
        ("scene-editing", [("vision.network", "answerer")], "it must be editor"),
        ("mref", [("vision.channels", "[4, 4, 4, 4, 4]")], "too small for 5 layers"),
        ("mref", [("vision.channels", "[]")], "vision.channels must be a list of numbers"),
        ("mref", [("optim.lr_steps", "[3, 2]")], "optim.lr_steps must be a rising list"),
        ("mref", [("vision.attention", "transformer")], "vision.attention must be arnn"),
    ],
)
def test_what_does_not_go_together_is_one_clear_error(recipe, changes, message, mnist):
    def build():
        config = load_config(recipe, [("data.path", str(mnist)), *changes])
        return build_model(config, load(config.data.source, mnist, **options()).train.schema)

    with pytest.raises(ConfigError, match=message):
        build()


def test_attention_is_the_share_of_each_mask_within_the_box(mnist):
    dataset = load("mref", mnist, **options()).test

    class Even(ProgressiveAttention):
        def masks_in_image(self, masks):
            return [torch.ones(len(masks[0]), 40, 40)] * 2

    found = attention_on_object(Even(40, 5, 10, (4,), "none"), dataset)
    boxes = [box_of(dataset.region(i)).mean() for i in range(len(dataset))]
    assert found["area"] == pytest.approx(np.mean(boxes))
    assert found["layers"] == pytest.approx([found["area"]] * 2)
    assert found["together"] == pytest.approx(found["area"])


def test_errors_of_an_edit_are_those_of_the_regions(mnist):
    dataset = load("scene-editing", mnist, **options()).test
    task = task_for(dataset.schema)
    from attentive_rnn.data import collate

    batch = collate([dataset[i] for i in range(8)])
    unchanged = task.keep(batch.x, batch)
    assert torch.allclose(unchanged[:, 0], unchanged[:, 2])
    assert unchanged[:, 1].abs().max() == 0
    perfect = task.keep(batch.labels[:, :3], batch)
    assert perfect[:, :2].abs().max() == 0
    assert task.loss(batch.x, batch.labels).item() == pytest.approx(unchanged[:, 0].mean().item() / 2, rel=1e-5)
    assert task.tally(batch.x, batch.labels).item() == pytest.approx(8 * task.loss(batch.x, batch.labels).item())
    assert task.score(unchanged.numpy(), None)["error"] == pytest.approx(task.loss(batch.x, batch.labels).item())
