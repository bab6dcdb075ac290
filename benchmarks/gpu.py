"""EleAtt layers, RRA and AttentionRNN2d on a GPU against cuDNN's layers and loops: python -m benchmarks.gpu

    python -m benchmarks.gpu [--shapes L1 maps] [--precisions fp32 tf32 bf16] [--no-loops] [--write docs/benchmarks.md]

Every layer is first held to its reference in float64. Then all take turns in one process, warm, timed by CUDA events;
medians are printed with the two floors of the device (see floors.py) and the distance to the higher one. Needs a GPU.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from attentive_rnn import AttentionRNN2d
from attentive_rnn.ops.lstm2d import Weights

from . import maps
from .bench import competitors, passes
from .check import check
from .floors import Floors, floors, numbers_moved
from .loops import CompiledEleAttGRU, share_parameters
from .sections import with_section
from .timing import interleave, ratio

SHAPES = {  # (T, B, D, N)
    "L1": (100, 256, 75, 100),
    "L2": (100, 256, 100, 100),
    "mnist": (784, 128, 1, 128),
    "rgb": (50, 256, 2048, 512),
    "off1": (300, 1, 75, 100),
}
TITLE = "## GPU"
MAPS = "maps"  # AttentionRNN2d, beside the shapes
DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
TOLERANCE = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 1e-1}  # of relative errors that are printed beside the times
CALLS = 3  # what is recorded is recorded at the second call and replayed from then on


@contextmanager
def products_in(precision: str):
    """Products of float32 matrices as they are (fp32) or with rounded factors (tf32)."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def by_events(run: Callable[[], None]) -> float:
    """The seconds between two events on the GPU's stream."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


def layers_of(d: int, n: int, dtype: torch.dtype, loops: bool) -> dict[str, nn.Module]:
    layers = competitors(d, n, loops, backend="auto")
    if loops:
        torch.compiler.reset()  # or the steps compiled for other sizes would count towards its limit
        layers["naive loop, step compiled"] = CompiledEleAttGRU(d, n)
        share_parameters(layers["naive loop, step compiled"], layers["EleAttGRU, reset after"])
    return {name: layer.to("cuda", dtype) for name, layer in layers.items()}


def floors_of(layer: nn.Module, shape: tuple[int, ...], precision: str) -> tuple[Floors, Floors]:
    """Of a layer of ours, forward and in a training step, which takes three times the operations."""
    steps, rows, d, n = shape
    device, operations = torch.cuda.get_device_properties(torch.cuda.current_device()), layer.flops(steps, rows)
    ahead, both = numbers_moved(steps, rows, d, n, layer.num_parameters)
    return floors(device, precision, operations, ahead), floors(device, precision, 3 * operations, both)


def in_words(found: Floors) -> str:
    arithmetic = "arithmetic not known for this device" if found.arithmetic is None else f"{1e3 * found.arithmetic:.4f}"
    return f"{arithmetic} / {1e3 * found.memory:.4f} ms"


def measure(shape: str, precision: str, seconds: float, loops: bool) -> list[str]:
    """The table of a shape in one precision."""
    steps, rows, d, n = SHAPES[shape]
    torch.manual_seed(0)
    layers = layers_of(d, n, DTYPES[precision], loops)
    made = {"device": "cuda", "dtype": DTYPES[precision]}
    x, weight = torch.randn(steps, rows, d, **made), torch.randn(steps, rows, n, **made)
    errors = check(layers, x, TOLERANCE[precision], CALLS)
    x.requires_grad_(shape == "L2")
    ahead, both = (interleave(runs, seconds, by_events, CALLS) for runs in passes(layers, x, weight))
    least = floors_of(layers["EleAttGRU"], SHAPES[shape], precision)
    bar = " / ".join(f"{1e3 * statistics.median(times['nn.GRU']):.3f}" for times in (ahead, both))
    lines = [
        f"### {shape} {SHAPES[shape]}, {precision}",
        "",
        f"Floors of EleAttGRU, arithmetic / bytes: forward {in_words(least[0])}, training step {in_words(least[1])}.",
        f"nn.GRU: {bar} ms (forward / training step). Ratios to it: median [minimum].",
        "",
        "| layer | backend | error | forward | training step | times its floor, forward / training step |",
        "|---|---|---|---|---|---|",
    ]
    for name, layer in layers.items():
        backend, distance = "", ""
        if getattr(layer, "last_backend", None) is not None:
            backend = layer.last_backend.backend
            parts = zip((ahead[name], both[name]), floors_of(layer, SHAPES[shape], precision), strict=True)
            distance = " / ".join(f"{statistics.median(times) / floor.higher:.1f}" for times, floor in parts)
        error = f"{errors[name]:.1e}" if name in errors else ""
        own = ratio(ahead[name], ahead["nn.GRU"]), ratio(both[name], both["nn.GRU"])
        lines.append(f"| {name} | {backend} | {error} | {own[0]} | {own[1]} | {distance} |")
    return [*lines, ""]


def measure_maps(precision: str, seconds: float) -> list[str]:
    """The table of AttentionRNN2d in one precision: its recurrence alone and the whole layer, training."""
    torch.manual_seed(0)
    made = {"device": "cuda", "dtype": DTYPES[precision]}
    layer = AttentionRNN2d(maps.C, maps.N).to(**made)
    x = torch.randn(maps.B, maps.C, maps.H, maps.W, **made, requires_grad=True)
    p = torch.randn(maps.B, maps.H, maps.W, 2, 4 * maps.N, **made, requires_grad=True)
    backends = ("triton", "hoisted")
    maps.check(layer, x, backends, TOLERANCE[precision])
    alone = {name: maps.recurrence(p, Weights(layer.weight_left, layer.weight_up), name) for name in backends}
    times = interleave(alone, seconds, by_events, CALLS)
    whole = {}
    for name in backends:
        whole[name] = AttentionRNN2d(maps.C, maps.N, backend=name).to(**made)
        whole[name].load_state_dict(layer.state_dict())
    times_of_layers = interleave(
        {name: maps.training(one, x) for name, one in whole.items()}, seconds, by_events, CALLS
    )
    lines = [
        f"### AttentionRNN2d (B, C, H, W) = {(maps.B, maps.C, maps.H, maps.W)}, hidden size {maps.N}, {precision}",
        "",
        "A training step; ratios to the loop over diagonals: median [minimum].",
        "",
        "| | the recurrence alone, ms | ratio | the whole layer, ms | ratio |",
        "|---|---|---|---|---|",
    ]
    names = {"triton": "Triton kernels", "hoisted": "loop over diagonals"}
    for name in backends:
        both = ((part[name], part["hoisted"]) for part in (times, times_of_layers))
        cells = " | ".join(f"{1e3 * statistics.median(own):.3f} | {ratio(own, bar)}" for own, bar in both)
        lines.append(f"| {names[name]} | {cells} |")
    return [*lines, ""]


def heading(command: str, name: str) -> list[str]:
    """The first lines of the section."""
    return [
        f"{TITLE}: {name}",
        "",
        f"Made by `{command}` on {datetime.date.today()}: {name}, torch {torch.__version__}, "
        f"CUDA {torch.version.cuda}, Python {platform.python_version()}.",
        "",
        "Shapes are (T, B, D, N). fp32: products as they are; tf32: of rounded factors; bf16: all in bfloat16.",
        "Error: the largest relative one of the output and of every gradient, against the reference in float64.",
        "The floors are what the device's clocks allow at best, so that the distance to them is never below one.",
        "",
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=[*SHAPES, MAPS], default=[*SHAPES, MAPS])
    parser.add_argument("--precisions", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--seconds", type=float, default=3.0, help="for each table, forward and training (default 3)")
    parser.add_argument("--no-loops", action="store_true", help="leave out the loops in Python, which take most time")
    parser.add_argument("--write", type=Path, help="put the section into this file")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print(f"nothing is measured: torch {torch.__version__} sees no GPU on this machine", file=sys.stderr)
        sys.exit(2)
    command = " ".join(["python -m benchmarks.gpu", *(sys.argv[1:] if arguments is None else arguments)])
    lines: list[str] = []

    def say(more: list[str]) -> None:
        print("\n".join(more), flush=True)
        lines.extend(more)

    say(heading(command, torch.cuda.get_device_name()))
    for precision in options.precisions:
        with products_in(precision):
            for shape in options.shapes:
                if shape == MAPS:
                    say(measure_maps(precision, options.seconds))
                else:
                    say(measure(shape, precision, options.seconds, not options.no_loops))
    if options.write:
        options.write.write_text(with_section(options.write.read_text(), TITLE, lines))


if __name__ == "__main__":
    main()
