"""Connections between process 0 and each other one of a group, by which all learn that one has failed or died.

The end of a process closes its connections, whatever it was doing; the machine's kernel asks after one that is silent.
Collective operations of NCCL would wait for minutes.
"""

from __future__ import annotations

import os
import platform
import secrets
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

from ...errors import ConfigError, one_line
from ...terminal import how_to_go_on

GRACE = 10.0  # seconds in which a process may end by itself once another has
_CONNECT = 60.0  # seconds in which all must have connected
# Of a machine that has vanished the kernel knows after IDLE + COUNT * INTERVAL seconds.
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
_DONE, _TOLD = "done", "told"


class Watch:
    """This process's connections: of process 0 one to each other process, of each other process one to process 0.

    A line goes along them: "done", "told" (by process 0: the reason for the end is printed), or the reason for an end.

    Args:
        rank, size: of the group.
        first: gives every process what process 0 makes.

    Raises:
        ConfigError: process 0 cannot be reached.
    """

    def __init__(self, rank: int, size: int, first: Callable[[Callable[[], Any]], Any]) -> None:
        self.rank, self.speaks = rank, rank == 0
        self._peers: dict[socket.socket, str] = {}  # with the name of the process at the other end
        self._reason: str | None = None
        self._ended, self._finished = threading.Event(), threading.Event()
        self._waiting = threading.Semaphore(0)  # released for each peer that is done
        if rank == 0:
            with socket.create_server(("", 0), backlog=size) as server:
                key = secrets.token_hex(16)
                first(lambda: (_addresses(), server.getsockname()[1], key, platform.node()))
                self._accept(server, size - 1, key)
        else:
            addresses, port, key, host = first(lambda: None)
            self._peers[_reach(addresses, port, f"{key} {rank} {platform.node()}\n")] = f"process 0 on {host}"
        for peer in self._peers:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEPALIVE.items():
                if hasattr(socket, name):
                    peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        threading.Thread(target=self._listen, daemon=True).start()

    def finish(self) -> None:
        """Say that this process is done, and wait until all are.

        Raises:
            ConnectionError: another one has ended without being done.
        """
        if self.rank > 0:
            self._send(_DONE)
        for _ in self._peers:
            while not self._waiting.acquire(timeout=0.2):
                if self._ended.is_set():
                    raise ConnectionError(self._reason)
        self._finished.set()
        if self.rank == 0:
            self._send(_DONE)

    def ended(self, patience: float) -> str | None:
        """Why another process has ended; None if none has, or does within so many seconds."""
        self._ended.wait(patience)
        return self._reason

    def tell(self, reason: str) -> bool:
        """Tell the others that this process ends, and why; whether anybody is there."""
        return self._send(one_line(reason) if self.rank > 0 else _TOLD)

    def close(self) -> None:
        """Close the connections; that the others end from here on is no concern of this process."""
        self._finished.set()
        for peer in self._peers:
            peer.close()

    def _accept(self, server: socket.socket, count: int, key: str) -> None:
        deadline = time.monotonic() + _CONNECT
        while len(self._peers) < count:
            server.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                peer, _ = server.accept()
                peer.settimeout(5.0)
                said, rank, host = peer.makefile("r", encoding="utf-8").readline().split()
            except TimeoutError as error:
                missing = count - len(self._peers)
                raise ConfigError(f"{missing} of {count + 1} processes did not reach this one, process 0") from error
            except (OSError, ValueError):
                continue
            if secrets.compare_digest(said, key):
                peer.sendall(b"welcome\n")
                peer.settimeout(None)
                self._peers[peer] = f"process {rank} on {host}"

    def _send(self, line: str) -> bool:
        sent = False
        for peer in self._peers:
            try:
                peer.sendall(f"{line}\n".encode())
                sent = True
            except OSError:
                continue
        return sent

    def _listen(self) -> None:
        """Read what the others say, until all are done or one has ended."""
        with selectors.DefaultSelector() as waiting:
            for peer in self._peers:
                waiting.register(peer, selectors.EVENT_READ)
            while waiting.get_map() and not self._ended.is_set():
                for key, _ in waiting.select():
                    try:
                        said = key.fileobj.recv(4096).decode(errors="replace").strip()  # type: ignore[union-attr]
                    except OSError:  # closed here, or the other machine is gone
                        said = ""
                    if self._finished.is_set():
                        return
                    if said == _DONE:
                        waiting.unregister(key.fileobj)
                        self._waiting.release()
                    else:
                        self._note(said, self._peers[key.fileobj])  # type: ignore[index]
        if self._ended.is_set() and not self._finished.wait(GRACE):
            if self.speaks:
                print(f"attentive: error: {one_line(self._reason)}", file=sys.stderr, flush=True)
            os._exit(2)

    def _note(self, said: str, who: str) -> None:
        """Take down why another process has ended, and pass it on."""
        if said == _TOLD:
            self._reason = f"{who} has ended and said why"
        else:
            self._reason = said or f"{who} of the run has ended without a word; {how_to_go_on()}"
            # Nobody hears one who speaks for process 0, so that it has to be agreed beforehand who that is.
            self.speaks = self.rank == 0 or (self.rank == 1 and not said)
        if self.rank == 0:
            self._send(_TOLD)
        self._ended.set()


def _addresses() -> list[str]:
    """The addresses of this machine, the one that only itself reaches last."""
    found = [one.address for all_of in psutil.net_if_addrs().values() for one in all_of if one.family == socket.AF_INET]
    return sorted(found, key=lambda address: address.startswith("127."))


def _reach(addresses: list[str], port: int, hello: str) -> socket.socket:
    """A connection to process 0 at the first address where it answers."""
    for address in addresses:
        try:
            peer = socket.create_connection((address, port), timeout=5.0)
        except OSError:
            continue
        try:
            peer.sendall(hello.encode())
            if peer.recv(len(b"welcome\n")) == b"welcome\n":
                peer.settimeout(None)
                return peer
        except OSError:
            pass
        peer.close()
    raise ConfigError(f"process 0 cannot be reached at port {port} of {', '.join(addresses)}: is there a firewall?")
