"""Several branch offices into one backup: each with a local server and a dualsync of its own. Called by ./run.

Everything that it starts it also stops, by process id, whatever happens.
"""
from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from embedded_server import EmbeddedServer, ServerError  # noqa: E402  (needs the path above)
from mirror_daemon import DaemonError, MirrorDaemon, clean_environment, find_binary  # noqa: E402
from pymongo import MongoClient  # noqa: E402
from pymongo.errors import PyMongoError  # noqa: E402

# A branch -> how its settings name the database on the backup. Both forms mean the same.
BRANCHES = {"berlin": "map", "paris": "uri", "oslo": "map"}
DATABASE = "shop"
BILLS = 2000
COMMAND_SECONDS = 120


class Failed(RuntimeError):
    """Something is not as it should be."""


def say(text: str = "") -> None:
    print(text, flush=True)


def settings(branch: str, local: EmbeddedServer, backup: EmbeddedServer) -> dict[str, str]:
    """What a branch writes into its .env. The database on the backup is all that tells one from the other."""
    mine = f"{DATABASE}_{branch}"
    if BRANCHES[branch] == "uri":
        return {"MONGODB_LOCAL_URI": local.uri(DATABASE), "MONGODB_ATLAS_URI": backup.uri(mine)}
    return {"MONGODB_LOCAL_URI": local.uri(DATABASE), "MONGODB_ATLAS_URI": backup.uri(),
            "SYNC_DATABASE_MAP": f"{DATABASE}={mine}"}


def work(branch: str, local: EmbeddedServer) -> None:
    """An ordinary day. The same ids stand for different bills, as in offices that know nothing of each other."""
    chance = random.Random(branch)
    with MongoClient(local.uri()) as client:
        bills = client[DATABASE].bills
        bills.create_index("customer")
        bills.insert_many({"_id": number, "customer": f"{branch}-{chance.randrange(100)}",
                           "cents": chance.randrange(100, 100_000)} for number in range(BILLS))
        bills.update_many({"cents": {"$gt": 50_000}}, {"$set": {"large": True}})
        bills.delete_many({"_id": {"$lt": chance.randrange(10, 200)}})


def command(daemon: MirrorDaemon, *words: str) -> str:
    done = subprocess.run([str(daemon.binary), *words], cwd=daemon.folder, env=clean_environment(daemon.settings),
                          capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode != 0:
        raise Failed(f"dualsync {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
                     f"{daemon.log_tail()}")
    return done.stdout


def proof(branch: str, daemon: MirrorDaemon) -> str:
    report = json.loads(command(daemon, "verify", "--json"))
    counts = {row["namespace"]: row["localDocuments"] for row in report["namespaces"]}
    if not report["equal"] or counts.keys() != {f"{DATABASE}.bills"}:
        raise Failed(f"{branch}: {json.dumps(report)}")
    documents = counts[f"{DATABASE}.bills"]
    return f"{branch:<8} {DATABASE}.bills -> {DATABASE}_{branch}.bills   {documents:>5,} documents  equal"


def head_office(backup: EmbeddedServer) -> None:
    """What one cluster is good for: all branches at a glance, with any MongoDB client."""
    with MongoClient(backup.uri()) as client:
        say("\nhead office reads the cluster:")
        for branch in BRANCHES:
            bills = client[f"{DATABASE}_{branch}"].bills
            cents = sum(bill["cents"] for bill in bills.find({}, {"cents": 1}))
            say(f"{branch:<8} {bills.count_documents({}):>5,} bills  {cents / 100:>14,.2f}")


def burnt_down(branch: str, daemon: MirrorDaemon, stack: ExitStack, folder: Path) -> None:
    """The branch gets a new server; only its own database comes back."""
    fresh = stack.enter_context(EmbeddedServer(folder / "new", folder / "new.log"))
    command(daemon, "restore", "--to", fresh.uri())
    with MongoClient(fresh.uri()) as client, MongoClient(daemon.settings["MONGODB_LOCAL_URI"]) as old:
        back, was = ([bill for bill in each[DATABASE].bills.find().sort("_id")] for each in (client, old))
        if back != was:
            raise Failed(f"{branch}: restored {len(back)} bills of {len(was)}, or other ones")
        say(f"\n{branch} gets a new server: {len(back):,} bills restored, the same as before")


def demonstrate(stack: ExitStack, folder: Path, stay: bool) -> None:
    backup = stack.enter_context(EmbeddedServer(folder / "backup", folder / "backup.log"))
    daemons: dict[str, MirrorDaemon] = {}
    for branch in BRANCHES:
        local = stack.enter_context(EmbeddedServer(folder / f"{branch}-local", folder / f"{branch}-local.log"))
        daemon = MirrorDaemon(folder / branch, settings(branch, local, backup))
        stack.callback(daemon.stop)
        daemons[branch] = daemon.start()
        work(branch, local)
    for daemon in daemons.values():
        command(daemon, "wait", "--timeout", "60")
    for branch, daemon in daemons.items():
        say(proof(branch, daemon))
    head_office(backup)
    last = list(BRANCHES)[-1]
    burnt_down(last, daemons[last], stack, folder)
    if stay:
        say(f"\nbackup   {backup.uri()}")
        for branch, daemon in daemons.items():
            say(f"{branch:<8} {daemon.settings['MONGODB_LOCAL_URI']}  SYNC_DATA_DIR={daemon.data}")
        say("press Enter to stop")
        sys.stdin.readline()


def main() -> int:
    parser = argparse.ArgumentParser(prog="examples/branches/run", description="Three branch offices into one backup.")
    parser.add_argument("--stay", action="store_true", help="go on mirroring until Enter is pressed")
    arguments = parser.parse_args()
    if not find_binary().exists():
        print(f"no dualsync at {find_binary()}: run ./quickstart first, or set DUALSYNC_BINARY", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="dualsync-branches.") as folder, ExitStack() as stack:
            demonstrate(stack, Path(folder), arguments.stay)
    except (Failed, DaemonError, ServerError, PyMongoError, subprocess.TimeoutExpired) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say("\nall branches are proven; nothing is left running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
