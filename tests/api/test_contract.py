"""Answers fit the OpenAPI document: each operation of `/api/` asked once, rightly and wrongly in turn, the roles taking turns.

The whole of it, every role at every operation, is `python -m tests.campaigns.contract`.
"""

from __future__ import annotations

import pytest

from api.contract import refusals
from api.house import House
from auth.roles import Role
from tests.api.test_route_matrix import HOMES
from tests.campaigns.contract import MODES, Caller, Outcome, document, operations
from tests.people import a_person, an_org, app_of, client_as


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_answer_is_a_fault_or_undeclared(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", "implementing_body")
        an_org(work, "transport", "source_department")
        an_org(work, "insurer")
        for role in Role:
            a_person(work, f"a-{role.value}", HOMES.get(role, "bureau"), [role])
    callers = [Caller(sqlite_house, role.value, f"a-{role.value}") for role in Role]
    callers.append(Caller(sqlite_house, "visitor", None))
    asked = [found for found in operations(document(app_of(sqlite_house))) if " /api/" in found.label]
    for place, operation in enumerate(asked):
        caller = callers[place % len(callers)]
        before = caller.outcome.requests
        caller.visit(operation, 1, (MODES[place % len(MODES)],))
        if caller.outcome.requests == before:  # some cannot be asked wrongly
            caller.visit(operation, 1, MODES[:1])
    total = Outcome()
    for caller in callers:
        total.add(caller.outcome)
    assert total.requests >= len(asked) > 250
    assert total.faults == {}


def test_what_may_be_refused_follows_from_method_and_address() -> None:
    for path in ("/api/v1/datasets", "/api/v1/grants", "/"):  # a token may count no more wherever it is sent
        assert {"401", "403"} <= set(refusals("get", path))
        assert "412" not in refusals("get", path)
    assert "409" not in refusals("get", "/api/v1/grants/{grant_id}")
    for part in ("/api/v1/applications/{application_id}/letter", "/applications/{application_id}/terms"):
        assert "409" in refusals("get", part), "a part may not be there in the object's state"
    assert {"409", "412", "413"} <= set(refusals("post", "/api/v1/grants"))
    assert "400" in refusals("get", "/delta-sharing/shares"), "the protocol's own word for a wrong parameter"
    assert "400" not in refusals("get", "/api/v1/grants")


def test_a_protocols_own_refusals_and_documents_are_declared_as_they_are_sent(sqlite_house: House) -> None:
    told = app_of(sqlite_house).openapi()["paths"]

    def kinds(path: str, status: str) -> set[str]:
        return set(told[path]["get"]["responses"][status].get("content", ()))

    assert "application/json" in kinds("/delta-sharing/shares", "401")
    assert kinds("/delta-sharing/shares", "200") == kinds("/api", "200") == {"application/json"}
    assert "application/json" in kinds("/datastore/dump/{resource_id}", "404")
    assert kinds("/api/v1/datasets/{dataset_id}/offer", "200") == {"application/ld+json"}
    assert "application/problem+json" in kinds("/api/v1/datasets/{dataset_id}/offer", "409")
    assert kinds("/datasets", "200") == {"text/html"}
    receipts = told["/api/v1/applications/{application_id}/receipts"]["get"]["responses"]
    assert all(set(answer["headers"]) == {"X-Request-Id"} for answer in receipts.values())
    assert receipts["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/ReceiptList")
    submitted = told["/api/v1/applications/{application_id}/submit"]["post"]["responses"]
    assert all(set(answer["headers"]) == {"X-Request-Id", "Audit-Event"} for answer in submitted.values())
    client = client_as(sqlite_house)
    spoiled = {"Authorization": "Bearer nonsense"}
    assert client.get("/api/v1/datasets", headers=spoiled).status_code == 401
    assert client.get("/mcp").status_code == 405
