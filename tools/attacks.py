"""Attacks on the page of `attentive serve`, and what a real server answers to each.

    PYTHONPATH=tests python tools/attacks.py --write docs/reliability.md

Visitors without the token, under other names, from other pages, too many, too large, too slow, and signals amid all of
these. After all but the last the memory and descriptors of the process are compared with those before. The exit status
is 1 if any answer is not the expected one.
"""

from __future__ import annotations

import argparse
import http.client
import json
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from pages import write_between
from soak import GROWTH, held, settled
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from attentive_rnn.serve.receiving import PAUSE
from films import write_film
from served import Served, begin, start

EVIL = "http://evil.example"
LARGE = 2**21  # bytes, twice what the server takes here
LONG = json.dumps({"tracks": {"a": [[1, 2, 3]] * 500_000}}).encode()  # a request of a minute's work
TIMES = 5  # that most attacks are tried


class Answer(NamedTuple):
    """What an attack was, what came back each time, and what should."""

    attack: str
    came: list[str]
    expected: str


def ask(server: Served, path: str = "/model", **headers: str) -> str:
    """The status of an answer to a request with exactly these headers; the name of the server is added if none is."""
    address = server.address.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in ({"Host": address} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        return str(connection.getresponse().status)


def reach(server: Served) -> socket.socket:
    """A connection that has sent nothing."""
    host, port = server.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def socket_of_page(server: Served, message: bytes | None = None, **headers: str) -> str:
    """How the server ends a WebSocket with these headers, on which a message is sent."""
    try:
        with connect(server.live, additional_headers=headers, max_size=None) as live:
            if message is not None:
                live.send(message)
            live.recv(30)
    except InvalidStatus as error:
        return str(error.response.status_code)
    except ConnectionClosed as error:
        return f"closed, {error.rcvd.code if error.rcvd else 'without a word'}"
    return "answered"


def closed(visitor: socket.socket) -> str:
    """Whether the server closes a connection within its timeout."""
    try:
        while visitor.recv(1000):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return "open after 60 s"
    return "closed"


def slowly(server: Served) -> str:
    """A head that comes byte by byte."""
    began = time.monotonic()
    with reach(server) as visitor:
        try:
            while time.monotonic() - began < 60:
                visitor.sendall(b"X")
                time.sleep(0.5)
        except (BrokenPipeError, ConnectionResetError):
            return "closed"
    return "open after 60 s"


def crowd(server: Served) -> str:
    """200 connections of one client, and whether the server answers when they have gone."""
    with ExitStack() as stack:
        visitors = [stack.enter_context(reach(server)) for _ in range(200)]
        last = closed(visitors[-1])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return f"{last}; then {server.get('/model')[0]}"
        except OSError:  # those that have gone are still counted
            time.sleep(0.2)
    return f"{last}; then no answer"


def abandoned(server: Served, folder: Path, film: bytes) -> str:
    """50 uploads that end before, within and after the film."""
    for share in (*[0.0] * 17, *[0.5] * 17, *[1.0] * 16):
        with begin(server, len(film)) as visitor:
            visitor.sendall(film[: int(len(film) * share)])
    deadline = time.monotonic() + 30
    while list(folder.glob("*.film")) and time.monotonic() < deadline:
        time.sleep(0.2)
    return f"{len(list(folder.glob('*.film')))} files left"


def too_large(server: Served) -> str:
    """The status of an answer to a film that says that it is too large."""
    with begin(server, LARGE) as visitor:
        return visitor.recv(1000).decode().split()[1]


def chunks(server: Served) -> str:
    """The status of an answer to a film that does not say how large it is, as soon as there is an answer."""
    with reach(server) as visitor:
        lines = ["POST /film HTTP/1.1", f"Host: {server.address.removeprefix('http://')}", "Transfer-Encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in server.key.items()]
        visitor.sendall("\r\n".join([*lines, "", ""]).encode())
        for _ in range(LARGE >> 16):
            visitor.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            if select.select([visitor], [], [], 0.05)[0]:
                break
        return visitor.recv(1000).decode().split()[1]


def half_upload(server: Served) -> str:
    """What others are answered while half an upload waits."""
    with begin(server, 1000) as visitor:
        visitor.sendall(bytes(500))
        return f"others {server.get('/model')[0]}"


def asked(server: Served, body: bytes) -> str:
    """The status of the answer to a request of another program."""
    return str(server.ask(body)[0])


def long_request(server: Served) -> str:
    """What others are answered after a request of a minute's work whose sender has gone."""
    with begin(server, len(LONG), "/recognise") as visitor:
        visitor.sendall(LONG)
    short = b'{"tracks": {"a": [[1, 2, 3]]}}'
    return f"others {asked(server, short)}"


def not_taken(server: Served) -> str:
    """How a connection ends that takes nothing of an answer of 8 MB."""
    names = json.dumps({"tracks": {f"{i}{'x' * 8000}": [[1, 2, 3]] for i in range(1000)}}).encode()
    with begin(server, len(names), "/recognise") as visitor:
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        visitor.sendall(names)
        visitor.recv(12)
        time.sleep(PAUSE + 5)
        taken = 0
        try:
            while part := visitor.recv(1 << 16):
                taken += len(part)
        except ConnectionResetError:
            pass
    return "closed" if taken < len(names) else "open"


def many(server: Served) -> str:
    """2,000 requests on one connection."""
    found = set()
    with closing(http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=60)) as connection:
        for _ in range(2000):
            connection.request("GET", "/model", headers=server.key)
            answer = connection.getresponse()
            answer.read()
            found.add(str(answer.status))
    return ", ".join(sorted(found))


def attacks(server: Served, folder: Path) -> Iterator[Answer]:
    """All that leave the server alive."""
    film = write_film(folder / "film.mp4", 30).read_bytes()
    port, key = server.address.rsplit(":", 1)[1], server.key

    def each(attack: str, expected: str, call: Callable[[], str], times: int = TIMES) -> Answer:
        print(f"  {attack}", flush=True)
        return Answer(attack, [call() for _ in range(times)], expected)

    large = bytes(9 << 20)
    for name in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}"):
        yield each(f"another name in Host, with the token (DNS rebinding): {name.split(':')[0]}", "421",
                   lambda name=name: ask(server, Host=name, **key))  # type: ignore[misc]  # fmt: skip
    yield each("no token", "401", lambda: ask(server))
    yield each("another token", "401", lambda: ask(server, Authorization="Bearer " + "x" * 32))
    yield each("the token, from a page of another site", "403", lambda: ask(server, Origin=EVIL, **key))
    yield each("a WebSocket without token", "403", lambda: socket_of_page(server))
    yield each("a WebSocket from a page of another site", "403", lambda: socket_of_page(server, Origin=EVIL, **key))
    yield each("a message of 9 MiB on a WebSocket", "closed, 1009", lambda: socket_of_page(server, large, **key))
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd"):
        yield each(f"a path out of the folder: {path}", "404", lambda path=path: ask(server, path, **key))  # type: ignore[misc]
    yield each("a film over the limit", "413", lambda: too_large(server))
    yield each("a film over the limit that does not say so", "413", lambda: chunks(server))
    yield each("half an upload", "others 200", lambda: half_upload(server))
    yield each("a name of half a character", "200", lambda: asked(server, b'{"tracks": {"\\ud800": [[1, 2, 3]]}}'))
    yield each("one name twice", "400", lambda: asked(server, b'{"tracks": {"a": [[1, 2, 3]], "a": [[1, 2, 3]]}}'))
    yield each("numbers as texts", "400", lambda: asked(server, b'{"tracks": {"a": [["1", "2", "3"]]}}'))
    yield each("a long request that is abandoned", "others 200", lambda: long_request(server), 2)
    yield each("an answer that is not taken", "closed", lambda: not_taken(server), 1)
    yield each("50 uploads that are abandoned", "0 files left", lambda: abandoned(server, folder, film), 1)
    yield each("no head, or half of one", "closed", lambda: half_head(server), 2)
    yield each("a head that comes byte by byte", "closed", lambda: slowly(server), 1)
    yield each("200 connections of one client", "closed; then 200", lambda: crowd(server), 1)
    yield each("2,000 requests", "200", lambda: many(server), 1)


def half_head(server: Served) -> str:
    """How two connections end that send nothing, and half a head."""
    with reach(server) as silent, reach(server) as half:
        half.sendall(b"GET /model HTTP/1.1\r\nHost: ")
        return closed(silent) if closed(half) == "closed" else "open after 60 s"


def ended(while_: str) -> str:
    """How a server ends by SIGTERM while something is under way."""
    with tempfile.TemporaryDirectory(prefix="attacks-") as temporary:
        folder = Path(temporary)
        server = start(folder)
        with server.process as process, ExitStack() as stack:
            if while_ == "half an upload":
                stack.enter_context(begin(server, 1000)).sendall(bytes(500))
            elif while_ == "half a head":
                stack.enter_context(reach(server)).sendall(b"GET /model HTTP/1.1\r\n")
            elif while_ == "a long request":
                stack.enter_context(begin(server, len(LONG), "/recognise")).sendall(LONG)
            elif while_ == "an open WebSocket":
                stack.enter_context(connect(server.live, additional_headers=server.key))
            elif while_ == "100 connections":
                for _ in range(100):
                    stack.enter_context(reach(server))
            time.sleep(1)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                return "there after 60 s"
            finally:
                process.kill()
            left = len(list(folder.glob("*.film")))
        within = "ended within 10 s" if time.monotonic() - began <= 10 else "took longer than 10 s"
        return within + f", {left} files left" * (left > 0)


def table(answers: list[Answer]) -> str:
    """The attacks as a table of Markdown."""
    rows = ["| attack | tried | answer | failed |", "|---|--:|---|--:|"]
    for attack, came, expected in answers:
        wrong = [one for one in came if one != expected]
        rows.append(f"| {attack} | {len(came)} | {', '.join(dict.fromkeys(came))} | {len(wrong)} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="Attacks on the page of `attentive serve`.")
    parser.add_argument("--write", type=Path, help="put the table into this page, between its marks")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attacks-") as temporary:
        folder = Path(temporary)
        server = start(folder)
        with server.process as process:
            try:
                for _ in range(200):
                    server.get("/model")
                before = held(process.pid)
                answers = list(attacks(server, folder))
                after = settled(process.pid, before.descriptors)
                flat = after.descriptors <= before.descriptors and after.memory <= before.memory + GROWTH
                words = f"{before.memory:.0f} MiB, then {after.memory:.0f}; descriptors {before.descriptors}, then "
                words += str(after.descriptors)
                answers.append(Answer("all of these: memory and descriptors", [words], words if flat else "flat"))
            finally:
                process.kill()
    for while_ in (
        "nothing",
        "half a head",
        "half an upload",
        "a long request",
        "an open WebSocket",
        "100 connections",
    ):
        answers.append(Answer(f"SIGTERM amid {while_}", [ended(while_)], "ended within 10 s"))
    print(table(answers))
    if arguments.write is not None:
        write_between(arguments.write, "attacks", table(answers))
    return int(any(one != answer.expected for answer in answers for one in answer.came))


if __name__ == "__main__":
    sys.exit(main())
