"""The package itself: its names, which are imported when they are first used."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

import attentive_rnn


def test_importing_the_package_does_not_import_torch():
    code = "import sys, attentive_rnn; attentive_rnn.__version__; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_layers_and_runs_come_without_the_compiler():
    code = "import sys; from attentive_rnn import EleAttGRU, RRA, load; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_name_is_there_and_listed():
    for name in attentive_rnn.__all__:
        assert name in dir(attentive_rnn)
        assert getattr(attentive_rnn, name) is not None
    assert attentive_rnn.EleAttGRU is attentive_rnn.layers.EleAttGRU
    assert attentive_rnn.SequenceClassifier is attentive_rnn.models.SequenceClassifier
    assert attentive_rnn.backends is attentive_rnn.ops.backends


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'attentive_rnn' has no attribute 'EleAttGUR'"):
        attentive_rnn.EleAttGUR  # noqa: B018
    with pytest.raises(ImportError):
        from attentive_rnn import EleAttGUR  # noqa: F401


def test_a_pickled_layer_is_read_where_nothing_was_imported(tmp_path):
    file = tmp_path / "layer.pickle"
    file.write_bytes(pickle.dumps(attentive_rnn.EleAttGRU(3, 2)))
    code = f"import pickle; print(type(pickle.load(open({str(file)!r}, 'rb'))).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "EleAttGRU\n"
