"""What a change of the settings brings into scope is copied by itself, and nothing is claimed of it before."""
from __future__ import annotations

from workload import filled
from world import HTTP_OK, World

DOCUMENTS = 200


def restart(world: World, **settings: str) -> None:
    daemon = world.first
    assert daemon.stop() == 0
    daemon.settings.update(settings)
    daemon.start()


def test_gradual_rollout(world: World) -> None:
    for name in ("bills", "logs", "orders"):
        filled(world.db, name, DOCUMENTS)
    world.mirror(SYNC_INCLUDED_COLLECTIONS="bills")
    assert world.copy.list_collection_names() == ["bills"]
    restart(world, SYNC_INCLUDED_COLLECTIONS="bills,logs")
    world.db.logs.update_one({"_id": 3}, {"$set": {"changed": True}})
    world.settle()
    assert world.copy.logs.count_documents({}) == DOCUMENTS
    assert world.copy.orders.count_documents({}) == 0
    restart(world, SYNC_INCLUDED_COLLECTIONS="")
    world.settle()
    assert world.copy.orders.count_documents({}) == DOCUMENTS
    world.assert_equal()
    assert world.first.health()["status"] == "healthy"


def test_what_was_left_out_for_a_while_catches_up(world: World) -> None:
    filled(world.db, "bills", DOCUMENTS)
    filled(world.db, "logs", DOCUMENTS)
    filled(world.db, "gone", 5)
    world.mirror()
    restart(world, SYNC_EXCLUDED_COLLECTIONS="logs,gone")
    world.db.logs.delete_many({"_id": {"$lt": 100}})
    world.db.logs.update_many({}, {"$set": {"unseen": True}})
    world.db.gone.drop()
    world.settle()
    assert world.copy.logs.count_documents({}) == DOCUMENTS
    restart(world, SYNC_EXCLUDED_COLLECTIONS="")
    world.settle()
    world.assert_equal()
    assert world.copy.gone.count_documents({}) == 0


def test_a_backup_database_of_another_name(world: World) -> None:
    filled(world.db, "bills", DOCUMENTS)
    world.mirror()
    other = f"{world.database}_berlin"
    world.extra_databases.append(other)
    restart(world, SYNC_DATABASE_MAP=f"{world.database}={other}")
    world.settle()
    assert world.backup[other].bills.count_documents({}) == DOCUMENTS


def test_a_killed_daemon_sees_the_change_again(world: World) -> None:
    filled(world.db, "bills", DOCUMENTS)
    filled(world.db, "logs", 20 * DOCUMENTS)
    daemon = world.mirror(SYNC_EXCLUDED_COLLECTIONS="logs")
    assert daemon.stop() == 0
    daemon.settings["SYNC_EXCLUDED_COLLECTIONS"] = ""
    daemon.start()
    daemon.kill()
    daemon.start()
    reply = world.wait()
    assert reply.status == HTTP_OK, reply.body
    world.assert_equal()
