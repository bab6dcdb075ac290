"""Damaged files for every reader and every file of a run, each read in a process of its own with limits.

    python -m fuzz.run --count 5000 --only npz --seed 0

What is not an answer or a refusal in one line is listed with the number of its case, and its file is kept. A case is
made of its number and the seed alone, so that ``--case`` repeats it.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from attentive_rnn.errors import DataWarning, UserError, one_line
from fuzz.mutations import damaged
from fuzz.run_files import TARGETS
from fuzz.seeds import Target, UnexpectedError

SECONDS, MEMORY, BATCH = 10, 2 << 30, 100  # of the processor, so that a busy machine is no fault
PATIENCE = 12  # times as long on the clock, for a process that waits
MARKS = ("<!-- fuzz -->", "<!-- end of fuzz -->")  # of the table in a page
FAULTS = ("traceback", "crash", "hang", "memory", "message", "wrong")


class Case(NamedTuple):
    """The number of a case, what came of it, and what tells its kind from others."""

    number: int
    outcome: str
    kind: str


@dataclass
class Tried:
    """What came of the cases of a target."""

    outcomes: Counter[str] = field(default_factory=Counter)
    cases: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, case: Case) -> None:
        self.outcomes[case.outcome] += 1
        if case.outcome != "read":
            self.cases.setdefault((case.outcome, case.kind), []).append(case.number)


def fuzz(name: str, count: int, seed: int, keep: Path | None = None, only: int | None = None) -> Tried:
    """Damage the files of a target so many times and read them; ``keep`` is a folder for those that show a fault."""
    tried, began = Tried(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as place:
        folder = Path(place) / "seed"
        folder.mkdir()
        TARGETS[name].make(folder)
        before = [TARGETS[name].read(folder, number) for number in (0, 1)]  # a reader has two ways
        files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
        seeds = {file: (folder / file).read_bytes() for file in files}
        shutil.rmtree(folder)
        number, end = (0, count) if only is None else (only, only + 1)
        while number < end:
            numbers = range(number, min(number + BATCH, end))
            for case in _in_child(partial(_work, name, seeds, seed, Path(place), before, keep), numbers):
                tried.add(case)
                number = case.number + 1
    tried.seconds = time.monotonic() - began
    return tried


def _in_child(work: Callable[[range, Any, Any], None], numbers: range) -> Iterator[Case]:
    """The cases that a forked process reads; after one that ends it or takes too long there are no more."""
    trace = tempfile.TemporaryFile()  # noqa: SIM115
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            work(numbers, os.fdopen(writing, "wb", 0), trace)
        finally:
            os._exit(0)
    os.close(writing)
    number, waiting, ended = numbers.start, b"", False
    while not ended and number < numbers.stop:
        ready, _, _ = select.select([reading], [], [], PATIENCE * SECONDS)
        said = os.read(reading, 1 << 16) if ready else b""
        ended = not said
        *lines, waiting = (waiting + said).split(b"\n")
        for line in lines:
            case = Case(*json.loads(line))
            number = case.number + 1
            yield case
    if ended:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if number >= numbers.stop:
        trace.close()
    else:
        trace.seek(0)
        frames = [line for line in trace.read().decode(errors="replace").splitlines() if "attentive_rnn" in line]
        where = frames[0].split("attentive_rnn/")[-1].replace('", line ', ":") if frames else ""
        hang = os.WIFEXITED(status) or os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGPROF)
        trace.close()
        yield Case(number, "hang" if hang else "crash", where or f"status {status}")


def _work(
    name: str,
    seeds: dict[Path, bytes],
    seed: int,
    place: Path,
    before: Sequence[tuple[int, Any]],
    keep: Path | None,
    numbers: range,
    out: Any,
    trace: Any,
) -> None:
    """What a forked process does: a line on ``out`` for each case, and on ``trace`` where it was when it ended."""
    size = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["ATTENTIVE_MAX_MEMORY"] = "1GiB"
    faulthandler.enable(trace)
    faulthandler.register(signal.SIGPROF, trace, chain=True)  # says where, and the process ends
    silence = open(os.devnull, "w")  # noqa: SIM115
    sys.stdout = sys.stderr = silence
    os.dup2(silence.fileno(), 2)
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", DataWarning)
    warnings.simplefilter("ignore", ResourceWarning)
    target = TARGETS[name]
    files = [file for file in seeds if file.match(target.files)]
    for number in numbers:
        rng = random.Random(f"{seed} {name} {number}")
        chosen = rng.choice(files)
        copy = damaged(seeds[chosen], chosen.name, rng, seeds[rng.choice(list(seeds))])
        folder = place / str(number)  # another one for each, so that nothing remembered of its path is taken
        for file, content in seeds.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(copy if file == chosen else content)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        outcome, kind = _outcome(target, folder, number, before[number % 2])
        signal.setitimer(signal.ITIMER_PROF, 0)
        shutil.rmtree(folder)
        if keep is not None and outcome in FAULTS:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{name.replace(' ', '-')}-{seed}-{number}-{chosen.name}").write_bytes(copy)
        out.write(json.dumps([number, outcome, kind]).encode() + b"\n")


def _outcome(target: Target, folder: Path, number: int, before: tuple[int, Any]) -> tuple[str, str]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        count, said = target.read(folder, number)
    except UserError as error:
        message = one_line(error)
        if len(message) > 5000 or not message.isprintable():
            return "message", f"{len(message)} characters: {message[:100]!a}"
        outcome = "refused", message
    except MemoryError as error:
        return "memory", _where(error)
    except UnexpectedError as error:
        return "wrong", str(error)
    except Exception as error:
        return "traceback", f"{_where(error)} {type(error).__name__}: {str(error)[:80]}"
    else:
        less = count < before[0] and not said
        other = count == before[0] == 1 and said != before[1]
        outcome = ("fewer", "") if less else ("wrong", "other values") if other else ("read", "")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) >> 10
    return ("memory", f"{grown} MiB more") if grown > 1024 else outcome


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "attentive_rnn" in f.filename]
    return f"{frames[-1].filename.split('attentive_rnn/')[-1]}:{frames[-1].lineno}" if frames else "elsewhere"


def table(found: Mapping[str, Tried], before: str = "") -> str:
    """The counts as a table of Markdown.

    Args:
        found: what came of the targets that were tried.
        before: such a table, whose rows of other targets stay.
    """
    heads = ("files", "read", "refused", "fewer", "faults")
    cells = (line.strip("| ").split(" | ") for line in before.splitlines() if line.startswith("| "))
    rows = {name: counts for name, *counts in cells if name in TARGETS}
    for name, tried in found.items():
        faults = sum(tried.outcomes[fault] for fault in FAULTS)
        rows[name] = [f"{n}" for n in (tried.outcomes.total(), *(tried.outcomes[h] for h in heads[1:4]), faults)]
    lines = [f"| {' | '.join((name, *rows[name]))} |" for name in TARGETS if name in rows]
    return "\n".join([f"| damaged | {' | '.join(heads)} |", "|---|" + "--:|" * len(heads), *lines])


def main() -> int:
    parser = argparse.ArgumentParser(description="Damaged files for every reader and every file of a run.")
    parser.add_argument("--only", nargs="+", default=list(TARGETS), choices=list(TARGETS), metavar="NAME")
    parser.add_argument("--count", type=int, default=5000, help="files of each (default 5000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only the case of this number")
    parser.add_argument("--keep", type=Path, help="folder for the files that show a fault")
    parser.add_argument("--verbose", action="store_true", help="print what was refused, too")
    parser.add_argument("--write", type=Path, help="put the rows into the table of this page")
    arguments = parser.parse_args()
    found: dict[str, Tried] = {}
    for name in arguments.only:
        tried = found[name] = fuzz(name, arguments.count, arguments.seed, arguments.keep, arguments.case)
        print(f"{name}: {sum(tried.outcomes.values())} in {tried.seconds:.0f} s: {dict(tried.outcomes)}", flush=True)
        shown = FAULTS if not arguments.verbose else (*FAULTS, "fewer", "refused")
        for (outcome, kind), numbers in sorted(tried.cases.items(), key=lambda one: -len(one[1])):
            if outcome in shown:
                print(f"    {outcome}, {len(numbers)} times, first in case {numbers[0]}: {kind}", flush=True)
    if arguments.write is not None:
        before, _, rest = arguments.write.read_text().partition(MARKS[0])
        inside, _, after = rest.partition(MARKS[1])
        said = inside.partition("| damaged |")[0].rstrip()  # when, and with which seeds
        arguments.write.write_text(f"{before}{MARKS[0]}{said}\n\n{table(found, inside)}\n{MARKS[1]}{after}")
    print(table(found))
    return int(any(tried.outcomes[fault] for tried in found.values() for fault in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
