"""The benchmark for GPUs where there is none: its floors, its section of the page, its refusal, its checks."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from benchmarks.bench import competitors
from benchmarks.check import check
from benchmarks.floors import Floors, bytes_per_second, floors, numbers_moved, operations_per_second
from benchmarks.gpu import TITLE, TOLERANCE, heading, in_words
from benchmarks.loops import CompiledEleAttGRU, share_parameters
from benchmarks.sections import section_of, with_section
from benchmarks.timing import interleave

from attentive_rnn import EleAttGRU

# Round numbers: ten multiprocessors at 1 GHz, memory of 1024 bits at 2 GHz.
DEVICE = SimpleNamespace(
    major=9, minor=0, multi_processor_count=10, clock_rate=1_000_000, memory_clock_rate=2_000_000, memory_bus_width=1024
)


def test_the_rates_follow_from_the_device_s_properties():
    assert operations_per_second(DEVICE, "fp32") == 256 * 10 * 1e9
    assert operations_per_second(DEVICE, "bf16") == 4096 * 10 * 1e9
    assert bytes_per_second(DEVICE) == 2 * 2e9 * 128


def test_the_floors_are_operations_and_bytes_over_the_rates():
    assert floors(DEVICE, "fp32", 256, 128) == Floors(1e-10, 1e-9)
    assert floors(DEVICE, "bf16", 4096, 128) == Floors(1e-10, 5e-10)
    assert floors(DEVICE, "fp32", 256 * 20, 128).higher == 2e-9
    assert floors(DEVICE, "fp32", 1, 128).higher == 1e-9


def test_the_arithmetic_of_an_unknown_device_is_not_guessed():
    unknown = SimpleNamespace(**vars(DEVICE) | {"major": 99})
    found = floors(unknown, "fp32", 256, 128)
    assert found == Floors(None, 1e-9)
    assert found.higher == 1e-9
    assert "not known" in in_words(found)


def test_a_layer_moves_its_input_output_and_weights():
    layer = EleAttGRU(3, 2)
    forward, training = numbers_moved(5, 4, 3, 2, layer.num_parameters)
    assert forward == 5 * 4 * (3 + 2) + layer.num_parameters
    assert training == 2 * 5 * 4 * (3 + 2) + 3 * layer.num_parameters


PAGE = "# Benchmarks\n\n### L1\n\n* one\n\n## AttentionRNN2d (1, 2)\n\nold maps\n"


def test_a_section_is_put_at_the_end_and_replaced_where_it_is():
    first = with_section(PAGE, TITLE, [f"{TITLE}: a device", "", "1 ms", ""])
    assert first == PAGE + f"\n{TITLE}: a device\n\n1 ms\n"
    assert with_section(first, TITLE, [f"{TITLE}: another", "", "2 ms"]) == PAGE + f"\n{TITLE}: another\n\n2 ms\n"
    maps = with_section(first, "## AttentionRNN2d", ["## AttentionRNN2d (3, 4)", "", "new maps", ""])
    assert maps == first.replace("(1, 2)", "(3, 4)").replace("old maps", "new maps")
    assert section_of(first, TITLE) == [f"{TITLE}: a device", "", "1 ms"]


def test_no_section_leaves_the_page_as_it_is():
    assert section_of(PAGE, TITLE) == []
    assert with_section(PAGE, TITLE, []) == PAGE


def test_the_section_names_the_device_the_command_and_the_day():
    title, _, made, *_ = heading("python -m benchmarks.gpu", "a device")
    assert title == f"{TITLE}: a device"
    assert "`python -m benchmarks.gpu`" in made
    assert torch.__version__ in made


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what a machine without a GPU says")
def test_without_a_gpu_it_ends_with_one_line_and_status_2(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(PAGE)
    program = [sys.executable, "-m", "benchmarks.gpu", "--write", str(page)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"nothing is measured: torch {torch.__version__} sees no GPU on this machine\n"
    assert page.read_text() == PAGE


def test_what_is_wrong_is_not_timed():
    layers = competitors(3, 4, loops=True, backend="auto")
    errors = check(layers, torch.randn(6, 2, 3), calls=2)
    assert set(errors) == {name for name in layers if not name.startswith("nn.")}
    assert all(0 < error < 1e-4 for error in errors.values())
    with torch.no_grad():
        layers["naive loop"].hg.bias.add_(0.1)
    with pytest.raises(SystemExit, match="no speed is measured: naive loop, output"):
        check(layers, torch.randn(6, 2, 3), TOLERANCE["fp32"])


def test_the_loop_whose_step_is_compiled_takes_the_layer_s_parameters(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function: function)
    layer, loop = EleAttGRU(3, 4, reset_after=True), CompiledEleAttGRU(3, 4)
    share_parameters(loop, layer)
    x = torch.randn(6, 2, 3)
    torch.testing.assert_close(loop(x), layer(x)[0])


def test_warm_rounds_do_not_count():
    runs, timed = [], []

    def clock(run):
        timed.append(len(runs))
        run()
        return 1.0

    times = interleave({"a": lambda: runs.append("a"), "b": lambda: runs.append("b")}, 0.0, clock, warm=2)
    assert times == {"a": [1.0] * 3, "b": [1.0] * 3}
    assert timed[0] == 4
