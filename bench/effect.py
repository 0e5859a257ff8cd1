"""What mirroring does to the application: the latency of insert_one on local without dualsync and with it, by turns.

In each turn first at a pace, then one insert after the other as fast as they go: then the mirror and both servers
share the processors with the writer, and the difference is mostly theirs.
"""
from __future__ import annotations

import argparse
import statistics
import time

from operations import FIRST_NEW_ID, document
from pace import at, paced
from stage import BenchError, Stage

PER_SECOND = 500
INSERTS = 2000  # of each sort in a turn
WARM_UP = 200
KINDS = ("", "AtFullSpeed")


class Writer:
    """Inserts documents that nobody has inserted yet."""

    def __init__(self, stage: Stage) -> None:
        self._collection = stage.collection
        self._following = FIRST_NEW_ID

    def insert(self) -> float:
        """Microseconds."""
        self._following += 1
        made = document(self._following)
        begun = time.perf_counter()
        self._collection.insert_one(made)
        return (time.perf_counter() - begun) * 1e6

    def turn(self) -> list[list[float]]:
        """The times of both KINDS."""
        for _ in range(WARM_UP):
            self.insert()
        at_pace: list[float] = []
        paced(INSERTS, PER_SECOND, lambda _number: at_pace.append(self.insert()))
        return [at_pace, [self.insert() for _ in range(INSERTS)]]


def percent_more(turns: list[list[list[float]]], mirrored: list[list[list[float]]], kind: int, share: float) -> float:
    """The median over the pairs of turns, so that what the machine does in one of them does not count."""
    return statistics.median((at(on[kind], share) / at(off[kind], share) - 1) * 100
                             for off, on in zip(turns, mirrored, strict=True))


def effect(stage: Stage, options: argparse.Namespace) -> dict[str, float]:
    stage.prepare()
    writer = Writer(stage)
    bare: list[list[list[float]]] = []
    mirrored: list[list[list[float]]] = []
    for _ in range(options.effect):
        if stage.daemon.stop() != 0:
            raise BenchError("the daemon did not stop cleanly")
        bare.append(writer.turn())
        stage.daemon.start()
        stage.wait()
        mirrored.append(writer.turn())
        stage.wait()
    stage.prove()
    measured: dict[str, float] = {}
    for kind, name in enumerate(KINDS):
        for label, turns in (("Bare", bare), ("Mirrored", mirrored)):
            measured[f"medianMicroseconds{label}{name}"] = statistics.median(at(turn[kind], 0.5) for turn in turns)
            measured[f"p99Microseconds{label}{name}"] = statistics.median(at(turn[kind], 0.99) for turn in turns)
        measured[f"medianPercentMore{name}"] = percent_more(bare, mirrored, kind, 0.5)
        measured[f"p99PercentMore{name}"] = percent_more(bare, mirrored, kind, 0.99)
    return measured
