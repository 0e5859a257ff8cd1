"""A backup that is over its quota (Atlas answers 8000): nothing is given up, health says why, and it goes on by itself.

The answer comes from a fail point of the slower embedded server, which the test brings along.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_server import EmbeddedServer
from world import Pair, World, eventually

OVER_QUOTA = 8000
SLOW_SERVER = Path(sys.executable).parent / "secantusd-py"


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[World]:
    local = EmbeddedServer(tmp_path / "local", tmp_path / "local.log").start()
    backup = EmbeddedServer(tmp_path / "backup", tmp_path / "backup.log", ("--enable-test-commands",), SLOW_SERVER)
    backup.start()
    world = World(Pair(local.uri(), backup.uri(), local, backup), tmp_path)
    yield world
    world.close()
    world.pair.stop()


def test_over_quota_is_an_outage_and_no_refusal(limited: World) -> None:
    world = limited
    daemon = world.mirror(SYNC_MAX_RETRIES="0", SYNC_CANARY_INTERVAL="0")
    world.db.bills.insert_one({"_id": 0})
    world.settle()
    world.backup.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": {
        "failCommands": ["bulkWrite", "insert", "delete"], "errorCode": OVER_QUOTA}})
    world.db.bills.insert_many([{"_id": number} for number in range(1, 20)])

    def told() -> str:
        reasons = {one["code"]: one["message"] for one in daemon.health()["reasons"]}
        return reasons.get("breaker-open", "")

    message = eventually(told, 30, "the breaker opens at once")
    assert str(OVER_QUOTA) in message, message
    metrics = daemon.metrics()
    assert metrics["deadLetters"] == 0 and metrics["queueSize"] >= 19, json.dumps(metrics)
    world.backup.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    world.settle(90)
    world.assert_equal(verify=False)
    assert daemon.metrics()["deadLetters"] == 0
