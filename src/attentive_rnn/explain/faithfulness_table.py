"""Outcomes of the measurement of faithfulness, as plain values, as tables and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..draw import charts, colours
from ..tasks.metrics import Interval, student
from .faithfulness import FRACTIONS, RANKINGS, Curves, Faithfulness

SHARES = (0.1, 0.2, 0.3, 0.5)  # of the cells, whose accuracies the tables show


def area(values: np.ndarray) -> np.ndarray:
    """The area under curves (..., len(FRACTIONS)), by the trapezium rule: the mean height, from 0 to 1."""
    return np.trapezoid(values, FRACTIONS, axis=-1)


def values(outcomes: Sequence[Faithfulness]) -> dict[str, Any]:
    """The outcomes of several runs as plain values: for each ranking one list or number for each run."""
    return {
        "sequences": outcomes[0].count,
        "target": outcomes[0].target,
        "runs": len(outcomes),
        "fractions": FRACTIONS.tolist(),
        "rankings": {
            name: {
                key: [np.asarray(getattr(one.curves[name], key)).tolist() for one in outcomes] for key in Curves._fields
            }
            for name in RANKINGS
        },
        "correlation_with_integrated_gradients": [outcome.with_gradients for outcome in outcomes],
        "correlation_with_random_weights": [outcome.with_random_weights for outcome in outcomes],
    }


def from_values(found: Mapping[str, Any]) -> list[Faithfulness]:
    """The outcomes that :func:`values` made plain."""
    return [
        Faithfulness(
            count=found["sequences"],
            target=found["target"],
            curves={
                name: Curves(*(np.asarray(row[key][run]) for key in Curves._fields))
                for name, row in found["rankings"].items()
            },
            with_gradients=found["correlation_with_integrated_gradients"][run],
            with_random_weights=found["correlation_with_random_weights"][run],
        )
        for run in range(found["runs"])
    ]


def markdown(outcomes: Sequence[Faithfulness]) -> str:
    """Two tables, of insertion and of deletion: means over the runs, and Student's 95 % intervals of the areas."""
    number = outcomes[0].target == "number"
    what = "change of the answer, standard deviations" if number else "accuracy %"
    heads = {"insertion": ("kept", number), "deletion": ("taken out", not number)}
    lines = []
    for field, (head, low) in heads.items():
        shares = [f"{100 * share:.0f} %" for share in SHARES]
        extra = ["forward, backward passes"] if field == "insertion" else ["CPD (high)", "CPP (low)"]
        better = "low" if low else "high"
        columns = [f"{what}, best 10 % {head}", *shares[1:], f"area ({better} is better)", *extra]
        lines += [f"| {field}: cells ranked by | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 1)]
        for name, passes in RANKINGS.items():
            curves = [one.curves[name] for one in outcomes]
            cells = [_at(curves, field, share, number) for share in SHARES]
            cells.append(_with_interval([float(area(getattr(one, field))) for one in curves]))
            if field == "insertion":
                cells.append(f"{passes[0]}, {passes[1]}")
            else:
                cells += [
                    f"{np.mean([getattr(one, key) for one in curves]):.3f}" for key in ("difference", "preservation")
                ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    lines.append(
        "Rank correlation of the attended input with the size of integrated gradients: "
        + _with_interval([one.with_gradients for one in outcomes], "+.2f")
        + "; with the attended input of the same network with random weights: "
        + _with_interval([one.with_random_weights for one in outcomes], "+.2f")
        + "."
    )
    return "\n".join(lines) + "\n"


def _at(curves: Sequence[Curves], field: str, share: float, number: bool) -> str:
    """The mean accuracy, or change of the number, at a share of the cells."""
    place = int(np.argmin(np.abs(FRACTIONS - share)))
    if number:
        return f"{np.mean([getattr(one, field)[place] for one in curves]):.3f}"
    return f"{100 * np.mean([getattr(one, f'right_after_{field}')[place] for one in curves]):.1f}"


def picture(outcomes: Sequence[Faithfulness], title: str) -> bytes:
    """The curves as a PNG: means over the runs, with bands from the lowest run to the highest.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    first, number = outcomes[0], outcomes[0].target == "number"
    panels = {
        f"{kind}, the first-ranked first": {
            name: np.stack([getattr(outcome.curves[name], field) for outcome in outcomes]) for name in RANKINGS
        }
        for kind, field in (("deletion: cells taken out", "deletion"), ("insertion: cells put in", "insertion"))
    }
    runs = "one run" if len(outcomes) == 1 else f"mean and range of {len(outcomes)} runs"
    figure = charts.ranking_curves(
        panels,
        dict(zip(RANKINGS, colours.RANKINGS, strict=True)),
        FRACTIONS,
        f"{title}: {first.count} test sequences, {runs}",
        "change of the answer, standard deviations" if number else "probability of the predicted class",
        None if number else 1,
    )
    return charts.encoded(figure, ".png", dpi=120)


def _with_interval(numbers: Sequence[float], form: str = ".3f") -> str:
    found = student(numbers) if len(numbers) > 1 else Interval(numbers[0], numbers[0], numbers[0])
    if len(numbers) == 1:
        return f"{found.value:{form}}"
    return f"{found.value:{form}} ({found.low:{form}} to {found.high:{form}})"
