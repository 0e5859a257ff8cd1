"""`dualsync drill`: the backup is restored into scratch databases, compared and dropped; a damaged one is named.

Servers are damaged here, so the embedded ones only.
"""
from __future__ import annotations

import json
import signal
import subprocess
from datetime import datetime, timezone

from bson.json_util import loads
from mirror_daemon import MirrorDaemon, clean_environment
from pymongo import ASCENDING
from workload import Background, Mixed, filled
from world import World, eventually, with_database

EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_OWNED = 1, 2, 3, 4
DOCUMENTS = 3000
PREFIX = "__dualsync_drill_"
SLOW = {"SYNC_DRILL_BYTES_PER_SECOND": "100KiB"}


def rich(world: World) -> None:
    filled(world.db, "things", DOCUMENTS)
    world.db.things.create_index([("value", ASCENDING)], unique=True, name="values")
    world.db.things.create_index([("group", ASCENDING)], name="groups")
    world.db.create_collection("log", capped=True, size=1 << 20, max=5000)
    world.db.log.insert_many([{"_id": number, "line": "x"} for number in range(300)])
    world.db.create_collection("checked", validator={"value": {"$gte": 0}})
    world.db.checked.insert_one({"_id": 1, "value": 5})
    world.db.sessions.create_index([("seen", ASCENDING)], expireAfterSeconds=86_400, name="expiry")
    world.db.sessions.insert_one({"_id": "a", "seen": None})
    world.db.create_collection("first", viewOn="things", pipeline=[{"$match": {"value": 1}}])
    # The longest name that shared tiers of Atlas take.
    world.db["n" * (95 - len(world.database) - 1)].insert_one({"_id": 1})


def scratch(world: World) -> list[str]:
    return [name for client in (world.local, world.backup) for name in client.list_database_names()
            if name.startswith(PREFIX)]


def drill(daemon: MirrorDaemon, *arguments: str, code: int = 0) -> dict:
    done = daemon.command("drill", "--json", *arguments)
    assert done.returncode == code, f"drill: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    return json.loads(done.stdout)


def slowly(daemon: MirrorDaemon) -> subprocess.Popen:
    return subprocess.Popen([str(daemon.binary), "drill", "--json"], cwd=daemon.folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=clean_environment({**daemon.settings, **SLOW}))


def test_a_sound_backup_is_proven_while_writes_run(own_world: World) -> None:
    rich(own_world)
    filled(own_world.db, "busy", DOCUMENTS)
    daemon = own_world.mirror()
    assert daemon.metrics()["lastProvenRestore"] is None
    mixed = Mixed(own_world.db.busy, DOCUMENTS, seed=7)
    began = datetime.now(timezone.utc)
    with Background(mixed.bulk) as writes:
        eventually(lambda: writes.rounds > 3, 60, "writes run")
        before = writes.rounds
        report = drill(daemon)
        assert writes.rounds > before, "no write went on during the drill"
    assert report["proven"] and report["whole"] and report["comparedWithLocal"], report
    documents = {each["namespace"].split(".")[1]: each["documents"] for each in report["namespaces"]}
    assert documents["things"] == DOCUMENTS and documents["log"] == 300 and documents["first"] == 0
    assert len(documents) == 7
    when = eventually(lambda: daemon.metrics()["lastProvenRestore"], 10, "the daemon reports the proof")
    assert began.isoformat()[:19] <= when[:19] <= datetime.now(timezone.utc).isoformat()[:19]
    assert scratch(own_world) == []
    own_world.settle()
    own_world.assert_equal()


def test_nothing_of_it_is_mirrored(own_world: World) -> None:
    """The whole deployment is in scope, and the scratch databases are on it."""
    rich(own_world)
    daemon = own_world.mirror(MONGODB_LOCAL_URI=own_world.pair.local_uri)
    databases = set(own_world.backup.list_database_names())
    captured = daemon.metrics()["totalOperations"]
    process = slowly(daemon)
    there = eventually(lambda: scratch(own_world), 60, "it restores")
    assert all(len(name) <= 38 for name in there)
    # Compared with while they are there.
    assert daemon.command("verify").returncode == 0
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    own_world.settle()
    metrics = daemon.metrics()
    assert metrics["totalOperations"] == captured and metrics["dirtyRanges"] == 0
    assert set(own_world.backup.list_database_names()) == databases
    assert scratch(own_world) == []
    # One of somebody else stays, and stays unmirrored.
    own_world.local[PREFIX + "deadbeef_0"].things.insert_one({"_id": 1})
    own_world.settle()
    drill(daemon)
    assert scratch(own_world) == [PREFIX + "deadbeef_0"]
    assert daemon.metrics()["totalOperations"] == captured


def test_a_damaged_backup_is_named(own_world: World) -> None:
    rich(own_world)
    filled(own_world.db, "busy", DOCUMENTS)
    daemon = own_world.mirror()
    copy = own_world.copy
    with Background(Mixed(own_world.db.busy, DOCUMENTS, seed=8).bulk) as writes:
        eventually(lambda: writes.rounds > 3, 60, "writes run")
        copy.things.update_one({"_id": 10}, {"$set": {"text": "damaged"}})
        copy.things.delete_one({"_id": 20})
        copy.things.insert_one({"_id": "foreign", "value": -1})
        copy.things.drop_index("values")
        copy.command("collMod", "checked", validator={"value": {"$gte": 1}})
        copy.drop_collection("first")
        # What makes an index expire is not in the index of the backup.
        assert own_world.backup.dualsync.state.delete_one(
            {"_id": f"schema/{own_world.database}.sessions"}).deleted_count == 1
        own_world.backup.dualsync.state.update_one(
            {"_id": f"schema/{own_world.database}.log"}, {"$set": {"options": "lost"}})
        report = drill(daemon, code=EXIT_FAILED)
    assert report["proven"] is False
    found = {each["namespace"].split(".")[1]: each for each in report["namespaces"]}
    kinds = {loads(json.dumps(each["id"])): each["kind"] for each in found["things"]["differences"]}
    assert kinds == {10: "content", 20: "missing", "foreign": "foreign"}
    assert found["things"]["problems"] == ["index 'values' is missing on the backup"]
    assert "option 'validator' differs" in found["checked"]["problems"]
    assert found["first"]["problems"] == ["the collection is missing on the backup"]
    assert found["sessions"]["problems"] == [
        "the TTL of index 'expiry' comes back as none instead of 86400 seconds"]
    assert "is damaged" in found["log"]["problems"][0]
    assert found["busy"]["problems"] == [] and found["busy"]["differenceCount"] == 0
    assert daemon.metrics()["lastProvenRestore"] is None
    assert scratch(own_world) == []
    text = daemon.command("drill", "things")
    assert text.returncode == EXIT_FAILED and "DAMAGED" in text.stdout and '"10" }  at text' in text.stdout, text.stdout
    # Restored as it is, it comes back as it is: without local, only what stands in the backup itself can be seen.
    alone = drill(daemon, "things", "--compare-local", "never")
    assert alone["proven"] and not alone["comparedWithLocal"] and alone["localNote"]
    assert daemon.metrics()["lastProvenRestore"] is None, "a part proves nothing of the whole"


def test_interrupted_and_killed(own_world: World) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    daemon = own_world.mirror()
    interrupted = slowly(daemon)
    eventually(lambda: scratch(own_world), 60, "it restores")
    refused = daemon.command("drill")
    assert refused.returncode == EXIT_OWNED and "another drill" in refused.stderr, refused.stderr
    interrupted.send_signal(signal.SIGINT)
    out, err = interrupted.communicate(timeout=60)
    assert interrupted.returncode == EXIT_FAILED and "stopped" in err, out + err
    assert scratch(own_world) == [], "Ctrl-C left something behind"
    killed = slowly(daemon)
    eventually(lambda: scratch(own_world), 60, "it restores")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert scratch(own_world), "the kill came too late to say anything"
    report = drill(daemon)
    assert report["proven"] and report["leftoversDropped"] == 1
    assert scratch(own_world) == []


def test_another_server_and_bad_input(own_world: World) -> None:
    filled(own_world.db, "things", 50)
    daemon = own_world.mirror()
    report = drill(daemon, "--to", with_database(own_world.pair.backup_uri, "unused"))
    assert report["proven"] and report["comparedWithLocal"]
    assert scratch(own_world) == [] and "unused" not in own_world.backup.list_database_names()
    unknown = daemon.command("drill", "thinks")
    assert unknown.returncode == EXIT_USAGE and "named thinks" in unknown.stderr
    away = daemon.command("drill", "--to", "mongodb://127.0.0.1:9/", "--connect-timeout", "1s")
    assert away.returncode == EXIT_UNREACHABLE and "target" in away.stderr, away.stderr
    assert daemon.command("drill", "--compare-local", "perhaps").returncode == EXIT_USAGE
    # Nothing says that the backup has all of it: local is ahead, and no difference is told.
    assert daemon.stop() == 0
    own_world.db.things.insert_one({"_id": "late", "value": -5})
    report = drill(daemon)
    assert report["proven"] and not report["comparedWithLocal"] and "no daemon" in report["localNote"]
    report = drill(daemon, "--compare-local", "always", code=EXIT_FAILED)
    assert [each["kind"] for each in report["namespaces"][0]["differences"]] == ["missing"]
    own_world.copy.drop_collection("things")
    empty = daemon.command("drill")
    assert empty.returncode == EXIT_FAILED and "holds nothing" in empty.stderr, empty.stderr


def test_on_schedule(own_world: World) -> None:
    filled(own_world.db, "things", 200)
    daemon = own_world.mirror(SYNC_DRILL_INTERVAL="2s")
    first = eventually(lambda: daemon.metrics()["lastProvenRestore"], 60, "the daemon drills by itself")
    eventually(lambda: daemon.metrics()["lastProvenRestore"] > first, 60, "and again")
    assert "restored and proven on" in daemon.command("status").stdout
    own_world.copy.things.update_one({"_id": 10}, {"$set": {"text": "damaged"}})

    def failed() -> dict | None:
        return next((each for each in daemon.health()["reasons"] if each["code"] == "drill-failed"), None)

    reason = eventually(failed, 60, "the damage is found")
    assert f"{own_world.database}.things: 1 documents differ from local" in reason["message"], reason
    assert "dualsync drill" in reason["hint"] and daemon.health()["status"] == "degraded"
    assert any(line["module"] == "drill" and line["level"] == "warn" for line in daemon.log_lines())
    own_world.db.things.update_one({"_id": 10}, {"$set": {"text": "written again"}})
    eventually(lambda: failed() is None, 60, "it is repaired, and proven again")
    assert daemon.health()["status"] == "healthy"
    # A stop in the middle of a drill leaves nothing behind.
    assert daemon.stop() == 0
    filled(own_world.db, "more", DOCUMENTS)
    daemon.settings.update(SLOW)
    daemon.start()
    eventually(lambda: scratch(own_world), 90, "it drills")
    assert daemon.stop() == 0
    assert scratch(own_world) == []
