"""The instructions of the hot paths stay within 10 % of the stored ones. bench/hot_paths.py counts and compares."""
from __future__ import annotations

import sys

import pytest
from mirror_daemon import ROOT

sys.path.insert(0, str(ROOT / "bench"))

import hot_paths  # noqa: E402  (needs the path above)


@pytest.mark.no_binary
def test_hot_paths_take_as_many_instructions_as_before() -> None:
    built = hot_paths.combination()
    baseline = hot_paths.baselines().get(built)
    if baseline is None:
        pytest.skip(f"no baseline of instruction counts for {built}; bench/hot_paths.py --store makes one")
    wrong = hot_paths.deviations(baseline, hot_paths.count())
    assert not wrong, "\n".join([*wrong, hot_paths.HINT])


@pytest.mark.no_binary
def test_a_path_that_leaves_its_baseline_either_way_is_named() -> None:
    baseline = {"decode": 1000.0, "merge": 2000.0, "lane": 3000.0, "gone": 1.0}
    wrong = hot_paths.deviations(baseline, {"decode": 1101.0, "merge": 1799.0, "lane": 3299.0, "new": 1.0})
    assert [line.split(":")[0] for line in wrong] == ["decode", "gone", "merge", "new"]
    assert wrong[0] == "decode: 1,101 instructions an operation, baseline 1,000: +10.1%, allowed is 10% either way"
