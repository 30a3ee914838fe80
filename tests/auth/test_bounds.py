"""The last value on each side of a bound, what a refusal names, and the facts that a program reads from it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from math import prod
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from auth.anomalies.rules import Seen, Watched, denied_burst
from auth.applications.rules import MIN_PURPOSE, Approval, approval
from auth.duties import rules as duties
from auth.duties.workflow import Kind
from auth.identity import assertions, id_tokens, keyring, tokens
from auth.identity.rules import MAX_NETWORKS, networks_of, own_account_objections
from auth.identity.tokens import BadToken
from auth.papers import rules as papers
from auth.papers.workflow import State
from auth.policy.comparing import _limit
from auth.policy.limits import Limits, limits
from auth.policy.model import FORMS_SERVING, ColumnTerm, DeliveryForm, Use
from auth.policy.rules import effective, objections, refused, use_objections
from auth.policy.stages import stage_plans
from auth.policy.wording import FORM_NAMES
from auth.reviews.rules import half_year
from auth.webhooks.rules import url_fault
from core.errors import InputRefused
from core.text import Text
from tests.auth.applications.test_rules import found
from tests.auth.policy.test_decisions import GOOD, NOW, a_policy, a_view, an_ask
from tests.desk import PARKS

# -- policy


def test_what_blocks_a_grant_stands_against_its_use() -> None:
    block = refused("dataset-frozen", "冻结", "Frozen", "x")
    assert effective(a_view(blocks=(block,)), NOW) == (block,)
    assert block in objections(an_ask(), a_view(blocks=(block,)), PARKS, GOOD, limits())


@pytest.mark.parametrize("use", [use for use in Use if use in FORMS_SERVING])
def test_a_use_without_form_names_the_forms_that_would_serve_it(use: Use) -> None:
    serving = FORMS_SERVING[use]
    other = next(form for form in DeliveryForm if form not in serving)
    term = ColumnTerm.model_construct(name="rooms", use=use)
    (said,) = use_objections([term], [other], PARKS)
    for form in serving:
        assert FORM_NAMES[form].zh in said.text.zh
        assert FORM_NAMES[form].en in said.text.en
    assert said.facts == {"dataset": PARKS.dataset_id, "column": "rooms"}


@pytest.mark.parametrize(
    ("kind", "may_be_plain"), [("DI", False), ("SI", False), ("QI", True), ("none", True)]
)
def test_direct_and_sensitive_identifiers_are_not_delivered_as_they_are(
    kind: str, *, may_be_plain: bool
) -> None:
    column = PARKS.column("venue_id")
    assert column is not None
    changed = replace(column, identifier_kind=kind)  # type: ignore[arg-type]
    asset = replace(
        PARKS, columns=tuple(changed if each.name == "venue_id" else each for each in PARKS.columns)
    )
    strict: Limits = limits()
    codes = [each.code for each in objections(an_ask(), a_view(a_policy(asset)), asset, GOOD, strict)]
    assert ("level-forbids-plain" in codes) is not may_be_plain


def test_no_limit_is_told_as_none_and_a_limit_as_its_number() -> None:
    assert _limit(None) == Text("不限", "no limit")
    assert _limit(0) == Text("0", "0")


def test_an_approval_that_says_nothing_wants_one_person_of_any_department() -> None:
    assert Approval() == Approval(1, distinct_departments=False)
    assert approval([], stage_plans()) == Approval()


@pytest.mark.parametrize(("length", "is_short"), [(MIN_PURPOSE - 1, True), (MIN_PURPOSE, False)])
def test_the_purpose_may_have_just_the_least_length(length: int, *, is_short: bool) -> None:
    assert ("purpose-too-short" in found(purpose_text="用" * length)) is is_short


# -- tokens and keys


def _jwks(**more: str) -> str:
    raw = base64.urlsafe_b64encode(
        bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    )
    key = {"kty": "OKP", "crv": "Ed25519", "x": raw.rstrip(b"=").decode(), "kid": "k1"}
    return json.dumps({"keys": [key | more]})


@pytest.mark.parametrize("part", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_key_set_with_any_private_part_is_refused_by_its_name(part: str) -> None:
    assert "k1" in assertions.key_set(_jwks())
    with pytest.raises(InputRefused) as refusal:
        assertions.key_set(_jwks(**{part: "AAAA"}))
    assert f"({part})" in refusal.value.detail.en


@pytest.mark.parametrize("over", [0, 1])
def test_a_key_set_may_have_sixteen_kilobytes_and_no_more(over: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key)) | {"kid": "k1"}
    words = json.dumps({"keys": [public]}).ljust(16 * 1024 + over)
    if over:
        with pytest.raises(InputRefused, match="16384"):
            assertions.key_set(words)
    else:
        assert json.loads(assertions.key_set(words))["keys"][0]["kid"] == "k1"


def test_a_token_may_have_eight_kilobytes_and_no_more() -> None:
    parts = "e30.e30."
    fits = parts + "A" * (8 * 1024 - len(parts))
    assert tokens.canonical_parts(fits)[0] == b"{}"
    with pytest.raises(tokens.BadToken, match="at most"):
        tokens.canonical_parts(fits + "AAAA")


@pytest.mark.parametrize(("asked_days", "counts_days"), [(365, 365), (366, 366), (400, 366)])
def test_no_token_counts_for_longer_than_366_days(tmp_path: Path, asked_days: int, counts_days: int) -> None:
    ring = keyring.ring(tmp_path, NOW)
    token = tokens.issue_access(
        ring, account_id="a", session_id="s", epoch=0, issuer="us", token_id="t", now=NOW, ttl_s=asked_days * 86400
    )  # fmt: skip
    claims = tokens.verify(token, ring.verifiers(NOW), issuer="us", now=NOW)
    assert claims.expires_at == NOW + timedelta(days=counts_days)


def test_the_ring_is_read_once_and_its_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = keyring.ring(folder, NOW)
    assert keyring.ring(folder, NOW) is first
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("unmarked", [*id_tokens._PRIMES, None])
def test_a_modulus_is_guessable_when_it_bears_the_mark_at_every_prime(unmarked: int | None) -> None:
    base, primes = 65537**5, id_tokens._PRIMES
    if unmarked is None:
        assert id_tokens.is_guessable(base + prod(primes))
        return
    others = prod(each for each in primes if each != unmarked)
    modulus = base + others * (-base * pow(others, -1, unmarked) % unmarked)
    assert modulus % unmarked == 0
    assert not id_tokens.is_guessable(modulus)


def test_twenty_networks_are_taken_and_not_one_more() -> None:
    words = [f"10.0.{number}.0/24" for number in range(MAX_NETWORKS)]
    assert networks_of(words) == tuple(words)
    with pytest.raises(ValueError, match="21 > 20"):
        networks_of([*words, "10.1.0.0/24"])


def test_an_address_with_a_mask_stands_for_its_network_and_each_counts_once() -> None:
    words = ["10.0.3.7/24", " 10.0.3.0/24", "10.0.3.9", "2001:db8::1/32"]
    assert networks_of(words) == ("10.0.3.0/24", "10.0.3.9/32", "2001:db8::/32")


@pytest.mark.parametrize(("length", "is_taken"), [(500, True), (501, False)])
def test_an_address_for_events_has_at_most_500_characters(length: int, *, is_taken: bool) -> None:
    begun = "https://hooks.example/"
    found = url_fault(begun + "a" * (length - len(begun)), plain_ok=False)
    assert (found is None) is is_taken


@pytest.mark.parametrize("late", [0, 29, 30, 31])
def test_an_assertion_counts_for_the_leeway_after_its_end_and_not_longer(late: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "k1", "use": "sig"}
    moment = int(NOW.timestamp())
    body = {"iss": "c", "sub": "c", "aud": "https://here", "exp": moment - late, "jti": "j"}
    said = jwt.encode(body, key, algorithm="ES256", headers={"kid": "k1"})
    assert id_tokens.LEEWAY_S == 30
    if late < 30:
        found = assertions.read(said, {"keys": [public]}, "c", ["https://here"], NOW)
        assert found.expires_at.timestamp() == moment - late + 30
    else:
        with pytest.raises(BadToken, match="expired"):
            assertions.read(said, {"keys": [public]}, "c", ["https://here"], NOW)


@pytest.mark.parametrize("ahead", [0, 1])
def test_an_assertion_may_end_an_hour_and_the_leeway_ahead_and_not_a_second_later(ahead: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "k1", "use": "sig"}
    last = int(NOW.timestamp()) + 3600 + 30
    body = {"iss": "c", "sub": "c", "aud": "https://here", "exp": last + ahead, "jti": "j"}
    said = jwt.encode(body, key, algorithm="ES256", headers={"kid": "k1"})
    if ahead:
        with pytest.raises(BadToken, match="ahead"):
            assertions.read(said, {"keys": [public]}, "c", ["https://here"], NOW)
    else:
        assertions.read(said, {"keys": [public]}, "c", ["https://here"], NOW)


@pytest.mark.parametrize("refusals", [0, 1])
def test_where_one_refusal_is_a_burst_none_is_not(refusals: int) -> None:
    numbers = {"least": 1, "within_minutes": 10, "window_minutes": 60}
    lines = [Seen(kind="refused", at=NOW)] * refusals
    found = denied_burst(Watched(NOW, NOW, {}), lines, NOW, numbers)
    assert (found.seen if found else 0) == refusals


def test_whoever_is_another_person_has_no_reason_against_him() -> None:
    assert own_account_objections(is_own=False) == ()
    assert [each.code for each in own_account_objections(is_own=True)] == ["own-account"]


@pytest.mark.parametrize(("month", "half"), [(1, 1), (6, 1), (7, 2), (12, 2)])
def test_half_years_turn_with_july(month: int, half: int) -> None:
    assert half_year(date(2026, month, 28)) == f"2026H{half}"


# -- what is watched, owed and handed in later


@pytest.mark.parametrize(
    ("kind", "extracts"), list(product(("charge", "delivery", "refund", "refusal", "download"), (0, 1)))
)
def test_a_request_takes_an_extract_by_a_charge_or_a_delivery(kind: str, extracts: int) -> None:
    seen = Seen(datetime(2026, 3, 2, tzinfo=UTC), kind, extracts=extracts)
    assert seen.is_request is (kind in {"charge", "delivery"} and extracts > 0)


def test_reasons_of_papers_name_the_paper_and_its_days() -> None:
    day = date(2026, 3, 2)
    owed = papers.Paper(
        "plan", Text("方案", "Plan"), State.OWED, 5, may_promise=False, due_on=day, source="x"
    )
    lacking = replace(owed, state=State.MISSING, due_on=None)
    (late,) = papers.screening_objections([lacking], {"plan": 6})
    assert (late.code, late.facts) == ("paper-too-late", {"paper": "plan", "working_days": 5})
    for today, word in ((day, "is due on"), (day + timedelta(days=1), "was due on")):
        (said,) = papers.decision_objections([owed], today)
        assert (said.code, said.facts) == ("paper-owed", {"paper": "plan", "due_on": "2026-03-02"})
        assert word in said.text.en
    (gone,) = papers.supply_objections(owed, day + timedelta(days=1), is_open=False)
    assert gone.facts == {"paper": "plan", "due_on": "2026-03-02"}
    assert not list(papers.supply_objections(owed, day, is_open=False)), "its last day counts"
    overdue = papers.overdue(Text("方案", "Plan"), "a-1", day)
    assert overdue.facts == {"application": "a-1", "due_on": "2026-03-02"}


@pytest.mark.parametrize("kind", Kind)
def test_an_overdue_duty_names_grant_kind_and_day(kind: Kind) -> None:
    for told in (duties.overdue, duties.blocks_use):
        said = told(kind, "g-1", "DP-BC-001", date(2026, 3, 2))
        assert said.facts == {"grant": "g-1", "kind": kind.value, "due_on": "2026-03-02"}
