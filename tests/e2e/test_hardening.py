"""How the program is built, and what systemd lets the service do."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from mirror_daemon import find_binary

UNIT = ROOT / "packaging" / "systemd" / "dualsync.service"
EXPOSURE_MAX = 1.1  # of 10; docs/operations.md tells it
LIBRARY = "src/dualsync/embed/libdualsync.so"


def readelf(path: Path, *flags: str) -> str:
    return subprocess.run(["readelf", "--wide", *flags, str(path)], capture_output=True, text=True, check=True).stdout


def library() -> Path:
    return find_binary().parents[3] / LIBRARY


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is not installed (binutils)")
@pytest.mark.parametrize("name", ["program", "library"])
def test_the_build_is_hardened(name: str) -> None:
    path = find_binary() if name == "program" else library()
    if not path.is_file():
        pytest.skip(f"no {name} in this build")
    header, segments = readelf(path, "--file-header"), readelf(path, "--segments")
    dynamic, symbols = readelf(path, "--dynamic"), readelf(path, "--dyn-syms")
    assert re.search(r"Type:\s+DYN", header), "loaded at a random address (PIE)"
    assert "GNU_RELRO" in segments, "relocations are read-only"
    assert re.search(r"\((FLAGS|BIND_NOW)\).*(BIND_NOW|NOW)|\(BIND_NOW\)", dynamic), "all of them: bound at the start"
    stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack, "no code on the stack"
    loaded = [line for line in segments.splitlines() if "LOAD" in line]
    assert not [line for line in loaded if "RWE" in line], "nothing both is written and runs"
    assert "__stack_chk_fail" in symbols, "canaries on the stack"
    assert re.search(r"__(mem|str|v?s?n?printf|read|recv|fd)\w*_chk\b", symbols), "_FORTIFY_SOURCE"
    assert not re.search(r"\((RPATH|RUNPATH)\)", dynamic), "no library from a folder of the build"


@pytest.mark.no_binary
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_service_may_do_little() -> None:
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           f"--threshold={round(EXPOSURE_MAX * 10)}", str(UNIT)],
                          capture_output=True, text=True, timeout=60, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no unit offline")
    found = re.search(r"Overall exposure level for dualsync.service: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found.group(1)) <= EXPOSURE_MAX and done.returncode == 0, done.stdout
