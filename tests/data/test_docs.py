"""The examples in the documentation of the data package run as printed."""

import doctest
import importlib
import pkgutil

import pytest

import attentive_rnn.data

MODULES = ["attentive_rnn.data"] + [
    m.name for m in pkgutil.walk_packages(attentive_rnn.data.__path__, "attentive_rnn.data.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) > 20
