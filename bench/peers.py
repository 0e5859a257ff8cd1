"""The same work by programs of others, for comparison in the same run.

Programs   Percona ClusterSync for MongoDB (named by PCSM, 0.7 or newer) and MongoShake's collector (by MONGOSHAKE, 2.6
           or newer); one that is not named is not compared, and that is said aloud. One that fails has no numbers; why
           is said, and dualsync's own numbers stand
Servers    copy reads the same local into a server of its own; catch-up has a pair of its own with the same operations
Time       copy: from exec until the target has as many documents. catch-up: MongoShake from exec; PCSM, which cannot
           start at a position, from `resume` after a pause, so without its start. Until the target has what local has,
           which is then compared document by document
Tried      with stand-ins that speak the same flags, files and API; not with the programs themselves
"""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from embedded_server import end_with_parent, stop_process
from mirror_daemon import NO_PROXY
from operations import HOT_DOCUMENTS, hot_documents
from pymongo import MongoClient
from stage import DATABASE, MEGABYTE, Usage, same_documents, server, write_operations

PATIENCE_SECONDS = 900
LOOK_SECONDS = 0.05
STOP_SECONDS = 10.0
HTTP_SECONDS = 10.0
LOG_CHARACTERS = 1000


class PeerError(RuntimeError):
    """The other program did not do it; it has no numbers."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(done: Callable[[], bool], what: str) -> float:
    """When the look began that found it done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        looked = time.monotonic()
        if done():
            return looked
        if looked > deadline:
            raise PeerError(f"{what}: not after {PATIENCE_SECONDS} s")
        time.sleep(LOOK_SECONDS)


class Peer(ABC):
    """One run of the other program between two servers."""

    name: str  # of its numbers
    title: str
    variable: str  # of the environment

    def __init__(self, folder: Path, local_uri: str, target_uri: str) -> None:
        self.program = os.environ[self.variable]
        self.folder, self.local_uri, self.target_uri = folder, local_uri, target_uri
        self.log = folder / f"{self.name}.log"
        self.process: subprocess.Popen | None = None

    def launch(self, *arguments: str) -> None:
        with self.log.open("ab") as log:
            try:
                self.process = subprocess.Popen([self.program, *arguments], cwd=self.folder, stdout=log, stderr=log,
                                                stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
            except OSError as error:
                raise PeerError(f"{self.program}: {error}") from error

    def alive(self) -> bool:
        """True, or PeerError with the end of its log."""
        if self.process is None or self.process.poll() is not None:
            code = self.process.returncode if self.process else None
            raise PeerError(f"ended with {code}: {self.log.read_text(errors='replace')[-LOG_CHARACTERS:]}")
        return True

    def usage(self) -> Usage:
        self.alive()
        return Usage.of(self.process.pid)

    def stop(self) -> None:
        if self.process is not None:
            stop_process(self.process, STOP_SECONDS)

    @abstractmethod
    def copy(self) -> None:
        """Starts it, and the copy of DATABASE."""

    @abstractmethod
    def prepare(self) -> None:
        """The hot documents of local are on the target, and what is written to local from now on will be read later."""

    @abstractmethod
    def catch_up(self) -> None:
        """Starts to apply that."""


class Pcsm(Peer):
    name, title, variable = "pcsm", "PCSM", "PCSM"

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        """OSError while it does not listen yet."""
        request = urllib.request.Request(f"http://localhost:{self.port}{path}", method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        with NO_PROXY.open(request, timeout=HTTP_SECONDS) as answer:
            said = json.load(answer)
        if not said.get("ok"):
            raise PeerError(f"{method} {path}: {said.get('error', said)}")
        return said

    def listens(self) -> bool:
        self.alive()
        try:
            self.call("GET", "/status")
        except urllib.error.HTTPError as error:
            raise PeerError(f"GET /status: {error}") from error
        except OSError:
            return False
        return True

    def is_in(self, state: str) -> bool:
        self.alive()
        said = self.call("GET", "/status")
        if said["state"] == "failed":
            raise PeerError(f"has failed: {said.get('error') or said.get('info')}")
        return said["state"] == state and (said.get("initialSync") or {}).get("completed", False)

    def copy(self) -> None:
        self.port = free_port()
        self.launch("--source", self.local_uri, "--target", self.target_uri, "--port", str(self.port))
        until(self.listens, "its API answers")
        self.call("POST", "/start", {"includeNamespaces": [f"{DATABASE}.*"]})

    def prepare(self) -> None:
        self.copy()
        until(lambda: self.is_in("running"), "the first copy")
        self.call("POST", "/pause", {})
        until(lambda: self.is_in("paused"), "the pause")

    def catch_up(self) -> None:
        self.call("POST", "/resume", {})


class MongoShake(Peer):
    name, title, variable = "mongoshake", "MongoShake", "MONGOSHAKE"

    def configure(self, mode: str, position: str) -> Path:
        """Everything else is as it is by default. `id` lets one collection's changes go through several workers."""
        settings = {
            "conf.version": 10, "id": "bench", "sync_mode": mode, "mongo_urls": self.local_uri,
            "mongo_connect_mode": "standalone", "tunnel": "direct", "tunnel.address": self.target_uri,
            "full_sync.http_port": free_port(), "incr_sync.http_port": free_port(), "system_profile_port": free_port(),
            "log.dir": self.folder, "log.file": "collector.log", "filter.namespace.white": DATABASE,
            "checkpoint.storage.db": "mongoshake", "checkpoint.storage.collection": "bench",
            "checkpoint.start_position": position, "full_sync.collection_exist_drop": "true",
            "full_sync.executor.majority_enable": "true", "incr_sync.executor.majority_enable": "true",
            "incr_sync.mongo_fetch_method": "change_stream", "incr_sync.shard_key": "id",
            "incr_sync.executor.upsert": "true", "incr_sync.executor.insert_on_dup_update": "true"}
        file = self.folder / "collector.conf"
        file.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        return file

    def copy(self) -> None:
        self.launch(f"-conf={self.configure('full', '1970-01-01T00:00:00Z')}")

    def prepare(self) -> None:
        with MongoClient(self.target_uri) as target:
            target[DATABASE].documents.insert_many(hot_documents(), ordered=False)
        time.sleep(2)  # a position is a whole second
        self.position = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        time.sleep(1)

    def catch_up(self) -> None:
        self.launch(f"-conf={self.configure('incr', self.position)}")


PEERS: tuple[type[Peer], ...] = (Pcsm, MongoShake)


def named(scenario: str) -> list[type[Peer]]:
    """Those that the environment names; the others are told of on stderr."""
    for peer in PEERS:
        if not os.environ.get(peer.variable):
            print(f"{scenario}: NOT compared with {peer.title}: {peer.variable} names no program", file=sys.stderr,
                  flush=True)
    return [peer for peer in PEERS if os.environ.get(peer.variable)]


def count(uri: str) -> tuple[int, int]:
    """Documents, and updates that the hot ones have seen."""
    with MongoClient(uri) as client:
        documents = client[DATABASE].documents
        sums = list(documents.aggregate([{"$match": {"_id": {"$lt": HOT_DOCUMENTS}}},
                                         {"$group": {"_id": None, "updates": {"$sum": "$count"}}}]))
        return documents.estimated_document_count(), sums[0]["updates"] if sums else 0


def until_equal(peer: Peer, work: Callable[[], None]) -> tuple[float, Usage]:
    """Seconds of the work until the target has what local has, and what the program has used for it."""
    wanted = count(peer.local_uri)
    before = peer.usage().cpu_seconds if peer.process else 0.0
    begun = time.monotonic()
    work()
    with MongoClient(peer.target_uri) as target:
        documents = target[DATABASE].documents
        ended = until(lambda: peer.alive() and documents.estimated_document_count() == wanted[0]
                      and count(peer.target_uri) == wanted, "the target has what local has")
    used = peer.usage()
    peer.stop()
    if not same_documents(peer.local_uri, peer.target_uri, DATABASE, DATABASE):
        raise PeerError("the target has other documents than local")
    return ended - begun, Usage(used.cpu_seconds - before, used.peak_bytes)


def copy_once(peer_type: type[Peer], folder: Path, local_uri: str) -> tuple[float, Usage]:
    with server(folder / "target") as target:
        peer = peer_type(folder, local_uri, target.uri())
        try:
            return until_equal(peer, peer.copy)
        finally:
            peer.stop()


def catch_up_once(peer_type: type[Peer], folder: Path, operations: int) -> tuple[float, Usage]:
    with server(folder / "local") as local, server(folder / "target") as target:
        peer = peer_type(folder, local.uri(), target.uri())
        try:
            with MongoClient(local.uri()) as client:
                client[DATABASE].documents.insert_many(hot_documents(), ordered=False)
                peer.prepare()
                write_operations(client[DATABASE].documents, operations)
            return until_equal(peer, peer.catch_up)
        finally:
            peer.stop()


def compare(scenario: str, unit: str, amount: int, per_second: float, folder: Path,
            once: Callable[[type[Peer], Path], tuple[float, Usage]]) -> dict[str, float]:
    """The numbers of every peer that is named; `times…` is how many times as fast dualsync was."""
    measured: dict[str, float] = {}
    for peer in named(scenario):
        own = folder / f"{peer.name}-{scenario}"
        own.mkdir()
        try:
            seconds, used = once(peer, own)
        except (PeerError, OSError) as error:
            print(f"{scenario}: {peer.title} has NO numbers: {error}", file=sys.stderr, flush=True)
            continue
        measured |= {f"{peer.name}{unit}sPerSecond": amount / seconds,
                     f"{peer.name}CpuMicrosecondsPer{unit}": used.cpu_seconds * 1e6 / amount,
                     f"{peer.name}PeakRssMegabytes": used.peak_bytes / MEGABYTE,
                     f"times{peer.title}": per_second * seconds / amount}
    return measured
