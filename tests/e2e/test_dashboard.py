"""The dashboard in a real browser: live figures, an outage, the daemon gone, dead letters, steering, phones, darkness.

DUALSYNC_SCREENSHOTS=<folder> keeps pictures of it, which is how those in docs/images are made.
"""
from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from workload import Background, Mixed, filled
from world import World, eventually, patience

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 1000}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
MS = 1000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip(f"no browser here: none of {', '.join(CHROMIUM)} is installed")
    with sync_playwright() as playwright:
        # Inside a container the sandbox of the browser has no rights of its own.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


class Watched:
    """A page, and everything that went wrong in it."""

    def __init__(self, browser: Browser, **options: object) -> None:
        self.page: Page = browser.new_page(**{"viewport": DESKTOP, **options})
        self.page.set_default_timeout(patience(30) * MS)
        self.troubles: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.on("request", lambda request: self.elsewhere.append(request.url)
                     if not request.url.startswith(("http://127.0.0.1:", "data:")) else None)

    def open(self, world: World) -> Page:
        daemon = world.first
        self.page.goto(f"http://{daemon.api_address()}/#token={daemon.api_token()}")
        expect(self.page.locator("#view")).to_be_visible()
        return self.page

    def keep(self, name: str) -> None:
        if folder := os.environ.get("DUALSYNC_SCREENSHOTS"):
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))

    def close(self) -> None:
        self.page.close()
        assert not self.troubles, self.troubles
        assert not self.elsewhere, f"the page asked for something elsewhere: {self.elsewhere}"


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    made = Watched(browser)
    yield made
    made.close()


def soon(page: Page, selector: str, text: str | re.Pattern[str]) -> None:
    expect(page.locator(selector)).to_contain_text(text, timeout=patience(40) * MS)


def number(page: Page, name: str) -> int:
    text = page.locator("#numbers div", has=page.locator("dt", has_text=re.compile(f"^{name}$"))).locator("dd")
    return int(text.inner_text().replace(",", ""))


def test_shows_the_mirror_live(world: World, watched: Watched) -> None:
    filled(world.db, "bills", 2_000)
    world.mirror()
    page = watched.open(world)
    soon(page, "#verdict-word", "Healthy")
    assert "token" not in page.url, "the token must not stay in the address"
    before = number(page, "Captured")
    with Background(Mixed(world.db.bills, 2_000, seed=3).bulk):
        eventually(lambda: number(page, "Captured") > before and number(page, "Applied") > before, 40,
                   "the numbers move")
        eventually(lambda: page.evaluate("Chart.getChart('chart-throughput').data.datasets[1].data.some(v => v > 0)"),
                   40, "the chart shows throughput")
        page.wait_for_timeout(15 * MS if os.environ.get("DUALSYNC_SCREENSHOTS") else 1)
        watched.keep("dashboard")
    soon(page, "#connection", "live")
    expect(page).to_have_title("Healthy - dualsync")
    assert page.locator("#lanes tr").count() == 4
    assert page.locator("#dead-letters-none").is_visible()


def test_asks_for_the_token_and_refuses_a_wrong_one(world: World, watched: Watched) -> None:
    daemon = world.mirror()
    page = watched.page
    page.goto(f"http://{daemon.api_address()}/")
    page.fill("#token", "wrong")
    page.keyboard.press("Enter")
    soon(page, "#login-error", "not the token")
    expect(page.locator("#view")).to_be_hidden()
    page.fill("#token", daemon.api_token())
    page.keyboard.press("Enter")
    soon(page, "#verdict-word", "Healthy")
    page.reload()
    soon(page, "#verdict-word", "Healthy")  # it is kept in the tab


def test_tells_of_an_outage_and_of_a_daemon_that_is_gone(own_world: World, watched: Watched) -> None:
    filled(own_world.db, "bills", 10)
    daemon = own_world.mirror()
    page = watched.open(own_world)
    soon(page, "#verdict-word", "Healthy")
    own_world.pair.backup_server.stop()
    own_world.db.bills.insert_one({"_id": "during"})
    soon(page, "#verdict-word", "Degraded")
    soon(page, "#breaker", re.compile("offline|trying again"))
    soon(page, "#reasons", "backup offline for")
    soon(page, "#waiting", "1 operations")
    watched.keep("dashboard-outage")
    own_world.pair.backup_server.start()
    soon(page, "#verdict-word", "Healthy")
    daemon.kill()
    soon(page, "#gone", "was last heard at")
    soon(page, "#connection", "no answer")
    expect(page).to_have_title("no answer - dualsync")
    daemon.start("--http-listen", daemon.api_address())
    expect(page.locator("#gone")).to_be_hidden(timeout=patience(40) * MS)
    soon(page, "#connection", "live")


def test_dead_letters_are_retried_and_discarded(world: World, watched: Watched) -> None:
    daemon = world.mirror(SYNC_MAX_RETRIES="1")
    world.db.people.insert_one({"_id": 1, "mail": "<b>a@example.net</b>"})
    world.settle()
    world.copy.people.create_index("mail", unique=True, name="planted")
    world.db.people.insert_one({"_id": "<img src=x onerror=alert(1)>", "mail": "<b>a@example.net</b>"})
    page = watched.open(world)
    row = page.locator("#letters tr")
    expect(row).to_have_count(1, timeout=patience(60) * MS)
    soon(page, "#reasons", "refused by the backup")
    assert page.locator("#letters img, #letters b").count() == 0, "what a document says is text, not markup"
    assert "example.net" not in page.locator("#dead-letters").inner_text(), "a document's content must not show"
    watched.keep("dashboard-dead-letter")
    world.copy.people.drop_index("planted")
    page.get_by_role("button", name=re.compile("^Retry")).click()
    soon(page, "#said", "sent again")
    expect(page.locator("#dead-letters-none")).to_be_visible(timeout=patience(60) * MS)
    world.settle()
    world.assert_equal()

    world.db.people.delete_many({"_id": {"$ne": 1}})
    world.settle()
    world.copy.people.create_index("mail", unique=True, name="planted")
    world.db.people.insert_one({"_id": 3, "mail": "<b>a@example.net</b>"})
    expect(row).to_have_count(1, timeout=patience(60) * MS)
    page.get_by_role("button", name=re.compile("^Discard")).click()
    expect(page.locator("#dead-letters-none")).to_be_visible(timeout=patience(60) * MS)
    assert daemon.metrics()["deadLetters"] == 0
    world.copy.people.drop_index("planted")


def test_held_deletes_are_looked_at_and_decided_on(world: World, watched: Watched) -> None:
    many = 3_000
    for name in ("bills", "<i>offers"):
        filled(world.db, name, many)
    daemon = world.mirror(SYNC_CANARY_INTERVAL="1s")
    page = watched.open(world)
    expect(page.locator("#held")).to_be_hidden()
    soon(page, "#canary", re.compile(r"the last arrived at .* in \d+ ms"))
    for name in ("bills", "<i>offers"):
        world.db[name].delete_many({})
    rows = page.locator("#held-rows tr")
    expect(rows).to_have_count(2, timeout=patience(60) * MS)
    assert daemon.wait(60).body["heldDeletes"] > many
    soon(page, "#held-rows", re.compile(rf"documents held; [\d,]+ of {many:,} were deleted on local"))
    assert page.locator("#held-rows i").count() == 0, "what a name says is text, not markup"
    offers = page.locator("#held-rows tr", has_text="<i>offers")
    bills = page.locator("#held-rows tr", has_text="bills")
    bills.get_by_role("button", name=re.compile("^Which")).click()
    expect(bills.locator(".ids")).to_have_text(re.compile(r"^_id (\d+, ){19}\d+, and more: "))
    watched.keep("dashboard-held")
    kept = world.copy["<i>offers"].count_documents({})
    bills.get_by_role("button", name=re.compile("^Delete on the backup")).click()
    soon(page, "#said", "The deletes are applied now.")
    eventually(lambda: world.copy.bills.count_documents({}) == 0, 60, "they reach the backup")
    offers.get_by_role("button", name=re.compile("^Keep")).click()
    soon(page, "#said", "The documents stay on the backup.")
    expect(offers).to_contain_text(f"{kept:,} stay by a decision", timeout=patience(40) * MS)
    expect(bills).to_have_count(0, timeout=patience(40) * MS)
    assert offers.get_by_role("button", name=re.compile("^(Keep|Delete)")).count() == 0
    assert world.copy["<i>offers"].count_documents({}) == kept > 0


def test_steers_by_keyboard(world: World, watched: Watched) -> None:
    filled(world.db, "bills", 500)
    daemon = world.mirror()
    page = watched.open(world)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "do-pause":
            break
    page.keyboard.press("Enter")
    soon(page, "#said", "paused")
    soon(page, "#do-pause", "Resume applying")
    soon(page, "#reasons", "applying has been paused")
    assert daemon.status()["paused"] is True
    page.keyboard.press("Enter")
    soon(page, "#do-pause", "Pause applying")
    soon(page, "#verdict-word", "Healthy")
    page.get_by_role("button", name="Compare now").click()
    soon(page, "#jobs", "found no difference")
    page.get_by_role("button", name="Drill a restore").click()
    soon(page, "#jobs", "The last drill proved a restore.")
    expect(page.locator("#drilled")).not_to_have_text("not yet")
    page.get_by_role("button", name="Full sync").click()
    soon(page, "#jobs", "The last full sync sent 0 repairs.")


def ground(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_fits_a_phone_and_follows_light_and_dark(world: World, browser: Browser) -> None:
    world.mirror()
    grounds = set()
    for scheme in ("light", "dark"):
        watched = Watched(browser, viewport=PHONE, color_scheme=scheme)
        page = watched.open(world)
        soon(page, "#verdict-word", "Healthy")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "it must not scroll sideways"
        grounds.add(ground(page))
        watched.keep(f"dashboard-phone-{scheme}")
        watched.close()
    assert len(grounds) == 2
