"""The loops beside which the kernels are timed."""

from __future__ import annotations

import pytest
import torch
from benchmarks.check import check, check_jax
from benchmarks.loops import HoistedEleAttGRU, NaiveEleAttGRU, share_parameters

from attentive_rnn import EleAttGRU


def test_the_loops_compute_the_layer():
    layers = {"EleAttGRU, reset after": EleAttGRU(3, 5, reset_after=True)}
    for kind in (NaiveEleAttGRU, HoistedEleAttGRU):
        layers[kind.__name__] = kind(3, 5)
        share_parameters(layers[kind.__name__], layers["EleAttGRU, reset after"])
    assert max(check(layers, torch.randn(7, 2, 3)).values()) < 1e-5


@pytest.fixture
def layer():
    return EleAttGRU(3, 5, reset_after=True)


def test_the_scan_of_jax_computes_the_layer_and_its_gradients(layer):
    assert 0 < check_jax(layer, torch.randn(7, 2, 3)) < 1e-5


def test_a_scan_of_another_function_is_not_timed(layer, monkeypatch):
    import jax

    monkeypatch.setattr(jax.nn, "sigmoid", jax.numpy.tanh)
    with pytest.raises(SystemExit, match=r"no speed is measured: jax\.lax\.scan, output: relative error"):
        check_jax(layer, torch.randn(7, 2, 3))
