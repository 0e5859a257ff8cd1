"""`dualsync report`: the last day in numbers and words, kept across restarts."""
from __future__ import annotations

import json

from workload import filled
from world import World, eventually

EXIT_NO_DAEMON = 7


def report(world: World) -> dict:
    done = world.first.command("report", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_numbers_and_words_survive_a_kill(world: World) -> None:
    filled(world.db, "bills", 10)
    daemon = world.mirror()
    world.db.bills.insert_many([{"_id": f"new {number}"} for number in range(25)])
    world.settle()
    eventually(lambda: report(world)["captured"] >= 25, 30, "the changes are in the report")
    assert daemon.request("POST", "/api/sync/pause").status == 200
    eventually(lambda: "paused" in report(world)["reasons"], 30, "the pause is in the report")
    assert daemon.request("POST", "/api/sync/resume").status == 200
    body = report(world)
    assert body["starts"] == 1 and body["seconds"]["healthy"] > 0 and body["bytesSent"] > 0
    words = daemon.command("report").stdout
    assert words.strip().splitlines() == report(world)["words"] or "captured" in words
    # A whole minute is kept; what the newest minute has seen goes with the process.
    eventually(lambda: (daemon.data / "history").is_file(), 90, "the first minute is over")
    captured = report(world)["captured"]
    daemon.kill()
    daemon.start()
    eventually(lambda: daemon.health()["status"] == "healthy", 60, "healthy again")
    body = report(world)
    assert body["captured"] >= captured - 1 and body["starts"] == 2, body


def test_without_a_daemon(world: World) -> None:
    done = world.daemon().command("report")
    assert done.returncode == EXIT_NO_DAEMON and "hint:" in done.stderr
