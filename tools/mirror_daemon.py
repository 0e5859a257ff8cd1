"""Runs the dualsync binary: starts, stops and kills `dualsync run`, calls its commands and its REST API.

Threads  one owner per object; `metrics`, `health` and `wait` may be called from any thread
Errors   DaemonError with the end of the daemon's log; API errors are returned as status codes
Life     a daemon ends with the process that started it
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from embedded_server import end_with_parent, stop_process

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_BINARY = ROOT / "build" / "release" / "src" / "dualsync" / "app" / "dualsync"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
HTTP_SECONDS = 10.0
COMMAND_SECONDS = 600.0
POLL_SECONDS = 0.02
LOG_TAIL_CHARACTERS = 4000
# The daemon is on this machine: a proxy that the environment names must not come between.
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
OWN_SETTINGS = ("SYNC_", "MONGODB_")


class DaemonError(RuntimeError):
    """The daemon did not do what it should."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `body` is the parsed JSON, or None where there is none."""

    status: int
    body: object
    headers: dict[str, str]
    text: str = ""


def find_binary() -> Path:
    return Path(os.environ.get("DUALSYNC_BINARY", DEFAULT_BINARY))


def clean_environment(settings: dict[str, str]) -> dict[str, str]:
    """The caller's environment without any dualsync setting, plus `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    return {**kept, **settings}


class MirrorDaemon:
    """`dualsync run` in a working folder of its own; restart keeps its data."""

    def __init__(self, folder: Path, settings: dict[str, str], binary: Path | None = None) -> None:
        self.binary = binary or find_binary()
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "daemon.log"
        self.output = folder / "daemon.out"
        self.process: subprocess.Popen | None = None
        self.settings = {"SYNC_ENABLED": "true", "SYNC_DATA_DIR": str(folder / "data"),
                         "SYNC_HTTP_LISTEN": "127.0.0.1:0", **settings}

    @property
    def data(self) -> Path:
        return Path(self.settings["SYNC_DATA_DIR"])

    # Starting and stopping.

    def start(self, *flags: str, ready: bool = True) -> MirrorDaemon:
        """Starts it; with `ready`, returns when its API answers."""
        if "SYNC_DATA_DIR" in self.settings:
            (self.data / "api-address").unlink(missing_ok=True)
        with self.log.open("ab") as log, self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [str(self.binary), "run", *flags], cwd=self.folder, env=clean_environment(self.settings), stderr=log,
                stdout=output, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent)
        if ready:
            self.await_api()
        return self

    def await_api(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                code = None if self.process is None else self.process.returncode
                raise DaemonError(f"dualsync run ended with {code} before its API answered\n{self.log_tail()}")
            if (self.data / "api-address").exists():
                try:
                    self.request("GET", "/api/sync/health", token=None)
                    return
                except OSError:
                    pass
            time.sleep(POLL_SECONDS)
        self.stop()
        raise DaemonError(f"the API did not answer within {START_SECONDS:.0f} s\n{self.log_tail()}")

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        if self.process is None:
            raise DaemonError("the daemon was not started")
        return self.process.pid

    def stop(self) -> int | None:
        """SIGTERM; returns the exit code, None if it was not running."""
        if self.process is None:
            return None
        code = stop_process(self.process, STOP_SECONDS)
        self.process = None
        return code

    def interrupt(self) -> int:
        """SIGINT, as Ctrl-C sends it; returns the exit code."""
        os.kill(self.pid, signal.SIGINT)
        return self.ended(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL: no chance to write anything."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ended(self, patience: float) -> int:
        """Waits until it ends by itself; returns the exit code."""
        if self.process is None:
            raise DaemonError("the daemon was not started")
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise DaemonError(f"dualsync run did not end within {patience:.0f} s\n{self.log_tail()}") from None
        self.process = None
        return code

    # Logs.

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self) -> str:
        return self.log_text()[-LOG_TAIL_CHARACTERS:]

    def log_lines(self) -> list[dict]:
        """The structured log lines; lines that are not JSON objects are left out."""
        lines = []
        for line in self.log_text().splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                lines.append(value)
        return lines

    # The API.

    def api_address(self) -> str:
        return (self.data / "api-address").read_text().strip()

    def api_token(self) -> str:
        return self.settings.get("SYNC_API_TOKEN") or (self.data / "api-token").read_text().strip()

    def request(self, method: str, path: str, token: str | None = "", timeout: float = HTTP_SECONDS,
                body: bytes | None = None) -> Reply:
        """One HTTP request. `token` "" means the daemon's own, None sends none. OSError: no answer."""
        request = urllib.request.Request(f"http://{self.api_address()}{path}", data=body, method=method)
        if token is not None:
            request.add_header("Authorization", f"Bearer {token or self.api_token()}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with NO_PROXY.open(request, timeout=timeout) as answer:
                return _reply(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return _reply(error.code, error.read(), dict(error.headers))

    def metrics(self) -> dict:
        return self.request("GET", "/api/sync/metrics").body

    def status(self) -> dict:
        return self.request("GET", "/api/sync/status").body

    def health(self) -> dict:
        return self.request("GET", "/api/sync/health", token=None).body

    def wait(self, seconds: float) -> Reply:
        """Until every local write made so far is on the backup. Any status code is returned."""
        path = f"/api/sync/wait?timeoutSeconds={max(1, round(seconds))}"
        return self.request("POST", path, timeout=seconds + HTTP_SECONDS)

    # Commands.

    def command(self, *arguments: str, timeout: float = COMMAND_SECONDS,
                settings: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        """Runs `dualsync ARGUMENTS` with this daemon's settings and folder; returns exit code and both outputs."""
        environment = clean_environment({**self.settings, **(settings or {})})
        return subprocess.run([str(self.binary), *arguments], cwd=self.folder, text=True, capture_output=True,
                              env=environment, timeout=timeout, check=False, stdin=subprocess.DEVNULL)

    def __enter__(self) -> MirrorDaemon:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _reply(status: int, body: bytes, headers: dict[str, str]) -> Reply:
    text = body.decode("utf-8", "replace")
    try:
        return Reply(status, json.loads(text), headers, text)
    except ValueError:
        return Reply(status, None, headers, text)
