"""Server process of the page: who may come in, how many, for how long, and how it ends.

A visitor names the server by an address that it was started with, and shows the token that is printed with the address.
A connection that sends nothing is closed, a client has a limited number of them, and a signal ends the process within
ten seconds. This module needs FastAPI and uvicorn, the extra "serve": import it late.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from collections import Counter
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any, ClassVar
from urllib.parse import parse_qs

from ..errors import ConfigError, needed_for

with needed_for("the page needs FastAPI and uvicorn: pip install 'attentive-rnn[serve]'"):
    import uvicorn
    from starlette.datastructures import Headers
    from starlette.responses import RedirectResponse, Response
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from .receiving import PAUSE, Json

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SILENCE = 10.0  # seconds in which a connection must have sent the head of its first request
CLIENT_CONNECTIONS = 64  # at once, of one client
CONNECTIONS = 256  # at once, in all
MESSAGE = 2**23  # bytes of one message of a WebSocket
ENDING = 5  # seconds that requests have to end after a signal; as many are left for the process to end
_SELF = "default-src 'self'; img-src 'self' data: blob:; media-src blob:; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = {
    "Content-Security-Policy": _SELF,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the token is part of the first address
    "Cache-Control": "no-store",
}


class Doors:
    """ASGI application that lets visitors in to another one.

    A visitor names the server by one of ``hosts``, comes from no other page, and shows the token: as ``?token=`` of the
    first address, which leaves it in a cookie, or as the header ``Authorization: Bearer TOKEN``.

    Args:
        app: for those who may come in.
        token: None lets everybody in.
        hosts: what the header Host may be, with the port; None: anything.
        cookie: name of the cookie, different for each port: browsers do not tell ports apart.
    """

    def __init__(self, app: ASGIApp, token: str | None, hosts: set[str] | None = None, cookie: str = "attentive"):
        self.app, self.token, self.hosts, self.cookie = app, token, hosts, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope), scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self.app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        answer: ASGIApp = self.app if refusal is None else refusal
        if refusal is None and scope["path"] == "/" and self._shown_in_address(scope):
            entered = RedirectResponse("/", 303)
            entered.set_cookie(self.cookie, self.token or "", httponly=True, samesite="strict")
            answer = entered

        started = False

        async def with_headers(message: Any) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name.encode(), value.encode()) for name, value in _HEADERS.items()),
                ]
            await send(message)

        try:
            await answer(scope, receive, with_headers)
        except asyncio.CancelledError:  # a signal has come, and the time to end is over
            if not started:
                await _refused(503, "the server has ended")(scope, receive, with_headers)

    def _refusal(self, headers: Headers, scope: Scope) -> Response | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts is not None and host.lower() not in self.hosts:
            return _refused(421, "this server is not known by that name")
        if origin is not None and origin.split("://", 1)[-1] != host:
            return _refused(403, "pages of other addresses may not use this server")
        if self.token is not None and not self._shown(headers, scope):
            return _refused(401, "open the address that was printed when the server started, with its token")
        return None

    def _shown_in_address(self, scope: Scope) -> bool:
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        return self.token is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def _shown(self, headers: Headers, scope: Scope) -> bool:
        assert self.token is not None
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            cookie = None
        given = ("" if cookie is None else cookie.value, headers.get("authorization", "").removeprefix("Bearer "))
        return any(secrets.compare_digest(one.encode(), self.token.encode()) for one in given) or (
            self._shown_in_address(scope)
        )


def _refused(status: int, why: str) -> Response:
    return Json({"error": why}, status)


class Connection(H11Protocol):
    """Connection that is closed if a head takes too long, answers are not taken, or its client has too many of them."""

    opened: ClassVar[Counter[str]] = Counter()  # connections of each client

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.who = self.client[0] if self.client else ""
        self.opened[self.who] += 1
        self.silence: asyncio.TimerHandle | None = None
        self.untaken: asyncio.TimerHandle | None = None
        if self.opened[self.who] > CLIENT_CONNECTIONS:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_protocol() is self:  # no WebSocket now
            self._watch()

    def _watch(self) -> None:
        """Start the clock where a head is awaited, and stop it once it is there."""
        awaited = self.cycle is None or self.cycle.response_complete
        if awaited and self.silence is None:
            self.silence = self.loop.call_later(SILENCE, self.transport.abort)
        elif not awaited:
            self._stop_watching()

    def _stop_watching(self) -> None:
        if self.silence is not None:
            self.silence.cancel()
            self.silence = None

    def pause_writing(self) -> None:
        super().pause_writing()
        # Who takes nothing would hold up those who wait for their turn.
        self.untaken = self.loop.call_later(PAUSE, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self.untaken is not None:
            self.untaken.cancel()
            self.untaken = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        super().handle_websocket_upgrade(event)
        self._stop_watching()
        following = self.transport.get_protocol()  # it is told when the connection is lost, and this object is not
        lost = following.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            self._gone()
            lost(exc)

        following.connection_lost = connection_lost  # type: ignore[method-assign]

    def _gone(self) -> None:
        self._stop_watching()
        self._stop_waiting()
        self.opened[self.who] -= 1
        if self.opened[self.who] <= 0:
            del self.opened[self.who]


def run(app: ASGIApp, host: str, port: int, announce: Callable[[str], object]) -> None:
    """Serve an application until a signal ends the process.

    Args:
        app: without a check of who comes in.
        host: address to listen at. On a loopback address only loopback names are answered.
        port: 0 takes a free one.
        announce: is told the address with its token, once visitors can come.

    Raises:
        ConfigError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once only over TCP by name
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot listen at {host}, port {port}: {reason}; another one is --port PORT") from error
    with listening:
        port = listening.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        hosts = {f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in LOOPBACK}
        token = secrets.token_urlsafe(24)
        doors = Doors(app, token, hosts if host in LOOPBACK else None, f"attentive-{port}")
        config = uvicorn.Config(
            doors,
            http=Connection,
            log_level="warning",
            ws_max_size=MESSAGE,
            ws_per_message_deflate=False,  # pictures are compressed already
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=ENDING,
            server_header=False,
        )
        listening.listen(CONNECTIONS)
        server = uvicorn.Server(config)

        def end(*_: object) -> None:  # an exception could be lost in an import, and uvicorn's own end leaves uploads
            server.should_exit = True

        signal.signal(signal.SIGTERM, end)
        announce(f"http://{name}:{port}/?token={token}")
        server.run([listening])
