"""Values that fit no database: numbers beyond 64 bits, texts with NUL. Refused or not found, never a fault of ours."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from api.house import House
from api.identity import local_token
from auth.roles import Role
from tests.people import a_person, an_org, app_of

_HUGE = str(10**30)
_NUL = "a\x00b"


@pytest.fixture
def clients(house: House) -> list[TestClient]:
    """One for each side, each with all the roles that may meet."""
    held = {
        "watcher": ("bureau", [Role.AUDITOR]),
        "keeper": ("bureau", [Role.SYSADMIN, Role.STEWARD, Role.CATALOG_ADMIN]),
        "judge": ("bureau", [Role.APPROVER, Role.REVIEWER_BUSINESS, Role.SECURITY_OFFICER, Role.STEWARD]),
        "wang": ("insurer", [Role.APPLICANT, Role.ANALYST, Role.ORG_OFFICER]),
    }
    with house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        an_org(work, "insurer")
        for name, (org, roles) in held.items():
            a_person(work, name, org, roles)
    app = app_of(house)
    return [
        TestClient(
            app,
            headers={"Authorization": f"Bearer {local_token(house, name)}"},
            raise_server_exceptions=False,
        )
        for name in held
    ]


def _addresses(document: dict[str, Any]) -> list[str]:
    """Every GET of the document, once for each parameter that gets a hostile value."""
    found = []
    for path, item in document["paths"].items():
        if "get" not in item:
            continue
        asked = item["get"].get("parameters", [])
        whole = path
        for parameter in asked:
            whole = whole.replace("{" + parameter["name"] + "}", "1")
        for parameter in asked:
            name = parameter["name"]
            for value in (_HUGE, f"-{_HUGE}", _NUL):
                if parameter["in"] == "path":
                    hostile = path.replace("{" + name + "}", quote(value))
                    for other in asked:
                        hostile = hostile.replace("{" + other["name"] + "}", "1")
                    found.append(hostile)
                elif parameter["in"] == "query":
                    found.append(f"{whole}?{name}={quote(value)}")
    return found


@pytest.mark.timeout(1200)  # every route times every nasty value: minutes on a busy machine
def test_no_value_of_an_address_is_a_fault_of_ours(clients: list[TestClient]) -> None:
    addresses = _addresses(clients[0].app.openapi())  # type: ignore[attr-defined]
    assert len(addresses) > 100
    faults = [
        address
        for address in addresses
        for client in clients
        if client.get(address, follow_redirects=False).status_code == 500
    ]
    assert faults == []
