"""Cells of text tables: numbers, times, true and false, and the words for no value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Literal

import numpy as np

from ...errors import DataError
from .files import quoted

Decimal = Literal["point", "comma"]  # what a number is written with

_ABSENT = frozenset({"", "?", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "nat", "null", "none"})
_TRUTH = {"true": 1.0, "false": 0.0}
_FLAGS = _TRUTH | {"yes": 1.0, "no": 0.0}
_PAIRS = ({"y": 1.0, "n": 0.0}, {"on": 1.0, "off": 0.0})  # where a column holds nothing else
_HOURS = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?"
_DATE = re.compile(r"\d{4}[-/]\d\d[-/]\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?( ?(Z|[+-]\d\d:?\d\d))?")
_LOCAL_DATE = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2(\d{{4}})(?:,?[T ]({_HOURS}))?")  # of a country
_PLAIN = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?(?: ?([AaPp])[Mm])?")
_COMMA_DECIMALS = re.compile(r"[+-]?(\d+|\d{1,3}([. \u00a0\u202f]\d{3})+),\d+([eE][+-]?\d+)?")
_COMMA_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_POINT_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")


def absent(text: str) -> bool:
    """Whether a text says that there is no value, or no label: empty, ?, NA, N/A, NaN, NaT, null or None.

    Example:
        >>> [absent(text) for text in ("", "NaN", "None", "0")]
        [True, True, True, False]
    """
    return text.strip().lower() in _ABSENT


def is_value(text: str) -> bool:
    """Whether a text is a number, with a decimal point or comma, a time, true or false, or a word for no value."""
    if absent(text) or text.lower() in _TRUTH or _has_comma(text) or is_time(text):
        return True
    return _is_plain(text)


def _has_comma(text: str) -> bool:
    return bool(_COMMA_DECIMALS.fullmatch(text) or _COMMA_THOUSANDS.fullmatch(text))


def whole_number(text: str) -> int | None:
    """The whole number that a text is, however it is written; None for any other text.

    Example:
        >>> [whole_number(text) for text in ("1", "1.0", "01", "1.00e+01", "1.5", "one")]
        [1, 1, 1, 10, None, None]
    """
    number = Fraction(text.strip()) if _PLAIN.fullmatch(text.strip()) else None
    return int(number) if number is not None and number.denominator == 1 else None


def is_time(text: str) -> bool:
    """Whether a text is a date, a date and time (ISO 8601, 31.12.2024, 12/31/2024 5:00 PM), or a time of day."""
    return any(form.fullmatch(text) for form in (_DATE, _LOCAL_DATE, _CLOCK))


def are_times(texts: Sequence[str]) -> bool:
    """Whether fields are times, but for those without a value; False where none has one."""
    known = [text for text in texts if not absent(text)]
    return bool(known) and all(map(is_time, known))


def mostly_values(texts: Sequence[str]) -> bool:
    """Whether more than half of the fields that say something are values, so that the others are faults."""
    known = [text for text in texts if not absent(text)]
    return 2 * sum(is_value(text) or text.lower() in _FLAGS for text in known) > len(known)


def numbers(
    texts: Sequence[str], place: Callable[[int], str], *, times: bool = False, decimal: Decimal | None = None
) -> np.ndarray:
    """The numbers (n,) float64 of the n fields of a column, NaN where :func:`absent` says that one has no value.

    A column may be written with decimal commas or with separators of thousands, if all its fields agree. True and
    False, yes and no, and in a column of nothing else Y and N, on and off, are 1 and 0.

    Args:
        texts: the fields.
        place: ``place(i)`` says in a message where field i is.
        times: take a column of times, as seconds since 1970 or since midnight; else they are refused.
        decimal: "comma" reads 1,234 as 1.234, "point" as 1234; None: as the fields of the column tell.

    Raises:
        DataError: a field is something else, or can be read in two ways; the message says what to do.

    Example:
        >>> numbers(["0,5", "1.234,25", ""], str).tolist()
        [0.5, 1234.25, nan]
        >>> numbers(["1970-01-01 00:01:00.5"], str, times=True).tolist()
        [60.5]
    """
    values, faults = parse(texts, times=times, decimal=decimal)
    if faults:
        raise DataError(fault(place(faults[0]), texts[faults[0]]))
    return values


def parse(texts: Sequence[str], *, times: bool = False, decimal: Decimal | None = None) -> tuple[np.ndarray, list[int]]:
    """As :func:`numbers`, but fields that are no numbers are NaN; and their places.

    Example:
        >>> parse(["1", "ERR", "", "4"])[1]
        [1]
    """
    try:
        # float() also reads 1_000, and 1.234 where points separate thousands
        if decimal != "comma" and not any("_" in text for text in texts):
            return np.array(texts, dtype=np.float64), []
    except ValueError:
        pass
    known = [i for i, text in enumerate(texts) if not absent(text)]
    read = _reader([texts[i] for i in known], times, decimal)
    values, faults = np.full(len(texts), np.nan), []
    for i in known:
        try:
            values[i] = read(texts[i])
        except ValueError:
            faults.append(i)
    return values, faults


def fault(place: str, text: str) -> str:
    """The message on a field that is no number: its place, the field and what to do about it."""
    return f"{place} is {quoted(text)}, not a number{_remedy(text)}"


def is_unclear(text: str) -> bool:
    """Whether the comma of a number can be a decimal comma or separate thousands, as in 1,234."""
    return bool(_COMMA_DECIMALS.fullmatch(text) and _COMMA_THOUSANDS.fullmatch(text))


def has_decimal_commas(texts: Sequence[str]) -> bool:
    """Whether all fields of a column with a comma are numbers with a decimal comma.

    Example:
        >>> has_decimal_commas(["0,5", "2"]), has_decimal_commas(["walks, slowly", "0,5"]), has_decimal_commas(["1.5"])
        (True, False, False)
    """
    commas = [text for text in texts if "," in text]
    return bool(commas) and all(map(_COMMA_DECIMALS.fullmatch, commas))


def first_thousands(texts: Sequence[str]) -> int | None:
    """The first field with a point, where the points of all fields can separate thousands, as in 1.234; else None."""
    pointed = [i for i, text in enumerate(texts) if "." in text]
    return pointed[0] if pointed and all(_POINT_THOUSANDS.fullmatch(texts[i]) for i in pointed) else None


def is_fault(text: str) -> bool:
    """Whether a field of a column of numbers that is none holds no value at all, such as ERR; not 2,5 or True."""
    return not is_value(text) and text.lower() not in _FLAGS


def _reader(known: list[str], times: bool, decimal: Decimal | None) -> Callable[[str], float]:
    """What makes a number of each field of a column, or raises ValueError."""
    for pair in _PAIRS:
        if known and all(text.lower() in pair for text in known):
            return lambda text: pair[text.lower()]
    flags = [text for text in known if text.lower() in _FLAGS]
    if flags and (len(flags) == len(known) or not any(map(is_value, (t for t in known if t.lower() not in _FLAGS)))):
        return _flag
    if times and all(map(is_time, known)):
        return _moments(known)
    commas = [text for text in known if "," in text and _has_comma(text)]
    rest = [text for text in known if "," not in text and "." in text]
    if not commas and not all(map(_POINT_THOUSANDS.fullmatch, rest)):
        return _plain
    if decimal is not None:
        return _with_comma if decimal == "comma" else _with_point
    if not commas:
        return _plain
    decimals = all(map(_COMMA_DECIMALS.fullmatch, commas)) and all(map(_POINT_THOUSANDS.fullmatch, rest))
    thousands = all(map(_COMMA_THOUSANDS.fullmatch, commas))
    if decimals == thousands:  # neither, or both as in 1,234
        return _plain
    return _with_point if thousands else _with_comma


def _flag(text: str) -> float:
    if text.lower() not in _FLAGS:
        raise ValueError(text)
    return _FLAGS[text.lower()]


def _with_comma(text: str) -> float:
    """A number with a decimal comma; what separates thousands must do so."""
    if "," not in text and "." in text and not _POINT_THOUSANDS.fullmatch(text):
        raise ValueError(text)
    return _plain(re.sub(r"[. \u00a0\u202f]", "", text).replace(",", "."))


def _with_point(text: str) -> float:
    if "," in text and not _COMMA_THOUSANDS.fullmatch(text):
        raise ValueError(text)
    return _plain(text.replace(",", ""))


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


def _moments(known: list[str]) -> Callable[[str], float]:
    """What makes seconds of each time of a column, or raises ValueError."""
    dates = [match for text in known if (match := _LOCAL_DATE.fullmatch(text))]
    day_first = any(match[2] == "." or int(match[1]) > 12 for match in dates)
    month_first = any(match[2] != "." and int(match[3]) > 12 for match in dates)
    # 3/4/2024 can be the third of April or the fourth of March, which matters where there are several dates.
    several = len({match.group(1, 3, 4) for match in dates}) > 1
    unclear = several and day_first == month_first

    def seconds(text: str) -> float:
        match = _LOCAL_DATE.fullmatch(text)
        if match is None:
            return _seconds(text)
        if unclear:
            raise ValueError(text)
        day, month = (match[1], match[3]) if day_first else (match[3], match[1])
        date = datetime(int(match[4]), int(month), int(day), tzinfo=UTC)
        return date.timestamp() + (_seconds(match[5]) if match[5] else 0.0)

    return seconds


def _seconds(text: str) -> float:
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = int(clock[1]), clock[2], (clock[3] or "0").replace(",", ".")
        if clock[4]:  # 12 AM is midnight
            hours = hours % 12 + (12 if clock[4] in "Pp" else 0)
        return 3600 * hours + 60 * int(minutes) + float(seconds)
    text = re.sub(r" (?=Z|[+-]\d\d:?\d\d$)", "", text.replace("/", "-"))
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _remedy(text: str) -> str:
    """What to do about a field that is no number."""
    if date := _LOCAL_DATE.fullmatch(text):
        if date[2] != "." and max(int(date[1]), int(date[3])) <= 12:
            return (
                f" but a date, of day {date[1]} and month {date[3]} or of month {date[1]} and day {date[3]}: write "
                "dates as 2024-12-31"
            )
        return " but a date; --option time=NAME orders the frames by its column, or delete it; or write 2024-12-31"
    if is_time(text):
        return " but a time; name its column with --option time=NAME if it gives the order of the frames, or delete it"
    if text.lower() in _FLAGS:
        return "; in a column of numbers write 1 for true and 0 for false"
    if is_unclear(text):
        return (
            "; its comma can be a decimal comma or separate thousands: --option decimal=comma reads "
            f"{text.replace('.', '').replace(',', '.')}, --option decimal=point reads {text.replace(',', '')}"
        )
    if "," in text and re.search(r"\d,\d", text):
        return "; write a decimal point in place of a decimal comma, the same in the whole column"
    if _is_plain(text):
        return "; --option decimal=comma is for columns without decimal points"
    if re.match(r"[+-]?\d", text):
        return "; write the number alone, without a unit"
    return "; leave the cell empty, or write NA, if there is no value"
