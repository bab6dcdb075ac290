"""The command `attentive verify`."""

from __future__ import annotations

import json
import shutil

import pytest

from attentive_rnn.cli import main
from attentive_rnn.training import RunFolder
from commands.calls import fails


@pytest.fixture
def run(plain_run, tmp_path) -> RunFolder:
    """A copy of a run, to be changed."""
    shutil.copytree(getattr(plain_run, "path", plain_run), tmp_path / "run")
    return RunFolder(tmp_path / "run")


def verified(run: RunFolder, capsys) -> tuple[int, dict[str, str]]:
    status = main(["verify", str(run.path), "--json"])
    return status, json.loads(capsys.readouterr().out)["found"]


def test_a_run_as_it_was_written_is_as_recorded(run, capsys):
    status, found = verified(run, capsys)
    assert status == 0
    assert set(found.values()) == {"as recorded"}
    assert set(found) == {
        *("model/model.safetensors", "model/config.json", "fingerprint.json.gz"),
        *("metrics.csv", "env.json", "results.json", "config.yaml", "data"),
    }


def test_what_was_changed_is_named_and_the_status_is_one(run, capsys):
    weights = run.model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    (run.model / "config.json").unlink()
    run.config.write_text(run.config.read_text().replace("seed: 0", "seed: 1"))
    status, found = verified(run, capsys)
    assert status == 1
    assert found["model/model.safetensors"] == "changed"
    assert found["model/config.json"] == "missing"
    assert found["config.yaml"].startswith("changed: ")
    assert found["fingerprint.json.gz"] == "as recorded"


def test_a_run_that_recorded_nothing_is_said_to_be_of_an_earlier_version(run, capsys):
    results = json.loads(run.results.read_text())
    del results["sha256"]
    run.results.write_text(json.dumps(results))
    status, found = verified(run, capsys)
    assert status == 0
    assert found["model/model.safetensors"].startswith("not recorded")
    assert found["results.json"].startswith("not recorded")
    run.results.unlink()
    assert "results.json" in fails(["verify", run.path], capsys)


FILES = ["model/model.safetensors", "model/config.json", "fingerprint.json.gz", "config.yaml"]


@pytest.mark.parametrize("name", [*FILES, "metrics.csv", "env.json", "results.json"])
def test_a_changed_byte_in_any_recorded_file_is_found(run, name, capsys):
    file = run.path / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    status, found = verified(run, capsys)
    assert status == 1
    assert found[name].startswith("changed")


@pytest.mark.parametrize(
    ("before", "after"),
    [('"select": "', '"select": "x'), ('"count": ', '"count": 1'), ('"epochs"', '"epoch s"'), ("}", "")],
)
def test_results_that_were_edited_by_hand_are_found(run, before, after, capsys):
    text = run.results.read_text()
    changed = text.replace(before, after, 1)
    assert changed != text
    run.results.write_text(changed)
    status, found = verified(run, capsys)
    assert status == 1
    assert found["results.json"].startswith("changed")


def test_results_that_were_only_laid_out_otherwise_are_as_recorded(run, capsys):
    run.results.write_text(json.dumps(json.loads(run.results.read_text()), sort_keys=True))
    status, found = verified(run, capsys)
    assert status == 0
    assert found["results.json"] == "as recorded"
