"""The benchmark of the CPU kernels: its floors, and its lines and tables."""

from __future__ import annotations

import pytest
import torch
from benchmarks.bench import COLUMNS, HEAD, Times, distance, line, measure_bfloat16, table
from benchmarks.floors import product_rate, products

from attentive_rnn import RRA, EleAttGRU, EleAttLSTM, EleAttRNN

LAYERS = [EleAttGRU(3, 2), EleAttGRU(3, 2, gate=None), EleAttLSTM(5, 4), EleAttRNN(5, 4), RRA(3, 2, gate="sigmoid")]
GATES = [3, 0, 5, 5, 3]
OTHERS = [5 * 2, 5 * 2, 4 * 4, 0, 4 * 2 + 2 * 5 * 2]  # sums and products of single numbers


@pytest.mark.parametrize(("layer", "gate", "others"), list(zip(LAYERS, GATES, OTHERS, strict=True)))
def test_the_floor_of_a_pass_is_all_operations_of_the_layer_but_those_of_single_numbers(layer, gate, others):
    forward, training = products(layer, 7, 2, input_needs_gradient=True)
    assert forward == layer.flops(7, 2) - 7 * 2 * (others + gate)
    assert training == 3 * forward


def test_the_input_s_gradient_is_spared_where_nobody_needs_it():
    for layer, spared in ((EleAttGRU(3, 2), 2 * 3 * 3), (EleAttGRU(3, 2, gate=None), 2 * 6 * 3)):
        asked, training = (products(layer, 7, 2, needed)[1] for needed in (True, False))
        assert asked - training == 7 * 2 * spared


def test_the_gate_of_a_rank_takes_three_products():
    full, low = (products(EleAttGRU(8, 2, gate_rank=rank), 1, 1, True)[0] for rank in (None, 3))
    assert full - low == 2 * 8 * (8 + 2) - 2 * 3 * (8 + 2) - 2 * 8 * 3


def test_the_rate_of_products_is_that_of_a_machine():
    assert 1e7 < product_rate(seconds=0.05) < 1e13


TIMES = {
    "nn.GRU": Times([0.004, 0.002, 0.003], [0.010]),
    "nn.LSTM": Times([0.006], [0.020]),
    "EleAttGRU": Times([0.0015], [0.005], (0.001, 0.004)),
    "RRA, 5 lags": Times([0.003], [0.010], (0.003, 0.008)),
}


def test_a_layer_stands_beside_the_bar_and_its_floor():
    assert distance(TIMES["nn.LSTM"]) == ""
    said = table("b (1, 2, 3, 4), 1 thread", TIMES)
    assert "nn.GRU: 3.0 / 10.0 ms (forward / training step). Ratios to it: median [minimum]." in said
    assert "| EleAttGRU | 0.500 [0.750] | 0.500 [0.500] | 1.50 / 1.25 |" in said
    assert "* RRA, 5 lags: 0.500 [0.500], 0.500 [0.500]" in said


def test_a_shape_has_one_line_with_a_cell_for_each_column():
    said = line("b (1, 2, 3, 4), 1", TIMES)
    assert said.startswith("| b (1, 2, 3, 4), 1 | 3.0 / 10.0 | 2.00 / 2.00 |")
    assert said.endswith("| 1.50 / 1.25 |")
    assert said.count("|") == HEAD[0].count("|") == HEAD[1].count("|") == len(COLUMNS) + 4


def test_layers_under_autocast_are_timed_beside_those_in_float32(monkeypatch):
    monkeypatch.setitem(measure_bfloat16.__globals__["SHAPES"], "small", (3, 2, 4, 5))
    times = measure_bfloat16("small", 0.0)
    assert list(times) == ["nn.GRU", "EleAttGRU", "nn.GRU, bfloat16", "EleAttGRU, bfloat16"]
    assert all(len(part) == 3 for own in times.values() for part in own[:2])
    assert torch.get_num_threads() == 1
