"""Toxiproxy between the daemon and its servers: one proxy a server, with faults ("toxics") that come and go.

Source   https://github.com/Shopify/toxiproxy, its HTTP API and its toxics
Life     the process ends with the one that started it, however that ends
"""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from embedded_server import end_with_parent, stop_process
from pymongo import MongoClient

START_SECONDS = 20.0
POLL_SECONDS = 0.05
HTTP_SECONDS = 10.0
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def find_program() -> Path | None:
    """DUALSYNC_TOXIPROXY, else the one that tools/setup.sh has built, else one of the machine's."""
    cache = Path(os.environ.get("DUALSYNC_CACHE")
                 or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dualsync")
    for candidate in (os.environ.get("DUALSYNC_TOXIPROXY"), cache / "toxiproxy" / "server",
                      shutil.which("toxiproxy-server")):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    return None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Toxiproxy:
    """`add` names a proxy and returns its address; `toxic` and `enable` change it while connections go through it."""

    def __init__(self, program: Path, log: Path) -> None:
        self.port = free_port()
        self.addresses: dict[str, str] = {}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(program), "-host", "127.0.0.1", "-port", str(self.port)], stdout=output,
                stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._call("GET", "/version")
                return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.close()
                    raise RuntimeError(f"toxiproxy did not start: {log.read_text()[-1000:]}") from None
                time.sleep(POLL_SECONDS)

    def close(self) -> None:
        stop_process(self.process, 5)

    def _call(self, method: str, path: str, body: dict | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        with NO_PROXY.open(request, timeout=HTTP_SECONDS) as answer:
            return answer.read()

    def add(self, name: str, upstream: str) -> str:
        made = self._call("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": upstream})
        self.addresses[name] = json.loads(made)["listen"]
        return self.addresses[name]

    def toxic(self, proxy: str, kind: str, stream: str = "downstream", **attributes: int) -> None:
        self._call("POST", f"/proxies/{proxy}/toxics",
                   {"name": f"{kind}_{stream}", "type": kind, "stream": stream, "attributes": attributes})

    def enable(self, proxy: str, enabled: bool) -> None:
        """Disabled: every connection is closed, and no new one is taken."""
        self._call("POST", f"/proxies/{proxy}", {"enabled": enabled})

    def heal(self, proxy: str) -> None:
        toxics = json.loads(self._call("GET", f"/proxies/{proxy}"))["toxics"]
        for each in toxics:
            self._call("DELETE", f"/proxies/{proxy}/toxics/{each['name']}")
        self.enable(proxy, True)

    def command_seconds(self, proxy: str, padding: int) -> float:
        """How long a `hello` with so many bytes beside it takes over the line."""
        with MongoClient(f"mongodb://{self.addresses[proxy]}/?directConnection=true", connect=False) as client:
            began = time.monotonic()
            client.admin.command("hello", comment="x" * padding)
            return time.monotonic() - began
