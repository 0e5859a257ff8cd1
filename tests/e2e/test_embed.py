"""libdualsync as it is installed, and examples/billing built against it: an application on a standalone local.

With comparing by the clock switched off, whatever is on the backup came through the middleware. Tried on the embedded
server's standalone mode only.
"""
from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror_daemon import find_binary
from test_standalone import alone  # noqa: F401  (a fixture)
from world import World, eventually, patience, with_database

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD_SECONDS = 300
QUIET = {"SYNC_RECONCILE_INTERVAL": "0", "SYNC_CANARY_INTERVAL": "0", "SYNC_HTTP_LISTEN": "127.0.0.1:0"}


def build_directory() -> Path:
    """Of the binary under test; its CMakeCache.txt says how to install it."""
    given = os.environ.get("DUALSYNC_BUILD_DIR")
    places = [Path(given)] if given else [*find_binary().resolve().parents, ROOT / "build" / "release"]
    for place in places:
        if (place / "CMakeCache.txt").exists():
            return place
    pytest.fail(f"no build directory above {find_binary()}; set DUALSYNC_BUILD_DIR", pytrace=False)


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=patience(BUILD_SECONDS),
                          check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", str(build_directory()), "--prefix", str(prefix))
    return prefix


@pytest.fixture(scope="module")
def billing(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("billing")
    run("cmake", "-S", str(ROOT / "examples" / "billing"), "-B", str(build), f"-DCMAKE_PREFIX_PATH={installed}",
        "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
    run("cmake", "--build", str(build))
    return build / "billing"


class Desk:
    """The example, driven line by line as a person would."""

    def __init__(self, world: World, program: Path, **settings: str) -> None:
        self.environment = {**os.environ, **QUIET, "SYNC_DATA_DIR": str(world.folder / "data"),
                            "MONGODB_LOCAL_URI": with_database(world.pair.local_uri, world.database),
                            "MONGODB_ATLAS_URI": world.pair.backup_uri, **settings}
        self.program = program
        self.log = world.folder / "billing.log"
        self.lines: queue.Queue[str] = queue.Queue()
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Desk:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(self.program)], env=self.environment, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        assert self.answer() == "ready"
        assert self.answer().startswith("open <customer>")
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.put(line.rstrip("\n"))

    def answer(self) -> str:
        try:
            return self.lines.get(timeout=patience(60))
        except queue.Empty:
            raise AssertionError(f"no answer\n{self.log.read_text()}") from None

    def say(self, line: str) -> str:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def quit(self) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        assert self.process.wait(patience(60)) == 0, self.log.read_text()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture
def desks() -> Iterator[list[Desk]]:
    made: list[Desk] = []
    yield made
    for desk in made:
        if desk.process is not None and desk.process.poll() is None:
            desk.kill()


def test_a_day_at_the_desk(alone: World, billing: Path, desks: list[Desk]) -> None:  # noqa: F811
    desk = Desk(alone, billing).start()
    desks.append(desk)
    assert desk.say("list") == "no bills"
    assert [desk.say(f"open {name} {cents}") for name, cents in (("ann", 1250), ("bob", 300), ("ann", 999))] == [
        "bill 1", "bill 2", "bill 3"]
    assert desk.say("add 2 55") == "done"
    assert desk.say("pay 1") == "done"
    assert desk.say("pay 1") == "there is no open bill 1"
    assert desk.say("remind") == "2 reminded"
    assert desk.say("forget ann") == "2 forgotten"
    assert desk.say("open").startswith("error: something is missing")
    assert desk.say("list") == "2  bob  3.55  open"
    assert desk.say("backup") == "everything is on the backup"
    assert alone.differences() == []
    assert alone.copy.bills.find_one()["reminders"] == 1
    assert alone.copy.counters.find_one()["last"] == 3
    # The commands find the engine as they find a daemon.
    status = json.loads(subprocess.run([str(find_binary()), "status", "--json"], env=desk.environment, text=True,
                                       capture_output=True, timeout=patience(30), check=True).stdout)
    assert status["capture"]["state"] == "standalone" and status["metrics"]["queueSize"] == 0
    equal = subprocess.run([str(find_binary()), "verify"], env=desk.environment, text=True, capture_output=True,
                           timeout=patience(60), check=False)
    assert equal.returncode == 0, equal.stdout + equal.stderr
    desk.quit()


def test_a_desk_that_is_killed_and_opened_again(alone: World, billing: Path, desks: list[Desk]) -> None:  # noqa: F811
    desk = Desk(alone, billing).start()
    desks.append(desk)
    assert desk.say("open ann 100") == "bill 1"
    desk.kill()
    alone.db.bills.insert_one({"_id": 99, "customer": "what it had written but not told"})
    again = Desk(alone, billing).start()
    desks.append(again)
    eventually(lambda: not alone.differences(), 60, "everything is compared")
    assert again.say("open bob 5") == "bill 2"
    assert again.say("backup") == "everything is on the backup"
    assert alone.differences() == []
    again.quit()


def test_wrong_settings_are_named(alone: World, billing: Path) -> None:  # noqa: F811
    desk = Desk(alone, billing, SYNC_LANES="none")
    done = subprocess.run([str(billing)], env=desk.environment, capture_output=True, text=True, timeout=patience(60),
                          check=False)
    assert done.returncode == 1 and "SYNC_LANES is \"none\"" in done.stderr, done.stderr


def test_pkg_config_finds_it(installed: Path, tmp_path: Path) -> None:
    config = next(installed.rglob("dualsync.pc")).parent
    source = tmp_path / "main.cc"
    source.write_text("#include <dualsync/engine.h>\n#include <cstdio>\n"
                      "int main() { std::puts(dualsync::version()); }\n")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "dualsync"], capture_output=True, text=True, check=True,
                           env={**os.environ, "PKG_CONFIG_PATH": str(config)}).stdout.split()
    program = tmp_path / "main"
    # The prefix is decided when it is configured; here it was installed elsewhere.
    run("c++", "-std=c++20", str(source), "-o", str(program), f"-I{installed / 'include'}", f"-L{config.parent}",
        *flags, f"-Wl,-rpath,{config.parent}")
    assert run(str(program)).strip() == run(str(find_binary()), "--version").split()[-1].strip()


def test_only_its_interface_can_be_seen(installed: Path) -> None:
    library = next(installed.rglob("libdualsync.so"))
    names = run("nm", "--dynamic", "--defined-only", "--demangle", str(library)).splitlines()
    symbols = [line.split(maxsplit=2)[2] for line in names]
    ours = [name for name in symbols if "@" not in name or name.startswith("dualsync::")]
    assert any(name.startswith("dualsync::Engine::start") for name in ours)
    strangers = [name for name in ours if not name.startswith(("dualsync::Engine", "dualsync::Middleware",
                                                              "dualsync::version"))]
    assert strangers == []
    dynamic = run("readelf", "-d", str(library))
    assert "soname: [libdualsync.so.0.1]" in dynamic
