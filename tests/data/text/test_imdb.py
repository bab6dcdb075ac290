"""Film reviews as words, from tables and from folders."""

from __future__ import annotations

import json
import lzma

import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import Schema, check, copies_in_train, load, read_sequences, recognise
from attentive_rnn.data.text.words import UNKNOWN, decode, recode
from attentive_rnn.errors import ConfigError, DataError

REVIEWS = {
    "train": [
        (0, 2, 'A "dull" film.<br /><br />Dull, dull!'),
        (1, 9, "Great film, it's great"),
        (0, 1, "dull plot"),
        (1, 10, "a great\tplot"),
    ],
    "test": [(1, 8, "Great film, it's great"), (0, 3, '"Zyzzyva is dull')],
}


def write_tables(folder, suffix=".tsv.xz", header=False):
    folder.mkdir(exist_ok=True)
    for part, reviews in REVIEWS.items():
        lines = ["label\trating\ttext"] * header + ["\t".join(map(str, review)) for review in reviews]
        data = ("\n".join(lines) + "\n").encode()
        (folder / f"{part}{suffix}").write_bytes(lzma.compress(data) if suffix.endswith("xz") else data)
    return folder


def write_folders(folder):
    for part, reviews in REVIEWS.items():
        for i, (label, rating, text) in enumerate(reviews):
            file = folder / part / ("neg", "pos")[label] / f"{i}_{rating}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return folder


def shown(dataset):
    return sorted(
        (" ".join(decode(s, dataset.schema.vocabulary)), label, meta["rating"])
        for s, label, meta, *_ in (dataset[i] for i in range(len(dataset)))
    )


def test_quotation_marks_and_tabs_are_part_of_the_text(tmp_path):
    train, test = load("imdb", write_tables(tmp_path / "imdb"))
    assert shown(train)[0] == ("a dull film dull dull !", 0, 2)
    assert shown(train)[1] == ("a great plot", 1, 10)
    assert shown(test)[0] == ("<unknown> <unknown> dull", 0, 3)
    assert train.schema.vocabulary[:3] == (UNKNOWN, "dull", "great")
    assert train.schema.classes == ("neg", "pos")


def test_tables_with_names_and_the_folder_say_the_same(tmp_path):
    plain = load("imdb", write_tables(tmp_path / "a"))
    for other in (write_tables(tmp_path / "b", ".tsv", header=True), write_folders(tmp_path / "c")):
        assert recognise(other).name == "imdb"
        parts = load("imdb", other)
        assert [shown(part) for part in parts] == [shown(part) for part in plain]
        assert parts.train.schema == plain.train.schema


def test_the_vocabulary_is_the_training_texts_and_limited(tmp_path):
    train, test = load("imdb", write_tables(tmp_path / "imdb"), vocabulary_size=3)
    assert train.schema.vocabulary == (UNKNOWN, "dull", "great")
    assert test.schema == train.schema
    assert "zyzzyva" not in load("imdb", tmp_path / "imdb").train.schema.vocabulary
    with pytest.raises(ConfigError, match="vocabulary_size"):
        load("imdb", tmp_path / "imdb", vocabulary_size=1)


def test_texts_in_both_halves_are_found_and_reported(tmp_path):
    folder = write_tables(tmp_path / "imdb")
    assert copies_in_train(load("imdb", folder)).sum() == 1
    report = str(check(folder))
    assert "1 sequence of test is a copy of one in train" in report
    assert "vocabulary  8 entries" in report


def test_imdb_itself_has_123_texts_in_both_halves(shared_data):
    splits = load("imdb", shared_data / "imdb")
    assert (len(splits.train), len(splits.test), len(splits.train.schema.vocabulary)) == (25000, 25000, 10000)
    assert splits.train.labels.sum() == splits.test.labels.sum() == 12500
    assert copies_in_train(splits).sum() == 123


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("good\t3\ttext", r"train.tsv, line 5: the label 'good' is none of"),
        ("1\thigh\ttext", r"train.tsv, line 5: the rating 'high' is no whole number"),
        ("1\t3", r"train.tsv, line 5: 2 columns between tabs, but label, rating, text are needed"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    folder = write_tables(tmp_path / "imdb", ".tsv")
    with open(folder / "train.tsv", "a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=message):
        load("imdb", folder)


def test_what_is_missing_is_named(tmp_path):
    folder = write_tables(tmp_path / "imdb", ".tsv")
    (folder / "test.tsv").write_text("")
    with pytest.raises(DataError, match=r"test\.tsv: is empty"):
        load("imdb", folder)
    (folder / "test.tsv").write_text("text\tlabel\nx\t1\n")
    with pytest.raises(DataError, match="the columns must be label, rating and text"):
        load("imdb", folder)
    (folder / "test.tsv").write_bytes(b"1\t3\tcaf\xe9\n")
    with pytest.raises(DataError, match=r"test\.tsv, line 1: is not text in UTF-8"):
        load("imdb", folder)
    (folder / "test.tsv").unlink()
    with pytest.raises(DataError, match=r"has neither test\.tsv"):
        load("imdb", folder)


def test_another_vocabulary_keeps_the_words_that_it_has(tmp_path):
    train = load("imdb", write_tables(tmp_path / "imdb")).train
    again = recode(train, (UNKNOWN, "plot", "dull"))
    assert ("dull plot", 0, 1) in shown(again)
    assert again.schema.vocabulary == (UNKNOWN, "plot", "dull")


def test_a_vocabulary_goes_with_single_indices_and_names_no_word_twice():
    with pytest.raises(ConfigError, match="a frame is one index"):
        Schema((), (2,), vocabulary=("a",))
    with pytest.raises(ConfigError, match="twice"):
        Schema((), (1,), vocabulary=("a", "a"))


@pytest.mark.parametrize("model", [("lstm", "null"), ("gru", "sigmoid"), ("rra", "null"), ("rra", "sigmoid")])
def test_the_recipe_runs_and_the_model_labels_a_raw_text(tmp_path, capsys, model):
    folder = tmp_path / "imdb"
    write_folders(folder)
    for i in range(8):
        for name, text in (("neg", "dull dull film"), ("pos", "great great film")):
            (folder / "train" / name / f"{10 + i}_5.txt").write_text(text)
    options = ["--training.max_epochs", "20", "--training.patience", "20", "--model.hidden_size", "8"]
    options += ["--training.batch_size", "4", "--model.embedding_size", "6", "--optim.lr", "0.03"]
    options += ["--model.cell", model[0], "--model.gate", model[1], "--output_dir", str(tmp_path / "runs")]
    assert main(["train", "imdb", "--data", str(folder), *options]) == 0
    assert "unseen only" in capsys.readouterr().out
    run = next((tmp_path / "runs" / "imdb").iterdir())
    text = tmp_path / "mine.txt"
    text.write_text("What a GREAT, great film!")
    assert main(["predict", str(run), str(text), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["label"]) == ("mine", "pos")


def test_words_without_a_model_are_read_by_their_format(tmp_path):
    assert read_sequences(write_tables(tmp_path / "imdb")).schema.vocabulary[0] == UNKNOWN


def test_a_rating_of_5000_digits_is_refused(tmp_path):
    folder = write_tables(tmp_path / "imdb", ".tsv")
    (folder / "train.tsv").write_text("0\t" + "9" * 5000 + "\tdull\n")
    with pytest.raises(DataError, match=r"train.tsv, line 1: the rating .* is no whole number"):
        load("imdb", folder)


def test_lines_that_were_joined_and_empty_ones_are_named(tmp_path):
    write_tables(tmp_path, ".tsv")
    table = tmp_path / "train.tsv"
    table.write_text("0\t2\tDull.1\t9\tGreat film\n\n1\t9\tGreat\n0\t1\tBad\n")
    assert load("imdb", tmp_path).train.notes == (
        f"{table}, line 1: holds two reviews, as if a line break were lost",
        f"{table}, line 2: is empty",
    )
    assert read_sequences(tmp_path).notes == load("imdb", tmp_path).train.notes
    assert len(load("imdb", tmp_path).train) == 3
    table.write_text("label\ttext\r\nneg\tDull.pos\tGreat\r\nneg\tBad.pos\tGood\r\nneg\ta\ttab\r\n")
    assert load("imdb", tmp_path).train.notes == (
        f"{table}, line 2: holds two reviews, as if a line break were lost; so it is in 2 lines",
    )


@pytest.mark.parametrize("labels", [("sport", "news"), ("pos", "neg")])
def test_tables_of_other_texts_or_with_a_validation_part_are_left_to_the_general_reader(tmp_path, labels):
    parts = ["train", "test", *["valid"] * (labels[0] == "pos")]
    for part in parts:
        rows = [f"{label}\tthe {part} text number {i} says it well" for i, label in enumerate(labels)]
        (tmp_path / f"{part}.tsv").write_text("\n".join(["label\ttext", *rows]))
    assert recognise(tmp_path).name == "text"
    assert check(tmp_path).splits == dict.fromkeys(("train", *parts[2:], "test"), 2)
