#!/usr/bin/env python3
"""The changelog from change files: one file for each change, merged into CHANGELOG.md by a release.

Run      tools/changelog.py check | show | release VERSION [--date YYYY-MM-DD]    [--root DIR]
Reads    changes/unreleased/{added,changed,fixed,security}/*.md, each the text of one entry, without a dash; and the
         section [Unreleased] of CHANGELOG.md, whose entries come first
Writes   `release` only: the section of the version, an empty [Unreleased], and removes the change files
Errors   exit 1, one line each: `path: what is wrong`
"""
from __future__ import annotations

import argparse
import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("Added", "Changed", "Fixed", "Security")
LINE_CHARACTERS_MAX = 150
UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## \[|\Z)", re.MULTILINE | re.DOTALL)
VERSION = re.compile(r"\d+\.\d+\.\d+")


class ChangelogError(RuntimeError):
    """Something that a person has to put right."""


def change_files(root: Path) -> list[Path]:
    return sorted(file for file in (root / "changes" / "unreleased").rglob("*") if file.is_file() and
                  file.name != ".gitkeep")


def problems(root: Path) -> list[str]:
    found = []
    folders = [kind.lower() for kind in KINDS]
    for file in change_files(root):
        name = file.relative_to(root).as_posix()
        if file.parent.name not in folders or file.parent.parent.name != "unreleased" or file.suffix != ".md":
            found.append(f"{name}: belongs to changes/unreleased/{{{','.join(folders)}}}/*.md")
            continue
        text = file.read_text(encoding="utf-8").strip()
        if not text:
            found.append(f"{name}: is empty")
        elif text.startswith(("-", "*", "#")):
            found.append(f"{name}: is one entry as plain text; the dash and the heading are added by the release")
        found += [f"{name}: a line of {len(line)} characters, at most {LINE_CHARACTERS_MAX}"
                  for line in text.splitlines() if len(line) > LINE_CHARACTERS_MAX]
        if "\n\n" in text:
            found.append(f"{name}: has several paragraphs; one entry, one file")
    return found


def unreleased_section(text: str) -> dict[str, list[str]]:
    """Kind -> its entries as they stand in [Unreleased]."""
    found = UNRELEASED.search(text)
    if not found:
        raise ChangelogError("CHANGELOG.md: has no section [Unreleased]")
    entries: dict[str, list[str]] = {}
    heading, *parts = re.split(r"^### (.+)\n", found.group(1), flags=re.MULTILINE)
    if heading.strip():
        raise ChangelogError(f"CHANGELOG.md: {heading.strip().splitlines()[0]!r} is in no subsection of [Unreleased]")
    for kind, body in zip(parts[::2], parts[1::2]):
        if kind not in KINDS:
            raise ChangelogError(f"CHANGELOG.md: [Unreleased] has a subsection {kind!r}; there are {', '.join(KINDS)}")
        entries.setdefault(kind, []).extend(part.rstrip() for part in re.split(r"^(?=- )", body, flags=re.MULTILINE)
                                            if part.strip())
    return entries


def merged(root: Path) -> dict[str, list[str]]:
    wrong = problems(root)
    if wrong:
        raise ChangelogError("\n".join(wrong))
    entries = unreleased_section((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    for file in change_files(root):
        first, *rest = file.read_text(encoding="utf-8").strip().splitlines()
        kind = file.parent.name.capitalize()
        entries.setdefault(kind, []).append("\n".join([f"- {first}", *(f"  {line}" for line in rest)]))
    return entries


def notes(entries: dict[str, list[str]]) -> str:
    """The body of a section, in the order of KINDS."""
    return "\n\n".join(f"### {kind}\n\n" + "\n".join(entries[kind]) for kind in KINDS if entries.get(kind))


def release(root: Path, version: str, date: str) -> str:
    """Writes the section of the version and returns its body."""
    if not VERSION.fullmatch(version):
        raise ChangelogError(f"{version!r} is no version such as 1.2.3")
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if f"## [{version}]" in text:
        raise ChangelogError(f"CHANGELOG.md: has a section [{version}] already")
    body = notes(merged(root))
    if not body:
        raise ChangelogError("nothing has changed: no change file, and [Unreleased] is empty")
    section = f"## [Unreleased]\n\n## [{version}] - {date}\n\n{body}\n\n"
    text = UNRELEASED.sub(lambda _: section, text, count=1).rstrip() + "\n"
    (root / "CHANGELOG.md").write_text(text, encoding="utf-8")
    for file in change_files(root):
        file.unlink()
    return body


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="are the change files as they should be?")
    commands.add_parser("show", help="what the next release's section will say")
    releasing = commands.add_parser("release", help="write it")
    releasing.add_argument("version")
    releasing.add_argument("--date", default=datetime.datetime.now(datetime.timezone.utc).date().isoformat())
    arguments = parser.parse_args()
    try:
        if arguments.command == "release":
            print(release(arguments.root, arguments.version, arguments.date))
        elif arguments.command == "show":
            print(notes(merged(arguments.root)))
        else:
            merged(arguments.root)
            print(f"changelog: {len(change_files(arguments.root))} change files")
    except ChangelogError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
