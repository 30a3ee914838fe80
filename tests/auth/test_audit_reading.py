"""Who reads what of a history."""

from __future__ import annotations

from api.house import House
from auth import audit
from auth.actor import Actor
from auth.applications.tables import ApplicationRow
from auth.audit_reading import history
from core.text import Text


def _somebody(name: str, org: str) -> Actor:
    return Actor(name, name, name, Text(name, name), org)


def test_applicant_reads_nothing_of_votes_and_of_attempts_inside_the_bureau(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        row = ApplicationRow(
            id="a1", org_id="insurer", state="RETURNED", created_by="wang", created_at=work.now
        )
        work.db.add(row)
        for kind, who, org in (
            ("application.created", "wang", "insurer"), ("application.refused", "wang", "insurer"),
            ("application.submitted", "wang", "insurer"), ("application.reviewed", "ren", "parks"),
            ("application.refused", "ren", "parks"), ("application.returned", "ren", "parks"),
        ):  # fmt: skip
            audit.record(work, _somebody(who, org), kind, subject="a1", application_id="a1")
    with sqlite_house.read() as work:
        outside = [(each.kind, each.who) for each in history(work, application_id="a1")]
        inside = history(work, application_id="a1", internal=True)
    assert outside == [
        ("application.created", "wang"), ("application.refused", "wang"),
        ("application.submitted", "wang"), ("application.returned", "ren"),
    ]  # fmt: skip
    assert len(inside) == 6
