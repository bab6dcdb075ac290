"""Every task names a kind of explanation that there is."""

from __future__ import annotations

import inspect

import pytest

from attentive_rnn.data import Schema
from attentive_rnn.explain.media import MEDIA
from attentive_rnn.explain.outcome import Outcome, Request
from attentive_rnn.tasks import task_for
from attentive_rnn.training import load_model
from attentive_rnn.training.setup import load_splits

SCHEMAS = [
    Schema(("a", "b"), (3,)),
    Schema((), (3,), target="number"),
    Schema(("a", "b"), (3, 8, 8), medium="image"),
    Schema((), (3, 8, 8), target="image", medium="image"),
    Schema(("a", "b"), (4, 7, 7), medium="maps"),
]


def test_the_tasks_name_the_kinds_of_the_table():
    assert {task_for(schema).explanation for schema in SCHEMAS} == set(MEDIA)


@pytest.mark.parametrize("kind", MEDIA)
def test_explanations_of_all_media_have_one_shape(kind):
    (parameter,) = inspect.signature(MEDIA[kind].explain, eval_str=True).parameters.values()
    assert parameter.annotation is Request


@pytest.mark.parametrize(("fixture", "key"), [("feature_run", "sequences"), ("image_run", "images")])
def test_an_outcome_has_its_files_values_and_lines(fixture, key, request, tmp_path):
    run = request.getfixturevalue(fixture)
    saved, splits = load_model(run.model), load_splits(run.read_config())
    asked = Request(run, saved, splits.train, splits.test.subset([1]), tmp_path, one=True, of_run=True)
    outcome = MEDIA[saved.task.explanation].explain(asked)
    assert isinstance(outcome, Outcome)
    assert len(outcome.values[key]) == 1
    assert outcome.values["written"] == [str(path) for path in outcome.written]
    assert all(path.is_file() for path in outcome.written)
    assert outcome.lines[0].startswith(outcome.values[key][0]["name"])
