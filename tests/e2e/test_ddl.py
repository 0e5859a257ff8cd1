"""Schema changes on local reach the backup in their place in the order of writes, while writes go on."""
from __future__ import annotations

import time
from datetime import datetime

import pytest
from compare import archived
from pymongo.errors import OperationFailure
from workload import Background, Mixed, filled
from world import World, eventually


def test_indexes_come_and_go(world: World) -> None:
    filled(world.db, "things", 500)
    world.mirror()
    world.db.things.create_index([("value", 1), ("group", -1)], name="pair")
    world.db.things.create_index("text", sparse=True)
    world.db.things.create_index("at", expireAfterSeconds=3600 * 24 * 365 * 50)
    world.settle()
    world.assert_equal()
    assert "pair" in world.copy.things.index_information()
    assert "expireAfterSeconds" not in world.copy.things.index_information()["at_1"]
    world.db.things.drop_index("pair")
    world.settle()
    assert "pair" not in world.copy.things.index_information()
    world.db.things.drop_indexes()
    world.settle()
    world.assert_equal()


def test_unique_index_after_the_duplicates_are_gone(world: World) -> None:
    filled(world.db, "things", 300)
    world.mirror()
    world.db.things.update_many({"_id": {"$lte": 10}}, {"$set": {"value": "same"}})
    world.db.things.delete_many({"_id": {"$lte": 9}})
    world.db.things.create_index("value", unique=True)
    world.db.things.insert_one({"_id": "more", "value": "another"})
    world.settle()
    world.assert_equal()


def test_create_with_options_and_views(world: World) -> None:
    world.mirror()
    world.db.create_collection("plain")
    world.db.create_collection("checked", validator={"n": {"$type": "int"}}, validationLevel="moderate")
    world.db.checked.insert_one({"n": 1})
    world.db.create_collection("ring", capped=True, size=1 << 20)
    world.db.ring.insert_many([{"n": number} for number in range(50)])
    world.db.create_collection("small", viewOn="plain", pipeline=[{"$match": {"n": {"$lt": 5}}}])
    world.settle()
    world.assert_equal()
    assert not world.copy.ring.options().get("capped")


def test_coll_mod(world: World) -> None:
    world.db.create_collection("checked", validator={"n": {"$type": "int"}})
    world.mirror()
    world.db.command("collMod", "checked", validator={"n": {"$type": "string"}}, validationAction="warn")
    world.db.checked.insert_one({"n": "text"})
    world.settle()
    world.assert_equal()


def test_invalid_documents_that_local_holds_are_mirrored(world: World) -> None:
    """A validator that came after the documents: local keeps them, so the backup must."""
    world.db.checked.insert_many([{"_id": number, "n": "text"} for number in range(20)])
    world.db.command("collMod", "checked", validator={"n": {"$type": "int"}}, validationLevel="moderate")
    world.mirror()
    world.db.checked.update_one({"_id": 3}, {"$set": {"seen": True}})
    world.settle()
    world.assert_equal()


def test_rename(world: World) -> None:
    filled(world.db, "before", 800)
    world.mirror()
    world.db.before.update_many({}, {"$inc": {"value": 1}})
    world.db.before.rename("after")
    world.db.after.update_many({"_id": {"$lte": 100}}, {"$set": {"renamed": True}})
    world.db.before.insert_one({"_id": "a new one of the old name"})
    world.settle()
    world.assert_equal()
    assert world.copy.after.count_documents({}) == 800


def test_rename_over_another_archives_what_it_replaces(world: World) -> None:
    filled(world.db, "fresh", 50)
    filled(world.db, "current", 70)
    world.mirror()
    world.db.fresh.rename("current", dropTarget=True)
    world.settle()
    world.assert_equal()
    (archive,) = archived(world.copy, "current")
    assert world.copy[archive].count_documents({}) == 70


def test_drop_archives_on_the_backup(world: World) -> None:
    filled(world.db, "doomed", 300)
    world.mirror()
    world.db.doomed.update_many({}, {"$set": {"last": "state"}})
    world.settle()
    world.db.doomed.update_many({}, {"$set": {"later": "perhaps too late to be read again"}})
    world.db.doomed.drop()
    world.settle()
    world.assert_equal()
    (archive,) = archived(world.copy, "doomed")
    assert world.copy[archive].count_documents({"last": "state"}) == 300


def test_an_archive_goes_when_it_is_old_enough(world: World) -> None:
    """Its age counts from when the daemon first saw it, by the backup's clock; the daemon looks at its start."""
    daemon = world.mirror(SYNC_DROP_RETENTION="2s")
    world.db.goods.insert_one({"_id": 1})
    world.copy["goods__dropped_by_hand"].insert_one({"_id": "not ours"})
    world.settle()
    world.db.goods.drop()
    eventually(lambda: archived(world.copy, "goods")[1:], 30, "an archive beside what was put there by hand")
    daemon.stop()
    daemon.start()
    eventually(lambda: daemon.metrics()["breaker"] == "closed", 30, "the backup is there")
    time.sleep(3)  # the age that lets it go
    assert archived(world.copy, "goods")[1:]
    daemon.stop()
    daemon.start()
    eventually(lambda: archived(world.copy, "goods") == ["goods__dropped_by_hand"], 30, "the archive is gone")


def test_drop_and_create_again(world: World) -> None:
    filled(world.db, "phoenix", 100)
    world.mirror()
    for generation in range(3):
        world.db.phoenix.drop()
        world.db.phoenix.insert_many([{"_id": number, "generation": generation} for number in range(50)])
        world.db.phoenix.create_index("generation")
    world.settle()
    world.assert_equal()
    assert len(archived(world.copy, "phoenix")) == 3


@pytest.mark.parametrize("mode", ["mirror", "keep"])
def test_other_ways_to_treat_a_drop(world: World, mode: str) -> None:
    filled(world.db, "doomed", 30)
    world.mirror(SYNC_ON_DROP=mode)
    world.db.doomed.drop()
    world.settle()
    assert archived(world.copy, "doomed") == []
    assert ("doomed" in world.copy.list_collection_names()) == (mode == "keep")


def test_drop_database_archives_each_collection(world: World) -> None:
    filled(world.db, "one", 40)
    filled(world.db, "two", 60)
    world.mirror()
    world.local.drop_database(world.database)
    world.db.one.insert_one({"_id": "a new beginning"})
    world.settle()
    world.assert_equal()
    assert [world.copy[archived(world.copy, name)[0]].count_documents({}) for name in ("one", "two")] == [40, 60]


def test_schema_changes_while_writes_run(world: World) -> None:
    """All of it at once, on collections that are being written to."""
    things = filled(world.db, "things", 3_000)
    filled(world.db, "victim", 500)
    world.mirror()
    writer = Mixed(things, 3_000, seed=6)
    counter = iter(range(1_000_000))

    def churn() -> None:
        number = next(counter)
        writer.bulk(20)
        name = f"side_{number % 4}"
        world.db[name].insert_one({"number": number, "at": datetime(2026, 1, 1)})
        try:
            if number % 7 == 3:
                world.db[name].rename(f"moved_{number % 3}", dropTarget=True)
            if number % 11 == 5:
                world.db[name].drop()
        except OperationFailure as error:
            # The collection of that name may be gone already: what counts is that both sides agree.
            assert error.code == 26, error

    with Background(churn) as background:
        for round_number in range(6):
            seen = background.rounds
            things.create_index([("group", 1), ("value", 1)], name=f"index_{round_number}",
                                sparse=bool(round_number % 2))
            if round_number:
                things.drop_index(f"index_{round_number - 1}")
            while background.rounds < seen + 5:
                world.db.victim.update_many({"_id": {"$mod": [5, round_number % 5]}}, {"$inc": {"value": 1}})
    world.settle(120)
    world.assert_equal()


def hand_names_on(world: World, round_number: int) -> None:
    """Names that stand for another collection each time, with the same ids in all of them."""
    world.db.one.rename(f"one_{round_number}")
    filled(world.db, "one", 300)
    world.db.one.update_many({}, {"$push": {"list": {"$each": [round_number], "$position": 0}}})
    world.db.two.drop()
    filled(world.db, "two", 200).update_many({}, {"$set": {"round": round_number}})
    world.db.three.rename("one", dropTarget=True)
    filled(world.db, "three", 250 + round_number).delete_many({"_id": {"$mod": [7, round_number]}})


def test_names_change_hands_during_the_first_copy(world: World) -> None:
    """What the stream tells about the old collections must not hit the new ones, which the copy has seen already."""
    names = ("one", "two", "three")
    for name in names:
        filled(world.db, name, 15_000)
    world.daemon().start()
    eventually(lambda: any(world.copy[name].estimated_document_count() for name in names), 60, "the copy has begun")
    for round_number in range(4):
        hand_names_on(world, round_number)
    world.settle(120)
    world.assert_equal()


def test_names_change_hands_while_the_daemon_is_away(world: World) -> None:
    """Every operation that is read again from local finds another collection under its name by then."""
    for name in ("one", "two", "three"):
        filled(world.db, name, 1_000)
    daemon = world.mirror()
    daemon.kill()
    for round_number in range(4):
        hand_names_on(world, round_number)
    daemon.start()
    world.settle(120)
    world.assert_equal()


def test_deployment_wide_scope(own_world: World) -> None:
    """Without a database in the local URI every database is mirrored, but none of the servers' own."""
    filled(own_world.local["shop_one"], "things", 200)
    own_world.mirror(MONGODB_LOCAL_URI=own_world.pair.local_uri)
    filled(own_world.local["shop_two"], "things", 200)
    own_world.local["shop_one"].things.drop()
    own_world.local["shop_one"].others.insert_one({"_id": 1})
    own_world.settle()
    names = set(own_world.backup.list_database_names()) - {"admin", "config", "local", "dualsync"}
    assert names == {"shop_one", "shop_two"}
    assert own_world.backup["shop_two"].things.count_documents({}) == 200
    assert own_world.verify()["equal"] is True
