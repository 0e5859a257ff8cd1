#!/usr/bin/env python3
"""Installs the Debian packages into a bare Debian 12, mirrors with them, upgrades, removes and purges them.

Run      tools/try_packages.py [--build DIR]   as root, with debootstrap; takes some minutes. Not part of ./test
Needs    a build of the release preset; the test servers (tools/setup.sh python fast-server)
Errors   exit 1 with the step that failed; nothing is left behind
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from embedded_server import EmbeddedServer, stop_process
from pymongo import MongoClient

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 900
NEWER = "99.0.0"
AS_SERVICE = ("setpriv", "--reuid=dualsync", "--regid=dualsync", "--clear-groups")
DOCUMENTS = 1000


def run(*command: str, **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def expect(condition: object, what: str) -> None:
    if not condition:
        sys.exit(f"FAILED: {what}")
    print(f"  {what}")


class Machine:
    """A bare Debian 12 in a folder; it shares the network."""

    def __init__(self, root: Path) -> None:
        self.root = root
        run("debootstrap", "--variant=minbase", "bookworm", str(root))
        for place in ("etc/apt/sources.list", "etc/resolv.conf"):
            if (Path("/") / place).exists():
                shutil.copy(Path("/") / place, root / place)
        for place in ("etc/apt/apt.conf.d", "etc/apt/sources.list.d"):
            shutil.copytree(Path("/") / place, root / place, dirs_exist_ok=True)
        run("mount", "-t", "proc", "proc", str(root / "proc"))
        self("apt-get", "update")

    def __call__(self, *command: str) -> str:
        return run("chroot", str(self.root), *command)

    def install(self, package: Path) -> None:
        shutil.copy(package, self.root / "tmp" / package.name)
        self("apt-get", "install", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confdef",
             f"/tmp/{package.name}")

    def service(self, *command: str) -> str:
        """As the unit does it: the service's user, in /etc/dualsync."""
        return self("sh", "-c", f"cd /etc/dualsync && SYNC_DATA_DIR=/var/lib/dualsync {' '.join(AS_SERVICE)} "
                                f"dualsync {' '.join(command)}")

    def daemon(self) -> subprocess.Popen:
        (self.root / "var/lib/dualsync").mkdir(exist_ok=True)  # systemd's StateDirectory
        self("chown", "dualsync:", "/var/lib/dualsync")
        return subprocess.Popen(["chroot", str(self.root), "sh", "-c",
                                 f"cd /etc/dualsync && exec env SYNC_DATA_DIR=/var/lib/dualsync {' '.join(AS_SERVICE)} "
                                 "dualsync run >>/tmp/dualsync.log 2>&1"])

    def close(self) -> None:
        subprocess.run(["umount", str(self.root / "proc")], check=False)


def newer_package(package: Path, work: Path) -> Path:
    """The same, of a later version."""
    content = work / "newer"
    run("dpkg-deb", "-R", str(package), str(content))
    control = content / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    control.write_text("\n".join(f"Version: {NEWER}" if line.startswith("Version:") else line for line in lines) + "\n")
    made = work / f"dualsync_{NEWER}_amd64.deb"
    run("dpkg-deb", "-b", str(content), str(made))
    return made


def wait_until_mirrored(machine: Machine) -> None:
    deadline = time.monotonic() + 60
    while not (machine.root / "var/lib/dualsync/api-address").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    machine.service("wait", "--timeout", "60")


def trial(machine: Machine, package: Path, work: Path, local: EmbeddedServer, backup: EmbeddedServer) -> None:
    things = MongoClient(local.uri()).shop.things
    copy = MongoClient(backup.uri()).shop.things
    things.insert_many([{"_id": number} for number in range(DOCUMENTS)])

    print("install")
    machine.install(package)
    settings = machine.root / "etc/dualsync/dualsync.env"
    expect(settings.stat().st_mode & 0o777 == 0o640, "its settings are for root and the service only")
    settings.write_text(f"SYNC_ENABLED=true\nMONGODB_LOCAL_URI={local.uri('shop')}\nMONGODB_ATLAS_URI={backup.uri()}\n"
                        "SYNC_HTTP_LISTEN=127.0.0.1:0\n")
    daemon = machine.daemon()
    wait_until_mirrored(machine)
    expect(copy.count_documents({}) == DOCUMENTS, "it mirrors, as a user of its own, with the settings in /etc")
    expect(json.loads(machine.service("verify", "--json"))["equal"] is True, "local and backup are equal")
    expect(stop_process(daemon, 30) == 0, "it stops")

    print("upgrade")
    machine.install(newer_package(package, work))
    expect(NEWER in machine("dpkg-query", "-W", "dualsync"), "the newer one is installed")
    expect("SYNC_ENABLED=true" in settings.read_text(), "the settings are kept")
    things.insert_one({"_id": "later"})
    (machine.root / "var/lib/dualsync/api-address").unlink(missing_ok=True)
    daemon = machine.daemon()
    wait_until_mirrored(machine)
    log = (machine.root / "tmp/dualsync.log").read_text()
    expect("change stream resumed" in log and copy.count_documents({}) == DOCUMENTS + 1, "it goes on where it was")
    expect(stop_process(daemon, 30) == 0, "it stops")

    print("remove, purge")
    machine("apt-get", "remove", "-y", "dualsync")
    expect(not (machine.root / "usr/bin/dualsync").exists(), "the program is gone")
    expect(settings.exists() and (machine.root / "var/lib/dualsync/queue").exists(), "settings and queue are not")
    machine("apt-get", "purge", "-y", "dualsync")
    left = [place for place in ("etc/dualsync", "var/lib/dualsync", "lib/systemd/system/dualsync.service")
            if (machine.root / place).exists()]
    expect(not left, f"nothing is left {left or ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="the build to pack")
    build = parser.parse_args().build.resolve()
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        sys.exit("try_packages: this needs root, and debootstrap (apt-get install debootstrap)")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run("cpack", "-B", str(work / "packages"), cwd=build)
        package = next((work / "packages").glob("dualsync_*.deb"))
        machine = Machine(work / "debian")
        try:
            with EmbeddedServer(work / "local", work / "local.log") as local, \
                    EmbeddedServer(work / "backup", work / "backup.log") as backup:
                trial(machine, package, work, local, backup)
        finally:
            machine.close()
    print("try_packages: all passed")


if __name__ == "__main__":
    main()
