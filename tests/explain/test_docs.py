"""The program in docs/explain.md runs and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path


def test_the_guides_program_prints_what_its_comment_says(capsys):
    text = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(program, "docs/explain.md", "exec"), {})
    assert capsys.readouterr().out == "torch.Size([50, 8, 60])\n"


def test_every_picture_of_the_docs_is_there():
    docs = Path(__file__).parents[2] / "docs"
    for page in (docs / "explain.md", docs / "gallery.md"):
        pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
        assert pictures
        assert [name for name in pictures if not (docs / name).is_file()] == []
