"""Interleaved times of EleAtt layers, torch's layers and hand-written loops; no speed is printed where a check fails.

    python -m benchmarks.bench [--quick] [--threads 1 2] [--shapes L1 b32] [--maps] [--write docs/benchmarks.md]

All competitors of a shape take turns in one process, so that whatever else the machine does hits them alike; ratios of
medians and of minima are printed, and absolute times of torch's layer only. Inputs do not require gradients except in
L2, a second layer. The distance to the floor is a layer's least time over that of its products alone, at the rate of
the kernels' product, measured just before. Two threads take the shapes of TWO_THREADS only. A jax.lax.scan takes part
on one thread where jax is installed.

The written file has a line for each shape; all layers are in another one beside it, which ends in -all.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from attentive_rnn import RRA, EleAttGRU, EleAttLSTM, EleAttRNN, backends
from attentive_rnn.errors import installed
from attentive_rnn.ops import native
from attentive_rnn.ops.recurrence import Spec, Weights
from attentive_rnn.ops.recurrence.stream import Stream

from . import maps
from .check import check, check_jax, output_of
from .floors import product_rate, products
from .loops import JAX, CompiledEleAttGRU, HoistedEleAttGRU, NaiveEleAttGRU, jax_scan, share_parameters
from .sections import section_of, with_section
from .timing import interleave, processor, ratio

SHAPES = {  # (T, B, D, N)
    "L1": (100, 256, 75, 100),
    "L2": (100, 256, 100, 100),
    "b32": (100, 32, 75, 100),
    "off1": (300, 1, 75, 100),
    "mnist": (784, 128, 1, 128),
    "rgb": (50, 32, 2048, 512),
    "wide": (60, 64, 150, 128),
    "long": (2000, 16, 12, 64),
}
QUICK = ("L1", "b32", "off1")
RANKS = (64, 128)  # of low-rank gates, where a layer has more inputs than twice the highest
TWO_THREADS = ("L1", "b32", "mnist", "rgb")
COMPILED = "naive loop, step compiled"
COLUMNS = ("nn.LSTM", COMPILED, JAX, "EleAttGRU", "EleAttLSTM", "RRA, 5 lags", "plain GRU (gate=None)")
POOL = 8 << 30  # bytes that the kernels keep: the layers of a shape together, as each would keep its own in its process
OF_OTHERS = ("## GPU", "## ONNX", "## int8", "## Long sequences")  # sections of the other benchmarks, which stay


Runs = dict[str, Callable[[], None]]


class Times(NamedTuple):
    """Seconds of one competitor's turns."""

    forward: list[float]
    training: list[float]
    floors: tuple[float, float] | None = None  # of a forward pass and a training step, for a layer of ours


def competitors(d: int, n: int, loops: bool, backend: str = "cpu") -> dict[str, nn.Module]:
    """The layers that take turns; the first is the bar."""
    layers: dict[str, nn.Module] = {
        "nn.GRU": nn.GRU(d, n),
        "nn.LSTM": nn.LSTM(d, n),
        "nn.RNN": nn.RNN(d, n),
        "EleAttGRU": EleAttGRU(d, n, backend=backend),
        "EleAttGRU, reset after": EleAttGRU(d, n, reset_after=True, backend=backend),
        "EleAttLSTM": EleAttLSTM(d, n, backend=backend),
        "EleAttRNN": EleAttRNN(d, n, backend=backend),
        "RRA, 5 lags": RRA(d, n, lags=5, backend=backend),
        "RRA, 5 lags and a gate": RRA(d, n, lags=5, gate="sigmoid", backend=backend),
        "plain GRU (gate=None)": EleAttGRU(d, n, gate=None, reset_after=True, backend=backend),
    }
    for rank in RANKS if d > 2 * max(RANKS) else ():
        layers[f"EleAttGRU, gate_rank {rank}"] = EleAttGRU(d, n, gate_rank=rank, backend=backend)
    if loops:
        for name, kind in (("naive loop", NaiveEleAttGRU), ("hoisted loop", HoistedEleAttGRU)):
            layers[name] = kind(d, n)
            share_parameters(layers[name], layers["EleAttGRU, reset after"])
    return layers


def passes(layers: dict[str, nn.Module], x: Tensor, weight: Tensor) -> tuple[Runs, Runs]:
    """A forward pass of each layer without gradients, and a training step with `weight` as the output's gradient."""

    def forward(layer: nn.Module) -> None:
        with torch.no_grad():
            output_of(layer, x)

    def training(layer: nn.Module) -> None:
        layer.zero_grad()
        output_of(layer, x).backward(weight)
        x.grad = None  # within its maker's time, not within the next one's

    ahead, both = ({name: partial(run, layer) for name, layer in layers.items()} for run in (forward, training))
    return ahead, both


def measure(shape: str, seconds: float, loops: bool, rate: float) -> dict[str, Times]:
    """Times of all layers at a shape; their floors are of products at `rate` operations a second."""
    steps, rows, d, n = SHAPES[shape]
    torch.manual_seed(0)
    layers = competitors(d, n, loops)
    if shape in ("L1", "b32") and torch.get_num_threads() == 1:
        torch.compiler.reset()  # or the steps compiled for other sizes would count towards its limit
        layers[COMPILED] = CompiledEleAttGRU(d, n)
        share_parameters(layers[COMPILED], layers["EleAttGRU, reset after"])
    x, weight = torch.randn(steps, rows, d), torch.randn(steps, rows, n)
    check(layers, x)
    x.requires_grad_(shape == "L2")
    runs = passes(layers, x, weight)
    if torch.get_num_threads() == 1 and installed("jax"):
        same = layers["EleAttGRU, reset after"]
        check_jax(same, x)
        for own, run in zip(runs, jax_scan(same, x, weight), strict=True):
            own[JAX] = run
    ahead, both = (interleave(one, seconds) for one in runs)
    floors = {
        name: tuple(operations / rate for operations in products(layer, steps, rows, x.requires_grad))
        for name, layer in layers.items()
        if hasattr(layer, "specs")
    }
    return {name: Times(ahead[name], both[name], floors.get(name)) for name in ahead}


def measure_bfloat16(shape: str, seconds: float) -> dict[str, Times]:
    """nn.GRU and EleAttGRU under autocast(bfloat16), and both in float32."""
    steps, rows, d, n = SHAPES[shape]
    torch.manual_seed(0)
    layers: dict[str, nn.Module] = {"nn.GRU": nn.GRU(d, n), "EleAttGRU": EleAttGRU(d, n, backend="cpu")}
    x, weight = torch.randn(steps, rows, d), torch.randn(steps, rows, n)
    check(layers, x)

    def rounded(run: Callable[[], None]) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            run()

    def training(layer: nn.Module) -> None:
        layer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = output_of(layer, x)
        output.backward(weight.to(output.dtype))

    ahead, both = passes(layers, x, weight)
    ahead |= {f"{name}, bfloat16": partial(rounded, run) for name, run in ahead.items()}
    both |= {f"{name}, bfloat16": partial(training, layer) for name, layer in layers.items()}
    times = interleave(ahead, seconds), interleave(both, seconds)
    return {name: Times(times[0][name], times[1][name]) for name in ahead}


def measure_step(seconds: float) -> dict[str, list[float]]:
    """A hundred single steps, T = B = 1, without gradients."""
    cell, layer, lstm, rra = nn.GRUCell(75, 100), EleAttGRU(75, 100), nn.LSTMCell(75, 100), RRA(75, 100)
    weights = Weights(
        ih=layer.weight_ih_l0,
        hh=layer.weight_hh_l0,
        b_ih=layer.bias_ih_l0,
        ia=layer.weight_ia_l0,
        ha=layer.weight_ha_l0,
        b_a=layer.bias_a_l0,
    )
    stream, x, h = Stream(Spec("gru"), weights, rows=1), torch.randn(1, 75), torch.zeros(1, 100)
    expected = layer(x.unsqueeze(0))[1][0]
    if not torch.allclose(stream.step(x, (h,))[0], expected, atol=1e-5):
        sys.exit("no speed is measured: a stream's step differs from the layer's")

    pair = (h, torch.zeros(1, 100))
    state = (*(s.unsqueeze(0) for s in pair), torch.zeros(1, 1, 5, 100))
    with torch.no_grad():
        if not torch.allclose(rra.step(x, state)[0], rra(x.unsqueeze(0))[0][0], atol=1e-5):
            sys.exit("no speed is measured: a step of RRA differs from a pass")

    def hundred(step: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            with torch.no_grad():
                for _ in range(100):
                    step()

        return run

    runs = {
        "nn.GRUCell": hundred(lambda: cell(x, h)),
        "EleAttGRU, Stream": hundred(lambda: stream.step(x, (h,))),
        "EleAttGRU.step": hundred(lambda: layer.step(x, h.unsqueeze(0))),
        "nn.LSTMCell": hundred(lambda: lstm(x, pair)),
        "RRA.step": hundred(lambda: rra.step(x, state)),
    }
    return interleave(runs, seconds)


def distance(times: Times) -> str:
    """How many times its floor a layer's forward pass and training step take at least."""
    if times.floors is None:
        return ""
    parts = zip((times.forward, times.training), times.floors, strict=True)
    return " / ".join(f"{min(own) / floor:.2f}" for own, floor in parts)


def table(title: str, times: dict[str, Times]) -> list[str]:
    """All layers at a shape."""
    bar = times["nn.GRU"]
    milliseconds = " / ".join(f"{1e3 * statistics.median(part):.1f}" for part in bar[:2])
    lines = [
        f"### {title}",
        "",
        f"nn.GRU: {milliseconds} ms (forward / training step). Ratios to it: median [minimum].",
        "",
        "| layer | forward | training step | times its floor |",
        "|---|---|---|---|",
    ]
    for name, own in times.items():
        ratios = f"{ratio(own.forward, bar.forward)} | {ratio(own.training, bar.training)}"
        lines.append(f"| {name} | {ratios} | {distance(own)} |")
    lstm = times["nn.LSTM"]
    lines += ["", "RRA is an LSTM with attention over time; its ratios to nn.LSTM, forward and training step:", ""]
    for name, own in times.items():
        if name.startswith("RRA"):
            lines.append(f"* {name}: {ratio(own.forward, lstm.forward)}, {ratio(own.training, lstm.training)}")
    return [*lines, ""]


HEAD = [
    "| shape, threads | nn.GRU, ms | " + " | ".join(COLUMNS) + " | EleAttGRU, times its floor |",
    "|---|---|" + "---|" * len(COLUMNS) + "---|",
]


def line(title: str, times: dict[str, Times]) -> str:
    """A shape in the table of all shapes."""
    bar = times["nn.GRU"]

    cells = [" / ".join(f"{1e3 * min(part):.1f}" for part in bar[:2])]
    for name in COLUMNS:
        own = times.get(name)
        pairs = () if own is None else zip(own[:2], bar[:2], strict=True)
        cells.append(" / ".join(f"{min(part) / min(other):.2f}" for part, other in pairs))
    return f"| {title} | {' | '.join(cells)} | {distance(times['EleAttGRU'])} |"


def bfloat16(seconds: float) -> list[str]:
    """The section of autocast."""
    lines = [
        "## bfloat16",
        "",
        "EleAttGRU under autocast(bfloat16), 1 thread, forward / training step: its time over that of nn.GRU under the",
        "same autocast and over its own in float32, median [minimum].",
        "",
    ]
    for shape in ("L1", "b32"):
        times = measure_bfloat16(shape, seconds)
        own = times["EleAttGRU, bfloat16"]
        parts = []
        for name in ("nn.GRU, bfloat16", "EleAttGRU"):
            both = zip(own[:2], times[name][:2], strict=True)
            parts.append(f"{' / '.join(ratio(*pair) for pair in both)} of {name}")
        lines.append(f"* {shape}: {'; '.join(parts)}")
    return [*lines, ""]


def steps(seconds: float) -> list[str]:
    """The section of single steps."""
    times = measure_step(seconds)
    bar = times["nn.GRUCell"]
    lines = [f"## step (1, 1, 75, 100): nn.GRUCell takes {1e4 * statistics.median(bar):.1f} us", ""]
    return [*lines, *(f"* {name}: {ratio(own, bar)}" for name, own in times.items()), ""]


def heading(title: str, command: str, rates: str) -> list[str]:
    """The first lines of a page."""
    machine = {status.name: status.reason for status in backends()}["cpu"]
    jax = f"jax {version('jax')}" if installed("jax") else "jax not installed"
    return [
        f"# {title}",
        "",
        f"Made by `{command}` on {datetime.date.today()}: {processor()}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {jax}, {machine}.",
        f"Load: {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores; where it is high, only the least times tell.",
        f"The floor is a layer's products at the rate of the kernels' own product: {rates}.",
        "",
        "Ratios to torch's nn.GRU of the same sizes, which has no attention: below 1 is faster. The competitors take",
        "turns in one process; every layer was checked against its float64 reference first. Shapes are (T, B, D, N).",
        "",
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"the shapes {', '.join(QUICK)}, a few seconds each")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=None)
    parser.add_argument("--write", type=Path, help="write the pages to this file and the one beside it")
    parser.add_argument("--maps", action="store_true", help="AttentionRNN2d only; the file's other sections stay")
    options = parser.parse_args(arguments)
    shapes = options.shapes or (QUICK if options.quick else SHAPES)
    seconds = 3.0 if options.quick else 5.0

    if options.maps:
        section = maps.report(seconds)
        if options.write:
            options.write.write_text(with_section(options.write.read_text(), maps.TITLE, section))
        return
    command = " ".join(["python -m benchmarks.bench", *(sys.argv[1:] if arguments is None else arguments)])
    if native.kernels is not None:
        native.kernels.pool_limit(POOL)
    rates = {}
    for threads in options.threads:
        torch.set_num_threads(threads)
        rates[threads] = product_rate(threads)
    said = ", ".join(
        f"{rate / 1e9:.0f} GFLOP/s on {threads} thread{'s' * (threads > 1)}" for threads, rate in rates.items()
    )
    page, every = heading("Benchmarks", command, said), heading("All layers", command, said)
    page += ["Forward / training step, of the least times. [All layers, with medians](benchmarks-all.md).", "", *HEAD]
    print("\n".join(every), flush=True)
    for threads, rate in rates.items():
        torch.set_num_threads(threads)
        for shape in shapes:
            if threads > 1 and options.shapes is None and shape not in TWO_THREADS:
                continue
            title = f"{shape} {SHAPES[shape]}, {threads}"
            times = measure(shape, seconds, SHAPES[shape][0] <= 300 and shape != "rgb", rate)
            part = table(f"{title} thread{'s' * (threads > 1)}", times)
            print("\n".join(part), flush=True)
            page.append(line(title, times))
            every += part
    torch.set_num_threads(1)
    for section in (steps(seconds / 3), bfloat16(seconds)):
        print("\n".join(section), flush=True)
        page += ["", *section]
    # a process of its own: what the layers above leave of memory would change the loops' times
    alone = [sys.executable, "-m", "benchmarks.bench", "--maps", *["--quick"] * options.quick]
    section = subprocess.run(alone, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(section, flush=True)
    whole = with_section("\n".join(page), maps.TITLE, section.splitlines())
    if options.write:
        beside = options.write.with_name(f"{options.write.stem}-all.md")
        for path, text in ((options.write, whole), (beside, "\n".join(every))):
            before = path.read_text() if path.exists() else ""
            for title in OF_OTHERS:
                text = with_section(text, title, section_of(before, title))
            path.write_text(text)


if __name__ == "__main__":
    main()
