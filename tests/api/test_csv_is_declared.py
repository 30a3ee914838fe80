"""Whatever answers as CSV on request says so in the OpenAPI document."""

from __future__ import annotations

from api.house import House
from tests.people import client_as


def test_routes_with_a_format_of_csv_declare_it(sqlite_house: House) -> None:
    document = client_as(sqlite_house).get("/openapi.json").json()
    asked = {
        path: one["get"]["responses"]["200"].get("content", {}).keys()
        for path, one in document["paths"].items()
        if path.startswith("/api/v1/")
        for each in one.get("get", {}).get("parameters", [])
        if each["name"] == "format" and {"json", "csv"} <= set(each["schema"].get("enum", []))
    }
    assert len(asked) >= 5
    assert {
        path for path, media in asked.items() if not {"text/csv", "application/json"} <= set(media)
    } == set()
