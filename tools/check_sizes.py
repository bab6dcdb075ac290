"""Limits on the size of files and folders: exit status 1, and a line for each that is over its limit."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINES = 450  # of a Python file
MODULES = 16  # Python files in a folder of the package, without those in its subfolders
PACKAGE = "src/attentive_rnn"


def main() -> int:
    """Print what is too large."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    modules = Counter(str(Path(name).parent) for name in files if name.startswith(f"{PACKAGE}/"))
    over = [f"{folder}: {count} modules, at most {MODULES}" for folder, count in modules.items() if count > MODULES]
    for name in files:
        lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
        if lines > LINES:
            over.append(f"{name}: {lines} lines, at most {LINES}")
    print("\n".join(sorted(over)), end="\n" if over else "")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
