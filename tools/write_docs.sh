#!/usr/bin/env bash
# Writes what is made from the program itself: docs/settings.md, docs/cli/, packaging/man/, packaging/completions/.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
binary="${DUALSYNC_BINARY:-build/release/src/dualsync/app/dualsync}"
if [[ ! -x "$binary" ]]; then
  printf 'write_docs: no program at %s; build it, or name it with DUALSYNC_BINARY\n' "$binary" >&2
  exit 1
fi
rm -rf docs/cli
"$binary" internal write-docs .
