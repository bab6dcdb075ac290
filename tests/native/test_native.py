"""The kernels as a program of their own under address and undefined-behaviour sanitizers, 64-byte vectors emulated."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all -O1"


def test_the_native_checks_pass_with_sanitizers(tmp_path):
    cmake = shutil.which("cmake") or str(Path(sys.executable).with_name("cmake"))  # the package of that name
    configure = [cmake, "-S", str(ROOT), "-B", str(tmp_path), "-DATTENTIVE_NATIVE_TEST=ON", "-DCMAKE_BUILD_TYPE=None"]
    for command in (
        [*configure, f"-DCMAKE_CXX_FLAGS={SANITIZERS}"],
        [cmake, "--build", str(tmp_path), "--parallel", "2"],
        [str(tmp_path / "native_test")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "all native checks passed" in done.stdout
