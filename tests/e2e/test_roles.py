"""docs/roles.md by whole program: users with exactly those roles are enough, and less is named.

Tried on the embedded servers only, which check each command's action against the roles of the user, but tell no
privileges (`connectionStatus`): what `doctor` makes of privileges is tested in tests/unit/doctor.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_server import EmbeddedServer
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from world import METADATA_DATABASE, Pair, World, eventually, patience

USER, PASSWORD = "mirror", "secret-of-the-mirror"
ROOT, ROOT_PASSWORD = "keeper", "secret-of-the-keeper"
UNAUTHORISED = 13
OWN = {"role": "readWrite", "db": METADATA_DATABASE}
OPLOG = {"role": "read", "db": "local"}
ONE = {"local": [{"role": "read", "db": "shop"}, OWN, OPLOG],
       "backup": [{"role": "readWrite", "db": "shop"}, {"role": "dbAdmin", "db": "shop"}, OWN]}
# To list the databases: the embedded server's ...AnyDatabase roles lack that, which MongoDB's have.
LISTING = {"role": "clusterMonitor", "db": "admin"}
ALL = {"local": [{"role": "readAnyDatabase", "db": "admin"}, OWN, OPLOG, LISTING],
       "backup": [{"role": "readWriteAnyDatabase", "db": "admin"}, {"role": "dbAdminAnyDatabase", "db": "admin"},
                  LISTING]}


class Guarded:
    """Two servers that ask who it is. The test itself works as one who may do everything, the daemon as USER."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = {side: EmbeddedServer(folder / side, folder / f"{side}.log", ("--oplog-max-entries", "100000"))
                        for side in ("local", "backup")}
        self.world: World | None = None

    def open(self, roles: dict[str, list[dict]], database: str) -> World:
        for side, server in self.servers.items():
            server.start()
            with MongoClient(server.uri()) as client:
                client.admin.command("createUser", ROOT, pwd=ROOT_PASSWORD, roles=["root"])
                client.admin.command("createUser", USER, pwd=PASSWORD, roles=roles[side])
            server.stop()
            server.arguments += ("--auth",)
            server.start()
        self.world = World(Pair(self.uri("local", ROOT, ROOT_PASSWORD), self.uri("backup", ROOT, ROOT_PASSWORD)),
                           self.folder)
        self.world.database = "shop"
        self.world.db, self.world.copy = self.world.local["shop"], self.world.backup["shop"]
        self.world.daemon(MONGODB_LOCAL_URI=self.uri("local", USER, PASSWORD, database),
                          MONGODB_ATLAS_URI=self.uri("backup", USER, PASSWORD))
        return self.world

    def uri(self, side: str, user: str, password: str, database: str = "") -> str:
        return f"mongodb://{user}:{password}@{self.servers[side].address}/{database}?authSource=admin"

    def may_not(self, side: str, database: str) -> bool:
        with MongoClient(self.uri(side, USER, PASSWORD)) as client:
            try:
                client[database].strangers.insert_one({})
            except OperationFailure as error:
                return error.code == UNAUTHORISED
        return False


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    made = Guarded(tmp_path)
    yield made
    if made.world is not None:
        for daemon in made.world.daemons:
            daemon.stop()
        made.world.local.close()
        made.world.backup.close()
    for server in made.servers.values():
        server.stop()


def everything_is_mirrored(world: World) -> None:
    """Documents, indexes, options, renames, drops, a comparison."""
    world.db.bills.insert_many([{"_id": number, "n": number} for number in range(100)])
    world.db.bills.create_index("n", unique=True)
    world.first.start()
    world.settle()
    world.db.bills.update_many({}, {"$set": {"seen": True}})
    world.db.bills.delete_many({"_id": {"$lt": 10}})
    world.db.create_collection("strict", validator={"n": {"$type": "int"}})
    world.db.strict.insert_one({"_id": 1, "n": 1})
    world.db.command("collMod", "strict", validator={"n": {"$type": "string"}})
    world.db.bills.create_index("seen", expireAfterSeconds=1_000_000)
    world.db.old.insert_one({"_id": 1})
    world.db.old.rename("new")
    world.db.gone.insert_one({"_id": 1})
    world.db.gone.drop()
    world.settle()
    world.assert_equal()
    metrics = world.first.metrics()
    assert metrics["deadLetters"] == 0 and metrics["dirtyRanges"] == 0
    eventually(lambda: world.first.health()["status"] == "healthy", 30, "healthy")
    done = world.first.command("doctor", "--json", timeout=patience(60))
    states = {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}
    assert "failed" not in states.values() and states["local-rights"] == states["backup-rights"] == "ok", done.stdout
    assert states["oplog-window"] in ("ok", "warning"), "it may look at the oplog"


def test_one_database_with_the_documented_roles(guarded: Guarded) -> None:
    world = guarded.open(ONE, "shop")
    for side, database in (("local", "shop"), ("local", "other"), ("backup", "other"), ("backup", "admin")):
        assert guarded.may_not(side, database), f"the server does not keep its user out of {database} of {side}"
    everything_is_mirrored(world)
    assert "other" not in world.backup.list_database_names()


def test_all_databases_with_the_documented_roles(guarded: Guarded) -> None:
    world = guarded.open(ALL, "")
    assert guarded.may_not("local", "shop")
    world.local.second.things.insert_one({"_id": 1})
    everything_is_mirrored(world)
    assert world.backup.second.things.find_one({"_id": 1}) == {"_id": 1}


def test_without_a_database_of_our_own(guarded: Guarded) -> None:
    """Neither marker nor canary on local, the state beside the documents on the backup; the mirror works."""
    world = guarded.open({"local": ONE["local"][:1], "backup": ONE["backup"][:2]}, "shop")
    world.db.bills.insert_one({"_id": 1})
    world.first.start()
    world.settle()
    world.db.bills.insert_one({"_id": 2})
    world.settle()
    assert [each["_id"] for each in world.copy.bills.find()] == [1, 2]
    assert "__dualsync" in world.copy.list_collection_names()
    assert METADATA_DATABASE not in world.backup.list_database_names()


@pytest.mark.parametrize(("side", "roles"), [("local", [OWN]), ("backup", [{"role": "read", "db": "shop"}, OWN])])
def test_too_few_rights_are_named(guarded: Guarded, side: str, roles: list[dict]) -> None:
    world = guarded.open({**ONE, side: roles}, "shop")
    world.db.bills.insert_one({"_id": 1})
    world.first.start()

    def told() -> str:
        health = json.dumps(world.first.health())
        log = " ".join(str(line) for line in world.first.log_lines() if line["level"] in ("warn", "error"))
        return health if "healthy" != world.first.health()["status"] and "not authorized" in health + log else ""

    eventually(told, 60, "health is not healthy, and the server's refusal is told")
    assert world.copy.bills.find_one() is None
    # The rights are given. The daemon would find out by itself, within a minute; a new start does at once.
    getattr(world, side).admin.command("grantRolesToUser", USER, roles=ONE[side])
    world.first.stop()
    world.first.start()
    world.settle()
    assert world.copy.bills.find_one() == {"_id": 1}
