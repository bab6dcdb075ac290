"""A Python program whose CPU kernels are built with the address and undefined-behaviour sanitizers.

    PYTHONPATH=tests python tools/sanitized.py tools/check_kernels.py --count 20000

The kernels are compiled into build/sanitized, and the program runs with them in place of the installed ones. The first
fault that the sanitizers find is printed, and ends it. Leaks are not looked for: Python itself keeps memory to the end.
GCC on Linux is needed.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "sanitized"
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g"
LIBRARIES = ("libasan.so", "libstdc++.so")  # before all others, so that they see every allocation and every throw


def build() -> None:
    """Compile the kernels, as far as the sources have changed."""
    cmake = shutil.which("cmake") or str(Path(sys.executable).with_name("cmake"))  # the package of that name
    options = ["-DCMAKE_BUILD_TYPE=None", f"-DCMAKE_CXX_FLAGS={FLAGS}", f"-DPython_EXECUTABLE={sys.executable}"]
    subprocess.run([cmake, "-S", ROOT, "-B", BUILD, *options], check=True, stdout=sys.stderr)
    subprocess.run([cmake, "--build", BUILD], check=True, stdout=sys.stderr)


def preloaded() -> str:
    """The libraries that the process must begin with, as the compiler knows them."""
    asked = ([os.environ.get("CXX", "g++"), f"-print-file-name={name}"] for name in LIBRARIES)
    return " ".join(subprocess.run(one, check=True, capture_output=True, text=True).stdout.strip() for one in asked)


def load_kernels() -> None:
    """Put the kernels where the package looks for its own."""
    (file,) = BUILD.glob("_native*.so")
    spec = importlib.util.spec_from_file_location("attentive_rnn._native", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: sanitized.py PROGRAM.py [ARGUMENT ...]")
    if "libasan" not in Path("/proc/self/maps").read_text(encoding="utf-8"):
        build()
        options = {"LD_PRELOAD": preloaded(), "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | options)
    load_kernels()
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
