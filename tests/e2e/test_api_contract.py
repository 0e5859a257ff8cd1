"""The API's own contract, held against the running daemon: answers as promised, bad input of every kind refused."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from workload import filled
from world import World, patience

SECONDS = 120
EXAMPLES = "15"
# An endless answer, and one that may well wait for a minute: unit tests have them.
LEFT_OUT = ("/api/sync/events", "/api/sync/wait")
# No schema can say which collections there are (a name of none is refused like a malformed one), nor what is Extended
# JSON.
NAMED = ("/api/sync/full-sync", "/api/sync/verify", "/api/sync/drill", "/api/sync/operations")
MAY_REFUSE = """
[[operations]]
include-path = "{path}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409", "429", "5xx"]
"""


def test_what_is_promised_is_what_is_served(world: World, tmp_path: Path) -> None:
    filled(world.db, "bills", 50)
    daemon = world.mirror()
    schemathesis = Path(sys.executable).parent / "schemathesis"
    excluded = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    config = tmp_path / "schemathesis.toml"
    config.write_text("".join(MAY_REFUSE.format(path=path) for path in NAMED))
    done = subprocess.run(
        [str(schemathesis), "--config-file", str(config), "run", f"http://{daemon.api_address()}/api/openapi.json",
         "--checks", "all",
         "-H", f"Authorization: Bearer {daemon.api_token()}", "--max-examples", EXAMPLES, "--seed", "1", "--no-color",
         "--warnings", "off", "--request-timeout", "30", *excluded],
        cwd=tmp_path, capture_output=True, text=True, timeout=patience(SECONDS), check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: 22" in done.stdout, done.stdout[-3000:]
    # Whatever it asked for, the mirror is what it was.
    assert daemon.running
    assert daemon.request("POST", "/api/sync/resume").status == 200
    world.settle()
    world.assert_equal()
