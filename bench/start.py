"""How soon does the mirror work after it was started, and how large is the program?

From exec until the daemon's API says that a change was captured: one that was waiting in the oplog, or, on a first
start, which begins with what comes from then on, one of a writer that never stops. The API is asked every millisecond,
so this is an upper bound.
"""
from __future__ import annotations

import argparse
import statistics
import subprocess
import threading
import time
from pathlib import Path

from mirror_daemon import MirrorDaemon
from stage import MEGABYTE, BenchError, Stage

STARTS = 9
LOOK_SECONDS = 0.001
PATIENCE_SECONDS = 60


def captured(daemon: MirrorDaemon) -> int:
    """Changes that were ever captured; -1 while the API does not answer."""
    try:
        reply = daemon.request("GET", "/api/sync/metrics")
    except OSError:
        return -1
    return reply.body["totalOperations"] if reply.status == 200 and isinstance(reply.body, dict) else -1


def milliseconds_until_captured(daemon: MirrorDaemon, before: int) -> float:
    (daemon.data / "api-address").unlink(missing_ok=True)
    begun = time.monotonic()
    daemon.start(ready=False)
    while captured(daemon) <= before:
        if time.monotonic() > begun + PATIENCE_SECONDS:
            raise BenchError(f"nothing was captured {PATIENCE_SECONDS} s after the start\n{daemon.log_tail()}")
        time.sleep(LOOK_SECONDS)
    return (time.monotonic() - begun) * 1e3


def change(stage: Stage) -> None:
    stage.client["bench"].started.update_one({"_id": 0}, {"$inc": {"count": 1}}, upsert=True)


def first_start(stage: Stage) -> float:
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(LOOK_SECONDS):
            change(stage)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return milliseconds_until_captured(stage.daemon, 0)
    finally:
        ended.set()
        writer.join()


def later_start(stage: Stage) -> float:
    stage.wait()
    before = captured(stage.daemon)
    if stage.daemon.stop() != 0:
        raise BenchError("the daemon did not stop cleanly")
    change(stage)
    return milliseconds_until_captured(stage.daemon, before)


def stripped_bytes(binary: Path, folder: Path) -> int:
    """As the packages install it; the libraries that it uses come from packages of their own."""
    stripped = folder / "stripped"
    subprocess.run(["strip", "--strip-all", "-o", str(stripped), str(binary)], check=True)
    return stripped.stat().st_size


def start(stage: Stage, _options: argparse.Namespace) -> dict[str, float]:
    first = first_start(stage)
    later = [later_start(stage) for _ in range(STARTS)]
    stage.wait()
    stage.prove()
    return {"firstStartMilliseconds": first, "startMilliseconds": statistics.median(later),
            "slowestStartMilliseconds": max(later),
            "strippedMegabytes": stripped_bytes(stage.daemon.binary, stage.folder) / MEGABYTE}
