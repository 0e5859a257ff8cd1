"""The daemon's own comparisons: on request they name what differs, on schedule they repair it, while writes run."""
from __future__ import annotations

import json
import time

import pytest
from bson import Binary, Int64
from bson.json_util import loads
from pymongo import ASCENDING
from workload import Background, Mixed, filled
from mirror_daemon import MirrorDaemon
from world import World, eventually

PATH = "/api/sync/verify"
ACCEPTED, BAD, BUSY = 202, 400, 409
DOCUMENTS = 3000


def filled_world(world: World) -> None:
    filled(world.db, "still", DOCUMENTS)
    filled(world.db, "busy", DOCUMENTS)
    filled(world.db, "keyed", 20)
    world.db.still.insert_one({"_id": "binary", "bytes": Binary(bytes(range(256)) * 4), "embedded": {"a": 1, "b": 2}})
    world.db.still.create_index([("group", ASCENDING)], name="groups")
    world.db.still.create_index([("value", ASCENDING)], name="values", sparse=True)
    world.db.create_collection("checked", validator={"value": {"$gte": 0}})
    world.db.create_collection("seen", viewOn="still", pipeline=[{"$match": {"value": 1}}])


def damaged(world: World) -> dict[tuple[str, object], str]:
    """Each kind of difference, behind the mirror's back; returns (collection, `_id`) -> kind."""
    copy = world.copy.still
    copy.delete_one({"_id": 10})
    copy.insert_one({"_id": "foreign", "value": 1})
    copy.update_one({"_id": 20}, {"$set": {"value": 2000}})
    copy.update_one({"_id": 30}, {"$set": {"value": Int64(30)}})
    one = copy.find_one({"_id": 40})
    copy.replace_one({"_id": 40}, {"_id": 40, **dict(reversed([each for each in one.items() if each[0] != "_id"]))})
    copy.replace_one({"_id": "binary"}, {
        "_id": "binary", "bytes": Binary(bytes(range(256)) * 3 + bytes(range(255)) + b"\xfe"),
        "embedded": {"a": 1, "b": 2}})
    world.copy.keyed.delete_one({"_id": 5})
    world.copy.keyed.insert_one({"_id": Int64(5), "value": 5, "group": 5, "text": "t" * 200})
    copy.drop_index("groups")
    copy.drop_index("values")
    copy.create_index([("value", ASCENDING)], name="values")
    world.copy.drop_collection("seen")
    world.copy.create_collection("seen", viewOn="still", pipeline=[{"$match": {"value": 2}}])
    return {("still", 10): "missing", ("still", "foreign"): "foreign", ("still", 20): "content",
            ("still", 30): "content", ("still", 40): "content", ("still", "binary"): "content",
            ("keyed", 5): "content"}


def found_in(body: dict) -> dict[tuple[str, object], str]:
    return {(each["namespace"].split(".", 1)[1], loads(json.dumps(each["id"]))): each["kind"]
            for each in body["differences"]}


def schema_in(body: dict) -> dict[str, list[str]]:
    return {each["namespace"].split(".", 1)[1]: each["schema"] for each in body["namespaces"] if each["schema"]}


def ordered(world: World, **order: object) -> dict:
    """Asks for a comparison and waits for its end."""
    reply = world.first.request("POST", PATH, body=json.dumps(order).encode())
    assert reply.status == ACCEPTED, reply.body
    number = reply.body["id"]

    def ended() -> dict | None:
        body = world.first.request("GET", PATH).body
        assert body["id"] == number
        return body if body["state"] != "running" else None

    return eventually(ended, 120, "the comparison ends")


def reasons(world: World) -> list[str]:
    return [each["code"] for each in world.first.health()["reasons"]]


def test_names_exactly_what_was_planted_while_writes_run_and_repairs_on_demand(world: World) -> None:
    filled_world(world)
    daemon = world.mirror()
    assert daemon.request("GET", PATH).body["state"] == "idle"
    with Background(Mixed(world.db.busy, DOCUMENTS, seed=26).bulk) as writes:
        eventually(lambda: writes.rounds > 3, 60, "writes run")
        sound = ordered(world)
        assert (sound["state"], sound["equal"], sound["whole"]) == ("done", True, True), json.dumps(sound)[:2000]
        assert found_in(sound) == {} and schema_in(sound) == {}
        planted = damaged(world)
        before = writes.rounds
        told = ordered(world)
        assert writes.rounds > before, "no write went on meanwhile"
        assert found_in(told) == planted and told["differenceCount"] == len(planted)
        schema = schema_in(told)
        assert sorted(schema.pop("still")) == ["index 'groups' is missing on the backup", "index 'values' differs"]
        assert schema == {"seen": ["option 'pipeline' differs"]}
        assert (told["equal"], told["repaired"], told["verifiedUntil"]) == (False, None, None)
        assert world.copy.still.find_one({"_id": 10}) is None, "it was only asked to tell"
        assert "verify-differences" in reasons(world) and daemon.health()["status"] == "degraded"
        conflicts = daemon.metrics()["conflicts"]
        # The restart keeps what is known.
        assert daemon.stop() == 0
        daemon.start()
        kept = daemon.request("GET", PATH).body
        assert found_in(kept) == planted and kept["id"] == told["id"]
        assert "verify-differences" in reasons(world)
        world.settle()
        repaired = ordered(world, repair=True)
        assert (repaired["state"], repaired["repaired"]) == ("done", True), json.dumps(repaired)[:2000]
        assert found_in(repaired) == planted
        assert "verify-differences" not in reasons(world)
        assert daemon.metrics()["conflicts"] >= len(planted) and conflicts == 0
    world.settle()
    world.assert_equal()
    lines = [line for line in daemon.log_lines() if line["module"] == "verify" and "id" in line]
    assert any(line.get("namespace") == f"{world.database}.still" and line.get("kind") == "missing"
               and loads(line["id"]) == 10 for line in lines if isinstance(line["id"], str)), lines[-5:]
    assert "tttttttt" not in daemon.log_text(), "content in the log"


def test_the_schedule_repairs_while_writes_run(world: World) -> None:
    filled_world(world)
    daemon = world.mirror(SYNC_VERIFY_INTERVAL="2s")
    with Background(Mixed(world.db.busy, DOCUMENTS, seed=27).bulk) as writes:
        eventually(lambda: writes.rounds > 3, 60, "writes run")
        eventually(lambda: daemon.metrics()["verifiedUntil"], 60, "the daemon compares by itself")
        planted = damaged(world)

        def done() -> bool:
            world_is = daemon.request("GET", PATH).body
            return world_is["state"] == "done" and world.copy.still.find_one({"_id": 10}) is not None and \
                "verify-differences" not in reasons(world)

        eventually(done, 120, "it is repaired")
        eventually(lambda: "groups" in world.copy.still.index_information(), 60, "the index is back")
    world.settle()
    eventually(lambda: not world.differences(), 60, "both are equal byte for byte")
    until = daemon.metrics()["verifiedUntil"]
    eventually(lambda: daemon.metrics()["verifiedUntil"]["t"] > until["t"], 60, "and it is proven again")
    world.assert_equal()
    assert daemon.metrics()["conflicts"] >= len(planted)
    assert daemon.metrics()["deadLetters"] == 0


def test_a_strange_collection_is_named_and_left(world: World) -> None:
    filled(world.db, "still", 100)
    daemon = world.mirror(SYNC_VERIFY_INTERVAL="1s")
    world.copy.stranger.insert_one({"_id": 1})
    eventually(lambda: "verify-differences" in reasons(world), 60, "it is found")
    reason = next(each for each in daemon.health()["reasons"] if each["code"] == "verify-differences")
    assert f"{world.database}.stranger exists only on the backup" in reason["message"]
    assert world.copy.stranger.count_documents({}) == 1
    world.copy.drop_collection("stranger")
    eventually(lambda: "verify-differences" not in reasons(world), 60, "it is gone")


def test_one_at_a_time_progress_and_a_quick_stop(world: World) -> None:
    filled(world.db, "still", 60_000, padding=20)
    daemon = world.mirror()
    hot = iter(range(1_000_000_000))
    with Background(lambda: world.db.still.update_one({"_id": 5}, {"$set": {"hot": next(hot)}})):
        assert daemon.request("POST", PATH).status == ACCEPTED
        second = daemon.request("POST", PATH)
        assert second.status == BUSY and "running already" in second.body["detail"]
        eventually(lambda: daemon.request("GET", PATH).body["documentsDone"] > 0, 60, "it walks")
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    daemon.start()
    assert daemon.request("GET", PATH).body["state"] in ("done", "failed")
    world.settle()
    assert ordered(world, namespaces=["still"])["documentsDone"] == 60_000


def busy(daemon: MirrorDaemon) -> str:
    refused = daemon.request("POST", PATH)
    assert refused.status == BUSY, refused.body
    return refused.body["detail"]


def test_a_backup_that_goes_away_is_no_difference(own_world: World) -> None:
    filled(own_world.db, "still", 500)
    daemon = own_world.mirror(SYNC_VERIFY_INTERVAL="1s")
    eventually(lambda: daemon.metrics()["verifiedUntil"], 60, "it compares")
    own_world.pair.backup_server.stop()
    own_world.db.still.insert_one({"_id": "meanwhile"})
    eventually(lambda: daemon.metrics()["breaker"] != "closed", 60, "the backup is away")
    # The schedule's own comparison, which is not over yet, is the first reason to refuse another.
    eventually(lambda: "offline" in busy(daemon), 60, "refused because the backup is away")
    assert "verify-differences" not in reasons(own_world)
    own_world.pair.backup_server.start()
    own_world.settle(120)
    until = daemon.metrics()["verifiedUntil"]
    eventually(lambda: daemon.metrics()["verifiedUntil"]["t"] > until["t"], 120, "the schedule goes on by itself")


@pytest.mark.parametrize(("body", "complaint"), [
    ('{"namespaces": "still"}', "namespaces is not a list"),
    ('{"repair": 1}', "neither true nor false"),
    ('{"force": true}', '"force" is not known'),
    ("[]", "not a JSON object"),
    ("{", "not JSON"),
    ('{"namespaces": ["thinks"]}', "no mirrored collection is named thinks"),
])
def test_bad_requests_start_nothing(world: World, body: str, complaint: str) -> None:
    filled(world.db, "still", 10)
    daemon = world.mirror()
    answer = daemon.request("POST", PATH, body=body.encode())
    assert answer.status == BAD
    assert complaint in answer.body["detail"]
    assert daemon.request("GET", PATH).body["state"] == "idle"
