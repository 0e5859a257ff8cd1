"""Faults of the machine, of local's history and of the backup's content: a full disk, a clock that jumps, an oplog
that rolled over, a document that is refused, while an application does everything. `tests/chaos/run.py` has more.

Brings embedded servers of its own, whatever servers the session uses.
"""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "chaos"))

from machine_faults import machine_faults  # noqa: E402  (needs the path above)
from run import Run  # noqa: E402
from toxiproxy import find_program  # noqa: E402

SEED = 4


@pytest.mark.skipif(find_program() is None, reason="toxiproxy is not there: tools/setup.sh toxiproxy")
def test_faults_of_the_machine_lose_nothing(tmp_path: Path) -> None:
    run = Run(SEED, 0, tmp_path, print)
    try:
        faults, left_out = machine_faults(run.stage)
        run.run(faults)
        print(run.report())
        print("\n".join(left_out))
    finally:
        run.close()
