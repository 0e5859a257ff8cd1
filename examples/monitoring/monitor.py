#!/usr/bin/env python3
"""Prometheus (and with --docker Grafana) for the dualsync of one data directory. See README.md beside this file.

Run      ./monitor.py --data DIR [--docker] [--listen HOST:PORT] [--interval 15s] [--work DIR]
Writes   into --work: the configuration, the alert rules, the daemon's address, a copy of its token (mode 0600), and
         what Prometheus stores
Life     becomes Prometheus (or docker compose): Ctrl-C and SIGTERM end it
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGING = HERE.parent.parent / "packaging"
CACHE = Path(os.environ.get("DUALSYNC_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dualsync")


def read_line(file: Path) -> str:
    """The daemon writes both files when it starts."""
    try:
        return file.read_text().strip()
    except OSError as error:
        sys.exit(f"monitor: {error.strerror}: {file}. Is dualsync running, and is --data its SYNC_DATA_DIR?")


def write_private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def prepare(work: Path, data: Path, interval: str) -> None:
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    (work / "tsdb").mkdir(exist_ok=True)
    shutil.copyfile(PACKAGING / "prometheus" / "alerts.yml", work / "alerts.yml")
    write_private(work / "token", read_line(data / "api-token"))
    (work / "targets.json").write_text(json.dumps([{"targets": [read_line(data / "api-address")]}]))
    (work / "prometheus.yml").write_text((HERE / "prometheus.yml").read_text().replace("15s", interval))


def find_prometheus() -> str:
    # tools/setup.sh takes it out of Debian's package, without installing that (which would start a server).
    found = shutil.which("prometheus") or shutil.which(CACHE / "promtool" / "prometheus")
    if not found:
        sys.exit("monitor: no prometheus here. tools/setup.sh promtool gets Debian's; or use --docker")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SYNC_DATA_DIR", "data")),
                        help="the daemon's data directory (default: SYNC_DATA_DIR, else ./data)")
    parser.add_argument("--docker", action="store_true", help="Prometheus and Grafana by docker compose")
    parser.add_argument("--listen", default="127.0.0.1:9090", help="where Prometheus listens, without --docker")
    parser.add_argument("--interval", default="15s", help="how often it asks the daemon")
    parser.add_argument("--work", type=Path, default=CACHE / "monitoring")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    prepare(work, arguments.data, arguments.interval)
    if arguments.docker:
        print("Prometheus http://127.0.0.1:9090   Grafana http://127.0.0.1:3000", flush=True)
        environment = {**os.environ, "MONITOR_WORK": str(work), "MONITOR_USER": f"{os.getuid()}:{os.getgid()}"}
        os.execvpe("docker", ["docker", "compose", "-f", str(HERE / "compose.yaml"), "up"], environment)
    print(f"Prometheus http://{arguments.listen}", flush=True)
    os.execv(find_prometheus(), ["prometheus", f"--config.file={work / 'prometheus.yml'}",
                                 f"--storage.tsdb.path={work / 'tsdb'}", f"--web.listen-address={arguments.listen}",
                                 "--log.level=warn"])


if __name__ == "__main__":
    main()
