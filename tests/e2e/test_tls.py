"""Encrypted connections, with certificates of the tests' own making: what is right works, what is wrong is named.

Tried on the embedded servers only: their certificates and users are made here.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import Authority, Certificate
from embedded_server import EmbeddedServer
from pymongo import MongoClient
from world import Pair, World, eventually, patience

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_LOCAL_UNREACHABLE = 0, 1, 2, 3
USER, PASSWORD = "mirror", "Zq7 secret"
# What the message says of each flaw, and what none of the others says. Our words: OpenSSL's stand behind them.
WORDS = {"issuer": "its TLS certificate comes from an issuer that is not trusted",
         "expired": "its TLS certificate has expired",
         "host": "its TLS certificate is for another host name"}
FIXES = {"issuer": "tlsCAFile=", "expired": "Renew the server's certificate", "host": "as the certificate names it"}
SUBJECT = "/O=dualsync tests/OU=people/CN=mirror"


class Secured:
    """A world whose servers can be given certificates; `daemon` reaches both by TLS."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "certificates")
        self.other = Authority(folder / "certificates", "other")
        self.good = self.authority.issue("good")
        self.flawed = {"issuer": self.other.issue("stranger"), "expired": self.authority.issue("expired", days=-1),
                       "host": self.authority.issue("elsewhere", "DNS:elsewhere.example,IP:127.0.0.2")}
        self.flags = ("--oplog-max-entries", "100000")
        self.servers = {side: EmbeddedServer(folder / side, folder / f"{side}.log", self._arguments(self.good)).start()
                        for side in ("local", "backup")}
        self.world = World(Pair(self.uri("local"), self.uri("backup")), folder)

    def _arguments(self, certificate: Certificate) -> tuple[str, ...]:
        return (*self.flags, "--tls-cert-file", str(certificate.certificate), "--tls-key-file", str(certificate.key))

    def uri(self, side: str, login: str = "", options: str = "") -> str:
        return f"mongodb://{login}{self.servers[side].address}/?tls=true&tlsCAFile={self.authority.file}{options}"

    def restart(self, side: str, certificate: Certificate, *more: str) -> None:
        server = self.servers[side]
        server.stop()
        server.arguments = (*self._arguments(certificate), *more)
        server.start()

    def close(self) -> None:
        for daemon in self.world.daemons:
            daemon.stop()
        self.world.local.close()
        self.world.backup.close()
        for server in self.servers.values():
            server.stop()


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    made = Secured(tmp_path)
    yield made
    made.close()


def health_text(world: World) -> str:
    return json.dumps(world.first.health()["reasons"])


def doctor(world: World, code: int, **settings: str) -> dict[str, dict]:
    done = world.first.command("doctor", "--json", settings=settings, timeout=patience(60))
    assert done.returncode == code, done.stdout + done.stderr
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def only_names(flaw: str, text: str) -> None:
    assert WORDS[flaw] in text, text
    assert not [other for name, other in WORDS.items() if name != flaw and other in text], text


def test_right_certificates(secured: Secured) -> None:
    world = secured.world
    world.db.things.insert_many([{"_id": number} for number in range(50)])
    world.mirror()
    world.db.things.update_many({}, {"$set": {"seen": 1}})
    world.settle()
    world.assert_equal()
    plain = secured.servers["backup"].uri()
    checks = doctor(world, EXIT_FAILED, MONGODB_ATLAS_URI=plain, SYNC_CONNECT_TIMEOUT="2s")
    assert "requires TLS" in checks["backup-connection"]["hint"], "the server really takes nothing but TLS"


def test_a_backup_with_wrong_certificates_is_named_and_comes_back(secured: Secured) -> None:
    """As when a certificate ends while the daemon runs: nothing is sent, health says why, nothing is lost."""
    world = secured.world
    daemon = world.mirror(SYNC_CONNECT_TIMEOUT="2s")
    secured.restart("backup", secured.flawed["expired"])
    world.db.things.insert_one({"_id": 1})
    eventually(lambda: WORDS["expired"] in health_text(world), 60, "health names the flaw")
    only_names("expired", health_text(world))
    assert daemon.health()["status"] == "degraded"
    assert daemon.metrics()["queueSize"] >= 1, "nothing of it reached the backup"
    secured.restart("backup", secured.good)
    world.settle(90)
    world.assert_equal()
    eventually(lambda: daemon.health()["status"] == "healthy", 30, "healthy again")


@pytest.mark.parametrize("flaw", WORDS)
def test_a_backup_with_a_wrong_certificate_is_a_warning(secured: Secured, flaw: str) -> None:
    """From the start: the mirror captures, says why it sends nothing, and nothing is sent."""
    daemon = secured.world.daemon(SYNC_CONNECT_TIMEOUT="2s")
    secured.restart("backup", secured.flawed[flaw])
    daemon.start()

    def told() -> list[str]:
        return [line["error"] for line in daemon.log_lines() if "backup cannot be reached" in line["message"]]

    only_names(flaw, eventually(told, 30, "a warning")[0])
    check = doctor(secured.world, EXIT_FAILED)["backup-connection"]
    assert check["state"] == "failed" and FIXES[flaw] in check["hint"], check
    only_names(flaw, check["message"])


@pytest.mark.parametrize("flaw", WORDS)
def test_a_local_with_a_wrong_certificate_is_refused(secured: Secured, flaw: str) -> None:
    daemon = secured.world.daemon(SYNC_CONNECT_TIMEOUT="2s")
    secured.restart("local", secured.flawed[flaw])
    daemon.start(ready=False)
    assert daemon.ended(patience(30)) == EXIT_LOCAL_UNREACHABLE
    only_names(flaw, daemon.log_text())
    check = doctor(secured.world, EXIT_FAILED)["local-connection"]
    assert check["state"] == "failed" and FIXES[flaw] in check["hint"], check
    only_names(flaw, check["message"])


def test_files_that_are_not_there(secured: Secured) -> None:
    daemon = secured.world.daemon()
    for option in ("tlsCAFile", "tlsCertificateKeyFile"):
        uri = f"mongodb://{secured.servers['backup'].address}/?tls=true&{option}=/no/such/file.pem"
        done = daemon.command("run", settings={"MONGODB_ATLAS_URI": uri}, timeout=patience(30))
        assert done.returncode == EXIT_USAGE, done.stderr
        assert "MONGODB_ATLAS_URI" in done.stderr and option in done.stderr and "/no/such/file.pem" in done.stderr


def with_users(secured: Secured, subject: str) -> None:
    """The same user on both servers twice: known by a password, and by a certificate."""
    for side in secured.servers:
        with MongoClient(secured.uri(side)) as client:
            client.admin.command("createUser", USER, pwd=PASSWORD, roles=["root"])
            client["$external"].command("createUser", subject, roles=[{"role": "root", "db": "admin"}])
        secured.restart(side, secured.good, "--auth", "--tls-ca-file", str(secured.authority.file))


def test_passwords(secured: Secured) -> None:
    with_users(secured, "CN=nobody")
    login = f"{USER}:{PASSWORD.replace(' ', '%20')}@"
    uris = {side: secured.uri(side, login, "&authSource=admin") for side in secured.servers}
    right_world(secured, uris)
    for side, setting in (("local", "MONGODB_LOCAL_URI"), ("backup", "MONGODB_ATLAS_URI")):
        wrong = {setting: uris[side].replace("Zq7", "wrong")}
        check = doctor(secured.world, EXIT_FAILED, **wrong)[f"{side}-connection"]
        assert "authentication failed" in check["message"] and "password" in check["hint"], check


def test_certificates_as_logins(secured: Secured) -> None:
    """X.509: who shows a certificate of an authority that the servers trust is the user of that name."""
    mine = secured.authority.issue("mine", "", subject=SUBJECT)
    with_users(secured, mine.subject)

    def uri(side: str, certificate: Certificate) -> str:
        return secured.uri(side, options=f"&tlsCertificateKeyFile={certificate.both}&authMechanism=MONGODB-X509"
                                         "&authSource=$external")

    right_world(secured, {side: uri(side, mine) for side in secured.servers})
    unknown = secured.authority.issue("unknown", "", subject=SUBJECT.replace("mirror", "unknown"))
    check = doctor(secured.world, EXIT_FAILED, MONGODB_ATLAS_URI=uri("backup", unknown))["backup-connection"]
    assert "authentication failed" in check["message"], check
    forged = secured.other.issue("forged", "", subject=SUBJECT)
    assert forged.subject == mine.subject
    check = doctor(secured.world, EXIT_FAILED, MONGODB_ATLAS_URI=uri("backup", forged))["backup-connection"]
    assert check["state"] == "failed" and "tlsCertificateKeyFile" in check["hint"], check


def right_world(secured: Secured, uris: dict[str, str]) -> None:
    """Mirrors with these URIs until both sides are equal, and stops."""
    old = secured.world
    old.local.close()
    old.backup.close()
    secured.world = World(Pair(uris["local"], uris["backup"]), old.folder)
    world = secured.world
    world.db.things.insert_many([{"_id": number} for number in range(20)])
    daemon = world.mirror()
    world.db.things.delete_many({"_id": {"$lt": 5}})
    world.settle()
    world.assert_equal()
    assert doctor(world, EXIT_OK)["backup-connection"]["state"] == "ok"
    assert PASSWORD not in daemon.log_text()
