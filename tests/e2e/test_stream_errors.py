"""The change stream fails as servers fail: what passes is outlasted without a comparison, a lost position is repaired.

Local's fail point `failCommand` fails the daemon's getMore while the stream runs, or its aggregate when the stream is
opened (after a restart). The daemon's log must name the code, so that no test passes without its error. One document
of the backup differs all the while: only a comparison repairs it, so it must be there still after what passes, and be
gone after a lost position.

Tried on the embedded server only, the slower one with --enable-test-commands: its fail points count nothing, and they
strike before a command is looked at, so that a failed getMore leaves its cursor open, and a "lost" position is there
still. On given servers, whose fail points strike all alike, one daemon takes the errors one after the other.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from embedded_server import EmbeddedServer
from pymongo.errors import OperationFailure
from workload import filled
from world import BACKUP_VARIABLE, LOCAL_VARIABLE, Pair, World, eventually, with_database

SLOW_SERVER = Path(sys.executable).parent / "secantusd-py"
APPLICATION = "dualsync"  # whom the fail points strike
STAGES = 3
DOCUMENTS = 500
HOT = 5  # as many documents change with each write; each write deletes one of the others
MISSING = 7  # the document of `untouched` that the backup lacks
# A fail point changes no primary, so that the driver hears of none before it looks again, by itself every ten seconds.
QUICK_LOOK = "heartbeatFrequencyMS=500"
INTERRUPTED = "change stream interrupted; trying again"
GAP = "gap: local no longer has our position"
WHAT = {"getMore": "read the change stream", "aggregate": "open the change stream"}
COMMANDS = tuple(WHAT)

RESUMABLE = ("ResumableChangeStreamError",)
NOT_RESUMABLE = ("NonResumableChangeStreamError",)
OVERLOADED = ("SystemOverloadedError",)
STALE_CONFIG = 13388
# Code to the labels that servers send with it; each is tried with them and without. 0: the connection is closed.
PASSING: dict[int, tuple[str, ...]] = {
    6: RESUMABLE, 7: RESUMABLE, 43: (), 63: RESUMABLE, 89: RESUMABLE, 91: RESUMABLE, 133: RESUMABLE, 150: RESUMABLE,
    189: RESUMABLE, 234: RESUMABLE, 262: RESUMABLE, 433: OVERLOADED, 449: OVERLOADED, 9001: RESUMABLE,
    10107: RESUMABLE, 11600: RESUMABLE, 11602: RESUMABLE, STALE_CONFIG: RESUMABLE, 13435: RESUMABLE, 13436: RESUMABLE,
    0: ()}
LOST: dict[int, tuple[str, ...]] = {286: NOT_RESUMABLE, 280: NOT_RESUMABLE, 260: (), 136: ()}


@dataclass(frozen=True)
class Failure:
    """What a command is answered with; code 0: the connection is closed."""

    code: int
    labels: tuple[str, ...] = ()

    def data(self) -> dict:
        return {"errorCode": self.code, "errorLabels": list(self.labels)} if self.code else {"closeConnection": True}

    def is_told_by(self, error: str, command: str) -> bool:
        named = f"server error {self.code} (" in error if self.code else "server error" not in error
        return named and error.startswith(WHAT[command])

    def __str__(self) -> str:
        return f"{self.code or 'closed connection'} with {', '.join(self.labels) or 'no label'}"


def variants(codes: dict[int, tuple[str, ...]]) -> list[Failure]:
    return [Failure(code, each) for code, labels in codes.items() for each in dict.fromkeys((labels, ()))]


def set_fail_point(world: World, mode: object, commands: tuple[str, ...] = (), **data: object) -> dict:
    command = {"configureFailPoint": "failCommand", "mode": mode}
    if mode != "off":
        command["data"] = {"failCommands": list(commands), **data}
    return world.local.admin.command(command)


@dataclass(frozen=True)
class Told:
    """How often the daemon's log has told of each."""

    interruptions: int
    gaps: int
    alerts: int
    comparisons: int


class Stage:
    """A world whose daemon mirrors and whose local can be made to fail."""

    def __init__(self, world: World) -> None:
        self.world = world
        uri = with_database(world.pair.local_uri, world.database)
        self.daemon = world.daemon(MONGODB_LOCAL_URI=f"{uri}{'&' if '?' in uri else '?'}{QUICK_LOOK}",
                                   SYNC_VERIFY_INTERVAL="0")  # so that nothing but a gap compares
        self.written = 0
        self.failures = 0  # that pass
        self.last = ""
        filled(world.db, "untouched", 20)
        filled(world.db, "bills", DOCUMENTS)
        self.daemon.start()
        world.settle()

    def write(self, when: str) -> None:
        """Inserts, updates and deletes. What is lost says by its `_id` when it was written."""
        self.written += 1
        bills = self.world.db.bills
        bills.insert_many([{"_id": f"{when} {self.written}/{part}"} for part in range(3)])
        bills.update_many({"_id": {"$lte": HOT}}, {"$inc": {"value": 1}, "$push": {"written": when}})
        bills.delete_one({"_id": f"{when} {self.written}/1"})
        bills.delete_one({"_id": HOT + self.written})

    # What the daemon tells.

    def lines(self, module: str, *starts: str) -> list[dict]:
        return [line for line in self.daemon.log_lines()
                if line.get("module") == module and line.get("message", "").startswith(starts)]

    def interruptions(self) -> list[dict]:
        return self.lines("capture", INTERRUPTED)

    def gaps(self) -> list[dict]:
        return self.lines("capture", GAP)

    def comparisons(self) -> list[dict]:
        return self.lines("full-sync", "comparing and repairing")

    def alerts(self) -> list[dict]:
        return [line for line in self.lines("alert", "") if line.get("event") == "gap"]

    def told(self) -> Told:
        return Told(len(self.interruptions()), len(self.gaps()), len(self.alerts()), len(self.comparisons()))

    def streams(self, why: object) -> None:
        eventually(lambda: self.daemon.status()["capture"]["state"] == "streaming", 30, f"{why}: the stream goes on")

    # What is done to it.

    @contextmanager
    def failing(self, commands: tuple[str, ...], failure: Failure, times: int = 1) -> Iterator[None]:
        """The daemon's next `times` commands of these kinds fail. A server that counts must have counted them."""
        begun = set_fail_point(self.world, {"times": times}, commands, appName=APPLICATION, **failure.data())
        try:
            yield
        finally:
            ended = set_fail_point(self.world, "off")
        assert "count" not in ended or ended["count"] >= begun["count"] + times, f"{failure}: {begun} {ended}"

    @contextmanager
    def difference(self) -> Iterator[None]:
        """The backup lacks a document, until a comparison finds that or this ends."""
        untouched = self.world.copy.untouched
        assert untouched.delete_one({"_id": MISSING}).deleted_count == 1
        try:
            yield
        finally:
            untouched.replace_one({"_id": MISSING}, self.world.db.untouched.find_one({"_id": MISSING}), upsert=True)

    def strike(self, command: str, failure: Failure, expected: str) -> dict:
        """Writes before and while the command fails; returns the one line that the daemon tells of it."""
        before, when = len(self.lines("capture", INTERRUPTED, GAP)), f"{command} {failure.code}"
        if command == "aggregate":
            self.daemon.kill()
        self.write(f"before {when}")
        with self.failing((command,), failure):
            if command == "aggregate":
                self.daemon.start()
            told = eventually(lambda: self.lines("capture", INTERRUPTED, GAP)[before:], 30, f"{when} is told")
        self.write(f"while {when}")
        assert len(told) == 1 and told[0]["message"].startswith(expected), f"{command}: {failure}: {told}"
        assert failure.is_told_by(told[0]["error"], command), f"{command}: {failure}: {told}"
        return told[0]

    def strike_in_passing(self, command: str, failure: Failure) -> None:
        """Once the last one is outlasted; this one is so when the stage `streams`."""
        self.streams(f"{command}: {self.last}")
        self.strike(command, failure, INTERRUPTED)
        self.failures += 1
        self.last = str(failure)

    def strike_for_good(self, command: str, failure: Failure) -> None:
        told = self.strike(command, failure, GAP)
        assert told["level"] == "error" and told["lost_position"] and told["position"], f"{command}: {failure}: {told}"

    # How it must end.

    def assert_not_compared(self, why: str, before: Told) -> None:
        """All writes are there, and the difference is, too: nothing was compared, and no error struck twice."""
        self.streams(why)
        self.write(f"after {why}")
        self.world.settle()
        metrics = self.daemon.metrics()
        assert metrics["dirtyRanges"] == 0, f"{why}: {metrics}"
        told = replace(before, interruptions=before.interruptions + self.failures)
        assert self.told() == told, f"{why}: {self.lines('capture', '')} {self.comparisons()[before.comparisons:]}"
        found = self.world.differences()
        assert len(found) == 1 and found[0].startswith("untouched: ") and found[0].endswith("absent"), f"{why}: {found}"

    def assert_repaired(self, why: str, before: Told) -> None:
        """The one gap was told and compared, and the stream goes on from behind it."""
        eventually(lambda: len(self.alerts()) == before.alerts + 1, 30, f"{why}: an alert")
        self.streams(why)
        self.write(f"after {why}")
        self.world.settle()
        done = self.comparisons()[before.comparisons:]
        assert sorted(line["namespace"] for line in done) == [f"{self.world.database}.{name}" for name in
                                                              ("bills", "untouched")], f"{why}: {done}"
        assert {line["reason"] for line in done} == {"position lost"}, f"{why}: {done}"
        assert len(self.gaps()) == before.gaps + 1, f"{why}: {self.gaps()[before.gaps:]}"
        found = self.world.differences()
        assert not found, f"{why}: {found}"

    def assert_equal(self) -> None:
        self.world.assert_equal()
        metrics = self.daemon.metrics()
        assert metrics["deadLetters"] == 0 and metrics["malformedEvents"] == 0, metrics


def given() -> bool:
    return bool(os.environ.get(LOCAL_VARIABLE) and os.environ.get(BACKUP_VARIABLE))


def new_world(folder: Path) -> World:
    """A world whose local has fail points; skips if a given one has none."""
    folder.mkdir()
    if given():
        world = World(Pair(os.environ[LOCAL_VARIABLE], os.environ[BACKUP_VARIABLE]), folder)
    else:
        local = EmbeddedServer(folder / "local", folder / "local.log", ("--enable-test-commands",), SLOW_SERVER).start()
        backup = EmbeddedServer(folder / "backup", folder / "backup.log").start()
        world = World(Pair(local.uri(), backup.uri(), local, backup), folder)
    try:
        set_fail_point(world, "off")
    except OperationFailure as error:
        end(world)
        pytest.skip(f"local has no fail points: configureFailPoint is answered with {error.code}; "
                    "mongod needs --setParameter enableTestCommands=1")
    return world


def end(world: World) -> None:
    world.close()
    world.pair.stop()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Stage]]:
    """Several, so that one fails while others wait until they try again; one on given servers."""
    folder = tmp_path_factory.mktemp("stages")
    with ExitStack() as ends:
        made = []
        for number in range(1 if given() else STAGES):
            world = new_world(folder / str(number))
            ends.callback(end, world)
            made.append(Stage(world))
        yield made


def why_impossible(world: World, code: int) -> str:
    """Why a fail point cannot give this code, asked for with a command of our own; empty if it can."""
    set_fail_point(world, {"times": 1}, ("ping",), errorCode=code)
    reply = world.local.admin.command("ping", check=False)
    set_fail_point(world, "off")
    if reply.get("code") == code:
        return ""
    return f"local's fail point does not give {code}, it answers {reply.get('code')}: {reply.get('errmsg')}"


def outlast(stages: list[Stage], command: str, failures: list[Failure]) -> None:
    before = [one.told() for one in stages]
    with ExitStack() as differences:
        for one in stages:
            one.failures = 0
            differences.enter_context(one.difference())
        for number, failure in enumerate(failures):
            stages[number % len(stages)].strike_in_passing(command, failure)
        for one, told in zip(stages, before, strict=True):
            one.assert_not_compared(f"{command}: up to {one.last}", told)
    for one in stages:
        one.assert_equal()


@pytest.mark.parametrize("command", COMMANDS)
def test_what_passes_is_outlasted(stages: list[Stage], command: str) -> None:
    outlast(stages, command, [failure for failure in variants(PASSING) if failure.code != STALE_CONFIG])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stale_configuration_is_outlasted(stages: list[Stage], command: str) -> None:
    """13388, whose error carries more than a text, so that not every fail point can give it."""
    why_not = why_impossible(stages[0].world, STALE_CONFIG)
    if why_not:
        pytest.skip(why_not)
    outlast(stages, command, variants({STALE_CONFIG: PASSING[STALE_CONFIG]}))


def test_a_busy_server_is_outlasted(stages: list[Stage]) -> None:
    """46 (LockBusy) says nothing of the position, nor does 20 (IllegalOperation) of what the server can do."""
    outlast(stages, "aggregate", [Failure(46)])
    outlast(stages, "getMore", [Failure(46), Failure(20), Failure(59), Failure(115)])


def test_an_unknown_code_that_stays_is_a_lost_position(stages: list[Stage]) -> None:
    """What our version knows no row for, and the server says each time, is taken for its word of a lost position."""
    one, before = stages[0], stages[0].told()
    with one.difference():
        with one.failing(COMMANDS, Failure(46), times=4):  # the stream, then three openings
            eventually(lambda: len(one.gaps()) > before.gaps, 60, "a gap")
        one.world.settle()
        eventually(lambda: len(one.alerts()) - before.alerts == len(one.gaps()) - before.gaps, 30, "the gap is told")
    one.assert_equal()


def test_the_stream_fails_and_its_opening_too(stages: list[Stage]) -> None:
    """As when the primary changes: two answers in a row say that this one is not it."""
    one, failure = stages[0], Failure(10107, RESUMABLE)
    before = one.told()
    with one.difference():
        one.write("before both")
        with one.failing(COMMANDS, failure, times=2):
            told = eventually(lambda: one.interruptions()[before.interruptions + 1:], 30, "both are told")
            one.write("while both")
        assert failure.is_told_by(told[0]["error"], "aggregate"), told
        first = one.interruptions()[before.interruptions]
        assert failure.is_told_by(first["error"], "getMore"), first
        one.failures = 2
        one.assert_not_compared(str(failure), before)
    one.assert_equal()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_lost_position_is_compared_and_repaired(stages: list[Stage], command: str) -> None:
    one = stages[-1]
    for failure in variants(LOST):
        before, counted = one.told(), one.daemon.metrics()["gaps"]
        with one.difference():
            one.strike_for_good(command, failure)
            # For aggregate the daemon was started again, and counts from there.
            assert one.daemon.metrics()["gaps"] == (1 if command == "aggregate" else counted + 1), str(failure)
            one.assert_repaired(f"{command}: {failure}", before)
    one.assert_equal()


def test_a_position_is_lost_and_no_new_one_to_be_had(stages: list[Stage]) -> None:
    """Both answers of the first try and the first of the second one say so: one gap, once a position could be taken."""
    one, failure = stages[-1], Failure(286, NOT_RESUMABLE)
    before = one.told()
    with one.difference():
        one.write("before three")
        with one.failing(COMMANDS, failure, times=3):
            eventually(lambda: one.interruptions()[before.interruptions:], 30, "no new position")
            one.write("missed")
            told = eventually(lambda: one.gaps()[before.gaps:], 30, "the gap is told")
        assert failure.is_told_by(told[0]["error"], "aggregate"), told
        one.assert_repaired(str(failure), before)
    one.assert_equal()
