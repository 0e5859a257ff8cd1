"""`dualsync pause` and `resume`: nothing reaches the backup, everything is captured, a restart ends no pause."""
from __future__ import annotations

import json

import pytest
from workload import filled
from world import HTTP_OK, HTTP_TIMED_OUT, World, eventually

EXIT_OK, EXIT_OWNED, EXIT_TIMED_OUT, EXIT_NO_DAEMON = 0, 4, 6, 7
CONFLICT = 409


def say(world: World, *arguments: str, code: int = EXIT_OK) -> dict:
    done = world.first.command(*arguments, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_a_pause_holds_changes_back_and_outlives_a_kill(world: World) -> None:
    filled(world.db, "bills", 100)
    daemon = world.mirror()
    assert say(world, "pause")["paused"] is True
    since = say(world, "pause")["since"]
    before = daemon.metrics()["totalOperations"]
    world.db.bills.update_many({}, {"$set": {"paid": True}})
    world.db.bills.create_index("paid", name="by_payment")
    world.db.create_collection("offers").insert_one({"_id": 1})
    eventually(lambda: daemon.metrics()["totalOperations"] >= before + 101, 60, "everything is captured")

    def nothing_arrived() -> None:
        assert world.copy.bills.count_documents({"paid": True}) == 0
        assert "by_payment" not in world.copy.bills.index_information()
        assert "offers" not in world.copy.list_collection_names()

    nothing_arrived()
    done = daemon.command("wait", "--timeout", "2")
    assert done.returncode == EXIT_TIMED_OUT
    assert "applying is paused; `dualsync resume` ends that" in done.stderr
    nothing_arrived()
    daemon.kill()
    daemon.start()
    health = eventually(lambda: next((each for each in daemon.health()["reasons"] if each["code"] == "paused"), None),
                        60, "the pause is back after a restart")
    assert "capture goes on" in health["message"] and "dualsync resume" in health["hint"]
    status = daemon.status()
    assert (status["paused"], status["pausedSince"]) == (True, since)
    assert daemon.wait(2).status == HTTP_TIMED_OUT
    nothing_arrived()
    assert "paused since" in daemon.command("status").stdout
    reply = daemon.request("POST", "/api/sync/full-sync")
    assert reply.status == CONFLICT and "resume" in reply.body["hint"]
    assert daemon.request("POST", "/api/sync/drill").status == CONFLICT
    listed = daemon.request("GET", "/api/sync/queue?limit=1000").body
    assert listed["total"] == len(listed["operations"]) >= 103
    assert {"type", "namespace", "documentKey", "sequence"} <= set(listed["operations"][0])
    assert "paid" not in json.dumps([each for each in listed["operations"] if each["type"] != "ddl"])

    assert say(world, "resume")["paused"] is False
    assert say(world, "resume")["paused"] is False, "asking again is no error"
    world.settle()
    world.assert_equal()
    assert "by_payment" in world.copy.bills.index_information()
    assert daemon.health()["status"] == "healthy"


def test_a_first_copy_stands_still_and_goes_on(world: World) -> None:
    filled(world.db, "goods", 30_000)
    daemon = world.daemon(SYNC_MAX_OPS_PER_SECOND="4000", SYNC_COPY_THREADS="1").start()
    eventually(lambda: world.copy.goods.estimated_document_count() > 0, 60, "the copy runs")
    assert daemon.request("POST", "/api/sync/pause").status == HTTP_OK
    copied = -1

    def still() -> bool:
        nonlocal copied
        last, copied = copied, world.copy.goods.estimated_document_count()
        return last == copied

    eventually(still, 30, "the page under way arrives")
    assert copied < 30_000, "paused too late to show anything"
    with pytest.raises(AssertionError):
        eventually(lambda: world.copy.goods.estimated_document_count() != copied, 1, "")
    assert daemon.request("POST", "/api/sync/resume").status == HTTP_OK
    world.settle()
    world.assert_equal()


def test_without_a_daemon_it_says_so(world: World) -> None:
    daemon = world.daemon()
    daemon.data.mkdir(parents=True)
    done = daemon.command("pause")
    assert done.returncode == EXIT_NO_DAEMON and "hint:" in done.stderr
