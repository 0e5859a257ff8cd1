"""A local below 6.0, whose change stream tells of no collection, index or option: they are looked for."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from compare import archived
from older_server import OlderServer
from workload import filled
from world import World, eventually

SOON = {"SYNC_DDL_POLL_INTERVAL": "1"}
NEVER = {"SYNC_DDL_POLL_INTERVAL": "0"}


@pytest.fixture
def old(world: World) -> Iterator[World]:
    server = OlderServer(world.pair.local_uri, world.local.admin.command("buildInfo")["versionArray"])
    world.pair = dataclasses.replace(world.pair, local_uri=server.uri)
    yield world
    for daemon in world.daemons:
        daemon.stop()
    server.close()


def becomes_equal(world: World) -> None:
    eventually(lambda: not world.differences(), 60, "local and backup equal")
    world.settle()
    world.assert_equal()


def test_indexes_options_and_views_are_found(old: World) -> None:
    filled(old.db, "things", 300)
    old.db.things.create_index("value", name="there before")
    old.db.create_collection("seen", viewOn="things", pipeline=[])
    old.mirror(**SOON)
    old.db.things.create_index([("value", 1), ("group", -1)], name="pair")
    old.db.things.create_index("at", expireAfterSeconds=3600 * 24 * 365 * 50)
    old.db.things.drop_index("there before")
    old.db.command({"collMod": "things", "validator": {"value": {"$exists": True}}})
    old.db.create_collection("strict", validator={"n": {"$type": "int"}})
    old.db.create_collection("few", viewOn="things", pipeline=[{"$limit": 3}])
    old.db.seen.drop()
    becomes_equal(old)
    assert "pair" in old.copy.things.index_information()
    assert "expireAfterSeconds" not in old.copy.things.index_information()["at_1"]
    assert {"things", "strict", "few"} <= set(old.copy.list_collection_names())
    # What was changed goes back, and a view is another one.
    old.db.command({"collMod": "things", "validator": {}})
    old.db.few.drop()
    old.db.create_collection("few", viewOn="things", pipeline=[{"$limit": 4}])
    old.db.things.drop_index("pair")
    becomes_equal(old)


def test_a_collection_stands_as_it_is_before_its_first_document(old: World) -> None:
    """A collation cannot be given later; nothing else is looked for after the start."""
    old.mirror(**NEVER)
    old.db.create_collection("people", collation={"locale": "en", "strength": 2})
    old.db.people.create_index("name", unique=True)
    old.db.people.insert_many([{"_id": n, "name": f"p{n}"} for n in range(20)])
    old.settle()
    old.assert_equal()
    assert old.copy.people.options()["collation"]["strength"] == 2
    # Another of the same name, at once.
    old.db.people.drop()
    old.db.people.insert_one({"_id": 1, "name": "plain"})
    old.settle()
    old.assert_equal()
    assert "collation" not in old.copy.people.options()


def test_names_change_hands(old: World) -> None:
    filled(old.db, "things", 100)
    old.mirror(**SOON)
    for turn in range(10):
        old.db.things.create_index([("value", 1), (f"turn{turn}", 1)], name=f"turn {turn}")
        old.db.things.rename("other")
        old.db.create_collection("things", validator={"turn": {"$gte": turn}}).insert_one({"_id": 1, "turn": turn})
        old.db.other.insert_one({"turn": turn})
        old.db.things.drop()
        # The embedded server has been seen to say that the name is taken still, when others read it at that moment.
        old.db.other.rename("things", dropTarget=True)
    becomes_equal(old)
    assert len(archived(old.copy, "things")) == 10


def test_what_happened_while_the_daemon_was_away(old: World) -> None:
    filled(old.db, "things", 100)
    old.db.things.create_index("value", name="old")
    daemon = old.mirror(**SOON)
    assert daemon.stop() == 0
    old.db.things.drop_index("old")
    old.db.things.create_index("group", name="new")
    old.db.create_collection("empty", validator={"n": {"$gte": 0}})
    daemon.start()
    becomes_equal(old)
    daemon.kill()
    old.db.things.drop_index("new")
    old.db.things.rename("moved")
    old.db.moved.create_index("text", name="newest")
    daemon.start()
    becomes_equal(old)
    assert set(old.copy.moved.index_information()) == {"_id_", "newest"}
