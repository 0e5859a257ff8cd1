"""Faults that a run of chaos makes happen: each begins, lasts, ends, and says by what it is known to have struck.

A fault strikes the daemon or what it uses; applications write to local directly and go on, but for the moments when
local itself is restarted.
"""
from __future__ import annotations

import os
import random
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from pymongo import MongoClient
from pymongo.errors import PyMongoError

if TYPE_CHECKING:
    from run import Stage

LINKS = ("local", "backup")
NOTICED_SECONDS = 40.0
WRITES = ("bulkWrite", "insert", "update", "delete")
FAILURE_TRIES = 4
FAILURE_SECONDS = 4.0  # the canary alone writes every two seconds
STREAMS = {"timeout": ("upstream", "downstream"), "bandwidth": ("upstream", "downstream")}


class Fault(ABC):
    """`strike` returns what proves that it struck; an empty text: nothing does."""

    name: str

    @abstractmethod
    def strike(self, stage: Stage, dice: random.Random) -> str:
        ...


class LinkFault(Fault):
    """On the line to one server.

    `late`: a command of our own over the line takes so many seconds. Without it, the fault breaks connections, which
    the daemon's log must tell of."""

    def __init__(self, name: str, link: str, seconds: float, *toxics: tuple[str, dict[str, int]], late: float = 0,
                 padding: int = 0) -> None:
        self.name = f"{name} ({link})"
        self.link = link
        self.seconds = seconds
        self.toxics = toxics
        self.late = late
        self.padding = padding

    def strike(self, stage: Stage, dice: random.Random) -> str:
        log_from = stage.log_size()
        for kind, attributes in self.toxics:
            for stream in STREAMS.get(kind, ("downstream",)):
                stage.proxies.toxic(self.link, kind, stream, **attributes)
        if not self.toxics:
            stage.proxies.enable(self.link, False)
        ends = time.monotonic() + self.seconds * (0.5 + dice.random())
        if self.late:
            took = stage.proxies.command_seconds(self.link, self.padding)
            proof = f"a command took {took:.1f} s" if took >= self.late else ""
            time.sleep(max(0.0, ends - time.monotonic()))
        else:
            time.sleep(max(0.0, ends - time.monotonic()))
            # It is noticed when something is sent, or when an answer has been late for the socket's 30 s.
            proof = stage.await_proof(lambda: stage.trouble_since(log_from), NOTICED_SECONDS)
        stage.proxies.heal(self.link)
        return proof


class Kill(Fault):
    name = "kill -9"

    def strike(self, stage: Stage, dice: random.Random) -> str:
        process = stage.daemon.process
        stage.daemon.kill()
        time.sleep(dice.random())
        stage.start_daemon()
        return f"exit {process.returncode}" if process is not None and process.returncode == -signal.SIGKILL else ""


class Stop(Fault):
    """The machine sleeps: nothing runs, then everything is late."""

    name = "SIGSTOP"

    def strike(self, stage: Stage, dice: random.Random) -> str:
        pid = stage.daemon.pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.5 + 3 * dice.random())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        os.kill(pid, signal.SIGCONT)
        return "state T" if state == "T" else ""


class Restart(Fault):
    """A server goes and comes back, on the same port, with what it had."""

    def __init__(self, side: str) -> None:
        self.name = f"server restarts ({side})"
        self.side = side

    def strike(self, stage: Stage, dice: random.Random) -> str:
        server = stage.servers[self.side]
        before = server.process.pid
        server.stop()
        time.sleep(dice.random())
        server.start()
        return f"process {before} is {server.process.pid}" if server.process.pid != before else ""


class FailPoint(Fault):
    """The backup answers its commands with an error of its own, or closes the connection."""

    def __init__(self, name: str, **data: object) -> None:
        self.name = f"fail point: {name}"
        self.data = data

    def strike(self, stage: Stage, dice: random.Random) -> str:  # noqa: ARG002
        for _ in range(FAILURE_TRIES):
            if self._one(stage.world.backup):
                return "a command of the daemon failed"
        return ""

    def _one(self, backup: MongoClient) -> bool:
        """One command fails: the daemon's, unless it has sent none and ours gets it."""
        backup.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1},
                              "data": {"failCommands": list(WRITES), **self.data}})
        time.sleep(FAILURE_SECONDS)
        try:
            backup.chaos.probes.insert_one({})
            return True
        except PyMongoError:
            return False
        finally:
            backup.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


def fail_points() -> list[Fault]:
    """Codes of servers that change their primary, are overloaded, or shut down."""
    faults: list[Fault] = [
        FailPoint(f"{code} {words}", errorCode=code)
        for code, words in ((91, "shutdown in progress"), (189, "primary stepped down"), (10107, "not the primary"),
                            (11602, "interrupted by a change of the primary"), (50, "took too long"),
                            (262, "exceeded its time"), (112, "write conflict"))]
    faults.append(FailPoint("8000 over quota", errorCode=8000))
    faults.append(FailPoint("connections are closed", closeConnection=True))
    return faults


def link_faults() -> list[Fault]:
    faults: list[Fault] = []
    for link in LINKS:
        faults += [
            LinkFault("cut", link, 2),
            LinkFault("late by 5 s", link, 6, ("latency", {"latency": 5000}), late=4.9),
            LinkFault("10 KB/s", link, 4, ("bandwidth", {"rate": 10}), late=1.8, padding=20_000),
            LinkFault("in small late pieces", link, 3,
                      ("slicer", {"average_size": 50, "size_variation": 40, "delay": 200_000}), late=0.8),
            LinkFault("half open", link, 4, ("timeout", {"timeout": 0})),
            LinkFault("reset", link, 3, ("reset_peer", {"timeout": 100})),
            LinkFault("ends within a reply", link, 3, ("limit_data", {"bytes": 700})),
        ]
    return faults


def all_faults(with_fail_points: bool) -> list[Fault]:
    return [*link_faults(), Kill(), Stop(), Restart("backup"), Restart("local"),
            *(fail_points() if with_fail_points else [])]
