"""`attentive lags`, `attentive masks` and `attentive silhouettes`, end to end."""

from __future__ import annotations

from PIL import Image

from attentive_rnn.cli import main


def test_the_command_prints_and_draws_the_weights_of_runs(tmp_path, capsys):
    options = ["--data.options", "{length: 8, count: 20, test_count: 4}", "--training.max_epochs", "1"]
    options += ["--model.cell", "rra", "--model.hidden_size", "4", "--model.lags", "3", "--model.first_lag", "2"]
    assert main(["train", "adding", *options, "--output_dir", str(tmp_path / "runs")]) == 0
    run = next((tmp_path / "runs" / "adding").iterdir())
    capsys.readouterr()
    picture = tmp_path / "lags.png"
    assert main(["lags", str(run), "--out", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "adding" in printed
    assert "2: 0." in printed
    assert "4: 0." in printed
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["lags", str(run), "--out", str(picture)]) == 2


def test_masks_of_networks_are_drawn_side_by_side(image_run, tmp_path, capsys):
    picture = tmp_path / "masks.png"
    assert main(["masks", str(image_run.path), "--picture", str(picture), "--items", "0", "3"]) == 0
    assert capsys.readouterr().out == f"{picture}\n"
    with Image.open(picture) as image:
        assert image.size == (192, 217)  # an image and one network, two rows of 1.7 inches
    assert main(["masks", str(image_run.path), "--picture", str(picture), "--items", "30"]) == 2
    assert "there is no test item 30; they go from 0 to 29" in capsys.readouterr().err


def test_masks_of_a_run_on_sequences_are_refused(feature_run, tmp_path, capsys):
    assert main(["masks", str(feature_run.path), "--picture", str(tmp_path / "x.png")]) == 2
    assert "is a model of sequences; use attentive explain" in capsys.readouterr().err


def test_silhouettes_that_are_not_there_are_one_line(feature_run, capsys):
    assert main(["silhouettes", "nothing.npz", str(feature_run.path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
