"""`dualsync full-sync`: a damaged backup is made equal to local, whatever it holds, while writes go on."""
from __future__ import annotations

import json
import time

import pytest
from compare import archived
from workload import Background, Mixed, filled
from world import World, eventually, patience

EXIT_FAILED, EXIT_USAGE, EXIT_OWNED, EXIT_NO_DAEMON = 1, 2, 4, 7
DOCUMENTS = 3_000
PATH = "/api/sync/full-sync"


def damage(world: World) -> int:
    """Changes the backup behind the mirror's back; returns in how many documents."""
    copy = world.copy.still
    gone = copy.delete_many({"_id": {"$lt": 40}}).deleted_count
    changed = copy.update_many({"_id": {"$gte": 100, "$lt": 150}}, {"$set": {"damaged": True}}).modified_count
    copy.insert_many([{"_id": f"foreign {number}"} for number in range(30)])
    world.copy.stranger.insert_one({"_id": 1})
    world.copy.drop_collection("lost")
    return gone + changed + 30


def full_sync(world: World, *arguments: str, code: int = 0) -> dict:
    done = world.first.command("full-sync", *arguments, "--json", timeout=patience(120))
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


def part_of(report: dict, world: World, collection: str) -> dict:
    return next(each for each in report["namespaces"] if each["namespace"] == f"{world.database}.{collection}")


def test_repairs_everything_while_writes_go_on(world: World) -> None:
    filled(world.db, "still", DOCUMENTS)
    filled(world.db, "lost", 100)
    filled(world.db, "busy", DOCUMENTS)
    world.db.still.create_index("group", name="groups")
    daemon = world.mirror()
    mixed = Mixed(world.db.busy, DOCUMENTS, seed=16)
    with Background(mixed.bulk) as writes:
        eventually(lambda: writes.rounds > 3, 60, "writes run")
        damaged = damage(world)
        world.copy.still.drop_index("groups")
        before = daemon.metrics()["appliedPosition"]
        report = full_sync(world)
        assert (daemon.metrics()["appliedPosition"]["t"], 0) >= (before["t"], 0)
    assert report["state"] == "done"
    assert part_of(report, world, "still")["repairs"] == damaged
    assert part_of(report, world, "still")["documentsDone"] == DOCUMENTS
    assert part_of(report, world, "lost")["documentsDone"] == 100
    assert part_of(report, world, "stranger")["state"] == "done"
    world.settle(60)
    world.assert_equal()
    assert "stranger" not in world.copy.list_collection_names()
    assert "groups" in world.copy.still.index_information()
    assert daemon.metrics()["deadLetters"] == 0
    again = full_sync(world, "still")
    assert again["id"] == report["id"] + 1
    assert [each["repairs"] for each in again["namespaces"]] == [0]


def test_keeps_what_only_the_backup_has_if_asked(world: World) -> None:
    filled(world.db, "still", 500)
    world.mirror()
    world.copy.still.insert_one({"_id": "foreign"})
    world.copy.still.delete_one({"_id": 3})
    world.copy.stranger.insert_one({"_id": 1})
    report = full_sync(world, "--keep-extra")
    assert part_of(report, world, "still") | {"documentsTotal": 0} == {
        "namespace": f"{world.database}.still", "state": "done", "documentsDone": 500, "documentsTotal": 0,
        "repairs": 1, "kept": 1}
    assert world.copy.still.count_documents({}) == 501
    assert world.copy.stranger.count_documents({}) == 1


def test_a_dry_run_changes_nothing(world: World) -> None:
    filled(world.db, "still", 200)
    world.mirror()
    world.copy.still.delete_one({"_id": 3})
    done = world.first.command("full-sync", "--dry-run")
    assert done.returncode == EXIT_FAILED
    assert "NOT EQUAL: 1 difference in 1 of 1 collection" in done.stdout
    assert world.copy.still.count_documents({}) == 199
    assert full_sync(world, "--status") | {"namespaces": []} == full_sync(world, "--status")
    assert full_sync(world, "--status")["state"] == "none"


def test_only_one_at_a_time_and_cancel(world: World) -> None:
    filled(world.db, "still", DOCUMENTS)
    world.mirror(SYNC_MAX_OPS_PER_SECOND="50")
    world.copy.still.delete_many({"_id": {"$lt": 2_000}})
    started = full_sync(world, "--detach")
    assert started["state"] == "running"
    second = world.first.command("full-sync")
    assert second.returncode == EXIT_OWNED
    assert "a full sync is running already" in second.stderr
    assert world.first.request("POST", PATH).status == 409
    cancelled = full_sync(world, "--cancel")
    assert cancelled["state"] == "cancelled"
    assert world.first.metrics()["dirtyRanges"] == 0
    nothing = world.first.command("full-sync", "--cancel")
    assert nothing.returncode == EXIT_FAILED
    assert "no full sync is running" in nothing.stderr


def test_goes_on_after_a_kill(world: World) -> None:
    filled(world.db, "still", DOCUMENTS)
    filled(world.db, "more", 1_000)
    daemon = world.mirror(SYNC_MAX_OPS_PER_SECOND="800")
    world.copy.still.delete_many({})
    world.copy.still.insert_one({"_id": "foreign"})
    world.copy.more.delete_many({"_id": {"$lt": 500}})
    started = full_sync(world, "--detach")
    eventually(lambda: world.copy.still.count_documents({}) > 200, 60, "some of it is repaired")
    daemon.kill()
    daemon.start()
    status = full_sync(world, "--status")
    assert status["id"] == started["id"]
    eventually(lambda: full_sync(world, "--status")["state"] == "done", 120, "it ends")
    world.settle(60)
    world.assert_equal()


@pytest.mark.parametrize(("body", "complaint"), [
    ('{"namespaces": "still"}', "namespaces is not a list"),
    ('{"namespaces": [1]}', "something other than names"),
    ('{"keepExtra": 1}', "neither true nor false"),
    ('{"force": true}', '"force" is not known'),
    ("[]", "not a JSON object"),
    ("{", "not JSON"),
    ('{"namespaces": ["thinks"]}', "no mirrored collection is named thinks"),
])
def test_bad_requests_start_nothing(world: World, body: str, complaint: str) -> None:
    filled(world.db, "still", 10)
    daemon = world.mirror()
    answer = daemon.request("POST", PATH, body=body.encode())
    assert answer.status == 400
    assert complaint in answer.body["detail"]
    assert daemon.request("GET", PATH).body["state"] == "none"


def test_without_a_daemon_it_says_so(world: World) -> None:
    filled(world.db, "still", 10)
    daemon = world.mirror()
    wrong = daemon.command("full-sync", "thinks")
    assert wrong.returncode == EXIT_USAGE
    assert "no mirrored collection is named thinks" in wrong.stderr
    daemon.stop()
    time.sleep(0.1)
    done = daemon.command("full-sync")
    assert done.returncode == EXIT_NO_DAEMON
    assert "no daemon answers" in done.stderr


def test_options_of_the_backup_are_set_as_local_has_them(world: World) -> None:
    """A validator that somebody gave the backup goes, one that it lost comes back, and no document is lost over it."""
    world.db.create_collection("checked", validator={"a": {"$type": "int"}}, validationLevel="moderate")
    world.db.checked.insert_many([{"_id": number, "a": number} for number in range(20)])
    world.db.plain.insert_many([{"_id": number} for number in range(20)])
    world.db.command({"create": "seen", "viewOn": "plain", "pipeline": []})
    world.mirror()
    world.copy.command({"collMod": "checked", "validator": {"b": 1}, "validationLevel": "strict"})
    world.copy.command({"collMod": "plain", "validator": {"c": 1}, "validationAction": "warn"})
    world.copy.seen.drop()
    world.copy.seen.insert_one({"_id": "a collection where local has a view"})
    assert world.first.command("full-sync", "--json").returncode == 0
    world.settle()
    assert world.verify()["equal"] is True
    assert world.copy.command("listCollections", filter={"name": "checked"})["cursor"]["firstBatch"][0]["options"][
        "validator"] == {"a": {"$type": "int"}}
    (kept,) = archived(world.copy, "seen")
    assert world.copy[kept].count_documents({}) == 1
