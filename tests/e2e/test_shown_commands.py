"""Every command that a page shows is run: those of dualsync here, against a mirror of a database `shop`, until exit 0.

shown_commands.toml names the others, with the test that runs each or the reason why none does.
"""
from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import bson
import pytest
from embedded_server import stop_process
from mirror_daemon import ROOT, clean_environment
from test_docs import LINKING, SPAN, command_lines, fenced_lines, name_of
from world import World, eventually, patience

TABLE = tomllib.loads((Path(__file__).parent / "shown_commands.toml").read_text())["command"]
# The pages of docs/cli are made from the commands themselves and show how they are called, not a call; the changelog
# tells of commands by name.
SHOWING = [page for page in LINKING if page.parent.name != "cli" and page.name != "CHANGELOG.md"]
PROGRAM = re.compile(r"(?:\$ )?((?:\./|tools/|bench/|examples/)\S+.*|"
                     r"\(?(?:git|cmake|cpack|ctest|cd|sudo|apt-get|editor|docker|systemctl|journalctl|npm|curl|"
                     r"openssl|chown|chmod|mongod|mongosh|mkdocs|python3?|pip) \S.*|"
                     r"(?:[A-Z_]+=\S+ (?:data/api-token\) )?)+\w\S*.*)")
EXIT_TERMINATED = 143
# A script of ours with what is given to it; not the name of a file alone that is no program.
SCRIPT = re.compile(r"(?:\./(?:test|quickstart)|(?:tools|bench|examples|tests)/[\w./-]*(?:\.py|\.sh|/run))(?![\w./*])")
# `list|show ID|clear --yes`: words with what belongs to each.
CHOICE = re.compile(r"[\w-]+(?: ID| FILE)?(?:\|[\w-]+(?: ID| FILE| --yes)?)+")
AN_ID = "65a0f1e2d3c4b5a697887766"
ARCHIVE = "orders__dropped_20261122T183000Z"
# With the daemon stopped, in this order; the rest runs beside it.
STOPPED = ("drain", "queue import", "queue clear", "restore", "adopt-local", "run")


def shown_lines() -> Iterator[tuple[str, str]]:
    """(where, command) for each line of a block that is one, without its comment."""
    for page in SHOWING:
        for number, line in fenced_lines(page):
            if found := PROGRAM.fullmatch(line):
                yield f"{name_of(page)}:{number}", re.split(r"\s{2,}|\s#", found.group(1))[0].strip()


def alternatives(usage: str) -> Iterator[str]:
    """`pause | resume`, `full-sync --detach | --status`, `list|show ID`, `[--timeout 60]`: each on its own."""
    command = ""
    for part in re.split(r"\s\|\s", usage):
        text = f"{command} {part}" if part.startswith("-") else part
        command = text.split()[0]
        if choice := CHOICE.search(text):
            for word in choice.group(0).split("|"):
                yield from alternatives(text.replace(choice.group(0), word))
        elif optional := re.search(r"\s*\[([^\]]+)\]", text):
            yield from alternatives(text.replace(optional.group(0), ""))
            if not optional.group(1).endswith("..."):
                yield from alternatives(text.replace(optional.group(0), f" {optional.group(1)}"))
        else:
            yield text


def dualsync_commands() -> dict[str, str]:
    """Each different command of dualsync in blocks and in running text -> where it is shown first."""
    found: dict[str, str] = {}
    for page in SHOWING:
        for number, line in command_lines(page):
            usage = re.sub(r"(')\s[a-z].*;.*", r"\1", re.split(r"\s{2,}|\s#", line)[0]).strip()
            for command in alternatives(usage):
                found.setdefault(command, f"{name_of(page)}:{number}")
    return found


def listed(line: str) -> list[dict[str, str]]:
    return [entry for entry in TABLE if re.fullmatch(entry["shown"], line)]


def mine() -> list[str]:
    """What this file runs."""
    return [command for command in dualsync_commands() if not listed(f"dualsync {command}")]


@pytest.mark.no_binary
def test_every_other_command_is_run_by_a_test_or_excused() -> None:
    lines = dict((line, where) for where, line in shown_lines())
    assert len(lines) > 20, "hardly any command was found: are they looked for as they are written?"
    unknown = [f"{where}: {line}" for line, where in lines.items() if not listed(line)]
    assert not unknown, "neither run nor in shown_commands.toml:\n" + "\n".join(unknown)
    everything = [*lines, *(f"dualsync {command}" for command in dualsync_commands())]
    for entry in TABLE:
        assert any(re.fullmatch(entry["shown"], line) for line in everything), f"no page shows {entry['shown']!r}"
        assert ("by" in entry) != ("not_run" in entry), entry
        if "by" in entry:
            assert entry["words"] in (ROOT / entry["by"]).read_text(), f"{entry['by']} lacks {entry['words']!r}"


@pytest.mark.no_binary
def test_what_this_file_runs_is_most_of_it() -> None:
    assert len(mine()) > 25, mine()
    assert {"status", "verify", "wait --timeout 60", "restore orders 'shop.c*'", "queue list --limit 20"} <= set(mine())
    assert list(alternatives("dead-letters list|show ID|retry")) == ["dead-letters list", "dead-letters show ID",
                                                                    "dead-letters retry"]


def scripts_shown() -> Iterator[tuple[str, str]]:
    """(where, call) for each script of this repository, in blocks and in running text."""
    for page in SHOWING:
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            for span in (*SPAN.findall(line), re.sub(r"^\$ ", "", line)):
                if SCRIPT.match(span):
                    yield f"{name_of(page)}:{number}", re.split(r"\s{2,}|\s#", span)[0]


@pytest.mark.no_binary
def test_scripts_are_there_and_know_their_flags() -> None:
    checked, wrong = 0, []
    for where, call in scripts_shown():
        checked += 1
        words = call.split()
        script = ROOT / words[0]
        if not script.is_file() or (script.read_bytes()[:2] == b"#!" and not os.access(script, os.X_OK)):
            wrong.append(f"{where}: {words[0]} is not there, or cannot be run")
            continue
        known = script.read_text()
        wrong += [f"{where}: {words[0]} has no flag {flag}" for flag in re.findall(r"--[a-z][a-z-]*", call)
                  if not re.search(rf"{flag}(?![\w-])", known)]
    assert checked > 40, "hardly any script was found"
    assert not wrong, "\n".join(wrong)


class Shop:
    """The world of the pages: a database `shop` on local, on the backup also the archive of an earlier `orders`."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.database, world.db, world.copy = "shop", world.local.shop, world.backup.shop
        self.export = world.folder / "export.json"
        self.fill()
        self.daemon = world.mirror()
        world.db.orders.drop()
        world.settle()
        self.archive, = [name for name in world.copy.list_collection_names() if "__dropped_" in name]
        self.fill()
        world.settle()

    def fill(self) -> None:
        for name, first in (("bills", 1), ("orders", bson.ObjectId(AN_ID)), ("customers", "ann")):
            self.world.db[name].replace_one({"_id": first}, {"name": name}, upsert=True)

    def arguments(self, command: str) -> list[str]:
        """The command with what stands here for the names that the page had to invent."""
        for invented, real in (("65a0...", AN_ID), (ARCHIVE, self.archive)):
            command = command.replace(invented, real)
        command = re.sub(r"\bFILE\b", str(self.export), command)
        return shlex.split(re.sub(r"\bNS\b", "shop.bills", command))

    def run(self, command: str) -> None:
        done = self.daemon.command(*self.arguments(command), timeout=patience(60))
        assert done.returncode == 0, (f"dualsync {command} ({dualsync_commands()[command]}): exit {done.returncode}\n"
                                      f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}\n{self.daemon.log_tail()}")

    def watch(self, command: str) -> None:
        """What goes on until it is stopped."""
        process = subprocess.Popen([str(self.daemon.binary), *self.arguments(command)], text=True,
                                   stdout=subprocess.PIPE, cwd=self.daemon.folder,
                                   env=clean_environment(self.daemon.settings))
        try:
            assert "RPO" in process.stdout.readline()
        finally:
            assert stop_process(process, patience(10)) in (0, -signal.SIGTERM, EXIT_TERMINATED)

    def beside(self, commands: list[str]) -> None:
        for command in commands:
            if "--watch" in command:
                self.watch(command)
                continue
            self.run(command)
            if command == "pause":
                self.world.db.bills.insert_many([{"name": f"waits {number}"} for number in range(10)])
                eventually(lambda: self.daemon.metrics()["queueSize"] >= 10, 20, "something waits in the queue")
            if command == "full-sync --detach":
                eventually(lambda: self.daemon.request("GET", "/api/sync/full-sync").body["state"] != "running", 30,
                           "the full sync is over")

    def stopped(self, commands: list[str]) -> None:
        for command in commands:
            if command.startswith("restore"):
                self.world.local.drop_database("shop")
            if command.split()[0] == "run":
                self.daemon.start(*command.split()[1:])
                assert self.daemon.stop() == 0
            else:
                self.run(command)


def place(command: str) -> int | None:
    """Where it comes among those with the daemon stopped; None: it runs beside it."""
    return next((at for at, start in enumerate(STOPPED) if command.startswith(start)), None)


def test_commands_end_well(own_world: World) -> None:
    shop = Shop(own_world)
    # By name, so that `pause` comes before `queue export`, and `resume` before `verify` and `wait`.
    commands = sorted(mine())
    shop.beside([command for command in commands if place(command) is None])
    shop.daemon.stop()
    shop.stopped(sorted((command for command in commands if place(command) is not None), key=place))
