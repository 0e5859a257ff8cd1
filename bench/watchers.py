"""What it costs to be watched: dashboards on /api/sync/events and a scraper of /metrics, beside a mirror under load.

Quiet phases tell the CPU that watching takes; loaded phases, watched and not by turns, how much it slows the mirror.
"""
from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable

from mirror_daemon import MirrorDaemon

DASHBOARDS = 50
QUIET_SECONDS = 20.0
LOADED_SECONDS = 6.0
ROUNDS = 8  # of an unwatched and a watched phase under load
SCRAPE_SECONDS = 1.0


class Watchers:
    """Dashboards that read events, and one scraper, until closed."""

    def __init__(self, daemon: MirrorDaemon) -> None:
        self._daemon = daemon
        self._stop = threading.Event()
        self.events = 0
        self.scrapes = 0
        self._threads = [threading.Thread(target=self._watch, daemon=True) for _ in range(DASHBOARDS)]
        self._threads.append(threading.Thread(target=self._scrape, daemon=True))

    def __enter__(self) -> Watchers:
        for thread in self._threads:
            thread.start()
        deadline = time.monotonic() + 30
        while self.events < DASHBOARDS and time.monotonic() < deadline:
            time.sleep(0.05)
        self.events = self.scrapes = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _open(self, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self._daemon.api_address(), timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self._daemon.api_token()}"})
        return connection, connection.getresponse()

    def _watch(self) -> None:
        connection, answer = self._open("/api/sync/events")
        while not self._stop.is_set():
            line = answer.readline()
            if not line:
                break
            self.events += line.startswith(b"event: sample")
        connection.close()

    def _scrape(self) -> None:
        while not self._stop.wait(SCRAPE_SECONDS):
            connection, answer = self._open("/metrics")
            answer.read()
            self.scrapes += answer.status == 200
            connection.close()


def measure(daemon: MirrorDaemon, cpu_seconds: Callable[[], float], write: Callable[[], None]) -> dict[str, float]:
    """`write` writes some operations to local; it is called without a pause in the loaded phases."""

    def quiet() -> float:
        begun = cpu_seconds()
        time.sleep(QUIET_SECONDS)
        return (cpu_seconds() - begun) / QUIET_SECONDS

    def loaded() -> tuple[float, float]:
        applied, cpu, begun = daemon.metrics()["successfulSyncs"], cpu_seconds(), time.monotonic()
        while time.monotonic() < begun + LOADED_SECONDS:
            write()
        count = daemon.metrics()["successfulSyncs"] - applied
        return count / (time.monotonic() - begun), (cpu_seconds() - cpu) * 1e6 / count

    alone = quiet()
    with Watchers(daemon) as watchers:
        watched = quiet()
        events, scrapes = watchers.events / QUIET_SECONDS / DASHBOARDS, watchers.scrapes / QUIET_SECONDS
    rates: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(ROUNDS):
        rates[False].append(loaded())
        with Watchers(daemon):
            rates[True].append(loaded())
    slowdowns = [1 - on[0] / off[0] for off, on in zip(rates[False], rates[True], strict=True)]
    return {"dashboards": DASHBOARDS, "eventsPerSecondEach": events, "scrapesPerSecond": scrapes,
            "percentOfACoreAlone": alone * 100, "percentOfACoreWatched": watched * 100,
            "percentOfACoreForWatching": (watched - alone) * 100,
            "appliedPerSecondAlone": statistics.median(rate for rate, _ in rates[False]),
            "appliedPerSecondWatched": statistics.median(rate for rate, _ in rates[True]),
            "slowdownPercent": statistics.median(slowdowns) * 100,
            "cpuMicrosecondsAlone": statistics.median(cpu for _, cpu in rates[False]),
            "cpuMicrosecondsWatched": statistics.median(cpu for _, cpu in rates[True])}
