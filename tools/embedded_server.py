"""Starts and stops an embedded MongoDB-compatible server (SecantusDB): a one-node replica set on a free port.

Threads  one owner per object
Errors   ServerError with the end of the server's log
Life     a server ends with the process that started it, however that ends (parent-death signal)
"""
from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
START_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
LOG_TAIL_CHARACTERS = 2000
LISTENING = re.compile(r"listening on [\w.]+:(\d+)")


class ServerError(RuntimeError):
    """The server did not start or stop as it should."""


def end_with_parent() -> None:
    """Runs in the child between fork and exec: the kernel sends SIGTERM when the parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def stop_process(process: subprocess.Popen, patience: float) -> int:
    """SIGTERM, then SIGKILL after `patience` seconds. Returns the exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def find_server() -> Path:
    """The embedded server's program: DUALSYNC_TEST_SERVER, else the fast one, else the one of the Python package."""
    named = os.environ.get("DUALSYNC_TEST_SERVER")
    cache = Path(os.environ.get("DUALSYNC_CACHE")
                 or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dualsync")
    candidates = [named] if named else [
        cache / "secantus" / "bin" / "secantusd-rs", shutil.which("secantusd-rs"),
        Path(sys.executable).parent / "secantusd-py", shutil.which("secantusd-py")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise ServerError(f"no embedded server at {named}" if named else
                      "no embedded server found; run tools/setup.sh python fast-server")


class EmbeddedServer:
    """One server. `start` after `stop` reopens the same data on the same port."""

    def __init__(self, storage: Path, log: Path, arguments: tuple[str, ...] = (), program: Path | None = None) -> None:
        self.program = program or find_server()
        self.storage = storage
        self.log = log
        self.arguments = arguments
        self.port = 0
        self.process: subprocess.Popen | None = None

    @property
    def fast(self) -> bool:
        return self.program.name != "secantusd-py"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def uri(self, database: str = "") -> str:
        return f"mongodb://{self.address}/{database}"

    def start(self) -> EmbeddedServer:
        self.storage.mkdir(parents=True, exist_ok=True)
        command = [str(self.program), "--port", str(self.port), "--storage-path", str(self.storage), *self.arguments]
        read_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C on the terminal reaches us alone, and we stop it in order.
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.storage,
                                            start_new_session=True, preexec_fn=end_with_parent)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = LISTENING.search(self._log_since(read_from))
            if found:
                self.port = int(found.group(1))
                return self
            if self.process.poll() is not None:
                break
            time.sleep(POLL_SECONDS)
        self.stop()
        raise ServerError(f"{self.program.name} did not start:\n{self._log_since(read_from)[-LOG_TAIL_CHARACTERS:]}")

    def stop(self) -> None:
        if self.process is not None:
            stop_process(self.process, STOP_SECONDS)
            self.process = None

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _log_since(self, offset: int) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")
