"""Fixtures of the whole-program tests: `world` (the session's servers), `own_world` (servers of its own)."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from mirror_daemon import find_binary  # noqa: E402  (needs the path above)
from world import BACKUP_VARIABLE, LOCAL_VARIABLE, Pair, World  # noqa: E402

WORLDS = pytest.StashKey[list]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "no_binary: needs servers only, not the dualsync binary")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The main job first: it is what the product is for, and its failure explains others.
    items.sort(key=lambda item: "test_main_job" not in item.nodeid)


@pytest.fixture(autouse=True)
def _binary(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("no_binary") is None and not os.access(find_binary(), os.X_OK):
        pytest.fail(f"no dualsync binary at {find_binary()}; build it or set DUALSYNC_BINARY", pytrace=False)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The servers of the whole session: DUALSYNC_TEST_*_URI if both are set, else an embedded pair."""
    local, backup = os.environ.get(LOCAL_VARIABLE), os.environ.get(BACKUP_VARIABLE)
    if bool(local) != bool(backup):
        pytest.exit(f"set both {LOCAL_VARIABLE} and {BACKUP_VARIABLE}, or none", returncode=2)
    if local and backup:
        yield Pair(local, backup)
        return
    pair = Pair.embedded(tmp_path_factory.mktemp("servers"))
    yield pair
    pair.stop()


@pytest.fixture
def world(servers: Pair, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(servers, tmp_path)
    request.node.stash.setdefault(WORLDS, []).append(made)
    yield made
    made.close()


@pytest.fixture
def own_world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """Embedded servers that the test may stop, whatever servers the session uses."""
    pair = Pair.embedded(tmp_path)
    made = World(pair, tmp_path)
    request.node.stash.setdefault(WORLDS, []).append(made)
    try:
        yield made
    finally:
        for daemon in made.daemons:
            daemon.stop()
        made.local.close()
        made.backup.close()
        pair.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    if report.when == "call" and report.failed:
        for world in item.stash.get(WORLDS, []):
            for daemon in world.daemons:
                report.sections.append((f"end of {daemon.log.name} in {daemon.folder.name}", daemon.log_tail()))
    return report
