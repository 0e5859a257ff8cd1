"""The REST API: who may ask, what the numbers are called, and that wait keeps its word."""
from __future__ import annotations

import stat
import threading

import pytest
from workload import filled
from world import HTTP_OK, HTTP_TIMED_OUT, World, eventually

NUMBERS = ("totalOperations", "successfulSyncs", "failedSyncs", "queueSize", "avgSyncTime", "rpoSeconds", "queueBytes",
           "coalescedOperations", "conflicts", "deadLetters", "dirtyRanges", "bytesSent", "bytesSavedByCoalescing")
OTHERS = ("lastSyncTimestamp", "breaker", "capturePosition", "appliedPosition", "verifiedUntil", "lastProvenRestore",
          "oplogWindowSeconds")
BAD_REQUEST, UNAUTHORISED, NOT_FOUND, NOT_ALLOWED, MISDIRECTED = 400, 401, 404, 405, 421


def test_metrics(world: World) -> None:
    filled(world.db, "things", 400)
    daemon = world.mirror()
    world.db.things.update_many({}, {"$set": {"seen": 1}})
    world.settle()
    metrics = daemon.metrics()
    for name in NUMBERS:
        assert isinstance(metrics[name], (int, float)) and metrics[name] >= 0, (name, metrics.get(name))
    for name in OTHERS:
        assert name in metrics, name
    assert metrics["totalOperations"] >= 400 and metrics["successfulSyncs"] >= 400
    assert metrics["queueSize"] == 0 and metrics["deadLetters"] == 0 and metrics["failedSyncs"] == 0
    assert metrics["bytesSent"] > 0
    assert metrics["breaker"] == "closed"
    assert set(metrics["appliedPosition"]) == {"t", "i"}
    assert metrics["lastSyncTimestamp"].endswith("Z") or "+" in metrics["lastSyncTimestamp"]


def test_applied_position_never_goes_back(world: World) -> None:
    daemon = world.mirror()
    seen = []
    for number in range(20):
        world.db.things.insert_one({"_id": number})
        position = daemon.metrics()["appliedPosition"]
        seen.append((position["t"], position["i"]))
    assert seen == sorted(seen)
    eventually(lambda: daemon.metrics()["rpoSeconds"] == 0, 30, "no write is waiting")


def test_health_needs_no_token(world: World) -> None:
    daemon = world.mirror()
    reply = daemon.request("GET", "/api/sync/health", token=None)
    assert reply.status == HTTP_OK
    assert reply.body["status"] == "healthy", reply.body
    assert reply.body["reasons"] == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/sync/metrics"), ("GET", "/api/sync/status"),
                                              ("POST", "/api/sync/wait?timeoutSeconds=60")])
def test_everything_else_does(world: World, method: str, path: str) -> None:
    daemon = world.mirror()
    right = daemon.api_token()
    for token in (None, "wrong", right[:-1], right + "0", right.swapcase() if right.swapcase() != right else "x"):
        reply = daemon.request(method, path, token=token)
        assert reply.status == UNAUTHORISED, (token, reply)
        assert reply.headers["Content-Type"].startswith("application/problem+json")
        assert right not in str(reply)
    assert daemon.request(method, path).status == HTTP_OK


def test_own_token(world: World) -> None:
    daemon = world.mirror(SYNC_API_TOKEN="a-token-of-my-own")
    assert daemon.request("GET", "/api/sync/metrics", token="a-token-of-my-own").status == HTTP_OK
    assert daemon.request("GET", "/api/sync/metrics", token="another-token").status == UNAUTHORISED
    assert daemon.command("status").returncode == 0


def test_files_are_private(world: World) -> None:
    daemon = world.mirror()
    assert stat.S_IMODE(daemon.data.stat().st_mode) == 0o700
    for path in daemon.data.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_token_survives_a_restart_and_the_address_does_not_lie(world: World) -> None:
    daemon = world.mirror()
    token = daemon.api_token()
    assert daemon.stop() == 0
    assert not (daemon.data / "api-address").exists(), "nobody listens there any more"
    daemon.start()
    assert daemon.api_token() == token


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/api/sync/nothing", NOT_FOUND), ("GET", "/api/sync/../../etc/passwd", NOT_FOUND),
    ("DELETE", "/api/sync/metrics", NOT_ALLOWED), ("GET", "/api/sync/wait", NOT_ALLOWED),
    ("POST", "/api/sync/wait?timeoutSeconds=soon", BAD_REQUEST),
    ("POST", "/api/sync/wait?timeoutSeconds=-1", BAD_REQUEST)])
def test_bad_requests_are_problems(world: World, method: str, path: str, status: int) -> None:
    reply = world.mirror().request(method, path)
    assert reply.status == status, reply
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.body["status"] == status and reply.body["detail"], reply.body


def test_wait_says_504_while_the_backup_is_down(own_world: World) -> None:
    daemon = own_world.mirror()
    assert own_world.pair.backup_server is not None
    own_world.pair.backup_server.stop()
    own_world.db.things.insert_one({"_id": 1})
    reply = daemon.wait(2)
    assert reply.status == HTTP_TIMED_OUT, reply
    assert reply.body["blockedBy"], reply.body
    own_world.pair.backup_server.start()
    own_world.settle(90)
    assert own_world.copy.things.count_documents({}) == 1


def test_waits_from_several_callers(world: World) -> None:
    """Each returns only when its own writes are there."""
    daemon = world.mirror()
    missing: list[str] = []

    def caller(name: str) -> None:
        for number in range(10):
            key = f"{name}-{number}"
            world.db.things.insert_one({"_id": key})
            if daemon.wait(60).status != HTTP_OK or world.copy.things.find_one({"_id": key}) is None:
                missing.append(key)

    threads = [threading.Thread(target=caller, args=(f"caller{number}",), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []


def test_status(world: World) -> None:
    status = world.mirror().request("GET", "/api/sync/status").body
    assert status["enabled"] is True
    assert status["capture"]["state"] == "streaming", status["capture"]
    assert status["copy"]["running"] is False
    assert "metrics" in status
