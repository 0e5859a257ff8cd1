"""Clients of the API that mean harm: slow, huge, from other sites, under other names, after files of others."""
from __future__ import annotations

import contextlib
import os
import socket
import stat
import time
from pathlib import Path

import pytest
from mirror_daemon import MirrorDaemon
from world import HTTP_OK, World, eventually, patience

SLOW_CLIENTS = 300
# 88 threads and 64 that wait for one, see api_server.cc, and what the daemon itself has open.
DESCRIPTORS_MAX = 88 + 64 + 150
ANSWER_SECONDS = 30
BAD_REQUEST, UNAUTHORISED, FORBIDDEN, NOT_FOUND, TOO_LARGE, MISDIRECTED = 400, 401, 403, 404, 413, 421
READS = ("/", "/metrics", "/api/sync/health", "/api/sync/metrics", "/api/sync/status", "/api/sync/events",
         "/api/openapi.json")
WRITES = ("pause", "resume", "full-sync", "verify", "drill", "wait?timeoutSeconds=1", "operations", "release",
          "discard")
GUARDED = "/api/sync/metrics"
TRICKS = (f"/{GUARDED}", f"{GUARDED}/", f"{GUARDED};a", f"{GUARDED}%00", f"{GUARDED}%2f",
          "/api/sync/health/../metrics", "/api/sync/health/%2e%2e/metrics", "/api/sync/health%2f..%2fmetrics",
          "/API/SYNC/METRICS", "/api//sync/metrics", "/api/sync/metrics?/api/sync/health",
          "/api/sync/metrics#/api/sync/health", "http://127.0.0.1/api/sync/metrics")
FILES = ("/../../../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/assets/../../../../etc/passwd",
         "/assets/..%2f..%2f..%2fetc/passwd", "/..%5c..%5cetc%5cpasswd", "//etc/passwd", "/etc/passwd", "/api-token",
         "/data/api-token", "/assets/%00", "/%", "/%zz", "file:///etc/passwd")


class Raw:
    """A connection on which a test says what it likes."""

    def __init__(self, daemon: MirrorDaemon) -> None:
        host, port = daemon.api_address().rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=patience(ANSWER_SECONDS))

    def send(self, data: bytes) -> bool:
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def answer(self) -> str:
        """All that comes until the other side closes; a reset ends it too."""
        got = b""
        with contextlib.suppress(ConnectionError):
            while part := self.socket.recv(65536):
                got += part
        return got.decode("latin-1")

    def close(self) -> None:
        self.socket.close()


def ask(daemon: MirrorDaemon, method: str, path: str, *headers: str, body: str = "") -> tuple[int, str]:
    raw = Raw(daemon)
    hosts = () if any(header.startswith("Host:") for header in headers) else ("Host: 127.0.0.1",)
    length = (f"Content-Length: {len(body)}",) if body or method == "POST" else ()
    raw.send("\r\n".join([f"{method} {path} HTTP/1.1", *hosts, *headers, *length, "", body]).encode())
    text = raw.answer()
    raw.close()
    return int(text.split(" ", 2)[1]), text


def bearer(daemon: MirrorDaemon) -> str:
    return f"Authorization: Bearer {daemon.api_token()}"


def descriptors(daemon: MirrorDaemon) -> int:
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def test_slow_clients_hold_neither_threads_nor_descriptors_for_ever(world: World) -> None:
    """Each sends a byte now and then, in the head or in the body, never late enough for a time-out of its own."""
    daemon = world.mirror()
    before = descriptors(daemon)
    body = b"POST /api/sync/operations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n"
    head = b"GET /api/sync/health HTTP/1.1\r\nHost: localhost\r\nX: "
    clients: list[socket.socket] = []
    most = 0
    try:
        host, port = daemon.api_address().rsplit(":", 1)
        for number in range(SLOW_CLIENTS):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((host, int(port)))
            clients.append(client)
            with contextlib.suppress(OSError):
                client.send(body if number % 2 else head)
        asked = time.monotonic()
        while True:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(b"a")
            most = max(most, descriptors(daemon))
            try:
                assert daemon.request("GET", "/api/sync/health", token=None, timeout=1).status == HTTP_OK
                break
            except OSError:
                assert time.monotonic() - asked < patience(60), "nobody else is answered any more"
        world.db.things.insert_one({"_id": 1})
        eventually(lambda: world.copy.things.find_one({"_id": 1}), 30, "the mirror does not care")
        assert most <= DESCRIPTORS_MAX, f"{most} descriptors are open"
    finally:
        for client in clients:
            client.close()
    eventually(lambda: descriptors(daemon) < before + 20, 60, "what they held is free again")


def test_huge_requests_are_refused(world: World) -> None:
    daemon = world.mirror()
    memory = resident(daemon)
    status, text = ask(daemon, "POST", "/api/sync/operations", bearer(daemon), "Content-Type: application/json",
                       body="x" * (1 << 20) + "x")
    assert status == TOO_LARGE and "1048576" in text
    raw = Raw(daemon)
    raw.send(f"POST /api/sync/operations HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer(daemon)}\r\n"
             "Content-Length: 99999999999999\r\n\r\n".encode())
    assert " 413 " in raw.answer()
    raw = Raw(daemon)
    raw.send(b"POST /api/sync/operations HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert sum(raw.send(chunk) for _ in range(2000)) < 2000, "a body without end is not read to the end"
    for line in (b"X: " + b"x" * 100_000, b"\r\n".join(b"X%d: x" % number for number in range(100_000))):
        raw = Raw(daemon)
        raw.send(b"GET /api/sync/health HTTP/1.1\r\nHost: 127.0.0.1\r\n" + line + b"\r\n\r\n")
        assert " 200 " not in raw.answer()[:20]
    status, _ = ask(daemon, "GET", "/" + "x" * 50_000)
    assert status in (BAD_REQUEST, NOT_FOUND, 414)
    assert daemon.request("GET", "/api/sync/health", token=None).status == HTTP_OK
    assert resident(daemon) < memory + (64 << 20)


def resident(daemon: MirrorDaemon) -> int:
    return int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_odd_paths_lead_nowhere(world: World) -> None:
    daemon = world.mirror()
    token = daemon.api_token()
    for path in TRICKS:
        status, text = ask(daemon, "GET", path)
        assert status in (BAD_REQUEST, UNAUTHORISED, NOT_FOUND), (path, status)
        assert "totalOperations" not in text, path
    for path in FILES:
        for login in ((), (bearer(daemon),)):
            status, text = ask(daemon, "GET", path, *login)
            assert status in (BAD_REQUEST, NOT_FOUND), (path, status)
            assert "root:" not in text and token not in text, path
    for line in ("GET", "GET /api/sync/metrics", "GET /api/sync/metrics HTTP/9.9", "\x00\x01\x02", "GET  /  HTTP/1.1"):
        raw = Raw(daemon)
        raw.send(line.encode() + b"\r\n\r\n")
        assert "totalOperations" not in raw.answer(), line
    assert daemon.health()["status"] == "healthy"


def test_pages_of_other_sites_change_nothing(world: World) -> None:
    """Even one that knows the token: browsers name the site that asks, and forms need no leave of ours to be sent."""
    daemon = world.mirror()
    for origin in ("http://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1",
                   "https://evil.example\\@127.0.0.1", "file://"):
        for path in WRITES:
            for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
                status, _ = ask(daemon, "POST", f"/api/sync/{path}", bearer(daemon), f"Origin: {origin}",
                                f"Content-Type: {kind}", body="{}")
                assert status == FORBIDDEN, (origin, path, kind, status)
        status, _ = ask(daemon, "DELETE", "/api/sync/full-sync", bearer(daemon), f"Origin: {origin}")
        assert status == FORBIDDEN
        for path in READS[:-2]:
            _, text = ask(daemon, "GET", path, bearer(daemon), f"Origin: {origin}")
            assert "access-control-allow" not in text.lower(), path
        _, text = ask(daemon, "OPTIONS", "/api/sync/pause", f"Origin: {origin}", "Access-Control-Request-Method: POST")
        assert "access-control-allow" not in text.lower() and " 200 " not in text[:20]
    assert daemon.status()["pausedSince"] is None, "none of it paused the mirror"
    assert daemon.health()["status"] == "healthy"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
                                  "127.0.0.1@evil", "", "0.0.0.0", "[::1", "127.0.0.1:80:80"])
def test_another_name_for_this_machine_is_not_answered(world: World, host: str) -> None:
    """DNS rebinding: a page of evil.example, whose name now means 127.0.0.1, is of the same origin for its browser."""
    daemon = world.mirror()
    for path in READS:
        status, text = ask(daemon, "GET", path, f"Host: {host}", bearer(daemon))
        assert status == MISDIRECTED, (path, text)
    status, _ = ask(daemon, "POST", "/api/sync/pause", f"Host: {host}", f"Origin: http://{host}", bearer(daemon))
    assert status == MISDIRECTED


def test_files_are_private_whatever_the_umask_and_whoever_writes_them(world: World) -> None:
    old = os.umask(0)
    try:
        world.db.things.insert_many([{"_id": number} for number in range(20)])
        daemon = world.mirror()
        assert daemon.command("verify").returncode == 0
        assert daemon.command("drill").returncode == 0
        assert daemon.stop() == 0
        assert daemon.command("queue", "check").returncode == 0
        exported = daemon.folder / "exported.json"
        assert daemon.command("queue", "export", str(exported)).returncode == 0
    finally:
        os.umask(old)
    files = [path for path in daemon.data.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in [daemon.data, *daemon.data.rglob("*"), exported]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
