"""The progress line of ./quickstart: a bar on a terminal, a plain line every few seconds elsewhere."""
from __future__ import annotations

import shutil
import sys
import time


class Progress:
    """Draws loaded, mirrored, queue and RPO, as the daemon's metrics say. Called from one thread."""

    SECONDS = 0.25           # between two looks
    PLAIN_SECONDS = 3.0      # between two lines where there is no terminal
    BAR_CHARACTERS = 24

    def __init__(self, daemon, loader) -> None:
        self._daemon = daemon
        self._loader = loader
        self._terminal = sys.stdout.isatty()
        self._last = 0.0
        self._started = time.monotonic()

    def draw(self, done: bool = False) -> None:
        """One look at the metrics. `done`: the last one, everything is on the backup, some of it by the first copy."""
        now = time.monotonic()
        if not done and now - self._last < (self.SECONDS if self._terminal else self.PLAIN_SECONDS):
            return
        self._last = now
        text = self._text(now, done)
        if self._terminal:
            width = max(20, shutil.get_terminal_size().columns - 1)
            sys.stdout.write("\r" + text[:width].ljust(width))
        else:
            sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def end(self) -> None:
        if self._terminal:
            sys.stdout.write("\n")
            sys.stdout.flush()

    def _text(self, now: float, done: bool) -> str:
        try:
            metrics = self._daemon.metrics() or {}
        except OSError:
            metrics = {}
        mirrored = metrics.get("successfulSyncs") or 0
        rpo = metrics.get("rpoSeconds")
        parts = [f"{now - self._started:5.1f} s"]
        if self._loader:
            share = 1.0 if done else min(0.99, mirrored / self._loader.total)
            full = round(share * self.BAR_CHARACTERS)
            parts.append(f"[{'#' * full}{'.' * (self.BAR_CHARACTERS - full)}] {share:4.0%}")
            parts.append(f"loaded {self._loader.loaded:,}")
        parts.append(f"mirrored {mirrored:,}")
        parts.append(f"queue {metrics.get('queueSize') or 0:,}")
        parts.append("RPO -" if rpo is None else f"RPO {rpo:.1f} s")
        return "  ".join(parts)
