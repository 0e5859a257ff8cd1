"""Ending: SIGTERM drains, SIGINT too, nothing is lost, and no credential ever shows."""
from __future__ import annotations

import signal
import time
from urllib.parse import quote

import pytest
from embedded_server import EmbeddedServer
from pymongo import MongoClient
from workload import Background, Mixed, filled
from world import World, eventually, patience

SHUTDOWN_SECONDS = 10
PASSWORD = "s3cret/pass:w@rd%+#"
USER = "mirror"
EXIT_LOCAL_UNREACHABLE = 3


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_under_load_ends_cleanly_and_loses_nothing(world: World, name: str) -> None:
    things = filled(world.db, "things", 3_000)
    daemon = world.mirror()
    writer = Mixed(things, 3_000, seed=7)
    with Background(lambda: writer.bulk(50)) as background:
        eventually(lambda: background.rounds > 5, 60, "writes")
        started = time.monotonic()
        code = daemon.stop() if name == signal.SIGTERM.name else daemon.interrupt()
        assert code == 0, daemon.log_tail()
        assert time.monotonic() - started < patience(SHUTDOWN_SECONDS + 5)
        stopped_at = background.rounds
        eventually(lambda: background.rounds > stopped_at + 5, 60, "writes while the daemon is away")
    daemon.start()
    world.settle(120)
    world.assert_equal()


def test_sigterm_drains_what_was_captured(world: World) -> None:
    """What the queue held when the signal came is on the backup when the daemon has ended."""
    filled(world.db, "things", 2_000)
    daemon = world.mirror()
    before = daemon.metrics()["totalOperations"]
    world.db.things.update_many({}, {"$set": {"drained": True}})
    eventually(lambda: daemon.metrics()["totalOperations"] >= before + 2_000, 60, "all of it is captured")
    assert daemon.stop() == 0
    assert world.copy.things.count_documents({"drained": True}) == 2_000


def test_the_drain_ends_although_writes_go_on(world: World) -> None:
    """What comes after the signal is not waited for: the drain is over once what was captured by then is through."""
    things = filled(world.db, "things", 500)
    daemon = world.mirror()
    writer = Mixed(things, 500, seed=17)
    with Background(lambda: writer.bulk(5)) as background:
        eventually(lambda: background.rounds > 20, 60, "writes")
        started = time.monotonic()
        assert daemon.stop() == 0, daemon.log_tail()
        assert time.monotonic() - started < patience(SHUTDOWN_SECONDS - 3)
    daemon.start()
    world.settle(60)
    world.assert_equal()


def test_sigterm_while_the_backup_is_down(own_world: World) -> None:
    daemon = own_world.mirror()
    assert own_world.pair.backup_server is not None
    own_world.pair.backup_server.stop()
    filled(own_world.db, "things", 1_000)
    eventually(lambda: daemon.metrics()["queueSize"] >= 1_000, 60, "the queue holds the writes")
    started = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - started < patience(SHUTDOWN_SECONDS + 5)
    own_world.pair.backup_server.start()
    daemon.start()
    own_world.settle(90)
    own_world.assert_equal()


def test_killed_again_and_again(world: World) -> None:
    things = filled(world.db, "things", 2_000)
    daemon = world.mirror()
    writer = Mixed(things, 2_000, seed=8)
    with Background(lambda: writer.bulk(30)) as background:
        for _ in range(6):
            seen = background.rounds
            eventually(lambda seen=seen: background.rounds > seen + 2, 60, "writes")
            daemon.kill()
            daemon.start()
    world.settle(120)
    world.assert_equal()
    assert daemon.metrics()["deadLetters"] == 0


def test_stop_during_the_first_copy(world: World) -> None:
    filled(world.db, "things", 60_000)
    daemon = world.daemon().start()
    eventually(lambda: world.copy.things.estimated_document_count() > 0, 60, "the copy has begun")
    assert daemon.stop() == 0
    daemon.start()
    world.settle(120)
    world.assert_equal()


def with_user(server: EmbeddedServer | None) -> str:
    """Makes the server ask for a password; returns the URI that has it."""
    assert server is not None
    with MongoClient(server.uri()) as client:
        client.admin.command("createUser", USER, pwd=PASSWORD, roles=["root"])
    server.stop()
    server.arguments += ("--auth",)
    server.start()
    return f"mongodb://{USER}:{quote(PASSWORD, safe='')}@{server.address}"


def places_of_output(world: World) -> dict[str, str]:
    """Everything that the daemon and the commands say or leave behind."""
    daemon = world.first
    found = {"log": daemon.log_text(), "output": daemon.output.read_text()}
    for command in (("status",), ("status", "--json"), ("wait", "--timeout", "5"), ("verify",), ("verify", "--json")):
        done = daemon.command(*command)
        found[" ".join(command)] = done.stdout + done.stderr
    if daemon.running:
        for path in ("metrics", "status", "health"):
            found[path] = str(daemon.request("GET", f"/api/sync/{path}"))
    for path in daemon.data.rglob("*"):
        if path.is_file():
            found[str(path)] = path.read_bytes().decode("latin-1")
    return found


def assert_no_password(found: dict[str, str]) -> None:
    for secret in (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD)):
        assert [place for place, text in found.items() if secret in text] == [], "the password shows"


def test_password_never_shows(own_world: World) -> None:
    """Tried on the embedded server only: users of its own are made for it."""
    local, backup = with_user(own_world.pair.local_server), with_user(own_world.pair.backup_server)
    with MongoClient(f"{local}/?authSource=admin") as client:
        filled(client["shop"], "things", 200)
    daemon = own_world.daemon(MONGODB_LOCAL_URI=f"{local}/shop?authSource=admin",
                              MONGODB_ATLAS_URI=f"{backup}/?authSource=admin", SYNC_LOG_LEVEL="debug").start()
    own_world.settle()
    with MongoClient(f"{local}/?authSource=admin") as client:
        client["shop"].things.update_many({}, {"$set": {"more": True}})
    own_world.settle()
    found = places_of_output(own_world)
    assert_no_password(found)
    assert '"equal": true' in found["verify --json"], found["verify --json"]
    # Now the errors: a backup that is away, and a wrong password.
    assert own_world.pair.backup_server is not None and own_world.pair.local_server is not None
    own_world.pair.backup_server.stop()
    with MongoClient(f"{local}/?authSource=admin") as client:
        client["shop"].things.insert_one({"_id": "unsent"})
    eventually(lambda: daemon.metrics()["breaker"] != "closed", 60, "the breaker notices")
    assert_no_password(places_of_output(own_world))
    assert daemon.stop() == 0
    assert_no_password(places_of_output(own_world))


def test_wrong_password_is_named_without_showing_it(own_world: World) -> None:
    """Tried on the embedded server only: users of its own are made for it."""
    local = with_user(own_world.pair.local_server)
    wrong = "wr0ng-and-s3cret"
    uri = local.replace(quote(PASSWORD, safe=""), wrong)
    daemon = own_world.daemon(MONGODB_LOCAL_URI=f"{uri}/shop?authSource=admin")
    daemon.start("--connect-timeout", "3", ready=False)
    assert daemon.ended(patience(60)) == EXIT_LOCAL_UNREACHABLE
    output = daemon.log_text() + daemon.output.read_text()
    assert wrong not in output
    assert "auth" in output.lower() or "password" in output.lower(), output
