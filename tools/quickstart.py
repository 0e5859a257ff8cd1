#!/usr/bin/env python3
"""The part of ./quickstart that runs: servers, daemon, sample data, progress, proof. Called by ./quickstart.

Every process it starts is stopped by its id, in order: daemon, then servers. Ctrl-C at any moment: exit 130.
"""
from __future__ import annotations

import signal

# Before anything else: Ctrl-C while Python still loads modules ends it quietly, with exit code 130.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from embedded_server import EmbeddedServer, ServerError, end_with_parent, stop_process
from mirror_daemon import OWN_SETTINGS, ROOT, DaemonError, MirrorDaemon, clean_environment
from progress import Progress
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from sample_data import COUNTS, Sample, cache_folder, load

DATABASE = "nyc"
FIRST_COPY_SECONDS = 60
WAIT_SECONDS = 1800
COMMAND_STOP_SECONDS = 10.0
STAY_POLL_SECONDS = 1.0
OPLOG_ENTRIES = 5_000_000
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class QuickstartError(RuntimeError):
    """A step failed; the text names step and cause."""


class Terminated(BaseException):
    """SIGTERM arrived."""


def say(text: str = "") -> None:
    print(text, flush=True)


def step(text: str) -> None:
    say(f"\n== {text}")


def named_uris() -> dict[str, str]:
    """MONGODB_* of the environment, else of .env in the repository's root."""
    found: dict[str, str] = {}
    dotenv = ROOT / ".env"
    if dotenv.is_file():
        for line in dotenv.read_text().splitlines():
            name, separator, value = line.strip().removeprefix("export ").partition("=")
            if separator and not name.startswith("#"):
                found[name.strip()] = value.strip().strip("\"'")
    found.update(os.environ)
    return {name: found[name] for name in ("MONGODB_LOCAL_URI", "MONGODB_ATLAS_URI") if found.get(name)}


def without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    authority, slash, tail = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{tail.partition('?')[0]}"


class Loader:
    """Loads the collections, each in a thread of its own, and counts."""

    def __init__(self, uri: str, limit: int | None) -> None:
        self._client: MongoClient = MongoClient(uri)
        self._database = self._client.get_default_database(DATABASE)
        self._limit = limit
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.loaded = 0
        self.error: BaseException | None = None
        self.total = sum(min(count, limit or count) for count in COUNTS.values())
        self._threads = [threading.Thread(target=self._load, args=(name,), daemon=True) for name in COUNTS]

    def start(self) -> None:
        for name in COUNTS:
            if self._database[name].estimated_document_count() > 0:
                raise QuickstartError(f"loading: {self._database.name}.{name} holds documents; nothing was changed")
        for thread in self._threads:
            thread.start()

    def _load(self, name: str) -> None:
        try:
            load(self._database, name, self._count, self._limit, Sample())
        except (PyMongoError, OSError, InterruptedError) as error:
            self.error = error

    def _count(self, documents: int) -> None:
        with self._lock:
            self.loaded += documents
        if self._stopping.is_set():
            raise InterruptedError("stopped")

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(COMMAND_STOP_SECONDS)
        self._client.close()


class Quickstart:
    """One run. `stack` owns everything that must be stopped."""

    def __init__(self, arguments: argparse.Namespace, stack: ExitStack) -> None:
        self.arguments = arguments
        self.stack = stack
        self.given = named_uris()
        cache_folder().mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="quickstart.", dir=cache_folder()))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.sample = not self.given or arguments.load_sample

    def start_servers(self) -> tuple[str, str]:
        step("3/4 Starting")
        uris = []
        for role, name in (("local", "MONGODB_LOCAL_URI"), ("backup", "MONGODB_ATLAS_URI")):
            if name in self.given:
                uris.append(self.given[name])
                say(f"{role:7} yours, from {name}: {without_password(self.given[name])}")
                continue
            server = EmbeddedServer(self.folder / role, self.folder / f"{role}.log",
                                    ("--oplog-max-entries", str(OPLOG_ENTRIES)))
            self.stack.enter_context(server)
            uris.append(server.uri(DATABASE if role == "local" else ""))
            say(f"{role:7} embedded ({server.program.name}): {server.address}")
        return uris[0], uris[1]

    def start_daemon(self, local: str, backup: str) -> MirrorDaemon:
        settings = {"MONGODB_LOCAL_URI": local, "MONGODB_ATLAS_URI": backup}
        folder = self.folder
        if self.given:
            # Your servers: your settings, and a data directory that stays, so that the next run goes on from there.
            own = {name: value for name, value in os.environ.items() if name.startswith(OWN_SETTINGS)}
            settings = {**own, **settings}
            folder = ROOT
            data = Path(settings.get("SYNC_DATA_DIR", ROOT / "data"))
            settings["SYNC_DATA_DIR"] = str(data if data.is_absolute() else ROOT / data)
        daemon = MirrorDaemon(self.folder, {"SYNC_DATA_DIR": str(folder / "data"), **settings})
        self.stack.callback(self.stop_daemon, daemon)
        daemon.start()
        say(f"daemon  dualsync run, process {daemon.pid}")
        return daemon

    def stop_daemon(self, daemon: MirrorDaemon) -> None:
        code = daemon.stop()
        if code not in (None, 0):
            say(f"dualsync run ended with exit code {code}\n{daemon.log_tail()}")

    def command(self, daemon: MirrorDaemon, *arguments: str, progress=None) -> tuple[int, str]:
        """Runs a dualsync command to its end, drawing progress meanwhile; returns exit code and standard output."""
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen([str(daemon.binary), *arguments], stdout=output, cwd=daemon.folder,
                                       env=clean_environment(daemon.settings), preexec_fn=end_with_parent)
            try:
                while process.poll() is None:
                    if progress:
                        progress()
                    time.sleep(Progress.SECONDS)
            finally:
                stop_process(process, COMMAND_STOP_SECONDS)
            output.seek(0)
            return process.returncode, output.read()

    def mirror(self, daemon: MirrorDaemon, local: str) -> None:
        step("4/4 Mirroring live, then proving" if self.sample else "4/4 Mirroring your data, then proving")
        started = time.monotonic()
        loader = Loader(local, self.arguments.limit) if self.sample else None
        progress = Progress(daemon, loader)
        if loader:
            # Once the (empty) first copy is over, so that what follows is live: else it is copied, and then told again.
            daemon.wait(FIRST_COPY_SECONDS)
            self.stack.callback(loader.close)
            loader.start()
            while loader.running:
                progress.draw()
                time.sleep(Progress.SECONDS)
            if loader.error:
                progress.end()
                raise QuickstartError(f"loading the sample data: {loader.error}")
        code, _ = self.command(daemon, "wait", "--timeout", str(WAIT_SECONDS), progress=progress.draw)
        progress.draw(done=code == 0)
        progress.end()
        if code != 0:
            raise QuickstartError(f"waiting: dualsync wait ended with exit code {code}\n{daemon.log_tail()}")
        say(f"every write is on the backup after {time.monotonic() - started:.1f} s")
        self.prove(daemon)

    def prove(self, daemon: MirrorDaemon) -> None:
        started = time.monotonic()
        code, output = self.command(daemon, "verify", "--json")
        try:
            report = json.loads(output)
        except ValueError:
            raise QuickstartError(f"verifying: dualsync verify ended with exit code {code}: {output.strip()}") from None
        for row in report["namespaces"]:
            differences = row["differenceCount"] + len(row["schema"])
            verdict = f"{differences} DIFFERENCES" if differences else "equal"
            counts = f"local {row['localDocuments']:>9,}  backup {row['backupDocuments']:>9,}"
            say(f"  {row['namespace']:<24} {counts}  {verdict}")
        if code != 0 or not report["equal"]:
            raise QuickstartError("verifying: the backup differs from local; dualsync verify lists where")
        documents = sum(row["localDocuments"] for row in report["namespaces"])
        say(f"proven: all {documents:,} documents are equal byte for byte ({time.monotonic() - started:.1f} s)")

    def explain(self, daemon: MirrorDaemon) -> None:
        address, data = daemon.api_address(), daemon.data
        say(f"\nstatus  SYNC_DATA_DIR={data} {daemon.binary.relative_to(ROOT)} status"
            if daemon.binary.is_relative_to(ROOT) else f"\nstatus  SYNC_DATA_DIR={data} {daemon.binary} status")
        say(f"health  http://{address}/api/sync/health")
        say(f"API     http://{address}/api/sync/metrics, with the token in {data}/api-token")
        if not self.given:
            say(f"local   {daemon.settings['MONGODB_LOCAL_URI']}   (write there with any MongoDB client and watch)")
            say(f"backup  {daemon.settings['MONGODB_ATLAS_URI']}{DATABASE}")

    def stay(self, daemon: MirrorDaemon) -> None:
        say("\nMirroring goes on. Stop with Ctrl-C.")
        while daemon.running:
            time.sleep(STAY_POLL_SECONDS)
        raise QuickstartError(f"mirroring: dualsync run ended by itself\n{daemon.log_tail()}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quickstart")
    parser.add_argument("--load-sample", action="store_true")
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("--no-stay", action="store_true")
    parser.add_argument("--limit", type=int, default=None)
    return parser.parse_args()


def on_terminate(_signal: int, _frame: object) -> None:
    raise Terminated


def main() -> int:
    arguments = parse()
    signal.signal(signal.SIGTERM, on_terminate)
    # From here on Ctrl-C raises, so that everything that was started is stopped in order.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    code = 0
    try:
        with ExitStack() as stack:
            run = Quickstart(arguments, stack)
            if run.given and not arguments.load_sample:
                say("\nThe servers named in your settings are used; no sample data is loaded (--load-sample does).")
            local, backup = run.start_servers()
            daemon = run.start_daemon(local, backup)
            run.mirror(daemon, local)
            run.explain(daemon)
            if arguments.stay or (terminal and not arguments.no_stay):
                run.stay(daemon)
            say("\nstopping")
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except Terminated:
        code = EXIT_TERMINATED
    except (QuickstartError, DaemonError, ServerError, PyMongoError, OSError) as error:
        print(f"\nquickstart FAILED: {error}", file=sys.stderr, flush=True)
        code = 1
    say("stopped; nothing is left running" if code != 0 else "done; nothing is left running")
    return code


if __name__ == "__main__":
    sys.exit(main())
