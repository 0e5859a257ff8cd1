"""Who runs on which processor, where latencies are compared: the server on one, the program that measures on another.

Where the scheduler puts the two makes more of a difference than a hook: half the latency, if they share a processor or
do not. With one processor nothing is placed.
"""
from __future__ import annotations

import os

from embedded_server import EmbeddedServer


def processors() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def place_server(server: EmbeddedServer) -> None:
    """On the second one, with all its threads; those that it makes later inherit that."""
    if server.process is None or len(processors()) < 2:
        return
    for task in os.listdir(f"/proc/{server.process.pid}/task"):
        os.sched_setaffinity(int(task), {processors()[1]})


def place_program() -> None:
    """This process, on the first one. For subprocess's preexec_fn."""
    if len(processors()) >= 2:
        os.sched_setaffinity(0, {processors()[0]})
