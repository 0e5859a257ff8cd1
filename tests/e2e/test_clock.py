"""The clock of the daemon's machine is set while it runs (libfaketime, on the daemon alone). test_chaos_machine.py does
so while an application writes and everything goes wrong; here things stand still, and numbers are looked at."""
from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from mirror_daemon import MirrorDaemon
from workload import filled
from world import HTTP_OK, World, eventually

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "chaos"))

from machine_faults import HOUR, WallClock  # noqa: E402  (needs the path above)

# What a busy machine may add to an age of seconds.
AGE_SECONDS = 600


def shown_hour(daemon: MirrorDaemon) -> str:
    """The hour that the daemon's newest line of the log bears."""
    return daemon.log_lines()[-1]["time"][:13]


def steered(daemon: MirrorDaemon, verb: str) -> None:
    assert daemon.request("POST", f"/api/sync/{verb}", body=b"").status == HTTP_OK


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    made = WallClock.of(tmp_path)
    if made is None:
        pytest.skip("libfaketime is not installed")
    return made


def set_clock(clock: WallClock, daemon: MirrorDaemon, seconds: int) -> None:
    """So far from the truth, and the daemon has seen it."""
    clock.set(seconds)
    for verb in ("resume", "pause", "resume"):  # each is told in the log, with the time that the daemon believes in
        steered(daemon, verb)
    eventually(lambda: shown_hour(daemon) == time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + seconds)), 30,
               "the daemon sees the other time")


def test_waits_last_as_long_as_ever(own_world: World, clock: WallClock) -> None:
    """The breaker waits before it tries the backup again: a clock set back by hours must not make hours of that."""
    filled(own_world.db, "things", 100)
    daemon = own_world.mirror(**clock.environment)
    backup = own_world.pair.backup_server
    assert backup is not None
    begun = time.monotonic()
    for seconds in (-3 * HOUR, 2 * HOUR, -40 * 24 * HOUR):
        backup.stop()
        own_world.db.things.insert_one({"_id": f"before it was {seconds} s off"})
        eventually(lambda: daemon.metrics()["breaker"] != "closed", 60, "the breaker notices")
        set_clock(clock, daemon, seconds)
        own_world.db.things.insert_one({"_id": f"while it is {seconds} s off"})
        backup.start()
        own_world.settle(60)
        assert 0 <= daemon.status()["uptimeSeconds"] < AGE_SECONDS + time.monotonic() - begun
    own_world.assert_equal()
    assert daemon.metrics()["deadLetters"] == 0


def test_the_rpo_stays_true(world: World, clock: WallClock) -> None:
    """The age of what waits is that by local's clock: neither hours that never were, nor 0 while something waits."""
    filled(world.db, "things", 100)
    daemon = world.mirror(**clock.environment)
    steered(daemon, "pause")
    world.db.things.insert_one({"_id": "waits"})
    begun = time.monotonic()
    eventually(lambda: daemon.metrics()["queueSize"] > 0, 30, "it waits")
    eventually(lambda: daemon.metrics()["rpoSeconds"] > 1, 30, "its age is told")
    for seconds in (2 * HOUR, -3 * HOUR, 40 * 24 * HOUR, 0):
        set_clock(clock, daemon, seconds)
        steered(daemon, "pause")
        world.db.things.insert_one({"_id": f"while it is {seconds} s off"})
        eventually(lambda: daemon.metrics()["queueSize"] > 0, 30, "it waits")
        eventually(lambda: daemon.metrics()["rpoSeconds"] > 0, 30, "what waits has an age")
        ages = [daemon.metrics()["rpoSeconds"] for _ in range(10)]
        assert 0 < min(ages) <= max(ages) < AGE_SECONDS + time.monotonic() - begun, (seconds, ages)
    steered(daemon, "resume")
    world.settle()
    world.assert_equal()
    assert daemon.metrics()["rpoSeconds"] == 0
