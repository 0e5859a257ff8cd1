"""What the middleware of libdualsync adds to an insert: with and without it by turns, in one process (insert_hook.cc).

`kept`: the engine in the same process sends what is told, which costs the machine besides. `taken`: its applying is
paused: what the hook itself takes.
"""
from __future__ import annotations

import json
import subprocess
from pathlib import Path

from embedded_server import EmbeddedServer
from placing import place_server

PROGRAM = Path(__file__).resolve().parent.parent / "build" / "release" / "bench" / "insert_hook"
PROGRAM_SECONDS = 600


def insert_hook(folder: Path) -> dict[str, float]:
    numbers: dict[str, float] = {}
    with EmbeddedServer(folder / "local", folder / "local.log", ("--standalone",)) as local, \
            EmbeddedServer(folder / "backup", folder / "backup.log") as backup:
        place_server(local)
        for label in ("kept", "taken"):
            command = [str(PROGRAM), local.uri(f"bench_{label}"), backup.uri(), str(folder / label), label]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)
            if done.returncode != 0:
                raise RuntimeError(done.stderr)
            numbers |= {f"{name} {label}": value for name, value in json.loads(done.stdout).items()}
    return numbers
