"""The reference shows every route there is, without a script from elsewhere."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from api.house import House
from tests.people import app_of


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_route_stands_in_the_reference(sqlite_house: House, lang: str) -> None:
    app = app_of(sqlite_house)
    page = TestClient(app).get(f"/api/docs?lang={lang}", headers={"accept": "text/html"})
    assert page.status_code == 200
    for path in app.openapi()["paths"]:
        if path.startswith("/api/v1"):
            assert path in page.text
    assert "//" not in page.text.replace("http://testserver", "").split("<main", 1)[0].replace("<!--", "")
