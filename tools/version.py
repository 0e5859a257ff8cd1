#!/usr/bin/env python3
"""The version is in CMakeLists.txt. What cannot read it there is listed here, set by a release and checked.

Run      tools/version.py show | check | set VERSION    [--root DIR]
Errors   exit 1, one line for each place that says something else
"""
from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBER = r"\d+\.\d+\.\d+"
SOURCE = ("CMakeLists.txt", rf"(project\(dualsync VERSION )({NUMBER})")
# file -> what stands before the version there. The rest of the product takes it from CMake: the program, libdualsync,
# CMake's and pkg-config's files, the packages.
PLACES = (
    ("bindings/mongoose/package.json", rf'(^  "version": ")({NUMBER})'),
    ("bindings/mongoose/package-lock.json", rf'(\A.{{0,60}}"version": ")({NUMBER})'),
    ("bindings/mongoose/package-lock.json", rf'("": \{{\s*"name": "dualsync-mongoose",\s*"version": ")({NUMBER})'),
    ("packaging/man/dualsync.1", rf'("dualsync )({NUMBER})'),
    ("packaging/deb/changelog", rf"(\Adualsync \()({NUMBER})"),
)
# The library's package carries the first two numbers in its name: file -> what stands before them.
SERIES = (("docs/packages.md", r"(libdualsync)(\d+\.\d+)"),)


class VersionError(RuntimeError):
    """A place that does not say a version where it should."""


def find(root: Path, name: str, pattern: str) -> re.Match[str]:
    found = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if not found:
        raise VersionError(f"{name}: no version where it is looked for ({pattern})")
    return found


def current(root: Path = ROOT) -> str:
    return find(root, *SOURCE).group(2)


def series(version: str) -> str:
    return version.rpartition(".")[0]


def problems(root: Path) -> list[str]:
    version = current(root)
    wanted = [(*place, version) for place in PLACES] + [(*place, series(version)) for place in SERIES]
    return [f"{name}: says {said}, CMakeLists.txt {version}" for name, pattern, right in wanted
            if (said := find(root, name, pattern).group(2)) != right]


def set_version(root: Path, version: str) -> None:
    """Everywhere but in packaging/deb/changelog, which gets an entry of its own."""
    if not re.fullmatch(NUMBER, version):
        raise VersionError(f"{version!r} is no version such as 1.2.3")
    for name, pattern, new in [(*SOURCE, version), *((*place, version) for place in PLACES),
                               *((*place, series(version)) for place in SERIES)]:
        if name == "packaging/deb/changelog":
            continue
        text = (root / name).read_text(encoding="utf-8")
        find(root, name, pattern)
        text = re.sub(pattern, rf"\g<1>{new}", text, flags=re.MULTILINE | re.DOTALL)
        (root / name).write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show")
    commands.add_parser("check")
    commands.add_parser("set").add_argument("version")
    arguments = parser.parse_args()
    try:
        if arguments.command == "set":
            set_version(arguments.root, arguments.version)
        wrong = problems(arguments.root) if arguments.command == "check" else []
        print("\n".join(wrong) or current(arguments.root))
    except VersionError as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
