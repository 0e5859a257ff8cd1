"""What a whole-program test works in: two servers, a database of its own on both, and the daemon between them."""
from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from compare import database_differences
from embedded_server import EmbeddedServer, find_server
from mirror_daemon import DaemonError, MirrorDaemon, Reply
from pymongo import MongoClient
from pymongo.uri_parser import parse_uri

LOCAL_VARIABLE = "DUALSYNC_TEST_LOCAL_URI"
BACKUP_VARIABLE = "DUALSYNC_TEST_BACKUP_URI"
OPLOG_ENTRIES = 5_000_000
POLL_SECONDS = 0.05
METADATA_DATABASE = "dualsync"
SLOW_SERVER_FACTOR = 4
WORKERS_FACTOR = 2  # several tests share the processors
HTTP_OK, HTTP_UNAVAILABLE, HTTP_TIMED_OUT = 200, 503, 504


def patience(seconds: float) -> float:
    """A deadline in seconds, longer where the embedded server is the slow one. It is never slept through."""
    if os.environ.get(LOCAL_VARIABLE) and os.environ.get(BACKUP_VARIABLE):
        return seconds * SLOW_SERVER_FACTOR
    seconds *= WORKERS_FACTOR if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1 else 1
    return seconds * (SLOW_SERVER_FACTOR if find_server().name == "secantusd-py" else 1)


def eventually(condition: Callable[[], object], seconds: float, what: str) -> object:
    """Polls until `condition` returns something true and returns that; fails the test after the deadline."""
    deadline = time.monotonic() + patience(seconds)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {patience(seconds):.0f} s: {what}"
        time.sleep(POLL_SECONDS)


def with_database(uri: str, database: str) -> str:
    """The same URI with a database in its path; who it authenticates as stays the same."""
    parsed = parse_uri(uri)
    scheme, rest = uri.split("://", 1)
    authority, _, tail = rest.partition("/")
    query = tail.partition("?")[2]
    if parsed["username"] and "authsource=" not in query.lower():
        query = f"{query}&authSource={parsed['database'] or 'admin'}".lstrip("&")
    return f"{scheme}://{authority}/{quote(database)}" + (f"?{query}" if query else "")


@dataclass
class Pair:
    """A local and a backup server. The embedded ones can be stopped and started; given ones only used."""

    local_uri: str
    backup_uri: str
    local_server: EmbeddedServer | None = None
    backup_server: EmbeddedServer | None = None

    @staticmethod
    def embedded(folder: Path, arguments: tuple[str, ...] = ()) -> Pair:
        flags = ("--oplog-max-entries", str(OPLOG_ENTRIES), *arguments)
        local = EmbeddedServer(folder / "local", folder / "local.log", flags).start()
        try:
            backup = EmbeddedServer(folder / "backup", folder / "backup.log", flags).start()
        except BaseException:
            local.stop()
            raise
        return Pair(local.uri(), backup.uri(), local, backup)

    def stop(self) -> None:
        for server in (self.local_server, self.backup_server):
            if server is not None:
                server.stop()


class World:
    """One test's view. `close` stops the daemon and drops the test's database on servers that outlive the tests."""

    def __init__(self, pair: Pair, folder: Path) -> None:
        self.pair = pair
        self.folder = folder
        self.database = f"e2e_{uuid.uuid4().hex[:12]}"
        self.local: MongoClient = MongoClient(pair.local_uri)
        self.backup: MongoClient = MongoClient(pair.backup_uri)
        self.db = self.local[self.database]
        self.copy = self.backup[self.database]
        self.daemons: list[MirrorDaemon] = []
        self.extra_databases: list[str] = []

    def daemon(self, name: str = "daemon", **settings: str) -> MirrorDaemon:
        """A daemon with a data directory of its own, not started yet."""
        made = MirrorDaemon(self.folder / name, {
            "MONGODB_LOCAL_URI": with_database(self.pair.local_uri, self.database),
            "MONGODB_ATLAS_URI": self.pair.backup_uri, **settings})
        self.daemons.append(made)
        return made

    @property
    def first(self) -> MirrorDaemon:
        return self.daemons[0]

    def mirror(self, **settings: str) -> MirrorDaemon:
        """A daemon that runs and has finished its first copy."""
        daemon = self.daemon(**settings).start()
        self.settle()
        return daemon

    def settle(self, seconds: float = 60) -> None:
        """Until the backup has every write made so far. Fails with what blocks it."""
        reply = self.wait(seconds)
        assert reply.status == HTTP_OK, (
            f"wait: HTTP {reply.status} {reply.body}\nmetrics: {self.metrics_text()}\n{self.first.log_tail()}")

    def wait(self, seconds: float = 60) -> Reply:
        """POST /api/sync/wait. While the local server is being reconnected to it may answer 503: asked again."""
        deadline = time.monotonic() + patience(seconds)
        while True:
            reply = self.first.wait(max(1.0, deadline - time.monotonic()))
            if reply.status != HTTP_UNAVAILABLE or time.monotonic() > deadline:
                return reply
            time.sleep(POLL_SECONDS)

    def metrics_text(self) -> str:
        try:
            return json.dumps(self.first.metrics())
        except (OSError, DaemonError) as error:
            return f"none: {error}"

    def differences(self) -> list[str]:
        return database_differences(self.db, self.copy)

    def assert_equal(self, verify: bool = True) -> None:
        """Both by our own reading of both servers and by `dualsync verify`."""
        found = self.differences()
        assert not found, "\n".join(found)
        if verify:
            report = self.verify()
            assert report["equal"] is True, json.dumps(report)[:3000]

    def verify(self, code: int = 0) -> dict:
        """`dualsync verify --json`, which must exit with `code`."""
        done = self.first.command("verify", "--json")
        assert done.returncode == code, f"verify: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
        return json.loads(done.stdout)

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.stop()
        # The embedded servers' folders go away as a whole, which takes no time; others are left as they were.
        names = (self.database, *self.extra_databases) if self.pair.local_server is None else ()
        for client in (self.local, self.backup):
            try:
                for name in names:
                    client.drop_database(name)
            finally:
                client.close()
