"""Credentials that open servers, and malformed ones, show nowhere: not in output, log, answers, files or metadata."""
from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from embedded_server import EmbeddedServer
from mirror_daemon import MirrorDaemon
from pymongo import MongoClient
from workload import filled
from world import HTTP_OK, METADATA_DATABASE, World, eventually, patience

EXIT_OK, EXIT_USAGE, EXIT_LOCAL_UNREACHABLE = 0, 2, 3
USER = "mirror"
# One recognisable word for each place, so that a find says where it came from; no encoding of URIs or JSON changes it.
LOCAL, BACKUP, TOKEN, PLANTED = "Zq7local", "Zq7backup", "Zq7token", "Zq7planted"
SECRETS = (LOCAL, BACKUP, TOKEN, PLANTED)
PASSWORDS = {LOCAL: f"a@b/{LOCAL}:#?%+", BACKUP: f"a:b@{BACKUP}/?%+"}  # of characters that need escapes
API_TOKEN = f"{TOKEN}-0123456789abcdef0123456789"
READS = ("/metrics", "/api/sync/metrics", "/api/sync/health", "/api/sync/status", "/api/sync/dead-letters",
         "/api/sync/full-sync", "/api/sync/verify", "/api/sync/drill", "/api/sync/queue", "/api/openapi.json", "/",
         f"/api/sync/nothing?token={PLANTED}", f"/{PLANTED}", f"/api/sync/dead-letters/{PLANTED}")
WRITES = ("/api/sync/wait?timeoutSeconds=1", f"/api/sync/wait?timeoutSeconds={PLANTED}", "/api/sync/pause",
          "/api/sync/resume", f"/api/sync/dead-letters/{PLANTED}/retry", f"/api/sync/verify?password={PLANTED}")
COMMANDS = (("status",), ("status", "--json"), ("wait", "--timeout", "2"), ("doctor",), ("doctor", "--json"),
            ("verify",), ("verify", "--json"), ("pause",), ("resume",), ("full-sync", "--dry-run"),
            ("dead-letters", "list"))
OFFLINE_COMMANDS = (("queue", "list"), ("queue", "check"), ("adopt-local",))


def uri_forms(address: str) -> dict[str, str]:
    """URIs with PLANTED as a password or another secret, each of them wrong in a way of its own."""
    def before_host(credentials: str, scheme: str = "mongodb") -> str:
        return f"{scheme}://{credentials}@{address}/shop"

    unescaped = {f"unescaped {c!r}": before_host(f"u:a{c}{PLANTED}") for c in "@/?#[]: \"'\\&=;,%<"}
    options = {f"option {name} behind {mark}": f"mongodb://{address}/shop{mark}{name}={PLANTED}"
               for name in ("tlsCertificateKeyFilePassword", "authMechanismProperties", "sslKeyPassword")
               for mark in ("?", "?tls=true&", "?tls=true;", "?tls=maybe&")}
    return {
        **unescaped, **options,
        **{f"{name}, not even a scheme": form.replace("mongodb://", "http://") for name, form in unescaped.items()},
        "both unescaped": before_host(f"u:a@b/{PLANTED}"),
        "no host": f"mongodb://u:{PLANTED}", "no host but a database": f"mongodb://u:{PLANTED}/shop",
        "an empty host": f"mongodb://u:{PLANTED}@", "another scheme": before_host(f"u:{PLANTED}", "https"),
        "another scheme without a host": f"https://u:{PLANTED}", "no scheme": f"u:{PLANTED}@{address}",
        "one slash": f"mongodb:/u:{PLANTED}@{address}", "no colon": f"mongodb//u:{PLANTED}@{address}",
        "the password alone": PLANTED, "quoted": f"\"{before_host(f'u:{PLANTED}')}",
        "no user": before_host(f":{PLANTED}"),
        "port": f"mongodb://u:{PLANTED}@127.0.0.1:99999/shop", "IPv6": f"mongodb://u:{PLANTED}@[::1/shop",
        "database": f"mongodb://u:{PLANTED}@{address}/admin",
        "SRV with a port": before_host(f"u:{PLANTED}", "mongodb+srv"),
        "SRV that is unknown": f"mongodb+srv://u:{PLANTED}@no-such-cluster.invalid/shop",
        "unknown mechanism": before_host(f"u:{PLANTED}") + "?authMechanism=NONE",
        "broken option": before_host(f"u:{PLANTED}") + "?connectTimeoutMS=%",
        "not encrypted": f"mongodb://u:{PLANTED}@backup.example.invalid/shop",
        "insecure": before_host(f"u:{PLANTED}") + "?tls=true&tlsInsecure=true",
        "far too long": f"mongodb://u:{PLANTED}@{'h' * 10_000}/shop",
    }


def found(places: dict[str, str]) -> list[str]:
    """Which secret shows where, with what stands around it."""
    shows = []
    for place, text in places.items():
        for secret in SECRETS:
            at = text.find(secret)
            if at >= 0:
                shows.append(f"{secret} in {place}: {text[max(0, at - 60):at + 60]!r}")
    return shows


def output_of(daemon: MirrorDaemon, *command: str, **settings: str) -> str:
    done = daemon.command(*command, settings=settings or None, timeout=patience(60))
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}"


def files_of(folder: Path) -> dict[str, str]:
    """Names and content of everything below, which is where the log, the output and the data directory are."""
    files = {}
    for path in folder.rglob("*"):
        files[f"the name {path}"] = str(path.relative_to(folder))
        if path.is_file():
            files[str(path)] = path.read_bytes().decode("latin-1")
    return files


def answers_of(daemon: MirrorDaemon) -> dict[str, str]:
    answers = {}
    for token in (daemon.api_token(), PLANTED, None):
        for method, paths in (("GET", READS), ("POST", WRITES)):
            for path in paths:
                body = b"" if method == "POST" else None
                reply = daemon.request(method, path, token=token, body=body, timeout=patience(30))
                # The request's own words may come back only to who sent them, and do not: they are planted too.
                answers[f"{method} {path} ({reply.status})"] = reply.text + str(reply.headers)
    return answers


def everything(daemon: MirrorDaemon) -> dict[str, str]:
    places = {f"dualsync {' '.join(each)}": output_of(daemon, *each) for each in COMMANDS}
    if daemon.running:
        places |= answers_of(daemon) | {"GET /api/sync/events": first_event(daemon)}
    return places | files_of(daemon.folder)


def first_event(daemon: MirrorDaemon) -> str:
    """What the stream of the dashboard sends first; it does not end by itself."""
    host, port = daemon.api_address().rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=patience(10))
    try:
        connection.request("GET", "/api/sync/events", headers={"Authorization": f"Bearer {daemon.api_token()}"})
        answer = connection.getresponse()
        assert answer.status == HTTP_OK
        return "".join(answer.readline().decode() for _ in range(4))
    finally:
        connection.close()


def with_password(server: EmbeddedServer | None, password: str) -> str:
    """Makes the server ask for a password; returns its URI up to the database."""
    assert server is not None
    with MongoClient(server.uri()) as client:
        client.admin.command("createUser", USER, pwd=password, roles=["root"])
    server.stop()
    server.arguments += ("--auth",)
    server.start()
    return f"mongodb://{USER}:{quote(password, safe='')}@{server.address}"


def states_of(output: str) -> dict[str, str]:
    report, _ = json.JSONDecoder().raw_decode(output.split("\n", 1)[1])  # what the command said on stderr follows
    return {check["name"]: check["state"] for check in report["checks"]}


def metadata_of(uri: str) -> str:
    """What dualsync keeps on a server: lease, marker, progress."""
    with MongoClient(f"{uri}/?authSource=admin") as client:
        database = client[METADATA_DATABASE]
        return "".join(repr(each) for name in database.list_collection_names() for each in database[name].find())


def test_a_session_with_an_outage_of_servers_that_ask_for_a_password(own_world: World) -> None:
    """Tried on the embedded servers only: users of its own are made for it."""
    pair = own_world.pair
    local = with_password(pair.local_server, PASSWORDS[LOCAL])
    backup = with_password(pair.backup_server, PASSWORDS[BACKUP])
    daemon = own_world.daemon(MONGODB_LOCAL_URI=f"{local}/shop?authSource=admin",
                              MONGODB_ATLAS_URI=f"{backup}/?authSource=admin", SYNC_API_TOKEN=API_TOKEN,
                              SYNC_LOG_LEVEL="debug", SYNC_LOG_FORMAT="text").start()
    with MongoClient(f"{local}/?authSource=admin") as client:
        filled(client["shop"], "things", 200)
        own_world.settle()
        places = everything(daemon)
        assert found(places) == []
        # What was looked through is what it should be: a test of nothing would pass as well.
        assert places["dualsync verify --json"].startswith(f"exit {EXIT_OK}\n"), places["dualsync verify --json"]
        assert states_of(places["dualsync doctor --json"])["backup-connection"] == "ok"
        assert f"GET /api/sync/status ({HTTP_OK})" in places and pair.backup_server.address in "".join(places.values())
        assert places[str(daemon.log)].count("\n") > 10
        metadata = {"metadata on local": metadata_of(local), "metadata on the backup": metadata_of(backup)}
        assert all(metadata.values()) and found(metadata) == []
        pair.backup_server.stop()
        client["shop"].things.insert_one({"_id": "unsent"})
        eventually(lambda: daemon.metrics()["breaker"] != "closed", 60, "the breaker notices")
    places = everything(daemon)
    assert found(places) == []
    assert states_of(places["dualsync doctor --json"])["backup-connection"] == "failed"
    pair.local_server.stop()
    eventually(lambda: daemon.health()["status"] != "healthy", 60, "health tells of it")
    assert found(everything(daemon)) == []
    assert daemon.stop() == 0
    offline = {" ".join(each): output_of(daemon, *each) for each in OFFLINE_COMMANDS}
    assert found({**everything(daemon), **offline}) == []


def test_a_wrong_password(own_world: World) -> None:
    """Tried on the embedded servers only: a user of its own is made for it."""
    local = with_password(own_world.pair.local_server, PASSWORDS[LOCAL])
    wrong = local.replace(quote(PASSWORDS[LOCAL], safe=""), PLANTED)
    daemon = own_world.daemon(MONGODB_LOCAL_URI=f"{wrong}/shop?authSource=admin", SYNC_LOG_LEVEL="debug",
                              SYNC_CONNECT_TIMEOUT="2s")
    daemon.start(ready=False)
    assert daemon.ended(patience(60)) == EXIT_LOCAL_UNREACHABLE
    places = everything(daemon)
    assert found(places) == []
    assert "password" in places["dualsync doctor"].lower() or "auth" in places["dualsync doctor"].lower()


class Attempts:
    """Runs commands with one wrong setting after the other, several at once, each in a folder of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places: dict[str, str] = {}

    def run(self, work: Iterator[tuple[str, tuple[str, ...], dict[str, str]]]) -> dict[str, str]:
        jobs = list(work)
        threads = [threading.Thread(target=self._some, args=(jobs[each::4], each)) for each in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(self.places) == len(jobs), "an attempt has not ended"
        return self.places

    def _some(self, jobs: list[tuple[str, tuple[str, ...], dict[str, str]]], number: int) -> None:
        daemon = MirrorDaemon(self.world.folder / f"attempt-{number}", {
            "MONGODB_LOCAL_URI": "mongodb://127.0.0.1:1/shop", "MONGODB_ATLAS_URI": "mongodb://127.0.0.1:1/",
            "SYNC_CONNECT_TIMEOUT": "200ms", "SYNC_LOG_LEVEL": "debug"})
        for name, command, settings in jobs:
            self.places[name] = output_of(daemon, *command, **settings)


def test_wrong_uris(own_world: World) -> None:
    """Local and backup are away, so that `run` ends whatever it made of the URI."""
    forms = uri_forms("127.0.0.1:1")

    def work() -> Iterator[tuple[str, tuple[str, ...], dict[str, str]]]:
        for name, uri in forms.items():
            for setting in ("MONGODB_LOCAL_URI", "MONGODB_ATLAS_URI"):
                for command in (("doctor",), ("run",), ("verify", "--json")):
                    yield f"{' '.join(command)}, {setting}: {name}", command, {setting: uri}
            yield f"as a flag: {name}", ("verify", "--atlas-uri", uri), {}
            yield f"as a target: {name}", ("restore", "--to", uri), {}
            # Nothing tells a password alone, in a setting that is no secret, from a slip of the fingers.
            if uri != PLANTED:
                yield f"in another setting: {name}", ("run",), {"SYNC_HTTP_LISTEN": uri}
                yield f"in a list: {name}", ("run",), {"SYNC_DATABASE_MAP": uri}

    places = Attempts(own_world).run(work())
    assert found(places) == []
    assert [name for name, text in places.items() if text.startswith(f"exit {EXIT_OK}\n")] == []
    assert found(files_of(own_world.folder)) == []


BAD_TOKENS = {"space": f"{PLANTED} {'x' * 40}", "short": PLANTED[:7], "tab": f"{PLANTED}\t{'x' * 40}",
              "not ASCII": f"{PLANTED}{'é' * 20}", "long": PLANTED * 2_000}
BAD_LINES = {"unclosed": f'SYNC_API_TOKEN="{PLANTED}', "no equals sign": f"SYNC_API_TOKEN {PLANTED}",
             "a colon": f"SYNC_API_TOKEN: {PLANTED}", "behind the quote": f'SYNC_API_TOKEN="x" {PLANTED}',
             "unknown name": f"SYNC_API_TOKENS={PLANTED}", "URI alone": f"mongodb://u:{PLANTED}@h/?retryWrites=true",
             "URL for URI": f"MONGODB_ATLAS_URL=mongodb://u:{PLANTED}@h", "spaces": f"MONGODB_ATLAS_URI = x {PLANTED}",
             "two lines": f"MONGODB_ATLAS_URI=mongodb://u:a\n{PLANTED}@h"}
BAD_ARGUMENTS = (("run", "--api-token", PLANTED), ("run", f"--api-token={PLANTED}"), ("--password", PLANTED, "run"),
                 ("run", f"-p{PLANTED}"), ("status", "--token", "a", PLANTED), ("run", f"mongodb://u:{PLANTED}@h"),
                 ("run", "--local-uri", "mongodb://u:a", f"{PLANTED}@h"), ("restore", "--to", f"u:{PLANTED}@h"),
                 ("run", "--atlas-uri", f"mongodb://u:{PLANTED}"))


def test_wrong_tokens_lines_and_arguments(own_world: World) -> None:
    own_world.daemon(MONGODB_LOCAL_URI="mongodb://127.0.0.1:1/shop", SYNC_CONNECT_TIMEOUT="200ms",
                     SYNC_LOG_LEVEL="debug")
    daemon, places = own_world.first, {}
    for name, token in BAD_TOKENS.items():
        for command in ("run", "doctor", "status"):
            places[f"{command}, token: {name}"] = output_of(daemon, command, SYNC_API_TOKEN=token)
    for name, line in BAD_LINES.items():
        (daemon.folder / ".env").write_text(line + "\n")
        for command in ("run", "doctor", "status"):
            places[f"{command}, .env: {name}"] = output_of(daemon, command)
    (daemon.folder / ".env").unlink()
    for arguments in BAD_ARGUMENTS:
        place = "argument " + str(BAD_ARGUMENTS.index(arguments))
        places[place] = output_of(daemon, *arguments)
        assert places[place].startswith(f"exit {EXIT_USAGE}\n"), f"{place}: {places[place]}"
    # A token that is too short is shorter than what is planted everywhere else.
    assert found(places) == [] and [name for name, text in places.items() if BAD_TOKENS["short"] in text] == []
    assert found(files_of(daemon.folder)) == []
