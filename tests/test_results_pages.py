"""docs/results.md: what it has in short is what the longer pages say."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def section(text, title):
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text):
    """The cells of every line of a table but the headings."""
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [line.split(" | ") for line in lines]


def numbers(text):
    return set(re.findall(r"\d+(?:\.\d+)?(?:e-\d+)?", text))


def test_every_figure_of_the_papers_tasks_in_short_stands_in_one_line_of_the_details():
    lines = [numbers(line) for line in page("results-papers.md").splitlines()]
    short = rows(section(page("results.md"), "The three papers' tasks, in short"))
    figures = [figure for line in short for figure in line[2:] if re.match(r"\d", figure)]
    assert len(figures) > 40
    assert [figure for figure in figures if not any(numbers(figure) <= line for line in lines)] == []


def test_the_explanations_in_short_are_lines_of_the_long_tables():
    title = "Which explanation points at what the network used"
    whole = {tuple(line) for line in rows(section(page("results-all.md"), title))}
    for found in (section(page("results.md"), title), section(page("explain.md"), "Numbers")):
        lines = {tuple(line) for line in rows(found)}
        assert len(lines) >= 6
        assert lines <= whole
