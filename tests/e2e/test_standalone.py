"""A local without change streams: what middleware reports, and what comparing by the clock finds.

Tried on the embedded server's standalone mode only, which is what a mongod without --replSet looks like to drivers.
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bson import ObjectId, json_util
from embedded_server import EmbeddedServer
from mirror_daemon import MirrorDaemon, Reply
from workload import filled
from world import HTTP_OK, METADATA_DATABASE, Pair, World, eventually

HTTP_ACCEPTED, HTTP_BAD_REQUEST = 202, 400
OPERATIONS = "/api/sync/operations"
NEVER = {"SYNC_RECONCILE_INTERVAL": "0"}
SOON = {"SYNC_RECONCILE_INTERVAL": "1s"}


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[World]:
    """A world whose local is a standalone server."""
    local = EmbeddedServer(tmp_path / "local", tmp_path / "local.log", ("--standalone",)).start()
    backup = EmbeddedServer(tmp_path / "backup", tmp_path / "backup.log").start()
    made = World(Pair(local.uri(), backup.uri(), local, backup), tmp_path)
    try:
        yield made
    finally:
        made.close()
        made.pair.stop()


def report(daemon: MirrorDaemon, collection: str, *ids: object, ranges: tuple[str, ...] = ()) -> Reply:
    body = {"operations": [{"collection": collection, "filter": {"_id": one}} for one in ids],
            "dirtyRanges": [{"collection": one} for one in ranges]}
    text = json_util.dumps(body, json_options=json_util.CANONICAL_JSON_OPTIONS)
    return daemon.request("POST", OPERATIONS, body=text.encode())


def test_first_copy_and_the_verdict_says_what_is_weaker(alone: World) -> None:
    filled(alone.db, "bills", 3000)
    alone.db.bills.create_index("v")
    daemon = alone.mirror(**NEVER)
    alone.assert_equal()
    health = daemon.health()
    assert health["status"] == "degraded"
    assert {reason["code"] for reason in health["reasons"]} == {"standalone"}
    status = daemon.status()
    assert status["capture"]["state"] == "standalone" and status["reconcile"]["on"] is False
    assert "standalone server" in daemon.command("status").stdout


def test_what_is_reported_reaches_the_backup(alone: World) -> None:
    daemon = alone.mirror(**NEVER)
    bills, name = alone.db.bills, f"{alone.database}.bills"
    ids = [1, "two", ObjectId(), 3.5, {"site": 1, "n": 2}, None]
    bills.insert_many([{"_id": one, "v": 1} for one in ids])
    reply = report(daemon, name, *ids)
    assert reply.status == HTTP_ACCEPTED
    assert reply.body == {"accepted": 6, "dirtyRanges": 0, "ignored": 0, "durable": True}
    alone.settle()
    alone.assert_equal()
    bills.update_one({"_id": 1}, {"$set": {"v": 2}})
    bills.delete_one({"_id": "two"})
    bills.replace_one({"_id": ids[2]}, {"other": True})
    assert report(daemon, name, 1, "two", ids[2]).status == HTTP_ACCEPTED
    alone.settle()
    alone.assert_equal()
    assert daemon.metrics()["rpoSeconds"] == 0


def test_a_report_is_on_disk_before_the_answer(alone: World) -> None:
    daemon = alone.mirror(**NEVER)
    assert daemon.request("POST", "/api/sync/pause").status == HTTP_OK
    alone.db.bills.insert_many([{"_id": n} for n in range(500)])
    assert report(daemon, f"{alone.database}.bills", *range(500)).status == HTTP_ACCEPTED
    daemon.kill()
    daemon.start()
    assert daemon.metrics()["queueSize"] == 500
    assert daemon.request("POST", "/api/sync/resume").status == HTTP_OK
    alone.settle()
    alone.assert_equal()


def test_a_bad_entry_is_named_and_none_is_stored(alone: World) -> None:
    daemon = alone.mirror(**NEVER)
    alone.db.bills.insert_one({"_id": 1})
    good = {"collection": f"{alone.database}.bills", "filter": {"_id": 1}}
    for bad in ({"collection": "bills", "filter": {"_id": 1}}, {**good, "filter": {}}, {**good, "filter": {"_id": [1]}},
                {**good, "filter": {"_id": {"$oid": "no"}}}, {**good, "colour": 1}, 7):
        body = json.dumps({"operations": [good, bad]}).encode()
        reply = daemon.request("POST", OPERATIONS, body=body)
        assert reply.status == HTTP_BAD_REQUEST and "operations[1]" in reply.body["detail"], reply.text
    assert daemon.request("POST", OPERATIONS, token=None, body=b"{}").status == 401
    assert daemon.metrics()["totalOperations"] == 0
    elsewhere = report(daemon, "elsewhere.bills", 1)
    assert elsewhere.status == HTTP_ACCEPTED and elsewhere.body["ignored"] == 1


def test_what_nobody_reported_is_found_by_comparing(alone: World) -> None:
    filled(alone.db, "bills", 200)
    alone.mirror(**SOON)
    alone.db.bills.update_one({"_id": 5}, {"$set": {"v": "unseen"}})
    alone.db.bills.delete_one({"_id": 6})
    alone.db.fresh.insert_one({"_id": 1})
    alone.db.fresh.create_index("n", name="n_1")
    eventually(lambda: not alone.differences(), 30, "comparing repairs")
    eventually(lambda: alone.first.status()["reconcile"]["last"], 30, "it has ended once")
    reconcile = alone.first.status()["reconcile"]
    assert reconcile["on"] and reconcile["intervalSeconds"] == 1
    assert "reconcile" in alone.first.command("status").stdout
    alone.assert_equal()


def test_a_dropped_collection_goes_and_a_strange_one_stays(alone: World) -> None:
    filled(alone.db, "bills", 50)
    filled(alone.db, "gone", 50)
    alone.copy.strange.insert_one({"_id": "of somebody else"})
    alone.mirror(**SOON)
    alone.db.gone.drop()
    eventually(lambda: "gone" not in alone.copy.list_collection_names(), 30, "the drop is found")
    archives = [name for name in alone.copy.list_collection_names() if name.startswith("gone__dropped_")]
    assert len(archives) == 1 and alone.copy[archives[0]].count_documents({}) == 50
    assert alone.copy.strange.count_documents({}) == 1


def test_a_range_that_middleware_lost_is_compared(alone: World) -> None:
    filled(alone.db, "bills", 300)
    daemon = alone.mirror(**NEVER)
    alone.db.bills.update_many({}, {"$set": {"many": 1}})
    alone.db.other.insert_one({"_id": 1})
    assert report(daemon, "", ranges=(f"{alone.database}.bills",)).body["dirtyRanges"] == 1
    alone.settle()
    assert not [line for line in alone.differences() if "bills" in line]
    assert report(daemon, "", ranges=(alone.database,)).body["dirtyRanges"] == 1
    alone.settle()
    alone.assert_equal()


def test_most_of_a_collection_is_deleted_and_reported(alone: World) -> None:
    filled(alone.db, "bills", 3000)
    daemon = alone.mirror(**NEVER)
    name = f"{alone.database}.bills"
    alone.db.bills.delete_many({"_id": {"$gt": 500}})
    assert report(daemon, name, *range(501, 3001)).status == HTTP_ACCEPTED
    eventually(lambda: daemon.metrics()["heldDeletes"] > 2000, 60, "the guard holds them")
    assert alone.copy.bills.count_documents({}) > 2500
    assert daemon.command("release", name).returncode == 0
    alone.settle()
    eventually(lambda: alone.copy.bills.count_documents({}) == 500, 60, "a person has decided")
    alone.assert_equal()


def test_local_is_away_for_a_while(alone: World) -> None:
    daemon = alone.mirror(**NEVER)
    alone.db.bills.insert_one({"_id": 1})
    alone.pair.local_server.stop()
    assert report(daemon, f"{alone.database}.bills", 1).status == HTTP_ACCEPTED
    eventually(lambda: daemon.status()["capture"]["state"] == "connecting", 30, "local's absence is noticed")
    alone.pair.local_server.start()
    alone.settle()
    alone.assert_equal()


def test_made_a_replica_set_it_is_compared_and_followed(alone: World) -> None:
    filled(alone.db, "bills", 200)
    daemon = alone.mirror(**NEVER)
    assert daemon.stop() == 0
    alone.db.bills.update_one({"_id": 3}, {"$set": {"v": "while nobody looked"}})
    server = alone.pair.local_server
    server.stop()
    server.arguments = ()
    server.start()
    daemon.start()
    eventually(lambda: daemon.health()["status"] == "healthy", 60, "it is a mirror like any other now")
    alone.db.bills.insert_one({"_id": "live"})
    alone.settle()
    alone.assert_equal()
    assert daemon.status()["reconcile"]["on"] is False


def test_made_a_replica_set_under_a_running_daemon(alone: World) -> None:
    daemon = alone.mirror(**NEVER)
    server = alone.pair.local_server
    server.stop()
    server.arguments = ()
    server.start()
    eventually(lambda: "replica set now" in daemon.status()["capture"]["cause"], 60, "it is said")
    assert daemon.stop() == 0
    daemon.start()
    eventually(lambda: daemon.health()["status"] == "healthy", 60, "it is a mirror like any other now")


def test_the_canary_tells_that_the_queue_moves(alone: World) -> None:
    alone.mirror(SYNC_CANARY_INTERVAL="1s", **NEVER)
    eventually(lambda: alone.first.status()["canary"]["lastArrival"], 30, "a canary arrives")
    assert METADATA_DATABASE in alone.local.list_database_names()


@pytest.mark.skipif("DUALSYNC_TEST_LOCAL_URI" in os.environ, reason="the embedded server alone can be made one")
def test_doctor_prints_the_steps(alone: World) -> None:
    done = alone.daemon().command("doctor")
    assert "rs.initiate" in done.stdout, done.stdout
