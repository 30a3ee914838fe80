"""The serving process stays small and quick to start: libraries that compute load where work is done, not at import."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

HEAVY: Final = (
    "pyarrow", "numpy", "pandas", "duckdb", "great_expectations", "rdflib", "lxml", "opendp", "mcp", "reportlab",
)  # fmt: skip
_CODE: Final = f"""
import sys
from api import app, pages, routes, worker
for package in (pages, routes):
    app.routers(package)
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print(loaded)
"""


def test_all_pages_and_routes_are_imported_without_a_heavy_library() -> None:
    """Whoever fails here: import the library inside the function that needs it, or move that function into a module of
    its own that pages and routes import when they are asked. `python -X importtime -c "import …"` shows who did."""
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
