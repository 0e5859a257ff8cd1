"""A backup that is not what it was gets everything again: an empty one, another one, one put back from a snapshot.

Tried on embedded servers only: folders are exchanged under the daemon. On Atlas a restored snapshot or a new cluster
does the same.
"""
from __future__ import annotations

import shutil
from pathlib import Path

from embedded_server import EmbeddedServer
from mirror_daemon import MirrorDaemon
from workload import filled
from world import World, eventually

DOCUMENTS = 300
LEASE = {"SYNC_LEASE_SECONDS": "10"}  # renewed every other second


def backup_of(world: World) -> EmbeddedServer:
    assert world.pair.backup_server is not None
    return world.pair.backup_server


def exchange(world: World, folder: Path | None = None) -> None:
    """The backup comes up again at its address with another folder's data, or with none."""
    server = backup_of(world)
    server.stop()
    shutil.rmtree(server.storage)
    if folder is not None:
        shutil.copytree(folder, server.storage)
    server.start()


def noticed(daemon: MirrorDaemon) -> bool:
    return "the backup is not what it was" in daemon.log_text()


def assert_brought_back(world: World, daemon: MirrorDaemon) -> None:
    eventually(lambda: noticed(daemon), 60, "the daemon notices")
    world.settle()
    world.assert_equal()
    eventually(lambda: daemon.health()["status"] == "healthy", 30, "the daemon is healthy again")


def test_empty_backup_under_the_running_daemon(own_world: World) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    filled(own_world.db, "others", 20)
    daemon = own_world.mirror(**LEASE)
    own_world.assert_equal()  # leaves a proof
    eventually(lambda: daemon.metrics()["verifiedUntil"], 30, "the proof is reported")
    exchange(own_world)
    own_world.db.things.update_one({"_id": 7}, {"$set": {"changed": True}})
    eventually(lambda: noticed(daemon), 60, "the daemon notices")
    eventually(lambda: daemon.metrics()["verifiedUntil"] is None, 30, "proofs of the old one count no more")
    assert_brought_back(own_world, daemon)
    assert own_world.copy.things.count_documents({}) == DOCUMENTS


def test_another_cluster_in_the_settings(own_world: World, tmp_path: Path) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    daemon = own_world.mirror(**LEASE)
    assert daemon.stop() == 0
    own_world.db.things.delete_many({"_id": {"$lte": 50}})
    second = EmbeddedServer(tmp_path / "second", tmp_path / "second.log", ()).start()
    try:
        daemon.settings["MONGODB_ATLAS_URI"] = second.uri()
        daemon.start()
        reply = daemon.wait(60)
        assert reply.status == 200, reply.body
        report = own_world.verify()
        assert report["equal"] is True, report
        assert report["namespaces"][0]["backupDocuments"] == DOCUMENTS - 50, report
        # Back to the first one, which lacks what happened meanwhile: a collection that is gone goes there, too.
        own_world.db.things.drop()
        filled(own_world.db, "news", 10)
        own_world.settle()
        assert daemon.stop() == 0
        daemon.settings["MONGODB_ATLAS_URI"] = own_world.pair.backup_uri
        daemon.start()
        assert_brought_back(own_world, daemon)
        assert own_world.copy.things.count_documents({}) == 0
    finally:
        daemon.stop()
        second.stop()


def test_backup_put_back_from_a_snapshot(own_world: World, tmp_path: Path) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    daemon = own_world.mirror(**LEASE)
    server = backup_of(own_world)
    server.stop()
    snapshot = tmp_path / "snapshot"
    shutil.copytree(server.storage, snapshot)
    server.start()
    own_world.db.things.update_many({}, {"$set": {"newer": True}})
    own_world.settle()
    state = own_world.backup["dualsync"]["state"]
    lease = {"_id": {"$regex": "^lease/"}}
    renewed = state.find_one(lease)["renewal"]
    eventually(lambda: state.find_one(lease)["renewal"] > renewed, 30, "the lease is renewed")
    exchange(own_world, snapshot)
    assert own_world.copy.things.count_documents({"newer": True}) == 0
    assert_brought_back(own_world, daemon)
    assert own_world.copy.things.count_documents({"newer": True}) == DOCUMENTS


def test_restarts_of_the_same_backup_are_no_loss(own_world: World) -> None:
    filled(own_world.db, "things", DOCUMENTS)
    daemon = own_world.mirror(**LEASE)
    for _ in range(2):
        server = backup_of(own_world)
        server.stop()
        own_world.db.things.insert_one({})
        server.start()
        own_world.settle()
    daemon.kill()
    own_world.db.things.insert_one({})
    daemon.start()
    own_world.settle()
    assert not noticed(daemon)
    own_world.assert_equal()
