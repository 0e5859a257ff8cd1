"""The wrong local must never win: a fresh or an older local stops the mirror, and the backup keeps everything.

Tried on the embedded servers only: their folders are exchanged under the daemon.
"""
from __future__ import annotations

import json
import shutil

from embedded_server import EmbeddedServer
from mirror_daemon import MirrorDaemon
from workload import filled
from world import World, eventually

EXIT_OWNED, EXIT_USAGE = 4, 2
DOCUMENTS = 300


def local_of(world: World) -> EmbeddedServer:
    assert world.pair.local_server is not None
    return world.pair.local_server


def exchange(world: World, folder: object = None) -> None:
    """Local comes up again on its port with another folder's data, or with none."""
    server = local_of(world)
    server.stop()
    shutil.rmtree(server.storage)
    if folder is not None:
        shutil.copytree(str(folder), server.storage)
    server.start()


def identity(daemon: MirrorDaemon) -> dict:
    return daemon.request("GET", "/api/sync/status").body["local"]


def assert_stopped(world: World, daemon: MirrorDaemon, why: str) -> None:
    eventually(lambda: identity(daemon)["identity"] == "wrong", 60, "the daemon notices")
    assert why in identity(daemon)["cause"], identity(daemon)
    health = daemon.health()
    assert health["status"] == "unhealthy"
    reason = next(each for each in health["reasons"] if each["code"] == "wrong-local")
    assert "adopt-local" in reason["hint"] and "restore" in reason["hint"]
    assert daemon.running


def test_empty_local_on_the_same_port(own_world: World) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    daemon = own_world.mirror()
    exchange(own_world)
    own_world.db.things.insert_one({"_id": "of the new local"})
    assert_stopped(own_world, daemon, "marker is missing")
    assert own_world.copy.things.count_documents({}) == DOCUMENTS
    # Nor after a restart, nor with a new data directory: the backup knows whose copy it is.
    assert daemon.stop() == 0
    assert_stopped(own_world, daemon.start(), "marker is missing")
    assert daemon.stop() == 0
    other = own_world.daemon("other").start()
    assert_stopped(own_world, other, "the backup belongs to")
    assert other.stop() == 0
    assert own_world.copy.things.count_documents({}) == DOCUMENTS
    assert own_world.copy.things.find_one({"_id": "of the new local"}) is None


def test_adopt_local_makes_the_backup_equal_to_the_new_local(own_world: World) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    filled(own_world.db, "gone", 10)
    daemon = own_world.mirror()
    exchange(own_world)
    filled(own_world.db, "things", 20)
    assert_stopped(own_world, daemon, "marker is missing")
    refused = daemon.command("adopt-local", "--yes")
    assert refused.returncode == EXIT_OWNED, refused.stderr
    assert daemon.stop() == 0
    asked = daemon.command("adopt-local")
    assert asked.returncode == EXIT_USAGE and "--yes" in asked.stderr, asked.stderr
    assert own_world.copy.things.count_documents({}) == DOCUMENTS
    done = daemon.command("adopt-local", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["adopted"] is True
    daemon.start()
    own_world.settle()
    own_world.assert_equal()
    assert own_world.copy.things.count_documents({}) == 20
    assert daemon.health()["status"] == "healthy"


def test_older_copy_of_local(own_world: World, tmp_path: object) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    daemon = own_world.mirror()
    server = local_of(own_world)
    server.stop()
    older = server.storage.parent / "older"
    shutil.copytree(server.storage, older)
    server.start()
    own_world.db.things.update_many({}, {"$set": {"newer": True}})
    own_world.settle()
    exchange(own_world, older)
    own_world.db.things.insert_one({"_id": "on the older copy"})
    assert_stopped(own_world, daemon, "had reached")
    assert own_world.copy.things.count_documents({"newer": True}) == DOCUMENTS
    assert own_world.copy.things.find_one({"_id": "on the older copy"}) is None


def test_lost_data_directory_with_the_right_local(own_world: World) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    daemon = own_world.mirror()
    assert daemon.stop() == 0
    own_world.db.things.delete_many({"_id": {"$lt": 50}})
    shutil.rmtree(daemon.data)
    daemon.start()
    own_world.settle()
    own_world.assert_equal()
