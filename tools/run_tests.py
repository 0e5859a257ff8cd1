#!/usr/bin/env python3
"""The steps of ./test after set-up: runs them, times them, counts tests, prints a table. Called by ./test.

Counts come from the JUnit files that ctest and pytest write, so that the last line counts tests, not steps.
"""
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
REPORTS = BUILD / "reports"
STEPS = ("build", "tidy", "unit", "dev", "tsan", "e2e")
SLOW_STEPS = ("dev", "tsan")
STEP_SECONDS = 2400
UNIT_TEST_SECONDS = 300
E2E_WORKERS = 4
WAITING_TESTS = 1  # beside as many as there are processors: those with servers mostly wait
# Lines are enough of symbols for a sanitizer's report; -O1 is what ThreadSanitizer asks for.
SANITIZED = ("DUALSYNC_WERROR=ON", "DUALSYNC_BUILD_BENCH=OFF", "CMAKE_UNITY_BUILD=ON", "DUALSYNC_QUICK_TESTS=ON",
             "CMAKE_CXX_FLAGS_DEBUG=-g1", "CMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1 -DNDEBUG")
NEEDS_BUILD = ("unit", "e2e")


@dataclass
class Outcome:
    """What one step did. `cause` says why it failed or was skipped."""

    name: str
    state: str = "passed"
    cause: str = ""
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)

    def fail(self, cause: str) -> None:
        if self.state != "failed":
            self.state, self.cause = "failed", cause


def jobs() -> str:
    return os.environ.get("DUALSYNC_JOBS") or str(os.cpu_count() or 1)


def run(outcome: Outcome, what: str, command: list[str], environment: dict[str, str] | None = None) -> bool:
    """Runs a command with its output shown; a failure is noted in the outcome. True if it exited 0."""
    print(f"-- {' '.join(command)}", flush=True)
    try:
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}, timeout=STEP_SECONDS,
                              check=False, stdin=subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired:
        outcome.fail(f"{what}: not done after {STEP_SECONDS} s")
        return False
    except OSError as error:
        outcome.fail(f"{what}: {error}")
        return False
    if code != 0:
        outcome.fail(f"{what}: exit code {code}")
    return code == 0


def fixed_addresses() -> list[str]:
    """A prefix without address randomisation: older ThreadSanitizers refuse the layouts of newer kernels."""
    setarch = shutil.which("setarch")
    if setarch is None:
        return []
    prefix = [setarch, "-R"]
    works = subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0
    return prefix if works else []


def build(outcome: Outcome, preset: str, *options: str, target: str = "all", prefix: list[str] | None = None) -> bool:
    settings = [f"-D{option}" for option in options]
    if shutil.which("ccache"):
        settings.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    if not run(outcome, "configuring", ["cmake", "--preset", preset, "-DDUALSYNC_BUILD_TESTS=ON", *settings]):
        return False
    return run(outcome, "building", [*(prefix or []), "cmake", "--build", "--preset", preset, "--target", target,
                                   "--parallel", jobs()])


def count(outcome: Outcome, report: Path) -> None:
    """Adds the tests of a JUnit file. A missing or empty one is a failure: a run that tests nothing proves nothing."""
    cases = list(ElementTree.parse(report).getroot().iter("testcase")) if report.is_file() else []
    if not cases:
        outcome.fail("no test was run")
    for case in cases:
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            outcome.failed += 1
        elif skipped is not None or case.get("status") in ("notrun", "disabled"):
            why = (skipped.get("message") if skipped is not None else None) or "not run"
            outcome.skipped.append(f"{case.get('name')}: {why.splitlines()[0]}")
        else:
            outcome.passed += 1
    if outcome.failed:
        outcome.fail(f"{outcome.failed} tests failed")


def ctest(outcome: Outcome, preset: str, label: str = "", environment: dict[str, str] | None = None,
          prefix: list[str] | None = None, more: int = 0) -> None:
    report = REPORTS / f"{outcome.name}.xml"
    report.unlink(missing_ok=True)
    parallel = str(int(jobs()) + more)
    command = [*(prefix or []), "ctest", "--test-dir", str(BUILD / preset), "--output-on-failure", "--no-tests=error",
               "--timeout", str(UNIT_TEST_SECONDS), "--output-junit", str(report), "--parallel", parallel]
    if label:
        command += ["-L", label]
    run(outcome, "ctest", command, environment)
    count(outcome, report)


def step_build(outcome: Outcome) -> None:
    # The product file by file, as its users build it: only that finds an #include that is missing.
    build(outcome, "release", "DUALSYNC_WERROR=ON", "DUALSYNC_UNITY_TESTS=ON", "DUALSYNC_QUICK_TESTS=ON")


def step_tidy(outcome: Outcome) -> None:
    for name in ("tidy.py", "tidy_selftest.py"):
        if run(outcome, name, [sys.executable, str(ROOT / "tools" / name)]):
            outcome.passed += 1
        else:
            outcome.failed += 1


def step_unit(outcome: Outcome) -> None:
    ctest(outcome, "release", more=WAITING_TESTS)


def step_dev(outcome: Outcome) -> None:
    if build(outcome, "dev", *SANITIZED, target="tests/all"):
        ctest(outcome, "dev", "fast", {"UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"})


def step_tsan(outcome: Outcome) -> None:
    prefix = fixed_addresses()
    if build(outcome, "tsan", *SANITIZED, target="tests/all", prefix=prefix):
        suppressions = ROOT / "tools" / "tsan.supp"
        ctest(outcome, "tsan", "threads", {"TSAN_OPTIONS": f"suppressions={suppressions}:halt_on_error=1"}, prefix)


def step_e2e(outcome: Outcome) -> None:
    report = REPORTS / "e2e.xml"
    report.unlink(missing_ok=True)
    # They mostly wait; on servers that are given, which all of them would share, one after the other.
    given = bool(os.environ.get("DUALSYNC_TEST_LOCAL_URI"))
    parallel = [] if given else ["-n", str(E2E_WORKERS), "--dist", "worksteal"]
    run(outcome, "pytest", [sys.executable, "-m", "pytest", "tests/e2e", "-ra", "--durations=10", *parallel,
                            f"--junitxml={report}"])
    count(outcome, report)


FUNCTIONS = {"build": step_build, "tidy": step_tidy, "unit": step_unit, "dev": step_dev, "tsan": step_tsan,
             "e2e": step_e2e}


def skip_reason(name: str, arguments: argparse.Namespace, outcomes: list[Outcome]) -> str:
    """Why a step does not run, or nothing."""
    if arguments.only and name not in arguments.only:
        return "left out by --only"
    if arguments.quick and name in SLOW_STEPS and not arguments.only:
        return "left out by --quick"
    built = next((outcome for outcome in outcomes if outcome.name == "build"), None)
    if name in NEEDS_BUILD and built is not None and built.state == "failed":
        return "the build failed"
    return ""


def print_table(outcomes: list[Outcome]) -> None:
    print("\nstep      result   seconds   tests")
    for outcome in outcomes:
        tests = f"{outcome.passed} passed, {outcome.failed} failed, {len(outcome.skipped)} skipped"
        if outcome.passed + outcome.failed + len(outcome.skipped) == 0:
            tests = ""
        because = f"  ({outcome.cause})" if outcome.cause else ""
        print(f"{outcome.name:<9} {outcome.state:<8} {outcome.seconds:7.1f}   {tests}{because}")
    skipped = [f"  {outcome.name}: {text}" for outcome in outcomes for text in outcome.skipped]
    if skipped:
        print("skipped tests:\n" + "\n".join(skipped))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--setup-seconds", type=float, default=0.0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=STEPS, default=[])
    arguments = parser.parse_args()
    REPORTS.mkdir(parents=True, exist_ok=True)
    outcomes = [Outcome("setup", seconds=arguments.setup_seconds)]
    for name in STEPS:
        outcome = Outcome(name)
        outcomes.append(outcome)
        outcome.cause = skip_reason(name, arguments, outcomes)
        if outcome.cause:
            outcome.state = "skipped"
            continue
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        FUNCTIONS[name](outcome)
        outcome.seconds = time.monotonic() - started
        print(f"== {name}: {outcome.state} in {outcome.seconds:.1f} s {outcome.cause}", flush=True)
    print_table(outcomes)
    # A step that failed without a failed test, such as a build, counts as one failure.
    failed = sum(outcome.failed or (outcome.state == "failed") for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    skipped = sum(len(outcome.skipped) for outcome in outcomes)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
