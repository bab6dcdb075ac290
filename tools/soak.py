"""The recogniser and the page under long use: memory, descriptors and files stay as they are.

    PYTHONPATH=tests python tools/soak.py --minutes 10 --write docs/reliability.md

The recogniser: tracks come, go, and come back; now and then too many are open, or a frame is no frame. The page:
requests, films, uploads that are abandoned, sockets that send pictures and other things. What a process has after the
first fifth of the time is compared with what it has at the end; the exit status is 1 if it has grown.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

GROWTH = 16  # MiB that a process may have more at the end: what its allocator keeps in pieces


class Held(NamedTuple):
    """What a process has: MiB of memory and descriptors."""

    memory: float
    descriptors: int


class Soaked(NamedTuple):
    """Of one thing: what was done how often, what its process had after the first fifth and at the end, and faults."""

    name: str
    done: Counter[str]
    before: Held
    after: Held
    faults: list[str]


def held(process: int) -> Held:
    """What a process has now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return Held(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(os.listdir(f"/proc/{process}/fd")))


def soak(name: str, process: int, seconds: float, step: Callable[[random.Random], str]) -> Soaked:
    """Do a step again and again; each says what it was."""
    rng, done = random.Random(0), Counter[str]()
    began, before = time.monotonic(), None
    while (passed := time.monotonic() - began) < seconds or before is None:
        if before is None and passed > seconds / 5:
            before = settled(process, None)
        done[step(rng)] += 1
    after = settled(process, before.descriptors)
    faults = []
    if after.memory > before.memory + GROWTH:
        faults.append(f"{name}: {before.memory:.0f} MiB, then {after.memory:.0f}")
    if after.descriptors > before.descriptors:
        faults.append(f"{name}: {before.descriptors} descriptors, then {after.descriptors}")
    return Soaked(name, done, before, after, faults)


def settled(process: int, descriptors: int | None) -> Held:
    """What a process has once what was abandoned is closed: after at most 30 seconds."""
    deadline = time.monotonic() + 30
    lowest = held(process)
    while time.monotonic() < deadline and (descriptors is None or lowest.descriptors > descriptors):
        time.sleep(0.5)
        now = held(process)
        if descriptors is None and now.descriptors >= lowest.descriptors:
            break
        lowest = now
    return lowest


def recogniser(seconds: float) -> Soaked:
    """Tracks that come and go in this process."""
    from attentive_rnn import SequenceClassifier
    from attentive_rnn.data import Compose, Schema
    from attentive_rnn.errors import DataError
    from attentive_rnn.streaming import Recognizer
    from attentive_rnn.training import SavedModel

    torch.manual_seed(0)
    model = SequenceClassifier(6, 3, 16, 2).eval()
    saved = SavedModel(model, Schema(classes=("sit", "stand", "wave"), shape=(6,)), Compose([]))
    recognizer = Recognizer(saved, hold=3, most_tracks=200)
    frames = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)

    def step(rng: random.Random) -> str:
        track, chance = f"person {rng.randrange(10**9) if rng.random() < 0.3 else rng.randrange(300)}", rng.random()
        try:
            if chance < 0.6:
                recognizer.push(frames[rng.randrange(20)], track)
            elif chance < 0.7:
                recognizer.push_chunk(frames, track)
            elif chance < 0.75:
                recognizer.push([float("nan")] * rng.choice((5, 6)), track)
            else:
                tracks = recognizer.tracks
                recognizer.end(rng.choice(tracks) if tracks and rng.random() < 0.9 else track)
                return "ended"
        except DataError:
            return "refused"
        return "frames"

    soaked = soak("recogniser", os.getpid(), seconds, step)
    if len(recognizer.tracks) > 200:
        soaked.faults.append(f"recogniser: {len(recognizer.tracks)} tracks are open")
    return soaked


def page(seconds: float) -> Soaked:
    """A server with visitors of all kinds."""
    from PIL import Image
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    from films import write_film
    from served import begin, start

    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = Path(temporary)
        film = write_film(folder / "film.mp4", 10).read_bytes()
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), "red").save(buffer, "jpeg")
        server = start(folder)

        def step(rng: random.Random) -> str:
            chance = rng.random()
            if chance < 0.7:
                status = server.get(rng.choice(("/", "/model", "/none")), rng.choice((None, {"Authorization": "no"})))[
                    0
                ]
                return f"answered {status}"
            if chance < 0.8:
                status = server.post(film if rng.random() < 0.7 else film[:500])[0]
                return f"film, answered {status}"
            if chance < 0.9:
                with begin(server, len(film)) as visitor:
                    visitor.sendall(film[: rng.randrange(len(film))])
                return "upload abandoned"
            try:
                with connect(server.live, additional_headers=server.key) as live:
                    for _ in range(rng.randrange(5)):
                        live.send(buffer.getvalue() if rng.random() < 0.7 else b"no picture")
                        live.recv(30)
            except WebSocketException:
                return "socket refused"
            return "socket"

        with server.process as process:
            try:
                soaked = soak("page", process.pid, seconds, step)
                process.send_signal(signal.SIGTERM)
                process.wait(20)
            finally:
                process.kill()
        left = [path.name for path in folder.glob("*.film")]
        return soaked._replace(faults=[*soaked.faults, *(f"page: {name} is left over" for name in left)])


THINGS: dict[str, Callable[[float], Soaked]] = {"recogniser": recogniser, "page": page}


def table(found: list[Soaked]) -> str:
    """What was done, and what the processes had, as a table of Markdown."""
    rows = ["| soaked | done | memory, MiB | descriptors | failed |", "|---|---|--:|--:|--:|"]
    for one in found:
        done = ", ".join(f"{count:,} {what}" for what, count in sorted(one.done.items()))
        memory = f"{one.before.memory:.0f} to {one.after.memory:.0f}"
        descriptors = f"{one.before.descriptors} to {one.after.descriptors}"
        rows.append(f"| {one.name} | {done} | {memory} | {descriptors} | {len(one.faults)} |")
    return "\n".join(rows)


def main() -> int:
    from pages import write_between

    parser = argparse.ArgumentParser(description="The recogniser and the page under long use.")
    parser.add_argument("--only", nargs="+", default=list(THINGS), choices=list(THINGS), metavar="NAME")
    parser.add_argument("--minutes", type=float, default=10, help="for all together (default 10)")
    parser.add_argument("--write", type=Path, help="put the table into this page, between its marks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = [THINGS[name](60 * arguments.minutes / len(arguments.only)) for name in arguments.only]
    print(table(found))
    faults = [fault for one in found for fault in one.faults]
    print("\n".join(faults), end="\n" if faults else "")
    if arguments.write is not None:
        write_between(arguments.write, "soak", table(found))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
