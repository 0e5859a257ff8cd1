"""Comparing by the servers' digests: what is equal is not read, what differs is named as if everything had been.

The embedded server has no digests: digest_server.py stands in front of it and gives them as MongoDB documents them.
"""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest
from bson import Int64
from bson.json_util import loads
from digest_server import DigestServer
from workload import Background, Mixed, filled
from world import World, eventually

DOCUMENTS = 25_000  # three ranges
PATH = "/api/sync/verify"


class Digested(World):
    """A world whose servers give digests."""

    servers: tuple[DigestServer, DigestServer]

    def forget(self) -> None:
        for server in self.servers:
            server.forget()


@pytest.fixture
def digested(world: World) -> Iterator[Digested]:
    world.__class__ = Digested
    world.servers = DigestServer(world.pair.local_uri), DigestServer(world.pair.backup_uri)
    world.pair = dataclasses.replace(world.pair, local_uri=world.servers[0].uri, backup_uri=world.servers[1].uri)
    yield world
    for daemon in world.daemons:
        daemon.stop()
    for server in world.servers:
        server.close()


def quick_report(world: Digested) -> dict:
    world.forget()
    done = world.first.command("verify", "--quick", "--json")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert report["equal"] == (done.returncode == 0)
    return report


def of_collection(world: World, report: dict, name: str) -> dict:
    return next(each for each in report["namespaces"] if each["namespace"] == f"{world.database}.{name}")


def test_what_is_equal_is_not_read(digested: Digested) -> None:
    filled(digested.db, "still", DOCUMENTS)
    ids = (None, 1, "a", 2.5, True, Int64(7), {"a": 1})
    digested.db.mixed.insert_many([{"_id": each, "value": 1.5} for each in ids])
    digested.mirror()
    digested.settle()
    report = quick_report(digested)
    assert report["equal"] and of_collection(digested, report, "still")["byDigest"] == DOCUMENTS
    assert of_collection(digested, report, "mixed")["byDigest"] == 7
    backup = digested.servers[1]
    assert backup.digests >= 4 and backup.documents_read < 100, "indexes and options are read, documents are not"
    told = digested.first.command("verify", "--quick").stdout
    assert "EQUAL" in told and "digests" in told, told
    digested.forget()
    assert digested.verify()["equal"]
    assert backup.digests == 0 and backup.documents_read > DOCUMENTS, "without --quick everything is read"


def test_differences_are_named_while_writes_run(digested: Digested) -> None:
    filled(digested.db, "still", DOCUMENTS)
    filled(digested.db, "busy", 3000)
    digested.db.still.insert_one({"_id": "invoice", "lines": [{"price": 9.99}, {"price": 1.0}], "total": 10.99})
    digested.mirror()
    digested.settle()
    copy = digested.copy.still
    copy.update_one({"_id": 10}, {"$set": {"value": Int64(10)}})                   # another type of the same number
    copy.update_one({"_id": "invoice"}, {"$set": {"lines.0.price": 9.49}})         # the server's hash alone says 9
    one = copy.find_one({"_id": 20})
    copy.replace_one({"_id": 20}, {"_id": 20, **dict(reversed([each for each in one.items() if each[0] != "_id"]))})
    copy.delete_one({"_id": 24_000})
    copy.insert_one({"_id": "foreign", "value": 1})
    mixed = Mixed(digested.db.busy, 3000, seed=8)
    with Background(mixed.bulk) as writes:
        eventually(lambda: writes.rounds > 2, 60, "writes run")
        report = quick_report(digested)
    found = of_collection(digested, report, "still")
    assert {loads(json.dumps(each["id"])): each["kind"] for each in found["differences"]} == {
        10: "content", "invoice": "content", 20: "content", 24_000: "missing", "foreign": "foreign"}
    assert of_collection(digested, report, "busy")["differenceCount"] == 0
    assert 5_000 < found["byDigest"] < DOCUMENTS, "the range in the middle is equal and was not read"


def test_the_schedule_reads_everything_once_and_then_what_differs(digested: Digested) -> None:
    filled(digested.db, "still", 2000)
    daemon = digested.mirror(SYNC_VERIFY_INTERVAL="1", SYNC_FULL_VERIFY_INTERVAL="1h")
    digested.settle()

    def newest(quick: bool, after: int) -> dict | None:
        status = daemon.request("GET", PATH).body
        return status if status["state"] == "done" and status["quick"] == quick and status["id"] > after else None

    full = eventually(lambda: newest(False, 0), 60, "everything is read first")
    assert full["byDigest"] == 0 and full["verifiedUntil"]
    quick = eventually(lambda: newest(True, full["id"]), 60, "then digests will do")
    assert quick["byDigest"] == 2000 and quick["equal"] and quick["verifiedUntil"]
    digested.copy.still.update_one({"_id": 7}, {"$set": {"value": 7.25}})
    eventually(lambda: digested.copy.still.find_one({"_id": 7})["value"] == 7, 60, "what they tell is repaired")


def test_without_digests_everything_is_read(world: World) -> None:
    """On servers that have digests this is but another quick comparison."""
    filled(world.db, "still", 2000)
    world.mirror()
    world.settle()
    world.copy.still.update_one({"_id": 7}, {"$set": {"value": Int64(7)}})
    done = world.first.command("verify", "--quick", "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)["namespaces"][0]
    assert [each["id"] for each in found["differences"]] == [{"$numberInt": "7"}]
    assert found["localDocuments"] == found["backupDocuments"] == 2000
