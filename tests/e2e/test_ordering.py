"""SYNC_ORDERING=strict: a reader of the backup never sees what local never was, while writes and outages go on.

The embedded server gives as a post-image what the document is by the time the event is read, where a mongod gives what
the update left. So here no document with post-images is updated twice; `tests/prop/strict_props.cc` does that.
"""
from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest
from world import World, eventually

ORDERS = 400
OUTAGE_AT = 200
POLLS_AT_LEAST = 20
READ_AGAIN = 15  # each waits until capture has passed the time of its read
ORDERS_AT_ONCE = 3  # two at any moment; a reader that is on its way may meet one more


class Watcher:
    """Polls the backup until stopped and keeps the first thing that is wrong."""

    def __init__(self, look: Callable[[], str | None]) -> None:
        self.look = look
        self.wrong: str | None = None
        self.polls = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while self.wrong is None and not self.stopping.is_set():
            self.wrong = self.look()
            self.polls += 1

    def __enter__(self) -> Watcher:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()


def newest(world: World, collection: str) -> int:
    found = world.copy[collection].find_one(sort=[("_id", -1)])
    return found["_id"] if found else 0


def write_orders(world: World, begin: int, end: int) -> None:
    """Each order: the counter first, then the order, then its line, then the order before it goes."""
    for number in range(begin, end):
        world.db.counters.update_one({"_id": "orders"}, {"$set": {"n": number}})
        world.db.orders.insert_one({"_id": number, "n": number})
        world.db.lines.insert_one({"_id": number, "order": number})
        world.db.orders.delete_one({"_id": number - 1})


def look_at_orders(world: World) -> str | None:
    # What is read first may only be older than what is read later: local writes counter, order, line.
    line = newest(world, "lines")
    order = newest(world, "orders")
    counter = world.copy.counters.find_one({"_id": "orders"})["n"]
    if not line <= order <= counter:
        return f"line {line}, order {order}, counter {counter}"
    # And the other way round: nothing is far ahead of what local writes before it.
    counter = world.copy.counters.find_one({"_id": "orders"})["n"]
    ids = [found["_id"] for found in world.copy.orders.find({}, {"_id": 1})]
    line = newest(world, "lines")
    if line < counter - 1 or len(ids) > ORDERS_AT_ONCE:
        return f"counter {counter} before line {line}, orders {ids}"
    return None


def test_the_backup_never_shows_what_local_never_was(own_world: World) -> None:
    world = own_world
    world.db.counters.insert_one({"_id": "orders", "n": 0})
    world.db.orders.insert_one({"_id": 0, "n": 0})
    daemon = world.mirror(SYNC_ORDERING="strict", SYNC_LANES="8")
    with Watcher(lambda: look_at_orders(world)) as watcher:
        write_orders(world, 1, OUTAGE_AT)
        daemon.kill()
        write_orders(world, OUTAGE_AT, ORDERS)
        daemon.start()
        world.settle()
    assert watcher.wrong is None, watcher.wrong
    assert watcher.polls >= POLLS_AT_LEAST
    assert daemon.metrics()["coalescedOperations"] == 0
    assert newest(world, "lines") == ORDERS - 1
    world.assert_equal()


@pytest.mark.parametrize("images", [True, False], ids=["images", "no_images"])
def test_updates_come_as_post_images_where_local_keeps_them(own_world: World, images: bool) -> None:
    world = own_world
    count = ORDERS if images else READ_AGAIN
    world.db.create_collection("stock", changeStreamPreAndPostImages={"enabled": images})
    world.db.stock.insert_many({"_id": number, "places": [0, 0]} for number in range(1, count))
    daemon = world.mirror(SYNC_ORDERING="strict")

    def look() -> str | None:
        changed = world.copy.stock.count_documents({"places.0": 1})
        moved = newest(world, "transfers")
        return None if changed <= moved + 1 else f"{changed} changed, the newest transfer is {moved}"

    with Watcher(look) as watcher:
        os.kill(daemon.pid, signal.SIGSTOP)
        for number in range(1, count):
            world.db.stock.update_one({"_id": number}, {"$set": {"places.0": 1}})
            world.db.transfers.insert_one({"_id": number})
        os.kill(daemon.pid, signal.SIGCONT)
        world.settle()
    warned = "came without its post-image" in daemon.log_text()
    assert warned is not images
    assert watcher.wrong is None, watcher.wrong
    assert watcher.polls >= POLLS_AT_LEAST
    world.assert_equal()


def test_a_refused_operation_holds_up_what_is_behind_it(own_world: World) -> None:
    world = own_world
    world.mirror(SYNC_ORDERING="strict", SYNC_MAX_RETRIES="1")
    world.db.people.insert_one({"_id": 1, "mail": "a@example.net"})
    world.settle()
    world.copy.people.create_index("mail", unique=True, name="planted")
    world.db.people.insert_one({"_id": 2, "mail": "a@example.net"})
    world.db.other.insert_one({"_id": 3})

    def letter_or_out_of_order() -> bool:
        passed = world.copy.other.find_one({"_id": 3}) is not None
        letters = world.first.metrics()["deadLetters"]
        assert letters == 1 or not passed, "passed the refused one"
        return letters == 1

    eventually(letter_or_out_of_order, 30, "a dead letter")
    eventually(lambda: world.copy.other.find_one({"_id": 3}), 10, "the others go on")
