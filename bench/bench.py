#!/usr/bin/env python3
"""Measures dualsync beside two embedded servers on one machine. docs/benchmarks.md says how to read the numbers.

Scenarios  catch-up   operations that are already in the oplog when dualsync starts, and its limits (bench/limits.py)
           backlog    operations that come while the backup is away
           copy       the first copy of documents that are already there; with MONGODUMP and MONGORESTORE also theirs
           (catch-up and copy also by programs of others: PCSM, MONGOSHAKE name them, see bench/peers.py)
           live       a writer at full speed on a mirrored pair (bench/live.py)
           lag        500 inserts a second: how late the backup has them (bench/lag.py)
           effect     an insert on local without dualsync and with it, by turns (bench/effect.py)
           link       100 ms and 20 Mbit/s between dualsync and the backup (bench/link.py)
           watchers   50 dashboards and a scraper beside a mirror under load (bench/watchers.py)
           hook       save() of Mongoose with and without dualsync-mongoose (bench/hook.py)
           insert-hook  an insert by libmongoc with and without libdualsync's middleware (bench/insert_hook.py)
           start      from exec to the first captured change, and the program's size (bench/start.py)
           large      10 GB: the memory of a copy, a full sync and a verify; only if it is named (bench/large.py)
           queue      the queue by itself, in one process without servers (bench/queue_bench.cc)
Proof      each run ends with `dualsync verify`; a run whose sides differ is an error, not a number
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from dump_restore import RESTORED_SUFFIX, DumpError, dump_and_restore  # noqa: E402  (needs the path above)
from effect import effect  # noqa: E402
from embedded_server import find_server  # noqa: E402
from hook import hook  # noqa: E402
from insert_hook import insert_hook  # noqa: E402
from lag import lag  # noqa: E402
from large import large  # noqa: E402
from limits import read_alone, shares, write_alone  # noqa: E402
from link import link  # noqa: E402
from live import live  # noqa: E402
from mirror_daemon import find_binary  # noqa: E402
from operations import HOT_DOCUMENTS, operations  # noqa: E402
from peers import catch_up_once, compare, copy_once  # noqa: E402
from pymongo import MongoClient  # noqa: E402
from stage import (  # noqa: E402
    BULK_OPERATIONS,
    DATABASE,
    MEGABYTE,
    POLL_SECONDS,
    WAIT_SECONDS,
    BenchError,
    Stage,
    Usage,
)
from start import start  # noqa: E402
from watchers import measure  # noqa: E402

COPY_BATCH_DOCUMENTS = 1000
QUEUE_BENCH = ROOT / "build" / "release" / "bench" / "queue_bench"
BACKLOG_NUMBERS = ("enqueuedPerSecond", "cpuMicroseconds", "waiting", "waitingMegabytes", "writes", "drainSeconds",
                   "peakRssMegabytes")


def catch_up(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    stage.prepare()
    if stage.daemon.stop() != 0:
        raise BenchError("the daemon did not stop cleanly")
    position = stage.client.admin.command("hello")["operationTime"]
    stage.write(options.operations)
    limits = read_alone(stage, position, options.operations)
    started = time.monotonic()
    stage.daemon.start()
    stage.wait()
    seconds = time.monotonic() - started
    usage = Usage.of(stage.daemon.pid)
    stage.prove()
    limits |= write_alone(stage, options.operations)
    per_second = options.operations / seconds
    stage.daemon.stop()
    theirs = compare("catch-up", "Event", options.operations, per_second, stage.folder,
                     lambda peer, folder: catch_up_once(peer, folder, options.operations))
    return {"seconds": seconds, "eventsPerSecond": per_second,
            "cpuMicrosecondsPerEvent": usage.cpu_seconds * 1e6 / options.operations,
            "peakRssMegabytes": usage.peak_bytes / MEGABYTE, **limits, **shares(per_second, limits), **theirs}


def backlog(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    stage.prepare()
    captured = stage.daemon.metrics()["totalOperations"]
    stage.backup.stop()
    stage.write(options.backlog)
    deadline = time.monotonic() + WAIT_SECONDS
    while stage.daemon.metrics()["totalOperations"] < captured + options.backlog:
        if time.monotonic() > deadline:
            raise BenchError(f"not all operations were captured after {WAIT_SECONDS} s: {stage.daemon.metrics()}")
        time.sleep(POLL_SECONDS)
    waiting = stage.daemon.metrics()
    peak = Usage.of(stage.daemon.pid).peak_bytes
    stage.backup.start()
    while stage.daemon.metrics()["queueSize"] == waiting["queueSize"]:  # until the breaker asks again: up to a minute
        if time.monotonic() > deadline:
            raise BenchError("the backup is back, and nothing is sent")
        time.sleep(POLL_SECONDS)
    started = time.monotonic()
    stage.wait()
    seconds = time.monotonic() - started
    after = Usage.of(stage.daemon.pid).peak_bytes
    stage.prove()
    return {"waitingOperations": waiting["queueSize"], "waitingMegabytes": waiting["queueBytes"] / MEGABYTE,
            "peakRssWhileWaitingMegabytes": peak / MEGABYTE, "peakRssMegabytes": after / MEGABYTE,
            "drainSeconds": seconds, "drainedPerSecond": waiting["queueSize"] / seconds}


def copy(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    for first in range(0, options.copy, COPY_BATCH_DOCUMENTS):
        stage.collection.insert_many([{"_id": number, "text": "c" * 450} for number in
                                      range(first, min(first + COPY_BATCH_DOCUMENTS, options.copy))], ordered=False)
    started = time.monotonic()
    stage.daemon.start()
    stage.wait()
    seconds = time.monotonic() - started
    usage = Usage.of(stage.daemon.pid)
    started = time.monotonic()
    stage.prove()
    verify = time.monotonic() - started
    measured = {"seconds": seconds, "documentsPerSecond": options.copy / seconds,
                "cpuMicrosecondsPerDocument": usage.cpu_seconds * 1e6 / options.copy,
                "peakRssMegabytes": usage.peak_bytes / MEGABYTE, "verifySeconds": verify,
                "copyPerVerify": seconds / verify}
    try:
        theirs = dump_and_restore(stage.local.uri(), stage.backup.uri(), DATABASE)
    except DumpError as error:
        raise BenchError(f"dump and restore: {error}") from error
    if theirs is not None:
        copied = MongoClient(stage.backup.uri())[DATABASE + RESTORED_SUFFIX].documents.estimated_document_count()
        if copied != options.copy:
            raise BenchError(f"dump and restore copied {copied:,} of {options.copy:,} documents")
        measured.update({"dumpRestoreSeconds": theirs, "dumpRestoreDocumentsPerSecond": options.copy / theirs,
                         "timesDumpRestore": theirs / seconds})
    stage.daemon.stop()
    return measured | compare("copy", "Document", options.copy, options.copy / seconds, stage.folder,
                              lambda peer, folder: copy_once(peer, folder, stage.local.uri()))


def queue(folder: Path) -> dict[str, float]:
    """Each benchmark in a process of its own: peak memory is the process's."""
    if not os.access(QUEUE_BENCH, os.X_OK):
        raise BenchError(f"{QUEUE_BENCH} is not built: libbenchmark-dev is missing?")
    listed = subprocess.run([str(QUEUE_BENCH), "--benchmark_list_tests"], capture_output=True, text=True,
                            timeout=WAIT_SECONDS, check=True)
    measured = {}
    for name in listed.stdout.split():
        done = subprocess.run([str(QUEUE_BENCH), f"--benchmark_filter=^{name}$", "--benchmark_format=json"], cwd=folder,
                              capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
        row = json.loads(done.stdout)["benchmarks"][0] if done.returncode == 0 else {"error_occurred": True}
        if row.get("error_occurred"):
            raise BenchError(f"queue_bench {name}: {row.get('error_message', done.stderr[-2000:])}")
        scenario, *rest = name.split("/")
        short = " ".join([scenario, *rest[:-1 if scenario == "enqueue" else -2]])
        if scenario == "enqueue":
            measured[f"{short} perSecond"] = row["items_per_second"]
            measured[f"{short} cpuMicroseconds"] = row["cpuMicroseconds"]
        else:
            measured.update({f"{short} {number}": row[number] for number in BACKLOG_NUMBERS})
    return measured


def watchers(stage: Stage, _options: argparse.Namespace) -> dict[str, float]:
    stage.prepare()
    endless = operations(sys.maxsize)

    def write() -> None:
        stage.collection.bulk_write(list(islice(endless, BULK_OPERATIONS)), ordered=False)

    measured = measure(stage.daemon, lambda: Usage.of(stage.daemon.pid).cpu_seconds, write)
    stage.wait()
    stage.prove()
    return measured


SCENARIOS: dict[str, Callable[[Stage, argparse.Namespace], dict[str, float]]] = {
    "catch-up": catch_up, "backlog": backlog, "copy": copy, "live": live, "lag": lag, "effect": effect,
    "link": link, "watchers": watchers, "start": start, "large": large}
ONLY_BY_NAME = ("large",)  # of many minutes and gigabytes
SERVERLESS: dict[str, Callable[[Path], dict[str, float]]] = {"queue": queue, "hook": hook, "insert-hook": insert_hook}


def summarise(runs: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {"median": statistics.median(values), "min": min(values), "max": max(values)}
            for name in dict.fromkeys(name for run in runs for name in run)
            for values in [[run[name] for run in runs if name in run]]}


def print_table(scenario: str, summary: dict[str, dict[str, float]], runs: int) -> None:
    print(f"\n{scenario} ({runs} runs)")
    print(f"  {'':<34} {'median':>12} {'min':>12} {'max':>12}")
    for name, row in summary.items():
        print(f"  {name:<34} {row['median']:>12,.2f} {row['min']:>12,.2f} {row['max']:>12,.2f}", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", choices=[[], *SCENARIOS, *SERVERLESS], default=[],
                        help="which (default: all but large)")
    parser.add_argument("--runs", type=int, default=5, help="of each scenario (default: 5)")
    parser.add_argument("--operations", type=int, default=200_000, help="of catch-up (default: 200000)")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="operations of backlog (default: 1000000)")
    parser.add_argument("--copy", type=int, default=500_000, help="documents of copy (default: 500000)")
    parser.add_argument("--live", type=float, default=10, help="seconds of live (default: 10)")
    parser.add_argument("--lag", type=float, default=20, help="seconds of lag (default: 20)")
    parser.add_argument("--effect", type=int, default=4, help="turns of effect without and with (default: 4)")
    parser.add_argument("--large", type=float, default=10, help="gigabytes of large (default: 10)")
    parser.add_argument("--link", type=float, default=30, help="megabytes of each backlog of link (default: 30)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "reports" / "bench.json",
                        help="JSON file with every run (default: build/reports/bench.json)")
    return parser.parse_args()


def run_once(scenario: str, options: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="dualsync-bench-") as folder:
        if scenario in SERVERLESS:
            return SERVERLESS[scenario](Path(folder))
        with Stage(Path(folder)) as stage:
            return SCENARIOS[scenario](stage, options)


def main() -> int:
    options = parse()
    result: dict = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "cores": os.cpu_count(),
                    "machine": platform.machine(), "kernel": platform.release(), "server": find_server().name,
                    "hotDocuments": HOT_DOCUMENTS, "binary": find_binary().name, "scenarios": {}}
    usual = [name for name in (*SCENARIOS, *SERVERLESS) if name not in ONLY_BY_NAME]
    for scenario in options.scenario or usual:
        runs = []
        for number in range(1, options.runs + 1):
            try:
                runs.append(run_once(scenario, options))
            except BenchError as error:
                print(f"{scenario}, run {number}: {error}", file=sys.stderr)
                return 1
            print(f"{scenario} {number}/{options.runs}: " +
                  ", ".join(f"{name} {value:,.2f}" for name, value in runs[-1].items()), flush=True)
        summary = summarise(runs)
        result["scenarios"][scenario] = {"runs": runs, "summary": summary}
        print_table(scenario, summary, len(runs))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nwritten: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
