"""Errors that a user can mend: the command prints them as one line and exits with status 2."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

_LONGEST = 4000  # characters of a message


class UserError(Exception):
    """Something the user gave cannot be used; the message names it and says what to do."""


class DataError(UserError, ValueError):
    """A file or a data set cannot be read; the message names the file and the field, line or frame."""


class ConfigError(UserError, ValueError):
    """A recipe, an option or a run folder cannot be used; the message names the key."""


class InUseError(ConfigError):
    """Another process works on what was asked for; the message names it."""


class ToldError(UserError):
    """A mistake that another process of the same training tells the user; here nothing is printed."""


def one_line(message: object) -> str:
    """A message as one line that a terminal shows as it is: no control characters, and the middle of a long one cut.

    Example:
        >>> one_line("a.csv:\\n  the label \\x1b[31mred")
        'a.csv: the label \\\\x1b[31mred'
    """
    text = " ".join(str(message).split())
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"


class DataWarning(UserWarning):
    """Data can be used, but something about them may not be meant; the command prints it as one line."""


class MissingExtraError(UserError, ImportError):
    """A part of the package needs an optional dependency; the message says which one to install."""


@contextmanager
def needed_for(reason: str) -> Iterator[None]:
    """Turn the failure of an import within this context into one that says why it is needed and how to install it.

    Example:
        >>> with needed_for("charts need plotters: pip install plotters"):
        ...     import plotters
        Traceback (most recent call last):
        attentive_rnn.errors.MissingExtraError: charts need plotters: pip install plotters
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(reason) from error


def installed(package: str) -> bool:
    """Whether a package can be imported; a folder of that name where Python looks for packages is none.

    Example:
        >>> installed("torch"), installed("plotters")
        (True, False)
    """
    spec = find_spec(package)
    return spec is not None and spec.has_location


def either(names: Iterable[str], quote: bool = True) -> str:
    """Names in words, for a message.

    Example:
        >>> either(["gru", "lstm", "rnn"])
        "'gru', 'lstm' or 'rnn'"
    """
    shown = [repr(name) if quote else name for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A count with its noun, for a message.

    Example:
        >>> counted(1, "frame"), counted(3, "frame"), counted(2, "class", "classes")
        ('1 frame', '3 frames', '2 classes')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
