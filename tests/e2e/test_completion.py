"""Completion in real shells, and the man page in a real formatter."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parent.parent.parent / "packaging"
BASH = PACKAGING / "completions" / "dualsync.bash"
ZSH = PACKAGING / "completions" / "_dualsync"
MAN = PACKAGING / "man" / "dualsync.1"

pytestmark = pytest.mark.no_binary


def completed(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of `words`."""
    script = f"""
source {BASH}
COMP_WORDS=(dualsync "$@")
COMP_CWORD=$#
_dualsync
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], cwd=folder, capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def test_bash_completes_commands_flags_and_values(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("")
    assert {"run", "status", "doctor", "queue"} <= set(completed(tmp_path, ""))
    assert "internal" not in completed(tmp_path, "")
    assert completed(tmp_path, "ver") == ["verify", "version"]
    assert completed(tmp_path, "queue", "exp") == ["export"]
    assert completed(tmp_path, "queue", "list", "--js") == ["--json"]
    assert "--lanes" in completed(tmp_path, "run", "--la")
    assert "--lanes" not in completed(tmp_path, "status", "--la")
    assert completed(tmp_path, "drill", "--compare-local", "a") == ["auto", "always"]
    assert completed(tmp_path, "run", "--ordering", "s") == ["strict"]
    assert completed(tmp_path, "queue", "import", "exp") == ["export.json"]
    assert completed(tmp_path, "wait", "--timeout", "") == [], "a number cannot be guessed"


def test_zsh_takes_its_file(tmp_path: Path) -> None:
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("no zsh here")
    script = (f"autoload -Uz compinit && compinit -u -d {tmp_path}/dump && source {ZSH} 2>/dev/null; "
              "whence -w _dualsync_queue_list")
    done = subprocess.run([zsh, "-f", "-n", str(ZSH)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    done = subprocess.run([zsh, "-f", "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert "_dualsync_queue_list: function" in done.stdout, done.stdout + done.stderr


def test_the_man_page_formats_without_a_warning() -> None:
    formatter = shutil.which("groff") or shutil.which("mandoc")
    if formatter is None:
        pytest.skip("neither groff nor mandoc here")
    arguments = ["-man", "-Tutf8", "-ww"] if formatter.endswith("groff") else ["-Tlint"]
    done = subprocess.run([formatter, *arguments, str(MAN)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    plain = re.sub(".\b", "", done.stdout)  # bold by overstriking
    assert "dualsync queue import" in plain or formatter.endswith("mandoc")
