"""The examples in the docstrings of the training package run."""

import doctest
import importlib
import pkgutil

import pytest

from attentive_rnn import training

MODULES = sorted(found.name for found in pkgutil.walk_packages(training.__path__, training.__name__ + "."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
