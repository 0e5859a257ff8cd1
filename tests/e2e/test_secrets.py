"""A password planted in every setting that can hold one shows nowhere: not in output, logs, answers or files."""
from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from mirror_daemon import NO_PROXY, MirrorDaemon
from workload import filled
from world import World, eventually, patience, with_database

# What a password looks like, and what it becomes on its way through a URI.
PLANTED = "pl4nted-Secret"
ENCODED = "pl4nted%2DSecret"
TOKEN = "t0ken-of-the-Planted-kind"
SECRETS = (PLANTED, ENCODED, TOKEN, "pl4nted", "0f-the-Hook")
HOOK = "http://hook-user:pl4nted-Secret@127.0.0.1:9/services/0f-the-Hook"
GETS = ("/metrics", "/api/sync/metrics", "/api/sync/health", "/api/sync/status", "/api/sync/queue", "/",
        "/api/sync/dead-letters", "/api/sync/full-sync", "/api/sync/verify", "/api/sync/drill", "/api/openapi.json",
        "/nothing")


def with_password(uri: str) -> str:
    """The same server with a user that it does not know. The embedded server asks nobody who he is."""
    scheme, rest = uri.split("://", 1)
    return f"{scheme}://planted-user:{PLANTED}@{rest}"


def assert_clean(text: str, where: str) -> None:
    for secret in SECRETS:
        assert secret not in text, f"{where} shows {secret}: ...{text[max(0, text.find(secret) - 200):][:400]}"


def check(done: subprocess.CompletedProcess, where: str) -> None:
    assert_clean(done.stdout + done.stderr, where)


def check_files(folder: Path) -> int:
    seen = 0
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "api-token":
            content = path.read_bytes()
            for secret in SECRETS:
                assert secret.encode() not in content, f"{path} holds {secret}"
            seen += 1
    return seen


def check_api(daemon: MirrorDaemon) -> None:
    for path in GETS:
        reply = daemon.request("GET", path)
        assert_clean(reply.text + str(reply.headers), f"GET {path}")
    for method, path, body in (("POST", "/api/sync/verify", b'{"namespaces": ["' + PLANTED.encode() + b'"]}'),
                               ("POST", "/api/sync/full-sync", b'{"namespaces": ["nothing-of-this-name"]}'),
                               ("GET", "/api/sync/status", None)):
        reply = daemon.request(method, path, token="wrong-" + "token", body=body)
        assert_clean(reply.text, f"{method} {path} with a wrong token")
    request = urllib.request.Request(f"http://{daemon.api_address()}/api/sync/events",
                                     headers={"Authorization": f"Bearer {daemon.api_token()}"})
    with NO_PROXY.open(request, timeout=patience(10)) as stream:
        assert_clean(stream.read(4096).decode("utf-8", "replace"), "GET /api/sync/events")


def test_a_whole_session_shows_no_secret(own_world: World) -> None:
    """On embedded servers, which take any connection: a user nobody knows is refused at the first command, or not."""
    world = own_world
    filled(world.db, "bills", 50)
    plain = {"SYNC_API_TOKEN": TOKEN, "SYNC_ALERT_URL": HOOK, "SYNC_HEARTBEAT_URL": HOOK, "SYNC_LOG_LEVEL": "debug"}
    daemon = world.daemon(**plain).start()
    world.settle()
    world.db.bills.update_many({}, {"$set": {"v": 1}})
    eventually(lambda: "SYNC_HEARTBEAT_URL" in daemon.log_text(), 60, "the hooks were tried")
    check_api(daemon)
    for arguments in (("status",), ("status", "--json"), ("wait",), ("verify",), ("doctor",), ("doctor", "--json"),
                      ("drill",), ("full-sync", "--json"), ("dead-letters", "list"), ("queue", "list"),
                      ("queue", "export"), ("queue", "check"), ("pause",), ("resume",), ("verify", "nothing-like-it")):
        check(daemon.command(*arguments, timeout=patience(60)), " ".join(arguments))
    assert daemon.stop() == 0
    assert_clean(daemon.log_text(), "the log")
    assert check_files(daemon.data) > 3


def test_unreachable_and_refusing_servers_show_no_password(own_world: World) -> None:
    local = with_database(own_world.pair.local_uri, own_world.database)
    nobody = f"mongodb://planted-user:{PLANTED}@127.0.0.1:9/shop?connectTimeoutMS=500"
    cases = {
        "local away": {"MONGODB_LOCAL_URI": nobody},
        "backup away": {"MONGODB_ATLAS_URI": nobody},
        "local with a user": {"MONGODB_LOCAL_URI": with_password(local)},
        "backup with a user": {"MONGODB_ATLAS_URI": with_password(own_world.pair.backup_uri)},
    }
    for name, settings in cases.items():
        daemon = own_world.daemon(name.replace(" ", "-"), SYNC_CONNECT_TIMEOUT="1s", SYNC_LOG_LEVEL="debug",
                                  SYNC_API_TOKEN=TOKEN, **settings)
        for command in ("verify", "doctor", "drill", "restore"):
            arguments = (command, "--dry-run") if command == "restore" else (command,)
            check(daemon.command(*arguments, timeout=patience(60)), f"{name}: {command}")
        started = daemon.start(ready=False)
        deadline = time.monotonic() + patience(4)
        while started.running and time.monotonic() < deadline:
            time.sleep(0.1)
        daemon.stop()
        assert_clean(daemon.log_text(), f"{name}: run")
        check_files(daemon.folder)


@pytest.mark.parametrize("uri", [
    f"mongodb://user:{PLANTED}@", f"mongodb:user:{PLANTED}@host", f"mongo://user:{PLANTED}@host/x", PLANTED,
    f"mongodb://user:{PLANTED}@host:notaport/x", f"mongodb://user:{PLANTED}@@host/x",
    f"mongodb://us er:{PLANTED}@host/x", f"mongodb://user:{PLANTED}/@host/x",
    f"mongodb://user:{ENCODED}%zz@host/x", f"mongodb+srv://user:{PLANTED}@a.b/x",
    f"mongodb://host/x?tlsCertificateKeyFilePassword={PLANTED}&nonsense=1&tls=maybe",
    f"mongodb://host/x?authMechanismProperties=AWS_SESSION_TOKEN:{PLANTED}&authMechanism=NONE",
])
def test_settings_that_are_refused_show_no_password(world: World, uri: str) -> None:
    daemon = world.daemon()
    for name in ("MONGODB_LOCAL_URI", "MONGODB_ATLAS_URI"):
        for command in ("run", "verify", "doctor", "status"):
            if command == "run" and uri.startswith("mongodb+srv"):
                continue  # would be accepted, and tried
            done = daemon.command(command, settings={name: uri, "SYNC_CONNECT_TIMEOUT": "1s"}, timeout=patience(60))
            check(done, f"{command} with {name}={uri}")
            assert command == "status" or done.returncode != 0
    for name in ("SYNC_ALERT_URL", "SYNC_HEARTBEAT_URL"):
        check(daemon.command("status", settings={name: uri}), f"{name}={uri}")
    check(daemon.command("status", settings={"SYNC_API_TOKEN": "\u00e9" + PLANTED}), "a token with an accent")
