#!/usr/bin/env bash
# Installs the system packages that are missing with apt-get; where it may not, names them and stops.
# usage: scripts/system.sh [--fuzz]     --fuzz: also clang with its sanitizers
set -euo pipefail

has_libjpeg() { printf '#include <stdio.h>\n#include <jpeglib.h>\n' | c++ -E -x c -; }
has_python() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; }
has_venv() { python3 -c 'import ensurepip, venv'; }
has_python_headers() {
  python3 -c 'import pathlib, sys, sysconfig
sys.exit(not (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists())'
}
has_fuzzer() {
  echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
    clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o /dev/null
}

# The Debian package of each thing that is not there.
find_missing() {
  missing=()
  local row
  for row in "$@"; do
    ${row#*:} >/dev/null 2>&1 || missing+=("${row%%:*}")
  done
}

needs=("g++:c++ --version" libjpeg-dev:has_libjpeg python3:has_python python3-venv:has_venv
  python3-dev:has_python_headers)
[[ ${1:-} != --fuzz ]] || needs+=(clang:has_fuzzer)

find_missing "${needs[@]}"
[[ ${#missing[@]} -gt 0 ]] || exit 0
as_root=()
[[ $EUID -eq 0 ]] || as_root=(sudo)
if ! command -v apt-get >/dev/null || { [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; }; then
  echo "Missing here (names of Debian's packages): ${missing[*]}. Install them and run this again." >&2
  exit 1
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qy "${missing[@]}"
find_missing "${needs[@]}"
[[ ${#missing[@]} -eq 0 ]] || { echo "Still missing after apt-get: ${missing[*]}" >&2; exit 1; }
