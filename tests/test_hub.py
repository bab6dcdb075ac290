"""Models on the hub: a run put there and loaded again by name, by huggingface_hub from a server on this machine."""

from __future__ import annotations

import socket

import numpy as np
import pytest
from huggingface_hub import constants

import attentive_rnn
from attentive_rnn.cli import main
from attentive_rnn.data import load as load_data
from attentive_rnn.data.formats import npz
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.hub import fetch, is_name
from attentive_rnn.training import load_model
from explain.runs import feature_run, plain_run
from small_hub import small_hub

__all__ = ["feature_run", "plain_run"]
NAME = "somebody/watch"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub, with an empty cache for what comes from it, and a user who may write."""
    with small_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        template = f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", hub.token)
        monkeypatch.chdir(tmp_path)
        yield hub


@pytest.fixture(scope="module")
def test_part():
    return load_data("basic-motions").test


def test_a_run_on_the_hub_answers_and_explains_as_the_run_itself(hub, feature_run, test_part):
    run = attentive_rnn.load(feature_run.path)
    assert run.push_to_hub(NAME, license="cc-by-4.0") == f"{hub.address}/{NAME}"
    files = hub.commits[NAME][-1]
    assert {"README.md", "config.json", "model.safetensors", "classes.png"} < set(files)
    there = attentive_rnn.load(NAME)
    expected = run.predict(test_part)
    found = there.predict(test_part)
    assert found.labels == expected.labels
    assert np.array_equal(found.probabilities, expected.probabilities)
    assert np.array_equal(there.explain(test_part)[0].relevance, run.explain(test_part)[0].relevance)
    assert load_model(NAME).schema == run.saved.schema
    with pytest.raises(ConfigError, match="is a model without its run"):
        there.evaluate()


def test_the_command_takes_the_name_as_a_run(hub, feature_run, test_part, tmp_path, capsys):
    attentive_rnn.load(feature_run.path).push_to_hub(NAME)
    (tmp_path / "three.npz").write_bytes(npz.to_bytes(test_part.subset(range(3))))
    assert main(["predict", NAME, "three.npz", "--quiet"]) == 0
    assert len(capsys.readouterr().out.strip().splitlines()) >= 3


def test_a_revision_is_the_model_of_then(hub, feature_run, plain_run):
    for run in (feature_run, plain_run):
        attentive_rnn.load(run.path).push_to_hub(NAME)
    gates = [load_model(name).classifier.layers.gates[0] for name in (f"{NAME}@v1", NAME, f"{NAME}@{1:040x}")]
    assert gates == ["sigmoid", None, "sigmoid"]
    with pytest.raises(ConfigError, match=rf"{NAME}@v9: the hub has the repository, but no such branch"):
        load_model(f"{NAME}@v9")


def test_without_the_hub_what_was_fetched_once_is_loaded_from_the_cache(hub, feature_run, monkeypatch):
    attentive_rnn.load(feature_run.path).push_to_hub(NAME)
    fetched = fetch(NAME)
    with socket.socket() as nobody:  # answers there
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert fetch(NAME) == fetched
    with pytest.raises(ConfigError, match=r"^somebody/else: there is no such folder, and the hub cannot be reached"):
        fetch("somebody/else")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=r"^somebody/else: there is no such folder, and the hub is not asked"):
        fetch("somebody/else")


def test_an_unknown_name_is_one_line(hub, capsys):
    assert main(["predict", "somebody/else", "x.npz"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(
        "attentive: error: somebody/else: there is no such folder, and the hub has no such repository"
    )


def test_who_is_not_logged_in_is_told_how(hub, feature_run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    with pytest.raises(ConfigError, match=f"^{NAME}: .*`hf auth login`"):
        attentive_rnn.load(feature_run.path).push_to_hub(NAME)


def test_files_too_large_to_be_read_are_not_fetched(hub, feature_run, tmp_path, monkeypatch):
    attentive_rnn.load(feature_run.path).push_to_hub(NAME)
    hub.claimed["model.safetensors"] = 2**50
    with pytest.raises(DataError, match=rf"^{NAME}: its content would take 1048576 GiB"):
        fetch(NAME)
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_only_weights_and_descriptions_are_fetched_and_nothing_is_run(hub, feature_run):
    attentive_rnn.load(feature_run.path).push_to_hub(NAME)
    hub.commits[NAME][-1] |= {"modeling.py": b"raise SystemExit", "pytorch_model.bin": b"cos\nsystem\n"}
    assert {file.suffix for file in fetch(NAME).iterdir()} == {".json", ".safetensors"}
    hub.commits[NAME].append({"modeling.py": b"raise SystemExit"})
    with pytest.raises(ConfigError, match=r"it is no model of this package"):
        fetch(NAME)


def test_a_folder_for_the_hub_is_loaded_as_the_run(plain_run, test_part, tmp_path):
    run = attentive_rnn.load(plain_run.path)
    run.save_pretrained(tmp_path / "made")
    assert not (tmp_path / "made" / "classes.png").exists()  # nothing attends
    again = attentive_rnn.load(tmp_path / "made")
    assert np.array_equal(again.predict(test_part).probabilities, run.predict(test_part).probabilities)
    with pytest.raises(ConfigError, match="is a model without its run"):
        again.save_pretrained(tmp_path / "again")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b", True),
        ("a/b@main", True),
        ("a", False),
        ("/a/b", False),
        ("a/b/c", False),
        ("../b", False),
        ("~a/b", False),
    ],
)
def test_a_name_has_a_user_and_a_repository(text, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_name(text) is expected


def test_what_is_in_a_folder_of_this_machine_is_never_asked_for(tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert not is_name("runs/mistyped")
