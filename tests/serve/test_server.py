"""Who may come in to the server of the page, and what visitors who stall, crowd in or go away leave behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from attentive_rnn.serve import server as module
from films import write_film
from served import begin, start


def _ask(server, path="/model", **headers):
    """The status of a request with these headers alone, and its own headers."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=30)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers


def _descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def _connect(server):
    host, port = server.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def test_nobody_comes_in_without_the_token(server):
    host = server.address.removeprefix("http://")
    assert _ask(server, Host=host)[0] == 401
    assert _ask(server, Host=host, Authorization="Bearer wrong")[0] == 401
    assert _ask(server, Host=host, Cookie="attentive=;;\x01=")[0] == 401
    assert _ask(server, "/?token=" + "x" * 32, Host=host)[0] == 401
    assert _ask(server, Host=host, **server.key)[0] == 200
    with pytest.raises(Exception, match=r"403|1008"), connect(server.live) as live:
        live.recv(10)


def test_the_printed_address_leaves_the_token_in_a_cookie_that_no_program_of_a_page_can_read(server):
    host = server.address.removeprefix("http://")
    status, headers = _ask(server, server.entrance.removeprefix(server.address), Host=host)
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert _ask(server, "/", Host=host, Cookie=cookie.split(";")[0])[0] == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}", ""]
)
def test_a_name_that_was_rebound_to_this_machine_is_not_answered(server, name):
    host = name.format(port=server.address.rsplit(":", 1)[1])
    assert _ask(server, Host=host, **server.key)[0] == 421
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    assert _ask(server, "/live", Host=host, **server.key, **upgrade)[0] == 403


def test_localhost_is_a_name_of_this_machine(server):
    port = server.address.rsplit(":", 1)[1]
    assert _ask(server, Host=f"localhost:{port}", **server.key)[0] == 200


def test_every_answer_says_what_a_page_may_do(server):
    for status, headers in (
        _ask(server, "/", Host=server.address[7:], **server.key),
        _ask(server, Host="evil.example"),
    ):
        assert headers["content-security-policy"].startswith("default-src 'self'"), status
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_abandoned_uploads_leave_no_file_and_no_descriptor(server, tmp_path):
    film = write_film(tmp_path / "a.mp4", 60).read_bytes()
    assert server.post(film)[0] == 200
    before = _descriptors(server)
    for share in (0, 2, 1.01):
        for _ in range(17):
            with begin(server, len(film)) as visitor:
                visitor.sendall(film[: int(len(film) / share)] if share else b"")
    folder = Path(_folder_of(server))
    deadline = time.monotonic() + 30
    while (_descriptors(server) > before or list(folder.glob("*.film"))) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert list(folder.glob("*.film")) == []
    assert _descriptors(server) <= before
    assert server.post(film)[0] == 200


def _folder_of(server):
    """Where the server keeps films while it reads them."""
    return dict(
        line.split("=", 1)
        for line in Path(f"/proc/{server.process.pid}/environ").read_text().split("\0")
        if "=" in line
    )["TMPDIR"]


def test_half_a_head_is_not_waited_for(server):
    with _connect(server) as silent, _connect(server) as half:
        half.sendall(b"GET /model HTTP/1.1\r\nHost: ")
        began = time.monotonic()
        assert _closed(silent)
        assert _closed(half)
        assert time.monotonic() - began < module.SILENCE + 20


def _closed(visitor):
    try:
        return visitor.recv(100) == b""
    except ConnectionResetError:
        return True


def test_a_client_has_a_limited_number_of_connections_and_the_others_are_answered(server):
    crowd = [_connect(server) for _ in range(200)]
    try:
        crowd[-1].settimeout(20)
        assert _closed(crowd[-1])
    finally:
        for visitor in crowd:
            visitor.close()
    for _ in range(50):
        try:
            assert server.get("/model")[0] == 200
            break
        except OSError:  # those that were closed are still being counted
            time.sleep(0.2)
    else:
        pytest.fail("the server answers nobody")


def test_two_thousand_requests_leave_memory_and_descriptors_as_they_were(server):
    for _ in range(200):
        server.get("/model")
    before, memory = _descriptors(server), _resident(server)
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=30)
    for _ in range(2000):
        connection.request("GET", "/model", headers=server.key)
        assert json.loads(connection.getresponse().read())["classes"] == ["sit", "stand", "wave"]
    connection.close()
    deadline = time.monotonic() + 20
    while _descriptors(server) > before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _descriptors(server) <= before
    assert _resident(server) < memory + 16


def _resident(server):
    """MiB of memory."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_ends_it_though_half_an_upload_and_a_page_are_open(tmp_path, ending, capfd):
    served = start(tmp_path)
    with served.process as process, begin(served, 1000) as visitor, _connect(served):
        visitor.sendall(bytes(500))
        with connect(served.live, additional_headers=served.key):
            assert served.get("/model")[0] == 200
            process.send_signal(ending)
            process.wait(module.ENDING + 20)
        assert visitor.recv(100).startswith(b"HTTP/1.1 503 ")
    assert list(tmp_path.glob("*.film")) == []
    assert "Traceback" not in capfd.readouterr().err


def test_a_connection_that_takes_nothing_of_its_answer_is_closed(server):
    """While it is open, whoever waits behind it waits on."""
    frames = json.dumps({"tracks": {f"{i}{'x' * 8000}": [[1, 2, 3]] for i in range(1000)}}).encode()
    with begin(server, len(frames), "/recognise") as visitor:
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        visitor.sendall(frames)
        assert visitor.recv(12) == b"HTTP/1.1 200"
        time.sleep(module.PAUSE + 5)
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while part := visitor.recv(2**16):
                taken += len(part)
        assert taken < len(frames)


def test_a_signal_ends_it_though_a_long_request_is_being_answered(tmp_path, capfd):
    served = start(tmp_path, pictures=False)
    frames = json.dumps({"tracks": {"Ann": [[1, 2, 3]] * 500_000}}).encode()
    with served.process as process, begin(served, len(frames), "/recognise") as visitor:
        visitor.sendall(frames)
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        process.wait(module.ENDING + 20)
    assert "Traceback" not in capfd.readouterr().err


def test_a_port_that_is_taken_is_one_line(server, tmp_path, capsys):
    from attentive_rnn.cli import main

    folder = Path(_folder_of(server))
    network = ["--backbone", str(folder / "mean.onnx"), "--size", "32", "32"]
    assert main(["serve", str(folder / "model"), "--port", server.address.rsplit(":", 1)[1], *network]) == 2
    assert "--port" in capsys.readouterr().err.splitlines()[-1]
