"""The Dockerfile: what hadolint says of it, and that what .dockerignore leaves of the tree is enough to build from.

No image was built by this test: that needs a container engine and a registry of images.
"""
from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from mirror_daemon import ROOT
from world import patience

DOCKERFILE = ROOT / "Dockerfile"
HADOLINT = Path(sys.executable).parent / "hadolint"

pytestmark = pytest.mark.no_binary


def lint(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HADOLINT), "-"], input=text, capture_output=True, text=True, timeout=patience(60),
                          check=False)


def test_hadolint_has_nothing_to_say() -> None:
    done = lint(DOCKERFILE.read_text())
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_would_say_something() -> None:
    done = lint(DOCKERFILE.read_text().replace("--no-install-recommends ", "").replace("bookworm-slim", "latest"))
    assert done.returncode != 0 and "DL3015" in done.stdout and "DL3007" in done.stdout, done.stdout


def sent_to_the_builder() -> list[Path]:
    """Git's files less what .dockerignore leaves out: the last pattern that matches a path or its parents wins."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, timeout=patience(60), check=True).stdout.splitlines()
    sent = []
    for name in listed:
        places = [name, *(str(parent) for parent in Path(name).parents)]
        last = [line for line in patterns if any(fnmatch(place, line.lstrip("!")) for place in places)][-1]
        if last.startswith("!") and (ROOT / name).is_file():
            sent.append(Path(name))
    return sent


def test_what_is_sent_is_enough_and_not_more(tmp_path: Path) -> None:
    sent = sent_to_the_builder()
    assert not [name for name in sent if name.parts[0] in ("tests", "bindings", ".git") or "images" in name.parts]
    for name in sent:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    text = DOCKERFILE.read_text()
    configure = re.search(r"cmake (--preset release [^\\]*)\\", text).group(1).split()
    for command in (["cmake", *configure], ["ninja", "-C", "build/release", "-n", "all"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=patience(120), check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "build/release/CPackConfig.cmake").exists()
    for source in re.findall(r"^COPY (\S+) ", text, re.MULTILINE):
        assert source == "." or source.startswith("--from=") or (tmp_path / source).is_file(), source
