#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz and runs each for a while; what they find new is kept in the corpus for the next time.
#
# Run      tools/fuzz.sh [SECONDS] [NAME]...   (default: 60 seconds each, all of them)
# Needs    clang-14 (apt-get install clang-14), and what tools/setup.sh packages python installs
# Errors   exit 1 and the name of the input at the first that breaks something: mend it, and keep the input in
#          tests/fuzz/corpus, which ./test replays
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/setup.sh
source tools/setup.sh
seconds="${1:-60}"
(($# > 0)) && shift
names=("$@")
((${#names[@]} > 0)) || names=(body delta digest env event json key record reported settings)

command -v clang++-14 >/dev/null || { setup_fail "fuzzers" "there is no clang++-14" "apt-get install clang-14"; exit 1; }
setup_python
cmake --preset fuzz >build-fuzz.log 2>&1 || { cat build-fuzz.log; rm -f build-fuzz.log; exit 1; }
rm -f build-fuzz.log
cmake --build build/fuzz --target tests/fuzz/all
corpus="build/fuzz/corpus"
"$DUALSYNC_PYTHON" tests/fuzz/make_corpus.py "$corpus"
cp -r tests/fuzz/corpus/. "$corpus"
for name in "${names[@]}"; do
  printf '== fuzz_%s, %s s\n' "$name" "$seconds"
  "build/fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/found-$name-" "$corpus/$name"
done
printf 'fuzz: nothing found\n'
