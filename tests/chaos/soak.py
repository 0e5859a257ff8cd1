#!/usr/bin/env python3
"""Soak: constant load and an outage every half minute, for an hour or as long as you like; what the daemon takes must
not grow. Every outage leaves a backlog, which must be gone, and its files compacted away, before the next begins.

Run      tests/chaos/soak.py [--minutes M] [--rate N]     prints a line a cycle and a table at the end
Needs    a build of the release preset (or DUALSYNC_BINARY), `tools/setup.sh python fast-server`
Errors   exit 1: something grew, did not drain, was lost or differs in the end
"""
from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "e2e")]

from mirror_daemon import MirrorDaemon  # noqa: E402
from pymongo import MongoClient, UpdateOne  # noqa: E402
from world import Pair, World  # noqa: E402

CYCLE_SECONDS = 30.0
OUTAGE_SECONDS = 8.0
DRAIN_SECONDS = 60.0
WARM_UP_CYCLES = 3  # until pools, caches and files have their sizes
DOCUMENTS = 20_000
TEXT = "x" * 400
BATCH = 50
# Over the whole run, against the first cycles after warming up. Memory is the noisiest: the allocator gives back late.
RSS_GROWTH_MAX = 1.25
RSS_SLACK_BYTES = 24 << 20
DISK_MAX_BYTES = 96 << 20  # with an empty queue: the log files that RocksDB keeps, and little else
DESCRIPTORS_SLACK, THREADS_SLACK = 8, 6
TABLES_MAX = 64  # rocks_store.cc: max_open_files


@dataclass
class Sample:
    rss: int
    descriptors: int  # without RocksDB's tables
    threads: int
    disk: int
    tables: int  # of RocksDB, open; it opens more of them as they come into being, and keeps TABLES_MAX

    @staticmethod
    def of(daemon: MirrorDaemon) -> Sample:
        process = Path(f"/proc/{daemon.pid}")
        pages = int((process / "statm").read_text().split()[1])
        disk = 0
        for path in daemon.data.rglob("*"):
            try:
                disk += path.stat().st_blocks * 512 if path.is_file() else 0
            except FileNotFoundError:  # compacted away meanwhile
                continue
        names = []
        for each in (process / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                names.append(os.readlink(each))
        tables = sum(name.endswith(".sst") for name in names)
        return Sample(pages * os.sysconf("SC_PAGE_SIZE"), len(names) - tables, len(os.listdir(process / "task")), disk,
                      tables)


class Load:
    """Writes at a steady rate: inserts, updates and deletes of as many documents as are there."""

    def __init__(self, uri: str, database: str, rate: int) -> None:
        self.collection = MongoClient(uri)[database].load
        self.rate = rate
        self.random = random.Random(1)
        self.done = 0
        self.stopped = threading.Event()
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        begun = time.monotonic()
        try:
            while not self.stopped.is_set():
                changes = [UpdateOne({"_id": self.random.randrange(DOCUMENTS)},
                                     {"$set": {"text": TEXT[:self.random.randrange(400)]}, "$inc": {"n": 1}},
                                     upsert=True) for _ in range(BATCH - 2)]
                self.collection.bulk_write(changes, ordered=False)
                self.collection.delete_many({"_id": {"$in": [self.random.randrange(DOCUMENTS) for _ in range(2)]}})
                self.done += BATCH
                self.stopped.wait(max(0.0, begun + self.done / self.rate - time.monotonic()))
        except Exception as error:  # noqa: BLE001  (the run says so)
            self.failure = error

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join(30)
        if self.failure is not None:
            raise SystemExit(f"soak: the load ended too early: {self.failure!r}")


@dataclass
class Soak:
    minutes: float
    rate: int
    samples: list[Sample] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)  # of disk, while the backlog stood
    backlogs: list[int] = field(default_factory=list)
    drains: list[float] = field(default_factory=list)

    def run(self, folder: Path) -> None:
        pair = Pair.embedded(folder)
        world = World(pair, folder)
        load = Load(pair.local_uri, world.database, self.rate)
        try:
            daemon = world.mirror(SYNC_VERIFY_INTERVAL="60", SYNC_CANARY_INTERVAL="5")
            load.thread.start()
            ends = time.monotonic() + self.minutes * 60
            while time.monotonic() < ends:
                self._cycle(world, daemon, len(self.samples))
            load.stop()
            world.settle(DRAIN_SECONDS)
            world.assert_equal()
            print(f"{load.done} writes, equal in the end, {daemon.metrics()['gaps']} gaps")
        finally:
            load.stopped.set()
            world.close()
            pair.stop()

    def _cycle(self, world: World, daemon: MirrorDaemon, number: int) -> None:
        begun = time.monotonic()
        world.pair.backup_server.stop()
        time.sleep(OUTAGE_SECONDS)
        backlog = daemon.metrics()["queueSize"]
        self.peaks.append(Sample.of(daemon).disk)
        world.pair.backup_server.start()
        back = time.monotonic()
        while daemon.metrics()["rpoSeconds"] > 2 or daemon.metrics()["breaker"] != "closed":
            if time.monotonic() - back > DRAIN_SECONDS:
                raise SystemExit(f"soak: a backlog of {backlog} did not drain in {DRAIN_SECONDS:.0f} s")
            time.sleep(0.2)
        self.backlogs.append(backlog)
        self.drains.append(time.monotonic() - back)
        time.sleep(max(0.0, CYCLE_SECONDS - (time.monotonic() - begun)))
        now = Sample.of(daemon)
        self.samples.append(now)
        print(f"cycle {number:3}: backlog {backlog:6}, drained in {self.drains[-1]:5.1f} s, RSS {now.rss >> 20:4} MiB, "
              f"{now.descriptors:3} descriptors, {now.tables:2} tables, {now.threads:3} threads, "
              f"disk {now.disk >> 10:6} KiB", flush=True)

    def judge(self) -> list[str]:
        """What grew. The first third after warming up against the last one, by medians."""
        steady = self.samples[WARM_UP_CYCLES:]
        if len(steady) < 6:
            return [f"too short to tell: {len(self.samples)} cycles"]
        third = len(steady) // 3
        first, last = steady[:third], steady[-third:]
        grown = []
        for name, factor, slack in (("rss", RSS_GROWTH_MAX, RSS_SLACK_BYTES), ("descriptors", 1, DESCRIPTORS_SLACK),
                                    ("threads", 1, THREADS_SLACK)):
            before = statistics.median(getattr(each, name) for each in first)
            after = statistics.median(getattr(each, name) for each in last)
            print(f"{name:<12} {before:14.0f} {after:14.0f}")
            if after > before * factor + slack:
                grown.append(f"{name} grew from {before:.0f} to {after:.0f}")
        most = max(each.disk for each in steady)
        print(f"disk         {min(each.disk for each in steady):14} {most:14}  (least, most)")
        if max(each.tables for each in steady) > TABLES_MAX:
            grown.append("more tables are open than RocksDB was told to keep")
        if most > DISK_MAX_BYTES:
            grown.append(f"{most} bytes of disk with an empty queue")
        return grown


def main() -> None:
    parser = argparse.ArgumentParser(description="Constant load and repeated outages; nothing may grow.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=400, help="writes a second")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    soak = Soak(arguments.minutes, arguments.rate)
    soak.run(folder)
    grown = soak.judge()
    if grown:
        sys.exit(f"soak: {'; '.join(grown)}\n  kept: {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    print(f"soak: {len(soak.samples)} outages, nothing grew")


if __name__ == "__main__":
    main()
