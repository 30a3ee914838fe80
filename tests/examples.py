"""How many examples Hypothesis draws: few and always the same in an ordinary run, many and fresh ones on request.

`DATAGRANT_EXAMPLES=10 pytest tests/quality` draws ten times as many, from a new seed each time (print it, and repeat with
`--hypothesis-seed`).
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

TIMES: Final = int(os.environ.get("DATAGRANT_EXAMPLES", "1"))

_BUSY: Final = [HealthCheck.too_slow]  # a busy machine is no fault of a test
settings.register_profile(
    "ordinary", derandomize=True, database=None, deadline=None, suppress_health_check=_BUSY
)
settings.register_profile("long", print_blob=True, deadline=None, suppress_health_check=_BUSY)
settings.load_profile("long" if TIMES > 1 else "ordinary")


def examples(number: int) -> int:
    """`number` in an ordinary run, so many times more in a long one."""
    return number * TIMES
