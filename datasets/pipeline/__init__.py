"""Bodies of long work. Each module offers `JOB`; the worker finds them by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from core.jobs_run import JobKind


@cache
def kinds() -> dict[str, JobKind]:
    """Every kind of job, by name."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    ]
    found = [module.JOB for module in modules if isinstance(getattr(module, "JOB", None), JobKind)]
    return {kind.name: kind for kind in found}
