"""`dualsync drain --without-local`: local is lost, and what the queue holds whole still reaches the backup."""
from __future__ import annotations

import json

from bson import decode, encode
from workload import filled
from world import World, eventually, patience

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_OWNED, EXIT_EXCEPTIONS = 0, 1, 2, 3, 4, 5


def drain(world: World, code: int) -> dict:
    done = world.first.command("drain", "--without-local", "--json", timeout=patience(90))
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def values(held: dict[str, list[bytes]]) -> dict[str, list[str]]:
    """Without the order of the fields, which a lost local cannot tell of new ones."""
    return {name: sorted(repr(sorted(decode(document).items(), key=repr)) for document in documents)
            for name, documents in held.items()}


def content(database: object) -> dict[str, list[bytes]]:
    return {name: sorted(encode(document) for document in database[name].find())
            for name in database.list_collection_names()}


def offline_changes(world: World) -> None:
    """Changes of every kind that come while the backup is away, all of them captured when this returns."""
    daemon = world.first
    world.pair.backup_server.stop()
    bills = world.db.bills
    bills.insert_many([{"_id": f"new {number}", "text": "t" * 100} for number in range(300)])
    bills.update_many({"_id": {"$lt": 50}}, {"$set": {"paid": True}, "$unset": {"text": ""}})
    bills.replace_one({"_id": 60}, {"_id": 60, "replaced": True})
    bills.delete_many({"_id": {"$gte": 100, "$lt": 120}})
    world.db.create_collection("offers", validator={"n": {"$gte": 0}}).insert_one({"_id": 1, "n": 1})
    bills.create_index("paid", name="by_payment")
    now = world.local.admin.command("hello")["operationTime"]

    def captured() -> bool:
        position = daemon.metrics()["capturePosition"]
        return (position["t"], position["i"]) >= (now.time, now.inc)

    eventually(captured, 60, "all of it is captured")


def lose_local(world: World) -> dict[str, list[bytes]]:
    """Kills daemon and local; returns what local held."""
    held = content(world.db)
    world.local.close()  # it would look for the server for half a minute
    world.first.kill()
    world.pair.local_server.stop()
    world.pair.backup_server.start()
    return held


def test_everything_captured_reaches_the_backup(own_world: World) -> None:
    filled(own_world.db, "bills", 200)
    own_world.mirror()
    offline_changes(own_world)
    held = lose_local(own_world)
    report = drain(own_world, EXIT_OK)
    assert report["complete"] is True and report["sent"] >= 300 and report["left"]["total"] == 0
    assert values(content(own_world.copy)) == values(held)
    assert report["fieldOrderUnsure"] == 49
    assert "by_payment" in own_world.copy.bills.index_information()
    # Again: nothing is left, nothing changes.
    assert drain(own_world, EXIT_OK)["sent"] == 0
    assert values(content(own_world.copy)) == values(held)
    done = own_world.first.command("drain", "--without-local", timeout=patience(60))
    assert "COMPLETE" in done.stdout and "dualsync restore" in done.stdout


def test_what_needs_local_is_listed(own_world: World) -> None:
    filled(own_world.db, "bills", 200)
    own_world.mirror()
    own_world.copy.bills.delete_one({"_id": 7})  # a change of it can only be made whole by reading local
    offline_changes(own_world)
    held = lose_local(own_world)
    report = drain(own_world, EXIT_EXCEPTIONS)
    assert report["complete"] is False
    left, index = report["left"]["operations"]  # a DDL change waits behind what is left of its collection
    assert index["type"] == "ddl" and report["left"]["total"] == 2
    assert left["namespace"] == f"{own_world.database}.bills" and left["documentKey"]["_id"] == {"$numberInt": "7"}
    there, before = values(content(own_world.copy)), values(held)
    missing = set(before["bills"]) - set(there["bills"])
    assert len(missing) == 1 and "('_id', 7)" in missing.pop()
    assert there["offers"] == before["offers"]
    done = own_world.first.command("drain", "--without-local", timeout=patience(60))
    assert done.returncode == EXIT_EXCEPTIONS and "NOT COMPLETE" in done.stdout and "7" in done.stdout


def test_refusals_change_nothing(own_world: World) -> None:
    filled(own_world.db, "bills", 10)
    daemon = own_world.daemon()
    done = daemon.command("drain", "--without-local", timeout=patience(60))
    assert done.returncode == EXIT_FAILED and "SYNC_DATA_DIR" in done.stderr, "nothing was mirrored from here yet"
    daemon.start()
    own_world.settle()
    done = daemon.command("drain")
    assert done.returncode == EXIT_USAGE and "--without-local" in done.stderr
    done = daemon.command("drain", "--without-local", timeout=patience(60))
    assert done.returncode == EXIT_OWNED, "the daemon has the queue"
    daemon.stop()
    own_world.pair.backup_server.stop()
    done = daemon.command("drain", "--without-local", settings={"SYNC_CONNECT_TIMEOUT": "2s"}, timeout=patience(60))
    assert done.returncode == EXIT_UNREACHABLE and done.stderr
