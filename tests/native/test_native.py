"""The kernels as a program of their own under address and undefined-behaviour sanitizers, 64-byte vectors emulated."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all -O1"


def sources() -> list[Path]:
    """Every file that the program is made of."""
    found = [*(ROOT / "native").iterdir(), *(ROOT / "tests" / "native").iterdir(), ROOT / "CMakeLists.txt"]
    return sorted(path for path in found if path.suffix in (".h", ".cpp", ".txt"))


def build_folder() -> Path:
    """The folder of this state of the sources: built once, and gone on with where a build was cut off."""
    digest = hashlib.sha256(SANITIZERS.encode())
    for path in sources():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    folder = ROOT / "build" / f"native-test-{digest.hexdigest()[:16]}"
    for other in folder.parent.glob("native-test-*"):
        if other != folder:
            shutil.rmtree(other)
    return folder


def test_the_native_checks_pass_with_sanitizers():
    cmake = shutil.which("cmake") or str(Path(sys.executable).with_name("cmake"))  # the package of that name
    folder = build_folder()
    configure = [cmake, "-S", str(ROOT), "-B", str(folder), "-DATTENTIVE_NATIVE_TEST=ON", "-DCMAKE_BUILD_TYPE=None"]
    for command in (
        [*configure, f"-DCMAKE_CXX_FLAGS={SANITIZERS}"],
        [cmake, "--build", str(folder), "--parallel", "2"],
        [str(folder / "native_test")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "all native checks passed" in done.stdout
