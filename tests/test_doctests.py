"""The examples in the docstrings of the recurrences, layers, models and explanations run; public classes have one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
import torch

import attentive_rnn
from attentive_rnn import explain, layers, models, ops

MODULES = sorted(
    found.name
    for package in (ops, layers, models, explain)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    torch.manual_seed(0)
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.parametrize("name", [name for name in attentive_rnn.__all__ if not name.startswith("__")])
def test_every_public_name_has_an_example(name):
    examples = doctest.DocTestFinder(recurse=False).find(getattr(attentive_rnn, name), name)
    assert any(test.examples for test in examples)
