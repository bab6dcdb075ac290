"""Roles of the columns of a table: sequence, time, label and so on; features; and columns left out, with the reason.

What numbers rows or sequences, or tells the time, is no feature: it can tell the class of every recording of a set and
of no other. Such a column is known by its name and its values together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ....errors import ConfigError, DataError
from ...labels.flags import flags_note, is_flag, is_truth, may_be_flag, parts_of_flags
from ...split import part_of
from ..columns import Columns

KNOWN = {
    "sequence": (
        "sequence",
        "sequence_id",
        "seq",
        "seq_id",
        "series",
        "series_id",
        "case",
        "case_id",
        "sample_id",
        "id",
    ),
    "time": ("time", "timestamp", "datetime", "t", "frame", "frame_id", "step", "time_step"),
    "label": ("label", "class", "target", "action", "activity", "gesture"),
    "subject": ("subject", "subject_id", "person", "participant", "user"),
    "split": ("split", "part"),
    "name": ("name",),
    "view": ("view", "camera"),
    "setup": ("setup",),
    "repetition": ("repetition",),
}
_INDEX = re.compile(r"|unnamed: ?\d+[._a-z\d]*|__index_level_\d+__", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|#|\d+")
# Words in the names of columns that number something, or tell the time; and those that may stand beside them.
_NUMBERING = re.compile(
    "ids?|idx|index|indices|rows?|rownames|rownum|record|recno|no|nr|num|number|uid|key|code|counter|#|trials?|session"
    "|run|take|rep|repetition|attempt|block|fold|sample|recording|episode|segment|window|clip|video|file|labels?|class"
    "|classes|targets?|gesture|activity|action|category|sequence|seq|series|case|subject|person|participant|user"
)
_TIMING = re.compile(
    "times?|timestamps?|datetime|date|ts|epoch|clock|elapsed|ticks?|frames?|timestep|t|ms|msec|secs?|seconds|millis|us|ns"
)
_BESIDE = re.compile("s|unix|utc|local|system|sensor|sys|unnamed|global|abs|rel|relative|encoded|true|name")
_LEVEL = re.compile(r"level_\d+")  # of an index of pandas
_EXACT = ("x1", "...1", "n", "i")  # as R and others call the labels of rows
_BEGINS_WITH_NUMBER = re.compile(r"[+-]?[.,]?\d").match
_NAMED = 8  # columns that a note names at most
_MOMENTS = (9.4e8, 4.1e9)  # seconds since 1970, from 2000 to 2100
_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # how many of a unit are one
_UNITS = {"sec": "s", "secs": "s", "seconds": "s", "msec": "ms", "millis": "ms", "milliseconds": "ms"}
_FEW_ROWS = 10  # in fewer, a column of values may count as well
Says = Literal["nothing", "number", "time"]


def is_index_name(name: str) -> bool:
    """Whether a column has no name of its own, as the row labels that pandas writes: "", "Unnamed: 0", and so on.

    Example:
        >>> [is_index_name(name) for name in ("", "Unnamed: 0", "__index_level_0__", "x")]
        [True, True, True, False]
    """
    return _INDEX.fullmatch(name.strip()) is not None


def says(name: str) -> Says:
    """What the name of a column says that it holds: a number of something, such as a row or a class, or a time.

    Example:
        >>> [says(name) for name in ("Unnamed: 0", "label_id", "trialNo", "Time (s)", "target_x", "id")]
        ['number', 'number', 'number', 'time', 'nothing', 'number']
    """
    if is_index_name(name) or _LEVEL.fullmatch(name.strip().lower()):
        return "number"
    words = {word.lower() for word in _WORD.findall(name)}
    words = {word for word in words if not word.isdigit() and not _BESIDE.fullmatch(word)}
    timing = {word for word in words if _TIMING.fullmatch(word)}
    if not words or not all(map(_NUMBERING.fullmatch, words - timing)):
        return "nothing"
    return "time" if timing else "number"


@dataclass(frozen=True)
class Rows:
    """The rows of a table, sequence after sequence in order of time.

    Args:
        order: the rows.
        starts: where in ``order`` each sequence starts.
    """

    order: np.ndarray
    starts: np.ndarray

    @cached_property
    def within(self) -> np.ndarray:
        """Whether a row and the one before it are of one sequence, bool (rows - 1,)."""
        inner = np.ones(len(self.order), dtype=bool)
        inner[self.starts] = False
        return inner[1:]

    def steps(self, values: np.ndarray) -> np.ndarray:
        """How much a column changes from frame to frame; from row to row where all sequences are single frames."""
        return np.diff(values[self.order])[self.within] if self.within.any() else np.diff(values)


@dataclass(frozen=True)
class Left:
    """Why a column is no feature; the option that uses it; whether it is kept as a fact about each sequence."""

    why: str
    option: Literal["", "keep", "numbers", "time", "label", "split"] = ""
    fact: bool = False


def find_roles(table: Columns, given: Mapping[str, str | None], usual: Sequence[str] = tuple(KNOWN)) -> dict[str, str]:
    """The column of each role: the given one, or the only one with one of the usual names of the roles ``usual``.

    Raises:
        ConfigError: there is no such column, or there are two that could be.
    """
    roles = {}
    taken = set(table.features or ())
    for role, name in given.items():
        if name is not None:
            roles[role] = table.called(name, role)
            taken.add(name)
    if table.sequence is not None:
        roles.setdefault("sequence", table.sequence)
    for role in usual:
        if role in roles:
            continue
        found = [name for name in table.values if name not in taken and name.strip().lower() in KNOWN[role]]
        if table.schema is not None:
            found = [name for name in found if name == role]
        if role == "time" and table.lists:
            found = [name for name in found if name in table.lists]
        if role == "sequence" and len(found) > 1:  # one that differs in each row numbers the rows
            found = [name for name in found if len(set(table.texts(name))) < len(table.lines)] or found
        if role == "time" and len(found) > 1 and _order_alike(table, found, roles.get("sequence")):
            found = found[:1]
        if len(found) > 1:
            raise ConfigError(
                f"{table.where}: the columns {found[0]!r} and {found[1]!r} could both be the {role}; "
                + (f"say which with --option {role}=NAME" if role in given else "delete or rename one")
            )
        if found:
            roles[role] = found[0]
            taken.add(found[0])
    return roles


def with_part_of_flags(
    table: Columns, given: Mapping[str, str | None], features: Sequence[str]
) -> tuple[Columns, dict[str, str | None], list[str]]:
    """The columns and given roles with the split that columns such as "is_train" tell, and a note that says so.

    Args:
        table: the columns.
        given: the column of each role, or None.
        features: columns that are features by an option.

    Raises:
        DataError: a row is for training and for testing.
    """
    roles, split = dict(given), given.get("split")
    named = {name for role, name in given.items() if role != "split"} | set(features)
    others = {name for name in table.values if name.strip().lower() in KNOWN["split"]}
    if table.schema is not None or (split is None and others - named):
        return table, roles, []
    asked = [name for name in table.values if name not in named and split in (None, name)]
    names, parts = parts_of_flags(
        {name: table.texts(name) for name in asked if is_flag(name) or (name == split and may_be_flag(name))},
        table.where,
        split,
    )
    if not names:
        return table, roles, []
    roles["split"] = names[0]
    values = {name: v for name, v in table.values.items() if name not in names[1:]} | {names[0]: parts}
    remedy = f"; --option keep=[{','.join(names)}] takes {'it' if len(names) == 1 else 'them'} as features instead"
    return replace(table, values=values), roles, [f"{table.where}: {flags_note(names)}{remedy}"]


def _order_alike(table: Columns, names: Sequence[str], sequence: str | None) -> bool:
    """Whether the rows of each sequence have one order by all columns of the names, such as frame and timestamp."""
    ids = np.zeros(len(table.lines)) if sequence is None else np.unique(table.texts(sequence), return_inverse=True)[1]
    orders = []
    for name in names:
        values, faults = table.parsed(name)
        if faults or not np.isfinite(values).all():
            return False
        orders.append(np.lexsort((values, ids)))
    return all((order == orders[0]).all() for order in orders)


def likely_sequence(table: Columns, roles: Mapping[str, str]) -> str | None:
    """The column that may tell the sequences of a table apart, where none was named; None where there is none.

    Its values follow each other, each in rows of its own, or else its name says that it numbers something. Of several,
    it is the one with the shortest sequences.
    """
    free = [name for name in table.values if name not in roles.values() or name == roles.get("subject")]
    counts = {}
    for name in free:
        codes, names = table.codes(name)
        runs = 1 + int((np.diff(codes) != 0).sum())
        if 1 < runs == len(names) <= len(codes) / 2:
            counts[name] = runs
    if counts:
        return max(counts, key=lambda name: counts[name])
    return next((name for name in free if says(name) == "number"), None)


def option_sequence(table: Columns, roles: Mapping[str, str]) -> str:
    """The option that names the column that may tell the sequences apart, for a message."""
    return f"--option sequence={likely_sequence(table, roles) or 'NAME'}"


def divide(
    table: Columns,
    roles: Mapping[str, str],
    rows: Rows,
    features: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    known: Mapping[str, Left] | None = None,
) -> tuple[list[str], dict[str, Left]]:
    """The columns of a frame; and those left out, with the reason.

    Args:
        table: the columns.
        roles: those that have a role.
        rows: the order of the rows.
        features: the names of the columns of a frame, in order; None: all columns of numbers without a role.
        keep: columns that are features, whatever their names and values say.
        known: columns that are none.

    Raises:
        DataError: no column is left, or one of texts changes within a sequence.
        ConfigError: there is no column of a given name.
    """
    if table.features is not None and features is None:
        return list(table.features), {}
    for name in keep:
        table.called(name, "keep")
    rest = [name for name in table.values if name not in roles.values() or name in keep]
    if features is not None:
        frame = [table.called(name, "features") for name in dict.fromkeys([*features, *keep])]
        chosen = set(frame)
        others = [name for name in rest if name not in chosen]
        return frame, {name: _not_asked_for(table, name, rows) for name in others}
    known = dict(known or {})
    if table.lists:  # each sequence had a row, in which the others were one value
        others = [name for name in rest if name not in table.lists]
        known |= dict.fromkeys(others, Left("has one value for each sequence", "keep", True))
    ask = (name for name in rest if name not in keep)
    left = {name: why for name in ask if (why := known.get(name) or _why_not(table, name, rows, roles)) is not None}
    if len(left) == len(rest):
        # The only columns of numbers; but what has no name, or holds texts or the label, is never a feature.
        left = {
            name: why
            for name, why in left.items()
            if name in known or table.is_nameless(name) or is_index_name(name) or why.option == "time" or why.fact
        }
    frame = [name for name in rest if name not in left]
    if not frame:
        there = ", ".join(table.values)
        raise DataError(f"{table.where}: no column of numbers is left for the features; there are {there}")
    return frame, left


def left_notes(table: Columns, left: Mapping[str, Left]) -> list[str]:
    """The notes on the columns that were left out, one for each reason, with the option that uses them."""
    notes = []
    for one in dict.fromkeys(left.values()):
        names = [name for name, why in left.items() if why == one]
        shown = ", ".join(map(repr, names[:_NAMED]))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        which = f"the column {shown}" if len(names) == 1 else f"each of the columns {shown}{more}"
        which = "the first column, which has no name," if names == [""] else which
        options = {
            "": "",
            "keep": f"; --option keep=[{','.join(names[:_NAMED])}] takes {'it' if len(names) == 1 else 'them'}",
            "numbers": f"; --option keep=[{names[0]}] reads it as numbers",
            "time": f"; --option time={names[0]} orders the frames by it",
            "label": f"; --option label={names[0]} takes the classes from it",
            "split": f"; --option split={names[0]} takes the parts from it, --option keep=[{names[0]}] a feature",
        }
        kept = ", but kept as a fact about the sequence" if one.fact else ""
        notes.append(f"{table.where}: {which} {one.why} and was left out of the features{kept}{options[one.option]}")
    return notes


def _not_asked_for(table: Columns, name: str, rows: Rows) -> Left:
    fact = table.is_constant(name, rows.order, rows.starts) and not table.are_numbers(name, True)
    return Left("is not among the features", fact=fact)


def _why_not(table: Columns, name: str, rows: Rows, roles: Mapping[str, str]) -> Left | None:
    """Why a column is no feature, if it is none."""
    constant = table.is_constant(name, rows.order, rows.starts)
    if constant and is_flag(name):
        return Left("says which part a sequence is in", "keep", True)
    words = {str(one) for one in table.constants(name, rows.order, rows.starts)} if constant else set()
    if len(words) > 1 and (all(map(part_of, words)) or (may_be_flag(name) and all(map(is_truth, words)))):
        return Left("seems to say which part a sequence is in", "split", True)
    if table.are_times(name):
        return Left("holds one time for each sequence", fact=True) if constant else Left("holds times", "time")
    if not table.are_numbers(name, constant):
        if is_index_name(name) and len(set(table.texts(name))) == len(table.lines):
            return Left("numbers the rows")
        if not constant and 2 * sum(_BEGINS_WITH_NUMBER(text) is not None for text in table.texts(name)) > len(
            table.lines
        ):
            table.numbers(name)  # raises the error on a unit behind the number, or the like
        if not constant:
            advice = "name the features with --option features=[NAME,...]"
            if len(rows.starts) == 1:
                advice = f"which column tells the sequences apart? {option_sequence(table, roles)}; or {advice}"
            table.constants(name, rows.order, rows.starts, advice)
        return Left("holds texts that stay the same within each sequence", "numbers", fact=True)
    values, faults = table.parsed(name)
    if table.is_nameless(name) and np.isnan(values).all() and not faults and len(table.values) > 1:
        return Left("has no name and no values")
    if faults or not np.isfinite(values).all():
        return None
    said, steps = says(name), rows.steps(values)
    fixed = len(rows.starts) > 1 and bool(rows.within.any()) and not steps.any()
    if (said == "time" or _are_moments(values)) and (steps >= 0).all():
        return Left("tells the time", "keep", fixed)
    if said == "number" and _counts(values, steps, is_index_name(name)):
        why = "numbers the sequences, their classes or the like" if fixed else "numbers the rows"
        return Left(why, "keep" if name.strip() else "", fixed)
    # Of a single sequence, or of few rows, a column with a name of its own may be a feature.
    exact = name.strip().lower() in _EXACT
    many = len(rows.starts) > 1 and len(values) >= _FEW_ROWS and values[0] in (0, 1)
    plain = (exact or many) and len(values) > 1 and bool((np.diff(values) == 1).all())
    return Left("numbers the rows", "keep") if plain else None


def ticks_a_second(name: str, values: np.ndarray) -> float | None:
    """How many units of a column of times are a second, as its name says or as moments since 1970 do; None: unknown.

    Example:
        >>> [ticks_a_second(name, np.zeros(2)) for name in ("time_ms", "time")], ticks_a_second("t", np.array([1.7e12]))
        ([1000.0, None], 1000.0)
    """
    low, high = _MOMENTS
    moments = (n for n in _SECOND.values() if len(values) and n * low <= values.min() and values.max() <= n * high)
    words = [word.lower() for word in _WORD.findall(name)]
    named = [_SECOND[unit] for word in words if (unit := _UNITS.get(word, word)) in _SECOND]
    return next(moments, named[0] if len(named) == 1 else None)


def _are_moments(values: np.ndarray) -> bool:
    """Whether all values can be seconds, or their thousandths and so on, since 1970, of this century."""
    return ticks_a_second("", values) is not None


def _counts(values: np.ndarray, steps: np.ndarray, nameless: bool) -> bool:
    """Whether whole numbers go one way within every sequence, or are each once, as those of rows are."""
    if not (values == np.round(values)).all():
        return False
    one_way = bool((steps >= 0).all() or (steps <= 0).all())
    return nameless or one_way or len(np.unique(values)) == len(values)
