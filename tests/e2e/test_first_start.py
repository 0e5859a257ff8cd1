"""First start on a database in use: everything is copied, while writes go on, whatever the backup holds."""
from __future__ import annotations

import uuid
from datetime import datetime

import pytest
from bson import Decimal128, Int64, ObjectId
from pymongo import ASCENDING, DESCENDING
from workload import Background, Mixed, filled
from world import World, eventually

COPIED_DOCUMENTS = 100_000
SETTLE_SECONDS = 120
TTL_SECONDS = 2**31 - 1  # the longest there is: nothing may expire here
MIXED_IDS = [1, Int64(2), 3.5, Decimal128("4.25"), "text", "", None, True, False, ObjectId(), datetime(2020, 1, 2),
             b"bytes", uuid.UUID(int=7).bytes, {"a": 1, "b": "two"}, {"b": "two", "a": 1}, {}, -1, Int64(2**60)]


def furnish(world: World) -> None:
    """Collections and indexes as a grown database has them."""
    people = filled(world.db, "people", 3_000)
    people.update_many({"_id": {"$lte": 100}}, {"$set": {"email": None}})
    people.create_index("value", unique=True)
    people.create_index([("group", ASCENDING), ("text", DESCENDING)], name="group_text")
    people.create_index("email", sparse=True)
    people.create_index([("group", ASCENDING), ("value", ASCENDING)], partialFilterExpression={"value": {"$gt": 1_000}})
    sessions = world.db.sessions
    sessions.create_index("at", expireAfterSeconds=TTL_SECONDS)
    sessions.insert_many([{"at": datetime(2026, 1, 1), "user": user} for user in range(500)])
    world.db.odd_ids.insert_many([{"_id": each, "n": number} for number, each in enumerate(MIXED_IDS)])
    world.db.create_collection("log", capped=True, size=1 << 20)
    world.db["log"].insert_many([{"line": number} for number in range(300)])
    world.db.create_collection("grown_up", viewOn="people", pipeline=[{"$match": {"group": {"$gt": 18}}}])
    world.db.create_collection("empty")


def test_copies_everything_there_is(world: World) -> None:
    furnish(world)
    daemon = world.mirror()
    world.assert_equal()
    assert world.copy.grown_up.count_documents({}) == world.db.grown_up.count_documents({})
    # A TTL index must not delete by the backup's own clock, a capped collection not evict in its own order.
    definitions = world.copy.sessions.index_information()
    assert all("expireAfterSeconds" not in definition for definition in definitions.values()), definitions
    assert not world.copy["log"].options().get("capped")
    assert daemon.metrics()["appliedPosition"] is not None


def test_copies_while_writes_go_on(world: World) -> None:
    flights = filled(world.db, "flights", 40_000)
    flights.create_index("group")
    writer = Mixed(flights, 40_000, seed=3)
    with Background(lambda: writer.bulk(50)) as background:
        world.daemon().start()
        eventually(lambda: world.copy.flights.estimated_document_count() > 0, 60, "the copy has begun")
        seen = background.rounds
        eventually(lambda: background.rounds > seen + 20, 60, "writes during the copy")
    world.settle(SETTLE_SECONDS)
    world.assert_equal()


def test_goes_on_after_kill_in_the_middle_of_the_copy(world: World) -> None:
    big = filled(world.db, "big", COPIED_DOCUMENTS, padding=600)
    filled(world.db, "small", 100)
    daemon = world.daemon()
    for _ in range(2):
        before = world.copy.big.estimated_document_count()
        daemon.start()
        eventually(lambda: world.copy.big.estimated_document_count() > before, 60, "the copy goes on")
        daemon.kill()
        big.update_many({"_id": {"$lte": 500}}, {"$inc": {"value": 1}})
        big.delete_many({"_id": {"$gt": 500, "$lte": 600}})
        big.insert_many([{"again": True} for _ in range(50)])
    assert world.copy.big.estimated_document_count() < COPIED_DOCUMENTS, "the copy was over before it could be killed"
    daemon.start()
    world.settle(SETTLE_SECONDS)
    world.assert_equal()


@pytest.mark.parametrize("writes_go_on", [False, True], ids=["quiet", "while-writing"])
def test_repairs_a_backup_that_holds_something_else(world: World, writes_go_on: bool) -> None:
    """Differing documents are replaced, missing ones sent, foreign ones removed: local wins."""
    filled(world.db, "things", 3_000)
    for document in world.db.things.find({"_id": {"$gt": 1_000}}):
        world.copy.things.insert_one(document)
    world.copy.things.update_many({"_id": {"$mod": [10, 0]}}, {"$set": {"value": -1}})
    world.copy.things.update_many({"_id": {"$mod": [10, 1]}}, [{"$set": {"value": {"$toLong": "$value"}}}])
    world.copy.things.insert_many([{"_id": f"foreign-{number}"} for number in range(200)])
    world.copy.things.create_index("foreign")
    if writes_go_on:
        writer = Mixed(world.db.things, 3_000, seed=4)
        with Background(lambda: writer.bulk(20)) as background:
            world.daemon().start()
            eventually(lambda: background.rounds > 50, 60, "writes during the repair")
    else:
        world.daemon().start()
    world.settle(SETTLE_SECONDS)
    found = [each for each in world.differences() if "index foreign" not in each]
    assert not found, "\n".join(found)


def test_restart_on_equal_sides_copies_nothing_again(world: World) -> None:
    """Seen from the backup itself: its own change stream shows every write that the restarted daemon makes."""
    filled(world.db, "things", 5_000)
    daemon = world.mirror()
    assert daemon.stop() == 0
    world.db.things.update_one({"_id": 1}, {"$set": {"value": "new"}})
    with world.copy.things.watch() as stream:
        daemon.start()
        world.settle()
        written = [change["documentKey"]["_id"] for change in iter(stream.try_next, None)]
    assert set(written) == {1}, f"{len(written)} writes on the backup"
    world.assert_equal()
