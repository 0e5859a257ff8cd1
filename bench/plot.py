#!/usr/bin/env python3
"""Draws what bench/run has measured, for docs/benchmarks.md. `bench/run --plot` installs what it needs and calls it.

Input    build/reports/bench.json, every run of it
Output   docs/images/bench-<scenario>.png, one for each scenario that was measured; the others stay as they are
Looks    every run is a dot, the bar is the median, a red stroke is what is wanted. Dark on a light card of its own, so
         that it can be read on light and on dark pages; few colours, so that a picture has about 10 KB
"""
from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (needs to be told what draws)
from matplotlib.axes import Axes  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
CARD, INK, FAINT = "#f4f6f8", "#1f2933", "#c3ccd5"
OURS, THEIRS, RUN, WANTED = "#0f9d8a", "#9aa5b1", "#13362f", "#c2410c"
DOTS_PER_INCH, COLOURS = 110, 64
INCHES_WIDE, INCHES_A_ROW, INCHES_AROUND = 9.0, 0.36, 0.85
BYTES_MAX = 60_000


@dataclass(frozen=True)
class Row:
    """`name` is that of a number of the scenario; `ours`: of dualsync, not of what it is compared with."""

    label: str
    name: str
    ours: bool = True
    wanted: float | None = None


@dataclass(frozen=True)
class Panel:
    """One diagram."""

    title: str
    rows: tuple[Row, ...]


QUEUE_LOADS = ("updates", "documents", "mixed")
PICTURES: dict[str, tuple[Panel, ...]] = {
    "catch-up": (
        Panel("catch-up: events a second (more is better)", (
            Row("dualsync", "eventsPerSecond", wanted=20_000),
            Row("limit: bare loop", "bareLoopEventsPerSecond", ours=False),
            Row("limit: bare reader", "bareReaderEventsPerSecond", ours=False),
            Row("PCSM", "pcsmEventsPerSecond", ours=False),
            Row("MongoShake", "mongoshakeEventsPerSecond", ours=False))),
        Panel("CPU microseconds an event (less is better)", (
            Row("dualsync", "cpuMicrosecondsPerEvent", wanted=10),
            Row("only reading", "bareReaderCpuMicrosecondsPerEvent", ours=False),
            Row("PCSM", "pcsmCpuMicrosecondsPerEvent", ours=False),
            Row("MongoShake", "mongoshakeCpuMicrosecondsPerEvent", ours=False)))),
    "copy": (
        Panel("copy: documents a second (more is better)", (
            Row("dualsync", "documentsPerSecond"),
            Row("dump | restore", "dumpRestoreDocumentsPerSecond", ours=False),
            Row("PCSM", "pcsmDocumentsPerSecond", ours=False),
            Row("MongoShake", "mongoshakeDocumentsPerSecond", ours=False))),
        Panel("CPU microseconds a document (less is better)", (
            Row("dualsync", "cpuMicrosecondsPerDocument"),
            Row("PCSM", "pcsmCpuMicrosecondsPerDocument", ours=False),
            Row("MongoShake", "mongoshakeCpuMicrosecondsPerDocument", ours=False)))),
    "lag": (
        Panel("lag: milliseconds at 500 inserts a second", (
            Row("p50", "p50Milliseconds", wanted=2.5), Row("p99", "p99Milliseconds", wanted=6),
            Row("p99.9", "p99.9Milliseconds"), Row("stream alone, p50", "streamP50Milliseconds", ours=False),
            Row("stream alone, p99", "streamP99Milliseconds", ours=False))),
        Panel("CPU microseconds an operation", (Row("dualsync", "cpuMicrosecondsPerOperation", wanted=100),))),
    "queue": (
        Panel("queue: operations a second, in memory", tuple(
            Row(load, f"enqueue memory {load} perSecond", wanted=300_000) for load in QUEUE_LOADS)),
        Panel("every batch of 1,000 synced", tuple(
            Row(load, f"enqueue durable {load} perSecond", wanted=100_000) for load in QUEUE_LOADS))),
    "link": (
        Panel("link: per cent of 20 Mbit/s used (more is better)", (
            Row("1 KB documents", "percentOfTheBandwidth1KB", wanted=90),
            Row("100 KB documents", "percentOfTheBandwidth100KB", wanted=90))),
        Panel("an update, per cent of its document's bytes", (
            Row("dualsync", "updatePercentOfWholeDocuments", wanted=40),))),
}


def measured(panel: Panel, runs: list[dict[str, float]]) -> list[tuple[Row, list[float]]]:
    rows = [(row, [run[row.name] for run in runs if row.name in run]) for row in panel.rows]
    return [(row, values) for row, values in rows if values]


def draw(axes: Axes, panel: Panel, rows: list[tuple[Row, list[float]]], rows_of_all: int) -> None:
    labels = []
    for place, (row, values) in enumerate(rows):
        median = statistics.median(values)
        axes.barh(place, median, color=OURS if row.ours else THEIRS, height=0.62, zorder=2)
        axes.plot(values, [place] * len(values), "o", color=RUN, markersize=3.2, alpha=0.75, zorder=3)
        if row.wanted is not None:
            axes.plot([row.wanted] * 2, [place - 0.42, place + 0.42], color=WANTED, linewidth=2, zorder=4)
        labels.append(row.label + (f"\n(wanted: {row.wanted:,g})" if row.wanted is not None else ""))
        axes.annotate(f"{median:,.0f}" if median >= 1000 else f"{median:.3g}", (max(values), place), xytext=(6, 0),
                      textcoords="offset points", va="center", fontsize=8.5, color=INK, zorder=5,
                      bbox={"facecolor": CARD, "edgecolor": "none", "alpha": 0.85, "pad": 0.6})
    axes.set_yticks(range(len(rows)), labels, fontsize=8, color=INK)
    axes.set_ylim(rows_of_all - 0.5, -0.5)
    axes.margins(x=0.18)
    axes.set_title(panel.title, fontsize=9.5, color=INK, loc="left")
    axes.set_facecolor(CARD)
    axes.grid(axis="x", color=FAINT, linewidth=0.7, zorder=0)
    axes.tick_params(axis="x", labelsize=8, colors=INK)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
    for side in axes.spines.values():
        side.set_visible(False)


def picture(scenario: str, runs: list[dict[str, float]]) -> bytes | None:
    """None if nothing of it was measured."""
    panels = [(panel, measured(panel, runs)) for panel in PICTURES[scenario]]
    panels = [(panel, rows) for panel, rows in panels if rows]
    if not panels:
        return None
    rows_of_all = max(len(rows) for _, rows in panels)
    height = INCHES_AROUND + INCHES_A_ROW * rows_of_all
    figure, all_axes = pyplot.subplots(1, len(panels), figsize=(INCHES_WIDE, height), squeeze=False, facecolor=CARD)
    for axes, (panel, rows) in zip(all_axes[0], panels, strict=True):
        draw(axes, panel, rows, rows_of_all)
    figure.tight_layout(w_pad=2.5)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH, facecolor=CARD)
    pyplot.close(figure)
    few_colours = Image.open(drawn).convert("RGB").quantize(COLOURS)
    small = io.BytesIO()
    few_colours.save(small, format="png", optimize=True)
    return small.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/run --plot", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, default=ROOT / "build" / "reports" / "bench.json")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images", help="folder of the pictures")
    options = parser.parse_args()
    if not options.input.is_file():
        print(f"{options.input} is not there: run bench/run first", file=sys.stderr)
        return 1
    scenarios = json.loads(options.input.read_text())["scenarios"]
    options.output.mkdir(parents=True, exist_ok=True)
    for scenario in PICTURES:
        drawn = picture(scenario, scenarios[scenario]["runs"]) if scenario in scenarios else None
        if drawn is None:
            print(f"{scenario}: not measured, no new picture")
            continue
        if len(drawn) > BYTES_MAX:
            print(f"{scenario}: the picture has {len(drawn):,} bytes, more than {BYTES_MAX:,}", file=sys.stderr)
            return 1
        file = options.output / f"bench-{scenario}.png"
        file.write_bytes(drawn)
        print(f"{file}: {len(drawn):,} bytes, {len(scenarios[scenario]['runs'])} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
