"""What the bureau says inside stays inside, whatever its applicant asks for; and an entity tag tells no stranger anything."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlmodel import col, select

from api.house import House
from api.identity import local_token
from auth.audit import AuditEventRow
from auth.audit_personal import commitment, rows_of
from tests.api.bodies import request_of
from tests.api.test_scope import NOTHING, _filled, client, things
from tests.people import a_person

__all__ = ["client", "things"]  # the fixtures
SENTINEL = "Zq7inner"
# That there was a vote, a proposal or a remark, and when.
EVENTS = (b"application.reviewed", b"application.decision-", b"application.remarked")
ABOUT = re.compile(
    "application|grant|audit|clock|commit|deleg|dut|expl|extract|home|job|letter|matri|me$|messag|notic|paper|product|quer|review|superv|usage"
)
# Where reviewers, deciders and watchers write for each other.
INSIDE = (
    "UPDATE auth_application_review SET comment = 'Zq7inner comment', reviewer_name = 'Zq7inner name'",
    "UPDATE auth_application_event SET note = 'Zq7inner note' WHERE step IN ('review', 'propose', 'concur', 'object')",
    "INSERT INTO auth_application_comment (id, application_id, turn, audience, body, by_bureau, person_id, account_id, author_name, asked, at, hidden_reason)"
    " SELECT 'Zq7inner-' || id, id, 1, 'internal', 'Zq7inner remark', true, 'p', 'a', 'Zq7inner author', '', created_at, '' FROM auth_application",
    "UPDATE auth_application SET proposal = '{\"note\": \"Zq7inner proposal\"}' WHERE proposal != ''",
)
SAID = (
    "application.reviewed",
    "application.decision-proposed",
    "application.decision-concurred",
    "application.decision-objected",
)


def _say_inside(house: House) -> int:
    """Let every word beside these events be the one to look for, and the events commit to it; gives their number."""
    with house.engine.begin() as raw:
        for table in ("auth_audit_event", "auth_audit_personal"):
            raw.exec_driver_sql(f"DROP TRIGGER {table}_no_update")
    word = '"Zq7inner word"'
    with house.write() as work:
        rows = work.db.exec(select(AuditEventRow).where(col(AuditEventRow.kind).in_(SAID))).all()
        events = {row.seq: row for row in rows}
        found = list(rows_of(work, events))
        for each in found:
            before, event = commitment(each.salt, each.value), events[each.seq]
            event.payload = event.payload.replace(before, commitment(each.salt, word))
            each.value = word
            work.db.add_all([each, event])
    return len(found)


def _gets(opened: TestClient, things: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    document = opened.app.openapi()  # type: ignore[attr-defined]
    return [
        (_filled(path, things), request_of(item["get"], document))
        for path, item in sorted(document["paths"].items())
        if "get" in item and (ABOUT.search(path) or path == "/")
    ]


def _headers(house: House, who: str) -> dict[str, str]:
    return {"authorization": f"Bearer {local_token(house, who)}"}


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)])
def test_no_answer_shows_the_applicant_what_was_said_inside(
    client: TestClient, sqlite_house: House, things: dict[str, str], every: int
) -> None:
    with sqlite_house.write() as work:
        a_person(work, "everything", "insurer", ["applicant", "analyst", "org_officer"])
        changed = [work.db.connection().execute(text(statement)).rowcount for statement in INSIDE]
    _say_inside(sqlite_house)
    assert changed[0], "there is a vote to hide"
    assert changed[1], "with its event"
    assert changed[2], "and there are remarks"
    outside, inside = _headers(sqlite_house, "everything"), _headers(sqlite_house, "auditor")
    told = dict.fromkeys(("outside", "inside"), 0)
    for path, how in _gets(client, things)[::every]:
        extra = how.pop("headers")
        for who, headers in (("outside", outside), ("inside", inside)):
            if who == "inside" and not re.search("applications|grants", path):
                continue
            answer = client.get(path, headers=extra | headers, **how)
            told[who] += answer.status_code == 200
            if who == "outside":
                assert SENTINEL.encode() not in answer.content, path
                assert not [kind for kind in EVENTS if kind in answer.content], path
            elif SENTINEL.encode() in answer.content:
                told["seen"] = told.get("seen", 0) + 1
    assert told["outside"] > 40 / every
    assert told.get("seen", 0) > 0, "the auditor does see it: the words are really there"


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)])
def test_a_known_entity_tag_tells_a_stranger_nothing(
    client: TestClient, sqlite_house: House, things: dict[str, str], every: int
) -> None:
    """With the tag of the very object the answer is that of an object that is not there: never 304, never 412."""
    nothing = dict.fromkeys(things, NOTHING) | {"which": things["which"]}
    owners = [_headers(sqlite_house, who) for who in ("applicant", "analyst", "steward_a")]
    strangers = [_headers(sqlite_house, "outsider"), _headers(sqlite_house, "neighbour"), {}]
    document = client.app.openapi()  # type: ignore[attr-defined]
    met, faults = 0, []
    asked = [path for path, item in sorted(document["paths"].items()) if "get" in item and "{" in path]
    for path in asked[::every]:
        how = request_of(document["paths"][path]["get"], document)
        extra, real = how.pop("headers"), _filled(path, things)
        tags = [client.get(real, headers=extra | owner, **how).headers.get("etag") for owner in owners]
        tag = next(filter(None, tags), None)
        for stranger in strangers if tag else []:
            if client.get(real, headers=extra | stranger, **how).status_code == 200:
                continue  # open to everybody
            met += 1
            for method, condition in (
                ("GET", {"if-none-match": tag}),
                ("HEAD", {"if-none-match": "*"}),
                ("GET", {"if-match": tag}),
            ):
                answers = [
                    client.request(method, _filled(path, ids), headers=extra | stranger | condition, **how)
                    for ids in (things, nothing)
                ]
                codes = [answer.status_code for answer in answers]
                if codes[0] != codes[1] or codes[0] in (200, 206, 304, 412) or "etag" in answers[0].headers:
                    faults.append((method, path, condition, codes))
    assert faults == []
    assert met >= 6 / every
