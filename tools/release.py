#!/usr/bin/env python3
"""Makes a release: version, changelog, every test, commit, tag, packages, notes. It pushes nothing.

Run      tools/release.py VERSION [--dry-run] [--checks COMMAND] [--no-packages]
Needs    a clean tree on a branch; at least one change; a version that is newer than the last tag
Writes   one commit `release: VERSION`, the tag vVERSION with the notes, and build/release-VERSION with the packages,
         NOTES.md and SHA256SUMS
Errors   exit 1 with the step that failed. Before the commit everything is put back; the commit and the tag come last
"""
from __future__ import annotations

import argparse
import datetime
import email.utils
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import changelog
import version as versions

ROOT = Path(__file__).resolve().parent.parent
MAINTAINER = re.compile(r"^ -- (.+?>)  ", re.MULTILINE)


class ReleaseError(RuntimeError):
    """A step that did not do what it should; the text says what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"git {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def shell(root: Path, step: str, *command: str) -> None:
    say(f"== {step}: {' '.join(command)}")
    code = subprocess.run(command, cwd=root, check=False).returncode
    if code != 0:
        raise ReleaseError(f"{step}: {' '.join(command)} ended with {code}")


def parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def preflight(root: Path, version: str) -> str:
    """Everything that would stop the release later. Returns the branch."""
    if not re.fullmatch(versions.NUMBER, version):
        raise ReleaseError(f"{version!r} is no version such as 1.2.3")
    changed = git(root, "status", "--porcelain")
    if changed:
        raise ReleaseError(f"the tree has changes that are not committed; commit or stash them:\n{changed}")
    branch = git(root, "branch", "--show-current")
    if not branch:
        raise ReleaseError("no branch is checked out (detached HEAD)")
    tags = [tag[1:] for tag in git(root, "tag", "--list", "v*").splitlines() if re.fullmatch(versions.NUMBER, tag[1:])]
    newest = max(tags, key=parts, default=None)
    if newest and parts(version) <= parts(newest):
        raise ReleaseError(f"{version} is not newer than {newest}, the last tag")
    if parts(version) < parts(versions.current(root)):
        raise ReleaseError(f"{version} is older than {versions.current(root)} in CMakeLists.txt")
    wrong = versions.problems(root)
    if wrong:
        raise ReleaseError("\n".join(wrong))
    if not changelog.notes(changelog.merged(root)):
        raise ReleaseError("nothing has changed: no file in changes/unreleased, and [Unreleased] is empty")
    return branch


def debian_entry(root: Path, version: str, now: datetime.datetime) -> None:
    """The packages' own changelog points to the project's. An entry that was never released is replaced."""
    file = root / "packaging" / "deb" / "changelog"
    text = file.read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"^(?=dualsync \()", text, flags=re.MULTILINE)
               if entry and "UNRELEASED" not in entry.splitlines()[0]]
    maintainer = MAINTAINER.search(text)
    if not maintainer:
        raise ReleaseError("packaging/deb/changelog: names no maintainer")
    entries.insert(0, f"dualsync ({version}) bookworm; urgency=medium\n\n  * Release {version}; what changed is in "
                      f"CHANGELOG.md.gz.\n\n -- {maintainer.group(1)}  {email.utils.format_datetime(now)}\n")
    file.write_text("\n".join(entry.rstrip("\n") + "\n" for entry in entries), encoding="utf-8")


def write(root: Path, version: str) -> str:
    """Version and changelogs, in the tree only. Returns the notes."""
    now = datetime.datetime.now(datetime.timezone.utc)
    versions.set_version(root, version)
    debian_entry(root, version, now)
    body = changelog.release(root, version, now.date().isoformat())
    wrong = versions.problems(root)
    if wrong:
        raise ReleaseError("\n".join(wrong))
    return body


def packages(root: Path, version: str, folder: Path) -> None:
    shell(root, "packages", "cmake", "--preset", "release")
    shell(root, "packages", "cmake", "--build", "--preset", "release", "--target", "dualsync", "dualsync_shared")
    shell(root, "packages", "cpack", "--config", "build/release/CPackConfig.cmake", "-B", str(folder))
    shutil.rmtree(folder / "_CPack_Packages", ignore_errors=True)
    made = sorted(file for file in folder.iterdir() if file.suffix in (".deb", ".gz"))
    if not made or not all(version in file.name for file in made):
        raise ReleaseError(f"packages: not all of {[file.name for file in made]} are of {version}")
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in made]
    (folder / "SHA256SUMS").write_text("".join(sums))


def release(root: Path, version: str, checks: str, with_packages: bool) -> None:
    folder = root / "build" / f"release-{version}"
    try:
        body = write(root, version)
        shell(root, "checks", "bash", "-c", checks)
        folder.mkdir(parents=True, exist_ok=True)
        if with_packages:
            packages(root, version, folder)
        (folder / "NOTES.md").write_text(f"# dualsync {version}\n\n{body}\n", encoding="utf-8")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", f"release: {version}")
    except BaseException:
        # The tree was clean: what is different now was written here.
        git(root, "reset", "--hard", "--quiet")
        say("put back: the tree is as it was")
        raise
    git(root, "tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--file", str(folder / "NOTES.md"))
    say(f"released {version}: {git(root, 'log', '-1', '--format=%h %s')}, tag v{version}, {folder.relative_to(root)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true", help="could it be made? Shows the notes, changes nothing")
    parser.add_argument("--checks", default="./test", help="what has to pass (default: ./test, all of it)")
    parser.add_argument("--no-packages", action="store_true")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    root, version = arguments.root.resolve(), arguments.version
    try:
        branch = preflight(root, version)
        if arguments.dry_run:
            say(f"{version} can be released from {branch} ({versions.current(root)} now). It would write the version\n"
                f"and the changelogs, run {arguments.checks}, make packages, commit, tag v{version}. Notes:\n")
            say(changelog.notes(changelog.merged(root)))
            return 0
        release(root, version, arguments.checks, not arguments.no_packages)
    except (ReleaseError, changelog.ChangelogError, versions.VersionError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    say(f"look at it, then: git push origin {branch} v{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
