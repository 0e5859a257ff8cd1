"""The daemon dies at each of its marks (src/dualsync/base/mark.h) in turn; started again, it loses and repeats nothing.

`dualsync_marked` is the program with marks: tests/marks builds it. A mark that its scenario does not reach fails its
test, and so does a mark without a scenario. Brings servers of its own where it needs odd ones.
"""
from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT
from mirror_daemon import MirrorDaemon, find_binary
from pymongo.errors import PyMongoError
from world import HTTP_OK, Pair, World, eventually, patience

MARKED = find_binary().parents[3] / "tests" / "marks" / "dualsync_marked"
MARK = re.compile(r'DUALSYNC_MARK\("([^"]+)"\)')
DIES_SECONDS = 40
SETTLE_SECONDS = 60
DOCUMENTS = 60


class Witness:
    """Watches what happens to `bills` on the backup: no document goes back to an earlier version, none disappears.

    `bills` is never renamed, dropped or deleted from by the scenarios."""

    def __init__(self, world: World) -> None:
        self.stream = world.copy.watch(full_document="default")
        self.versions: dict[object, int] = {}
        self.found: list[str] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with contextlib.suppress(PyMongoError):
            while not self.stopped.is_set():
                event = self.stream.try_next()
                if event is not None:
                    self._see(event)

    def _see(self, event: dict) -> None:
        if event["ns"].get("coll") != "bills" or "documentKey" not in event:
            return
        key, kind = event["documentKey"]["_id"], event["operationType"]
        if kind == "delete":
            self.found.append(f"{key} was deleted")
            return
        content = event.get("fullDocument") or event["updateDescription"]["updatedFields"]
        version = content.get("v", self.versions.get(key, 0))
        if version < self.versions.get(key, 0):
            self.found.append(f"{key} went back from version {self.versions[key]} to {version}")
        self.versions[key] = version

    def close(self, world: World) -> None:
        """When it has seen all: the last thing it is shown is a document of our own."""
        world.copy.bills.insert_one({"_id": "the end", "v": 0})
        eventually(lambda: "the end" in self.versions or not self.thread.is_alive(), 20, "the witness sees the end")
        self.stopped.set()
        self.thread.join(10)
        world.copy.bills.delete_one({"_id": "the end"})
        assert self.found == []


class Scene:
    """One scenario with one mark: `live` is called twice, once to die in, once to finish."""

    def __init__(self, world: World, mark: str, passing: int) -> None:
        self.world = world
        self.mark = f"{mark}:{passing}"
        self.daemon: MirrorDaemon | None = None
        self.round = 0

    def open(self, **settings: str) -> None:
        self.daemon = self.world.daemon(SYNC_LEASE_SECONDS="10", SYNC_CANARY_INTERVAL="0", SYNC_WORKER_INTERVAL="10",
                                        **settings)
        self.daemon.binary = MARKED

    def arm(self, armed: bool) -> None:
        if armed:
            self.daemon.settings["DUALSYNC_MARK"] = self.mark
        else:
            self.daemon.settings.pop("DUALSYNC_MARK", None)

    def start(self) -> None:
        """With a mark it may die before its API answers."""
        self.daemon.start(ready="DUALSYNC_MARK" not in self.daemon.settings)
        while not (self.daemon.data / "api-address").exists() and self.daemon.running:
            time.sleep(0.02)

    def ask(self, method: str, path: str, body: dict | None = None) -> int:
        """A request that the daemon may die under: 0 then."""
        try:
            content = None if body is None else json.dumps(body).encode()
            return self.daemon.request(method, path, body=content, timeout=20).status
        except OSError:
            return 0

    def dead(self) -> bool:
        return not self.daemon.running

    def bump(self) -> None:
        self.world.db.bills.update_many({}, {"$inc": {"v": 1}})

    def until(self, condition: Callable[[], bool], seconds: float = DIES_SECONDS) -> None:
        """Until `condition`, or the daemon is dead."""
        deadline = time.monotonic() + patience(seconds)
        while not self.dead() and time.monotonic() < deadline:
            with contextlib.suppress(OSError, TypeError, KeyError):
                if condition():
                    return
            time.sleep(0.02)

    def caught_up(self) -> bool:
        """Also with what was written a moment ago, which is in no queue yet."""
        return self.ask("POST", "/api/sync/wait?timeoutSeconds=5") == HTTP_OK


def life(scene: Scene) -> None:
    """A first copy, writes, schema changes, an orderly stop."""
    db = scene.world.db
    scene.until(scene.caught_up)
    scene.bump()
    db.bills.create_index([("v", 1), ("round", scene.round + 1)])
    if scene.round == 0:
        db.old.rename("new", dropTarget=True)
        db.gone.drop()
        db.command("collMod", "people", validator={"mail": {"$type": "string"}})
    scene.bump()
    db.later.insert_many([{"_id": f"{scene.round} {number}"} for number in range(20)])
    scene.until(scene.caught_up)
    if not scene.dead():
        scene.daemon.process.terminate()
        scene.until(lambda: False, 20)


def swap(scene: Scene) -> None:
    """Two documents have swapped their unique values by the time that the lanes get to see them."""
    people = scene.world.db.people
    scene.until(lambda: scene.ask("POST", "/api/sync/resume") == HTTP_OK)  # a pause outlasts its process
    scene.until(scene.caught_up)
    scene.until(lambda: scene.ask("POST", "/api/sync/pause") == HTTP_OK)
    one, other = (people.find_one({"_id": number})["mail"] for number in (1, 2))
    people.update_one({"_id": 1}, {"$set": {"mail": "z"}})
    people.update_one({"_id": 2}, {"$set": {"mail": one}})
    people.update_one({"_id": 1}, {"$set": {"mail": other}})
    scene.until(lambda: scene.daemon.metrics()["queueSize"] >= 2)
    scene.until(lambda: scene.ask("POST", "/api/sync/resume") == HTTP_OK)
    scene.until(scene.caught_up)


def proofs(scene: Scene) -> None:
    """A comparison with repair, and a full sync, of a backup that somebody has changed."""
    scene.until(scene.caught_up)
    scene.world.copy.people.delete_one({"_id": 3})
    scene.until(lambda: scene.ask("POST", "/api/sync/verify", {"repair": True}) == 202)
    scene.bump()
    scene.until(lambda: scene.daemon.request("GET", "/api/sync/verify").body["state"] in ("done", "failed"))
    scene.until(lambda: scene.ask("POST", "/api/sync/full-sync", {}) == 202)
    scene.until(lambda: scene.daemon.request("GET", "/api/sync/full-sync").body["state"] in ("done", "failed"))


def guard(scene: Scene) -> None:
    """Most of a collection is deleted at once, held, and released."""
    scene.until(scene.caught_up)
    scene.world.db.many.delete_many({"_id": {"$lt": 1_100}})
    scene.bump()
    name = scene.world.db.many.full_name

    def held() -> bool:
        return any(one["documents"] for one in scene.daemon.status()["held"])

    scene.until(lambda: held() or scene.round > 0)
    scene.until(lambda: not held() or scene.ask("POST", "/api/sync/release", {"namespace": name}) in (200, 202, 404))
    scene.until(lambda: not held())


def refused(scene: Scene) -> None:
    """A document that the backup refuses for good, until the reason is gone."""
    scene.until(scene.caught_up)
    planted = scene.world.copy.people
    if scene.round == 0:
        planted.create_index("kind", unique=True, name="planted", partialFilterExpression={"kind": {"$exists": True}})
        scene.world.db.people.insert_many([{"_id": number, "mail": str(number), "kind": 1} for number in (10, 11)])
        scene.bump()
        scene.until(lambda: scene.daemon.metrics()["deadLetters"] == 1)
        return
    planted.drop_index("planted")
    scene.until(lambda: scene.daemon.metrics()["queueSize"] == 0)
    for letter in scene.daemon.request("GET", "/api/sync/dead-letters").body["deadLetters"]:
        scene.ask("POST", f"/api/sync/dead-letters/{letter['id']}/retry")
    scene.until(lambda: scene.daemon.metrics()["deadLetters"] == 0)


def overflow(scene: Scene) -> None:
    """More than the queue may hold waits while the mirror is paused."""
    scene.until(lambda: scene.ask("POST", "/api/sync/resume") == HTTP_OK)  # a pause outlasts its process
    scene.until(scene.caught_up)
    scene.until(lambda: scene.ask("POST", "/api/sync/pause") == HTTP_OK)
    scene.world.db.bills.update_many({}, {"$set": {"text": str(scene.round) * 5_000}, "$inc": {"v": 1}})
    scene.until(lambda: any(scene.daemon.metrics()["queueOverflows"].values()))
    scene.bump()
    scene.until(lambda: scene.ask("POST", "/api/sync/resume") == HTTP_OK)


def middleware(scene: Scene) -> None:
    """A client reports a change. What it was told is stored is stored; what it was not told, it reports again."""
    scene.until(scene.caught_up)
    name = scene.world.db.bills.full_name
    body = {"operations": [{"collection": name, "filter": {"_id": number}} for number in range(5)]}
    scene.until(lambda: scene.ask("POST", "/api/sync/operations", body) == 202)


def gap(scene: Scene) -> None:
    """Local's oplog rolls over while the daemon is down."""
    if scene.round == 0:
        scene.arm(False)
        scene.start()
        scene.world.settle(SETTLE_SECONDS)
        scene.daemon.stop()
        for _ in range(30):
            scene.world.db.noise.insert_many([{} for _ in range(100)])
        scene.world.db.noise.drop()
        scene.bump()
        scene.arm(True)
        scene.start()
    scene.until(scene.caught_up)


EVERY_LIFE = ("first-start", "first-copy-marked", "captured", "append-staged", "append-written",
              "complete-staged", "complete-written", "lane-takes", "lane-answered", "ddl-taken", "ddl-applied",
              "ddl-repeated", "ddl-done-staged", "ddl-done-written", "rename-target-archived", "archived",
              "copy-listed", "copy-parts-kept", "copy-planned", "copy-page-read", "copy-page-sent", "copy-sent",
              "copy-indexed", "repair-bound", "repair-finished", "lease-asked", "lease-answered",
              "identity-found", "identity-written", "backup-recognised", "backup-named", "lease-given-up")
SCENES: dict[str, Callable[[Scene], None]] = {
    **{mark: life for mark in EVERY_LIFE},
    **{mark: proofs for mark in ("verify-begun", "verify-repairs", "verify-ended", "repair-compared")},
    "collision-read": swap, "collision-written": swap, "delete-withheld": guard, "dead-letter": refused,
    "payloads-dropped": overflow, "reported-stored": middleware, "gap-found": gap}
SETTINGS = {refused: {"SYNC_MAX_RETRIES": "0"}, overflow: {"SYNC_QUEUE_MAX_BYTES": "64KiB"}}
# Those that are passed often die at a later passing too.
LATER = {"captured": 6, "append-written": 9, "complete-staged": 4, "lane-answered": 5, "lane-takes": 3,
         "ddl-applied": 4, "ddl-done-staged": 3, "lease-answered": 2, "complete-written": 6}


def marks_in_the_product() -> list[str]:
    return [mark for path in sorted((ROOT / "src").rglob("*.cc")) for mark in MARK.findall(path.read_text())]


@pytest.mark.no_binary
def test_every_mark_has_its_scenario() -> None:
    assert sorted(marks_in_the_product()) == sorted(SCENES)


@pytest.fixture
def stage(world: World, tmp_path: Path, request: pytest.FixtureRequest):
    """The session's servers, or, for a gap, a local whose oplog is short."""
    if request.node.callspec.params["mark"] != "gap-found":
        yield world
        return
    folder = tmp_path / "own"
    folder.mkdir()
    pair = Pair.embedded(folder)
    pair.local_server.stop()
    pair.local_server.arguments = ("--oplog-max-entries", "1000")
    pair.local_server.start()
    made = World(pair, folder)
    yield made
    made.close()
    pair.stop()


def prepare(world: World, scenario: Callable[[Scene], None]) -> None:
    world.db.bills.insert_many([{"_id": number, "v": 0} for number in range(DOCUMENTS)])
    world.db.people.create_index("mail", unique=True)
    world.db.people.insert_many([{"_id": 1, "mail": "a"}, {"_id": 2, "mail": "b"}, {"_id": 3, "mail": "c"}])
    for name in ("old", "new", "gone"):
        world.db[name].insert_one({"_id": name})
    if scenario is guard:
        world.db.many.insert_many([{"_id": number} for number in range(1_200)])


@pytest.mark.skipif(not os.access(MARKED, os.X_OK), reason=f"{MARKED.name} is not built (a release build with tests)")
@pytest.mark.parametrize(("mark", "passing"), [*((mark, 1) for mark in SCENES), *LATER.items()])
def test_dying_there_loses_nothing_and_repeats_nothing(stage: World, mark: str, passing: int) -> None:
    world, scenario = stage, SCENES[mark]
    prepare(world, scenario)
    witness = Witness(world)
    scene = Scene(world, mark, passing)
    scene.open(**SETTINGS.get(scenario, {}))
    scene.arm(True)
    if scenario is not gap:
        scene.start()
    scenario(scene)
    if not scene.dead():
        scene.until(lambda: False, 1)
    assert scene.dead(), f"{mark} was never reached\n{scene.daemon.log_tail()}"
    code = scene.daemon.process.wait()
    assert code == -signal.SIGKILL, f"{mark} was not reached: exit {code}\n{scene.daemon.log_tail()}"
    scene.arm(False)
    scene.round = 1
    scene.daemon.binary = find_binary()
    scene.start()
    scenario(scene)
    if scene.dead():
        scene.start()
    world.settle(SETTLE_SECONDS)
    eventually(lambda: scene.daemon.metrics()["dirtyRanges"] == 0, 30, "everything is repaired")
    metrics = scene.daemon.metrics()
    assert metrics["deadLetters"] == 0
    assert metrics["conflicts"] == 0 or scenario is proofs, "a replay is taken for somebody else's change"
    witness.close(world)
    world.assert_equal(verify=False)
    if scenario is life:
        archives = [name.split("__dropped_")[0] for name in world.copy.list_collection_names() if "__dropped_" in name]
        # Who died during the first copy had nothing of them on the backup yet.
        copied = mark.startswith(("ddl-", "archived", "rename-"))
        assert sorted(archives) == ["gone", "new"] or (not copied and archives == []), archives
