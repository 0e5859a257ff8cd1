"""Documents that the backup refuses: seen, listed, tried again, resolved, and nobody else waits for them.

The refusal is a unique index that only the backup has, which is how a hand on the backup can break a mirror for real.
"""
from __future__ import annotations

import json

from world import World, eventually

EXIT_EXCEPTIONS = 5


def refused(world: World) -> dict:
    """Of two documents with one mail address one is refused. Returns its dead letter."""
    world.mirror(SYNC_MAX_RETRIES="1")
    world.db.people.insert_one({"_id": 1, "mail": "a@example.net", "n": 1})
    world.settle()
    world.copy.people.create_index("mail", unique=True, name="planted")
    world.db.people.insert_one({"_id": 2, "mail": "a@example.net", "n": 1})
    world.db.people.insert_one({"_id": 3, "mail": "b@example.net", "n": 1})
    eventually(lambda: world.first.metrics()["deadLetters"] == 1, 20, "a dead letter")
    listed = command(world, "list")
    assert listed["total"] == 1
    return listed["deadLetters"][0]


def command(world: World, *arguments: str, code: int = 0) -> dict:
    done = world.first.command("dead-letters", *arguments, "--json")
    assert done.returncode == code, f"{arguments}: exit {done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def test_listed_then_retried(world: World) -> None:
    letter = refused(world)
    assert letter["namespace"] == f"{world.database}.people" and letter["code"] == 11000
    assert letter["documentKey"]["_id"] in ({"$numberInt": "1"}, {"$numberInt": "2"}) and letter["attempts"] >= 1
    assert "example.net" not in json.dumps(letter), "a document's content must not show"
    assert world.copy.people.find_one({"_id": 3}), "the others pass"
    assert world.first.command("wait", "--timeout", "20").returncode == EXIT_EXCEPTIONS
    health = world.first.health()
    assert health["status"] == "degraded"

    shown = command(world, "show", str(letter["id"]))
    assert shown == letter
    world.copy.people.drop_index("planted")
    assert command(world, "retry", "--all") == {"queued": [letter["id"]]}
    eventually(lambda: world.first.metrics()["deadLetters"] == 0, 20, "the letter goes")
    world.settle()
    world.assert_equal()


def test_a_later_write_resolves_it(world: World) -> None:
    letter = refused(world)
    number = int(letter["documentKey"]["_id"]["$numberInt"])
    world.db.people.update_one({"_id": number}, {"$set": {"mail": "other@example.net"}})
    eventually(lambda: world.first.metrics()["deadLetters"] == 0, 20, "the letter goes")
    world.copy.people.drop_index("planted")
    world.settle()
    world.assert_equal()


def test_discarded(world: World) -> None:
    letter = refused(world)
    assert command(world, "discard", str(letter["id"])) == {"discarded": [letter["id"]]}
    assert command(world, "list") == {"total": 0, "deadLetters": []}
    missing = world.first.command("dead-letters", "discard", str(letter["id"]))
    assert missing.returncode == 1 and "no dead letter" in missing.stderr
    world.copy.people.drop_index("planted")
    assert world.verify(code=1)["equal"] is False, "discarding is no repair"


def test_bad_input(world: World) -> None:
    world.mirror()
    for arguments in (["retry"], ["show"], ["retry", "x"], ["discard", "1", "--all"], []):
        assert world.first.command("dead-letters", *arguments).returncode == 2, arguments
    assert world.first.command("dead-letters", "show", "77").returncode == 1
    for method, path, status in (("GET", "?limit=x", 400), ("GET", "?limit=-1", 400), ("DELETE", "/x", 400),
                                 ("DELETE", "/77", 404), ("POST", "/77/retry", 404), ("POST", "/77/x", 404),
                                 ("GET", "/77", 405), ("DELETE", "/18446744073709551616", 400),
                                 ("POST", "//retry", 404)):
        reply = world.first.request(method, f"/api/sync/dead-letters{path}")
        assert reply.status == status, (method, path, reply)
