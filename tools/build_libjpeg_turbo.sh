#!/usr/bin/env bash
# Builds a static, position-independent libjpeg-turbo for wheels; its licence texts go to share/doc beside it.
# usage: tools/build_libjpeg_turbo.sh PREFIX [SOURCE_ARCHIVE]     without an archive, the release is downloaded
# Needs cmake, a C compiler, and on x86-64 nasm: a build without SIMD stops here.
set -euo pipefail

version=3.1.3
sha256=075920b826834ac4ddf97661cc73491047855859affd671d52079c6867c1c6c0
url=https://github.com/libjpeg-turbo/libjpeg-turbo/releases/download/$version/libjpeg-turbo-$version.tar.gz

prefix=${1:?usage: tools/build_libjpeg_turbo.sh PREFIX [SOURCE_ARCHIVE]}
archive=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ $(uname -m) == x86_64 ]] && ! command -v nasm >/dev/null; then
  if command -v dnf >/dev/null; then dnf install -qy nasm; else brew install nasm; fi
fi
if [[ -z $archive ]]; then
  archive=$work/source.tar.gz
  curl -fsSL --retry 3 -o "$archive" "$url"
  python3 -c 'import hashlib, pathlib, sys
sys.exit(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest() != sys.argv[2])' \
    "$archive" "$sha256" || { echo "$url does not have the expected contents" >&2; exit 1; }
fi
mkdir "$work/source"
tar -xf "$archive" -C "$work/source" --strip-components=1
cmake -S "$work/source" -B "$work/build" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
  -DCMAKE_INSTALL_DOCDIR="$prefix/share/doc/libjpeg-turbo" \
  -DENABLE_SHARED=0 -DWITH_TURBOJPEG=0 -DWITH_TOOLS=0 -DREQUIRE_SIMD=1 \
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_C_VISIBILITY_PRESET=hidden
cmake --build "$work/build" --parallel
cmake --install "$work/build"
