"""Charts of losses: a PNG with a panel for each part, in the colours of the models."""

import numpy as np
import pytest
from PIL import Image

from attentive_rnn.draw.colours import BLUE, ORANGE
from attentive_rnn.draw.loss_curves import plot_losses


def drawn(path, curves):
    plot_losses(curves, "a set", "cross-entropy", path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def rows(*losses, **more):
    return [{"train_loss": loss, **more} for loss in losses]


def coloured(picture, colour):
    """The columns of the picture that hold a colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.flatnonzero((picture == wanted).all(2).any(0))


def test_each_model_has_its_colour(tmp_path):
    picture = drawn(tmp_path / "a.png", {"gate": [rows(1.0, 0.1)], "no gate": [rows(0.9, 0.2)]})
    assert picture.shape == (630, 1500, 3)
    assert len(coloured(picture, BLUE))
    assert len(coloured(picture, ORANGE))
    assert not len(coloured(drawn(tmp_path / "b.png", {"gate": [rows(1.0, 0.1)]}), ORANGE))


@pytest.mark.parametrize("held_out", [True, False])
def test_validation_has_a_panel_of_its_own_where_something_was_held_out(tmp_path, held_out):
    more = {"valid_loss": 0.5} if held_out else {}
    picture = drawn(tmp_path / "a.png", {"gate": [rows(1.0, 0.1, **more)]})
    columns = coloured(picture, BLUE)
    assert (np.diff(columns).max() > 20) == held_out  # the gap between two panels


def test_the_mean_of_runs_ends_with_the_shortest(tmp_path):
    curves = {"gate": [rows(1.0, 0.5, 0.2, 0.1), rows(0.8, 0.4)]}
    short = coloured(drawn(tmp_path / "a.png", curves), BLUE)
    long = coloured(drawn(tmp_path / "b.png", {"gate": [rows(1.0, 0.5, 0.2, 0.1)] * 2}), BLUE)
    assert short.max() < long.max()
