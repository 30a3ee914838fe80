"""The list of every route with its access name, as a committed file.

python -m tests.api.route_matrix        # write it again after adding or changing a route; read the diff before committing
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import FastAPI

FILE = Path(__file__).with_suffix(".json")
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


class Route(NamedTuple):
    """One operation; `access` is None when it declares none."""

    method: str
    path: str
    access: str | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def routes_of(app: FastAPI) -> Iterator[Route]:
    """Every operation of the OpenAPI document."""
    document: dict[str, Any] = app.openapi()
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                yield Route(method.upper(), path, item[method].get("x-access"))


def table_of(app: FastAPI) -> dict[str, str | None]:
    return {route.name: route.access for route in routes_of(app)}


def main() -> None:
    from api.app import create_app
    from core.settings import Settings

    with tempfile.TemporaryDirectory() as room:
        app = create_app(Settings(data_dir=Path(room), worker=False))
        FILE.write_text(json.dumps(table_of(app), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        app.state.house.engine.dispose()


if __name__ == "__main__":
    main()
