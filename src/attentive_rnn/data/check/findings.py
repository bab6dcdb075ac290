"""Findings: what is odd about a data set, how bad it is, and the option that changes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
_RANKS: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
_OPTION = re.compile(r"\b([a-z][a-z_]*)=(\[[^\]]*\]|\"?[\w.-]*\w\"?)")


class Finding(NamedTuple):
    """Something odd about a data set.

    Args:
        severity: "error", training refuses the data, or a score on them would say nothing; "warning", a score or a
            model may mean something else than it seems to; "note", worth knowing.
        text: a sentence.
        option: of the reader, as ``KEY=VALUE``, that changes it; "" where none does.

    Example:
        >>> str(Finding("warning", "column n numbers the rows", "features=[x,y]"))
        'column n numbers the rows (--option features=[x,y])'
    """

    severity: Severity
    text: str
    option: str = ""

    def __str__(self) -> str:
        named = not self.option or f"--option {self.option}" in self.text
        return self.text if named else f"{self.text} (--option {self.option})"


def reader_finding(note: str, takes: Iterable[str]) -> Finding:
    """The note of a reader, with the first option in it that the reader takes.

    Example:
        >>> reader_finding("1 of 3 files are left out (missing=skip)", ["missing"]).option
        'missing=skip'
    """
    known = set(takes)
    options = (f"{key}={value}".replace('"', "") for key, value in _OPTION.findall(note) if key in known)
    return Finding("note", note, next(options, ""))


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The most severe first, else in their order."""
    return tuple(sorted(findings, key=lambda finding: _RANKS[finding.severity]))
