"""Scenario `large`: memory does not grow with a collection. A first copy, a full sync that compares all, a verify.

Documents are random bytes of 10 KB, so that no server keeps them in less space than they have. It takes a disk of twice
the size and minutes, so it runs only when it is asked for.
"""
from __future__ import annotations

import argparse
import os
import random
import subprocess
import time

from stage import DATABASE, MEGABYTE, BenchError, Stage, Usage

DOCUMENT_BYTES = 10_000
BATCH_DOCUMENTS = 500
GIGABYTE = 1e9


def fill(stage: Stage, gigabytes: float) -> int:
    """The number of documents."""
    count = int(gigabytes * GIGABYTE / DOCUMENT_BYTES)
    source = random.Random(7)
    for first in range(0, count, BATCH_DOCUMENTS):
        last = min(first + BATCH_DOCUMENTS, count)
        stage.collection.insert_many([{"_id": number, "bytes": source.randbytes(DOCUMENT_BYTES - 40)}
                                      for number in range(first, last)], ordered=False)
    return count


def verify_alone(stage: Stage) -> tuple[float, float]:
    """Seconds and peak megabytes of `dualsync verify`, a process of its own."""
    started = time.monotonic()
    process = subprocess.Popen([str(stage.daemon.binary), "verify", "--json"], cwd=stage.daemon.folder,
                               env={**os.environ, **stage.daemon.settings}, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise BenchError(f"verify: exit {os.waitstatus_to_exitcode(status)}; the numbers are worthless")
    return time.monotonic() - started, used.ru_maxrss * 1024 / MEGABYTE


def large(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    documents = fill(stage, options.large)
    started = time.monotonic()
    stage.daemon.start()
    stage.wait()
    copy = time.monotonic() - started
    after_copy = Usage.of(stage.daemon.pid).peak_bytes
    if stage.daemon.stop() != 0:
        raise BenchError("the daemon did not stop cleanly")
    stage.daemon.start()
    stage.wait()
    started = time.monotonic()
    done = stage.daemon.command("full-sync", f"{DATABASE}.documents", timeout=3600)
    compare = time.monotonic() - started
    if done.returncode != 0:
        raise BenchError(f"full-sync: exit {done.returncode}\n{done.stderr[-2000:]}")
    after_compare = Usage.of(stage.daemon.pid).peak_bytes
    verify, verify_megabytes = verify_alone(stage)
    megabytes = options.large * 1000
    return {"documents": documents, "megabytes": megabytes, "copySeconds": copy,
            "copyPeakRssMegabytes": after_copy / MEGABYTE, "copyMegabytesPerSecond": megabytes / copy,
            "fullSyncSeconds": compare, "fullSyncPeakRssMegabytes": after_compare / MEGABYTE, "verifySeconds": verify,
            "verifyPeakRssMegabytes": verify_megabytes}
