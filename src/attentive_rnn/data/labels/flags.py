"""Columns such as "is_train", of true and false, which say of each row whether it is for training or for testing.

Inputs are the columns of a table by name; outputs are the names of such columns and the part of each row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import DataError

_FLAG = re.compile(r"(?:is|in|for)[ _]?(train|test)(?:ing)?(?:[ _]?set)?|(train|test)(?:ing)?[ _]?set", re.IGNORECASE)
_BARE = re.compile(r"(train|test)(?:ing)?()", re.IGNORECASE)
_TRUE, _FALSE = ("1", "1.0", "true", "yes", "y"), ("0", "0.0", "false", "no", "n")
_TRUTH = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)


def parts_of_flags(
    columns: Mapping[str, Sequence[Any]], where: str, asked: str | None = None
) -> tuple[list[str], list[str]]:
    """The columns that say of each row whether it is for training or for testing, by name, and the part of each row.

    Such a column, as "is_train", has true and false, or 1 and 0, and both. A row for neither is for validation.

    Args:
        columns: texts or numbers, by name.
        where: the file in messages.
        asked: the column that an option names, which may be called "train" or "test" alone.

    Returns:
        The names, and "train", "valid" or "test" for each row; both are empty where there is no such column.

    Raises:
        DataError: a row is for training and for testing.

    Example:
        >>> parts_of_flags({"is_train": ["True", "False"], "x": ["0", "1"]}, "here")
        (['is_train'], ['train', 'test'])
    """
    flags: dict[str, dict[str, list[bool]]] = {"train": {}, "test": {}}
    for name, values in columns.items():
        match = _FLAG.fullmatch(name.strip()) or (_BARE.fullmatch(name.strip()) if name == asked else None)
        if match is not None:
            truth = [_TRUTH.get(str(value).strip().lower()) for value in values]
            if set(truth) == {True, False}:
                flags[(match[1] or match[2]).lower()][name] = [value is True for value in truth]
    names = [name for found in flags.values() for name in found]
    if any(len(found) > 1 for found in flags.values()):
        raise DataError(f"{where}: the columns {', '.join(map(repr, names))} both tell the part of a row; leave one")
    train, test = (next(iter(found.values()), None) for found in flags.values())
    if train is None or test is None:
        here, other = ("test", "train") if train is None else ("train", "test")
        return names, [here if value else other for value in train or test or ()]
    both = next((i for i, pair in enumerate(zip(train, test, strict=True)) if all(pair)), None)
    if both is not None:
        raise DataError(f"{where}: row {both + 1} is both for training and for testing, by {' and '.join(names)}")
    words = {(True, False): "train", (False, True): "test", (False, False): "valid"}
    return names, [words[pair] for pair in zip(train, test, strict=True)]


def is_flag(name: str) -> bool:
    """Whether a column of this name may say which rows are for training or for testing.

    Example:
        >>> is_flag("is_train"), is_flag("TestSet"), is_flag("training load")
        (True, True, False)
    """
    return _FLAG.fullmatch(name.strip()) is not None


def may_be_flag(name: str) -> bool:
    """As :func:`is_flag`, or a name such as "train" alone, which may mean something else.

    Example:
        >>> may_be_flag("train"), may_be_flag("trains")
        (True, False)
    """
    return is_flag(name) or _BARE.fullmatch(name.strip()) is not None


def is_truth(text: str) -> bool:
    """Whether a text is true or false, 1 or 0, yes or no."""
    return text.strip().lower() in _TRUTH


def flags_note(names: Sequence[str]) -> str:
    """The note on columns that were taken for the part of a row."""
    return f"the part of each sequence is that of {' and '.join(map(repr, names))}"
