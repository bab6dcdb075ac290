"""Geometry of the report's charts, which its template draws as SVG.

They are not matplotlib's, whose SVG has fixed colours and text of its own: these follow the colours of the page, light
or dark, and its text, and an axis takes some hundred bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, log10
from typing import Any, NamedTuple

from ...draw.charts import Bin

NAMES = {"acc": "accuracy"}  # of columns whose name is no word
_POINTS = 500
_LARGEST = 1e30
LEFT, RIGHT, TOP, BOTTOM = 44, 352, 10, 192  # of the area for data in a view box of 374 x 220


def learning_curves(rows: Sequence[Mapping[str, float]], best: int | None) -> list[dict[str, Any]]:
    """The charts of a metrics.csv: one for each pair of columns train_X and valid_X.

    Args:
        rows: an epoch each.
        best: the number of the best epoch, which is marked.
    """
    charts = []
    for column in rows[0] if rows else ():
        if not column.startswith("train_"):
            continue
        what = column.removeprefix("train_")
        series = {"first": [row[column] for row in rows]}
        if f"valid_{what}" in rows[0]:
            series["second"] = [row[f"valid_{what}"] for row in rows]
        charts.append(_chart(NAMES.get(what, what), series, best))
    return charts


def reliability_chart(found: Sequence[Bin]) -> dict[str, Any]:
    """The bars and axes of a reliability diagram."""
    across, up = _linear(0, 1, LEFT, RIGHT), _linear(0, 1, BOTTOM, TOP)
    ticks = {i / 5: f"{20 * i} %" for i in range(6)}
    return {
        "x": _marks(across, ticks),
        "y": _marks(up, ticks),
        "bars": [
            {
                "x": round(across(one.low) + 1, 1),
                "y": round(up(one.accuracy), 1),
                "width": round(across(one.high) - across(one.low) - 2, 1),
                "height": round(BOTTOM - up(one.accuracy), 1),
                "title": f"{one.sequences} sequences: stated {one.probability:.2f}, right {one.accuracy:.2f}",
            }
            for one in found
        ],
    }


def scatter_chart(predicted: Sequence[float], true: Sequence[float]) -> dict[str, Any]:
    """Predicted numbers (up) against true ones (across), at most 500, evenly spread, and the line of no error."""
    step = -(-len(true) // _POINTS)
    ends = [*true, *predicted]
    axis = _axis("", min(ends), max(ends), logarithmic=False)
    marks = list(axis.ticks)
    across = _linear(marks[0], marks[-1], LEFT, RIGHT)
    return {
        "label": "predicted number (up) of a test sequence by the true one (across); dashed: no error",
        "x": _marks(across, axis.ticks),
        "y": _marks(axis.place, axis.ticks),
        "line": (LEFT, BOTTOM, RIGHT, TOP),
        "points": [
            (round(across(t), 1), round(axis.place(p), 1)) for t, p in zip(true[::step], predicted[::step], strict=True)
        ],
    }


def _chart(name: str, series: Mapping[str, Sequence[float]], best: float | None) -> dict[str, Any]:
    # A loss that overflowed in an epoch has no place on the axis.
    values = [value for line in series.values() for value in line if abs(value) < _LARGEST] or [0.0]
    epochs = max(map(len, series.values()))
    axis = _axis(name, min(values), max(values))
    across = _linear(1, max(epochs, 2), LEFT, RIGHT)

    def point(place: tuple[int, float]) -> str:
        epoch, value = place
        return f"{across(epoch):.1f},{axis.place(value):.1f}" if abs(value) < _LARGEST else ""

    marks = sorted({round(1 + (epochs - 1) * i / 4) for i in range(5)})
    return {
        "label": f"{name} by epoch{axis.note}",
        "x": _marks(across, {epoch: str(epoch) for epoch in marks}),
        "y": _marks(axis.place, axis.ticks),
        "best": None if best is None else round(across(best), 1),
        "lines": [
            {
                "kind": kind,
                "points": " ".join(
                    f"{across(i):.1f},{axis.place(v):.1f}" for i, v in enumerate(line, 1) if abs(v) < _LARGEST
                ),
            }
            for kind, line in series.items()
        ],
    }


class _Axis(NamedTuple):
    """A vertical axis: the place of a value, the labelled ticks, and a note for the caption."""

    place: Callable[[float], float]
    ticks: dict[float, str]
    note: str = ""


def _axis(name: str, low: float, high: float, logarithmic: bool = True) -> _Axis:
    if name == "accuracy":
        return _Axis(_linear(0, 1, BOTTOM, TOP), {i / 4: f"{25 * i} %" for i in range(5)})
    if logarithmic and low > 0 and high > 20 * low:  # late epochs lie far below the first
        powers = range(floor(log10(low)), max(ceil(log10(high)), floor(log10(low)) + 1) + 1)
        linear = _linear(powers[0], powers[-1], BOTTOM, TOP)
        ticks = {10.0**power: f"{10.0**power:g}" for power in powers}
        return _Axis(lambda value: linear(log10(value)), ticks, ", logarithmic")
    step = nice_step(max(high, 0.0) - min(0.0, low))
    first, last = floor(min(0.0, low) / step), max(ceil(high / step), 1)
    ticks = {step * i: f"{step * i:g}" for i in range(first, last + 1)}
    return _Axis(_linear(step * first, step * last, BOTTOM, TOP), ticks)


def nice_step(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides a span into about four.

    Example:
        >>> nice_step(1.0), nice_step(37.0)
        (0.2, 10.0)
    """
    raw = max(span, 1e-9) / 4
    power = 10.0 ** floor(log10(raw))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= raw * 0.8)


def _marks(place: Callable[[float], float], ticks: Mapping[float, str]) -> list[dict[str, Any]]:
    return [{"at": round(place(value), 1), "text": text} for value, text in ticks.items()]


def _linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)
