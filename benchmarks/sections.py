"""Sections of docs/benchmarks.md: each command replaces its own and leaves the others."""

from __future__ import annotations


def with_section(text: str, title: str, section: list[str]) -> str:
    """The file's text with a section in the place of the one whose heading begins with `title`, or at the end."""
    before, _, after = _parts(text, title)
    return "\n\n".join(part.strip("\n") for part in (before, "\n".join(section), after) if part.strip()) + "\n"


def section_of(text: str, title: str) -> list[str]:
    """The lines of the section whose heading begins with `title`; none if there is no such section."""
    return _parts(text, title)[1].splitlines()


def _parts(text: str, title: str) -> tuple[str, str, str]:
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(title)), len(lines))
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("## ")), len(lines))
    before, own, after = ("\n".join(part) for part in (lines[:start], lines[start:end], lines[end:]))
    return before, own, after
