"""Links and servers that come and go. These tests stop servers, so they bring embedded ones of their own."""
from __future__ import annotations

import json
import time

import pytest
from embedded_server import EmbeddedServer
from workload import Background, Mixed, filled
from world import HTTP_OK, World, eventually, patience

SETTLE_SECONDS = 120
EXIT_LOCAL_UNREACHABLE = 3
CONNECT_TIMEOUT_SECONDS = 2


def stop(server: EmbeddedServer | None) -> EmbeddedServer:
    assert server is not None
    server.stop()
    return server


def breaker_leaves_closed(world: World) -> None:
    eventually(lambda: world.first.metrics()["breaker"] != "closed", 60, "the breaker notices that the backup is away")


def test_backup_down_at_start_is_a_warning(own_world: World) -> None:
    filled(own_world.db, "things", 2_000)
    backup = stop(own_world.pair.backup_server)
    daemon = own_world.daemon(SYNC_CONNECT_TIMEOUT=str(CONNECT_TIMEOUT_SECONDS)).start()
    own_world.db.things.insert_one({"_id": "while it was away"})
    eventually(lambda: any(line["level"] == "warn" and backup.address in str(line) for line in daemon.log_lines()), 60,
               "a warning that names the backup")
    eventually(lambda: daemon.health()["status"] != "healthy", 60, "health says so")
    assert daemon.running
    assert daemon.metrics()["appliedPosition"] is None
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()
    eventually(lambda: daemon.health()["status"] == "healthy", 60, "healthy again")


def test_backup_down_for_a_while_under_load(own_world: World) -> None:
    filled(own_world.db, "things", 5_000)
    daemon = own_world.mirror()
    writer = Mixed(own_world.db.things, 5_000, seed=5)
    with Background(lambda: writer.bulk(50)) as background:
        eventually(lambda: background.rounds > 5, 60, "writes")
        backup = stop(own_world.pair.backup_server)
        breaker_leaves_closed(own_world)
        away_at = background.rounds
        eventually(lambda: background.rounds > away_at + 20, 60, "local goes on without the backup")
        assert daemon.metrics()["queueSize"] > 0
        assert daemon.metrics()["rpoSeconds"] > 0
        assert daemon.wait(1).status != HTTP_OK, "wait must not say that all is there"
        backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()
    metrics = daemon.metrics()
    assert metrics["deadLetters"] == 0, "an outage uses up no retry"
    assert metrics["breaker"] == "closed"


def test_daemon_restarted_while_the_backup_is_down(own_world: World) -> None:
    """What was captured before a kill -9 is still sent when the backup is back."""
    filled(own_world.db, "things", 2_000)
    daemon = own_world.mirror()
    backup = stop(own_world.pair.backup_server)
    own_world.db.things.update_many({}, {"$set": {"first": 1}})
    eventually(lambda: daemon.metrics()["queueSize"] >= 2_000, 60, "the queue holds the writes")
    daemon.kill()
    own_world.db.things.delete_many({"_id": {"$gt": 1_500}})
    daemon.start()
    own_world.db.things.insert_one({"_id": "last"})
    backup.start()
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()


def test_local_down_at_start(own_world: World) -> None:
    local = stop(own_world.pair.local_server)
    daemon = own_world.daemon()
    started = time.monotonic()
    daemon.start("--connect-timeout", str(CONNECT_TIMEOUT_SECONDS), ready=False)
    assert daemon.ended(patience(30)) == EXIT_LOCAL_UNREACHABLE
    assert time.monotonic() - started < patience(CONNECT_TIMEOUT_SECONDS + 15)
    output = daemon.log_text() + daemon.output.read_text()
    assert local.address in output, output
    assert "refused" in output.lower(), f"the cause is not named: {output}"
    assert "start" in output.lower(), f"no step to take is named: {output}"


def test_local_name_that_does_not_resolve(own_world: World) -> None:
    daemon = own_world.daemon(MONGODB_LOCAL_URI="mongodb://no-such-host.invalid:27017/shop")
    daemon.start("--connect-timeout", str(CONNECT_TIMEOUT_SECONDS), ready=False)
    assert daemon.ended(patience(60)) == EXIT_LOCAL_UNREACHABLE
    output = daemon.log_text() + daemon.output.read_text()
    assert "no-such-host.invalid" in output
    assert "cannot be resolved (DNS)" in output, f"the cause is not named: {output}"


@pytest.mark.parametrize("uri", ["mongodb://no-such-host.invalid/?tls=true", "mongodb+srv://a.no-such-host.invalid/"])
def test_backup_name_that_does_not_resolve(world: World, uri: str) -> None:
    """The name of a host, and that of a service (SRV): named for what it is, and capture goes on."""
    daemon = world.daemon(MONGODB_ATLAS_URI=uri, SYNC_CONNECT_TIMEOUT=f"{CONNECT_TIMEOUT_SECONDS}s").start()

    def told() -> str:
        return next((line["error"] for line in daemon.log_lines() if "backup cannot be reached" in line["message"]), "")

    warning = eventually(told, 60, "a warning")
    assert "no-such-host.invalid" in warning, warning
    assert "cannot be resolved (DNS)" in warning, f"the cause is not named: {warning}"
    check = {each["name"]: each for each in json.loads(
        daemon.command("doctor", "--json", timeout=patience(60)).stdout)["checks"]}["backup-connection"]
    assert "cannot be resolved (DNS)" in check["message"], check
    assert "DNS" in check["hint"], check
    assert daemon.health()["status"] == "degraded"


def test_local_restarted_later(own_world: World) -> None:
    filled(own_world.db, "things", 1_000)
    daemon = own_world.mirror()
    local = stop(own_world.pair.local_server)
    eventually(lambda: daemon.health()["status"] != "healthy", 60, "health says that local is away")
    local.start()
    own_world.db.things.update_many({}, {"$set": {"after": True}})
    own_world.settle(SETTLE_SECONDS)
    own_world.assert_equal()
    eventually(lambda: daemon.health()["status"] == "healthy", 60, "healthy again")


def test_what_is_sent_is_limited(world: World) -> None:
    """A line with other users: the copy and the lanes keep to the limits, and everything arrives."""
    world.db.things.insert_many([{"_id": number, "text": "x" * 1000} for number in range(300)])
    started = time.monotonic()
    world.mirror(SYNC_MAX_OPS_PER_SECOND="200", SYNC_MAX_BYTES_PER_SECOND="400000")
    world.db.things.insert_many([{"_id": number, "text": "x" * 1000} for number in range(300, 900)])
    world.settle()
    # 900 operations at 200 a second: the first second's worth goes at once, and the last batch is not waited for.
    assert time.monotonic() - started > 900 / 200 - 3
    world.assert_equal()
