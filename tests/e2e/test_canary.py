"""The canary: a test write to local that must reach the backup, also while the application is idle."""
from __future__ import annotations

import pytest
from world import METADATA_DATABASE, World, eventually

SOON = {"SYNC_CANARY_INTERVAL": "1s"}


def canary_of(world: World) -> dict:
    return world.first.status()["canary"]


def arrived_after(world: World, last: str | None) -> str:
    """The time of an arrival that is not `last`."""
    def newer() -> str | None:
        found = canary_of(world)["lastArrival"]
        return found if found != last else None
    return str(eventually(newer, 60, "a canary arrives"))


def whole_deployment(world: World) -> dict[str, str]:
    return {"MONGODB_LOCAL_URI": world.pair.local_uri}


def test_comes_through_the_mirror_itself(own_world: World) -> None:
    daemon = own_world.daemon(**SOON, **whole_deployment(own_world)).start()
    own_world.settle()
    first = arrived_after(own_world, None)
    local, backup = (side[METADATA_DATABASE].canary for side in (own_world.local, own_world.backup))
    local.insert_one({"_id": "of another daemon"})
    arrived_after(own_world, first)
    assert canary_of(own_world)["roundTripMs"] >= 0
    daemon.stop()
    ours = local.find_one({"_id": {"$ne": "of another daemon"}})
    assert list(backup.find()) == [ours], "ours alone, as local has it"
    assert set(own_world.backup.list_database_names()) - {"admin", "config", "local"} == {METADATA_DATABASE}


def test_where_one_database_is_mirrored_the_position_tells(world: World) -> None:
    world.mirror(**SOON)
    first = arrived_after(world, None)
    arrived_after(world, first)
    assert world.db.list_collection_names() == [], "nothing of ours in the application's database"
    assert world.copy.list_collection_names() == []


def test_an_outage_is_named_once_and_the_canary_comes_later(own_world: World) -> None:
    own_world.mirror(**SOON, **whole_deployment(own_world))
    before = arrived_after(own_world, None)
    own_world.pair.backup_server.stop()
    eventually(lambda: canary_of(own_world)["waitingSeconds"] >= 2, 60, "one is on its way")
    eventually(lambda: own_world.first.status()["backup"]["breaker"] != "closed", 60, "the outage is noticed")
    assert {reason["code"] for reason in own_world.first.status()["reasons"]} == {"breaker-open"}
    own_world.pair.backup_server.start()
    arrived_after(own_world, before)
    own_world.settle()


@pytest.mark.parametrize("interval", ["0", "0s"])
def test_can_be_switched_off(own_world: World, interval: str) -> None:
    own_world.mirror(SYNC_CANARY_INTERVAL=interval, **whole_deployment(own_world))
    assert canary_of(own_world)["state"] == "off"
    assert "canary" not in own_world.local[METADATA_DATABASE].list_collection_names()


def test_status_says_when_the_last_one_came_through(world: World) -> None:
    world.mirror(**SOON)
    arrived_after(world, None)
    assert "came through at" in world.first.command("status").stdout
