"""`dualsync verify` names exactly what differs, while writes go on, and nothing that is only on its way."""
from __future__ import annotations

import json

from bson import Int64
from bson.json_util import loads
from pymongo import ASCENDING
from workload import Background, Mixed, filled
from world import World, eventually

EXIT_USAGE, EXIT_DIFFERENCES = 2, 1
DOCUMENTS = 3000


def planted_in(world: World) -> dict[object, tuple[str, str]]:
    """Damages the backup behind the mirror's back; returns `_id` -> (kind, path)."""
    copy = world.copy.still
    copy.update_one({"_id": 10}, {"$set": {"value": Int64(10)}})                       # another type of the same number
    one = copy.find_one({"_id": 20})
    copy.replace_one({"_id": 20}, {"_id": 20, **dict(reversed([each for each in one.items() if each[0] != "_id"]))})
    copy.update_one({"_id": 30}, {"$set": {"text": "t" * 199 + "u"}})                  # one byte
    copy.update_one({"_id": 40}, {"$set": {"extra": None}})
    copy.delete_one({"_id": 50})
    copy.insert_one({"_id": "foreign", "value": 1})
    return {10: ("content", "value"), 20: ("content", "value"), 30: ("content", "text"), 40: ("content", "extra"),
            50: ("missing", ""), "foreign": ("foreign", "")}


def found_in(report: dict, namespace: str) -> dict[object, tuple[str, str]]:
    one = next(each for each in report["namespaces"] if each["namespace"] == namespace)
    return {loads(json.dumps(each["id"])): (each["kind"], each["path"]) for each in one["differences"]}


def test_names_exactly_what_was_planted_while_writes_run(world: World) -> None:
    filled(world.db, "still", DOCUMENTS)
    filled(world.db, "busy", DOCUMENTS)
    world.db.still.create_index([("group", ASCENDING)], name="groups")
    world.db.still.create_index([("value", ASCENDING)], name="values")
    world.db.create_collection("checked", validator={"value": {"$gte": 0}})
    world.db.create_collection("seen", viewOn="still", pipeline=[{"$match": {"value": 1}}])
    world.mirror()
    mixed = Mixed(world.db.busy, DOCUMENTS, seed=6)
    hot = iter(range(1_000_000_000))
    with Background(mixed.bulk) as writes, \
            Background(lambda: world.db.still.update_one({"_id": 60}, {"$set": {"hot": next(hot)}})) as hot_writes:
        eventually(lambda: writes.rounds > 3 and hot_writes.rounds > 3, 60, "writes run")
        report = world.verify()
        assert report["equal"], json.dumps(report)[:2000]
        planted = planted_in(world)
        # Wrong in a field that the endless writes leave alone.
        world.copy.still.update_one({"_id": 60}, {"$set": {"text": "damaged"}})
        planted[60] = ("content", "text")
        world.copy.still.drop_index("groups")
        world.copy.command("collMod", "checked", validator={"value": {"$gte": 1}})
        world.copy.drop_collection("seen")
        before = writes.rounds
        report = world.verify(EXIT_DIFFERENCES)
        assert writes.rounds > before, "no write went on during verify"
    assert found_in(report, f"{world.database}.still") == planted
    schema = {each["namespace"].split(".")[1]: each["schema"] for each in report["namespaces"]}
    assert "option 'validator' differs" in schema.pop("checked")  # a server may list more options after a collMod
    assert schema == {"still": ["index 'groups' is missing on the backup"], "busy": [],
                      "seen": ["the collection is missing on the backup"]}
    assert found_in(report, f"{world.database}.busy") == {}


def test_equal_sides_are_proven_and_the_daemon_says_until_when(world: World) -> None:
    filled(world.db, "things", 50)
    daemon = world.mirror()
    assert daemon.metrics()["verifiedUntil"] is None
    part = daemon.command("verify", "things", "--json")
    assert part.returncode == 0, part.stderr
    until = world.verify()["verifiedUntil"]
    assert until["t"] > 0
    eventually(lambda: daemon.metrics()["verifiedUntil"] == until, 10, "the daemon reports the proof")
    assert daemon.stop() == 0
    world.copy.things.delete_one({"_id": 7})
    report = world.verify(EXIT_DIFFERENCES)
    assert found_in(report, f"{world.database}.things") == {7: ("missing", "")}
    daemon.start()
    eventually(lambda: daemon.metrics()["verifiedUntil"] == until, 10, "the proof survives a restart")


def test_unknown_namespace_is_an_error(world: World) -> None:
    filled(world.db, "things", 5)
    daemon = world.mirror()
    done = daemon.command("verify", "thinks")
    assert done.returncode == EXIT_USAGE
    assert "no mirrored collection is named thinks" in done.stderr
