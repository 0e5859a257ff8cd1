"""The log: one JSON object per line, each operation at debug or warn, never a document's content."""
from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from world import World, eventually

LEVELS = {"debug", "info", "warn", "error"}
CONTENT = "Marigold-Tavistock-7719"  # of documents; an accident cannot produce it
OF_AN_OPERATION = {"namespace", "key", "type", "attempt", "duration_ms"}


def lines_of(world: World, message: str) -> list[dict]:
    return [line for line in map(json.loads, world.first.log_text().splitlines()) if line["message"] == message]


def test_each_operation_is_told_and_no_content(world: World) -> None:
    world.mirror(SYNC_LOG_LEVEL="debug", SYNC_MAX_RETRIES="1")
    people = world.db.people
    people.insert_many([{"_id": n, "name": f"{CONTENT} {n}", "mail": f"{CONTENT}-{n}"} for n in range(3)])
    world.settle()
    people.update_one({"_id": 0}, {"$set": {"name": CONTENT}})
    people.replace_one({"_id": 1}, {"mail": CONTENT})
    people.delete_one({"_id": 2})
    world.settle()
    world.copy.people.create_index("mail", unique=True, name="planted")
    people.insert_one({"_id": "refused", "mail": CONTENT})
    eventually(lambda: world.first.metrics()["deadLetters"] == 1, 30, "a dead letter")
    assert world.first.stop() == 0

    synced = lines_of(world, "synced")
    assert {"insert", "delete"} <= {line["type"] for line in synced}
    told = {(line["namespace"], line["key"]) for line in synced}
    assert told >= {(f"{world.database}.people", f'{{ "_id" : {{ "$numberInt" : "{n}" }} }}') for n in range(3)}
    for line in synced:
        assert line.keys() >= OF_AN_OPERATION and line["level"] == "debug" and line["attempt"] >= 1, line
    refused = lines_of(world, "refused for good: dead letter")
    assert len(refused) == 1 and refused[0]["level"] == "warn", refused
    assert refused[0].keys() >= OF_AN_OPERATION | {"code", "error"} and refused[0]["code"] == 11000
    assert CONTENT not in world.first.log_text()


def test_every_line_says_when_how_bad_and_who(world: World) -> None:
    world.mirror(SYNC_LOG_LEVEL="debug")
    world.db.things.insert_one({"_id": 1})
    world.settle()
    assert world.first.stop() == 0
    for text in world.first.log_text().splitlines():
        line = json.loads(text)
        assert list(line)[:4] == ["time", "level", "module", "message"], text
        assert line["level"] in LEVELS and line["module"] and line["message"], text
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None, text


def test_a_killed_process_leaves_nothing_in_shared_memory(world: World) -> None:
    """libmongoc names its counters' file by the process, and warns the next one of that number on standard error."""
    world.mirror()
    assert not Path(f"/dev/shm/mongoc-{world.first.pid}").exists()
