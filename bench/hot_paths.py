#!/usr/bin/env python3
"""Counts the instructions of the hot paths (bench/hot_paths.cc) under callgrind; compares with bench/hot_paths.json.

Counts   instructions an operation, of one thread: they do not depend on what else the machine does, and two runs of one
         program differ by less than a thousandth
Baseline one for each combination of compiler, libraries and processor, because the counts depend on them; one that has
         none cannot be compared, and that is said aloud. After a change that is meant: bench/hot_paths.py --store
Exit     0 within 10 % of the baseline, 1 not, 2 not counted, 3 no baseline for this combination
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build" / "release" / "bench" / "hot_paths"
BASELINES = ROOT / "bench" / "hot_paths.json"
SHARE_MAX = 0.10
SECONDS_MAX = 600
TRIGGER = re.compile(r"^desc: Trigger: Client Request: (\S+)$", re.MULTILINE)
TOTALS = re.compile(r"^totals: (\d+)$", re.MULTILINE)
# Nothing of the caller's: its length moves the stack. Everything is bound before the first path is counted.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "LD_BIND_NOW": "1"}


class CountError(RuntimeError):
    """Nothing was counted."""


def run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS_MAX,
                              check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CountError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise CountError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def combination() -> str:
    """What the counts depend on besides the source: also the instructions that libraries choose at run time."""
    if not os.access(PROGRAM, os.X_OK):
        raise CountError(f"{PROGRAM} is not built: ./test --only build builds it, if valgrind is installed")
    cpu = Path("/proc/cpuinfo").read_text()
    vectors = "avx2" if re.search(r"^flags\s*:.*\bavx2\b", cpu, re.MULTILINE) else "no avx2"
    return f"{run([str(PROGRAM), '--built-with']).strip()}, {platform.machine()}, {vectors}"


def count() -> dict[str, float]:
    """Instructions an operation of each path, in the order in which they run."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountError("there is no valgrind here: tools/setup.sh test-packages installs it")
    with tempfile.TemporaryDirectory(prefix="dualsync-callgrind-") as folder:
        told = run([valgrind, "--quiet", "--tool=callgrind", "--collect-atstart=no",
                    f"--callgrind-out-file={folder}/counts", str(PROGRAM)])
        totals = {}
        for dump in Path(folder).iterdir():
            text = dump.read_text()
            name, total = TRIGGER.search(text), TOTALS.search(text)
            if name and total:
                totals[name[1]] = int(total[1])
    operations = {name: int(number) for name, number in (line.split() for line in told.splitlines())}
    if not operations or totals.keys() != operations.keys():
        raise CountError(f"callgrind counted {sorted(totals)}, the program ran {sorted(operations)}")
    return {name: round(totals[name] / number, 1) for name, number in operations.items()}


def baselines() -> dict[str, dict[str, float]]:
    return json.loads(BASELINES.read_text()) if BASELINES.exists() else {}


def deviations(baseline: dict[str, float], counted: dict[str, float]) -> list[str]:
    """A sentence for each path that is not within SHARE_MAX of the baseline, either way, or is in one of them only."""
    wrong = []
    for name in sorted(baseline.keys() | counted.keys()):
        before, now = baseline.get(name), counted.get(name)
        if before is None or now is None:
            wrong.append(f"{name}: baseline {before}, now {now}: a path that only one of them has")
        elif abs(now / before - 1) > SHARE_MAX:
            wrong.append(f"{name}: {now:,.0f} instructions an operation, baseline {before:,.0f}: "
                         f"{now / before - 1:+.1%}, allowed is {SHARE_MAX:.0%} either way")
    return wrong


HINT = ("If the change is meant, `bench/hot_paths.py --store` on a build of ./test makes this the new baseline; the "
        "commit says why. If not, callgrind names the functions: "
        "valgrind --tool=callgrind --collect-atstart=no build/release/bench/hot_paths")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/hot_paths.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", action="store_true",
                        help="make what is counted now the baseline of this combination")
    options = parser.parse_args()
    try:
        built, counted = combination(), count()
    except CountError as error:
        print(f"not counted: {error}", file=sys.stderr)
        return 2
    known = baselines()
    baseline = known.get(built, {})
    print(built)
    for name, now in counted.items():
        before = f"{baseline[name]:>12,.1f} {now / baseline[name] - 1:>+8.2%}" if name in baseline else ""
        print(f"  {name:<16} {now:>12,.1f} {before}")
    if options.store:
        BASELINES.write_text(json.dumps({**known, built: counted}, indent=2) + "\n")
        print(f"stored: {BASELINES.relative_to(ROOT)}")
        return 0
    if not baseline:
        print(f"no baseline for this combination in {BASELINES.relative_to(ROOT)}; known: {sorted(known)}",
              file=sys.stderr)
        return 3
    wrong = deviations(baseline, counted)
    if wrong:
        print("\n".join([*wrong, HINT]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
