"""Collections with a default collation: ids that differ in bytes may be one key for the server."""
from __future__ import annotations

import random

import pytest
from pymongo.collation import Collation
from pymongo.errors import DuplicateKeyError
from world import World, eventually

CASE_BLIND = Collation(locale="en", strength=2)
ROUNDS = 150
NAMES = ("anna", "bert", "cleo", "dora", "emil")


def collated(world: World) -> None:
    world.db.create_collection("people", collation=CASE_BLIND)
    world.db.people.insert_one({"_id": "probe"})
    try:
        world.db.people.insert_one({"_id": "PROBE"})
    except DuplicateKeyError:
        world.db.people.delete_one({"_id": "probe"})
        return
    pytest.skip("this server's _id index does not follow the collection's collation: nothing to see here")


def test_ids_that_change_their_case_under_load(world: World) -> None:
    collated(world)
    world.mirror()
    dice = random.Random(7)
    for number in range(ROUNDS):
        for name in NAMES:
            spelt = "".join(dice.choice((letter.lower(), letter.upper())) for letter in name)
            world.db.people.delete_one({"_id": name})
            if dice.random() < 0.9:
                world.db.people.insert_one({"_id": spelt, "n": number})
                if dice.random() < 0.5:
                    world.db.people.update_one({"_id": spelt}, {"$set": {"n": -number}})
    world.settle()
    left = sorted(document["_id"] for document in world.copy.people.find())
    assert left == sorted(document["_id"] for document in world.db.people.find())
    world.assert_equal()


def test_a_late_delete_takes_no_other_spelling_along(own_world: World) -> None:
    """On the backup a delete of `id7` may come after the insert of `ID7`, which another lane sends."""
    collated(own_world)
    daemon = own_world.mirror()
    own_world.pair.backup_server.stop()
    for number in range(ROUNDS):
        own_world.db.people.insert_one({"_id": f"id{number}"})
        own_world.db.people.delete_one({"_id": f"id{number}"})
        own_world.db.people.insert_one({"_id": f"ID{number}", "n": number})
    eventually(lambda: daemon.metrics()["queueSize"] >= 2 * ROUNDS, 60, "a backlog of both spellings")
    own_world.pair.backup_server.start()
    own_world.settle()
    assert sorted(document["_id"] for document in own_world.copy.people.find()) == sorted(
        f"ID{number}" for number in range(ROUNDS))
    own_world.assert_equal()
