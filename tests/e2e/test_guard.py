"""The mass-delete guard: an accident that empties a collection does not empty the backup."""
from __future__ import annotations

import json

import pymongo
import pytest
from pymongo.collection import Collection
from workload import filled
from world import World, eventually

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_EXCEPTIONS = 0, 1, 2, 5
NOT_FOUND, BAD_REQUEST = 404, 400
MANY = 3000


def documents_of(collection: Collection) -> dict[int, dict]:
    return {one["_id"]: one for one in collection.find()}


def held_of(daemon) -> list[dict]:
    return daemon.request("GET", "/api/sync/status").body["held"]


def accident(world: World, daemon, ids: range = range(1, MANY + 1)) -> None:
    """Deletes most of `bills`, and waits until the guard holds all of it."""
    world.db.bills.delete_many({"_id": {"$in": list(ids)}})
    eventually(lambda: [one for one in held_of(daemon) if one["undecided"]], 30, "the guard trips")
    assert daemon.wait(60).status == 200
    assert daemon.wait(60).body["heldDeletes"] >= len(ids) * 0.9


def say(daemon, *arguments: str, code: int = EXIT_OK):
    done = daemon.command(*arguments)
    assert done.returncode == code, done.stderr + done.stdout
    return done


def verify(world: World, code: int = EXIT_OK) -> dict:
    return json.loads(say(world.first, "verify", "--json", code=code).stdout)


def test_an_emptied_collection_stays_on_the_backup_until_released(world: World) -> None:
    filled(world.db, "bills", MANY)
    filled(world.db, "others", 100)
    daemon = world.mirror()
    accident(world, daemon)
    kept = world.copy.bills.count_documents({})
    assert kept >= MANY * 0.9, f"{kept} of {MANY} were kept"
    world.db.others.insert_one({"_id": "goes on"})
    done = say(daemon, "wait", code=EXIT_EXCEPTIONS)
    assert f"{kept:,} held deletes" in done.stderr and "dualsync status" in done.stderr
    assert world.copy.others.find_one({"_id": "goes on"}), "the rest of the mirror goes on"

    status = say(daemon, "status").stdout
    name = world.db.bills.full_name
    assert f"`dualsync release {name}`" in status and f"`dualsync discard {name}`" in status
    reasons = {one["code"]: one for one in daemon.health()["reasons"]}
    assert f"of the {MANY:,} documents of {name}" in reasons["held-deletes"]["message"]
    assert verify(world)["namespaces"][0]["excepted"] == kept, "reported apart, and no difference"
    assert "the mass-delete guard keeps them" in say(daemon, "verify").stdout

    daemon.kill()  # a restart decides nothing
    daemon.start()
    eventually(lambda: daemon.health()["status"] == "degraded", 60, "it is back")
    assert world.copy.bills.count_documents({}) == kept
    assert [one["documents"] for one in held_of(daemon)] == [kept]

    say(daemon, "release", name)
    eventually(lambda: world.copy.bills.count_documents({}) == 0, 60, "the deletes reach the backup")
    say(daemon, "wait")
    eventually(lambda: not held_of(daemon), 30, "nothing is held any more")
    say(daemon, "release", name, code=EXIT_FAILED)
    world.assert_equal()


def test_discarded_deletes_stay_and_what_comes_later_is_applied(world: World) -> None:
    filled(world.db, "bills", MANY)
    daemon = world.mirror()
    before = documents_of(world.copy.bills)
    accident(world, daemon, range(1, MANY - 99))
    kept = world.copy.bills.count_documents({})
    world.db.bills.insert_one({"_id": MANY - 101, "again": True})
    assert daemon.wait(60).status == 200
    assert "again" not in world.copy.bills.find_one({"_id": MANY - 101}), "it waits with the held document"
    assert verify(world)["equal"]

    say(daemon, "discard", world.db.bills.full_name)
    eventually(lambda: world.copy.bills.find_one({"_id": MANY - 101}) == {"_id": MANY - 101, "again": True}, 60,
               "what was inserted since is applied")
    say(daemon, "wait")
    assert world.copy.bills.count_documents({}) == kept, "nothing of it is deleted"
    held = held_of(daemon)
    assert [(one["undecided"], one["discarded"]) for one in held] == [(False, kept - 101)]
    now = documents_of(world.copy.bills)
    del now[MANY - 101]
    assert now.items() <= before.items()

    world.db.bills.update_one({"_id": MANY - 1}, {"$set": {"later": 1}})
    world.db.bills.delete_one({"_id": MANY - 2})
    say(daemon, "wait")
    assert world.copy.bills.find_one({"_id": MANY - 1})["later"] == 1
    assert world.copy.bills.find_one({"_id": MANY - 2}) is None, "ordinary deletes are"
    assert verify(world)["equal"]
    # The daemon's own repair leaves them alone.
    say(daemon, "full-sync")
    assert world.copy.bills.count_documents({}) == kept - 1
    daemon.stop()
    assert verify(world)["equal"], "without a daemon its queue says what is kept"


@pytest.mark.parametrize("way", ["drop", "rename"])
def test_held_documents_go_where_their_collection_goes(world: World, way: str) -> None:
    filled(world.db, "bills", MANY)
    daemon = world.mirror()
    accident(world, daemon)
    kept = world.copy.bills.count_documents({})
    if way == "drop":
        world.db.bills.drop()
        say(daemon, "wait")
        archives = [name for name in world.copy.list_collection_names() if name.startswith("bills__dropped_")]
        assert [world.copy[name].count_documents({}) for name in archives] == [kept]
        assert not held_of(daemon)
    else:
        world.db.bills.rename("papers")
        eventually(lambda: [one["namespace"] for one in held_of(daemon)] == [world.db.papers.full_name], 60,
                   "what is held follows")
        say(daemon, "release", world.db.papers.full_name)
        eventually(lambda: world.copy.papers.count_documents({}) == 0, 60, "released under the new name")
        say(daemon, "wait")
        world.assert_equal()


def test_a_document_that_collides_with_a_held_one_waits_with_it(world: World) -> None:
    filled(world.db, "bills", MANY)
    world.db.bills.update_many({}, [{"$set": {"number": {"$toString": "$_id"}}}])
    world.db.bills.create_index("number", unique=True)
    daemon = world.mirror()
    accident(world, daemon)
    before = held_of(daemon)[0]["documents"]
    world.db.bills.insert_one({"_id": "new", "number": str(MANY - 1)})
    eventually(lambda: held_of(daemon)[0]["documents"] == before + 1, 60, "it is held too")
    assert daemon.metrics()["deadLetters"] == 0
    assert world.copy.bills.find_one({"_id": MANY - 1}), "and takes nothing away"
    say(daemon, "release", world.db.bills.full_name)
    eventually(lambda: world.copy.bills.find_one({"_id": "new"}), 60, "it takes its place")
    say(daemon, "wait")
    world.assert_equal()


def test_an_accident_while_the_link_is_down_and_the_daemon_killed(world: World) -> None:
    filled(world.db, "bills", MANY)
    daemon = world.mirror()
    say(daemon, "pause")
    world.db.bills.delete_many({})
    eventually(lambda: daemon.metrics()["queueSize"] >= MANY, 60, "all of it is captured")
    daemon.kill()
    daemon.start()
    eventually(lambda: daemon.health()["status"] == "degraded", 60, "it is back")
    say(daemon, "resume")
    assert daemon.wait(60).body["heldDeletes"] == MANY, "nothing got through"
    assert world.copy.bills.count_documents({}) == MANY
    daemon.stop()
    done = world.first.command("queue", "check")
    assert done.returncode == EXIT_OK and f"{MANY:,} held deletes" in done.stdout, done.stdout


def test_what_is_no_accident_goes_through(world: World) -> None:
    filled(world.db, "bills", MANY)
    filled(world.db, "small", 900)
    filled(world.db, "basket", 1500)
    daemon = world.mirror()
    world.db.small.delete_many({})
    world.db.bills.delete_many({"_id": {"$lt": MANY * 0.4}})
    for begin in range(0, 15000, 100):  # comes and goes: ten times its size is deleted, and it never shrinks
        world.db.basket.bulk_write(
            [pymongo.InsertOne({"_id": f"new{begin + i}"}) for i in range(100)]
            + [pymongo.DeleteOne({"_id": begin + i + 1} if begin < 1500 else {"_id": f"new{begin - 1500 + i}"})
               for i in range(100)])
    say(daemon, "wait")
    assert not held_of(daemon)
    world.assert_equal()


def test_a_result_that_is_replaced_by_a_smaller_one_is_no_accident(world: World) -> None:
    """`$out` fills a collection of its own and renames it over the one that is there."""
    filled(world.db, "visits", MANY)
    world.db.visits.aggregate([{"$out": "report"}])
    daemon = world.mirror()
    world.db.visits.aggregate([{"$limit": 10}, {"$out": "report"}])
    world.settle()
    assert not held_of(daemon)
    world.assert_equal()
    assert verify(world)["equal"]


def test_it_can_be_switched_off(world: World) -> None:
    filled(world.db, "bills", MANY)
    daemon = world.mirror(SYNC_MASS_DELETE_PERCENT="0")
    world.db.bills.delete_many({})
    say(daemon, "wait")
    assert world.copy.bills.count_documents({}) == 0
    daemon.stop()
    done = world.first.command("run", "--mass-delete-percent", "101")
    assert done.returncode == EXIT_USAGE and "SYNC_MASS_DELETE_PERCENT" in done.stderr and "100" in done.stderr


def test_the_api_refuses_what_it_does_not_understand(world: World) -> None:
    daemon = world.mirror()

    def status_of(path: str, body: dict) -> int:
        return daemon.request("POST", f"/api/sync/{path}", body=json.dumps(body).encode()).status

    for path in ("release", "discard"):
        assert status_of(path, {"namespace": "shop.none"}) == NOT_FOUND
        for body in ({}, {"namespace": 1}, {"namespace": "shop"}, {"namespace": "a.b", "all": True}):
            assert status_of(path, body) == BAD_REQUEST, body
    for query in ("limit=-1", "namespace=shop", "after=x", "after=6", "limit=1&limit=2", "page=1"):
        assert daemon.request("GET", f"/api/sync/held?{query}").status == BAD_REQUEST, query
    assert daemon.request("GET", "/api/sync/held").body == {"documents": [], "next": None}
    assert daemon.command("release", "bills").returncode == EXIT_USAGE
