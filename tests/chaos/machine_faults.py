"""Faults of the machine that the daemon runs on, of local's history, and of what the backup takes.

Each needs something of the stage: a data directory on a small disk, a short oplog, a clock that can be set.
`machine_faults` names those that this machine allows, and why the others are left out.
"""
from __future__ import annotations

import contextlib
import json
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from faults import Fault
from pymongo.errors import OperationFailure, PyMongoError

if TYPE_CHECKING:
    from run import Stage

DISK_MEGABYTES = 64
OPLOG_ENTRIES = 20_000
NOISE_BATCH = 5_000
PROOF_SECONDS = 60.0
REFUSED_TRIES, REFUSED_SECONDS = 4, 20.0
HOUR = 3600
FAKETIME = "libfaketimeMT.so.1"  # the one for programs with threads


class SmallDisk:
    """A tmpfs for the daemon's data; None if this machine lets nobody mount one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    @staticmethod
    def mounted(folder: Path) -> SmallDisk | None:
        folder.mkdir(parents=True)
        options = f"size={DISK_MEGABYTES}m,mode=0700"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True,
                              check=False)
        return SmallDisk(folder) if done.returncode == 0 else None

    def fill(self) -> None:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError), self.filler.open("ab", buffering=0) as file:
                while file.write(b"x" * size) == size:
                    pass

    def free(self) -> None:
        self.filler.unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


class WallClock:
    """The daemon's idea of the date, by libfaketime; clocks that only measure how long something takes are right."""

    def __init__(self, library: str, file: Path) -> None:
        self.file = file
        self.set(0)
        self.environment = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    @staticmethod
    def of(folder: Path) -> WallClock | None:
        library = next(Path("/usr/lib").glob(f"*/faketime/{FAKETIME}"), None)
        return WallClock(str(library), folder / "clock") if library else None

    def set(self, seconds: int) -> None:
        """So far from the truth. Written beside it and moved, so that nobody reads half of it."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.file)


def until(look: Callable[[], str], seconds: float = PROOF_SECONDS) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, KeyError, TypeError, PyMongoError):
            if found := look():
                return found
        time.sleep(0.1)
    return ""


class DiskFull(Fault):
    name = "disk full"

    def strike(self, stage: Stage, dice: random.Random) -> str:  # noqa: ARG002
        disk = stage.disk

        def broken() -> str:
            disk.fill()
            # Something has to be stored for it to be noticed.
            stage.servers_database("local").filling.update_one({"_id": 1}, {"$set": {"t": "x" * 20_000},
                                                                            "$inc": {"n": 1}}, upsert=True)
            told = [each["message"] for each in stage.daemon.health()["reasons"] if each["code"] == "queue-broken"]
            return told[0] if told else ""

        proof = until(broken)
        disk.free()
        return proof


class Rollover(Fault):
    """The daemon is away for longer than local remembers."""

    name = "oplog rolled over"

    def strike(self, stage: Stage, dice: random.Random) -> str:  # noqa: ARG002
        until(lambda: "read" if stage.daemon.metrics()["appliedPosition"] else "")  # it has something to forget
        stage.daemon.kill()
        log_from = stage.log_size()
        noise = stage.servers_client("local")["noise"]
        for _ in range(OPLOG_ENTRIES // NOISE_BATCH + 2):
            noise.noise.insert_many([{} for _ in range(NOISE_BATCH)])
        noise.drop_collection("noise")
        stage.start_daemon()
        return until(lambda: stage.told_since(log_from, "gap: local no longer has our position"))


class Refused(Fault):
    """The backup refuses a document for a reason of its own, until somebody removes that."""

    name = "a refused document"

    def strike(self, stage: Stage, dice: random.Random) -> str:
        backup, local = stage.servers_database("backup").refused, stage.servers_database("local").refused
        proof = ""
        # A comparison that comes in between takes the index for what it is, and removes it: then once more.
        for _ in range(REFUSED_TRIES):
            value = dice.randrange(1 << 40)
            backup.create_index("planted", unique=True, name="planted",
                                partialFilterExpression={"planted": value})
            local.insert_many([{"planted": value}, {"planted": value}])
            proof = until(lambda: f"{n} dead letters" if (n := stage.daemon.metrics()["deadLetters"]) else "",
                          REFUSED_SECONDS)
            with contextlib.suppress(OperationFailure):
                backup.drop_index("planted")
            if proof:
                break

        def resolved() -> str:
            letters = stage.daemon.request("GET", "/api/sync/dead-letters").body["deadLetters"]
            for letter in letters:
                stage.daemon.request("POST", f"/api/sync/dead-letters/{letter['id']}/retry", body=b"")
            return "resolved" if not letters and stage.daemon.metrics()["deadLetters"] == 0 else ""

        return proof if until(resolved) else ""


class ClockJumps(Fault):
    name = "the clock jumps"

    def strike(self, stage: Stage, dice: random.Random) -> str:
        log_from = stage.log_size()
        begun = time.time()
        for seconds in (2 * HOUR, -3 * HOUR, 40 * 24 * HOUR, 0):
            stage.clock.set(seconds)
            time.sleep(1 + dice.random())

        def jumped() -> str:
            stamps = [stamp for line in stage.log_since(log_from) if (stamp := line.get("time", ""))]
            soonest, latest = (time.strftime("%Y-%m-%dT%H:%M", time.gmtime(begun + off)) for off in (HOUR, -HOUR))
            ahead = [stamp for stamp in stamps if stamp > soonest]
            behind = [stamp for stamp in stamps if stamp < latest]
            return f"log lines of {behind[0]} and {ahead[0]}" if ahead and behind else ""

        return until(jumped)


def machine_faults(stage: Stage) -> tuple[list[Fault], list[str]]:
    """What can be done here, and what cannot and why."""
    faults: list[Fault] = [Rollover(), Refused()]
    left_out = []
    if stage.disk is not None:
        faults.append(DiskFull())
    else:
        left_out.append("disk full: no tmpfs can be mounted")
    if stage.clock is not None:
        faults.append(ClockJumps())
    else:
        left_out.append("the clock jumps: libfaketime is not installed")
    return faults, left_out


def log_lines(path: Path, offset: int) -> list[dict]:
    with path.open("rb") as log:
        log.seek(offset)
        lines = []
        for line in log:
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return lines
