#!/usr/bin/env python3
"""Proves tools/tidy.py: a clean small tree passes, and one seeded violation of each rule is found, and only that."""
from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tidy import FILE_LINES_MAX, FUNCTION_LINES_MAX, LAYERS, violations

HEADER = "// A header for the self-test.\n#pragma once\n"
FOLDERS = " ".join(folder for row in LAYERS for folder in row)
CLEAN = {
    "src/dualsync/CMakeLists.txt": f"foreach(folder {FOLDERS})\nendforeach()\n",
    "src/dualsync/base/CMakeLists.txt": "dualsync_library(NAME base SRCS a.cc DEPS fmt::fmt)\n",
    "src/dualsync/base/a.h": HEADER,
    "src/dualsync/base/a.cc": '#include "dualsync/base/a.h"\n// system("no") is only a comment, and this is text:\n'
                              'const char* text = "exit(1)";\n',
    "src/dualsync/model/CMakeLists.txt": "dualsync_library(NAME model DEPS base)\n",
    "src/dualsync/model/m.h": HEADER + '#include "dualsync/base/a.h"\n',
    "src/dualsync/mongo/CMakeLists.txt": "dualsync_library(NAME mongo DEPS base)\n",
    "src/dualsync/mongo/c.cc": "#include <mongoc/mongoc.h>\n",
    "src/dualsync/app/main.cc": "int main() { exit(0); }\n",
    "tests/unit/base/CMakeLists.txt": "add_executable(base_test a_test.cc)\n",
    "tests/unit/base/a_test.cc": "int main() { return 0; }\n",
}
BODY = "  ++n;\n"

# rule -> file -> content that breaks exactly this rule
SEEDS: tuple[tuple[str, str, str], ...] = (
    ("layer", "src/dualsync/base/up.cc", '#include "dualsync/model/m.h"\n'),
    ("layer", "src/dualsync/codec/beside.cc", '#include "dualsync/ports/p.h"\n'),
    ("layer", "src/dualsync/unknown/x.cc", "int x;\n"),
    ("deps", "src/dualsync/mongo/undeclared.cc", '#include "dualsync/model/m.h"\n'),
    ("layer-order", "src/dualsync/CMakeLists.txt",
     f"foreach(folder {' '.join(reversed(FOLDERS.split()))})\nendforeach()\n"),
    ("layer-order", "src/dualsync/CMakeLists.txt", "foreach(folder base model)\nendforeach()\n"),
    ("fence", "src/dualsync/base/driver.cc", "#include <mongoc/mongoc.h>\n"),
    ("fence", "src/dualsync/model/bytes.cc", "#include <bson/bson.h>\n"),
    ("fence", "src/dualsync/mongo/store.cc", "#include <rocksdb/db.h>\n"),
    ("fence", "src/dualsync/app/http.cc", "#include <httplib.h>\n"),
    ("fence", "src/dualsync/api/flags.cc", "#include <CLI/CLI.hpp>\n"),
    ("fence", "src/dualsync/base/other.cc", "#include <spdlog/spdlog.h>\n"),
    ("file-length", "src/dualsync/base/long.cc", "int n;\n" * (FILE_LINES_MAX + 1)),
    ("file-length", "tools/long.py", "n = 1\n" * (FILE_LINES_MAX + 1)),
    ("line-length", "src/dualsync/base/wide.cc", "// " + "w" * 120 + "\n"),
    ("function-length", "src/dualsync/base/big.cc",
     "namespace a {\nvoid big(int n) {\n" + BODY * FUNCTION_LINES_MAX + "}\n}\n"),
    ("function-length", "src/dualsync/base/method.cc",
     "class A : public B {\n public:\n  int big() const noexcept {\n" + BODY * FUNCTION_LINES_MAX + "  }\n};\n"),
    ("function-length", "tools/big.py", "def big():\n" + "    n = 1\n" * FUNCTION_LINES_MAX),
    ("banned", "src/dualsync/base/b1.cc", "void f() { sprintf(text, format); }\n"),
    ("banned", "src/dualsync/base/b2.cc", "void f() { strcpy(to, from); }\n"),
    ("banned", "src/dualsync/base/b3.cc", "void f() { std::localtime(&now); }\n"),
    ("banned", "src/dualsync/base/b4.cc", "std::thread worker(run);\n"),
    ("banned", "src/dualsync/base/b5.cc", "void f() { std::system(command); }\n"),
    ("banned", "src/dualsync/base/b6.cc", "void f() { std::exit(1); }\n"),
    ("banned", "src/dualsync/base/b7.cc", "void f() { std::abort(); }\n"),
    ("banned", "tests/unit/thread.cc", "std::thread worker(run);\n"),
    ("mark", "src/dualsync/base/m1.cc", 'void f() { DUALSYNC_MARK("a"); }\n'),
    ("mark", "src/dualsync/base/m2.cc", 'DUALSYNC_MARK("b");\nDUALSYNC_MARK("b");\n'),
    ("unfinished", "src/dualsync/base/u1.cc", "// TODO later\n"),
    ("unfinished", "docs/u2.md", "FIXME\n"),
    ("unfinished", "tools/u3.sh", "# XXX\n"),
    ("machine-path", "docs/m1.md", "see /home/somebody/dualsync\n"),
    ("machine-path", "tools/m2.sh", "cd /work/main\n"),
    ("registry-host", "docs/r.md", "from pypi.org\n"),
    ("trailing-space", "docs/t.md", "text \n"),
    ("tab", "src/dualsync/base/tab.cc", "\tint n;\n"),
    ("unregistered-test", "tests/unit/base/lost_test.cc", "int n;\n"),
    ("unregistered-test", "tests/prop/lost_props.cc", "int n;\n"),
    ("header", "src/dualsync/base/bare.h", "// Says something.\nint n;\n"),
    ("header", "src/dualsync/base/mute.h", "#pragma once\n"),
)


def found_rules(seed: dict[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="tidy-selftest-") as folder:
        for path, text in {**CLEAN, **seed}.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return [violation.rule for violation in violations(Path(folder))]


def main() -> int:
    failures = []
    clean = found_rules({})
    if clean:
        failures.append(f"the clean tree is said to violate {clean}")
    for rule, path, text in SEEDS:
        found = set(found_rules({path: text}))
        if found != {rule}:
            failures.append(f"{path}: seeded {rule}, found {sorted(found) or 'nothing'}")
    for failure in failures:
        print(f"tidy self-test: {failure}")
    print(f"tidy self-test: {len(SEEDS) + 1 - len(failures)} of {len(SEEDS) + 1} passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
