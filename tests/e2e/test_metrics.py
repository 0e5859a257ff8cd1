"""`GET /metrics`: what a scraper reads is what the API says, and what the alerts and the Grafana dashboard ask for."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from workload import filled
from world import HTTP_OK, World, eventually, patience

PACKAGING = Path(__file__).resolve().parent.parent.parent / "packaging"
NAME = re.compile(r"\bdualsync_[a-z_]+")
# Of a figure that is not known yet there is no sample.
KNOWN_LATER = {"dualsync_verified_until_timestamp_seconds", "dualsync_last_proven_restore_timestamp_seconds",
               "dualsync_health_reason", "dualsync_oplog_window_seconds"}


def scraped(world: World) -> dict[str, dict[tuple, float]]:
    """Name of each sample -> labels -> value."""
    reply = world.first.request("GET", "/metrics")
    assert reply.status == HTTP_OK
    text = reply.text
    samples: dict[str, dict[tuple, float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("dualsync_") and family.documentation, family.name
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            one = samples.setdefault(sample.name, {})
            assert labels not in one, f"twice: {sample.name} {labels}"
            one[labels] = sample.value
    return samples


def test_says_the_same_as_the_api(world: World) -> None:
    filled(world.db, "bills", 500)
    daemon = world.mirror()
    world.db.bills.update_many({}, {"$set": {"paid": True}})
    world.settle()
    samples = scraped(world)
    metrics = daemon.metrics()
    for name, member in (("operations_captured_total", "totalOperations"), ("queue_operations", "queueSize"),
                         ("operations_synced_total", "successfulSyncs"), ("operations_refused_total", "failedSyncs"),
                         ("queue_bytes", "queueBytes"), ("dead_letters", "deadLetters"),
                         ("sent_bytes_total", "bytesSent"), ("conflicts_total", "conflicts")):
        assert samples[f"dualsync_{name}"][()] == metrics[member], name
    assert samples["dualsync_health"] == {(("verdict", "healthy"),): 1, (("verdict", "degraded"),): 0,
                                          (("verdict", "unhealthy"),): 0}
    assert samples["dualsync_applied_position_timestamp_seconds"][()] == metrics["appliedPosition"]["t"]
    lags = samples["dualsync_replication_lag_seconds_bucket"]
    assert lags[(("le", "+Inf"),)] == samples["dualsync_replication_lag_seconds_count"][()] >= 500
    assert samples["dualsync_batch_duration_seconds_count"][()] >= 1
    assert 0 < samples["dualsync_replication_lag_seconds_sum"][()] < 500 * patience(60)


def test_counts_what_happens(world: World) -> None:
    daemon = world.mirror()
    assert daemon.request("POST", "/api/sync/pause").status == HTTP_OK
    world.db.bills.insert_one({"_id": 1})
    eventually(lambda: scraped(world)["dualsync_queue_operations"][()] > 0, 30, "the queue grows")
    samples = scraped(world)
    assert samples["dualsync_paused"][()] == 1
    assert samples["dualsync_health_reason"] == {(("code", "paused"),): 1}
    time.sleep(1.1)
    assert scraped(world)["dualsync_rpo_seconds"][()] > 0
    assert daemon.request("POST", "/api/sync/resume").status == HTTP_OK
    world.settle()
    assert scraped(world)["dualsync_rpo_seconds"][()] < 60


def asked_for() -> dict[str, set[str]]:
    rules = yaml.safe_load((PACKAGING / "prometheus" / "alerts.yml").read_text())
    alerts = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    panels = json.loads((PACKAGING / "grafana" / "dualsync.json").read_text())["panels"]
    asked = {title: set(NAME.findall(text)) for title, text in alerts.items()}
    for panel in panels:
        asked[panel["title"]] = {name for target in panel["targets"] for name in NAME.findall(target["expr"])}
    return asked


def test_alerts_and_grafana_ask_for_what_there_is(world: World) -> None:
    world.mirror()
    text = world.first.request("GET", "/metrics").text
    there = set(scraped(world)) | {f"{family.name}" for family in text_string_to_metric_families(text)}
    asked = asked_for()
    assert len(asked) > 20
    for title, names in asked.items():
        assert names or title == "DualsyncAbsent", f"{title} asks for nothing of dualsync"
        assert names <= there | KNOWN_LATER, f"{title}: {names - there}"
    assert all(f"# TYPE {name} " in text for name in KNOWN_LATER), "named even while there is no sample"


@pytest.mark.no_binary
def test_promtool_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here; Debian's package prometheus brings it")
    for arguments in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        done = subprocess.run([promtool, *arguments], cwd=PACKAGING / "prometheus", capture_output=True, text=True,
                              timeout=patience(60), check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_answer(world: World) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here; Debian's package prometheus brings it")
    world.mirror()
    text = world.first.request("GET", "/metrics").text
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True,
                          timeout=patience(60), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
