"""The packages of this build: what is in them, that they run out of their folder, what lintian and systemd say of them.

Installing, upgrading, removing and purging on a bare Debian is tools/try_packages.py, which needs root and a network.
"""
from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from embedded_server import stop_process
from mirror_daemon import ROOT
from test_embed import build_directory, run
from world import eventually

# lintian's tag -> why it may stand. docs/packages.md says so too.
LINTIAN = {"maintainer-script-calls-systemctl": "written by hand, without debhelper; they ask whether systemd runs",
           "maintscript-calls-ldconfig": "made by CPack; what a trigger would do too",
           "pkg-config-unavailable-for-cross-compilation": "the library lies in /usr/lib: one architecture at a time"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive and the Debian packages, each of these also unpacked, as its name's first part."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all workers: the first one makes them
    folder, made = shared / "packages", shared / "packages.made"
    with (shared / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            run("cpack", "-B", str(folder), cwd=build_directory())
            for package in folder.glob("*.deb"):
                run("dpkg-deb", "-R", str(package), str(folder / package.name.partition("_")[0]))
            made.touch()
    return folder


def contents(package: Path) -> set[str]:
    return {str(place.relative_to(package)) for place in package.rglob("*") if not place.is_dir() or place.is_symlink()}


def control(package: Path) -> dict[str, str]:
    lines = (package / "DEBIAN" / "control").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(" "))


def test_the_service_and_its_settings(packages: Path) -> None:
    tool = packages / "dualsync"
    assert {"usr/bin/dualsync", "lib/systemd/system/dualsync.service", "etc/dualsync/dualsync.env", "etc/dualsync/.env",
            "usr/share/man/man1/dualsync.1.gz", "usr/share/bash-completion/completions/dualsync",
            "usr/share/zsh/vendor-completions/_dualsync", "usr/share/doc/dualsync/settings.md",
            "usr/share/doc/dualsync/copyright"} <= contents(tool)
    kept = (tool / "DEBIAN" / "conffiles").read_text()
    assert kept == "/etc/dualsync/dualsync.env\n", "an upgrade keeps the settings"
    assert os.readlink(tool / "etc/dualsync/.env") == "dualsync.env"
    depends = control(tool)["Depends"]
    assert "adduser" in depends and "libmongoc" in depends and "librocksdb" in depends, depends
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", str(tool / "DEBIAN" / script))


def test_the_packaged_program_reads_the_packaged_settings(packages: Path, tmp_path: Path) -> None:
    tool = packages / "dualsync"
    environment = {"PATH": os.environ["PATH"], "SYNC_DATA_DIR": str(tmp_path / "data"),
                   "SYNC_HTTP_LISTEN": "127.0.0.1:0"}
    log = tmp_path / "log"
    with log.open("wb") as told:
        daemon = subprocess.Popen([str(tool / "usr/bin/dualsync"), "run"], cwd=tool / "etc/dualsync", env=environment,
                                  stdout=told, stderr=told)
    try:
        eventually(lambda: "SYNC_ENABLED is not true" in log.read_text(), 30, "it says that the mirror is off")
    finally:
        assert stop_process(daemon, 30) == 0


def test_the_library(packages: Path) -> None:
    library, development = packages / "libdualsync0.1", packages / "libdualsync-dev"
    assert any(name.endswith("/libdualsync.so.0.1") for name in contents(library))
    assert not any("include/" in name or name.endswith(".so") for name in contents(library))
    assert {"usr/include/dualsync/engine.h"} <= contents(development)
    for ending in ("/libdualsync.so", "/pkgconfig/dualsync.pc", "/cmake/dualsync/dualsyncConfig.cmake"):
        assert any(name.endswith(ending) for name in contents(development)), ending
    assert "libmongoc" in control(library)["Depends"]
    version = control(library)["Version"]
    assert f"libdualsync0.1 (= {version})" in control(development)["Depends"]
    assert (library / "DEBIAN" / "shlibs").read_text().startswith("libdualsync 0.1 libdualsync0.1")


def test_pkg_config_finds_it_where_it_lies(packages: Path, tmp_path: Path) -> None:
    together = tmp_path / "root"
    for package in ("libdualsync0.1", "libdualsync-dev"):
        shutil.copytree(packages / package, together, symlinks=True, dirs_exist_ok=True)
    folder = next(together.rglob("dualsync.pc")).parent
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "dualsync"], capture_output=True, text=True, check=True,
                           env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).stdout
    includes = [Path(flag[2:]).resolve() for flag in flags.split() if flag.startswith("-I")]
    assert (together / "usr/include").resolve() in includes, flags


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit(packages: Path, tmp_path: Path) -> None:
    unit = (packages / "dualsync/lib/systemd/system/dualsync.service").read_text()
    assert "ExecStart=/usr/bin/dualsync run" in unit
    mine = tmp_path / "dualsync.service"
    mine.write_text(unit.replace("/usr/bin/dualsync", str(packages / "dualsync/usr/bin/dualsync")))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(mine)],
                          capture_output=True, text=True, timeout=60, check=False)
    told = [line for line in done.stderr.splitlines() if "dualsync" in line]
    assert done.returncode == 0 and not told, done.stderr


def test_the_archive_can_lie_anywhere(packages: Path, tmp_path: Path) -> None:
    archive, = packages.glob("*.tar.gz")
    names = [PurePosixPath(name) for name in run("tar", "-tzf", str(archive)).splitlines()]
    run("tar", "-xzf", str(archive), "-C", str(tmp_path))
    top = archive.name.removesuffix(".tar.gz")
    version = run(str(packages / "dualsync/usr/bin/dualsync"), "--version").split()[-1]
    assert top.startswith(f"dualsync-{version}-linux-")
    assert all(name.parts[0] == top for name in names), "one folder"
    there = {str(name.relative_to(top)) for name in names}
    assert {"bin/dualsync", "include/dualsync/engine.h", "lib/libdualsync.so", "share/man/man1/dualsync.1.gz",
            "share/doc/dualsync/dualsync.service", "share/doc/dualsync/dualsync.env", "share/doc/dualsync/LICENSE",
            "share/doc/dualsync/packages.md"} <= there
    assert not [name for name in there if name.startswith(("etc", "usr"))]
    assert run(str(tmp_path / top / "bin/dualsync"), "--version").split()[-1] == version


def test_their_changelog_and_maintainer(packages: Path) -> None:
    for name in ("dualsync", "libdualsync0.1", "libdualsync-dev"):
        folder = packages / name / "usr/share/doc" / name
        told = run("zcat", str(folder / "changelog.gz")).splitlines()[0]
        assert told.startswith(f"dualsync ({control(packages / name)['Version']}) ")
        assert "## [Unreleased]" in run("zcat", str(folder / "CHANGELOG.md.gz"))
        assert control(packages / name)["Maintainer"] == "dualsync maintainers <dualsync@example.invalid>"


@pytest.mark.skipif(shutil.which("lintian") is None, reason="lintian is not installed")
def test_lintian_has_nothing_new_to_say(packages: Path) -> None:
    told = subprocess.run(["lintian", "--allow-root", *map(str, sorted(packages.glob("*.deb")))], capture_output=True,
                          text=True, timeout=300, check=False).stdout.splitlines()
    found = {line.split()[2] for line in told if line[:2] in ("E:", "W:")}
    assert found <= set(LINTIAN), "\n".join(told)
    pages = (ROOT / "docs/packages.md").read_text()
    assert all(f"`{tag}`" in pages for tag in LINTIAN)
