"""`dualsync queue`: checking, moving and clearing what waits while the backup is away."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from embedded_server import EmbeddedServer
from mirror_daemon import MirrorDaemon
from workload import filled
from world import HTTP_OK, World, eventually

SETTLE_SECONDS = 120
EXIT_OWNED, EXIT_DAMAGED = 4, 8
DOCUMENTS = 2_000


def backlog(world: World, **settings: str) -> tuple[MirrorDaemon, EmbeddedServer]:
    """A mirror whose backup went away before 2,000 documents changed; the daemon is still running."""
    filled(world.db, "things", DOCUMENTS)
    daemon = world.mirror(**settings)
    backup = world.pair.backup_server
    assert backup is not None
    backup.stop()
    world.db.things.update_many({}, {"$set": {"changed": "x" * 200}})
    world.db.things.insert_one({"_id": "new", "when": "away"})
    world.db.things.delete_one({"_id": 7})
    return daemon, backup


def captured(daemon: MirrorDaemon) -> None:
    eventually(lambda: daemon.metrics()["queueSize"] >= DOCUMENTS, 60, "the queue holds the writes")


def run(daemon: MirrorDaemon, *arguments: str, code: int = 0) -> dict:
    done = daemon.command("queue", *arguments, "--json")
    assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return json.loads(done.stdout)


def flip_bytes(folder: Path) -> Path:
    """One byte in the middle of the largest table."""
    table = max(folder.glob("*.sst"), key=lambda path: path.stat().st_size)
    content = bytearray(table.read_bytes())
    content[len(content) // 3] ^= 0x10
    table.write_bytes(content)
    return table


def test_check_and_list_beside_the_running_daemon(own_world: World) -> None:
    daemon, backup = backlog(own_world)
    captured(daemon)
    report = run(daemon, "check")
    assert report["ok"] is True, report
    assert report["operations"] >= DOCUMENTS
    listing = run(daemon, "list", "--limit", "3")
    assert len(listing["operations"]) == 3
    assert "xxxx" not in json.dumps(listing), "a document's content"
    run(daemon, "clear", "--yes", code=EXIT_OWNED)
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


def test_clear_is_repaired(own_world: World) -> None:
    daemon, backup = backlog(own_world)
    captured(daemon)
    daemon.kill()
    cleared = run(daemon, "clear", "--yes")
    assert cleared["operations"] >= DOCUMENTS
    assert cleared["dirtyNamespaces"] == [f"{own_world.database}.things"]
    assert run(daemon, "check")["operations"] == 0
    daemon.start()
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


def test_damage_is_named_and_clear_gets_over_it(own_world: World) -> None:
    daemon, backup = backlog(own_world)
    captured(daemon)
    daemon.stop()
    daemon.start()  # what was in the write-ahead log goes to a table
    daemon.stop()
    flip_bytes(daemon.data / "queue")
    report = run(daemon, "check", code=EXIT_DAMAGED)
    assert report["problems"], report
    assert "checksum" in report["problems"][0]["problem"]
    assert run(daemon, "clear", "--yes")["everythingDirty"] is True
    assert run(daemon, "check")["ok"] is True
    daemon.start()
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


@pytest.mark.parametrize("mode", [(), ("--as-recorded",)], ids=["touches", "as-recorded"])
def test_export_clear_import(own_world: World, tmp_path: Path, mode: tuple[str, ...]) -> None:
    daemon, backup = backlog(own_world)
    captured(daemon)
    daemon.kill()
    file = tmp_path / "queue.json"
    written = run(daemon, "export", str(file))["operations"]
    assert len(json.loads(file.read_text())["operations"]) == written >= DOCUMENTS
    run(daemon, "clear", "--yes")
    assert run(daemon, "import", str(file), *mode)["operations"] == written
    assert DOCUMENTS <= run(daemon, "check")["operations"] <= written  # one may merge into its predecessor
    daemon.start()
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


def test_overflow_while_the_backup_is_down(own_world: World) -> None:
    """A queue bounded far below what waits: payloads and namespaces are dropped, and the backup ends equal."""
    daemon, backup = backlog(own_world, SYNC_QUEUE_MAX_BYTES="64KiB")
    own_world.db.others.insert_many({"_id": number, "text": "y" * 500} for number in range(500))
    overflows = eventually(lambda: (found := daemon.metrics()["queueOverflows"])["rangesDropped"] and found, 60,
                           "a namespace is dropped")
    assert overflows["payloadsDropped"] > 0
    own_world.db.things.insert_one({"_id": "later"})
    eventually(lambda: daemon.metrics()["queueBytes"] <= 64 * 1024, 60, "the queue is within its bound")
    assert daemon.metrics()["dirtyRanges"] > 0
    assert daemon.wait(1).status != HTTP_OK, "wait must not say that all is there"
    daemon.kill()
    daemon.start()
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()
    assert daemon.metrics()["deadLetters"] == 0


def test_overflow_with_a_rename_in_the_queue(own_world: World) -> None:
    """What is dropped before and after a rename is repaired under the names that local has now."""
    daemon, backup = backlog(own_world, SYNC_QUEUE_MAX_BYTES="64KiB")
    own_world.db.things.rename("moved")
    own_world.db.moved.update_many({}, {"$set": {"after": "rename"}})
    own_world.db.things.insert_many({"_id": number, "second": True} for number in range(1_000))
    eventually(lambda: daemon.metrics()["queueOverflows"]["rangesDropped"] > 0, 60, "a namespace is dropped")
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


def test_a_directory_that_cannot_be_written_has_a_fallback(own_world: World, tmp_path: Path) -> None:
    blocked = Path("/proc")  # where nobody can make a directory, root included
    filled(own_world.db, "things", 100)
    daemon = own_world.daemon(SYNC_DATA_DIR=str(blocked / "data"))
    daemon.start(ready=False)
    assert daemon.ended(60) == 1
    assert "cannot use the data directory" in daemon.log_text()
    daemon = own_world.daemon(SYNC_DATA_DIR=str(blocked / "data"), SYNC_DATA_DIR_FALLBACK=str(tmp_path / "spare"))
    daemon.start(ready=False)
    eventually(lambda: (tmp_path / "spare" / "api-address").exists(), 60, "it runs in the fallback")
    status = json.loads(eventually(lambda: daemon.command("status", "--json").stdout, 60, "a status"))
    assert "data-dir-fallback" in [reason["code"] for reason in status["reasons"]], status
