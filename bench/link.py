"""A slow and long line to the backup: 20 Mbit/s each way (bench/line.py), then 100 ms there and back (Toxiproxy).

Toxiproxy limits each connection by itself, and every lane has one: four lanes would have 80 Mbit/s. Hence a line of our
own that all connections share. Documents are of random bytes: compression on the line does not help them.
"""
from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

import bson
from line import Line
from pymongo import MongoClient, UpdateOne
from stage import DATABASE, MEGABYTE, POLL_SECONDS, WAIT_SECONDS, BenchError, Stage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "chaos"))

from toxiproxy import Toxiproxy, find_program  # noqa: E402  (needs the path above)

LATENCY_MILLISECONDS = 50  # each way
BYTES_PER_SECOND = 20e6 / 8
KILOBYTE = 1000
STREAMS = ("upstream", "downstream")
PROXY = "backup"
SIZES = {"1KB": KILOBYTE, "100KB": 100 * KILOBYTE}
INSERT_BYTES = 4 * MEGABYTE
UPDATED_DOCUMENTS = 100
UPDATE_ROUNDS = 10
SEED = 7


def documents(count: int, size: int) -> list[dict]:
    draw = random.Random(SEED)
    return [{"_id": number, "counter": 0, "bytes": draw.randbytes(size - 50)} for number in range(count)]


def slow(proxies: Toxiproxy, line: Line) -> None:
    line.limit(BYTES_PER_SECOND)
    for stream in STREAMS:
        proxies.toxic(PROXY, "latency", stream, latency=LATENCY_MILLISECONDS)


def round_trip(stage: Stage) -> float:
    """Seconds that a command takes on the line."""
    with MongoClient(stage.daemon.settings["MONGODB_ATLAS_URI"]) as client:
        client.admin.command("ping")
        started = time.monotonic()
        client.admin.command("ping")
        return time.monotonic() - started


def insert(stage: Stage, collection: str, made: list[dict]) -> int:
    """Returns the bytes of the documents."""
    size = len(bson.encode(made[0]))
    step = max(1, int(INSERT_BYTES / size))
    for first in range(0, len(made), step):
        stage.client[DATABASE][collection].insert_many(made[first:first + step], ordered=False)
    return size * len(made)


def ask(stage: Stage, what: str) -> None:
    reply = stage.daemon.request("POST", f"/api/sync/{what}")
    if reply.status != 200:
        raise BenchError(f"{what}: HTTP {reply.status} {reply.body}")


def until_captured(stage: Stage, wanted: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while stage.daemon.metrics()["totalOperations"] < wanted:
        if time.monotonic() > deadline:
            raise BenchError(f"not all operations were captured after {WAIT_SECONDS} s: {stage.daemon.metrics()}")
        time.sleep(POLL_SECONDS)


def send_backlog(stage: Stage, line: Line, name: str, size: int, total: float) -> dict[str, float]:
    """Documents that wait while applying is paused, and the time from its end until all are on the backup."""
    count = round(total / size)
    captured = stage.daemon.metrics()["totalOperations"]
    ask(stage, "pause")
    sent = insert(stage, f"inserted{name}", documents(count, size))
    until_captured(stage, captured + count)
    started, carried = time.monotonic(), line.up.carried
    ask(stage, "resume")
    stage.wait()
    seconds = time.monotonic() - started
    return {f"megabytes{name}": sent / MEGABYTE, f"seconds{name}": seconds,
            f"percentOfTheBandwidth{name}": sent / seconds / BYTES_PER_SECOND * 100,
            f"percentOfTheBandwidthOnTheLine{name}": (line.up.carried - carried) / seconds / BYTES_PER_SECOND * 100}


def send_updates(stage: Stage, line: Line) -> dict[str, float]:
    """Every update is waited for, so that no two of them merge."""
    whole = insert(stage, "updated", documents(UPDATED_DOCUMENTS, SIZES["100KB"])) * UPDATE_ROUNDS
    stage.wait()
    before, carried = stage.daemon.metrics(), line.up.carried
    started = time.monotonic()
    for number in range(UPDATE_ROUNDS):
        stage.client[DATABASE].updated.bulk_write(
            [UpdateOne({"_id": key}, {"$set": {"counter": number + 1}}) for key in range(UPDATED_DOCUMENTS)])
        stage.wait()
    seconds = time.monotonic() - started
    after = stage.daemon.metrics()
    sent, updates = after["bytesSent"] - before["bytesSent"], UPDATE_ROUNDS * UPDATED_DOCUMENTS
    return {"updateBytesSentEach": sent / updates, "updatePercentOfWholeDocuments": sent / whole * 100,
            "updateBytesOnTheLineEach": (line.up.carried - carried) / updates,
            "updateSecondsARound": seconds / UPDATE_ROUNDS}


def link(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    program = find_program()
    if program is None:
        raise BenchError("no toxiproxy; run tools/setup.sh toxiproxy, or set DUALSYNC_TOXIPROXY")
    proxies = Toxiproxy(program, stage.folder / "toxiproxy.log")
    line = Line(proxies.add(PROXY, stage.backup.address))
    try:
        stage.daemon.settings["MONGODB_ATLAS_URI"] = f"mongodb://{line.address}/?directConnection=true"
        stage.daemon.start()
        stage.wait()
        slow(proxies, line)
        measured = {"roundTripMilliseconds": round_trip(stage) * 1e3}
        for name, size in SIZES.items():
            measured |= send_backlog(stage, line, name, size, options.link * MEGABYTE)
        measured |= send_updates(stage, line)
        proxies.heal(PROXY)
        line.limit(float("inf"))
        stage.prove()
    finally:
        stage.daemon.stop()
        line.close()
        proxies.close()
    return measured
