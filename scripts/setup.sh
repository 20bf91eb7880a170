#!/usr/bin/env bash
# Makes or refreshes .venv: dctdecode in editable mode with the named extras, at the versions of constraints.txt.
# usage: scripts/setup.sh EXTRA[,EXTRA...]      plot, bench, test: see pyproject.toml
# A torch that is already in .venv stays if it is the version in constraints.txt, whichever build it is.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=${1:?usage: scripts/setup.sh EXTRA[,EXTRA...]}

scripts/system.sh
[[ -x .venv/bin/python ]] || python3 -m venv .venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install --quiet -c constraints.txt -e ".[$extras]"
