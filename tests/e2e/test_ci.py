"""What the continuous integration runs, and the runner of the fuzzers: with stand-ins for ./test and for fuzzers."""
from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mirror_daemon import ROOT
from world import patience

pytestmark = pytest.mark.no_binary


def script(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/usr/bin/env bash", *lines, ""]))
    path.chmod(0o755)


def call(*command: str, code: int) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60), check=False)
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


# What each says and its exit code, and what must come of both.
PASSED, BROKEN, CRASHED = ("9 passed, 0 failed, 2 skipped", 0), ("8 passed, 1 failed, 2 skipped", 1), ("oh no", 139)
QUIET, FOUND = ("10 passed, 0 failed, 0 skipped", 0), ("9 passed, 1 failed, 0 skipped", 1)


@pytest.mark.parametrize(("tests", "fuzzers", "last"), [
    (PASSED, QUIET, "19 passed, 0 failed, 2 skipped"),
    (BROKEN, QUIET, "18 passed, 1 failed, 2 skipped"),
    (PASSED, FOUND, "18 passed, 1 failed, 2 skipped"),
    (BROKEN, FOUND, "17 passed, 2 failed, 2 skipped"),
    (CRASHED, QUIET, "10 passed, 1 failed, 0 skipped"),
    (PASSED, CRASHED, "9 passed, 1 failed, 2 skipped"),
    ((PASSED[0], 1), QUIET, "19 passed, 1 failed, 2 skipped"),  # a failure that was not counted
    (("", 0), QUIET, "10 passed, 1 failed, 0 skipped"),  # a run that says nothing proves nothing
])
def test_a_failure_of_either_fails(tmp_path: Path, tests: tuple[str, int], fuzzers: tuple[str, int],
                                   last: str) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for name, (said, code) in (("test", tests), ("tools/fuzz.sh", fuzzers)):
        script(tmp_path / name, f'echo "{name} $* CI=$CI"', f"echo '{said}'", f"exit {code}")
    lines = call(str(tmp_path / ".ci" / "run"), code=0 if " 0 failed" in last else 1)
    assert lines[0] == "test  CI=true"
    assert "tools/fuzz.sh 60 CI=true" in lines, "the fuzzers run whatever ./test says"
    assert lines[-1] == last
    assert lines[-3].startswith("./test "), "and it is told apart which of them it was"
    assert lines[-2].startswith("tools/fuzz.sh ")


def fuzzers(folder: Path, *names: str, code: int) -> list[str]:
    return call(sys.executable, str(ROOT / "tools" / "run_fuzzers.py"), "--programs", str(folder / "programs"),
                "--corpus", str(folder / "corpus"), "--logs", str(folder / "logs"), "--seconds", "1",
                *names, code=code)


def test_a_fuzzer_that_finds_something_fails_and_the_input_is_shown(tmp_path: Path) -> None:
    content = b"\0\xffbroken"
    script(tmp_path / "programs" / "fuzz_good", "echo '#5 DONE cov: 12 ft: 3'",
           "echo 'stat::number_of_executed_units: 4321'")
    script(tmp_path / "programs" / "fuzz_bad", 'for each in "$@"; do', '  case "$each" in',
           '    -artifact_prefix=*) prefix="${each#*=}" ;;', "  esac", "done",
           f"base64 -d >\"${{prefix}}crash-1\" <<<'{base64.b64encode(content).decode()}'",
           "echo 'runtime error: of the bad one' >&2", "exit 77")
    lines = fuzzers(tmp_path, code=1)
    assert lines[-1] == "1 passed, 1 failed, 0 skipped"
    good = next(line for line in lines if line.startswith("fuzz_good"))
    assert "4,321 inputs" in good
    assert "12 edges" in good
    assert good.endswith("nothing found")
    told = "\n".join(lines)
    assert "FAILED: exit code 77" in told
    assert "runtime error: of the bad one" in told
    assert (tmp_path / "logs" / "found-bad-crash-1").read_bytes() == content
    assert f"cp {tmp_path}/logs/found-bad-crash-1 tests/fuzz/corpus/bad/crash-1" in told
    assert base64.b64encode(content).decode() in told, "the log of a machine that is gone is enough"
    # What the last run found is no failure of the next.
    script(tmp_path / "programs" / "fuzz_bad", "true")
    assert fuzzers(tmp_path, code=0)[-1] == "2 passed, 0 failed, 0 skipped"


def test_only_fuzzers_that_are_there(tmp_path: Path) -> None:
    for name in ("one", "two"):
        script(tmp_path / "programs" / f"fuzz_{name}", "true")
    assert fuzzers(tmp_path, "two", code=0)[-1] == "1 passed, 0 failed, 0 skipped"
    assert fuzzers(tmp_path, "two", "three", code=2) == []
    assert fuzzers(tmp_path / "elsewhere", code=2) == [], "no fuzzer at all is no success"
