"""Faults on the lines between the daemon and its servers, in a minute: `tests/chaos/run.py` has more, and longer.

Brings embedded servers of its own, whatever servers the session uses.
"""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "chaos"))

from faults import all_faults  # noqa: E402  (needs the path above)
from run import Run  # noqa: E402
from toxiproxy import find_program  # noqa: E402

SEED = 2
# Those that are over within seconds.
QUICK = ("cut (local)", "cut (backup)", "10 KB/s (backup)", "reset (local)", "reset (backup)",
         "ends within a reply (local)", "ends within a reply (backup)", "kill -9", "SIGSTOP", "server restarts (local)",
         "server restarts (backup)")


@pytest.mark.skipif(find_program() is None, reason="toxiproxy is not there: tools/setup.sh toxiproxy")
def test_faults_on_the_lines_lose_nothing(tmp_path: Path) -> None:
    faults = [fault for fault in all_faults(with_fail_points=False) if fault.name in QUICK]
    assert len(faults) == len(QUICK)
    run = Run(SEED, 0, tmp_path, print)
    try:
        run.run(faults)
        print(run.report())
    finally:
        run.close()
