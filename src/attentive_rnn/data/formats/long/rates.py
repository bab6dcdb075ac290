"""Rates of the sequences of a table, by a column of times: the one of all, or a note that they differ.

A model counts frames: to it, what takes a second in 50 frames is faster than what takes a second in 100.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...schema import same_rate
from ..columns import Columns
from .roles import Rows, says, ticks_a_second

_FEWEST = 4  # steps that tell how far the frames of a sequence are apart
_UNEVEN = 0.1  # share of steps, and of their length, that may differ
_SHOWN = 4  # rates in a note


def find_rate(
    table: Columns, roles: Mapping[str, str], rows: Rows, even: bool = True, of: str = "sequences"
) -> tuple[float | None, list[str]]:
    """The frames per second, where the unit of the times is known, and a note on sequences of several rates.

    Args:
        table: the columns.
        roles: those that have a role; if none is the time, the only column that is one by its name and values tells.
        rows: the order of the rows.
        even: whether the frames must be equally far apart.
        of: what a sequence is called in a note.
    """
    name = roles.get("time") or _time_by_name(table, roles, rows)
    if name is None or not rows.within.any():
        return None, []
    values = table.numbers(name)[rows.order]
    written = not isinstance(table.values[name], np.ndarray) and table.are_times(name)
    ticks = 1.0 if written else ticks_a_second(name, values)
    steps = np.diff(values)[rows.within]
    each = _steps_of_each(steps, np.diff([*rows.starts, len(values)]) - 1)
    if notes := several_rates((ticks or 1.0) / each, table.where, name, ticks is not None, of):
        return None, notes
    middle = float(np.median(steps))
    near = np.abs(steps - middle) <= _UNEVEN * middle
    if ticks is None or not middle > 0 or (even and near.mean() < 1 - _UNEVEN):
        return None, []
    return float(f"{ticks / steps[near].mean():.5g}"), []  # the mean, for times in whole milliseconds


def several_rates(
    rates: Sequence[float] | np.ndarray, where: str, name: str, seconds: bool = True, of: str = "files"
) -> list[str]:
    """A note on sequences that have several rates; none where they have one.

    Args:
        rates: frames in a unit of time of each sequence, NaN where it is not known.
        where: the file or folder.
        name: of the times that tell them.
        seconds: whether the unit is a second; else it is not known.
        of: what the sequences are called.

    Example:
        >>> several_rates([50, 50, 100, 50.1], "here", "time_ms")[0].partition(";")[0]
        "here: by 'time_ms', there are several rates, in frames a second: 50 in 3 files and 100 in 1"
    """
    known = np.sort(np.asarray(rates)[np.isfinite(rates)])
    groups: list[list[float]] = []
    for rate in known.tolist():
        if groups and same_rate(groups[-1][0], rate):
            groups[-1].append(rate)
        else:
            groups.append([rate])
    if len(groups) < 2:
        return []
    common = sorted(groups, key=len, reverse=True)
    middle = [float(np.median(group)) for group in common[:_SHOWN]]
    said_as = [f"{rate if seconds else 1 / rate:.4g}" for rate in middle]
    shown = [f"{rate} in {len(group)}" for rate, group in zip(said_as, common, strict=False)]
    shown[0] += f" {of}"
    said = f"{', '.join(shown[:-1])} and {shown[-1]}" + ", and so on" * (len(groups) > _SHOWN)
    what = "there are several rates, in frames a second" if seconds else "frames are not equally far apart"
    return [
        f"{where}: by {name!r}, {what}: {said}; a frame is another span of time in each, which no model can tell: "
        "bring all to one rate first, such as by numpy.interp over the times"
    ]


def _time_by_name(table: Columns, roles: Mapping[str, str], rows: Rows) -> str | None:
    """The only column, such as "time_ms", that is a time by its name and grows from frame to frame."""
    named = [name for name in table.values if name not in roles.values() and says(name) == "time"]
    found = []
    for name in named if table.schema is None else ():
        values, faults = table.parsed(name)
        if not faults and (rows.steps(values) > 0).all():
            found.append(name)
    return found[0] if len(found) == 1 else None


def _steps_of_each(steps: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The usual step of each sequence, (N,), NaN where it has few steps or they differ.

    Args:
        steps: of all sequences, one after the other.
        counts: steps of each sequence.
    """
    ids = np.repeat(np.arange(len(counts)), counts)
    usable = np.flatnonzero(counts >= _FEWEST)
    ordered = steps[np.lexsort((steps, ids))]
    middle = np.zeros(len(counts))
    starts = np.cumsum(counts) - counts
    middle[usable] = ordered[starts[usable] + counts[usable] // 2]
    near = np.abs(steps - middle[ids]) <= _UNEVEN * middle[ids]
    hits = np.bincount(ids, near, len(counts))
    sums = np.bincount(ids, steps * near, len(counts))
    sure = (middle > 0) & (hits >= (1 - _UNEVEN) * counts)
    return np.divide(sums, hits, out=np.full(len(counts), np.nan), where=sure)
