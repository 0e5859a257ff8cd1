#!/usr/bin/env python3
"""Runs the fuzzers for a while, some at a time, and says of each in a few lines what it did. Called by tools/fuzz.sh.

What a fuzzer itself prints goes to LOGS/fuzz_<name>.log; of one that finds something the end of that is shown, with the
input and how to keep it. The others go on. The last line counts fuzzers: `N passed, N failed, 0 skipped`.

Exit     0 nothing was found, 1 something was, 2 wrong arguments
"""
from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

KEPT = "tests/fuzz/corpus"
INPUT_MAX = 4096
INPUT_SECONDS = 20  # one that takes longer hangs
MEGABYTES = 2048
# What a fuzzer may take beyond its time to read its corpus and to end.
SPARE_SECONDS = 120
SHOWN_LINES = 60


@dataclass
class Outcome:
    name: str
    log: Path
    seconds: float = 0.0
    cause: str = ""  # why it failed
    inputs: list[Path] = field(default_factory=list)  # that break something

    def told(self, what: str) -> str:
        """The last number that the fuzzer said of something; `?` if none."""
        found = re.findall(what, self.log.read_text(errors="replace"))
        return f"{int(found[-1]):,}" if found else "?"


def symbolizer() -> dict[str, str]:
    """Where the sanitizers find names for addresses: Debian has the program under no name of its own on the PATH."""
    program = next(Path("/usr/lib").glob("llvm-*/bin/llvm-symbolizer"), None)
    if program is None or "ASAN_SYMBOLIZER_PATH" in os.environ:
        return {}
    return {"ASAN_SYMBOLIZER_PATH": str(program)}


def fuzz(name: str, given: argparse.Namespace) -> Outcome:
    outcome = Outcome(name, given.logs / f"fuzz_{name}.log")
    corpus, prefix = given.corpus / name, f"found-{name}-"
    corpus.mkdir(parents=True, exist_ok=True)
    for old in given.logs.glob(f"{prefix}*"):
        old.unlink()
    command = [str(given.programs / f"fuzz_{name}"), f"-max_total_time={given.seconds}", f"-max_len={INPUT_MAX}",
               f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1",
               f"-artifact_prefix={given.logs}/{prefix}", str(corpus)]
    started = time.monotonic()
    with outcome.log.open("wb") as log:
        try:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
                                  env={**os.environ, **symbolizer()}, timeout=given.seconds + SPARE_SECONDS).returncode
        except subprocess.TimeoutExpired:
            outcome.cause = f"not done {SPARE_SECONDS} s after its time"
        except OSError as error:
            outcome.cause = str(error)
        else:
            outcome.cause = f"exit code {code}" if code else ""
    outcome.seconds = time.monotonic() - started
    outcome.inputs = [path for path in sorted(given.logs.glob(f"{prefix}*")) if not path.name.startswith(
        f"{prefix}slow-unit-")]  # told, but no failure
    if outcome.inputs and not outcome.cause:
        outcome.cause = "it kept an input"
    return outcome


def tell(outcome: Outcome, programs: Path) -> None:
    runs, covered = outcome.told(r"number_of_executed_units: (\d+)"), outcome.told(r"cov: (\d+)")
    did = f"{outcome.seconds:5.0f} s  {runs:>11} inputs  {covered:>6} edges"
    found = f"FAILED: {outcome.cause}" if outcome.cause else "nothing found"
    print(f"fuzz_{outcome.name:<9} {did}  {found}", flush=True)
    if not outcome.cause:
        return
    lines = outcome.log.read_text(errors="replace").splitlines()
    print(f"  the end of {outcome.log}:")
    print("\n".join(f"  | {line}" for line in lines[-SHOWN_LINES:]))
    for path in outcome.inputs:
        content = path.read_bytes()
        kept = f"{KEPT}/{outcome.name}/{path.name.removeprefix(f'found-{outcome.name}-')}"
        print(f"  the input that breaks it: {path}, {len(content)} bytes")
        print(f"  again:   {programs}/fuzz_{outcome.name} {path}")
        print(f"  keep it: cp {path} {kept}")
        print(f"  or, where only this text is left:\n    base64 -d >{kept} <<<'{base64.b64encode(content).decode()}'")
    if outcome.inputs:
        print(f"  ./test replays what is in {KEPT}: it fails there until the cause is mended", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=Path, required=True, help="the folder with fuzz_<name>")
    parser.add_argument("--corpus", type=Path, required=True, help="a folder for each; what is new is added to it")
    parser.add_argument("--logs", type=Path, required=True, help="for logs and inputs that break something")
    parser.add_argument("--seconds", type=int, default=60, help="for each fuzzer")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="default: one for each processor")
    parser.add_argument("names", nargs="*", help="default: all that are there")
    given = parser.parse_args()
    there = sorted(path.name.removeprefix("fuzz_") for path in given.programs.glob("fuzz_*")
                   if os.access(path, os.X_OK))
    names = given.names or there
    unknown = sorted(set(names) - set(there))
    if unknown or not names:
        print(f"fuzz: no fuzzer {' '.join(unknown)} in {given.programs}; there are: {' '.join(there)}", file=sys.stderr)
        return 2
    given.logs.mkdir(parents=True, exist_ok=True)
    failed = 0
    with ThreadPoolExecutor(max(1, given.at_once)) as threads:
        for done in as_completed([threads.submit(fuzz, name, given) for name in names]):
            outcome = done.result()
            tell(outcome, given.programs)
            failed += bool(outcome.cause)
    print(f"{len(names) - failed} passed, {failed} failed, 0 skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
