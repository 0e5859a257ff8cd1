"""The documentation against the program and itself: the site, commands, settings, reasons of the verdict, links."""
from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror_daemon import ROOT, clean_environment, find_binary

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINKING = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "bindings" / "mongoose" / "README.md",
           ROOT / "changes" / "README.md", ROOT / "examples" / "README.md",
           *sorted((ROOT / "examples").glob("*/README.md"))]
FENCE = re.compile(r"^\s*```")
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SETTING = re.compile(r"(?<![A-Z_])(?:SYNC_[A-Z][A-Z_]*[A-Z]|MONGODB_(?:LOCAL|ATLAS)_URI)(?![A-Z_*])")
OUTSIDE_ASSET = re.compile(r"""<(?:script|link|img|iframe)[^>]*\s(?:src|href)=["']?(?:https?:)?//[^"' >]*""")
REASON = re.compile(r"\bsay\(\s*Verdict::k\w+,\s*\"([a-z-]+)\"")
# Names of settings in the pages that the program does not have -> why they may stand there.
NOT_SETTINGS: dict[str, str] = {}
HELP_SECONDS, BUILD_SECONDS = 60, 300


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def fenced_lines(page: Path) -> Iterator[tuple[int, str]]:
    inside = False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if FENCE.match(line):
            inside = not inside
        elif inside:
            yield number, line


def unfenced_lines(page: Path) -> Iterator[tuple[int, str]]:
    fenced = dict(fenced_lines(page))
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if number not in fenced and not FENCE.match(line):
            yield number, line


def command_lines(page: Path) -> Iterator[tuple[int, str]]:
    """What follows `dualsync ` in a line of a block or in a code span."""
    for number, line in fenced_lines(page):
        if found := re.match(r"(?:\$ )?dualsync (\S.*)", line):
            yield number, found.group(1)
    for number, line in unfenced_lines(page):
        for span in SPAN.findall(line):
            if span.startswith("dualsync "):
                yield number, span.removeprefix("dualsync ")


@functools.cache
def help_of(*command: str) -> str | None:
    """What `dualsync COMMAND --help` prints; None if there is no such command."""
    done = subprocess.run([str(find_binary()), *command, "--help"], env=clean_environment({}), capture_output=True,
                          text=True, timeout=HELP_SECONDS, check=False)
    # An unknown command with --help prints the help of what is above it.
    own = re.search(rf"^Usage: {' '.join(('dualsync', *command))}(?= |$)", done.stdout, re.MULTILINE)
    return done.stdout if done.returncode == 0 and own else None


def has_flag(text: str, flag: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text) is not None


def problems_of(line: str) -> Iterator[str]:
    """`line` as people write it: `queue list|check  the queue`, `pause | resume`, `wait [--timeout 60]  # comment`."""
    usage = re.split(r"\s{2,}|\s#", line)[0]
    command = ""
    for alternative in re.split(r"\s\|\s", usage):
        # `full-sync --status | --cancel`: the second is a flag of the same command.
        words = [word.strip("[],") for word in (f"{command} " * alternative.startswith("-") + alternative).split()]
        command = words[0]
        names = [word for word in words if not word.startswith(("-", "<")) and word != "COMMAND"]
        flags = [word.split("=")[0] for word in words if word.startswith("--")]
        if not names:
            known = [help_of()]
        elif (text := help_of(names[0])) is None:
            yield f"there is no command {names[0]!r}"
            continue
        elif "Subcommands:" in text and len(names) > 1:
            known = [help_of(names[0], each) for each in names[1].split("|")]
        else:
            known = [text]
        if None in known:
            yield f"{names[0]} has no command {names[1]!r}"
            continue
        for flag in flags:
            if not any(has_flag(text or "", flag) for text in known):
                yield f"{' '.join(names[:1]) or 'dualsync'} has no flag {flag}"


def test_commands_and_flags_are_the_programs() -> None:
    checked, wrong = 0, []
    for page in PAGES:
        for number, line in command_lines(page):
            checked += 1
            wrong += [f"{name_of(page)}:{number}: `dualsync {line}`: {each}" for each in problems_of(line)]
    assert checked > 100, "hardly any command was found: are they looked for as they are written?"
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("line", ["mirror", "queue lst", "verify --fast", "wait [--time 60]  until", "pause | resum"])
def test_a_wrong_command_would_be_seen(line: str) -> None:
    assert list(problems_of(line))


def test_settings_are_the_programs() -> None:
    known = set(re.findall(r"^\| `(\w+)`", (DOCS / "settings.md").read_text(), re.MULTILINE))
    assert {"SYNC_ENABLED", "MONGODB_ATLAS_URI"} <= known
    told = help_of("run") or ""
    missing = [name for name in SETTING.findall(told) if name not in known]
    assert not missing, f"docs/settings.md lacks {missing}"
    named = {name: f"{name_of(page)}:{number}" for page in PAGES
             for number, line in enumerate(page.read_text().splitlines(), start=1) for name in SETTING.findall(line)}
    wrong = {name: where for name, where in named.items() if name not in known | NOT_SETTINGS.keys()}
    assert not wrong, f"not in docs/settings.md: {wrong}"
    assert NOT_SETTINGS.keys() <= named.keys(), "an exception that nothing needs"


def test_each_reason_of_the_verdict_is_in_the_runbook() -> None:
    reasons = set(REASON.findall((ROOT / "src" / "dualsync" / "observe" / "health.cc").read_text()))
    assert {"breaker-open", "wrong-local", "stuck"} <= reasons
    runbook = (DOCS / "operations.md").read_text().partition("## Every reason")[2].partition("\n## ")[0]
    # The last column names other things; the first names the codes, one or several.
    told = {code for line in runbook.splitlines() for code in SPAN.findall(line.split("|")[1] if "|" in line else "")}
    assert reasons == told, f"not told: {sorted(reasons - told)}; there is no: {sorted(told - reasons)}"


def test_links_lead_to_files() -> None:
    checked, wrong = 0, []
    for page in LINKING:
        for number, line in unfenced_lines(page):
            for link in LINK.findall(SPAN.sub("", line)):
                path = link.partition("#")[0]
                if not path or re.match(r"[a-z]+:", link):
                    continue
                checked += 1
                if not (page.parent / path).exists():
                    wrong.append(f"{name_of(page)}:{number}: {link}")
    assert checked > 100, "hardly any link was found"
    assert not wrong, "\n".join(wrong)


def test_the_site_builds_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Strict: a link or an anchor that leads nowhere, or a page that is in no menu, fails (mkdocs.yml)."""
    site = tmp_path / "site"
    # Not --quiet: mkdocs counts only the warnings that it prints.
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)], cwd=ROOT,
                          env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
                          timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    pages = list(site.rglob("index.html"))
    assert len(pages) == len(list(DOCS.rglob("*.md")))
    fetched = sorted(f"{page.relative_to(site)}: {each}"
                     for page in pages for each in OUTSIDE_ASSET.findall(page.read_text()))
    assert not fetched, "\n".join(fetched)
