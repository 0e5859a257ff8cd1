"""SYNC_PERSIST_QUEUE=false: the queue is lost with the process, and the mirror ends equal all the same."""
from __future__ import annotations

import json

from workload import Mixed, filled
from world import World, eventually

SETTLE_SECONDS = 120
IN_MEMORY = {"SYNC_PERSIST_QUEUE": "false"}


def backlog(world: World) -> None:
    assert world.pair.backup_server is not None
    world.pair.backup_server.stop()
    writer = Mixed(world.db.things, 2_000, seed=11)
    for _ in range(20):
        writer.bulk(100)
    world.db.gone.drop()
    world.db.old_name.rename("new_name")
    world.db.new_name.insert_one({"_id": "after the rename"})
    world.db.old_name.insert_one({"_id": "a new one of the old name"})
    eventually(lambda: world.first.metrics()["queueSize"] > 500, 60, "a backlog")


def prepare(world: World) -> None:
    for name, documents in (("things", 2_000), ("gone", 50), ("old_name", 50)):
        filled(world.db, name, documents)


def test_killed_with_a_backlog(own_world: World) -> None:
    prepare(own_world)
    daemon = own_world.mirror(**IN_MEMORY)
    backlog(own_world)
    daemon.kill()
    listed = daemon.command("queue", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["total"] == 0, "nothing of the queue is on the disk"
    own_world.db.things.delete_many({"_id": {"$lt": 20}})
    daemon.start()
    own_world.pair.backup_server.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


def test_killed_again_and_again_under_load(own_world: World) -> None:
    prepare(own_world)
    daemon = own_world.mirror(**IN_MEMORY)
    writer = Mixed(own_world.db.things, 2_000, seed=12)
    for _ in range(4):
        for _ in range(10):
            writer.bulk(100)
        own_world.db.old_name.rename("moved")
        own_world.db.moved.rename("old_name")
        daemon.kill()
        writer.bulk(100)
        daemon.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


def test_a_clean_restart_compares_nothing(world: World) -> None:
    filled(world.db, "things", 500)
    daemon = world.mirror(**IN_MEMORY)
    world.db.things.update_many({}, {"$set": {"a": 1}})
    world.settle()
    assert daemon.stop() == 0
    before = len(daemon.log_lines())
    daemon.start()
    world.db.things.insert_one({"_id": "after"})
    world.settle()
    messages = [line.get("message") for line in daemon.log_lines()[before:]]
    assert "change stream resumed" in messages
    assert "comparing and repairing" not in messages and "copying" not in messages
    world.assert_equal()


def test_switched_over_with_a_backlog_both_ways(own_world: World) -> None:
    prepare(own_world)
    daemon = own_world.mirror()
    backlog(own_world)
    daemon.kill()
    daemon.settings.update(IN_MEMORY)
    daemon.start()
    own_world.db.things.insert_one({"_id": "in memory"})
    eventually(lambda: daemon.metrics()["queueSize"] > 500, 60, "the backlog was taken over")
    daemon.kill()
    daemon.settings["SYNC_PERSIST_QUEUE"] = "true"
    daemon.start()
    own_world.pair.backup_server.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()
