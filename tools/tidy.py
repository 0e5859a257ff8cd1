#!/usr/bin/env python3
"""Checks what compilers and clang-tidy cannot say: layers, fences, sizes, banned calls, registered tests.

Prints one line per violation, `path:line: rule: text`; exit 1 if there is any. tools/tidy_selftest.py proves each rule.
"""
from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tidy_cpp import code_only, functions

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_CHARACTERS_MAX = 120

# Bottom up; a folder sees only folders of rows above its own.
LAYERS = (("base",), ("model",), ("codec", "ports"), ("queue", "observe", "config", "json"),
          ("mongo", "pipeline", "web", "middleware"),
          ("api", "cli", "doctor"), ("service",), ("app", "embed"))
LEVELS = {folder: level for level, row in enumerate(LAYERS) for folder in row}

# header pattern -> where it may be included, as path prefixes under src/dualsync
FENCES = (
    (r"mongoc/|mongoc\.h", ("mongo/", "middleware/", "embed/")),
    (r"bson/|bson\.h", ("codec/", "mongo/", "middleware/", "embed/")),
    (r"rocksdb/", ("queue/",)),
    (r"httplib\.h", ("api/", "cli/", "observe/web_hook.cc")),
    (r"CLI/", ("cli/",)),
    (r"spdlog/", ("base/log.cc",)),
    (r"prometheus/", ("observe/",)),
)

# call pattern -> why not, and the path prefixes under src/dualsync where it is allowed all the same
BANNED = (
    (r"\bv?sprintf\s*\(", "writes past the end; use fmt", ()),
    (r"\bstr(?:cpy|cat|tok)\s*\(", "writes past the end or keeps hidden state; use std::string", ()),
    (r"\b(?:localtime|gmtime)\s*\(", "not thread-safe; use base/time_text.h", ()),
    (r"\bstd::thread\b(?!::)", "not joined by itself; use std::jthread", ()),
    (r"(?<![\w.>:])(?:std::|::)?system\s*\(", "runs a shell", ()),
    (r"(?<![\w.>:])(?:std::|::)?_?exit\s*\(", "only app/ may end the process", ("app/",)),
    (r"(?<![\w.>:])(?:std::|::)?abort\s*\(", "only app/ may end the process", ("app/", "base/check.cc")),
)

# Written in pieces, so that this file does not contain them.
UNFINISHED = re.compile(r"\b(?:" + "|".join(("FIX" + "ME", "TO" + "DO", "X" + "XX")) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w$}.])/(?:home/\w+|root|work|Users|opt)/")
REGISTRY_HOST = re.compile(r"\b(?:crates\.io|pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|"
                           r"proxy\.golang\.org|deb\.debian\.org|archive\.ubuntu\.com)\b", re.IGNORECASE)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]')

TEXT_SUFFIXES = {".h", ".cc", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".yml", ".yaml", ".in", ".supp", ""}
SKIPPED_FOLDERS = {"build", ".git", ".cache", "data", "node_modules", "__pycache__", ".pytest_cache"}
# Kept as programs wrote it.
KEPT_DATA = ("tests/data/queue-", "tests/fuzz/corpus/")
# They name what they look for.
SELF = {"tools/tidy.py", "tools/tidy_selftest.py"}


@dataclass(frozen=True)
class Violation:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


class Tree:
    """The files of one source tree, read once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> dict[str, str]:
        found = {}
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            # Only at the top: src may have a folder of any name.
            nested = {"__pycache__", "node_modules"} & set(relative.parts)
            if relative.parts[0] in SKIPPED_FOLDERS or nested or not path.is_file():
                continue
            if path.suffix not in TEXT_SUFFIXES or relative.as_posix().startswith(KEPT_DATA):
                continue
            try:
                found[relative.as_posix()] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
        return found

    def cpp(self, *prefixes: str) -> Iterator[tuple[str, str]]:
        for path, text in self.files.items():
            if path.endswith((".h", ".cc")) and path.startswith(prefixes):
                yield path, text


def includes(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def declared_dependencies(tree: Tree, folder: str) -> set[str] | None:
    """The folders in DEPS of a folder's CMakeLists.txt; None if it has no dualsync_library."""
    text = tree.files.get(f"src/dualsync/{folder}/CMakeLists.txt", "")
    text = re.sub(r"#.*", "", text)
    found = re.search(r"dualsync_library\s*\(([^)]*)\)", text)
    if not found:
        return None
    words = found.group(1).split()
    return set(words[words.index("DEPS") + 1:]) if "DEPS" in words else set()


def check_layers(tree: Tree) -> Iterator[Violation]:
    for path, text in tree.cpp("src/dualsync/"):
        folder = path.split("/")[2]
        if folder not in LEVELS:
            yield Violation(path, 1, "layer", f"folder {folder} has no place in LAYERS of tools/tidy.py")
            continue
        dependencies = declared_dependencies(tree, folder)
        for number, header in includes(text):
            if not header.startswith("dualsync/") or header.count("/") < 2:
                continue
            other = header.split("/")[1]
            if other == folder or other not in LEVELS:
                continue
            if LEVELS[other] >= LEVELS[folder]:
                yield Violation(path, number, "layer", f"{folder} may not see {other}")
            elif dependencies is not None and other not in dependencies:
                yield Violation(path, number, "deps", f"{other} is not in DEPS of src/dualsync/{folder}/CMakeLists.txt")


def check_layer_order(tree: Tree) -> Iterator[Violation]:
    """src/dualsync/CMakeLists.txt adds the folders bottom up, each of them."""
    path = "src/dualsync/CMakeLists.txt"
    found = re.search(r"foreach\(folder ([^)]*)\)", tree.files.get(path, ""))
    if not found:
        yield Violation(path, 1, "layer-order", "no foreach(folder ...) with the folders bottom up")
        return
    folders = found.group(1).split()
    for before, after in zip(folders, folders[1:]):
        if LEVELS.get(before, 0) > LEVELS.get(after, 0):
            yield Violation(path, 1, "layer-order", f"{after} stands after {before}, which is a higher layer")
    for folder in set(LEVELS) ^ set(folders):
        yield Violation(path, 1, "layer-order", f"{folder} is not in both this list and LAYERS of tools/tidy.py")


def check_fences(tree: Tree) -> Iterator[Violation]:
    for path, text in tree.cpp("src/dualsync/"):
        inside = path.removeprefix("src/dualsync/")
        for number, header in includes(text):
            for pattern, allowed in FENCES:
                if re.match(pattern, header) and not inside.startswith(allowed):
                    yield Violation(path, number, "fence", f"<{header}> belongs to {', '.join(allowed)}")


def check_sizes(tree: Tree) -> Iterator[Violation]:
    for path, text in tree.files.items():
        if not path.endswith((".h", ".cc", ".py")):
            continue
        lines = text.splitlines()
        if len(lines) > FILE_LINES_MAX:
            yield Violation(path, len(lines), "file-length", f"{len(lines)} lines, at most {FILE_LINES_MAX}")
        for number, line in enumerate(lines, start=1):
            if len(line) > LINE_CHARACTERS_MAX:
                yield Violation(path, number, "line-length", f"{len(line)} characters, at most {LINE_CHARACTERS_MAX}")
        for first, last, name in (python_functions(text) if path.endswith(".py") else functions(text)):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield Violation(path, first, "function-length",
                                f"{name}: {last - first + 1} lines, at most {FUNCTION_LINES_MAX}")


def python_functions(text: str) -> Iterator[tuple[int, int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            yield node.lineno, node.end_lineno or node.lineno, node.name


def check_banned(tree: Tree) -> Iterator[Violation]:
    for path, text in tree.cpp("src/", "tests/", "bench/"):
        inside = path.removeprefix("src/dualsync/")
        product = path.startswith("src/")
        for number, line in enumerate(code_only(text).splitlines(), start=1):
            for pattern, why, allowed in BANNED:
                # What ends the process is banned in the product; a test or benchmark program may.
                if "end the process" in why and (not product or inside.startswith(allowed)):
                    continue
                found = re.search(pattern, line)
                if found:
                    yield Violation(path, number, "banned", f"{found.group(0).strip()}: {why}")


def check_words(tree: Tree) -> Iterator[Violation]:
    for path, text in tree.files.items():
        if path in SELF:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if UNFINISHED.search(line):
                yield Violation(path, number, "unfinished", "finish it, or file an issue and say so in the docs")
            if MACHINE_PATH.search(line):
                yield Violation(path, number, "machine-path", "a path of one machine")
            if REGISTRY_HOST.search(line):
                yield Violation(path, number, "registry-host", "name the package, not the registry's host")
            if line != line.rstrip():
                yield Violation(path, number, "trailing-space", "spaces at the end of the line")
            if "\t" in line and not path.endswith((".md", ".txt")):
                yield Violation(path, number, "tab", "indent with spaces")


def check_tests_registered(tree: Tree) -> Iterator[Violation]:
    """A test that is not built passes for ever."""
    for path, _ in tree.cpp("tests/"):
        if not path.endswith(("_test.cc", "_props.cc")):
            continue
        name = path.rsplit("/", 1)[1]
        parts = path.split("/")[:-1]
        lists = ["/".join([*parts[:depth], "CMakeLists.txt"]) for depth in range(1, len(parts) + 1)]
        if not any(re.search(rf"(?<![\w-]){re.escape(name)}\b", tree.files.get(each, "")) for each in lists):
            yield Violation(path, 1, "unregistered-test", f"{name} is in no CMakeLists.txt of its folder or above")


def check_marks(tree: Tree) -> Iterator[Violation]:
    """Each mark of base/mark.h once; each file that has some is compiled with them in tests/marks."""
    lists = "tests/marks/CMakeLists.txt"
    seen: dict[str, str] = {}
    for path, text in tree.cpp("src/dualsync/"):
        if path == "src/dualsync/base/mark.h":
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            for name in re.findall(r'DUALSYNC_MARK\("([^"]*)"\)', line):
                if name in seen:
                    yield Violation(path, number, "mark", f"{name} stands in {seen[name]} too")
                seen[name] = path
        marked = "DUALSYNC_MARK(" in text
        listed = path.removeprefix("src/dualsync/") in re.split(r"[\s()]+", tree.files.get(lists, ""))
        if marked != listed:
            yield Violation(path, 1, "mark", f"has marks and is not in {lists}, or the other way round")


def check_header_guards(tree: Tree) -> Iterator[Violation]:
    for path, text in tree.cpp("src/", "tests/", "include/"):
        if path.endswith(".h"):
            if "#pragma once" not in text:
                yield Violation(path, 1, "header", "no #pragma once")
            if not text.startswith("//"):
                yield Violation(path, 1, "header", "starts with a comment that says what it is for")


CHECKS: tuple[Callable[[Tree], Iterator[Violation]], ...] = (
    check_layers, check_layer_order, check_fences, check_sizes, check_banned, check_words, check_tests_registered,
    check_header_guards, check_marks)


def violations(root: Path) -> list[Violation]:
    tree = Tree(root)
    return [violation for check in CHECKS for violation in check(tree)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    found = violations(parser.parse_args().root)
    for violation in found:
        print(violation)
    print(f"tidy: {len(found)} violations" if found else "tidy: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
