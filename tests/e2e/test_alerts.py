"""Alerts and the sign of life: what happens arrives at a real receiver, and a receiver that is away slows nothing."""
from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from workload import filled
from world import World, eventually


class Receiver:
    """An HTTP server on a free port that keeps every alert and counts the signs of life."""

    def __init__(self) -> None:
        self.alerts: list[dict] = []
        self.beats = 0
        self.logins: set[str | None] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.alerts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def do_GET(self) -> None:
                receiver.logins.add(self.headers["Authorization"])
                receiver.beats += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the test's own output is enough."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def of(self, event: str) -> list[dict]:
        return [alert for alert in self.alerts if alert["event"] == event]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_verdicts_arrive_and_the_sign_of_life_ends(own_world: World, receiver: Receiver) -> None:
    filled(own_world.db, "bills", 10)
    own_world.mirror(SYNC_ALERT_URL=receiver.url("/alerts"), SYNC_HEARTBEAT_URL=receiver.url("/alive"))
    eventually(lambda: receiver.beats > 0, 60, "a sign of life")
    known = len(receiver.alerts)
    own_world.pair.backup_server.stop()
    own_world.db.bills.insert_one({"_id": "during"})
    eventually(lambda: len(receiver.of("verdict")) > known, 60, "the change of the verdict arrives")
    alert = receiver.alerts[-1]
    assert (alert["product"], alert["status"], alert["previous"]) == ("dualsync", "degraded", "healthy")
    assert "breaker-open" in [reason["code"] for reason in alert["reasons"]] and alert["reasons"][0]["hint"]
    own_world.pair.backup_server.start()
    eventually(lambda: receiver.alerts[-1]["status"] == "healthy", 90, "and that it is over")
    own_world.settle()
    own_world.assert_equal()


def test_dead_letters_and_conflicts_arrive(world: World, receiver: Receiver) -> None:
    filled(world.db, "bills", 10)
    daemon = world.mirror(SYNC_MAX_RETRIES="1", SYNC_ALERT_URL=receiver.url("/"))
    world.db.people.insert_one({"_id": 1, "mail": "a@example.net"})
    world.settle()
    world.copy.people.create_index("mail", unique=True, name="planted")
    world.db.people.insert_one({"_id": 2, "mail": "a@example.net"})
    eventually(lambda: receiver.of("dead-letters"), 60, "the dead letter's alert")
    assert receiver.of("dead-letters")[0]["count"] == 1
    assert "example.net" not in json.dumps(receiver.alerts), "a document's content must not leave"
    world.copy.people.drop_index("planted")
    assert daemon.command("dead-letters", "retry", "--all").returncode == 0
    world.settle()
    world.copy.bills.update_one({"_id": 1}, {"$set": {"value": "changed behind our back"}})
    assert daemon.request("POST", "/api/sync/verify", body=b'{"repair": true}').status == 202
    eventually(lambda: receiver.of("conflict"), 60, "the conflict's alert")
    world.settle()
    world.assert_equal()


def test_a_receiver_that_is_away_slows_nothing(world: World) -> None:
    daemon = world.mirror(SYNC_ALERT_URL="http://127.0.0.1:9/nobody", SYNC_HEARTBEAT_URL="http://127.0.0.1:9/nobody")
    assert daemon.request("POST", "/api/sync/pause").status == 200
    assert daemon.request("POST", "/api/sync/resume").status == 200
    filled(world.db, "bills", 2_000)
    world.settle()
    world.assert_equal()
    eventually(lambda: any("SYNC_HEARTBEAT_URL does not answer" in line.get("message", "")
                           for line in daemon.log_lines()), 60, "the log says so")
    assert daemon.stop() == 0


def test_a_login_in_the_url_goes_into_a_header(world: World, receiver: Receiver) -> None:
    """Decoded, since @ and : in a password can only stand there as %40 and %3A."""
    url = receiver.url("/alive").replace("//", "//shop%40home:p%3Aw%25%40d@")
    world.mirror(SYNC_HEARTBEAT_URL=url)
    eventually(lambda: receiver.beats > 0, 60, "a sign of life")
    assert receiver.logins == {"Basic " + base64.b64encode(b"shop@home:p:w%@d").decode()}


def test_a_wrong_url_is_refused_without_showing_it(world: World) -> None:
    daemon = world.daemon()
    done = daemon.command("status", settings={"SYNC_ALERT_URL": "ftp://hooks.example.net/s3cret"})
    assert done.returncode == 2
    assert "SYNC_ALERT_URL" in done.stderr and "http" in done.stderr and "s3cret" not in done.stderr + done.stdout
