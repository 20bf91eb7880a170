#!/usr/bin/env bash
# Sets up, then does the main job on a photograph: what it is made of, what 24 channels keep of it (a
# picture, channels.png), and how long decoding takes beside RGB decoders.
# usage: scripts/demo.sh [PHOTO.jpg]     default: the portrait that comes with matplotlib
set -euo pipefail
photo=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."

scripts/setup.sh plot,bench
photo=${photo:-$(.venv/bin/python -c 'import matplotlib
print(matplotlib.get_data_path() + "/sample_data/grace_hopper.jpg")')}

run() { printf '\n$ %s\n' "$*"; ".venv/bin/$@"; }
run dctdecode info "$photo"
run dctdecode show "$photo" --channels 24 -o channels.png
run dctdecode bench "$photo"
