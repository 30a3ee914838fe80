"""Caps for tests, walked through the real steps: proposed by one person, confirmed by another.

cap = a_fee_cap(house, scenario_id="safety", cap_fen=5000)["id"]
confirmed(house, client.post("/api/v1/revenue/caps", json=body).json())
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.house import House
from auth.grants.tables import GrantRow
from tests.people import client_as

FEE: dict[str, Any] = {
    "scenario_id": "safety", "unit": "times", "cap_fen": 5000, "source": "价格通知", "effective_from": "2026-01-01",
}  # fmt: skip
REVENUE: dict[str, Any] = {
    "org_id": "insurer",
    "year": 2026,
    "cap_fen": 10_000,
    "source": "核定最高准许收入的通知",
}


def proposed(house: House, path: str = "/api/v1/fee-caps", who: str = "approver", **body: Any) -> dict[str, Any]:  # fmt: skip
    """A cap that waits for its second person."""
    answer = client_as(house, who).post(path, json=(FEE if path.endswith("fee-caps") else REVENUE) | body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def confirmed(house: House, made: dict[str, Any], who: str = "watch") -> dict[str, Any]:
    """The same, put in force."""
    answer = client_as(house, who).post(
        f"/api/v1/caps/{made['id']}/confirm", json={"version": made["version"]}
    )
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def a_fee_cap(house: House, **body: Any) -> dict[str, Any]:
    """The price of a unit, in force."""
    return confirmed(house, proposed(house, **body))


def a_revenue_cap(house: House, **body: Any) -> dict[str, Any]:
    """The revenue of an operator's year, in force."""
    return confirmed(house, proposed(house, "/api/v1/revenue/caps", **body))


def in_force_since(house: House, grant_id: str, begins: datetime) -> None:
    """Let a grant have counted for longer, so that money could be taken for what is made of it."""
    with house.write() as work:
        row = work.db.get_one(GrantRow, grant_id)
        row.activated_at = row.starts_at = begins
        work.db.add(row)
