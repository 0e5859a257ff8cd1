"""How a version comes about: change files, the version's places, the release script, the hook. On copies."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mirror_daemon import ROOT
from world import patience

pytestmark = pytest.mark.no_binary

# Settings of whoever runs the tests must not reach into the clones.
GIT = {**{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
       "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "Tester", "GIT_AUTHOR_EMAIL": "tester@example.invalid",
       "GIT_COMMITTER_NAME": "Tester", "GIT_COMMITTER_EMAIL": "tester@example.invalid"}


def call(tree: Path, *command: str, code: int | None = 0) -> str:
    done = subprocess.run(command, cwd=tree, env=GIT, capture_output=True, text=True, timeout=patience(120),
                          check=False)
    assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return (done.stdout + done.stderr).strip()


def tool(tree: Path, name: str, *arguments: str, code: int = 0) -> str:
    return call(tree, sys.executable, f"tools/{name}.py", *arguments, code=code)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one commit: the files as they lie here, committed or not."""
    made = tmp_path / "tree"
    listed = call(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in listed:
        kept = name.startswith("tests/marks/") or not name.startswith(("tests/", "docs/images/"))
        if (ROOT / name).is_file() and kept:
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, made / name)
    call(made, "git", "init", "--quiet", "--initial-branch=main")
    call(made, "git", "add", "--all")
    call(made, "git", "commit", "--quiet", "--message", "all of it")
    return made


def change(tree: Path, name: str, text: str) -> None:
    (tree / "changes" / "unreleased" / name).write_text(text)


def commit(tree: Path) -> None:
    call(tree, "git", "add", "--all")
    call(tree, "git", "commit", "--quiet", "--message", "more")


def test_the_version_is_the_same_everywhere(tree: Path) -> None:
    assert tool(ROOT, "version", "check") == tool(ROOT, "version", "show")
    tool(tree, "version", "set", "7.8.9")
    told = tool(tree, "version", "check", code=1)
    was = tool(ROOT, "version", "show")
    assert told == f"packaging/deb/changelog: says {was}, CMakeLists.txt 7.8.9", "a release adds an entry to that"
    for name in ("bindings/mongoose/package.json", "bindings/mongoose/package-lock.json"):
        assert (tree / name).read_text() == (ROOT / name).read_text().replace(
            f'"version": "{was}"', '"version": "7.8.9"', 2), name
    assert "libdualsync7.8" in (tree / "docs/packages.md").read_text()


def test_change_files_and_the_old_section_are_merged(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n### Fixed\n\n- Old\n  in two lines.\n\n"
                                       "## [0.0.1] - 2020-01-01\n\n### Added\n\n- First.\n")
    for kind in ("added", "changed", "fixed", "security"):
        for file in (tree / "changes/unreleased" / kind).glob("*.md"):
            file.unlink()
    change(tree, "fixed/b.md", "New\nin two lines.\n")
    change(tree, "added/a.md", "Something.\n")
    tool(tree, "changelog", "release", "0.2.0", "--date", "2027-01-02")
    assert (tree / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-02\n\n### Added\n\n- Something.\n\n### Fixed\n\n"
        "- Old\n  in two lines.\n- New\n  in two lines.\n\n## [0.0.1] - 2020-01-01\n\n### Added\n\n- First.\n")
    assert not list((tree / "changes").rglob("unreleased/*/*.md"))
    assert "nothing has changed" in tool(tree, "changelog", "release", "0.3.0", code=1)


@pytest.mark.parametrize(("name", "text", "told"), [
    ("fixed/x.md", "- with a dash", "one entry as plain text"), ("fixed/x.md", "\n", "is empty"),
    ("x.md", "no kind", "belongs to"), ("fixed/x.txt", "no ending", "belongs to"),
    ("fixed/x.md", "one\n\ntwo", "several paragraphs"), ("fixed/x.md", "long " * 40, "characters")])
def test_a_bad_change_file_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    for kind in ("added", "fixed"):
        (tmp_path / "changes/unreleased" / kind).mkdir(parents=True)
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n")
    change(tmp_path, name, text)
    found = tool(ROOT, "changelog", "--root", str(tmp_path), "check", code=1)
    assert name in found and told in found


def test_this_trees_change_files() -> None:
    tool(ROOT, "changelog", "check")


def test_a_release_is_a_commit_and_a_tag_with_notes(tree: Path) -> None:
    change(tree, "added/thing.md", "A thing of the next version.\n")
    assert "not committed" in tool(tree, "release", "90.2.0", code=1), "a dirty tree is refused"
    commit(tree)
    before = call(tree, "git", "rev-parse", "HEAD")
    planned = tool(tree, "release", "90.2.0", "--dry-run")
    assert "A thing of the next version." in planned
    assert call(tree, "git", "status", "--porcelain") == "" and call(tree, "git", "tag") == ""
    assert call(tree, "git", "rev-parse", "HEAD") == before
    told = tool(tree, "release", "90.2.0", "--checks", "test -f changes/README.md && grep -q 90.2.0 CHANGELOG.md",
                "--no-packages")
    assert "git push origin main v90.2.0" in told
    assert call(tree, "git", "status", "--porcelain") == ""
    assert call(tree, "git", "log", "-1", "--format=%s", "v90.2.0") == "release: 90.2.0"
    notes = call(tree, "git", "tag", "--list", "--format=%(contents)", "v90.2.0")
    assert notes.startswith("# dualsync 90.2.0") and "### Added" in notes and "A thing of the next version." in notes
    assert tool(tree, "version", "check") == "90.2.0"
    debian = (tree / "packaging/deb/changelog").read_text()
    assert debian.startswith("dualsync (90.2.0) bookworm;") and "UNRELEASED" not in debian
    if shutil.which("dpkg-parsechangelog"):
        assert call(tree, "dpkg-parsechangelog", "-l", "packaging/deb/changelog", "-S", "Version") == "90.2.0"
    assert "not newer than 90.2.0" in tool(tree, "release", "90.2.0", "--dry-run", code=1)
    assert "nothing has changed" in tool(tree, "release", "90.3.0", "--dry-run", code=1)


def test_a_release_that_fails_leaves_the_tree_as_it_was(tree: Path) -> None:
    change(tree, "added/thing.md", "A thing.\n")
    commit(tree)
    before = call(tree, "git", "rev-parse", "HEAD")
    told = tool(tree, "release", "90.2.0", "--checks", "exit 3", code=1)
    assert "put back" in told and "ended with 3" in told
    assert call(tree, "git", "status", "--porcelain") == "" and call(tree, "git", "rev-parse", "HEAD") == before
    assert call(tree, "git", "tag") == "" and tool(tree, "version", "check") == tool(ROOT, "version", "show")


def test_the_hook_lets_good_through_and_stops_bad(tree: Path) -> None:
    call(tree, "git", "config", "core.hooksPath", "tools/hooks")
    (tree / "tools/good.py").write_text("print(1)\n")
    commit(tree)
    (tree / "tools/bad.py").write_text("print(1) \ndef broken(:\n")
    (tree / "tools/bad.sh").write_text("#!/usr/bin/env bash\nif then\n")
    change(tree, "added/bad.md", "- dash")
    package = tree / "bindings/mongoose/package.json"
    package.write_text(re.sub(r'"version": "[^"]*"', '"version": "9.9.9"', package.read_text()))
    call(tree, "git", "add", "--all")
    # What counts is what is staged, not what lies there by now.
    (tree / "tools/bad.py").write_text("print(1)\n")
    told = call(tree, "git", "commit", "--message", "bad", code=1)
    for expected in ("tools/bad.py", "bad.sh", "added/bad.md", "says 9.9.9", "not committed"):
        assert expected in told, told
    assert call(tree, "git", "log", "-1", "--format=%s") == "more"
