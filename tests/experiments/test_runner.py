"""Runs of an experiment: trained once, taken over, continued, and summed up over the seeds."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from attentive_rnn.data import Splits
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.runner import check_seeds, loaded_data, run_once, run_variants
from attentive_rnn.experiments.variants import Variant


@pytest.fixture
def config(small_config):
    return small_config("basic-motions", training__max_epochs="1")


def weights(run):
    return (run.model / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", [None, "a-name"])
def test_a_configuration_is_trained_once_in_a_folder(config, tmp_path, quiet, name):
    splits = loaded_data()(config)
    run = run_once(config, tmp_path, splits, quiet, name)
    assert run.finished
    assert name in (None, run.path.name)
    written = run.results.stat().st_mtime_ns
    again = run_once(config, tmp_path, splits, quiet, name)
    assert (again, again.results.stat().st_mtime_ns) == (run, written)
    assert f"{run.path}: finished before, taken over" in quiet.file.getvalue()


def test_a_run_on_other_sequences_is_not_taken_over(config, tmp_path, quiet):
    splits = loaded_data()(config)
    run_once(config, tmp_path, splits, quiet)
    other = Splits(splits.train, splits.test.subset(range(39)))
    with pytest.raises(ConfigError, match="1 of 40 test sequences are missing, first: BasicMotions_TEST/40"):
        run_once(config, tmp_path, other, quiet)


@pytest.mark.parametrize("name", [None, "a-name"])
def test_an_interrupted_run_is_continued(config, tmp_path, quiet, name):
    splits = loaded_data()(config)
    run = run_once(config, tmp_path, splits, quiet, name)
    before = weights(run)
    run.results.unlink()
    again = run_once(config, tmp_path, splits, quiet, name)
    assert (again, again.finished, weights(again)) == (run, True, before)


def test_a_finished_run_goes_before_an_interrupted_one(config, tmp_path, quiet):
    splits = loaded_data()(config)
    first = run_once(config, tmp_path, splits, quiet)
    second = run_once(config, tmp_path / "other", splits, quiet)
    second.results.unlink()
    second.path.rename(tmp_path / "2999-01-01_00-00-00")
    assert run_once(config, tmp_path, splits, quiet) == first


def test_another_configuration_is_another_run_and_may_not_have_its_name(config, tmp_path, quiet):
    splits = loaded_data()(config)
    run = run_once(config, tmp_path, splits, quiet, "a-name")
    other = replace(config, seed=7)
    assert run_once(other, tmp_path, splits, quiet) != run
    with pytest.raises(ConfigError, match="seed is 7 now and 0 there"):
        run_once(other, tmp_path, splits, quiet, "a-name")


def test_data_are_read_once_for_each_reader_path_and_options(config):
    data = loaded_data()
    assert data(config) is data(replace(config, seed=5))
    assert data(replace(config, data=replace(config.data, source="japanese-vowels"))) is not data(config)


@pytest.mark.parametrize(("seeds", "message"), [([], "must be different"), ([1, 1], "got 1 1"), ([-1], "seed must be")])
def test_seeds_that_make_no_sense_are_refused(seeds, message):
    with pytest.raises(ConfigError, match=message):
        check_seeds(seeds)


def test_variants_are_run_seed_by_seed_and_summed_up(config, tmp_path, quiet):
    plain = replace(config, model=replace(config.model, gate=None))
    compared = [Variant("plain", "no-gate", plain), Variant("gated", "gate", config)]
    outcomes = run_variants(compared, [2, 4], tmp_path, loaded_data(), quiet)
    assert re.findall(r"run (\d of 4) .* (\w+), seed (\d)", quiet.file.getvalue()) == [
        ("1 of 4", "plain", "2"),
        ("2 of 4", "gated", "2"),
        ("3 of 4", "plain", "4"),
        ("4 of 4", "gated", "4"),
    ]
    assert [run.path.name for one in outcomes for run in one.runs] == [
        "no-gate-seed2",
        "no-gate-seed4",
        "gate-seed2",
        "gate-seed4",
    ]
    first = outcomes[0]
    accuracies = [run.read_results()["test"]["accuracy"] for run in first.runs]
    assert first.test_metric.value == pytest.approx(sum(accuracies) / 2)
    assert first.row()["seeds"] == "2 4"
    assert first.row()["hidden_size"] == plain.model.hidden_size
    assert (first.unseen, first.details) == (None, {})
    copies = tuple(r | {"test": r["test"] | {"without_copies": {"accuracy": 0.25}}} for r in first.results)
    assert replace(first, results=copies).unseen == 0.25
