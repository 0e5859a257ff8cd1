"""All databases in scope, on a cluster that others use too: what was never copied from here stays as it is."""
from __future__ import annotations

from mirror_daemon import MirrorDaemon
from workload import filled
from world import HTTP_OK, World

EXIT_USAGE = 2


def of_all(world: World, **settings: str) -> MirrorDaemon:
    return world.daemon(MONGODB_LOCAL_URI=world.pair.local_uri, **settings)


def test_databases_of_others_stay(own_world: World) -> None:
    filled(own_world.db, "bills", 50)
    own_world.local["second"]["things"].insert_one({"_id": 1})
    own_world.backup["of_others"]["their"].insert_many([{"_id": number} for number in range(5)])
    daemon = of_all(own_world).start()
    own_world.settle()
    # Dropped while nobody looks: it was ours, and goes the way of a drop.
    assert daemon.stop() == 0
    own_world.local.drop_database("second")
    daemon.start()
    own_world.settle()
    done = daemon.command("full-sync", "--json")
    assert done.returncode == 0, done.stderr
    assert own_world.backup["of_others"].list_collection_names() == ["their"]
    assert own_world.backup["of_others"]["their"].count_documents({}) == 5
    # A comparison of everything leaves them alone, too.
    assert daemon.stop() == 0
    adopted = daemon.command("adopt-local", "--yes")
    assert adopted.returncode == 0, adopted.stderr
    own_world.db.drop_collection("bills")
    filled(own_world.db, "others", 10)
    daemon.start()
    reply = daemon.wait(60)
    assert reply.status == HTTP_OK, reply.body
    assert own_world.backup["of_others"].list_collection_names() == ["their"]
    own_world.assert_equal(verify=False)
    assert own_world.copy["bills"].count_documents({}) == 0, "it was ours before the adoption"


def test_two_databases_never_meet_in_one(own_world: World) -> None:
    filled(own_world.db, "bills", 5)
    own_world.local["other"]["things"].insert_one({"_id": 1})
    daemon = of_all(own_world, SYNC_DATABASE_MAP=f"{own_world.database}=other")
    daemon.start(ready=False)
    assert daemon.ended(30) == EXIT_USAGE
    assert "SYNC_DATABASE_MAP sends another database to other" in daemon.log_text()
    assert "other" not in own_world.backup.list_database_names()
    # With a name of its own for each it goes on; one that comes later is told of, and kept out.
    daemon.settings["SYNC_DATABASE_MAP"] = f"{own_world.database}=other,other=other_too"
    daemon.start()
    own_world.settle()
    assert own_world.backup["other"]["bills"].count_documents({}) == 5
    own_world.local["other_too"]["late"].insert_one({"_id": 1})
    own_world.settle()
    assert "a database is not mirrored" in daemon.log_text()
    assert own_world.backup["other_too"].list_collection_names() == ["things"]
