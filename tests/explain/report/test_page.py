"""report.html is one valid page that needs nothing else, says what the run's files say, and harms no run."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from attentive_rnn.cli import main
from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.data.formats import npz
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.estimate import Baseline
from attentive_rnn.explain.report.page import render, write_report
from attentive_rnn.tasks.metrics import Interval
from attentive_rnn.training.run_folder import RunFolder, read_rows
from attentive_rnn.training.setup import load_splits
from data.writers import write_mnist
from explain.runs import small_run

VOID = {"meta", "link", "br", "input", "img", "hr"}


class Page(HTMLParser):
    """The elements, texts and identifiers of a page whose every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.data = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script" and data.lstrip().startswith("{"):
            self.data = data
        elif self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def pages(skeleton_run, feature_run, plain_run, image_run):
    runs = {"skeleton": skeleton_run, "map": feature_run, "plain": plain_run, "images": image_run}
    return {kind: (run, write_report(run).read_text()) for kind, run in runs.items()}


@pytest.mark.parametrize("kind", ["skeleton", "map", "plain", "images"])
def test_a_page_is_whole_and_needs_no_network(pages, kind):
    run, text = pages[kind]
    page = Page(text)
    assert run.report.stat().st_size < 5_000_000
    assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import|url\(", text)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "img")
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    identifiers = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    for _, attributes in page.elements:
        for name in ("for", "aria-labelledby"):
            assert attributes.get(name, identifiers[0]) in identifiers
    assert ("html", {"lang": "en"}) in page.elements


@pytest.mark.parametrize("kind", ["skeleton", "map", "plain", "images"])
def test_a_page_says_what_the_files_of_the_run_say(pages, kind):
    run, text = pages[kind]
    page, results = Page(text), run.read_results()
    low, high = (100 * end for end in results["test"]["accuracy_interval_95"])
    assert f"{100 * results['test']['accuracy']:.1f} %" in page.texts
    assert f"95 % interval {low:.1f} to {high:.1f}" in page.texts
    assert f"{results['parameters']:,}" in page.texts
    assert f"attentive train {run.config}" in text
    counts = [int(t) for t in re.findall(r'<td style="--v: \d+"[^>]*>(\d*)</td>', text) if t]
    assert sum(counts) == results["test"]["count"]
    lines = [a["points"] for tag, a in page.elements if tag == "polyline"]
    assert [len(points.split()) for points in lines] == [len(read_rows(run.metrics))] * 4


def test_a_page_of_a_regression_says_its_error_and_nothing_of_classes(number_run):
    page, test = Page(write_report(number_run).read_text()), number_run.read_results()["test"]
    assert f"{test['mse']:.4g}" in page.texts
    assert "always the mean" in page.texts
    assert not {"Confusion matrix", "Calibration", "Accuracy of each class"} & set(page.texts)
    assert {"How far back each layer looks", "layer 2", "k = 3"} <= set(page.texts)
    data = json.loads(page.data)
    assert "predicted" in data["samples"][0]["verdict"]
    dots = [a for tag, a in page.elements if tag == "circle"]
    assert len(dots) == test["count"]
    assert all(44 <= float(a["cx"]) <= 352 and 10 <= float(a["cy"]) <= 192 for a in dots)


def test_a_page_of_images_has_every_layers_mask(pages, image_run):
    import base64

    data = json.loads(Page(pages["images"][1]).data)
    assert (data["kind"], data["layers"]) == ("image", ["layer 1", "layer 2", "all multiplied"])
    for sample in data["samples"]:
        (sent,) = sample["attention"]
        masks = np.frombuffer(base64.b64decode(sent), np.uint8).reshape(3, 40, 40)
        assert (masks.max((1, 2)) == 255).all()
        assert len(sample["shares"]) == 3


def test_a_page_of_pixel_sequences_shows_images(pixel_run):
    data = json.loads(Page(write_report(pixel_run).read_text()).data)
    assert (data["kind"], data["height"], data["width"]) == ("image", 28, 28)


def test_a_page_of_made_images_shows_the_wanted_and_the_made_one(tmp_path):
    options = {"data__path": str(write_mnist(tmp_path)), "vision__channels": "[4, 6]", "vision__hidden_size": "3"}
    made = "{image_size: 40, train: 20, test: 10, digits: [2, 3], scales: [1.0, 2.0]}"
    run = small_run(tmp_path / "runs", "scene-editing", data__options=made, training__batch_size="10", **options)
    page = Page(write_report(run).read_text())
    data = json.loads(page.data)
    assert set(data["samples"][0]["pictures"]) == {"image", "wanted", "made"}
    assert "mean absolute error" in data["samples"][0]["verdict"]


def test_class_names_are_text_wherever_they_appear(pages):
    _, text = pages["skeleton"]
    assert "alert(" in text
    assert "<script>alert" not in text
    assert text.count("<script") == text.count("</script>") == 2
    page = Page(text)
    assert "</script><script>alert('x')</script>" in page.texts
    assert json.loads(page.data)["classes"] == ["wave <left>", "</script><script>alert('x')</script>"]


def test_the_player_has_the_attention_of_the_run(pages):
    import base64

    data = json.loads(Page(pages["skeleton"][1]).data)
    assert (data["kind"], data["joints"], len(data["groups"]), data["rate"]) == ("skeleton", 20, 20, 10.0)
    for sample in data["samples"]:
        assert [len(base64.b64decode(one)) for one in sample["attention"]] == [sample["steps"] * 20] * 2
        points = np.frombuffer(base64.b64decode(sample["points"]), "<u2").reshape(sample["steps"], 20, 2)
        head, foot = points[0, 3, 1], points[0, 15, 1]
        assert head < foot, "y points down on a screen"
    plain = json.loads(Page(pages["plain"][1]).data)
    assert {sample["attention"] for sample in plain["samples"]} == {None}
    assert "there is no attention to show" in pages["plain"][1]
    features = json.loads(Page(pages["map"][1]).data)
    assert (features["kind"], features["groups"]) == ("map", ["accelerometer", "gyroscope"])
    assert features["elements"] == [[0, 1, 2], [3, 4, 5]]


def test_a_page_begins_with_doubts_and_comparisons(feature_run, tmp_path):
    run = RunFolder(shutil.copytree(feature_run.path, tmp_path / "run"))
    results = run.read_results()
    results |= {"validation_accuracy": 1.0, "validation_count": 400}
    results["test"] |= {"accuracy": 0.1}
    run.results.write_text(json.dumps(results))
    one = Baseline("guessing", "accuracy", Interval(0.25, 0.2, 0.3))
    run.baselines.write_text(json.dumps({"baselines": [one.to_dict()]}))
    texts = Page(write_report(run).read_text()).texts
    doubt = next(i for i, text in enumerate(texts) if text.startswith("Warning: validation (100.0 % of 400) and test"))
    assert texts.index("For comparison: 25.0 % (95 % interval 20.0 to 30.0) by guessing.") > doubt
    assert f"always {results['test']['always']['label']}" in texts[:doubt]


def test_a_run_that_is_not_finished_has_no_report(tmp_path, feature_run):
    import shutil

    shutil.copytree(feature_run.path, tmp_path / "copy")
    (tmp_path / "copy" / "results.json").unlink()
    from attentive_rnn.training import open_run

    with pytest.raises(ConfigError, match="is not finished; continue it with"):
        write_report(open_run(tmp_path / "copy"))


def test_a_set_of_very_many_classes_names_the_most_confused_ones(feature_run):
    from attentive_rnn.explain.report import page as report

    values = report.contents(feature_run, load_splits(feature_run.read_config()))
    test = feature_run.read_results()["test"]
    values["confusion"], values["confused"] = None, report._confused(test)
    text = render(values)
    off_diagonal = sum(map(sum, test["confusion"])) - sum(test["confusion"][i][i] for i in range(4))
    assert sum(row["count"] for row in values["confused"]) == off_diagonal > 0
    assert "Classes most often confused" in text


def test_files_of_two_thousand_classes_stay_small(tmp_path, capsys):
    rng, classes = np.random.default_rng(0), tuple(f"word {i}" for i in range(2000))
    sequences = [torch.tensor(rng.normal(size=(3, 2)), dtype=torch.float32) for _ in range(6000)]
    metas = [{"name": f"s{i}", "split": "train" if i < 4000 else "test"} for i in range(6000)]
    data = SequenceDataset(sequences, [i % 2000 for i in range(6000)], metas, Schema(classes, (2,)), "words")
    (tmp_path / "words.npz").write_bytes(npz.to_bytes(data))
    changes = {"training__max_epochs": "1", "training__batch_size": "500", "model__num_layers": "1"}
    run = small_run(tmp_path, "sequence", data__path=str(tmp_path / "words.npz"), **changes)
    page = write_report(run)
    assert run.results.stat().st_size < 2_000_000
    assert page.stat().st_size < 2_000_000
    text = Page(page.read_text()).texts
    assert "The 200 least accurate of 2000 classes; results.json has all." in text
    assert "There are too many classes for a confusion matrix." in text
    assert sum(run.read_results()["test"]["class_count"]) == 2000
    assert main(["evaluate", str(run.path)]) == 0
    printed = capsys.readouterr().out
    assert "the 20 classes of 2000 with the lowest F1; --json has all" in printed
    assert "of word 0 taken for" in printed
    assert len(printed) < 5000
