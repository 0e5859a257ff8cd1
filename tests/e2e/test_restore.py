"""`dualsync restore`: what the backup holds comes back as local had it, proven, and the mirror goes on.

Servers are destroyed here, so the embedded ones only.
"""
from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from bson import Int64
from compare import database_differences
from embedded_server import EmbeddedServer
from mirror_daemon import clean_environment
from pymongo import ASCENDING, MongoClient
from pymongo.errors import PyMongoError
from sample_data import load
from workload import Background, Mixed, filled
from world import HTTP_OK, World, eventually, with_database

EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE = 1, 2, 3
DOCUMENTS = 2500
FLIGHTS = 60_000


def rich(world: World) -> None:
    """Something of everything that a backup must differ in from local, or has to carry."""
    filled(world.db, "things", DOCUMENTS)
    world.db.things.create_index([("group", ASCENDING)], name="groups")
    world.db.things.create_index([("value", ASCENDING)], unique=True, name="values")
    world.db.create_collection("log", capped=True, size=1 << 20, max=5000)
    world.db.log.insert_many([{"_id": number, "line": "x"} for number in range(300)])
    world.db.create_collection("checked", validator={"value": {"$gte": 0}})
    world.db.checked.insert_one({"_id": 1, "value": Int64(5)})
    world.db.sessions.create_index([("seen", ASCENDING)], expireAfterSeconds=86_400, name="expiry")
    world.db.sessions.insert_one({"_id": "a", "seen": None})
    world.db.create_collection("first", viewOn="things", pipeline=[{"$match": {"value": 1}}])


def destroyed(world: World) -> None:
    """Local's data is gone; an empty server comes up in its place."""
    server = world.pair.local_server
    assert server is not None
    server.stop()
    shutil.rmtree(server.storage)
    server.start()


def report_of(done: subprocess.CompletedProcess) -> dict:
    assert done.returncode == 0, f"restore: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return json.loads(done.stdout)


def test_local_comes_back_as_it_was_and_the_mirror_goes_on(own_world: World) -> None:
    rich(own_world)
    daemon = own_world.mirror()
    # What comes after the first copy is kept as well.
    own_world.db.late.create_index([("at", ASCENDING)], expireAfterSeconds=60, name="soon")
    own_world.db.command("collMod", "late", index={"name": "soon", "expireAfterSeconds": 90})
    own_world.db.command("collMod", "log", cappedMax=6000)
    own_world.db.command("collMod", "first", viewOn="things", pipeline=[{"$match": {"value": {"$in": [1, 2]}}}])
    own_world.settle()
    assert "expireAfterSeconds" not in own_world.copy.sessions.index_information()["expiry"]
    assert daemon.stop() == 0
    destroyed(own_world)
    tried = report_of(daemon.command("restore", "--dry-run", "--json"))
    assert tried["dryRun"] is True and own_world.db.list_collection_names() == []
    report = report_of(daemon.command("restore", "--json"))
    assert report["proven"] is True
    assert {each["namespace"].split(".")[1]: each["documents"] for each in report["namespaces"]} == {
        "things": DOCUMENTS, "log": 300, "checked": 1, "sessions": 1, "first": 0, "late": 0}
    assert not database_differences(own_world.db, own_world.copy)
    assert own_world.db.sessions.index_information()["expiry"]["expireAfterSeconds"] == 86_400
    assert own_world.db.late.index_information()["soon"]["expireAfterSeconds"] == 90
    options = own_world.db.log.options()
    assert options["capped"] is True and options["size"] == 1 << 20 and options["max"] == 6000
    assert own_world.db.first.count_documents({}) == 2
    # Nothing of ours is left behind.
    assert "__dualsync" not in own_world.db.list_collection_names()
    assert daemon.command("adopt-local", "--yes").returncode == 0
    daemon.start()
    own_world.db.things.insert_one({"_id": "after", "value": -1})
    own_world.settle()
    own_world.assert_equal()
    metrics = daemon.metrics()
    assert metrics["bytesSent"] < 100_000, "what was equal was sent again"


def test_a_filled_target_is_refused_and_forced(own_world: World) -> None:
    rich(own_world)
    daemon = own_world.mirror()
    assert daemon.stop() == 0
    own_world.db.things.update_many({"_id": {"$lt": 100}}, {"$set": {"text": "spoiled"}})
    own_world.db.things.delete_one({"_id": 200})
    own_world.db.things.insert_one({"_id": "foreign", "value": -1})
    own_world.db.things.drop_index("groups")
    refused = daemon.command("restore", "things")
    assert refused.returncode == EXIT_FAILED and "not empty" in refused.stderr and "--force" in refused.stderr
    tried = daemon.command("restore", "things", "--dry-run", "--json")
    assert tried.returncode == EXIT_FAILED, "it ends as the restore would"
    assert "not empty" in json.loads(tried.stdout)["refusal"]
    forced = report_of(daemon.command("restore", "things", "--dry-run", "--force", "--json"))
    assert forced["refusal"] is None and forced["dryRun"] is True
    assert own_world.db.things.count_documents({"text": "spoiled"}) == 99
    report = report_of(daemon.command("restore", "things", "--force", "--json"))
    assert report["namespaces"][0]["before"] == "filled"
    assert own_world.db.things.count_documents({"text": "spoiled"}) == 0
    assert not database_differences(own_world.db, own_world.copy)


def test_one_document(own_world: World) -> None:
    filled(own_world.db, "things", 20)
    daemon = own_world.mirror()
    assert daemon.stop() == 0
    own_world.db.things.delete_one({"_id": 3})
    own_world.db.things.update_one({"_id": 4}, {"$set": {"text": "spoiled"}})
    report = report_of(daemon.command("restore", "things", "--id", "3", "--json"))
    assert report["namespaces"][0]["written"] == 1
    assert own_world.db.things.find_one({"_id": 3}) == own_world.copy.things.find_one({"_id": 3})
    assert daemon.command("restore", "things", "--id", "4").returncode == EXIT_FAILED
    assert own_world.db.things.find_one({"_id": 4})["text"] == "spoiled"
    report_of(daemon.command("restore", "things", "--id", "4", "--force", "--json"))
    assert not database_differences(own_world.db, own_world.copy)
    gone = daemon.command("restore", "things", "--id", "99")
    assert gone.returncode == EXIT_FAILED and "no document" in gone.stderr


def test_bad_input_changes_nothing(own_world: World) -> None:
    filled(own_world.db, "things", 20)
    daemon = own_world.mirror()
    assert daemon.stop() == 0
    other = with_database(own_world.pair.local_uri, "elsewhere")
    elsewhere = own_world.local["elsewhere"]
    elsewhere.create_collection("things", viewOn="nothing", pipeline=[])
    view = daemon.command("restore", "--to", other)
    assert view.returncode == EXIT_FAILED and "is a view on the target" in view.stderr, view.stderr
    unknown = daemon.command("restore", "thinks", "--to", other)
    assert unknown.returncode == EXIT_USAGE and "named thinks" in unknown.stderr
    away = daemon.command("restore", "--to", "mongodb://127.0.0.1:9/elsewhere", "--connect-timeout", "1s")
    assert away.returncode == EXIT_UNREACHABLE and "target" in away.stderr, away.stderr
    itself = daemon.command("restore", "--to", with_database(own_world.pair.backup_uri, own_world.database), "--force")
    assert itself.returncode == EXIT_USAGE and "the backup itself" in itself.stderr
    assert elsewhere.list_collection_names() in (["things"], ["things", "system.views"], ["system.views", "things"])
    assert own_world.copy.things.count_documents({}) == 20


def test_target_without_rights(own_world: World, tmp_path: Path) -> None:
    filled(own_world.db, "things", 20)
    daemon = own_world.mirror()
    assert daemon.stop() == 0
    with EmbeddedServer(tmp_path / "guarded", tmp_path / "guarded.log", ("--auth",)) as server:
        MongoClient(server.uri()).admin.command("createUser", "root", pwd="secret", roles=["root"])
        root = MongoClient(f"mongodb://root:secret@{server.address}/?authSource=admin")
        root.admin.command("createUser", "reader", pwd="hunter22", roles=["readAnyDatabase"])
        done = daemon.command("restore", "--to", f"mongodb://reader:hunter22@{server.address}/other?authSource=admin")
        assert done.returncode == EXIT_FAILED, done.stderr
        assert "target" in done.stderr and "hunter22" not in done.stderr + done.stdout
        assert root.other.list_collection_names() == []


def test_goes_on_after_a_kill(own_world: World) -> None:
    filled(own_world.db, "things", 120_000)
    daemon = own_world.mirror()
    assert daemon.stop() == 0
    destroyed(own_world)
    process = subprocess.Popen([str(daemon.binary), "restore"], cwd=daemon.folder, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=clean_environment(daemon.settings))
    eventually(lambda: own_world.db.things.estimated_document_count() > 20_000, 60, "it restores")
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = own_world.db.things.count_documents({})
    assert 0 < there < 120_000, "the kill came too late to say anything"
    report = report_of(daemon.command("restore", "--json"))
    assert report["namespaces"][0]["before"] == "unfinished"
    assert report["namespaces"][0]["written"] < 120_000, "it began anew"
    assert not database_differences(own_world.db, own_world.copy)


def test_disaster(own_world: World) -> None:
    """Local is destroyed under load. What the mirror said to be on the backup comes back, and the mirror goes on."""
    load(own_world.db, "flights", limit=FLIGHTS)
    own_world.db.flights.create_index([("carrier", ASCENDING)], name="carrier")
    daemon = own_world.mirror()
    # A client that gives up: what it cannot write must not reach the new server.
    client: MongoClient = MongoClient(own_world.pair.local_uri, serverSelectionTimeoutMS=500, retryWrites=False)
    application = client[own_world.database]
    dying = threading.Event()
    written, applied = [0], [0]  # journal entries acknowledged by local; those of them that `wait` vouches for

    def until_death(act: Callable[[], None]) -> Callable[[], None]:
        def once() -> None:
            try:
                act()
            except PyMongoError:
                assert dying.is_set()
                dying.wait(0.01)
        return once

    def write() -> None:
        application.journal.insert_one({"_id": written[0]})
        written[0] += 1

    def acknowledge() -> None:
        known = written[0]
        if daemon.wait(5).status == HTTP_OK:
            applied[0] = known

    mixed = Mixed(application.flights, FLIGHTS, seed=66)
    with Background(until_death(mixed.bulk)) as bulks, Background(until_death(write)), Background(acknowledge):
        eventually(lambda: bulks.rounds > 8 and applied[0] > 50, 120, "the mirror follows the load")
        dying.set()
        assert own_world.pair.local_server.process is not None
        own_world.pair.local_server.process.kill()
        own_world.pair.local_server.process.wait()
    client.close()
    proven = applied[0]
    assert daemon.stop() == 0
    destroyed(own_world)
    report = report_of(daemon.command("restore", "--json"))
    assert report["proven"] is True
    assert not database_differences(own_world.db, own_world.copy)
    assert own_world.db.journal.count_documents({"_id": {"$lt": proven}}) == proven
    assert own_world.db.flights.estimated_document_count() > FLIGHTS / 2
    assert daemon.command("adopt-local", "--yes").returncode == 0
    daemon.start()
    own_world.db.journal.insert_one({"_id": "after the disaster"})
    own_world.settle()
    own_world.assert_equal()
