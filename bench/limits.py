"""The limits that catch-up is compared with, in the same run on the same servers: libmongoc and nothing else.

bare_reader  the same events read from local and thrown away
bare_loop    what is left of the operations if all that can merge has merged, written to the backup in unordered bulks
             over as many connections as dualsync has lanes; into a database of its own that holds the hot documents
"""
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import bson
from bson.timestamp import Timestamp
from operations import final_operations, hot_documents
from pymongo import MongoClient
from stage import DATABASE, WAIT_SECONDS, BenchError, Stage, same_documents

BUILT = Path(__file__).resolve().parent.parent / "build" / "release" / "bench"
LOOP_DATABASE = DATABASE + "_loop"


def run(program: str, *arguments: str) -> dict | None:
    """The program's numbers; nothing if it is not built."""
    if not os.access(BUILT / program, os.X_OK):
        return None
    done = subprocess.run([str(BUILT / program), *arguments], capture_output=True, text=True, timeout=WAIT_SECONDS,
                          check=False)
    if done.returncode != 0:
        raise BenchError(f"{program}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def read_alone(stage: Stage, position: Timestamp, events: int) -> dict[str, float]:
    # The stream starts at the position, inclusive, so ask for the written events only.
    bare = run("bare_reader", stage.local.uri(DATABASE), str(position.time), str(position.inc + 1), str(events))
    if bare is None:
        return {}
    return {"bareReaderEventsPerSecond": bare["events"] / bare["seconds"],
            "bareReaderCpuMicrosecondsPerEvent": bare["cpuMicrosecondsPerEvent"]}


def write_alone(stage: Stage, events: int) -> dict[str, float]:
    file = stage.folder / "final.bson"
    with file.open("wb") as output:
        for operation in final_operations(events):
            output.write(bson.encode(operation))
    with MongoClient(stage.backup.uri()) as backup:
        backup[LOOP_DATABASE].documents.insert_many(hot_documents(), ordered=False)
    bare = run("bare_loop", stage.backup.uri(), LOOP_DATABASE, str(file))
    if bare is None:
        return {}
    prove_loop(stage)
    return {"bareLoopOperationsPerSecond": bare["operations"] / bare["seconds"],
            "bareLoopEventsPerSecond": events / bare["seconds"],
            "bareLoopCpuMicrosecondsPerOperation": bare["cpuMicrosecondsPerOperation"]}


def prove_loop(stage: Stage) -> None:
    """The loop has made the same documents."""
    if not same_documents(stage.backup.uri(), stage.backup.uri(), LOOP_DATABASE, DATABASE):
        raise BenchError("bare_loop has written other documents than dualsync")


def shares(events_per_second: float, limits: dict[str, float]) -> dict[str, float]:
    """How much of the limits dualsync reaches while it also stores, merges, writes and proves."""
    rates = [limits[name] for name in ("bareReaderEventsPerSecond", "bareLoopEventsPerSecond") if name in limits]
    measured = {}
    if "bareReaderEventsPerSecond" in limits:
        measured["shareOfBareReader"] = events_per_second / limits["bareReaderEventsPerSecond"]
    if len(rates) == 2:
        measured["shareOfSlowerLimit"] = events_per_second / min(rates)
    return measured
