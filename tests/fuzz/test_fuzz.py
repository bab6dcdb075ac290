"""A small run of the damaged files of `make fuzz`: each is read, or refused in one line."""

import random
import shutil
import sys
from collections import Counter

import pytest

from attentive_rnn.data import list_sources
from fuzz.mutations import damaged
from fuzz.run import FAULTS, Tried, fuzz, table
from fuzz.run_files import TARGETS
from fuzz.seeds import READERS

ABSENT = {"jhmdb-joints", "mbg", "mdist", "scene-questions", "scene-editing"}  # read by the readers of the others
RESUMED = {"checkpoint", "env.json, resumed"}  # which train


def test_every_reader_of_files_has_a_seed():
    sources = {source.name for source in list_sources() if not source.embedded}
    assert sources - {"mbg"} <= {name.split(" (")[0] for name in READERS}


def test_damage_is_the_same_for_the_same_seed_and_takes_any_content():
    for name in ("a.json", "a.yaml", "a.npz", "a.npy", "a.pkl", "a.safetensors", "a.tar.gz", "a.xz", "a.bin"):
        for content in (b"", b"no such thing", b'{"a": [1, 2]}'):
            copies = [[damaged(content, name, random.Random(i)) for i in range(20)] for _ in range(2)]
            assert copies[0] == copies[1]


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
@pytest.mark.parametrize("name", sorted(set(TARGETS) - ABSENT - RESUMED))
def test_damaged_files_are_read_or_refused_in_one_line(name, tmp_path):
    tried = fuzz(name, 8, seed=1, keep=tmp_path)
    found = {case: numbers for case, numbers in tried.cases.items() if case[0] in FAULTS}
    assert not found, f"PYTHONPATH=tests python -m fuzz.run --seed 1 --only '{name}' repeats them"
    assert sum(tried.outcomes.values()) == 8


def test_the_rows_of_targets_that_were_not_tried_stay_in_the_order_of_the_targets():
    before = table({"npz": Tried(Counter(read=3, hang=1)), "uea": Tried(Counter(refused=2))})
    after = table({"npz": Tried(Counter(read=5)), "table": Tried(Counter(fewer=1))}, f"A sentence.\n\n{before}\n")
    assert after.splitlines() == [
        "| damaged | files | read | refused | fewer | faults |",
        "|---|--:|--:|--:|--:|--:|",
        "| uea | 2 | 0 | 2 | 0 | 0 |",
        "| npz | 5 | 5 | 0 | 0 | 0 |",
        "| table | 1 | 0 | 0 | 1 | 0 |",
    ]


def test_a_crash_a_hang_and_a_traceback_are_told_apart_and_the_file_is_kept(tmp_path, monkeypatch):
    import os

    from fuzz import run
    from fuzz.seeds import Target

    def read(folder, number):
        if folder.name == "0":
            raise KeyError("a")
        if folder.name == "1":
            os.abort()
        while folder.name == "2":
            pass
        return 1, None

    monkeypatch.setattr(run, "SECONDS", 1)
    monkeypatch.setitem(TARGETS, "made", Target(lambda folder: (folder / "a.txt").write_text("1 2 3"), read))
    tried = fuzz("made", 4, seed=0, keep=tmp_path / "kept")
    assert [outcome for outcome, _ in tried.cases] == ["traceback", "crash", "hang"]
    assert tried.outcomes["read"] == 1
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["made-0-0-a.txt"]
    assert "| made | 4 | 1 | 0 | 0 | 3 |" in table({"made": tried})
    shutil.rmtree(tmp_path / "kept")
    assert isinstance(tried, Tried)
