#!/usr/bin/env bash
# Sets up, then runs all Python tests and the examples in the docstrings. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh test
exec .venv/bin/python -m pytest --doctest-modules python/dctdecode tests "$@"
