"""`dualsync queue import` of what it must not take, and queues that cannot be opened: named, and nothing changes."""
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from mirror_daemon import MirrorDaemon, clean_environment
from world import World, eventually

EXIT_FAILED, EXIT_USAGE, EXIT_DAMAGED = 1, 2, 8
GOOD = {"id": "0b1c2d3e-0000-4000-8000-000000000001", "timestamp": "2025-11-30T09:59:58Z", "type": "touch",
        "collection": "a.b", "filter": {"_id": 1}}
NOBODY = 65534


def text_of(*entries: dict, version: str = "1.0") -> str:
    return json.dumps({"version": version, "operations": list(entries)})


BAD_FILES = {
    "empty": (b"", "the file is empty", EXIT_USAGE),
    "half": (text_of(GOOD).encode()[:-20], "not JSON", EXIT_USAGE),
    "twice": (text_of(GOOD, GOOD).encode(), "operation 2: field `id`", EXIT_USAGE),
    "type": (text_of(GOOD | {"type": "explode"}).encode(), "none of insert, replace, update, delete, touch, ddl",
             EXIT_USAGE),
    "field": (text_of({k: v for k, v in GOOD.items() if k != "filter"}).encode(), "field `filter`: it is missing",
              EXIT_USAGE),
    "value": (text_of(GOOD | {"retryCount": -1}).encode(), "field `retryCount`: not a whole number", EXIT_USAGE),
    "utf16": (text_of(GOOD).encode("utf-16"), "UTF-16", EXIT_USAGE),
    "newer": (text_of(GOOD, version="2.0").encode(), 'this program knows "1.0"', EXIT_FAILED),
}


@pytest.fixture
def stopped(own_world: World) -> MirrorDaemon:
    """A stopped daemon whose queue holds three operations."""
    own_world.db.things.insert_one({"_id": "first"})
    daemon = own_world.mirror()
    assert own_world.pair.backup_server is not None
    own_world.pair.backup_server.stop()
    own_world.db.things.insert_many([{"_id": number} for number in range(3)])
    eventually(lambda: daemon.metrics()["queueSize"] == 3, 60, "the queue holds the writes")
    daemon.kill()
    return daemon


def listed(daemon: MirrorDaemon) -> dict:
    return json.loads(daemon.command("queue", "list", "--json").stdout)


def test_a_bad_file_is_named_and_nothing_is_imported(stopped: MirrorDaemon, tmp_path: Path) -> None:
    before = listed(stopped)
    assert before["total"] == 3
    for name, (content, message, code) in BAD_FILES.items():
        file = tmp_path / f"{name}.json"
        file.write_bytes(content)
        for mode in ([], ["--as-recorded"]):
            done = stopped.command("queue", "import", str(file), *mode)
            assert done.returncode == code, (name, done.stdout, done.stderr)
            assert message in done.stderr and str(file) in done.stderr, (name, done.stderr)
    for path, message in ((tmp_path, "it is a directory"), (tmp_path / "none.json", "No such file")):
        done = stopped.command("queue", "import", str(path))
        assert done.returncode == EXIT_USAGE and message in done.stderr, done.stderr
    assert listed(stopped) == before


def test_a_damaged_queue_is_named_and_kept(stopped: MirrorDaemon) -> None:
    queue = stopped.data / "queue"
    current = queue / "CURRENT"
    kept = {path.name: path.read_bytes() for path in queue.iterdir()}
    current.unlink()
    stopped.start(ready=False)
    assert stopped.ended(60) == EXIT_DAMAGED, stopped.log_tail()
    assert "CURRENT is missing" in stopped.log_text()
    current.write_bytes(kept["CURRENT"])
    assert {path.name: path.read_bytes() for path in queue.iterdir() if path.suffix in (".sst", ".log")} == {
        name: content for name, content in kept.items() if name.endswith((".sst", ".log"))}
    assert listed(stopped)["total"] == 3, "everything is still there"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to run as")
def test_another_users_queue_is_no_running_daemon(stopped: MirrorDaemon, tmp_path: Path) -> None:
    file = tmp_path / "good.json"
    file.write_text(text_of(GOOD))
    for folder in (stopped.data, stopped.data / "queue", tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    done = subprocess.run([str(stopped.binary), "queue", "import", str(file)], capture_output=True, text=True,
                          env=clean_environment(stopped.settings), user=NOBODY, timeout=60)
    assert done.returncode == EXIT_FAILED, (done.returncode, done.stderr)
    assert "cannot use the data directory" in done.stderr, done.stderr
    assert listed(stopped)["total"] == 3
