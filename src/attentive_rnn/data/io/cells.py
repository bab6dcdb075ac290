"""Cells of text tables: numbers, times, true and false, and the words for no value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from ...errors import DataError
from .files import quoted

_ABSENT = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none"})
_FLAGS = {"true": 1.0, "false": 0.0}
_DATE = re.compile(r"\d{4}[-/]\d\d[-/]\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?( ?(Z|[+-]\d\d:?\d\d))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?")
_COMMA_DECIMALS = re.compile(r"[+-]?(\d+|\d{1,3}([. \u00a0\u202f]\d{3})+),\d+([eE][+-]?\d+)?")
_COMMA_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_POINT_THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")


def absent(text: str) -> bool:
    """Whether a text says that there is no value, or no label: empty, ?, NA, N/A, NaN, NaT, null or None.

    Example:
        >>> [absent(text) for text in ("", "NaN", "None", "0")]
        [True, True, True, False]
    """
    return text.strip().lower() in _ABSENT


def is_value(text: str) -> bool:
    """Whether a text is a number, with a decimal point or comma, a time, true or false, or a word for no value."""
    if absent(text) or text.lower() in _FLAGS or _COMMA_DECIMALS.fullmatch(text) or is_time(text):
        return True
    return _is_plain(text)


def is_time(text: str) -> bool:
    """Whether a text is a date, a date and time (ISO 8601), or a time of day."""
    return (_DATE.fullmatch(text) or _CLOCK.fullmatch(text)) is not None


def are_times(texts: Sequence[str]) -> bool:
    """Whether fields are times, but for those without a value; False where none has one."""
    known = [text for text in texts if not absent(text)]
    return bool(known) and all(map(is_time, known))


def numbers(texts: Sequence[str], place: Callable[[int], str], *, times: bool = False) -> np.ndarray:
    """The numbers (n,) float64 of the n fields of a column, NaN where :func:`absent` says that one has no value.

    A column may be written with decimal commas or with separators of thousands, if all its fields agree. True and
    False are 1 and 0.

    Args:
        texts: the fields.
        place: ``place(i)`` says in a message where field i is.
        times: take a column of times, as seconds since 1970 or since midnight; else they are refused.

    Raises:
        DataError: a field is something else, or can be read in two ways; the message says what to do.

    Example:
        >>> numbers(["0,5", "1.234,25", ""], str).tolist()
        [0.5, 1234.25, nan]
        >>> numbers(["1970-01-01 00:01:00.5"], str, times=True).tolist()
        [60.5]
    """
    try:
        if not any("_" in text for text in texts):  # float() also reads 1_000
            return np.array(texts, dtype=np.float64)
    except ValueError:
        pass
    known = [i for i, text in enumerate(texts) if not absent(text)]
    read = _reader([texts[i] for i in known], times)
    values = np.full(len(texts), np.nan)
    for i in known:
        try:
            values[i] = read(texts[i])
        except ValueError:
            raise DataError(f"{place(i)} is {quoted(texts[i])}, not a number{_remedy(texts[i])}") from None
    return values


def _reader(known: list[str], times: bool) -> Callable[[str], float]:
    """What makes a number of each field of a column, or raises ValueError."""
    if all(text.lower() in _FLAGS for text in known):
        return lambda text: _FLAGS[text.lower()]
    if times and all(map(is_time, known)):
        return _seconds
    commas = [text for text in known if "," in text]
    if not commas:
        return _plain
    rest = [text for text in known if "," not in text and "." in text]
    decimals = all(map(_COMMA_DECIMALS.fullmatch, commas)) and all(map(_POINT_THOUSANDS.fullmatch, rest))
    thousands = all(map(_COMMA_THOUSANDS.fullmatch, commas))
    if decimals == thousands:  # neither, or both as in 1,234
        return _plain
    if thousands:
        return lambda text: _plain(text.replace(",", ""))
    return lambda text: _plain(re.sub(r"[. \u00a0\u202f]", "", text).replace(",", "."))


def _plain(text: str) -> float:
    if "_" in text:
        raise ValueError(text)
    return float(text)


def _is_plain(text: str) -> bool:
    try:
        _plain(text)
    except ValueError:
        return False
    return True


def _seconds(text: str) -> float:
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = clock[1], clock[2], (clock[3] or "0").replace(",", ".")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    text = re.sub(r" (?=Z|[+-]\d\d:?\d\d$)", "", text.replace("/", "-"))
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _remedy(text: str) -> str:
    """What to do about a field that is no number."""
    if is_time(text):
        return " but a time; name its column with time=NAME if it gives the order of the frames, or delete it"
    if text.lower() in _FLAGS:
        return "; in a column of numbers write 1 for true and 0 for false"
    both = _COMMA_DECIMALS.fullmatch(text) and _COMMA_THOUSANDS.fullmatch(text)
    if both:
        return "; its comma can be a decimal comma or separate thousands: write a decimal point and no commas"
    if "," in text and re.search(r"\d,\d", text):
        return "; write a decimal point in place of a decimal comma, the same in the whole column"
    if re.match(r"[+-]?\d", text):
        return "; write the number alone, without a unit"
    return "; leave the cell empty, or write NA, if there is no value"
