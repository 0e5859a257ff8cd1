"""Whatever an application does while daemon and servers come and go: in the end the backup equals local.

`DUALSYNC_CHAOS=first-last` runs these seeds instead of the usual ones; a failure names its seed. The seed decides what
the application does and which faults come; the threads' timing differs from run to run.
"""
from __future__ import annotations

import os
import random
import time

import pytest
from chaos import Chaos
from world import World

STEPS = 400
FAULTS = 6


def seeds() -> list[int]:
    first, _, last = os.environ.get("DUALSYNC_CHAOS", "1-2").partition("-")
    return list(range(int(first), int(last or first) + 1))


class Faults:
    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed + 1_000_000)
        self.done: list[str] = []

    def kill(self) -> None:
        self.world.first.kill()
        self.world.first.start()

    def restart(self) -> None:
        self.world.first.stop()
        self.world.first.start()

    def backup_away(self) -> None:
        self.world.pair.backup_server.stop()
        time.sleep(self.random.random() * 2)
        self.world.pair.backup_server.start()

    def away_while_killed(self) -> None:
        self.world.pair.backup_server.stop()
        self.kill()
        time.sleep(self.random.random())
        self.world.pair.backup_server.start()

    def full_sync(self) -> None:
        self.world.first.command("full-sync", "--detach")

    def strike(self) -> None:
        act = self.random.choice(
            (self.kill, self.kill, self.restart, self.backup_away, self.away_while_killed, self.full_sync))
        self.done.append(act.__name__)
        act()


@pytest.mark.parametrize("seed", seeds())
def test_in_the_end_both_are_equal(own_world: World, seed: int) -> None:
    chaos, faults = Chaos(own_world.db, seed), Faults(own_world, seed)
    for _ in range(50):
        chaos.step()
    own_world.daemon(SYNC_LANES=str(1 + seed % 4), SYNC_BATCH_SIZE=str(faults.random.choice((3, 100))),
                     SYNC_QUEUE_MAX_SIZE=str(faults.random.choice((100, 10_000)))).start()
    strikes = sorted(faults.random.sample(range(STEPS), FAULTS))
    for step in range(STEPS):
        if step in strikes:
            faults.strike()
        chaos.step()
    print(f"seed {seed}: {chaos.refused} of {len(chaos.done)} refused by local; faults: {faults.done}")
    own_world.settle(120)
    own_world.assert_equal()
    assert own_world.first.metrics()["deadLetters"] == 0
