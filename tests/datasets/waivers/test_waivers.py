"""What a waiver lets through, for whom, how long, and what it never does."""

from __future__ import annotations

from typing import Any

import pytest

from api.house import House
from core.errors import AccessRefused, Conflict, NotFound
from datasets.batches import service as batches
from datasets.releases import service as releases
from datasets.releases.models import ReleaseCreate
from datasets.tickets import service as tickets
from datasets.tickets.models import TicketNote
from datasets.waivers import cover, queries, service
from datasets.waivers.models import WaiverNote
from tests.conftest import TestClock
from tests.datasets.parking import FAILS, SUITE, hand_in, publish, save_suite, the_batch
from tests.datasets.tickets.stories import PHONES, a_stage, a_waiver, an_ask, judge, judged, the_ticket
from tests.people import actor_of, client_as


@pytest.fixture
def stage(sqlite_house: House) -> House:
    a_stage(sqlite_house)
    return sqlite_house


def _codes(refused: Any) -> set[str]:
    return {reason.code for reason in refused.value.reasons}


def _sign(house: House, who: str, rule: str = "K2", **how: Any) -> None:
    with house.write() as work:
        service.sign(work, actor_of(work, who), an_ask(work, rule, **how))


def test_a_covered_critical_failure_does_not_block_and_is_not_hidden(house: House) -> None:
    a_stage(house)
    failed = judged(house, fails={"K2": 7})
    assert failed.state == "failed"
    waiver = a_waiver(house)
    batch = the_batch(house, failed.id)
    assert (batch.state, batch.verdict) == ("passed_with_waivers", "failed")
    kept = batch.waivers[0]
    assert (kept["waiver_id"], kept["rule_key"], kept["failing_rows"], kept["reason"]) == (
        waiver.id, "K2", 7, waiver.reason,
    )  # fmt: skip
    assert "name" not in kept["signed_by"]


def test_a_waiver_in_force_lets_the_next_batch_pass_at_once_and_opens_no_ticket(stage: House) -> None:
    a_waiver(stage)
    assert judged(stage, fails={"K2": 7}).state == "passed_with_waivers"
    with pytest.raises(AssertionError):
        the_ticket(stage)


def test_a_critical_rule_needs_two_people_and_a_warning_one(stage: House) -> None:
    made = a_waiver(stage, second=None)
    assert made.standing == "proposed"
    assert judged(stage, fails={"K2": 7}).state == "failed"
    assert a_waiver(stage, "W1", second=None).standing == "effective"
    assert judged(stage, fails={"W1": 7}).state == "passed_with_waivers"


def test_who_handed_a_batch_in_signs_nothing_for_it(stage: House) -> None:
    judged(stage, "lin", fails={"K2": 7})
    with pytest.raises(AccessRefused) as refused:
        _sign(stage, "lin")
    assert _codes(refused) == {"preparer-may-not-waive"}


def test_a_waiver_does_not_cover_a_batch_that_its_signer_prepared(stage: House) -> None:
    a_waiver(stage, signer="zhou")
    assert judged(stage, "zhou", fails={"K2": 7}).state == "failed"
    assert judged(stage, "lin", fails={"K2": 7}).state == "passed_with_waivers"


def test_the_second_signature_is_of_a_second_person_who_approves(stage: House) -> None:
    made = a_waiver(stage, second=None)
    for who in ("zhou", "third", "guard", "eye"):
        with stage.write() as work, pytest.raises(AccessRefused):
            service.second(work, actor_of(work, who), made.id, WaiverNote())


def test_a_leak_of_personal_data_is_waived_by_nobody(stage: House) -> None:
    marked = {**SUITE["expectations"][1], "meta": {"rule_id": "K9", "gbt36344": "0106"}}
    with stage.write() as work:
        save_suite(work, expectations=[*SUITE["expectations"], PHONES, marked])
    for rule in ("P1", "K9"):
        with pytest.raises(AccessRefused) as refused:
            _sign(stage, "zhou", rule)
        assert _codes(refused) == {"personal-data-rule"}


def test_terms_that_say_too_little_or_too_much_are_refused_with_every_reason(stage: House) -> None:
    with pytest.raises(AccessRefused) as refused:
        _sign(stage, "zhou", reason="好", days=400)
    assert _codes(refused) == {"note-missing", "bad-expiry"}
    with pytest.raises(AccessRefused) as refused:
        _sign(stage, "zhou", days=-1)
    assert _codes(refused) == {"bad-expiry"}
    with pytest.raises(NotFound):
        _sign(stage, "zhou", "NO-SUCH-RULE")
    with pytest.raises(NotFound):
        _sign(stage, "other")


def test_beyond_its_limit_a_waiver_covers_nothing(stage: House) -> None:
    a_waiver(stage, max_count=5)
    assert judged(stage, fails={"K2": 6}).state == "failed"
    assert judged(stage, fails={"K2": 5}).state == "passed_with_waivers"


def test_a_share_is_a_limit_too(stage: House) -> None:
    a_waiver(stage, max_share=0.05)
    assert judged(stage, fails={"K2": 6}).state == "failed"
    assert judged(stage, fails={"K2": 5}).state == "passed_with_waivers"


def test_a_changed_rule_is_another_rule(stage: House) -> None:
    a_waiver(stage)
    changed = [dict(rule) for rule in SUITE["expectations"]]
    changed[1] = changed[1] | {"kwargs": {"column": "name"}}
    with stage.write() as work:
        save_suite(work, expectations=changed)
    assert judged(stage, fails={"K2": 1}).state == "failed"


def test_a_waiver_of_a_warning_does_not_cover_the_rule_once_it_is_critical(stage: House) -> None:
    a_waiver(stage, "W1", second=None)
    raised = [rule | {"severity": "critical"} for rule in SUITE["expectations"]]
    with stage.write() as work:
        save_suite(work, expectations=raised)
    assert judged(stage, fails={"W1": 1}).state == "failed"


def test_warnings_that_no_waiver_covers_still_want_their_signature(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7, "W1": 1})
    a_waiver(stage)
    assert the_batch(stage, failed.id).state == "needs_confirmation"
    with stage.write() as work:
        batches.confirm(work, actor_of(work, "lin"), failed.id, "西门为大型停车场，属实")
    batch = the_batch(stage, failed.id)
    assert (batch.state, len(batch.waivers)) == ("confirmed", 1)


def test_a_signature_does_not_cover_a_warning_that_was_waived_when_it_was_given(stage: House) -> None:
    second = {
        "type": "expect_column_values_to_be_between", "kwargs": {"column": "free", "min_value": 0},
        "severity": "warning", "meta": {"rule_id": "W2"},
    }  # fmt: skip
    with stage.write() as work:
        save_suite(work, expectations=[*SUITE["expectations"], second])
    waiver = a_waiver(stage, "W1", second=None)
    batch = judged(stage, fails={"W1": 3, "W2": 1})
    with stage.write() as work:
        batches.confirm(work, actor_of(work, "lin"), batch.id, "只为 W2 签字：空余泊位属实")
    body = ReleaseCreate.model_validate({"batch_id": batch.id})
    with stage.read() as work:
        assert cover.demand(work, the_batch(stage, batch.id), [])
    with stage.write() as work:
        service.revoke(work, actor_of(work, "guard"), waiver.id, WaiverNote(note="不应再豁免，须更正"))
    with stage.write() as work, pytest.raises(AccessRefused) as refused:
        releases.request(work, actor_of(work, "third"), body)
    assert _codes(refused) == {"warning-not-signed", "waiver-not-in-force"}
    with stage.read() as work:
        assert not cover.demand(work, the_batch(stage, batch.id), [])
    with stage.write() as work:
        batches.recheck(work, actor_of(work, "lin"), batch.id)
    assert judge(stage, batch.id, {"W1": 3, "W2": 1}).state == "needs_confirmation"
    with stage.write() as work:
        batches.confirm(work, actor_of(work, "lin"), batch.id, "两条都属实，已核对")
    with stage.read() as work:
        assert cover.demand(work, the_batch(stage, batch.id), [])


def test_a_warning_whose_waiver_ended_is_told_before_anything_is_made(stage: House, clock: TestClock) -> None:
    a_waiver(stage, "W1", second=None, days=10)
    batch = judged(stage, fails={"W1": 3})
    clock.forward(days=11)
    with stage.write() as work, pytest.raises(AccessRefused) as refused:
        releases.request(work, actor_of(work, "third"), ReleaseCreate.model_validate({"batch_id": batch.id}))
    assert _codes(refused) == {"warning-not-signed", "waiver-ended"}


@pytest.mark.gx
def test_lineage_does_not_call_a_waived_failure_passed(stage: House) -> None:
    with stage.write() as work:
        save_suite(work, expectations=[SUITE["expectations"][1]])
    a_waiver(stage, "K2")
    release = publish(stage, "third", hand_in(stage, "lin", FAILS).id)
    nodes = client_as(stage).get(f"/api/v1/releases/{release.id}/lineage").json()["nodes"]
    (node,) = (each for each in nodes if each["kind"] == "verdict")
    assert (node["verdict"], node["en"]) == ("failed", "Verdict: failed, let out under waivers")


def test_ended_or_revoked_waivers_no_longer_count_at_the_moment_of_publishing(
    stage: House, clock: TestClock
) -> None:
    first, second = judged(stage, fails={"K2": 7}), judged(stage, fails={"K2": 6})
    waiver = a_waiver(stage, days=10)
    clock.forward(days=11)
    with stage.write() as work, pytest.raises(AccessRefused) as refused:
        releases.request(work, actor_of(work, "third"), ReleaseCreate.model_validate({"batch_id": first.id}))
    assert _codes(refused) == {"waiver-not-in-force", "waiver-ended"}
    with stage.read() as work:
        assert queries.waivers(work, actor_of(work, "zhou"), standing="expired").total == 1
    clock.forward(days=-5)
    with stage.write() as work:
        service.revoke(work, actor_of(work, "guard"), waiver.id, WaiverNote(note="源系统已修复，不再需要"))
    with stage.write() as work, pytest.raises(AccessRefused) as refused:
        releases.request(work, actor_of(work, "third"), ReleaseCreate.model_validate({"batch_id": second.id}))
    assert _codes(refused) == {"waiver-not-in-force"}
    with stage.write() as work:
        batches.recheck(work, actor_of(work, "lin"), first.id)
    assert judge(stage, first.id, {"K2": 7}).state == "failed"


def test_a_lone_signer_does_not_publish_what_passes_by_his_signature(stage: House) -> None:
    a_waiver(stage, "W1", signer="zhou", second=None)
    batch = judged(stage, fails={"W1": 3})
    with stage.write() as work, pytest.raises(AccessRefused) as refused:
        releases.request(work, actor_of(work, "zhou"), ReleaseCreate.model_validate({"batch_id": batch.id}))
    assert _codes(refused) == {"signer-may-not-publish"}


def test_an_effective_waiver_answers_the_ticket_and_lets_it_be_closed(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    ticket = the_ticket(stage)
    a_waiver(stage, ticket_id=ticket.id)
    answered = the_ticket(stage)
    assert (answered.state, answered.answer) == ("answered", "waived")
    with stage.write() as work:
        tickets.confirm(work, actor_of(work, "third"), ticket.id, TicketNote())
        seen = tickets.detail(work, actor_of(work, "third"), ticket.id)
    assert (seen.state, [each["standing"] for each in seen.waivers]) == ("closed", ["effective"])


def test_nothing_renews_a_waiver(stage: House, clock: TestClock) -> None:
    """A second one is a second row with its own signatures; the first stays as it was."""
    first = a_waiver(stage, days=5)
    clock.forward(days=6)
    second = a_waiver(stage, days=5)
    with stage.read() as work:
        rows = queries.waivers(work, actor_of(work, "eye"), rule_key="K2").items
    assert [(row.id, row.standing, row.valid_to) for row in rows] == [
        (second.id, "effective", second.valid_to), (first.id, "expired", first.valid_to),
    ]  # fmt: skip
    with stage.write() as work, pytest.raises(Conflict):
        service.second(work, actor_of(work, "chief"), first.id, WaiverNote())


def test_nobody_signs_what_has_ended(stage: House, clock: TestClock) -> None:
    made = a_waiver(stage, second=None, days=3)
    clock.forward(days=4)
    with stage.write() as work, pytest.raises(AccessRefused) as refused:
        service.second(work, actor_of(work, "chief"), made.id, WaiverNote())
    assert _codes(refused) == {"waiver-ended"}


def test_a_refused_waiver_says_why_and_covers_nothing(stage: House) -> None:
    made = a_waiver(stage, second=None)
    with stage.write() as work:
        ended = service.refuse(
            work, actor_of(work, "chief"), made.id, WaiverNote(note="应更正数据，不宜豁免")
        )
    assert (ended.standing, ended.ended_note) == ("refused", "应更正数据，不宜豁免")
    assert judged(stage, fails={"K2": 7}).state == "failed"
