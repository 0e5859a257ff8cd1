"""The rarer schema changes, each while the mirror follows (live) and as the first copy finds it; both ways end equal.

The embedded server tells what a mongod tells, but for what a collMod changed: its `modify` events are mostly empty. Its
rename to another database is one event, a mongod's is a copy and a drop. Tried on the embedded server only.
"""
from __future__ import annotations

import pytest
from compare import archived
from workload import filled
from world import World, eventually

MODES = pytest.mark.parametrize("live", [True, False], ids=["live", "first-copy"])


def clustered(world: World) -> None:
    world.db.create_collection("events", clusteredIndex={"key": {"_id": 1}, "unique": True, "name": "by id"},
                               expireAfterSeconds=10**9)
    world.db.events.insert_many([{"_id": number, "text": "x" * number} for number in range(50)])
    world.db.command("collMod", "events", expireAfterSeconds=2 * 10**9)


def views(world: World) -> None:
    world.db.create_collection("small", viewOn="things", pipeline=[{"$match": {"value": {"$lt": 5}}}])
    world.db.create_collection("smaller", viewOn="small", pipeline=[{"$match": {"value": {"$lt": 3}}}])
    world.db.command("collMod", "small", viewOn="things", pipeline=[{"$match": {"value": {"$lt": 4}}}])


def to_capped(world: World) -> None:
    filled(world.db, "log", 200).create_index("group")
    world.db.command("convertToCapped", "log", size=1 << 20)
    world.db.log.insert_one({"_id": "behind it"})
    world.db.command("collMod", "log", cappedSize=2 << 20, cappedMax=5000)


def index_changes(world: World) -> None:
    things = filled(world.db, "indexed", 100)
    for name in ("group", "text", "value"):
        things.create_index(name)
    things.drop_indexes()
    things.create_index("at", expireAfterSeconds=10**9)
    things.create_index("text", name="texts")
    world.db.command("collMod", "indexed", index={"name": "at_1", "expireAfterSeconds": 2 * 10**9})
    world.db.command("collMod", "indexed", index={"name": "texts", "hidden": True})
    world.db.command("collMod", "indexed", index={"keyPattern": {"text": 1}, "prepareUnique": True})


def names_in_use(world: World) -> None:
    """A view's name becomes a collection's, and the other way round."""
    world.db.create_collection("first", viewOn="things")
    filled(world.db, "second", 20)
    world.db.first.drop()
    filled(world.db, "first", 30)
    world.db.second.drop()
    world.db.create_collection("second", viewOn="first", pipeline=[{"$limit": 1}])


@MODES
def test_collections_views_and_indexes(world: World, live: bool) -> None:
    filled(world.db, "things", 100)
    daemon = world.mirror() if live else world.daemon()
    for corner in (clustered, views, to_capped, index_changes, names_in_use):
        corner(world)
    if not live:
        daemon.start()
    world.settle()
    world.assert_equal()
    assert world.copy.small.count_documents({}) == world.db.small.count_documents({})
    assert world.copy.indexed.index_information()["texts"].get("hidden") is True
    assert not world.copy.log.options().get("capped")
    metrics = daemon.metrics()
    assert (metrics["deadLetters"], metrics["dirtyRanges"], metrics["owedIndexes"]) == (0, 0, 0)


@MODES
def test_a_database_is_dropped_and_begins_anew(world: World, live: bool) -> None:
    filled(world.db, "things", 200).create_index("group")
    daemon = world.mirror() if live else world.daemon()
    for generation in range(3):
        world.local.drop_database(world.database)
        filled(world.db, "things", 100 + generation).create_index("value")
        world.db.create_collection("look", viewOn="things")
    if not live:
        daemon.start()
    world.settle()
    world.assert_equal()
    assert world.copy.things.count_documents({}) == 102
    assert len(archived(world.copy, "things")) == (3 if live else 0)


def test_a_database_is_dropped_again_and_again_while_nobody_looks(world: World) -> None:
    """Where one database is mirrored, its drop ends the stream, and a server may say so as it opens the next one."""
    filled(world.db, "things", 200).create_index("group")
    daemon = world.mirror()
    daemon.stop()
    for generation in range(3):
        world.local.drop_database(world.database)
        filled(world.db, "things", 100 + generation).create_index("value")
    daemon.start()
    world.settle()
    world.assert_equal()
    assert world.copy.things.count_documents({}) == 102
    assert len(archived(world.copy, "things")) == 3
    assert daemon.metrics()["gaps"] == 0


@MODES
def test_into_and_out_of_the_one_database(world: World, live: bool) -> None:
    """The scope is one database: what is renamed into another one is dropped there, what comes from there is new."""
    other = world.local[f"{world.database}_other"]
    world.extra_databases.append(other.name)
    filled(world.db, "leaving", 60).create_index("group")
    filled(world.db, "staying", 10)
    filled(other, "coming", 80).create_index("value")
    filled(other, "replacing", 30)
    daemon = world.mirror() if live else world.daemon()
    rename = world.local.admin.command
    rename("renameCollection", world.db.leaving.full_name, to=f"{other.name}.gone")
    rename("renameCollection", f"{other.name}.coming", to=f"{world.database}.arrived")
    rename("renameCollection", f"{other.name}.replacing", to=world.db.staying.full_name, dropTarget=True)
    world.db.arrived.update_many({"_id": {"$lt": 20}}, {"$set": {"text": "here"}})
    if not live:
        daemon.start()
    world.settle()
    world.assert_equal()
    assert set(world.db.list_collection_names()) - {"system.views"} == {"arrived", "staying"}
    assert world.copy.arrived.count_documents({"text": "here"}) == world.db.arrived.count_documents({"text": "here"})
    assert other.name not in world.backup.list_database_names()


@MODES
def test_from_one_mirrored_database_to_another(own_world: World, live: bool) -> None:
    """Without a database in the local URI both are in scope."""
    world = own_world
    one, two = world.local["corner_one"], world.local["corner_two"]
    filled(one, "moving", 120).create_index("group")
    filled(two, "target", 40)
    daemon = world.daemon(MONGODB_LOCAL_URI=world.pair.local_uri).start() if live else None
    if live:
        world.settle()
    one.moving.update_many({}, {"$inc": {"value": 1}})
    world.local.admin.command("renameCollection", "corner_one.moving", to="corner_two.target", dropTarget=True)
    two.target.update_many({"_id": {"$lt": 50}}, {"$set": {"text": "moved"}})
    filled(one, "moving", 15)
    if daemon is None:
        daemon = world.daemon(MONGODB_LOCAL_URI=world.pair.local_uri).start()
    world.settle()
    assert world.verify()["equal"] is True
    assert world.backup["corner_two"].target.count_documents({"text": "moved"}) == 49
    assert world.backup["corner_one"].moving.count_documents({}) == 15
    assert daemon.metrics()["deadLetters"] == 0


def test_keep_leaves_what_was_dropped_until_its_name_is_needed(world: World) -> None:
    filled(world.db, "kept", 30)
    filled(world.db, "again", 40)
    filled(world.db, "target", 50)
    filled(world.db, "source", 60)
    daemon = world.mirror(SYNC_ON_DROP="keep", SYNC_VERIFY_INTERVAL="1s")
    world.db.kept.drop()
    world.db.again.drop()
    filled(world.db, "again", 5)
    world.db.source.rename("target", dropTarget=True)
    world.settle()
    assert world.copy.kept.count_documents({}) == 30
    assert [world.copy[archived(world.copy, name)[0]].count_documents({}) for name in ("again", "target")] == [40, 50]
    report = world.verify()
    assert report["equal"] is True
    assert {each["namespace"].split(".")[1]: each["kept"] for each in report["namespaces"]} == {
        "again": False, "target": False, "kept": True}
    eventually(lambda: daemon.metrics()["verifiedUntil"], 20, "the schedule has compared")
    assert daemon.health()["reasons"] == []
