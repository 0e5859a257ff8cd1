"""Values of unique indexes move between documents; the backup has the same unique indexes and must follow.

The embedded server leaves entries of a unique index behind when two connections replace documents that want each
other's values: an empty collection then refuses these values. With it there is one lane; the simulation has several.
"""
from __future__ import annotations

from collections.abc import Sequence

import pytest
from pymongo import UpdateOne
from pymongo.collection import Collection
from world import World

SPARE = "nobody's"


def mirror(world: World) -> None:
    world.mirror(**({} if world.pair.local_server is None else {"SYNC_LANES": "1"}))


def rotate(things: Collection, ids: Sequence[int], field: str = "name") -> None:
    """Each document takes the value of the next one, by way of a spare value as an application has to do it."""
    values = [things.find_one({"_id": number})[field] for number in ids]
    bulk = [UpdateOne({"_id": ids[0]}, {"$set": {field: SPARE}})]
    for number, value in zip(ids[:0:-1], [values[0], *values[:1:-1]]):
        bulk.append(UpdateOne({"_id": number}, {"$set": {field: value}}))
    bulk.append(UpdateOne({"_id": ids[0]}, {"$set": {field: values[1]}}))
    things.bulk_write(bulk, ordered=True)


def named(world: World, count: int) -> Collection:
    things = world.db.things
    things.create_index("name", unique=True)
    things.insert_many([{"_id": number, "name": f"name {number}", "more": "x" * 50} for number in range(count)])
    return things


def nothing_refused(world: World) -> None:
    assert world.first.metrics()["deadLetters"] == 0


@pytest.mark.parametrize("count", [2, 3, 12])
def test_values_go_round_while_nobody_looks(own_world: World, count: int) -> None:
    """While the backup is away, merging hides the steps between: no order of single writes is possible."""
    things = named(own_world, 40)
    mirror(own_world)
    own_world.settle()
    own_world.pair.backup_server.stop()
    for first in range(0, 40 - count, count):
        rotate(things, range(first, first + count))
    own_world.pair.backup_server.start()
    own_world.settle()
    own_world.assert_equal()
    nothing_refused(own_world)


def test_values_go_round_live(world: World) -> None:
    things = named(world, 60)
    mirror(world)
    for turn in range(30):
        rotate(things, [turn, turn + 7, turn + 13])
    world.settle()
    world.assert_equal()
    nothing_refused(world)


def test_every_value_moves_on_by_one(world: World) -> None:
    things = world.db.things
    things.create_index("place", unique=True)
    things.insert_many([{"_id": number, "place": number} for number in range(400)])
    mirror(world)
    for _ in range(3):
        things.bulk_write([UpdateOne({"_id": number}, {"$inc": {"place": 1}}) for number in range(399, -1, -1)])
    world.settle(180)  # lanes free each other's values in turn: slow, but it must end
    world.assert_equal()
    nothing_refused(world)


def test_a_value_passes_to_a_new_document(world: World) -> None:
    things = named(world, 100)
    mirror(world)
    for number in range(100):
        things.delete_one({"_id": number})
        things.insert_one({"_id": number + 1000, "name": f"name {number}"})
    world.settle()
    world.assert_equal()
    nothing_refused(world)


def test_compound_and_partial_indexes(world: World) -> None:
    things = world.db.things
    things.create_index([("shop", 1), ("name", 1)], unique=True)
    things.create_index("card", unique=True, partialFilterExpression={"card": {"$exists": True}})
    for number in range(60):
        card = {"card": number} if number < 30 else {}
        things.insert_one({"_id": number, "shop": number % 3, "name": f"n{number}", **card})
    mirror(world)
    for first in range(0, 24, 6):
        rotate(things, [first, first + 3])
        rotate(things, [first, first + 1, first + 2], "card")
    world.settle()
    world.assert_equal()
    nothing_refused(world)


def test_what_a_foreigner_put_in_the_way_goes(world: World) -> None:
    things = named(world, 5)
    mirror(world)
    world.settle()
    world.copy.things.insert_one({"_id": "foreign", "name": "wanted"})
    things.insert_one({"_id": 100, "name": "wanted"})
    world.settle()
    world.assert_equal()
    nothing_refused(world)
