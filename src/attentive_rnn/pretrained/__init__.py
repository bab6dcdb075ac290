"""The trained run that comes with the package: its folder, which tools/pretrain.py makes."""

from __future__ import annotations

from pathlib import Path

NAME = "basic-motions"
FOLDER = Path(__file__).parent / NAME
