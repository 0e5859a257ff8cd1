#!/usr/bin/env python3
"""Does on a bare Debian 12 what the README says: clones the project and runs the README's two commands.

Run      tools/fresh_machine.py [--run COMMAND]... [--log FILE] [--work DIR]   as root, with debootstrap and a network
         Without --run: ./quickstart, then ./test. All of it takes about an hour on two idle processors;
         --run ./quickstart about ten minutes. Not part of ./test
Tries    the last commit. What is not committed is not tried, and it says so
Brings   nothing but debootstrap's smallest system, git and certificates. How this machine reaches its package
         registries (sources of apt, settings of pip, npm, cargo and go, proxies, certificates) is copied in
Life     commands run in a process and a mount namespace of their own: whatever they leave behind ends with them
Errors   exit 1 if a step failed; the log says which
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("./quickstart", "./test")
PREPARE_SECONDS, COMMAND_SECONDS = 1200, 3 * 3600
# A variable tells how to reach a registry, and files do. Anything else of this machine stays outside.
NETWORK_VARIABLE = re.compile(r"(?:https?|ftp|all|no)_proxy|GO(?:PROXY|SUMDB|NOSUMDB|NOSUMCHECK|PRIVATE|INSECURE)|"
                              r"PIP_(?:INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|DEFAULT_TIMEOUT|PROXY)|"
                              r"NPM_CONFIG_\w+|CARGO_(?:HTTP|NET|REGISTRIES|SOURCE)_\w+|NODE_EXTRA_CA_CERTS|"
                              r"(?:REQUESTS|CURL)_CA_BUNDLE|SSL_CERT_(?:FILE|DIR)|DUALSYNC_(?:JOBS|FAST_SERVER)",
                              re.IGNORECASE)
HOME_FILES = (".config/pip/pip.conf", ".pip/pip.conf", ".npmrc", ".cargo/config.toml", ".cargo/config")
MOUNTED = ('mount --make-rprivate / && mount -t proc proc "$0/proc" && mount -t tmpfs -o mode=1777 shm "$0/dev/shm" '
           '&& mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts" && exec chroot "$0" "$@"')


class Failed(RuntimeError):
    """A step that did not do what it should."""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PREPARE_SECONDS, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout.strip()


class Machine:
    """A bare Debian 12 in a folder. It shares the network and the processors, nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {name: value for name, value in os.environ.items() if NETWORK_VARIABLE.fullmatch(name)}
        self.environment |= {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                             "LANG": "C.UTF-8", "TERM": "dumb"}

    def build(self) -> None:
        run("debootstrap", "--variant=minbase", "bookworm", str(self.root))
        self._copy_network()
        for path in ("dev/shm", "dev/pts"):
            (self.root / path).mkdir(exist_ok=True)
        self.must("apt-get", "update")
        self.must("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", "git",
                  "ca-certificates")
        self.must("update-ca-certificates")

    def _copy_network(self) -> None:
        files = [Path("/etc/resolv.conf"), Path("/etc/hosts"), Path("/etc/pip.conf"), Path("/etc/apt/sources.list"),
                 *Path("/etc/apt/sources.list.d").glob("debian.*"),
                 *Path("/usr/local/share/ca-certificates").glob("*.crt")]
        # Settings of apt that hook into other programs of this machine would fail there.
        files += [file for file in Path("/etc/apt/apt.conf.d").glob("*")
                  if re.search(r"^\s*Acquire::", file.read_text(), re.MULTILINE)]
        copies = [(file, self.root / file.relative_to("/")) for file in files]
        copies += [(Path.home() / name, self.root / "root" / name) for name in HOME_FILES]
        for source, target in copies:
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                shutil.copyfile(source, target)
        if any(Path("/etc/apt/sources.list.d").glob("debian.*")) and not Path("/etc/apt/sources.list").exists():
            (self.root / "etc/apt/sources.list").unlink(missing_ok=True)

    def command(self, *command: str) -> list[str]:
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", MOUNTED, str(self.root), *command]

    def must(self, *command: str) -> str:
        done = subprocess.run(self.command(*command), env=self.environment, capture_output=True, text=True,
                              timeout=PREPARE_SECONDS, check=False)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout.strip()


class Log:
    """Every line to the terminal and to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.file = path.open("w")
        self.started = time.monotonic()

    def say(self, line: str) -> None:
        print(line, flush=True)
        self.file.write(line + "\n")
        self.file.flush()

    def step(self, what: str) -> None:
        self.say(f"\n#### {time.monotonic() - self.started:6.0f} s  {what}")


def run_logged(log: Log, command: list[str], environment: dict[str, str]) -> int:
    """Standard input is nothing, as in continuous integration: quickstart then ends after its proof."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    deadline = time.monotonic() + COMMAND_SECONDS
    try:
        for line in process.stdout or ():
            log.say(line.rstrip("\n"))
            if time.monotonic() > deadline:
                raise Failed(f"not done after {COMMAND_SECONDS} s")
        return process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def trial(log: Log, folder: Path, commands: list[str]) -> list[tuple[str, int, float]]:
    machine = Machine(folder / "debian")
    log.step("a bare Debian 12: debootstrap, git, certificates")
    machine.build()
    log.say(f"Debian {(machine.root / 'etc/debian_version').read_text().strip()}, "
            f"{len(machine.must('dpkg-query', '-W', '-f', '.'))} packages, {os.cpu_count()} processors")
    # A worktree keeps its objects elsewhere; a bare clone has them all.
    run("git", "clone", "-q", "--bare", "--no-hardlinks", str(ROOT), str(machine.root / "srv/dualsync.git"))
    log.step("git clone <this repository> dualsync")
    machine.must("git", "clone", "-q", "/srv/dualsync.git", "/srv/dualsync")
    log.say(machine.must("git", "-C", "/srv/dualsync", "log", "-1", "--format=%h %s"))
    outcomes = []
    for command in commands:
        log.step(command)
        started = time.monotonic()
        code = run_logged(log, machine.command("bash", "-c", f"cd /srv/dualsync && {command}"), machine.environment)
        outcomes.append((command, code, time.monotonic() - started))
        if code != 0:
            break
    return outcomes


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="append", metavar="COMMAND", help=f"instead of: {', '.join(COMMANDS)}")
    parser.add_argument("--log", type=Path, default=ROOT / "build" / "fresh-machine.log")
    parser.add_argument("--work", type=Path, help="where to put the system (some gigabytes)")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        print("fresh_machine: this needs root, and debootstrap (apt-get install debootstrap)", file=sys.stderr)
        return 2
    log = Log(arguments.log)
    if arguments.work is not None:
        arguments.work.mkdir(parents=True, exist_ok=True)
    if run("git", "-C", str(ROOT), "status", "--porcelain"):
        log.say("what is not committed is not tried")
    with tempfile.TemporaryDirectory(prefix="fresh-machine.", dir=arguments.work) as folder:
        try:
            outcomes = trial(log, Path(folder), arguments.run or list(COMMANDS))
        except (Failed, subprocess.TimeoutExpired) as error:
            log.say(f"\nFAILED: {error}")
            return 1
    log.step("fresh machine")
    for command, code, seconds in outcomes:
        verdict = "passed" if code == 0 else f"FAILED (exit {code})"
        log.say(f"{seconds:7.0f} s  {command}  {verdict}")
    return 1 if any(code for _, code, _ in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
