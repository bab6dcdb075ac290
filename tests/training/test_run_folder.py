"""Folders of runs: one for each run, whole from the start, held by one process."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys

import pytest

from attentive_rnn.errors import ConfigError, DataWarning
from attentive_rnn.training.config import Config
from attentive_rnn.training.recipes import load_config
from attentive_rnn.training.run_folder import create_folder, create_run, list_runs, open_run, read_rows


def create_many(parent, count, queue):
    queue.put([str(create_run(Config(), parent).path) for _ in range(count)])


def test_two_runs_never_share_a_folder_even_from_several_processes(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes = [context.Process(target=create_many, args=(tmp_path, 8, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    paths = [path for _ in processes for path in queue.get(timeout=60)]
    for process in processes:
        process.join()
    assert len(set(paths)) == 32
    assert {p.name for p in tmp_path.iterdir()} == {path.rsplit("/", 1)[1] for path in paths}
    assert all((tmp_path / path / "config.yaml").is_file() for path in paths)


def test_runs_are_listed_newest_first_also_within_a_second(tmp_path):
    for name in ("2026-01-02_03-04-05", "2026-01-02_03-04-05-2", "2026-01-02_03-04-05-10", "2025-12-31_23-59-59"):
        create_run(Config(), tmp_path, name)
    (tmp_path / "something else").mkdir()
    assert [run.path.name for run in list_runs(tmp_path)] == [
        "2026-01-02_03-04-05-10",
        "2026-01-02_03-04-05-2",
        "2026-01-02_03-04-05",
        "2025-12-31_23-59-59",
    ]
    assert list_runs(tmp_path / "nowhere") == []


def test_a_name_that_is_taken_is_refused_and_leaves_nothing(tmp_path):
    create_folder(Config(), tmp_path, "config.yaml", name="mine")
    with pytest.raises(ConfigError, match=r"mine: there is such a folder already"):
        create_folder(Config(), tmp_path, "config.yaml", name="mine")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_place_where_nothing_can_be_made_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="no run folder can be made here"):
        create_run(Config(), file / "runs")


def test_opening_what_is_no_run_names_the_run_inside(tmp_path):
    run = create_run(Config(), tmp_path / "recipe")
    assert open_run(run.path) == run
    with pytest.raises(
        ConfigError, match=f"is not a run folder: it has no config.yaml; the newest run in it is {run.path}"
    ):
        open_run(tmp_path / "recipe")
    with pytest.raises(ConfigError, match="there is no such run folder"):
        open_run(tmp_path / "nowhere")


def test_a_run_is_held_by_one_process_until_that_ends(tmp_path):
    run = create_run(Config(), tmp_path)
    code = "import sys; from attentive_rnn.training import open_run\nwith open_run(sys.argv[1]).locked():\n"
    code += "    print('held', flush=True); input()"
    command = [sys.executable, "-c", code, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=f"{run.path}: is in use by process {other.pid}"), run.locked():
            pass
        other.kill()
    with run.locked():
        assert not run.finished


def test_a_damaged_configuration_is_named(tmp_path):
    run = create_run(Config(), tmp_path)
    assert run.read_config() == Config()
    text = run.config.read_text().partition("\n")[2]  # as older versions wrote it, without a checksum
    run.config.write_text(text.replace("optim:\n", "").replace("  lr: 0.005\n", ""))
    with pytest.raises(ConfigError, match=r"config.yaml"):
        run.read_config()
    run.config.write_text("seed: 1\n")
    with pytest.raises(ConfigError, match=r"config.yaml: the section data is missing"):
        run.read_config()
    run.config.write_bytes(b"\xff\xfe" + text.encode())
    with pytest.raises(ConfigError, match=r"config.yaml: cannot be read as text"):
        run.read_config()


def test_a_run_of_a_version_that_lacked_a_key_is_read_with_the_base_recipes_value(tmp_path):
    run = create_run(Config(seed=3), tmp_path)
    run.config.write_text(run.config.read_text().partition("\n")[2].replace("  num_workers: 0\n", ""))
    assert run.read_config() == Config(seed=3)


def test_a_damaged_table_of_metrics_is_named(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,lr\n1,0.1\n2,x\n")
    with pytest.raises(ConfigError, match=r"metrics.csv: cannot be read"):
        read_rows(path)


def test_a_configuration_that_was_cut_or_changed_is_noticed(tmp_path):
    run = create_run(Config(), tmp_path)
    whole = run.config.read_text()
    lines = whole.splitlines(keepends=True)
    for end in range(1, len(lines)):
        run.config.write_text("".join(lines[:end]))
        with pytest.raises(ConfigError, match=r"config.yaml: was cut or changed after the run began"):
            run.read_config()
    run.config.write_text(whole.replace("max_epochs: 200", "max_epochs: 201"))
    with pytest.raises(ConfigError, match="give the file to attentive train as a recipe"):
        run.read_config()
    assert load_config(run.config, [("data.source", "japanese-vowels")]).training.max_epochs == 201
    run.config.write_text(whole)
    assert run.read_config() == Config()


def test_a_damaged_description_of_the_environment_is_warned_of_and_blocks_nothing(tmp_path):
    run = create_run(Config(), tmp_path)
    for text in ("{", "[]", '{"threads": NaN}', '{"versions": 3}', '{"resumed": [1]}'):
        run.environment.write_text(text)
        with pytest.warns(DataWarning, match=r"env.json.*what it said of the run's environment is lost"):
            assert run.read_environment() == {}
    run.environment.write_text('{"date": "2026-01-01", "resumed": [{}]}')
    assert run.read_environment() == {"date": "2026-01-01", "resumed": [{}]}
