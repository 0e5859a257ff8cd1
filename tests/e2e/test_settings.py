"""Settings: one precedence, and a wrong value is refused by name."""
from __future__ import annotations

import json
import signal

import pytest
from mirror_daemon import MirrorDaemon, clean_environment
from world import HTTP_OK, World, eventually, with_database

EXIT_USAGE = 2
EXIT_NOT_OWNER = 4
BAD_VALUES = [
    ("SYNC_BATCH_SIZE", "many", "1"),
    ("SYNC_BATCH_SIZE", "0", "1"),
    ("SYNC_LANES", "-1", "1"),
    ("SYNC_LANES", "4x", "1"),
    ("SYNC_PERSIST_QUEUE", "perhaps", "true"),
    ("SYNC_HTTP_LISTEN", "127.0.0.1:99999", "65535"),
    ("SYNC_ON_DROP", "explode", "archive"),
    ("SYNC_ORDERING", "total", "one of document, strict"),
    ("SYNC_LOG_LEVEL", "loud", "debug"),
    ("MONGODB_LOCAL_URI", "http://127.0.0.1/", "mongodb://"),
    ("MONGODB_ATLAS_URI", "127.0.0.1:27017", "mongodb://"),
]


def output_of(daemon: MirrorDaemon) -> str:
    return daemon.log_text() + daemon.output.read_text()


@pytest.mark.parametrize(("name", "value", "allowed"), BAD_VALUES)
def test_bad_value_names_setting_value_and_what_is_allowed(world: World, name: str, value: str, allowed: str) -> None:
    daemon = world.daemon(**{name: value}).start(ready=False)
    assert daemon.ended(30) == EXIT_USAGE, output_of(daemon)
    output = output_of(daemon)
    assert name in output and allowed in output, output
    # What cannot be read as a URI may still hold a password, so it is not repeated.
    assert (value in output) != (name == "MONGODB_ATLAS_URI"), output
    assert not (daemon.data / "api-address").exists()


def test_bad_flag_is_refused_as_the_setting_is(world: World) -> None:
    daemon = world.daemon().start("--batch-size", "many", ready=False)
    assert daemon.ended(30) == EXIT_USAGE
    assert "batch-size" in output_of(daemon).lower() or "SYNC_BATCH_SIZE" in output_of(daemon)


def test_unknown_flag(world: World) -> None:
    done = world.daemon().command("run", "--no-such-flag")
    assert done.returncode == EXIT_USAGE
    assert "no-such-flag" in done.stderr + done.stdout


def test_missing_backup_uri_says_what_to_set(world: World) -> None:
    daemon = world.daemon()
    del daemon.settings["MONGODB_ATLAS_URI"]
    daemon.start(ready=False)
    assert daemon.ended(30) == EXIT_USAGE
    assert "MONGODB_ATLAS_URI" in output_of(daemon)


@pytest.mark.parametrize("winner", ["dotenv", "environment", "flag"])
def test_flag_before_environment_before_dotenv(world: World, winner: str) -> None:
    """Seen by which data directory the daemon makes."""
    daemon = world.daemon()
    places = {each: daemon.folder / f"from-{each}" for each in ("dotenv", "environment", "flag")}
    uri = with_database(world.pair.local_uri, world.database)
    (daemon.folder / ".env").write_text(f"# settings\nMONGODB_LOCAL_URI={uri}\nSYNC_DATA_DIR=\"{places['dotenv']}\"\n")
    del daemon.settings["MONGODB_LOCAL_URI"]
    flags: tuple[str, ...] = ()
    daemon.settings["SYNC_DATA_DIR"] = str(places["environment"])
    if winner == "flag":
        flags = ("--data-dir", str(places["flag"]))
    if winner == "dotenv":
        del daemon.settings["SYNC_DATA_DIR"]
    started = daemon.start(*flags, ready=False)
    daemon.settings["SYNC_DATA_DIR"] = str(places[winner])
    started.await_api()
    made = [each for each, place in places.items() if place.exists()]
    assert made == [winner]
    assert daemon.stop() == 0


def test_sighup_reads_the_settings_again(world: World) -> None:
    daemon = world.daemon()
    dotenv = daemon.folder / ".env"
    dotenv.write_text("SYNC_MAX_OPS_PER_SECOND=1\nSYNC_LANES=2\n")
    for name in ("SYNC_LOG_LEVEL", "SYNC_LANES", "SYNC_MAX_OPS_PER_SECOND"):
        daemon.settings.pop(name, None)
    daemon.start()

    def hang_up(text: str, until: str) -> dict:
        dotenv.write_text(text)
        before = len(daemon.log_text().splitlines())
        daemon.process.send_signal(signal.SIGHUP)

        def told() -> dict | None:
            lines = map(json.loads, daemon.log_text().splitlines()[before:])
            return next((line for line in lines if until in line["message"]), None)

        eventually(told, 30, until)
        return told() or {}

    world.settle()
    world.db.things.insert_many([{"_id": n} for n in range(500)])
    eventually(lambda: world.copy.things.count_documents({}) > 0, 30, "the first of them")
    refused = hang_up("SYNC_MAX_OPS_PER_SECOND=0\nSYNC_LOG_LEVEL=loud\n", "settings are bad")
    assert refused["level"] == "error" and "SYNC_LOG_LEVEL" in refused["message"] and "stay" in refused["message"]
    assert world.copy.things.count_documents({}) < 100, "nothing of a bad file counts: the rate is one per second"

    better = "SYNC_MAX_OPS_PER_SECOND=0\nSYNC_LANES=3\nSYNC_LOG_LEVEL=debug\n"
    assert hang_up(better, "wait for a restart")["settings"] == "SYNC_LANES"
    world.settle()
    assert hang_up(better, "wait for a restart")["settings"] == "SYNC_LANES", "it still waits"
    lines = [line for line in map(json.loads, daemon.log_text().splitlines()) if line["message"] == "read again"]
    assert [line["changed"] for line in lines] == ["SYNC_MAX_OPS_PER_SECOND, SYNC_LOG_LEVEL", ""]
    assert "synced" in {line["message"] for line in map(json.loads, daemon.log_text().splitlines())}, "told at debug"
    assert daemon.stop() == 0


def test_only_enabled_true_mirrors(world: World) -> None:
    """With SYNC_ENABLED unset or anything but `true` the API serves and nothing is touched, on either side."""
    world.db.things.insert_one({"_id": 1})
    daemon = world.daemon()
    for value in (None, "TRUE please", "1", "yes"):
        if value is None:
            daemon.settings.pop("SYNC_ENABLED")
        else:
            daemon.settings["SYNC_ENABLED"] = value
        daemon.start()
        assert daemon.request("GET", "/api/sync/metrics").status == HTTP_OK
        assert daemon.request("GET", "/api/sync/status").body["enabled"] is False
        world.db.things.insert_one({"off": value})
        assert daemon.wait(1).status != HTTP_OK, "wait cannot promise anything while the mirror is off"
        assert daemon.stop() == 0
    assert world.database not in world.backup.list_database_names()
    assert set(world.db.list_collection_names()) == {"things"}


def test_second_daemon_on_the_same_data_directory(world: World) -> None:
    first = world.mirror()
    second = world.daemon("second", SYNC_DATA_DIR=str(first.data))
    done = second.command("run", timeout=60)
    assert done.returncode == EXIT_NOT_OWNER, done.stderr
    assert str(first.data) in done.stderr, done.stderr
    assert first.request("GET", "/api/sync/metrics").status == HTTP_OK, "the first must not notice"
    assert first.running


def test_excluded_and_included_collections(world: World) -> None:
    for name in ("orders", "orders_old", "cache_a", "cache_b"):
        world.db[name].insert_one({"_id": name})
    world.mirror(SYNC_INCLUDED_COLLECTIONS="orders*,cache_*", SYNC_EXCLUDED_COLLECTIONS="cache_b,*_old")
    world.db.cache_a.insert_one({"_id": "live"})
    world.db.cache_b.insert_one({"_id": "live"})
    world.settle()
    copied = {name for name in world.copy.list_collection_names() if not name.startswith("__")}
    assert copied == {"orders", "cache_a"}
    assert world.copy.cache_a.count_documents({}) == 2


def test_database_in_the_backup_uri_is_where_it_goes(world: World) -> None:
    other = world.database + "_to"
    world.extra_databases.append(other)
    world.db.things.insert_one({"_id": 1})
    world.mirror(MONGODB_ATLAS_URI=with_database(world.pair.backup_uri, other))
    world.db.things.insert_one({"_id": 2})
    world.settle()
    assert world.backup[other].things.count_documents({}) == 2
    assert world.database not in world.backup.list_database_names()
    assert world.verify()["equal"] is True


def test_text_log_is_for_people(world: World) -> None:
    daemon = world.daemon().start("--log-format", "text", "--log-level", "debug")
    assert daemon.stop() == 0
    assert daemon.log_text().strip()
    assert not daemon.log_lines()


def test_json_log_is_one_object_per_line(world: World) -> None:
    daemon = world.mirror()
    assert daemon.stop() == 0
    lines = daemon.log_text().splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict), line


@pytest.mark.no_binary
def test_environment_of_the_tests_is_clean() -> None:
    assert not [name for name in clean_environment({}) if name.startswith(("SYNC_", "MONGODB_"))]
