"""Let every run keep its compiled modules, also where the surroundings forbid it: a test run starts some hundred processes.

And collect no garbage while the tests are collected: there is little, and looking for it takes a sixth of that time. The run
itself looks again, but no more at what was there before it.
"""

from __future__ import annotations

import gc
import os
import sys

import pytest

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    gc.freeze()
    gc.enable()
