"""Byte for byte: every BSON type and the odd documents that real databases hold, by first copy and live.

The comparison is of local's bytes with the backup's: what local itself changed on the way in is not our matter. A
document that the local server refuses is left out; a test fails if it refuses more than a few.
"""
from __future__ import annotations

import bson
import pytest
from bson import Int64, Timestamp
from bson.raw_bson import RawBSONDocument
from compare import raw_documents
from odd_documents import bodies, dollar_names, duplicate_names, element, int32, keys, raw
from pymongo.collection import Collection
from pymongo.errors import PyMongoError, WriteError
from world import World

REFUSED_MAX = 3
PHASES = ["first-copy", "live"]


def insert_each(collection: Collection, documents: dict[str, RawBSONDocument]) -> list[str]:
    """Inserts each by itself; returns the names of those that the server took."""
    taken = []
    for name, document in documents.items():
        try:
            collection.insert_one(document)
            taken.append(name)
        except PyMongoError:
            continue
    assert len(documents) - len(taken) <= REFUSED_MAX, sorted(set(documents) - set(taken))
    return taken


def key_documents() -> dict[str, RawBSONDocument]:
    return {name: RawBSONDocument(bson.encode({"_id": key, "name": name})) for name, key in keys().items()}


@pytest.mark.parametrize("phase", PHASES)
def test_odd_documents(world: World, phase: str) -> None:
    if phase == "live":
        world.mirror()
    insert_each(world.db.odd, bodies())
    if phase == "first-copy":
        world.mirror()
    world.settle()
    world.assert_equal()
    assert world.first.metrics()["deadLetters"] == 0


@pytest.mark.parametrize("phase", PHASES)
def test_ids_of_every_type(world: World, phase: str) -> None:
    if phase == "live":
        world.mirror()
    insert_each(world.db.odd, key_documents())
    if phase == "first-copy":
        world.mirror()
    world.settle()
    world.assert_equal()


def test_ids_of_every_type_updated_and_deleted(world: World) -> None:
    world.mirror()
    taken = insert_each(world.db.odd, key_documents())
    for number, name in enumerate(taken):
        # By name: a query for NaN or a document would test the server's matching, not the mirror.
        if number % 3 == 0:
            assert world.db.odd.update_one({"name": name}, {"$set": {"name": name, "seen": True}}).matched_count == 1
        elif number % 3 == 1:
            assert world.db.odd.delete_one({"name": name}).deleted_count == 1
    world.settle()
    world.assert_equal()


def test_odd_documents_updated(world: World) -> None:
    """An update makes the worker read the document again and replace it: a path of its own for odd field names."""
    world.mirror()
    for name in insert_each(world.db.odd, {name: body for name, body in bodies().items() if name != "large"}):
        try:
            world.db.odd.update_one({"_id": name}, {"$set": {"added": 1}})
            world.db.odd.update_one({"_id": name}, {"$set": {"added": Int64(1)}, "$unset": {"b": ""}})
        except WriteError:
            continue  # local itself cannot update it
    world.settle()
    world.assert_equal()
    assert world.first.metrics()["deadLetters"] == 0


@pytest.mark.parametrize("phase", PHASES)
def test_duplicate_names(world: World, phase: str) -> None:
    """Skipped where the server itself drops one of the two when it replaces, as the embedded one does."""
    world.copy.probe.replace_one({"_id": 1}, duplicate_names(), upsert=True)
    kept = list(raw_documents(world.copy, "probe")) == [duplicate_names().raw]
    world.copy.probe.drop()
    if not kept:
        pytest.skip("this server does not keep duplicate names when it replaces a document")
    if phase == "live":
        world.mirror()
    world.db.odd.insert_one(duplicate_names())
    if phase == "first-copy":
        world.mirror()
    world.settle()
    world.assert_equal()


@pytest.mark.parametrize("phase", PHASES)
def test_dollar_names(world: World, phase: str) -> None:
    if phase == "live":
        world.mirror()
    world.db.odd.insert_one(dollar_names())
    if phase == "first-copy":
        world.mirror()
    world.settle()
    world.assert_equal()


def test_dollar_names_updated(world: World) -> None:
    """The backup takes no replacement with such a name: it has to be deleted and inserted."""
    world.mirror()
    world.db.odd.insert_one(dollar_names())
    world.settle()
    world.db.odd.update_one({"_id": 1}, {"$set": {"added": 1}})
    world.settle()
    world.assert_equal()


def test_equal_values_of_another_type_are_changes(world: World) -> None:
    world.db.things.insert_many([{"_id": number, "n": 1, "m": [1, 2]} for number in range(6)])
    world.mirror()
    for number, value in enumerate((Int64(1), 1.0, bson.Decimal128("1"), bson.Decimal128("1.0"), -0.0, True)):
        world.db.things.update_one({"_id": number}, {"$set": {"n": value, "m.1": value}})
    world.settle()
    world.assert_equal()


def test_id_that_changes_its_type(world: World) -> None:
    """1 and 1L are one `_id`; deleted and inserted as the other, its bytes on the backup must change too."""
    world.db.things.insert_many([{"_id": number} for number in range(9)])
    world.mirror()
    for number, again in enumerate((Int64(0), 1.0, bson.Decimal128("2"), Int64(3), 4.0)):
        world.db.things.delete_one({"_id": number})
        world.db.things.insert_one({"_id": again, "again": True})
    world.settle()
    world.assert_equal()


def test_field_order_is_kept(world: World) -> None:
    world.db.things.insert_many([{"_id": number, "a": 1, "b": 2, "c": 3} for number in range(4)])
    world.db.things.insert_many([{"_id": number, "c": {"x": 1, "y": 2}, "d": 3} for number in range(4, 8)])
    world.mirror()
    world.db.things.update_one({"_id": 0}, {"$unset": {"a": ""}})
    world.db.things.update_one({"_id": 0}, {"$set": {"a": 1}})
    world.db.things.update_one({"_id": 1}, {"$rename": {"a": "z"}})
    world.db.things.update_one({"_id": 2}, {"$set": {"n.y": 1, "n.x": 2}})
    world.db.things.update_one({"_id": 2}, {"$set": {"n.w": 3}, "$unset": {"b": ""}})
    world.db.things.replace_one({"_id": 3}, {"c": 3, "b": 2, "a": 1})
    # Nothing but the order changes: the event may name no field, or one with the value that it had.
    world.db.things.update_one({"_id": 4}, {"$set": {"c": {"y": 2, "x": 1}}})
    world.db.things.update_one({"_id": 5}, [{"$replaceWith": {"$mergeObjects": [{"d": 0}, "$$ROOT"]}}])
    world.db.things.update_one({"_id": 6}, [{"$set": {"c": {"$mergeObjects": [{"y": 0}, "$c"]}}}])
    world.settle()
    world.assert_equal()


def test_names_that_look_like_paths(world: World) -> None:
    """A dotted name beside a nested one: a delta by path would change the wrong one."""
    world.mirror()
    world.db.things.insert_one(raw(int32("_id", 1), int32("a.b", 1), element(0x03, "a", raw(int32("b", 2)).raw)))
    world.db.things.update_one({"_id": 1}, {"$set": {"a.b": 3}})
    if supports_set_field(world):
        world.db.things.update_one({"_id": 1}, [{"$replaceWith": {"$setField": {
            "field": {"$literal": "a.b"}, "input": "$$ROOT", "value": 9}}}])
    world.db.things.insert_one({"_id": 2, "list": {"0": "a", "1": "b"}, "array": ["a", "b"]})
    world.db.things.update_one({"_id": 2}, {"$set": {"list.1": "c", "array.1": "c"}})
    world.settle()
    world.assert_equal()


def supports_set_field(world: World) -> bool:
    try:
        world.db.scratch.insert_one({"_id": 1})
        list(world.db.scratch.aggregate([{"$replaceWith": {"$setField": {
            "field": {"$literal": "a.b"}, "input": "$$ROOT", "value": 1}}}]))
        return True
    except PyMongoError:
        return False


def test_empty_timestamp_set_by_an_update(world: World) -> None:
    """A server fills Timestamp(0, 0) in on insert and replace, but keeps one that an update set: so must the backup."""
    world.db.things.insert_one({"_id": 1, "at": Timestamp(1, 1)})
    world.db.things.update_one({"_id": 1}, {"$set": {"at": Timestamp(0, 0)}})
    world.mirror()
    world.db.things.insert_one({"_id": 2, "at": Timestamp(1, 1)})
    world.db.things.update_one({"_id": 2}, {"$set": {"at": Timestamp(0, 0)}})
    world.db.things.update_one({"_id": 1}, {"$set": {"after": 1}})
    world.settle()
    world.assert_equal()


def test_arrays_that_shrink_and_grow(world: World) -> None:
    """`$slice` and `$pop` come as truncatedArrays, nested ones with a path."""
    world.db.things.insert_many([
        {"_id": number, "a": list(range(20)), "n": {"b": [[1, 2], [3]]}} for number in range(8)])
    world.mirror()
    for number, update in enumerate((
            {"$push": {"a": {"$each": [], "$slice": 5}}}, {"$pop": {"a": 1}}, {"$pop": {"a": -1}}, {"$set": {"a": []}},
            {"$push": {"a": {"$each": [99], "$position": 0}}}, {"$set": {"a.25": "beyond the end"}},
            {"$pull": {"n.b": [3]}}, {"$unset": {"a.3": ""}})):
        world.db.things.update_one({"_id": number}, update)
    world.settle()
    world.assert_equal()
