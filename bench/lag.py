"""How late is the backup? Small inserts at a steady pace; a change stream on the backup tells when each has arrived.

The stream is read by a process of its own, so that the writer does not hold it up; both use the machine's monotonic
clock. `stream…` is the least that can be seen: the same from the backup's own acknowledgement to its own stream.
"""
from __future__ import annotations

import argparse
import multiprocessing
import time
from multiprocessing.connection import Connection

from pace import at, paced
from pymongo import MongoClient
from pymongo.collection import Collection
from stage import DATABASE, BenchError, Stage

PER_SECOND = 500
WARM_UP_SECONDS = 2
STREAM_SECONDS = 4
PATIENCE_SECONDS = 60
COLLECTION = "paced"


def watch(uri: str, database: str, count: int, pipe: Connection) -> None:
    """Runs in the other process: sends True when it watches, then {_id: arrival} of `count` inserts, or of fewer if
    the rest does not come."""
    arrived: dict[int, float] = {}
    with MongoClient(uri) as client, client[database][COLLECTION].watch(max_await_time_ms=1000) as stream:
        pipe.send(True)
        last = time.monotonic()
        while len(arrived) < count and time.monotonic() < last + PATIENCE_SECONDS:
            event = stream.try_next()
            if event is not None and event["operationType"] == "insert":
                last = arrived[event["documentKey"]["_id"]] = time.monotonic()
    pipe.send(arrived)


class Watcher:
    """The process that reads the backup's stream."""

    def __init__(self, uri: str, database: str, count: int) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawning.Pipe()
        self._count = count
        self._process = spawning.Process(target=watch, args=(uri, database, count, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._receive()

    def _receive(self) -> object:
        try:
            return self._pipe.recv()
        except EOFError:
            raise BenchError("the watcher of the backup has ended; see its error above") from None

    def arrivals(self) -> dict[int, float]:
        arrived = self._receive()
        self._process.join()
        if not isinstance(arrived, dict) or len(arrived) < self._count:
            raise BenchError(f"not all of {self._count} inserts were seen on the backup")
        return arrived


def write(collection: Collection, first: int, count: int) -> tuple[list[float], list[float], float]:
    """When each was sent and when it was acknowledged, and the pace."""
    sent: list[float] = []
    acknowledged: list[float] = []

    def insert(number: int) -> None:
        sent.append(time.monotonic())
        collection.insert_one({"_id": first + number, "sent": sent[-1]})
        acknowledged.append(time.monotonic())

    pace = paced(count, PER_SECOND, insert)
    return sent, acknowledged, pace


def stream_alone(stage: Stage) -> list[float]:
    """Milliseconds from the backup's acknowledgement to its stream, of a database that nobody mirrors."""
    database, count = DATABASE + "_unmirrored", PER_SECOND * STREAM_SECONDS
    with MongoClient(stage.backup.uri()) as backup:
        watcher = Watcher(stage.backup.uri(), database, count)
        acknowledged = write(backup[database][COLLECTION], 0, count)[1]
    arrived = watcher.arrivals()
    return [(arrived[number] - acknowledged[number]) * 1e3 for number in range(count)]


def lag(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    alone = stream_alone(stage)
    stage.prepare()
    warm_up, count = PER_SECOND * WARM_UP_SECONDS, round(PER_SECOND * options.lag)
    collection = stage.client[DATABASE][COLLECTION]
    watcher = Watcher(stage.backup.uri(), DATABASE, warm_up + count)
    write(collection, 0, warm_up)
    before = stage.usage().cpu_seconds
    sent, acknowledged, pace = write(collection, warm_up, count)
    arrived = watcher.arrivals()
    cpu = stage.usage().cpu_seconds - before
    stage.wait()
    stage.prove()
    late = [(arrived[warm_up + number] - acknowledged[number]) * 1e3 for number in range(count)]
    since_sent = [(arrived[warm_up + number] - sent[number]) * 1e3 for number in range(count)]
    return {"writesPerSecond": pace, "p50Milliseconds": at(late, 0.5), "p99Milliseconds": at(late, 0.99),
            "p99.9Milliseconds": at(late, 0.999), "p50MillisecondsSinceSent": at(since_sent, 0.5),
            "streamP50Milliseconds": at(alone, 0.5), "streamP99Milliseconds": at(alone, 0.99),
            "cpuMicrosecondsPerOperation": cpu * 1e6 / count}
