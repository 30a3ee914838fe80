"""Template opinions: data of the profile, inserted into the form and changed there; the record keeps text, template and version."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import select

from api.house import House
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.profile.model import Profile, shipped
from auth.profile.now import profile
from auth.profile.opinions import Opinion, filled, inserted, of_stage
from core.errors import InputRefused
from tests.auth.agreements.scene import in_force
from tests.desk import (
    RESCUES,
    Desk,
    a_desk,
    an_application,
    an_ask,
    concurred,
    decided,
    proposed,
    screened,
    voted,
)
from tests.people import a_person, browser_as, client_as

DAY = date(2026, 3, 2)
GENERIC = shipped()["generic-open-data"]
KEY = "refuse-not-minimal"
SAID = next(each for each in GENERIC.opinions if each.key == KEY)
REFUSED: dict[str, Any] = {"outcome": "reject", "reason_code": "not-minimal", "opinion": KEY}


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def recorded(desk: Desk, kind: str) -> list[dict[str, Any]]:
    with desk.house.read() as work:
        wanted = select(AuditEventRow.payload).where(AuditEventRow.kind == kind).order_by(AuditEventRow.seq)  # type: ignore[arg-type]
        return [json.loads(payload) for payload in work.db.exec(wanted)]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_reason_for_refusing_has_its_wording_in_the_shipped_profiles(name: str) -> None:
    known = shipped()[name]
    for stage in ("screening", "decision"):
        about = {each.reason_code for each in of_stage(known.opinions, stage, DAY)}
        assert about == {*known.limits().refusals, ""}
    assert of_stage(known.opinions, "review", DAY)


@pytest.mark.parametrize(
    "wrong", [{"reason_code": "unheard-of"}, {"stage": "signing"}, {"key": "Not A Key"}, {"text_en": ""}, {"source": ""}]
)  # fmt: skip
def test_what_is_no_template_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Opinion.model_validate(SAID.model_dump() | wrong)
    with pytest.raises(ValidationError, match="twice"):
        Profile.model_validate(GENERIC.model_dump() | {"opinions": [SAID, SAID]})


def test_text_goes_behind_what_was_written_and_never_twice() -> None:
    assert filled("", SAID.text_zh) == SAID.text_zh
    once = filled("另见附件。", SAID.text_zh)
    assert once == f"另见附件。\n{SAID.text_zh}"
    assert filled(once, SAID.text_zh) == once


def test_the_record_tells_one_version_from_another_and_words_that_were_changed() -> None:
    same = inserted([SAID], "decision", DAY, KEY, f" {SAID.text_en} ")
    other = inserted(
        [SAID.model_copy(update={"text_en": "Something else."})], "decision", DAY, KEY, SAID.text_en
    )
    assert (same.is_changed, other.is_changed) == (False, True)
    assert same.sha256 != other.sha256
    for stage, day, key in (
        ("review", DAY, KEY),
        ("decision", date(2020, 1, 1), KEY),
        ("decision", DAY, "none"),
    ):
        with pytest.raises(InputRefused):
            inserted([SAID], stage, day, key, "")  # type: ignore[arg-type]


def test_a_decision_keeps_its_words_and_the_template_they_came_from(desk: Desk) -> None:
    found = decided(
        desk, an_application(desk, at=State.DECIDING), note=f"{SAID.text_zh}另见附件。", **REFUSED
    )
    (line,) = found.lines
    assert line.decision_note == f"{SAID.text_zh}另见附件。"
    assert line.decision_opinion == {
        "template": KEY, "effective_from": str(SAID.effective_from), "sha256": SAID.sha256, "is_changed": True,
    }  # fmt: skip
    assert recorded(desk, "application.rejected")[-1]["opinions"] == {line.id: line.decision_opinion}
    with pytest.raises(InputRefused, match="template opinion"):
        decided(
            desk, an_application(desk, at=State.DECIDING), note="超出范围", **(REFUSED | {"opinion": "none"})
        )


def test_a_second_signature_keeps_the_template_of_the_first_whatever_the_profile_says_by_then(
    desk: Desk,
) -> None:
    waiting = proposed(
        desk, an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES)), note=SAID.text_zh, **REFUSED
    )
    assert waiting.proposal
    in_force(desk, GENERIC.model_copy(update={"opinions": ()}))
    found = concurred(desk, waiting)
    assert found.lines[0].decision_opinion is not None
    assert found.lines[0].decision_opinion["sha256"] == SAID.sha256


def test_a_review_names_its_template(desk: Desk) -> None:
    review = next(each for each in GENERIC.opinions if each.stage == "review")
    voted(desk, an_application(desk, at=State.IN_REVIEW), "screener", note=review.text_zh, opinion=review.key)
    (said,) = recorded(desk, "application.reviewed")
    assert said["opinion"]["template"] == review.key
    assert not said["opinion"]["is_changed"]


@pytest.mark.parametrize(
    ("key", "outcome", "code", "kind"),
    [("screen-accept", "ok", "", "screened"), ("screen-complete", "return", "", "returned"), ("screen-papers", "reject", "papers-missing", "rejected")],
)  # fmt: skip
def test_a_screening_names_its_template(desk: Desk, key: str, outcome: str, code: str, kind: str) -> None:
    said = next(each for each in GENERIC.opinions if each.key == key)
    found = an_application(desk, at=State.SUBMITTED)
    with pytest.raises(InputRefused, match="template opinion"):  # it belongs to another stage
        screened(desk, found, outcome=outcome, reason_code=code, note=said.text_zh, opinion="review-fit")
    screened(desk, found, outcome=outcome, reason_code=code, note=f"{said.text_zh}见附页。", opinion=key)
    (event,) = recorded(desk, f"application.{kind}")
    assert "commitment" in event["note"]  # words stand beside the log, not in it
    assert event["opinion"] == {
        "template": key, "effective_from": str(said.effective_from), "sha256": said.sha256, "is_changed": True,
    }  # fmt: skip


def test_at_the_door_a_template_is_put_into_the_note_and_nothing_typed_is_lost(desk: Desk) -> None:
    found = an_application(desk, at=State.SUBMITTED)
    screener = browser_as(desk.house, "screener", "en")
    at = f"/applications/{found.id}"
    assert "Refused at the door: papers missing" in screener.get(at).text
    typed = {
        "version": "2",
        "note": "See the annex.",
        "opinion": "screen-papers",
        "used": "",
        "has_no_conflict": "yes",
    }
    filled_in = screener.submit(f"{at}/screen", **typed, insert="yes")
    assert filled_in.status_code == 200
    said = next(each for each in GENERIC.opinions if each.key == "screen-papers")
    assert f"See the annex.\n{said.text_en}" in filled_in.text
    assert '<option value="papers-missing" selected' in filled_in.text
    typed = typed | {"note": said.text_en, "used": "screen-papers", "version": str(found.version)}
    refused = screener.submit(f"{at}/screen", **typed, outcome="reject")  # no reason chosen
    assert refused.status_code == 422
    assert said.text_en in refused.text
    assert 'name="used" value="screen-papers"' in refused.text
    done = screener.submit(f"{at}/screen", **typed, outcome="reject", reason_code="papers-missing")
    assert done.status_code == 303, done.text
    (event,) = recorded(desk, "application.rejected")
    assert not event["opinion"]["is_changed"]
    letter = browser_as(desk.house, "applicant", "en").get(f"{at}/letter").text
    assert said.text_en in letter


def test_templates_are_managed_on_a_page_and_confirmed_by_a_second_person(desk: Desk) -> None:
    approver = browser_as(desk.house, "approver", "en")
    assert SAID.text_en in approver.get(f"/profile/opinions?key={KEY}").text
    fields = SAID.model_dump(mode="json") | {
        "text_en": "More than needed; apply for less.",
        "reason": "plainer words",
    }
    bad = approver.submit("/profile/opinions", **(fields | {"reason_code": "unheard-of"}))
    assert bad.status_code == 422
    assert "plainer words" in bad.text
    made = approver.submit("/profile/opinions", **fields)
    assert made.status_code == 303, made.text
    page = approver.get(made.headers["location"].split("?")[0]).text
    assert f"opinions.{KEY}" in page
    assert "More than needed; apply for less." in page
    with desk.house.read() as work:
        assert SAID in profile(work).opinions  # not before a second person confirmed it
    gone = approver.submit("/profile/opinions", key=KEY, remove="yes", reason="not used any more")
    assert gone.status_code == 303, gone.text
    assert (
        approver.submit(
            "/profile/opinions", key="none-such", remove="yes", reason="not used any more"
        ).status_code
        == 422
    )


def test_the_bureau_reads_the_templates_and_no_enterprise_does(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "unplaced", "bureau")
    for who in ("approver", "screener", "roads_screener", "auditor", "steward_a"):
        page = browser_as(desk.house, who, "en").get(f"/profile/opinions?key={KEY}")
        assert (page.status_code, SAID.text_en in page.text, KEY in page.text) == (200, True, True), who
        assert ('action="/profile/opinions"' in page.text) is (who == "approver"), who
    for who, status in (
        ("officer", 403),
        ("applicant2", 403),
        ("analyst", 403),
        ("unplaced", 403),
        (None, 401),
    ):
        page = client_as(desk.house, who).get("/profile/opinions", follow_redirects=False)
        assert (page.status_code, SAID.text_en in page.text, KEY in page.text) == (status, False, False), who
