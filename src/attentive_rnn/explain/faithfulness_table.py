"""The table and the picture of what :mod:`faithfulness` measured, over one run or several."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..draw.colours import BLUE, GREEN, GREY, ORANGE, PINK, SKY, YELLOW
from ..draw.samples import new_figure
from ..tasks.metrics import Interval, student
from .curves import FRACTIONS, area
from .faithfulness import RANKINGS, Faithfulness

# The dashes tell the lines apart without colour.
STYLES = (
    (ORANGE, "-"),
    (YELLOW, "--"),
    (BLUE, "-."),
    (GREEN, "-"),
    (PINK, "--"),
    (SKY, ":"),
    (GREY, ":"),
)


def values(outcomes: Sequence[Faithfulness]) -> dict[str, Any]:
    """What the table says, as plain values: areas under the curves and correlations, one number for each run."""
    return {
        "sequences": outcomes[0].count,
        "runs": len(outcomes),
        "rankings": {
            name: {
                "deletion": [float(area(outcome.deletion[name])) for outcome in outcomes],
                "insertion": [float(area(outcome.insertion[name])) for outcome in outcomes],
            }
            for name in outcomes[0].deletion
        },
        "correlation_with_integrated_gradients": [outcome.with_gradients for outcome in outcomes],
        "correlation_with_random_weights": [outcome.with_random_weights for outcome in outcomes],
    }


def markdown(outcomes: Sequence[Faithfulness]) -> str:
    """The table: means over the runs with Student's 95 % intervals; plain numbers for a single run."""
    found = values(outcomes)
    better = ("higher", "lower") if outcomes[0].target == "number" else ("lower", "higher")
    lines = [f"| cells ranked by | deletion ({better[0]} is better) | insertion ({better[1]} is better) |"]
    lines.append("|---|---|---|")
    for name, areas in found["rankings"].items():
        lines.append(f"| {name} | {_with_interval(areas['deletion'])} | {_with_interval(areas['insertion'])} |")
    lines += [
        "",
        "Rank correlation of relative attention with the size of integrated gradients: "
        + _with_interval(found["correlation_with_integrated_gradients"], "+.2f")
        + "; with the relative attention of the same network with random weights: "
        + _with_interval(found["correlation_with_random_weights"], "+.2f")
        + ".",
    ]
    return "\n".join(lines) + "\n"


def picture(outcomes: Sequence[Faithfulness], title: str) -> bytes:
    """The curves as a PNG: means over the runs, with bands from the lowest run to the highest.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure, number = new_figure(10, 4.6), outcomes[0].target == "number"
    axes = figure.subplots(1, 2, sharey=True)
    kinds: tuple[tuple[str, Callable[[Faithfulness], dict[str, np.ndarray]]], ...] = (
        ("deletion: cells taken out, the first-ranked first", lambda outcome: outcome.deletion),
        ("insertion: cells put in, the first-ranked first", lambda outcome: outcome.insertion),
    )
    for axis, (label, curves_of) in zip(axes, kinds, strict=True):
        for name, (colour, dashes) in zip(RANKINGS, STYLES, strict=True):
            if name not in outcomes[0].deletion:
                continue
            lines = np.stack([curves_of(outcome)[name] for outcome in outcomes])
            if len(lines) > 1:
                axis.fill_between(100 * FRACTIONS, lines.min(0), lines.max(0), color=colour, alpha=0.12, linewidth=0)
            axis.plot(100 * FRACTIONS, lines.mean(0), color=colour, linestyle=dashes, linewidth=1.8, label=name)
        axis.set_title(label, fontsize=10)
        axis.set_xlabel("cells, %")
        axis.set_ylim(0, None if number else 1)
        axis.grid(color="0.9")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("change of the answer, standard deviations" if number else "probability of the predicted class")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    runs = "one run" if len(outcomes) == 1 else f"mean and range of {len(outcomes)} runs"
    figure.suptitle(f"{title}: {outcomes[0].count} test sequences, {runs}", fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _with_interval(numbers: Sequence[float], form: str = ".3f") -> str:
    found = student(numbers) if len(numbers) > 1 else Interval(numbers[0], numbers[0], numbers[0])
    if len(numbers) == 1:
        return f"{found.value:{form}}"
    return f"{found.value:{form}} ({found.low:{form}} to {found.high:{form}})"
