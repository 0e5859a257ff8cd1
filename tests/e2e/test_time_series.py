"""Time series collections: no change stream tells of them, so they are mirrored by comparing.

The embedded server does send events of them: each starts a comparison. Tried on the embedded server only.
"""
from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from bson import encode
from bson.int64 import Int64
from mirror_daemon import MirrorDaemon
from pymongo.collection import Collection
from test_standalone import alone  # noqa: F401  (a fixture)
from workload import Background
from world import World, eventually

MEASUREMENTS = 3000
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
EXPIRY_SECONDS = 10 * 365 * 86_400


def measurement(number: int, value: object = None) -> dict:
    return {"at": START + timedelta(milliseconds=100 * (number // 3)), "sensor": {"hall": number % 7}, "_id": number,
            "value": Int64(number) if value is None else value}


def bag(collection: Collection) -> list[bytes]:
    """All measurements, whatever the order of fields and of measurements."""
    return sorted(encode(dict(sorted(each.items()))) for each in collection.find())


def make(world: World, count: int = MEASUREMENTS) -> None:
    world.db.create_collection("readings", timeseries={"timeField": "at", "metaField": "sensor"},
                               expireAfterSeconds=EXPIRY_SECONDS)
    if count:
        world.db.readings.insert_many([measurement(number) for number in range(count)])


def listed(daemon: MirrorDaemon) -> dict | None:
    found = daemon.status()["timeSeries"]
    return found[0] if found else None


def equal(world: World) -> bool:
    return bag(world.db.readings) == bag(world.copy.readings)


def damage(world: World) -> None:
    """Six differences of each kind that there is."""
    for number in range(0, 60, 10):
        world.copy.readings.delete_many({"_id": number})
        world.copy.readings.delete_many({"_id": number + 1})
        world.copy.readings.insert_one(measurement(number + 1, value=number))  # an int, and another number
        world.copy.readings.insert_one({**measurement(number), "_id": MEASUREMENTS + number})


def test_first_copy_status_and_verify(world: World) -> None:
    make(world)
    world.db.things.insert_one({"_id": 1})
    daemon = world.mirror()
    assert equal(world)
    info = next(world.copy.list_collections(filter={"name": "readings"}))
    assert info["type"] == "timeseries" and "expireAfterSeconds" not in info["options"]
    series = listed(daemon)
    assert series and series["namespace"] == f"{world.database}.readings" and series["measurements"] == MEASUREMENTS
    shown = daemon.command("status").stdout
    assert f"not live       {world.database}.readings, a time series: 3,000 measurements, mirrored at" in shown, shown
    report = world.verify()
    assert report["documents"] == MEASUREMENTS + 1
    world.db.readings.insert_one(measurement(MEASUREMENTS))
    world.db.readings.delete_one({"_id": 7})
    if world.pair.local_server is None:  # no other server tells of them
        daemon.command("full-sync", f"{world.database}.readings")
    world.settle()
    assert equal(world)
    world.verify()
    world.db.drop_collection("readings")
    eventually(lambda: listed(daemon) is None, 30, "a dropped one is not listed")


def test_verify_names_the_differences_and_full_sync_mends_them(world: World) -> None:
    make(world)
    daemon = world.mirror()
    damage(world)
    report = world.verify(code=1)
    found = report["namespaces"][0]
    kinds = sorted((each["kind"], each["id"]["$numberInt"], each["path"]) for each in found["differences"])
    wanted = [("content", str(number + 1), "value") for number in range(0, 60, 10)]
    wanted += [("missing", str(number), "") for number in range(0, 60, 10)]
    wanted += [("foreign", str(MEASUREMENTS + number), "") for number in range(0, 60, 10)]
    assert kinds == sorted(wanted), json.dumps(found)[:3000]
    assert "time series have no change stream" in daemon.command("verify").stdout
    done = daemon.command("full-sync", f"{world.database}.readings")
    assert done.returncode == 0, done.stdout + done.stderr
    assert equal(world)
    world.verify()


def test_the_schedule_mirrors_and_proves_while_measurements_come(world: World) -> None:
    make(world)
    daemon = world.mirror(SYNC_VERIFY_INTERVAL="1s")
    numbers = iter(range(MEASUREMENTS, 10**9, 10))

    def write() -> None:
        first = next(numbers)
        world.db.readings.insert_many([measurement(number) for number in range(first, first + 10)])

    with Background(write) as writes:
        damage(world)
        before = daemon.metrics()["verifiedUntil"]
        eventually(lambda: daemon.metrics()["verifiedUntil"] not in (None, before), 60, "a proof while writes run")
        first = {"_id": {"$lt": 60}}
        eventually(lambda: {each["_id"] for each in world.copy.readings.find(first)} == set(range(60)), 60, "mended")
        done = daemon.command("full-sync", f"{world.database}.readings")
        assert done.returncode == 0, done.stdout + done.stderr
        assert writes.rounds > 0
    eventually(lambda: equal(world), 60, "equal in the end")
    assert daemon.metrics()["conflicts"] == 0, "what has not been mirrored yet is no conflict"


def test_restore_and_drill_carry_the_measurements(own_world: World) -> None:
    make(own_world)
    daemon = own_world.mirror()
    drilled = daemon.command("drill", "--json")
    assert drilled.returncode == 0, drilled.stdout + drilled.stderr
    series = next(each for each in json.loads(drilled.stdout)["namespaces"] if each["type"] == "timeseries")
    assert series["documents"] == MEASUREMENTS, series
    assert daemon.stop() == 0
    wanted = bag(own_world.copy.readings)
    own_world.local.drop_database(own_world.database)
    done = daemon.command("restore", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert bag(own_world.db.readings) == wanted and len(wanted) == MEASUREMENTS
    info = next(own_world.db.list_collections(filter={"name": "readings"}))
    assert info["type"] == "timeseries" and info["options"]["expireAfterSeconds"] == EXPIRY_SECONDS
    refused = daemon.command("restore")
    assert refused.returncode == 1 and "not empty" in refused.stderr
    own_world.db.readings.delete_many({"_id": {"$lt": 5}})
    own_world.db.readings.insert_one(measurement(MEASUREMENTS))
    assert daemon.command("restore", "--force").returncode == 0
    assert bag(own_world.db.readings) == wanted


def test_a_drill_fails_on_measurements_that_are_gone(own_world: World) -> None:
    make(own_world, 100)
    daemon = own_world.mirror()
    own_world.copy.readings.delete_many({"_id": 7})
    drilled = daemon.command("drill", "--json")
    assert drilled.returncode == 1, drilled.stdout + drilled.stderr


def test_a_standalone_local_has_no_events_of_any_kind(alone: World) -> None:  # noqa: F811
    """Nothing but comparing can have brought these."""
    make(alone, 100)
    daemon = alone.daemon(SYNC_RECONCILE_INTERVAL="1s").start()
    eventually(lambda: equal(alone), 60, "the first copy")
    alone.db.readings.insert_many([measurement(number) for number in range(100, 200)])
    alone.db.readings.delete_many({"_id": 3})
    eventually(lambda: equal(alone), 60, "a comparison")
    assert daemon.stop() == 0
