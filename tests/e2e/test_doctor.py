"""`dualsync doctor`: names what is wrong and what to do, with a daemon and without, and changes nothing."""
from __future__ import annotations

import json
import time

from workload import filled
from world import METADATA_DATABASE, World, eventually, patience

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
CHECKS = ["settings", "data-directory", "disk", "daemon", "local-connection", "local-version", "local-replica-set",
          "local-rights", "local-change-stream", "oplog-window", "local-clock", "backup-connection", "backup-version",
          "backup-rights", "backup-clock", "lease", "local-identity", "atlas-tier"]


def doctor(world: World, code: int = EXIT_OK, **settings: str) -> dict[str, dict]:
    done = world.first.command("doctor", "--json", settings=settings or None, timeout=patience(60))
    assert done.returncode == code, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["sound"] == (code == EXIT_OK)
    for check in report["checks"]:
        assert check["message"], check
        assert check["state"] in ("ok", "skipped") or check["hint"], f"nothing to do about {check}"
    return {check["name"]: check for check in report["checks"]}


def test_a_sound_mirror(world: World) -> None:
    filled(world.db, "bills", 100)
    daemon = world.mirror()
    eventually(lambda: daemon.health()["status"] == "healthy", 30, "healthy")
    checks = doctor(world)
    assert list(checks) == CHECKS
    # A server that has just been started has a short oplog; everything else must be well.
    assert {name for name, check in checks.items() if check["state"] != "ok"} <= {"oplog-window", "local-rights",
                                                                                 "backup-rights"}
    assert "ours" in checks["lease"]["message"]
    assert checks["daemon"]["message"].startswith("healthy at ")
    done = daemon.command("doctor", timeout=patience(60))
    assert done.returncode == EXIT_OK and "\x1b" not in done.stdout, "colours are for terminals"
    assert all(name in done.stdout for name in CHECKS)


def test_before_the_first_start_it_changes_nothing(world: World) -> None:
    world.db.bills.insert_one({"_id": 1})
    daemon = world.daemon()
    checks = doctor(world)
    assert checks["daemon"]["state"] == "warning" and "dualsync run" in checks["daemon"]["hint"]
    assert "does not exist yet" in checks["data-directory"]["message"]
    assert not daemon.data.exists()
    assert world.database not in world.backup.list_database_names()


def test_both_servers_away(own_world: World) -> None:
    own_world.daemon()
    own_world.pair.backup_server.stop()
    checks = doctor(own_world, EXIT_FAILED, SYNC_CONNECT_TIMEOUT="2s")
    assert checks["backup-connection"]["state"] == "failed"
    assert own_world.pair.backup_server.address in checks["backup-connection"]["message"]
    assert checks["local-change-stream"]["state"] == "ok", "one that is away hides nothing of the other"
    assert checks["local-identity"]["state"] == checks["atlas-tier"]["state"] == "skipped"
    own_world.pair.local_server.stop()
    begun = time.monotonic()
    checks = doctor(own_world, EXIT_FAILED, SYNC_CONNECT_TIMEOUT="2s")
    assert time.monotonic() - begun < patience(20)
    assert checks["local-connection"]["state"] == checks["backup-connection"]["state"] == "failed"


def test_wrong_settings_are_findings_too(world: World) -> None:
    daemon = world.daemon()
    done = daemon.command("doctor", "--json", settings={"SYNC_LANES": "many"})
    assert done.returncode == EXIT_USAGE
    check = json.loads(done.stdout)["checks"][0]
    assert (check["name"], check["state"]) == ("settings", "failed")
    assert "SYNC_LANES" in check["message"] and "allowed" in check["hint"]
    checks = doctor(world, EXIT_FAILED, MONGODB_ATLAS_URI="mongodb://backup.example.invalid/x")
    assert checks["connections"]["state"] == "failed" and "not encrypted" in checks["connections"]["message"]
    (world.folder / "a-file").write_text("")
    checks = doctor(world, EXIT_FAILED, SYNC_DATA_DIR=str(world.folder / "a-file"))
    assert checks["data-directory"]["state"] == "failed" and "not a directory" in checks["data-directory"]["message"]
    checks = doctor(world, EXIT_FAILED, SYNC_DISK_RESERVE_BYTES="900TiB")
    assert checks["disk"]["state"] == "failed"


def test_another_ones_backup_and_a_wrong_local(own_world: World) -> None:
    own_world.db.bills.insert_one({"_id": 1})
    own_world.mirror()
    own_world.daemon("second")
    other = own_world.daemons[1]
    done = other.command("doctor", "--json", timeout=patience(60))
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["lease"]["state"] == "warning" and str(own_world.first.pid) in checks["lease"]["message"]
    own_world.first.stop()
    own_world.local[METADATA_DATABASE].drop_collection("marker")
    checks = doctor(own_world, EXIT_FAILED)
    assert checks["local-identity"]["state"] == "failed" and "adopt-local" in checks["local-identity"]["hint"]
