"""Local's oplog rolls over while the daemon is away: what nobody captured is found by comparing, and told.

Brings an embedded local with a short oplog. The embedded server forgets by count of entries; MongoDB by size and age.
"""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from workload import filled
from world import Pair, World, eventually

OPLOG_ENTRIES = 1000


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[World]:
    pair = Pair.embedded(tmp_path)
    pair.local_server.stop()
    pair.local_server.arguments = ("--oplog-max-entries", str(OPLOG_ENTRIES))
    pair.local_server.start()
    world = World(pair, tmp_path)
    yield world
    world.close()
    pair.stop()


def test_what_was_forgotten_is_compared_and_repaired(forgetful: World) -> None:
    world = forgetful
    filled(world.db, "bills", 300)
    world.db.gone.insert_one({"_id": 1})
    daemon = world.mirror(SYNC_VERIFY_INTERVAL="0")  # so that nothing else repairs it
    daemon.stop()
    world.db.bills.update_many({"_id": {"$lt": 50}}, {"$set": {"missed": 1}})
    world.db.bills.delete_many({"_id": {"$gt": 280}})
    world.db.bills.insert_one({"_id": "missed"})
    world.db.bills.create_index("missed")
    world.db.gone.drop()
    world.db.new.insert_one({"_id": 1})
    noise = world.local["noise"]
    for _ in range(3):
        noise.noise.insert_many([{} for _ in range(OPLOG_ENTRIES)])
    daemon.start()
    eventually(lambda: daemon.metrics()["gaps"] == 1, 30, "the gap is seen")
    world.settle()
    world.assert_equal(verify=False)
    told = [line for line in daemon.log_lines() if line.get("module") == "alert" and line.get("event") == "gap"]
    assert told, daemon.log_tail()
