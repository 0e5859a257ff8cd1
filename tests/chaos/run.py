#!/usr/bin/env python3
"""Chaos: an application that does everything, and every fault we know how to make, until the time is up; then both
sides must be equal.

Run      tests/chaos/run.py [--seed N | --seeds A-B] [--seconds S]; a failure names its seed and keeps its folder
Needs    a build of the release preset (or DUALSYNC_BINARY), `tools/setup.sh python fast-server toxiproxy`
Errors   exit 1: something was lost, the daemon did not recover, or a fault of the run never struck
"""
from __future__ import annotations

import argparse
import dataclasses
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "e2e"), str(Path(__file__).resolve().parent)]

from chaos import Chaos  # noqa: E402
from embedded_server import EmbeddedServer  # noqa: E402
from faults import Fault, all_faults  # noqa: E402
from machine_faults import OPLOG_ENTRIES, SmallDisk, WallClock, log_lines, machine_faults  # noqa: E402
from pymongo import MongoClient  # noqa: E402
from pymongo.database import Database  # noqa: E402
from pymongo.errors import PyMongoError  # noqa: E402
from toxiproxy import Toxiproxy, find_program  # noqa: E402
from world import Pair, World  # noqa: E402

RECOVERY_SECONDS = 240
APPLICATION_PAUSE = 0.04
LEDGER = "ledger"
TROUBLE = re.compile(r"not reachable|closed the connection|did not answer|time ?out|fail ?point|shut|primary|code \d+|"
                     r"refused|busy|interrupted|conflict", re.IGNORECASE)


class Loss(AssertionError):
    """Something that was acknowledged is not where it belongs, or nobody can tell."""


class Application:
    """Two writers on local: one does everything, the other keeps a ledger of what was acknowledged to it."""

    def __init__(self, uri: str, database: str, seed: int) -> None:
        self.client: MongoClient = MongoClient(uri, serverSelectionTimeoutMS=5000, retryWrites=False)
        self.database = self.client[database]
        self.chaos = Chaos(self.database, seed)
        self.acknowledged: dict[int, int] = {}
        self.stopped = threading.Event()
        self.failures: list[Exception] = []
        self.threads = [threading.Thread(target=self._run, args=(act,), daemon=True)
                        for act in (self.chaos.step, self._book)]

    def _run(self, act: Callable[[], None]) -> None:
        try:
            while not self.stopped.wait(APPLICATION_PAUSE):
                act()
        except Exception as error:  # noqa: BLE001  (`stop` raises it, where the run can see it)
            self.failures.append(error)

    def _book(self) -> None:
        number = len(self.acknowledged)
        try:
            self.database[LEDGER].insert_one({"_id": number, "sum": 0})
            self.acknowledged[number] = 0
            old = number // 2
            self.database[LEDGER].update_one({"_id": old}, {"$inc": {"sum": 1}})
            self.acknowledged[old] += 1
        except PyMongoError:
            # Nobody knows whether that was done: what local says now is what counts.
            self._reconcile()

    def _reconcile(self) -> None:
        while not self.stopped.is_set():
            try:
                there = {each["_id"]: each["sum"] for each in self.database[LEDGER].find()}
            except PyMongoError:
                continue
            lost = [key for key, value in self.acknowledged.items() if there.get(key, -1) < value]
            if lost:
                raise Loss(f"local itself lost acknowledged writes: {lost[:5]}")
            self.acknowledged = there
            return

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                raise Loss("the application hangs")
        if self.failures:
            raise Loss(f"the application ended too early: {self.failures[0]!r}") from self.failures[0]


class Stage:
    """Servers, proxies, the daemon: what faults strike."""

    def __init__(self, folder: Path, program: Path, dice: random.Random, slow_backup: bool) -> None:
        flags = ("--oplog-max-entries", str(OPLOG_ENTRIES))
        slow = Path(sys.executable).parent / "secantusd-py"
        local = EmbeddedServer(folder / "local", folder / "local.log", flags).start()
        backup = EmbeddedServer(folder / "backup", folder / "backup.log",
                                (*flags, "--enable-test-commands") if slow_backup else flags,
                                slow if slow_backup else None).start()
        self.servers = {"local": local, "backup": backup}
        self.clients: dict[str, MongoClient] = {}
        self.disk = SmallDisk.mounted(folder / "small-disk")
        self.clock = WallClock.of(folder)
        self.world = World(Pair(local.uri(), backup.uri(), local, backup), folder)
        self.proxies = Toxiproxy(program, folder / "toxiproxy.log")
        through = {side: f"mongodb://{self.proxies.add(side, server.address)}/?directConnection=true"
                   for side, server in self.servers.items()}
        self.world.pair = dataclasses.replace(self.world.pair, local_uri=through["local"], backup_uri=through["backup"])
        self.daemon = self.world.daemon(
            SYNC_LANES=str(dice.randint(1, 4)), SYNC_BATCH_SIZE=str(dice.choice((5, 100, 1000))),
            SYNC_QUEUE_MAX_SIZE=str(dice.choice((200, 10_000))), SYNC_CONNECT_TIMEOUT="3", SYNC_LOG_LEVEL="debug",
            SYNC_VERIFY_INTERVAL=str(dice.choice((0, 20))), SYNC_CANARY_INTERVAL="2", SYNC_MAX_RETRIES="1",
            SYNC_DISK_RESERVE_BYTES="0", **({"SYNC_DATA_DIR": str(self.disk.folder / "data")} if self.disk else {}),
            **(self.clock.environment if self.clock else {}))

    def servers_client(self, side: str) -> MongoClient:
        """Straight to the server, past the proxies."""
        if side not in self.clients:
            self.clients[side] = MongoClient(self.servers[side].uri(), serverSelectionTimeoutMS=5000)
        return self.clients[side]

    def servers_database(self, side: str) -> Database:
        return self.servers_client(side)[self.world.database]

    def log_since(self, offset: int) -> list[dict]:
        return log_lines(self.daemon.log, offset)

    def told_since(self, offset: int, words: str) -> str:
        return next((line["message"] for line in self.log_since(offset) if words in line.get("message", "")), "")

    def start_daemon(self) -> None:
        self.daemon.start()

    def log_size(self) -> int:
        return self.daemon.log.stat().st_size if self.daemon.log.exists() else 0

    def trouble_since(self, offset: int) -> str:
        """The first warning of a broken connection, or of a server's error, in the daemon's log behind `offset`."""
        for entry in self.log_since(offset):
            told = str(entry.get("error", entry.get("why", "")))
            if entry.get("level") in ("warn", "error") and TROUBLE.search(told):
                return f"{entry.get('module')}: {told}"
        return ""

    @staticmethod
    def await_proof(look: Callable[[], str], seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while not (found := look()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def close(self) -> None:
        self.daemon.stop()
        if self.disk is not None:
            self.disk.close()
        for client in self.clients.values():
            client.close()
        self.proxies.close()
        self.world.local.close()
        self.world.backup.close()
        self.world.pair.stop()


class Run:
    """One seed. `struck` counts per fault how often it began and how often it is known to have struck."""

    def __init__(self, seed: int, seconds: float, folder: Path, say: Callable[[str], None]) -> None:
        program = find_program()
        if program is None:
            raise SystemExit("chaos: no toxiproxy; run tools/setup.sh toxiproxy, or set DUALSYNC_TOXIPROXY")
        self.dice = random.Random(seed)
        self.seconds = seconds
        self.say = say
        self.with_fail_points = seed % 2 == 1
        self.stage = Stage(folder, program, self.dice, self.with_fail_points)
        self.application = Application(self.stage.servers["local"].uri(), self.stage.world.database, seed)
        self.begun: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.proofs: dict[str, str] = {}

    def _strike(self, fault: Fault) -> None:
        self.begun[fault.name] += 1
        proof = fault.strike(self.stage, self.dice)
        self.struck[fault.name] += 1 if proof else 0
        if proof:
            self.proofs[fault.name] = proof
        self.say(f"{fault.name:<40} {proof[:100] or '-'}")

    def faults(self) -> list[Fault]:
        machine, left_out = machine_faults(self.stage)
        for why in left_out:
            self.say(f"left out: {why}")
        return [*all_faults(self.with_fail_points), *machine]

    def run(self, only: list[Fault] | None = None) -> None:
        """Every fault once, in an order of the seed's, and again until the time is up."""
        faults = only or self.faults()
        for _ in range(30):
            self.application.chaos.step()
        self.stage.start_daemon()
        self.application.start()
        deadline = time.monotonic() + self.seconds
        while True:
            self.dice.shuffle(faults)
            for fault in faults:
                if self.begun[fault.name] > 0 and time.monotonic() > deadline:
                    break
                self._strike(fault)
                time.sleep(self.dice.random())
            if time.monotonic() > deadline:
                break
        self.application.stop()
        self._prove()

    def _prove(self) -> None:
        world = self.stage.world
        world.settle(RECOVERY_SECONDS)
        on_local = {each["_id"]: each["sum"] for each in world.db[LEDGER].find()}
        on_backup = {each["_id"]: each["sum"] for each in world.copy[LEDGER].find()}
        for side, there in (("local", on_local), ("the backup", on_backup)):
            lost = [key for key, value in self.application.acknowledged.items() if there.get(key, -1) < value]
            if lost:
                raise Loss(f"{len(lost)} acknowledged writes are missing on {side}, the first: {lost[:5]}")
        world.assert_equal()
        if world.first.metrics()["deadLetters"] != 0:
            raise Loss("documents were refused")
        never = [name for name, begun in self.begun.items() if begun and not self.struck[name]]
        if never:
            raise AssertionError(f"nothing proves that these faults struck: {', '.join(never)}")

    def report(self) -> str:
        rows = [f"{name:<40} {self.begun[name]:>5} {self.struck[name]:>6}  {self.proofs.get(name, '')[:80]}"
                for name in sorted(self.begun)]
        done = Counter(self.application.chaos.done)
        operations = ", ".join(f"{count} {name}" for name, count in done.most_common())
        return "\n".join([f"{'fault':<40} {'begun':>5} {'struck':>6}  proof", *rows,
                          f"operations: {operations}; {self.application.chaos.refused} refused by local; "
                          f"{len(self.application.acknowledged)} in the ledger; losses: 0"])

    def close(self) -> None:
        self.application.stopped.set()
        self.stage.close()
        self.application.client.close()


def one_seed(seed: int, seconds: float, verbose: bool) -> bool:
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    began = time.monotonic()

    def say(text: str) -> None:
        if verbose:
            print(f"{time.monotonic() - began:7.1f} s  {text}", flush=True)

    run = Run(seed, seconds, folder, say)
    try:
        run.run()
    except (AssertionError, RuntimeError) as error:
        print(f"seed {seed}: FAILED after {time.monotonic() - began:.0f} s: {error}\n  kept: {folder}", flush=True)
        return False
    finally:
        run.close()
    shutil.rmtree(folder, ignore_errors=True)
    print(f"seed {seed}: equal after {time.monotonic() - began:.0f} s", flush=True)
    if verbose:
        print(run.report(), flush=True)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Chaos between an application, the daemon and two servers.")
    parser.add_argument("--seed", type=int, help="one seed, told in detail")
    parser.add_argument("--seeds", default="1", help="first-last; odd ones have a slower backup with fail points")
    parser.add_argument("--seconds", type=float, default=120, help="of faults, each seed; every fault comes once")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = [arguments.seed] if arguments.seed is not None else list(range(int(first), int(last or first) + 1))
    failed = [seed for seed in seeds if not one_seed(seed, arguments.seconds, len(seeds) == 1)]
    if failed:
        sys.exit(f"failed: seeds {', '.join(map(str, failed))}")


if __name__ == "__main__":
    main()
