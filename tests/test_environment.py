"""The record of versions and hardware that a run leaves."""

from __future__ import annotations

import json
import os
import platform

import torch

from attentive_rnn import environment


def test_an_environment_is_plain_values_that_json_holds():
    found = environment.describe("cpu")
    assert json.loads(json.dumps(found)) == found
    assert found["device"] == "cpu"
    assert found["folder"] == os.getcwd()
    assert found["threads"] == torch.get_num_threads()


def test_versions_are_those_of_what_is_installed():
    found = environment.versions()
    assert found["python"] == platform.python_version()
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert "attentive-rnn" in found


def test_memory_and_cores_are_those_that_the_system_tells():
    found = environment.hardware()
    assert found["memory_gib"] == round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    assert 1 <= found["cores"] <= os.cpu_count()
    assert found["cpu"]


def test_packages_are_named_with_the_extra_that_installs_them():
    found = {package.name: package for package in environment.packages()}
    assert found["torch"].extra == ""
    assert found["tensorboard"].extra == "train"
    assert "pytest" not in found
