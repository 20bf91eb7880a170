"""``python -m dctdecode``, the same as the console script ``dctdecode``."""

from __future__ import annotations

import sys

from dctdecode.cli import main

sys.exit(main())
