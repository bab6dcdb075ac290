"""Command `attentive demo`: a trained model of the package at work, without training."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..pretrained import FOLDER, NAME
from .arguments import JSON, Argument, Command, line, show
from .evaluate import score_lines

if TYPE_CHECKING:
    from ..data import SequenceDataset
    from ..explain import Explanation
    from ..trained import Prediction

CARD = "CARD.md"  # says of a folder that it is that of the demo
RECORDINGS = "recordings.csv"


def _demo(arguments: argparse.Namespace) -> int:
    from ..data import load as load_data
    from ..explain.sequences import draw_sequence
    from ..trained import load

    folder = Path(arguments.folder)
    _copy(folder)
    run = load(folder)
    test = load_data(NAME).test
    few = test.subset([test.labels.tolist().index(label) for label in range(len(test.schema.classes))])
    recordings = _write(few, folder / RECORDINGS)
    prediction = run.predict(recordings)
    explained: list[Explanation] = run.explain(recordings)  # type: ignore[assignment]  # sequences, no images
    last = explained[-1]
    picture = draw_sequence(last, prediction.classes, folder / "explain")[0]
    assert run.folder is not None
    scores = run.folder.read_results()["test"]
    lines = [
        f"A trained model of this package, now in {folder}. It tells four activities by the sensors of a smart watch.",
        "",
        f"Its answers to {len(few)} recordings that it was not trained on, which are in {recordings}:",
        *_answers(prediction),
        "",
        f"What it attended to in the last one, drawn in {picture}:",
        f"  {last.in_words()}; most at steps {', '.join(map(str, last.key_steps()))}",
        "  the attended input is what its gates let in of that by which a frame differs from the mean of training",
        "",
        "How far its answers can be trusted:",
        *(f"  {text}" for text in score_lines(run.task, scores)),
        f"  {_in_words(scores)}",
    ]
    values = {
        "run": str(folder),
        "recordings": str(recordings),
        "labels": dict(zip(prediction.names, prediction.labels, strict=True)),
        "picture": str(picture),
        "test": scores,
    }
    show(arguments, values, lines)
    return 0


def _copy(folder: Path) -> None:
    """Put the run of the package into a folder; an earlier copy is made whole again.

    Raises:
        ConfigError: something else is there, or nothing can be written.
    """
    from ..data.io.files import write_file

    if folder.exists() and not (folder / CARD).is_file():
        raise ConfigError(f"{folder}: is there already, and not by this command; name another: attentive demo DIR")
    for file in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        write_file(folder / file.relative_to(FOLDER), file.read_bytes())


def _write(dataset: SequenceDataset, path: Path) -> Path:
    """Write sequences of features as a long table, such as a user may have."""
    from ..data.io.files import write_csv

    schema = dataset.schema
    rows = [
        (meta["name"], step / (schema.rate or 1), schema.classes[label], *frame)
        for sequence, label, meta in zip(dataset.sequences, dataset.labels.tolist(), dataset.metas, strict=True)
        for step, frame in enumerate(sequence.tolist())
    ]
    write_csv(path, ("sequence", "time", "label", *schema.features), rows)
    return path


def _answers(prediction: Prediction) -> Iterator[str]:
    for label, truth, shares in zip(prediction.labels, prediction.truth, prediction.probabilities, strict=True):
        verdict = "right" if label == truth else f"wrong: it is {truth}"
        yield f"  {label:10} {100 * shares.max():5.1f} % sure   {verdict}"


def _in_words(scores: Mapping[str, Any]) -> str:
    """The interval of an accuracy, for readers who have met none."""
    low, high = (100 * end for end in scores["accuracy_interval_95"])
    right, count = round(scores["accuracy"] * scores["count"]), scores["count"]
    return (
        f"that is: {right} of {count} were named rightly; so few leave open whether it is {low:.0f} or {high:.0f} % "
        "of all such recordings"
    )


DEMO = Command(
    "demo",
    "see a trained model at work at once: its answers, an explanation, and how far to trust it",
    "attentive demo",
    _demo,
    Argument("folder", nargs="?", default="runs/demo", metavar="DIR", help="where the model goes (default runs/demo)"),
    JSON,
    loads=("attentive_rnn.trained", "matplotlib"),
    next=lambda a: [
        line("predict", a.folder, Path(a.folder, RECORDINGS)),
        line("evaluate", a.folder),
        line("explain", a.folder),
        line("stream", a.folder, Path(a.folder, RECORDINGS)),
        "attentive train YOUR_FILE",
    ],
)
