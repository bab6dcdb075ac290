"""Model card of a run for the Hugging Face hub.

Input is a finished run; output is the text of README.md: use, data, results with intervals, attention, limits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ...data import Schema
from ...errors import needed_for, one_line
from ...experiments.estimate import doubts, stored_baselines
from ...hub import NEEDS
from ...training.inputs import known_data
from ...training.run_folder import RunFolder
from ...training.saved_model import SavedModel
from .page import layers_in_words, numbers, remarks_on

_LISTED = 40  # names, at most
_PARTS = {"train": "training", "valid": "validation", "test": "test"}


def model_card(run: RunFolder, saved: SavedModel, name: str, picture: str | None, license: str | None) -> str:
    """The card of a finished run's model; it has no path, and no name of a sequence or a person.

    Args:
        run: the run.
        saved: its model.
        name: of the repository, USER/REPOSITORY, or of the folder that the model is loaded from.
        picture: the file beside the card that shows the attention; None: there is none.
        license: of the weights, as the hub names it; None: not said.

    Raises:
        ConfigError: a file of the run is damaged. MissingExtraError: huggingface_hub is not installed.
    """
    with needed_for(NEEDS):
        from huggingface_hub import EvalResult, ModelCardData
    results, data = run.read_results(), run.read_config().data
    test, metric, schema = results["test"], saved.task.metric, saved.schema
    kind = f"{'image' if schema.medium == 'image' else 'sequence'}-{'classification' if schema.classes else 'model'}"
    trained_on = str(data.source) if data.path is None else f"{Path(data.path).name} ({data.source})"
    score = EvalResult(
        task_type=kind,
        dataset_type=str(data.source),
        dataset_name=trained_on,
        dataset_split="test",
        metric_type=metric.name,
        metric_name=f"test {metric.name}",
        metric_value=test[metric.name],
    )
    about = ModelCardData(
        library_name="attentive-rnn",
        license=license,
        tags=["attentive-rnn", "pytorch", kind],
        model_name=name,
        eval_results=[score],
    )
    shown = [
        f"| {_plain(one['name'])} | {_plain(one['value'])} | {_plain(one['note'])} |"
        for one in numbers(results, saved.task)
    ]
    compared = [f"* {_plain(one.in_words(metric))}" for one in stored_baselines(run)]
    limits = [*(f"{doubt}." for doubt in doubts(results, test)), *remarks_on(results, metric), *_limits(saved)]
    when = run.read_environment().get("date", "")[:10]
    sections = [
        f"---\n{about.to_yaml()}\n---\n\n# {_plain(name)}",
        f"{_plain(layers_in_words(saved))}; trained {when} with attentive-rnn {version('attentive-rnn')}.",
        f'## Use\n\n```python\nimport attentive_rnn  # pip install "attentive-rnn[hub]"\n\n'
        f'run = attentive_rnn.load("{name}")\nprint(run.predict("FILE").labels)\n```',
        "FILE has items in any format that the package reads, with the frames below; an array (T, D), or a list of "
        "these, does as well.",
        "## Data\n\n" + "\n".join(f"* {_plain(text)}" for text in [f"data set: {trained_on}", *_frames(saved, run)]),
        "## Results\n\n| | | |\n|---|---|---|\n" + "\n".join(shown),
        *(["For comparison, on the same split:\n\n" + "\n".join(compared)] if compared else []),
        *([f"## Attention\n\n![What the first layer lets in of each class]({picture})"] if picture else []),
        "## Limits\n\n" + "\n".join(f"* {_plain(text)}" for text in limits),
    ]
    return "\n\n".join(sections) + "\n"


def _frames(saved: SavedModel, run: RunFolder) -> list[str]:
    """What goes in and comes out, and how many sequences there were of it."""
    schema = saved.schema
    said = [f"a frame: {_shape(schema)}"]
    if schema.rate:
        said.append(f"frames a second: {schema.rate:g}")
    said.append(f"classes: {_listed(schema.classes)}" if schema.classes else f"answer: a {schema.target}")
    known = known_data(run)
    if known is not None:
        counts = ", ".join(f"{len(items)} {_PARTS[part]}" for part, items in known.items())
        said.append(f"items: {counts}")
    return said


def _shape(schema: Schema) -> str:
    if schema.layout is not None:
        return f"joints of the layout {schema.layout}, {' x '.join(map(str, schema.shape))}"
    if schema.features:
        return _listed(schema.features)
    if schema.vocabulary:
        return f"a word of {len(schema.vocabulary)}"
    return f"numbers {' x '.join(map(str, schema.shape))}"


def _limits(saved: SavedModel) -> list[str]:
    """What a score on one test part cannot say."""
    said = ["The scores hold for data like those of the test part: the same devices, places and kinds of people."]
    if saved.schema.classes:
        said.append("Every input gets one of the classes, also one that belongs to none of them.")
    if saved.seen is not None:
        said.append("Values far outside those of training draw a warning, and their answers mean nothing.")
    return said


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _plain(text: str) -> str:
    """A text from a file that Markdown shows as it is.

    Example:
        >>> print(_plain("<b> of *all*"))
        \\<b\\> of \\*all\\*
    """
    return re.sub(r"([\\`*_\[\]<>|#$~])", r"\\\1", one_line(text))
