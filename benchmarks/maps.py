"""AttentionRNN2d at (B, C, H, W) = (32, 64, 32, 32), hidden size 32: its recurrence against loops in PyTorch, and its
share of a host's training step.
"""

from __future__ import annotations

import copy
import ctypes
import datetime
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from attentive_rnn import AttentionRNN2d
from attentive_rnn.ops.lstm2d import Weights, lstm2d

from .timing import interleave, processor, ratio

TITLE = "## AttentionRNN2d"
B, C, H, W, N = 32, 64, 32, 32, 32
LOOPS = {"reference": "raster loop", "hoisted": "loop over diagonals", "cpu": "compiled kernels"}


class Host(nn.Module):
    """A stem and three residual blocks of 64 channels, with attention after the first block or without."""

    def __init__(self, attention: nn.Module | None) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, C, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *(part for _ in range(2) for part in (nn.Conv2d(C, C, 3, padding=1), nn.BatchNorm2d(C), nn.ReLU()))
            )
            for _ in range(3)
        )
        self.attention, self.head = attention, nn.Linear(C, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            x = x + block(x)
            if i == 0 and self.attention is not None:
                x = self.attention(x)[0]
        return self.head(x.mean((2, 3)))


def check(layer: AttentionRNN2d, x: Tensor, backends: tuple[str, ...] = ("cpu", "hoisted"), most: float = 1e-4) -> None:
    """Refuse to go on unless the backends give the mask and the gradients of the float64 reference."""
    part = x.detach()[:3, :, :9, :7]
    expected: list[Tensor] = []
    for backend, dtype in (("reference", torch.float64), *((backend, x.dtype) for backend in backends)):
        model = copy.deepcopy(layer).to(dtype)
        model.backend = backend
        y, mask = model(part.to(dtype))
        found = [mask.detach(), *torch.autograd.grad(y.square().sum(), list(model.parameters()))]
        expected = expected or found
        for one, right in zip(found, expected, strict=True):
            error = float((one.double() - right).norm() / right.norm())
            if not error < most:
                sys.exit(f"no speed is measured: AttentionRNN2d on {backend}: relative error {error:.1e}")


def training(model: nn.Module, x: Tensor) -> Callable[[], None]:
    def run() -> None:
        model.zero_grad()
        result = model(x)
        (result[0] if isinstance(result, tuple) else result).sum().backward()
        x.grad = None

    return run


def once(run: Callable[[], None]) -> list[float]:
    """One turn alone: the raster loop takes so long that more would add nothing."""
    start = time.perf_counter()
    run()
    return [time.perf_counter() - start]


def recurrence(p: Tensor, weights: Weights, backend: str) -> Callable[[], None]:
    def run() -> None:
        lstm2d(p, weights, backend=backend).h.sum().backward()
        p.grad = None  # within its maker's time: giving back its pages takes milliseconds

    return run


def keep_memory() -> bool:
    """Have the C library keep all memory that is freed, for good; whether it can.

    The loops make large tensors at every step. A young process fetches them from the system and gives them back each
    time, which is a third of a loop's time or more; one that has been at work for long may keep them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    trim_threshold, most_mapped = -1, -4  # as malloc.h numbers them
    return mallopt is not None and bool(mallopt(trim_threshold, 2**31 - 1) and mallopt(most_mapped, 0))


def line(name: str, times: list[float], bar: list[float]) -> str:
    return f"| {name} | {1e3 * statistics.median(times):.1f} | {ratio(times, bar)} |"


def report(seconds: float) -> list[str]:
    """The section of docs/benchmarks.md, printed line by line as it is made."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layer, x = AttentionRNN2d(C, N), torch.randn(B, C, H, W, requires_grad=True)
    check(layer, x)
    lines: list[str] = []

    def say(*more: str) -> None:
        print("\n".join(more), flush=True)
        lines.extend(more)

    say(
        f"{TITLE} (B, C, H, W) = ({B}, {C}, {H}, {W}), hidden size {N}, both directions, training, 1 thread",
        "",
        f"Made by `python -m benchmarks.bench --maps` on {datetime.date.today()}: {processor()}, "
        f"torch {torch.__version__}.",
        "Milliseconds: median. Ratios to the compiled kernels: median [minimum].",
        "",
        "| the recurrence alone | ms | ratio |",
        "|---|---|---|",
    )
    p = torch.randn(B, H, W, 2, 4 * N, requires_grad=True)
    weights = Weights(layer.weight_left, layer.weight_up)
    runs = {name: recurrence(p, weights, name) for name in LOOPS}
    raster = runs.pop("reference")
    times = interleave(runs, seconds)
    times["reference"] = once(raster)
    say(*(line(LOOPS[name], times[name], times["cpu"]) for name in LOOPS), "")

    layers: dict[str, nn.Module] = {}
    for name in LOOPS:
        layers[name] = copy.deepcopy(layer)
        layers[name].backend = name
    runs = {name: training(layers[name], x) for name in LOOPS if name != "reference"}
    runs["convolution"] = training(layer.input_to_state, x)
    runs["narrow"] = training(nn.Conv2d(C, C, 3, padding=1), x)
    times = interleave(runs, seconds)
    times["reference"] = once(training(layers["reference"], x))
    say("| the whole layer | ms | ratio |", "|---|---|---|")
    say(*(line(LOOPS[name], times[name], times["cpu"]) for name in LOOPS))
    channels = layer.input_to_state.out_channels
    say(line(f"its convolution alone, {C} to {channels} channels", times["convolution"], times["cpu"]))
    say(line(f"a 3 x 3 convolution, {C} to {C} channels", times["narrow"], times["cpu"]), "")

    image = torch.randn(B, 3, H, W, requires_grad=True)
    hosts = {
        "no attention": Host(None),
        "AttentionRNN2d": Host(AttentionRNN2d(C, N)),
        "AttentionRNN2d, block=4": Host(AttentionRNN2d(C, N, block=4)),
    }
    times = interleave({name: training(host, image) for name, host in hosts.items()}, seconds)
    least = min(times["no attention"])
    say("| a host of three residual blocks | ms | share of attention in the step, of minima |", "|---|---|---|")
    for name, own in times.items():
        say(f"| {name} | {1e3 * statistics.median(own):.1f} | {100 * (1 - least / min(own)):.0f} % |")
    say("")

    if keep_memory():
        times = interleave({name: recurrence(p, weights, name) for name in ("hoisted", "cpu")}, seconds, warm=3)
        say("In a process that gives no freed memory back to the system, and so meets no page faults:", "")
        say("| the recurrence alone | ms | ratio |", "|---|---|---|")
        say(*(line(LOOPS[name], times[name], times["cpu"]) for name in times), "")
    torch.set_num_threads(threads)
    return lines
