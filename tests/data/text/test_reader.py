"""Texts of any kind: tables, lines of JSON and folders, with classes or numbers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma

import pytest

from attentive_rnn.cli import main
from attentive_rnn.data import check, get_source, load, read_sequences, recognise
from attentive_rnn.data.text.words import UNKNOWN, decode
from attentive_rnn.errors import ConfigError, DataError

TEXTS = {
    "food": "The pizza, really, was tasty",
    "sport": 'He said "goal";\nand the team won',
    "tech": "#code the <b>chip</b> and\tscreen",
}
ROWS = [(topic, f"{text} n{i}") for i in range(8) for topic, text in TEXTS.items()]


def table(rows=ROWS, names=("topic", "text"), **dialect):
    text = io.StringIO()
    writer = csv.writer(text, **dialect)
    writer.writerows([names, *rows] if names else rows)
    return text.getvalue()


def shown(dataset):
    classes = dataset.schema.classes
    found = zip(dataset.sequences, dataset.labels.tolist(), strict=True)
    return [(classes[int(y)] if classes and y >= 0 else y, decode(s, dataset.schema.vocabulary)) for s, y in found]


WORDS = {
    "food": ["the", "pizza", "really", "was", "tasty"],
    "sport": ["he", "said", "goal", "and", "the", "team", "won"],
    "tech": ["code", "the", "b", "chip", "b", "and", "screen"],
}
WANTED = [(topic, [*words, f"n{i}"]) for i in range(8) for topic, words in WORDS.items()]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", table().encode()),
        ("bom.csv", table().encode("utf-8-sig")),
        ("wide.csv", table(delimiter=";").encode("utf-16")),
        ("excel.csv", b"sep=;\r\n" + table(delimiter=";").encode()),
        ("a.tsv", table(delimiter="\t").encode()),
        ("a.csv.gz", gzip.compress(table().encode())),
        ("a.tsv.xz", lzma.compress(table(delimiter="\t").encode())),
        ("none.csv", table(names=None).encode()),
        ("strange.csv", table(names=("aaa", "bbb")).encode()),
        ("a.jsonl", "\n".join(json.dumps({"label": y, "sentence": x, "tags": []}) for y, x in ROWS).encode()),
    ],
)
def test_the_same_texts_are_read_from_every_kind_of_table(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert recognise(tmp_path / name).name == "text"
    assert shown(get_source("text").read(tmp_path / name)) == WANTED


def test_the_same_texts_are_read_from_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels, texts = zip(*ROWS, strict=True)
    pq.write_table(pa.table({"label": labels, "text": texts}), tmp_path / "a.parquet")
    assert recognise(tmp_path / "a.parquet").name == "text"
    assert shown(get_source("text").read(tmp_path / "a.parquet")) == WANTED


def test_quotation_marks_between_tabs_swallow_no_rows(tmp_path):
    path = tmp_path / "spam.tsv"
    path.write_text('ham\t"Hello there, how are you\nspam\tWin "now" and today\nham\tFine, thank you"\n')
    assert [words[0] for _, words in shown(get_source("text").read(path))] == ["hello", "win", "fine"]


def test_tables_of_numbers_are_none_of_texts(tmp_path):
    path = tmp_path / "frames.csv"
    lines = [f"{i // 5},{i},{'up' if i < 20 else 'down'},{i / 7},walk of Ann and {i // 5}" for i in range(40)]
    path.write_text("\n".join(["sequence,time,label,x,note", *lines]))
    assert recognise(path).name == "table"
    path.write_text("\n".join(["x,y,label", *(f"{i},{i / 3},up" for i in range(9))]))
    assert recognise(path).name == "table"
    for name in ("up", "down"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "1.txt").write_text("x y\n1 2\n3 4\n5 6\n")
    assert recognise(tmp_path / "set").name == "folders"


def test_folders_of_text_files_are_classes_and_parts(tmp_path):
    for part in ("train", "test"):
        for label, text in ROWS[:3]:
            for i in range(2):
                file = tmp_path / "set" / part / label / f"{i}.txt"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text + (" zebra" if part == "test" else ""))
    assert recognise(tmp_path / "set").name == "text"
    train, test = load("text", tmp_path / "set")
    assert (len(train), len(test), train.schema.classes) == (6, 6, ("food", "sport", "tech"))
    assert train.metas[0]["name"] == "train/food/0"
    assert shown(test)[0] == ("food", [*WANTED[0][1], UNKNOWN])


def test_files_of_a_folder_are_parts_and_the_vocabulary_is_that_of_training(tmp_path):
    (tmp_path / "train.csv").write_text(table(ROWS[:6]))
    (tmp_path / "dev.csv").write_text(table(ROWS[:3]))
    (tmp_path / "test.csv").write_text(table([("food", "zebra pizza")]))
    splits = load("text", tmp_path)
    assert [len(part) for part in splits.parts().values()] == [6, 3, 1]
    assert shown(splits.test) == [("food", [UNKNOWN, "pizza"])]
    assert "zebra" not in splits.train.schema.vocabulary
    assert splits.test.metas[0]["name"] == "test 2"
    (tmp_path / "test.csv").write_text("text\nno label\n")
    with pytest.raises(DataError, match=r"the column 'topic' is in the train part, but not in the test part"):
        load("text", tmp_path)


def test_numbers_are_predicted_where_it_is_said(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(table([(i / 2, f"text of {i} stars") for i in range(8)], ("stars", "text")))
    with pytest.raises(DataError, match="target=number"):
        load("text", path)
    train, _ = load("text", path, target="number")
    assert (train.schema.target, train.labels.dtype.kind) == ("number", "f")


def test_rows_without_a_text_or_a_label_are_refused_or_left_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table([*ROWS, ("food", " "), ("", "no label here")]))
    with pytest.raises(DataError, match=r"a\.csv, line \d+: text is empty.*missing=skip"):
        load("text", path)
    train, test = load("text", path, missing="skip")
    assert len(train) + len(test) == len(ROWS)
    assert any("1 of 26 sequences are left out" in note for note in train.notes)
    assert any("no label" in note for note in train.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('text,label\n"a,b\n', r"a\.csv, line 2: unexpected end of data.*in quotation marks"),
        ("text,label\nfine,1\nfine, too,1\n", r"line 3: 3 fields, but line 1 has 2; put a text"),
        ("text\nfine\t1\nit was\t2\tb\n", r"line 2: 2 fields, but line 1 has 1; put a text"),
        ("text,text\nfine,1\n", "two columns have the name 'text'"),
        ("text,label\n", "no rows after them"),
        ("\n", "is empty"),
        ("text,a,b\n" + "it is fine,x,y\nit was not,z,w\n" * 6, "the columns 'a' and 'b' could both be the label"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises((DataError, ConfigError), match=message):
        load("text", tmp_path / "a.csv")


def test_lines_that_are_no_json_are_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n{"text"\n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: is not JSON"):
        load("text", tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_text("[1]\n")
    with pytest.raises(DataError, match=r"line 1: must be an object"):
        load("text", tmp_path / "a.jsonl")


def test_a_named_column_makes_any_table_one_of_texts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        table([(y, i, w) for i, (y, w) in enumerate([("up", "go"), ("down", "stop")] * 5)], ("y", "n", "w"))
    )
    assert recognise(path).name == "table"
    report = check(path, text="w", label="y")
    assert report.texts.excerpts == {"down": "stop", "up": "go"}
    with pytest.raises(ConfigError, match=r"there is no column 'none' \(given as label\)"):
        load("text", path, text="w", label="none")


def test_the_report_shows_words_and_not_their_numbers(tmp_path):
    (tmp_path / "train.csv").write_text(table())
    (tmp_path / "test.csv").write_text(table([("food", "zebra pizza")]))
    report = check(tmp_path)
    assert report.texts.frequent[0] == ("the", 24)
    assert report.texts.unknown == {"train": 0.0, "test": 0.5}
    text = str(report)
    assert "lengths     2 to 8 words" in text
    assert "the pizza really was tasty n0" in text
    assert "frame" not in text.split("notes")[0].split("vocabulary")[1]
    assert "unknown     0.0 % of train, 50.0 % of test" in text
    json.dumps(report.to_dict())


def test_a_model_of_texts_is_chosen_trained_and_used(tmp_path, capsys):
    data = tmp_path / "news.csv"
    rows = [(y, x.replace("<b>", "<script>")) for y, x in ROWS]
    data.write_text(table(rows))
    options = ["--training.max_epochs", "6", "--model.hidden_size", "8", "--model.embedding_size", "8"]
    assert main(["train", str(data), *options, "--optim.lr", "0.03", "--output_dir", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr()
    assert "recipe text, for texts of" in said.out + said.err
    (run,) = (tmp_path / "runs" / "text").iterdir()
    page = (run / "report.html").read_text()
    assert "Words attended to in each class" in page
    assert "; most: " in page
    assert "<script>" not in page.split('id="player-data">')[1].split("</script>")[0]
    lines = tmp_path / "new.txt"
    lines.write_text("a tasty pizza\n\nthe goal of the team\n")
    assert main(["predict", str(run), str(lines), "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["label"]) for one in answers] == [("new 1", "food"), ("new 3", "sport")]
    assert main(["explain", str(run), str(data), "--json"]) == 0
    capsys.readouterr()
    with (run / "explain" / "words.csv").open() as file:
        best = {(row["class"], row["word"]) for row in csv.DictReader(file)}
    assert ("food", "pizza") in best
    assert ("sport", "goal") in best
    assert main(["stream", str(run), str(data)]) == 2
    assert "this model reads texts" in capsys.readouterr().err


def test_texts_without_a_model_are_read_by_their_format(tmp_path):
    (tmp_path / "a.csv").write_text(table())
    assert shown(read_sequences(tmp_path / "a.csv")) == WANTED


def test_a_column_that_says_what_is_for_training_is_the_split(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table([(*row, i % 4 != 0) for i, row in enumerate(ROWS)], ("topic", "text", "is_train")))
    assert [len(part) for part in load("text", path).parts().values()] == [18, 6]
