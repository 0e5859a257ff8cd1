"""The command line: help, status, wait, verify, their JSON and their exit codes."""
from __future__ import annotations

import json

import bson
import pytest
from bson import Int64
from bson.raw_bson import RawBSONDocument
from bson.son import SON
from pymongo.database import Database
from workload import filled
from world import World

EXIT_DIFFERENT, EXIT_USAGE, EXIT_TIMED_OUT, EXIT_NO_DAEMON = 1, 2, 6, 7
COMMANDS = ("run", "status", "wait", "verify", "adopt-local", "version")


def test_help_names_every_command(world: World) -> None:
    daemon = world.daemon()
    done = daemon.command("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout
        own = daemon.command(command, "--help")
        assert own.returncode == 0 and own.stdout.strip(), command


def test_version(world: World) -> None:
    done = world.daemon().command("version")
    assert done.returncode == 0
    assert any(character.isdigit() for character in done.stdout)
    assert json.loads(world.first.command("version", "--json").stdout)["version"] in done.stdout


def test_no_command_or_an_unknown_one(world: World) -> None:
    assert world.daemon().command().returncode == EXIT_USAGE
    done = world.first.command("mirror")
    assert done.returncode == EXIT_USAGE
    assert "mirror" in done.stderr
    done = world.first.command("dead-letters", "show")
    assert done.returncode == EXIT_USAGE
    assert "`dualsync dead-letters show --help`" in done.stderr


@pytest.mark.parametrize("command", ["status", "wait"])
def test_without_a_daemon(world: World, command: str) -> None:
    done = world.daemon().command(command)
    assert done.returncode == EXIT_NO_DAEMON, done.stderr
    assert "run" in done.stderr, f"it should say how to start one: {done.stderr}"


def test_after_the_daemon_was_killed(world: World) -> None:
    """The address file is still there; nobody answers."""
    world.mirror().kill()
    assert world.first.command("status").returncode == EXIT_NO_DAEMON


def test_status(world: World) -> None:
    filled(world.db, "things", 500)
    daemon = world.mirror()
    text = daemon.command("status")
    assert text.returncode == 0 and "healthy" in text.stdout.lower()
    assert "\x1b" not in text.stdout, "colours only on a terminal"
    report = json.loads(daemon.command("status", "--json").stdout)
    assert report["enabled"] is True and report["status"] == "healthy", report
    assert report["metrics"]["appliedPosition"] is not None


def test_wait(world: World) -> None:
    daemon = world.mirror()
    for number in range(20):
        world.db.things.insert_one({"_id": number})
        done = daemon.command("wait", "--timeout", "60")
        assert done.returncode == 0, done.stderr
        assert world.copy.things.find_one({"_id": number}), "wait returned, but the write is not on the backup"
    report = json.loads(daemon.command("wait", "--json").stdout)
    assert report["done"] is True and report["exceptions"] == 0


def test_wait_times_out_and_names_what_blocks(own_world: World) -> None:
    daemon = own_world.mirror()
    own_world.pair.backup_server.stop()
    own_world.db.things.insert_one({"_id": 1})
    done = daemon.command("wait", "--timeout", "2")
    assert done.returncode == EXIT_TIMED_OUT, done.stderr
    assert "backup" in (done.stdout + done.stderr).lower(), done.stdout + done.stderr


def replace_raw(database: Database, document: bytes) -> None:
    """Puts exactly these bytes in place of the document with the same `_id`."""
    key = bson.decode(document)["_id"]
    database.things.delete_one({"_id": key})
    database.things.insert_one(RawBSONDocument(document))


def raw_of(database: Database, key: object) -> SON:
    return database.things.with_options(bson.CodecOptions(document_class=SON)).find_one({"_id": key})


def changed(database: Database, key: object, change: dict) -> bytes:
    """The document with these fields changed in place, as bytes."""
    document = raw_of(database, key)
    document.update(change)
    return bson.encode(document)


def plant(copy: Database) -> dict[str, str]:
    """One difference of each sort, each on a document of its own. Returns `_id` as verify names it -> kind."""
    copy.things.delete_one({"_id": 1})
    copy.things.insert_many([{"_id": 7.5}, {"_id": "foreign"}])
    copy.things.update_one({"_id": 3}, {"$set": {"value": Int64(3)}})
    copy.things.update_one({"_id": 4}, {"$set": {"value": 4.0}})
    order = raw_of(copy, 5)
    order["value"] = order.pop("value")
    replace_raw(copy, bson.encode(order))
    text = raw_of(copy, 6)["text"]
    replace_raw(copy, changed(copy, 6, {"text": text[:-1] + "u"}))
    replace_raw(copy, changed(copy, 8, {"zero": -0.0}))
    long_id = raw_of(copy, 9)
    copy.things.delete_one({"_id": 9})
    long_id["_id"] = Int64(9)
    copy.things.insert_one(long_id)
    return {"1": "missing", "7.5": "foreign", "foreign": "foreign", "3": "content", "4": "content", "5": "content",
            "6": "content", "8": "content", "9": "content"}


def named(difference: dict) -> str:
    """The `_id` of a difference, out of its Extended JSON."""
    value = difference["id"]
    return str(next(iter(value.values()))) if isinstance(value, dict) else value


def test_verify_finds_each_planted_difference(world: World) -> None:
    """Missing, foreign, int32 to long, int32 to double, field order, one byte, -0.0, and an `_id` of another type."""
    filled(world.db, "things", 2_000)
    world.db.things.update_one({"_id": 8}, {"$set": {"zero": 0.0}})
    daemon = world.mirror()
    assert daemon.stop() == 0
    assert world.verify()["equal"] is True
    planted = plant(world.copy)
    report = world.verify(code=EXIT_DIFFERENT)
    assert report["equal"] is False
    (namespace,) = [each for each in report["namespaces"] if each["namespace"] == f"{world.database}.things"]
    assert {named(each): each["kind"] for each in namespace["differences"]} == planted
    assert namespace["differenceCount"] == len(planted)
    assert namespace["backupDocuments"] == namespace["localDocuments"] + 1
    text = daemon.command("verify")
    assert text.returncode == EXIT_DIFFERENT
    assert "things" in text.stdout and "foreign" in text.stdout


def test_verify_finds_collections_on_one_side_only(world: World) -> None:
    filled(world.db, "things", 10)
    world.mirror().stop()
    world.copy.foreign.insert_one({"_id": 1})
    assert world.verify(code=EXIT_DIFFERENT)["equal"] is False
    world.copy.foreign.drop()
    assert world.verify()["equal"] is True
    world.copy.things.drop()
    assert world.verify(code=EXIT_DIFFERENT)["equal"] is False


def test_verify_finds_a_missing_index(world: World) -> None:
    filled(world.db, "things", 10)
    world.db.things.create_index("value", name="by_value")
    world.mirror().stop()
    assert world.verify()["equal"] is True
    world.copy.things.drop_index("by_value")
    report = world.verify(code=EXIT_DIFFERENT)
    assert "by_value" in json.dumps(report)


def test_verify_one_collection(world: World) -> None:
    filled(world.db, "things", 10)
    filled(world.db, "others", 10)
    world.mirror().stop()
    world.copy.others.delete_one({"_id": 1})
    only = world.first.command("verify", "--json", f"{world.database}.things")
    assert only.returncode == 0, only.stdout
    assert world.first.command("verify", f"{world.database}.others").returncode == EXIT_DIFFERENT
