"""Let every run keep its compiled modules, also where the surroundings forbid it: a test run starts some hundred processes."""

from __future__ import annotations

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
