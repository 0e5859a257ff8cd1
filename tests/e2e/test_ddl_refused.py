"""A backup that refuses schema changes: what it can take goes on, and what it cannot is named.

The backup is the embedded server of the Python package, whose fail points refuse by the code that a MongoDB gives a
user with `readWrite` alone (13) or an index that it cannot build (67). Tried on the embedded server only.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_server import EmbeddedServer
from workload import filled
from world import Pair, World, eventually

EXIT_EXCEPTIONS = 5
DENIED, CANNOT_CREATE_INDEX = 13, 67


@pytest.fixture(scope="module")
def refusing_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("refusing")
    local = EmbeddedServer(folder / "local", folder / "local.log").start()
    try:
        backup = EmbeddedServer(folder / "backup", folder / "backup.log", ("--enable-test-commands",),
                                Path(sys.executable).parent / "secantusd-py").start()
    except BaseException:
        local.stop()
        raise
    pair = Pair(local.uri(), backup.uri(), local, backup)
    yield pair
    pair.stop()


@pytest.fixture
def refusing(refusing_pair: Pair, tmp_path: Path) -> Iterator[World]:
    world = World(refusing_pair, tmp_path)
    yield world
    relent(world)
    world.close()


def refuse(world: World, code: int, *commands: str) -> None:
    world.backup.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn",
                                "data": {"failCommands": list(commands), "errorCode": code}})


def relent(world: World) -> None:
    world.backup.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


def reasons(world: World) -> dict[str, str]:
    return {each["code"]: each["message"] for each in world.first.health()["reasons"]}


def test_indexes_that_cannot_be_built_are_owed(refusing: World) -> None:
    world = refusing
    filled(world.db, "first", 50).create_index("value", name="early")
    filled(world.db, "second", 60)
    refuse(world, CANNOT_CREATE_INDEX, "createIndexes")
    daemon = world.mirror()
    world.db.second.create_index("group", name="late")
    world.db.second.insert_one({"_id": "behind it"})
    world.settle()
    assert world.copy.first.count_documents({}) == 50 and world.copy.second.count_documents({}) == 61
    eventually(lambda: daemon.metrics()["owedIndexes"] == 2, 20, "both are owed")
    said = reasons(world)["owed-indexes"]
    assert f"early of {world.database}.first" in said and f"late of {world.database}.second" in said
    assert str(CANNOT_CREATE_INDEX) in said, "the reason"
    assert daemon.metrics()["deadLetters"] == 0 and daemon.metrics()["dirtyRanges"] == 0
    relent(world)
    eventually(lambda: daemon.metrics()["owedIndexes"] == 0, 60, "they are built")
    world.assert_equal()


def test_a_coll_mod_without_the_right(refusing: World) -> None:
    """docs/roles.md: with `readWrite` alone options do not follow. All else does."""
    world = refusing
    filled(world.db, "checked", 50)
    filled(world.db, "other", 10)
    daemon = world.mirror(SYNC_MAX_RETRIES="0")
    refuse(world, DENIED, "collMod")
    world.db.command("collMod", "checked", validator={"value": {"$gte": 0}})
    world.db.checked.update_many({}, {"$inc": {"value": 1}})
    world.db.other.create_index("group")
    world.db.create_collection("new", validator={"a": {"$exists": True}})
    world.settle()
    assert world.first.command("wait", "--timeout", "20").returncode == EXIT_EXCEPTIONS
    assert daemon.metrics()["deadLetters"] == 1 and daemon.metrics()["dirtyRanges"] == 0
    assert daemon.metrics()["breaker"] == "closed"
    listed = json.loads(daemon.command("dead-letters", "list", "--json").stdout)["deadLetters"]
    assert [(each["namespace"], each["code"]) for each in listed] == [(f"{world.database}.checked", DENIED)]
    assert [each for each in world.differences() if "options" not in each] == []
    relent(world)
    assert daemon.command("dead-letters", "retry", "--all").returncode == 0
    world.settle()
    world.assert_equal()
    assert daemon.metrics()["deadLetters"] == 0


def test_a_copy_that_is_refused_again_and_again_is_named(refusing: World) -> None:
    world = refusing
    filled(world.db, "first", 50)
    refuse(world, DENIED, "listIndexes")
    daemon = world.daemon().start()
    eventually(lambda: "repair-refused" in reasons(world), 30, "it is said")
    said = reasons(world)["repair-refused"]
    assert said.startswith(f"{world.database}.first cannot be copied or repaired: ") and str(DENIED) in said
    blocked = world.wait(1).body["blockedBy"]
    assert f"{world.database}.first cannot be: " in blocked
    assert said.removeprefix(f"{world.database}.first ") in daemon.command("status").stdout
    relent(world)
    world.settle(90)
    assert "repair-refused" not in reasons(world)
    world.assert_equal()
