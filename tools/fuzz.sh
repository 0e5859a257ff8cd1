#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz and runs each for a while, one for each processor at a time; what they find new is
# kept in build/fuzz/corpus for the next time.
#
# Run      tools/fuzz.sh [SECONDS] [NAME]...   (default: 60 seconds each, all of them)
# Needs    what tools/setup.sh packages python fuzz installs: clang-14 among it. Installs what is missing of that
# Errors   exit 1 if a fuzzer finds something: it names the input, and how to keep it in tests/fuzz/corpus, which ./test
#          replays. The others run to their end. The last line is `N passed, N failed, 0 skipped`
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/setup.sh
source tools/setup.sh
seconds="${1:-60}"
(($# > 0)) && shift
if [[ ! "$seconds" =~ ^[1-9][0-9]*$ ]]; then
  printf 'Usage: tools/fuzz.sh [SECONDS] [NAME]...\n' >&2
  exit 2
fi

# What was not built has found nothing, but is no success either.
give_up() {
  printf '0 passed, 1 failed, 0 skipped\n'
  exit 1
}

setup_main packages python fuzz || give_up
folder="build/fuzz"
mkdir -p "$folder"
# -O1 and lines are enough of symbols, files joined: half the build, and as many inputs a second.
options=("-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1 -DNDEBUG" -DCMAKE_UNITY_BUILD=ON)
command -v ccache >/dev/null && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
cmake --preset fuzz "${options[@]}" >"$folder/configure.log" 2>&1 || { cat "$folder/configure.log"; give_up; }
cmake --build "$folder" --target tests/fuzz/all --parallel "${DUALSYNC_JOBS:-$(nproc)}" || give_up
"$DUALSYNC_PYTHON" tests/fuzz/make_corpus.py "$folder/corpus"
cp -r tests/fuzz/corpus/. "$folder/corpus"
exec "$DUALSYNC_PYTHON" tools/run_fuzzers.py --programs "$folder/tests/fuzz" --corpus "$folder/corpus" \
  --logs "$folder/found" --seconds "$seconds" "$@"
