"""Limits on the sizes of files and folders, and the one direction of imports; a line for each breach, exit status 1."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "attentive_rnn"
LINES = 450  # of a Python file
MODULES = 16  # Python files in a folder of the package, without those in its subfolders
ROOMS = (  # each imports only from itself and from those before it, also within functions
    *("errors", "terminal", "progress", "options", "catalogue", "environment", "pretrained"),
    *("data", "hub", "video", "draw", "ops", "layers", "models", "tasks", "training"),
    *("export", "streaming", "serve", "experiments", "explain", "estimators", "trained"),
    *("__init__", "commands", "cli", "__main__"),
)


def main() -> int:
    """Print what breaks a rule."""
    breaches = sorted([*too_large(), *upward_imports()])
    print("\n".join(breaches), end="\n" if breaches else "")
    return 1 if breaches else 0


def too_large() -> Iterator[str]:
    """A line for each file and folder over its limit."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [file for name in listed.stdout.splitlines() if (file := ROOT / name).is_file()]
    for file in files:
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > LINES:
            yield f"{file.relative_to(ROOT)}: {lines} lines, at most {LINES}"
    for folder, count in Counter(file.parent for file in files if PACKAGE in file.parents).items():
        if count > MODULES:
            yield f"{folder.relative_to(ROOT)}: {count} modules, at most {MODULES}"


def upward_imports() -> Iterator[str]:
    """A line for each import of a later room, and one for a cycle of modules."""
    graph: dict[Path, set[Path]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        graph[file] = set(imported(file))
        for other in graph[file]:
            if rank(other) > rank(file):
                yield f"{file.relative_to(ROOT)}: imports {other.relative_to(ROOT)}, which is above it"
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield "a cycle of imports: " + " -> ".join(str(file.relative_to(PACKAGE)) for file in error.args[1])


def rank(file: Path) -> int:
    """The number of the room that a file of the package belongs to."""
    return ROOMS.index(file.relative_to(PACKAGE).parts[0].removesuffix(".py"))


def imported(file: Path) -> Iterator[Path]:
    """The package's files that a file imports by relative imports, at its head or within a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            origin = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for name in node.names:
                found = [origin / f"{name.name}.py", origin / name.name / "__init__.py"]
                found += [origin.with_suffix(".py"), origin / "__init__.py"]
                target = next((path for path in found if path.is_file()), None)
                if target is not None and target != file:
                    yield target


if __name__ == "__main__":
    sys.exit(main())
