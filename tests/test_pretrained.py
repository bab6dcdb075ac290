"""The trained run of the package: it is small, says how it was made, and reaches what its card says."""

from __future__ import annotations

import re

from tools.pretrain import SETTINGS, card

import attentive_rnn
from attentive_rnn.pretrained import FOLDER, NAME
from attentive_rnn.tasks.metrics import wilson

CARD = (FOLDER / "CARD.md").read_text(encoding="utf-8")


def test_it_is_below_a_megabyte():
    assert 0 < sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 2**20


def test_the_model_gives_the_accuracy_that_its_card_says():
    run = attentive_rnn.load(FOLDER)
    scores = run.evaluate()
    said = re.search(r"\| test \| ([\d.]+) % of (\d+) sequences, 95 % interval ([\d.]+) to ([\d.]+) %", CARD)
    right, count = round(scores["accuracy"] * scores["count"]), scores["count"]
    assert [float(figure) for figure in said.groups()] == [
        round(100 * right / count, 1),
        count,
        *(round(100 * end, 1) for end in wilson(right, count)[1:]),
    ]
    assert scores["accuracy"] > 0.9
    assert run.folder.read_results()["test"]["confusion"] == scores["confusion"]


def test_the_card_is_what_the_command_that_trains_it_writes():
    assert card(attentive_rnn.load(FOLDER).folder) == CARD
    config = attentive_rnn.load(FOLDER).folder.read_config()
    assert dict(SETTINGS)["data.source"] == config.data.source == NAME
    assert config.seed == 0
    for word in ("python -m tools.pretrain", "licence", "seed 0"):
        assert word in CARD


def test_it_names_no_machine_and_no_folder_of_its_maker():
    environment = attentive_rnn.load(FOLDER).folder.read_environment()
    assert environment["folder"] == "."
    assert environment["command"] == ["python", "-m", "tools.pretrain"]
