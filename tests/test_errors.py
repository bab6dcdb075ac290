"""Errors that a user can mend: one family, with the names in words and the missing extra named."""

from __future__ import annotations

import sys

import pytest

from attentive_rnn.errors import ConfigError, DataError, MissingExtraError, UserError, either, installed, needed_for


@pytest.mark.parametrize(
    ("kind", "builtin"), [(DataError, ValueError), (ConfigError, ValueError), (MissingExtraError, ImportError)]
)
def test_every_error_is_a_users_and_one_that_python_has(kind, builtin):
    assert issubclass(kind, UserError)
    assert issubclass(kind, builtin)


def test_a_missing_extra_is_named_and_its_cause_kept(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"^films need PyAV$") as raised, needed_for("films need PyAV"):
        import av  # noqa: F401
    assert isinstance(raised.value.__cause__, ImportError)


def test_a_folder_of_the_name_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "plotters").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not installed("plotters")
    (tmp_path / "plotters" / "__init__.py").touch()
    assert installed("plotters")


def test_what_is_there_and_other_errors_pass():
    with needed_for("a reason"):
        import json
    assert json.loads("1") == 1
    with pytest.raises(ZeroDivisionError), needed_for("a reason"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("names", "words"), [(["a"], "'a'"), (["a", "b"], "'a' or 'b'"), (["a", "b", "c"], "'a', 'b' or 'c'")]
)
def test_names_are_joined_by_or(names, words):
    assert either(names) == words
    assert either(iter(names), quote=False) == words.replace("'", "")
