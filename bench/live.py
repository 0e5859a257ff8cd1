"""One writer at full speed on a mirrored pair: does the mirror keep up, and what does that take?

The writer's last bulk holds inserts only, enough of them that every lane has some: it ends when all are on the backup.
"""
from __future__ import annotations

import argparse
import sys
import time
from itertools import islice

from operations import operations
from pymongo import MongoClient
from stage import BULK_OPERATIONS, DATABASE, MEGABYTE, WAIT_SECONDS, BenchError, Stage

LOOK_SECONDS = 0.002
LAST = [{"_id": f"last {number}"} for number in range(BULK_OPERATIONS)]


def full_speed(stage: Stage, seconds: float) -> tuple[int, float]:
    """Writes for so long, then LAST. Returns how many operations that were, and in how many seconds."""
    endless = operations(sys.maxsize)
    count, begun = len(LAST), time.monotonic()
    while time.monotonic() < begun + seconds:
        stage.collection.bulk_write(list(islice(endless, BULK_OPERATIONS)), ordered=False)
        count += BULK_OPERATIONS
    stage.collection.insert_many(LAST, ordered=False)
    return count, time.monotonic() - begun


def until_arrived(backup: MongoClient) -> float:
    """Seconds until the backup has LAST."""
    begun = time.monotonic()
    wanted = {"_id": {"$in": [document["_id"] for document in LAST]}}
    while len(list(backup[DATABASE].documents.find(wanted, {"_id": 1}))) < len(LAST):
        if time.monotonic() > begun + WAIT_SECONDS:
            raise BenchError(f"the last writes are not on the backup after {WAIT_SECONDS} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begun


def live(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    stage.prepare()
    with MongoClient(stage.backup.uri()) as backup:
        backup.admin.command("ping")
        before = stage.usage()
        count, seconds = full_speed(stage, options.live)
        arrived = until_arrived(backup)
    ended = time.monotonic()
    stage.wait()
    proven = arrived + time.monotonic() - ended
    after = stage.usage()
    stage.prove()
    return {"writesPerSecond": count / seconds, "secondsUntilLastWriteIsOnTheBackup": arrived,
            "secondsUntilAllIsProven": proven,
            "cpuMicrosecondsPerEvent": (after.cpu_seconds - before.cpu_seconds) * 1e6 / count,
            "peakRssMegabytes": after.peak_bytes / MEGABYTE}
