"""The disk under the queue fills up and is freed again while the daemon runs. Needs the right to mount a tmpfs."""
from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from workload import filled
from world import HTTP_OK, World, eventually

DISK_MEGABYTES = 48
BLOCK = b"x" * (1 << 20)
RECOVERY_SECONDS = 120


class SmallDisk:
    """A tmpfs of its own size; `fill` leaves nothing free, `free` gives it back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self) -> None:
        for size in (len(BLOCK), 4096, 1):
            try:
                with self.filler.open("ab", buffering=0) as file:
                    while file.write(BLOCK[:size]) == size:
                        pass
            except OSError:
                continue

    def free(self) -> None:
        self.filler.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        there = os.statvfs(self.folder)
        return there.f_bavail * there.f_frsize

    def leave(self, left: int) -> None:
        """Others take all but so many bytes."""
        with self.filler.open("ab", buffering=0) as file:
            while self.free_bytes() > left:
                file.write(BLOCK[:min(len(BLOCK), self.free_bytes() - left + 4096)])


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    size = getattr(request, "param", DISK_MEGABYTES)
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=0700", "tmpfs", str(folder)],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"nothing shows here what a full disk does: no tmpfs can be mounted ({mounted.stderr.strip()})")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


def reasons(daemon) -> list[str]:
    return [reason["code"] for reason in daemon.health()["reasons"]]


def test_a_full_disk_stops_capture_and_loses_nothing(world: World, small_disk: SmallDisk) -> None:
    filled(world.db, "things", 2_000)
    # Without the reserve the queue would give up content long before; here the disk itself says no.
    daemon = world.mirror(SYNC_DATA_DIR=str(small_disk.folder / "data"), SYNC_DISK_RESERVE_BYTES="0")
    small_disk.fill()
    written = 0

    def broken() -> bool:
        nonlocal written
        small_disk.fill()  # opening the queue again gives some room back, and it goes on: that is taken as well
        world.db.things.update_many({}, {"$set": {"round": written, "text": "y" * 200}})
        world.db.things.insert_one({"_id": f"late {written}"})
        written += 1
        health = daemon.health()
        return health["status"] == "unhealthy" and "queue-broken" in [reason["code"] for reason in health["reasons"]]

    eventually(broken, RECOVERY_SECONDS, "health names the queue")
    world.db.things.insert_one({"_id": "while it is full"})
    world.db.things.delete_many({"_id": {"$in": list(range(100))}})
    world.db.things.create_index("round")
    assert daemon.running, "the daemon goes on"
    small_disk.free()
    world.settle(RECOVERY_SECONDS)
    world.assert_equal()
    eventually(lambda: daemon.health()["status"] == "healthy", RECOVERY_SECONDS, "healthy again by itself")
    assert daemon.stop() == 0


def test_a_disk_that_stays_full_is_left_for_the_fallback(world: World, small_disk: SmallDisk, tmp_path: Path) -> None:
    filled(world.db, "things", 500)
    spare = tmp_path / "spare"
    daemon = world.mirror(SYNC_DATA_DIR=str(small_disk.folder / "data"), SYNC_DISK_RESERVE_BYTES="0",
                          SYNC_DATA_DIR_FALLBACK=str(spare))
    small_disk.fill()
    rounds = 0

    def moved() -> bool:
        nonlocal rounds
        rounds += 1
        small_disk.fill()
        world.db.things.update_many({}, {"$set": {"round": rounds, "text": "w" * 500}})
        world.db.things.delete_one({"_id": rounds})
        return "SYNC_DATA_DIR_FALLBACK is used" in daemon.log_text()

    eventually(moved, RECOVERY_SECONDS, "the fallback is used")
    eventually(lambda: (spare / "api-address").exists(), RECOVERY_SECONDS, "it runs there")
    world.db.things.insert_one({"_id": "in the fallback"})
    waited = daemon.command("wait", "--timeout", str(RECOVERY_SECONDS))
    assert waited.returncode == 0, waited.stdout + waited.stderr
    world.assert_equal()
    shown = daemon.command("status", "--json").stdout
    assert "data-dir-fallback" in shown, shown
    assert daemon.stop() == 0


def test_killed_on_a_full_disk_it_goes_on_after_a_restart(world: World, small_disk: SmallDisk) -> None:
    filled(world.db, "things", 500)
    daemon = world.mirror(SYNC_DATA_DIR=str(small_disk.folder / "data"), SYNC_DISK_RESERVE_BYTES="0")
    small_disk.fill()

    def broken() -> bool:
        small_disk.fill()  # what the queue no longer needs gives room back
        world.db.things.update_many({}, {"$inc": {"n": 1}, "$set": {"text": "z" * 500}})
        return "queue-broken" in reasons(daemon)

    eventually(broken, RECOVERY_SECONDS, "health names the queue")
    world.db.things.insert_one({"_id": "while it is full"})
    daemon.kill()
    small_disk.free()
    daemon.start()
    world.settle(RECOVERY_SECONDS)
    world.assert_equal()


# With what the store keeps after so many writes there must be more free than the reserve again.
@pytest.mark.parametrize("small_disk", [128], indirect=True)
def test_the_reserve_is_left_to_others(world: World, small_disk: SmallDisk) -> None:
    """With the backup held back, writes of more than what is free: content is given up, and read again later."""
    reserve, spare = 24 << 20, 1 << 20
    filled(world.db, "things", 200)
    daemon = world.mirror(SYNC_DATA_DIR=str(small_disk.folder / "data"), SYNC_DISK_RESERVE_BYTES=str(reserve))
    assert daemon.request("POST", "/api/sync/pause", body=b"").status == HTTP_OK
    small_disk.leave(reserve + spare)
    least, written = small_disk.free_bytes(), 0
    assert least >= reserve, "there is enough in the beginning"
    while written < reserve:  # it would fit, if the reserve were not one
        world.db.things.insert_many([{"text": secrets.token_hex(5_000)} for _ in range(100)])
        written += 100 * 10_000
        least = min(least, small_disk.free_bytes())
    before = daemon.metrics()["totalOperations"]
    world.db.things.insert_one({"_id": "late"})
    eventually(lambda: daemon.metrics()["totalOperations"] > before, RECOVERY_SECONDS, "capture goes on")
    assert daemon.metrics()["queueOverflows"]["payloadsDropped"] > 0
    assert "disk-low" in reasons(daemon)
    # Some is on its way to the disk when it is noticed, and the store needs some to give space back: not all of it.
    assert least > reserve / 3, f"{reserve - least} bytes of the reserve were taken"
    small_disk.free()
    assert daemon.request("POST", "/api/sync/resume", body=b"").status == HTTP_OK
    world.settle(RECOVERY_SECONDS)
    world.assert_equal()
    assert daemon.metrics()["deadLetters"] == 0
    eventually(lambda: daemon.health()["status"] == "healthy", RECOVERY_SECONDS, "healthy again by itself")
