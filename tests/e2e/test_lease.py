"""One writer per backup: the lease between daemons with data directories of their own."""
from __future__ import annotations

import os
import signal
import time

from mirror_daemon import MirrorDaemon
from workload import filled
from world import World, eventually, patience

EXIT_OWNED = 4
LEASE_SECONDS = 4
WATCH_SECONDS = 2 * LEASE_SECONDS
LEASE = {"SYNC_LEASE_SECONDS": str(LEASE_SECONDS)}


def writer(daemon: MirrorDaemon) -> str:
    return daemon.request("GET", "/api/sync/status").body["writer"]["state"]


def test_second_daemon_is_refused_naming_the_first(world: World) -> None:
    filled(world.db, "things", 200)
    first = world.mirror(**LEASE)
    pid = first.pid
    second = world.daemon("second", **LEASE).start()
    assert second.ended(patience(30)) == EXIT_OWNED
    said = second.log_text()
    assert f"pid {pid}" in said and str(first.data) in said and "since" in said, said
    assert "waiting to see whether it is alive" in said, said
    assert first.running
    world.db.things.insert_one({"_id": "after"})
    world.settle()
    world.assert_equal(verify=False)


def test_a_clean_stop_gives_the_lease_up(world: World) -> None:
    filled(world.db, "things", 200)
    assert world.mirror(**LEASE).stop() == 0
    world.daemons.remove(world.first)
    second = world.daemon("second", **LEASE).start()
    started = time.monotonic()
    eventually(lambda: writer(second) == "owner", 30, "the second one is the writer")
    assert time.monotonic() - started < patience(LEASE_SECONDS)
    world.settle()
    world.assert_equal(verify=False)


def test_killed_and_started_again_takes_it_back_at_once(world: World) -> None:
    filled(world.db, "things", 200)
    daemon = world.mirror(SYNC_LEASE_SECONDS="60")
    daemon.kill()
    world.db.things.insert_one({"_id": "while it was away"})
    started = time.monotonic()
    daemon.start()
    world.settle()
    assert time.monotonic() - started < patience(10)
    world.assert_equal(verify=False)


def test_stopped_process_does_not_write_over_its_successor(world: World) -> None:
    """What the first one would send after it goes on is known: 200 documents that have changed on local meanwhile."""
    filled(world.db, "things", 200)
    first = world.mirror(**LEASE)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        world.db.things.update_many({}, {"$set": {"while": "stopped"}})
        second = world.daemon("second", **LEASE).start()
        eventually(lambda: writer(second) == "owner", 3 * WATCH_SECONDS, "the second one takes over")
        world.daemons.reverse()
        world.settle()
        world.assert_equal(verify=False)
        world.copy.things.update_many({}, {"$set": {"written": "by hand"}})
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.ended(patience(30)) == EXIT_OWNED
    assert "lease on the backup was lost" in first.log_text()
    assert world.copy.things.count_documents({"while": "stopped", "written": "by hand"}) == 200
    assert second.running
