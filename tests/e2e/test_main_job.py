"""The main job: real data mirrored live, then every sort of write, then kill -9 in the middle, and both sides equal."""
from __future__ import annotations

import threading

from sample_data import COUNTS, load
from workload import Background, Mixed
from world import World, eventually

MIXED_OPERATIONS = 50_000
SETTLE_SECONDS = 240
WRITES_AFTER_KILL = 3    # rounds of the background writer


def load_all(world: World) -> None:
    """The three collections at once, each by a thread of its own, as three programs would."""
    errors: list[BaseException] = []

    def one(name: str) -> None:
        try:
            assert load(world.db, name) == COUNTS[name]
        except BaseException as error:  # noqa: BLE001  (carried to the test's own thread)
            errors.append(error)

    threads = [threading.Thread(target=one, args=(name,), daemon=True) for name in COUNTS]
    for thread in threads:
        thread.start()
    world.db.flights.create_index([("carrier", 1), ("flight", -1)])
    world.db.planes.create_index("manufacturer")
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_main_job(world: World) -> None:
    daemon = world.mirror()
    load_all(world)
    world.settle(SETTLE_SECONDS)
    for name, documents in COUNTS.items():
        assert world.copy[name].count_documents({}) == documents
    metrics = daemon.metrics()
    assert metrics["deadLetters"] == 0 and metrics["queueSize"] == 0, metrics

    Mixed(world.db.flights, COUNTS["flights"], seed=1).run(MIXED_OPERATIONS)

    writer = Mixed(world.db.flights, COUNTS["flights"], seed=2)
    with Background(lambda: writer.bulk(100)) as background:
        applied = daemon.metrics()["successfulSyncs"]
        eventually(lambda: daemon.metrics()["successfulSyncs"] > applied, 60, "the daemon applies the writes")
        daemon.kill()
        killed_at = background.rounds
        eventually(lambda: background.rounds > killed_at + WRITES_AFTER_KILL, 60, "writes without the daemon")
        daemon.start()
        eventually(lambda: background.rounds > killed_at + 2 * WRITES_AFTER_KILL, 60, "writes after the restart")

    world.settle(SETTLE_SECONDS)
    world.assert_equal()
    metrics = daemon.metrics()
    assert metrics["deadLetters"] == 0 and metrics["dirtyRanges"] == 0, metrics
    assert metrics["malformedEvents"] == 0, metrics
