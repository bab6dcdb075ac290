"""NTU RGB+D as frame features: labels and protocols by the films' names, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import load, recognise
from attentive_rnn.data.formats.features import write_features
from attentive_rnn.errors import ConfigError, DataError


def _write(path, frames=6, dim=5):
    path.parent.mkdir(parents=True, exist_ok=True)
    features = np.arange(frames, dtype=np.float16)[:, None] + np.zeros(dim, np.float16)
    write_features(path, {"features": features, "times": np.arange(frames) / 30}, {"extractor_key": "a network"})


@pytest.fixture
def films(tmp_path):
    """Two actions by subjects 1 and 2 (in training) and 3 (not), each before three cameras."""
    for subject in (1, 2, 3):
        for view in (1, 2, 3):
            for action in (1, 60):
                name = f"S001C{view:03}P{subject:03}R001A{action:03}_rgb.safetensors"
                _write(tmp_path / "features" / "nturgb+d_rgb" / name, frames=5 + view)
    return tmp_path / "features"


def test_names_give_the_label_and_the_protocol_the_parts(films):
    assert recognise(films).name == recognise(films / "nturgb+d_rgb").name == "ntu-rgb"
    for protocol, key, tested in (("xsub", "subject", {3}), ("xview", "view", {1})):
        train, test = load("ntu-rgb", films, protocol=protocol)
        assert len(train) + len(test) == 18
        assert {meta[key] for meta in test.metas} == tested
        assert not {meta[key] for meta in train.metas} & tested
        assert set(train.labels.tolist()) == {0, 59}
    assert len(train.schema.classes) == 60
    assert (train.schema.shape, train.schema.rate) == ((5,), 30.0)


def test_one_of_so_many_frames_is_kept_on_request(films):
    whole, some = load("ntu-rgb", films), load("ntu-rgb", films, every=4)
    assert some.train.schema.rate == 7.5
    for a, b in zip(whole.train.sequences, some.train.sequences, strict=True):
        assert np.array_equal(a[::4], b)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda p: {"every": 0}, ConfigError, "every must be a whole number"),
        (lambda p: {"protocol": "xset"}, DataError, "no train sequence for xset"),
        (lambda p: {"protocol": "all"}, ConfigError, "protocol must be one of"),
        (lambda p: _write(p / "film.safetensors"), DataError, "film.safetensors: is not named"),
        (lambda p: _write(p / "S001C001P001R001A002_rgb.safetensors", dim=6), DataError, "another network"),
    ],
)
def test_what_does_not_fit_is_one_error(films, spoil, error, message):
    options = spoil(films)
    with pytest.raises(error, match=message):
        load("ntu-rgb", films, **(options if isinstance(options, dict) else {}))


def test_a_folder_without_films_says_what_makes_them(tmp_path):
    with pytest.raises(DataError, match="attentive features"):
        load("ntu-rgb", tmp_path)


def test_table_1_trains_both_protocols_and_prints_the_papers_figures(films, tmp_path, capsys):
    small = ["--model.hidden_size", "2", "--training.max_epochs", "1", "--data.valid_fraction", "0.5"]
    call = ["reproduce", "table1-ntu", "--data", str(films), "--output-dir", str(tmp_path / "runs"), *small]
    assert main(call) == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [(line[0], line[-1]) for line in lines[1:]] == [
        ("Baseline-GRU, CS", "61.3"),
        ("EleAtt-GRU, CS", "63.3"),
        ("Baseline-GRU, CV", "66.8"),
        ("EleAtt-GRU, CV", "70.6"),
    ]
