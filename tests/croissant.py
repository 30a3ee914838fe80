"""The reader of Croissant, without a trap of the library that it logs with."""

from __future__ import annotations

import sys
from types import ModuleType


def mlcroissant() -> ModuleType:
    """The module. absl, which it logs with, closes the stream that was standard error when it was imported, as soon as a server sets up
    logging while standard error is another: where a command runs inside the test. Under pytest that stream is what it captures into, and
    every later test of the process would end with "I/O operation on closed file".
    """
    import mlcroissant as found
    from absl import logging

    logging.get_absl_handler().python_handler.stream = sys.__stderr__  # which absl never closes
    module: ModuleType = found
    return module
