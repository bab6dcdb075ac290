"""Timing of competitors: turn by turn in one process, as ratios of medians and of minima."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path


def on_the_clock(run: Callable[[], None]) -> float:
    """The seconds that a run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleave(
    runs: dict[str, Callable[[], None]],
    seconds: float,
    timed: Callable[[Callable[[], None]], float] = on_the_clock,
    warm: int = 1,
) -> dict[str, list[float]]:
    """Times of all runs, taking turns until the time is up; `warm` rounds first that do not count."""
    for _ in range(warm):
        for run in runs.values():
            run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, run in runs.items():
            times[name].append(timed(run))
    return times


def ratio(times: list[float], bar: list[float]) -> str:
    return f"{statistics.median(times) / statistics.median(bar):.3f} [{min(times) / min(bar):.3f}]"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()
