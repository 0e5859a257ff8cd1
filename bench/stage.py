"""What the scenarios of bench.py stand on: two embedded servers with a daemon between them, and what that has used.

Threads  one owner per object
Errors   BenchError: the run has no numbers
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

from embedded_server import EmbeddedServer
from mirror_daemon import MirrorDaemon
from operations import hot_documents, operations
from pymongo import MongoClient
from pymongo.collection import Collection

DATABASE = "bench"
OPLOG_ENTRIES = 5_000_000
# Unordered bulks are sent as one command per sort of operation, inserts first; small ones keep the sorts mixed.
BULK_OPERATIONS = 100
WAIT_SECONDS = 1800
POLL_SECONDS = 0.05
MEGABYTE = 1e6
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(RuntimeError):
    """A run did not end as it should; it has no numbers."""


@dataclass
class Usage:
    """What a process has used so far."""

    cpu_seconds: float
    peak_bytes: int

    @staticmethod
    def of(pid: int) -> Usage:
        # The second field of stat, the program's name in brackets, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        return Usage((int(fields[11]) + int(fields[12])) / CLOCK_TICKS, peak * 1024)


def server(folder: Path) -> EmbeddedServer:
    """One that keeps its oplog; not started yet. Its log is beside its folder."""
    return EmbeddedServer(folder, folder.with_suffix(".log"), ("--oplog-max-entries", str(OPLOG_ENTRIES)))


def write_operations(collection: Collection, count: int) -> None:
    left = operations(count)
    while batch := list(islice(left, BULK_OPERATIONS)):
        collection.bulk_write(batch, ordered=False)


def same_documents(uri: str, other_uri: str, database: str, other_database: str) -> bool:
    """Whether both hold the same documents, field for field."""
    with MongoClient(uri) as client, MongoClient(other_uri) as other:
        here, there = (found.documents.find().sort("_id") for found in (client[database], other[other_database]))
        return all(one == two for one, two in zip_longest(here, there))


class Stage:
    """Two embedded servers and a daemon, all in one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.local = server(folder / "local")
        self.backup = server(folder / "backup")
        self.folder = folder

    def __enter__(self) -> Stage:
        self.local.start()
        self.backup.start()
        self.client: MongoClient = MongoClient(self.local.uri())
        self.collection = self.client[DATABASE].documents
        self.daemon = MirrorDaemon(self.folder / "daemon", {
            "MONGODB_LOCAL_URI": self.local.uri(DATABASE), "MONGODB_ATLAS_URI": self.backup.uri()})
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.stop()
        self.client.close()
        self.local.stop()
        self.backup.stop()

    def wait(self) -> None:
        reply = self.daemon.wait(WAIT_SECONDS)
        if reply.status != 200:
            raise BenchError(f"wait: HTTP {reply.status} {reply.body}\n{self.daemon.log_tail()}")

    def prove(self) -> None:
        done = self.daemon.command("verify", "--json")
        if done.returncode != 0:
            raise BenchError(f"the sides differ, the numbers are worthless: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def usage(self) -> Usage:
        """Of the daemon."""
        return Usage.of(self.daemon.pid)

    def write(self, count: int) -> None:
        write_operations(self.collection, count)

    def prepare(self) -> None:
        """The hot documents are on both sides."""
        self.collection.insert_many(hot_documents(), ordered=False)
        self.daemon.start()
        self.wait()
