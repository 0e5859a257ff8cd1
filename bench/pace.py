"""Writes at a set pace, and what their times say."""
from __future__ import annotations

import time
from collections.abc import Callable


def at(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[int(share * (len(values) - 1))]


def paced(count: int, per_second: float, write: Callable[[int], None]) -> float:
    """Calls write(0), write(1)... when each is due; one that is late goes at once. Returns the pace that was kept."""
    begun = time.monotonic()
    for number in range(count):
        ahead = begun + number / per_second - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        write(number)
    return count / max(time.monotonic() - begun, count / per_second)
