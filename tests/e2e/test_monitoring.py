"""examples/monitoring: Debian's Prometheus, started by the example's one command, scrapes a daemon; and its files."""
from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from embedded_server import end_with_parent, stop_process
from mirror_daemon import ROOT
from test_metrics import KNOWN_LATER
from workload import filled
from world import World, eventually, patience

EXAMPLE = ROOT / "examples" / "monitoring"
CACHE = Path(os.environ.get("DUALSYNC_CACHE") or Path.home() / ".cache" / "dualsync")
TOOLS = os.pathsep.join((os.environ["PATH"], str(CACHE / "promtool")))
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
BILLS = 300


class Prometheus:
    """What it answers."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **query: str) -> dict | list:
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with DIRECT.open(url, timeout=patience(10)) as answer:
            reply = json.load(answer)
        assert reply["status"] == "success", reply
        return reply["data"]

    def value(self, question: str) -> float | None:
        found = self.get("query", query=question)["result"]
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def scrapes(self) -> bool:
        try:
            targets = self.get("targets", state="active")["activeTargets"]
        except OSError:
            return False
        return bool(targets) and all(target["health"] == "up" for target in targets)


@pytest.fixture
def started(world: World) -> Iterator[tuple[Prometheus, Path]]:
    if shutil.which("prometheus", path=TOOLS) is None:
        pytest.skip("no prometheus here; tools/setup.sh promtool gets Debian's")
    filled(world.db, "bills", BILLS)
    daemon = world.mirror()
    # The first copy is no operation; these are.
    world.db.bills.update_many({}, {"$set": {"paid": True}})
    world.settle()
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    work, log = world.folder / "monitoring", world.folder / "prometheus.log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            [str(EXAMPLE / "monitor.py"), "--data", str(daemon.data), "--work", str(work), "--listen", address,
             "--interval", "1s"], stdout=told, stderr=told, env={**os.environ, "PATH": TOOLS},
            preexec_fn=end_with_parent)
    try:
        yield Prometheus(address), work
        assert process.poll() is None, log.read_text()
    finally:
        stop_process(process, 30)


def check_rules(prometheus: Prometheus) -> None:
    eventually(lambda: all(rule["health"] == "ok" for group in prometheus.get("rules")["groups"]
                           for rule in group["rules"]), 20, "every rule was evaluated")
    told = {rule["name"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]}
    alerts = yaml.safe_load((ROOT / "packaging/prometheus/alerts.yml").read_text())
    assert told == {rule["alert"] for group in alerts["groups"] for rule in group["rules"]}
    firing = [alert["labels"] for alert in prometheus.get("alerts")["alerts"] if alert["state"] == "firing"]
    assert not firing, "a healthy mirror"


def check_dashboard(prometheus: Prometheus) -> None:
    panels = json.loads((ROOT / "packaging/grafana/dualsync.json").read_text())["panels"]
    # Grafana fills in its variables.
    asked = {re.sub(r"\$__\w+", "1m", target["expr"]).replace("$instance", ".*")
             for panel in panels for target in panel.get("targets", [])}
    asked = {text for text in asked if not set(re.findall(r"dualsync_[a-z_]+", text)) & KNOWN_LATER}
    assert len(asked) > 15
    # A rate wants two samples.
    eventually(lambda: all(prometheus.get("query", query=text)["result"] for text in asked), 20,
               "an answer to every question of the dashboard")


def test_prometheus_scrapes_the_daemon(started: tuple[Prometheus, Path], world: World) -> None:
    prometheus, work = started
    eventually(prometheus.scrapes, 30, "the daemon is scraped")
    assert prometheus.value('up{job="dualsync"}') == 1
    eventually(lambda: prometheus.value("dualsync_operations_captured_total")
               == world.first.metrics()["totalOperations"] >= BILLS, 20, "as the API says")
    assert prometheus.value('dualsync_health{verdict="healthy"}') == 1
    assert (work / "token").stat().st_mode & 0o077 == 0
    check_rules(prometheus)
    check_dashboard(prometheus)


def test_a_daemon_that_does_not_run_is_named(tmp_path: Path) -> None:
    done = subprocess.run([str(EXAMPLE / "monitor.py"), "--data", str(tmp_path), "--work", str(tmp_path / "work")],
                          capture_output=True, text=True, timeout=patience(30), check=False)
    assert done.returncode == 1 and "Is dualsync running" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.no_binary
def test_promtool_takes_the_configuration(tmp_path: Path) -> None:
    promtool = shutil.which("promtool", path=TOOLS)
    if promtool is None:
        pytest.skip("no promtool here; Debian's package prometheus brings it")
    for name, source in (("prometheus.yml", EXAMPLE / "prometheus.yml"),
                         ("alerts.yml", ROOT / "packaging/prometheus/alerts.yml")):
        shutil.copy(source, tmp_path / name)
    (tmp_path / "token").write_text("secret")
    (tmp_path / "targets.json").write_text('[{"targets": ["127.0.0.1:8787"]}]')
    done = subprocess.run([promtool, "check", "config", "prometheus.yml"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=patience(60), check=False)
    assert done.returncode == 0 and "rules found" in done.stdout, done.stdout + done.stderr


@pytest.mark.no_binary
def test_the_containers_find_their_files() -> None:
    services = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]
    assert set(services) == {"prometheus", "grafana"}
    mounted = {place.split(":")[1]: place.split(":")[0] for place in services["grafana"]["volumes"]}
    for target, source in mounted.items():
        assert (EXAMPLE / source).is_file(), source
        assert target.endswith(Path(source).suffix)
    provider, = yaml.safe_load((EXAMPLE / "grafana/dashboards.yml").read_text())["providers"]
    assert any(Path(target).parent == Path(provider["options"]["path"]) for target in mounted)
    # What the file asks of the environment, monitor.py gives it.
    wanted = set(re.findall(r"\$\{(\w+)", (EXAMPLE / "compose.yaml").read_text()))
    given = set(re.findall(r'"(MONITOR_\w+)":', (EXAMPLE / "monitor.py").read_text()))
    assert wanted == given
    source, = yaml.safe_load((EXAMPLE / "grafana/datasource.yml").read_text())["datasources"]
    listens = next(word for word in services["prometheus"]["command"] if word.startswith("--web.listen-address="))
    assert source["url"] == f"http://{listens.partition('=')[2]}"
