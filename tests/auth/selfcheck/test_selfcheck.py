"""Self-checks: each point follows from the record, is told in both languages, and is kept as it stood with its digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.self_check import app
from api.house import House
from api.routes.selfchecks import around
from auth import audit_guard
from auth.audit import AuditEventRow
from auth.grants import usage
from auth.grants.ledger import REFUSED, enter
from auth.grants.tables import GrantRow
from auth.identity.tables import AccountRow
from auth.policy.limits import limits
from auth.profile import service as profiles
from auth.profile.model import Number, Profile, shipped
from auth.profile.service import ProfileProposal
from auth.proof import looking
from auth.proof.checkpoint import Place
from auth.roles import Role
from auth.selfcheck import rules, service
from auth.selfcheck.rules import OrganisationFacts, Outcome, PlatformFacts
from auth.selfcheck.service import CheckRead
from core.errors import NotFound
from core.ids import GrantId
from core.text import Text
from tests.auth.agreements.scene import in_force
from tests.auth.proof.packs import unguarded
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant
from tests.people import a_person, browser_as, client_as

SOUND = PlatformFacts(
    look_holds=True, look_days=0, guarded=True, checkpoints=3, events=9, admins_missing=0, admins_merged=0, deciders=2, deciding_admins=0,
    factor_due=2, factor_missing=0, tries=5, locked_minutes=15, idle_minutes=30, unused_accounts=0, unused_days=90, certificates_overdue=0,
    secure_line=True, scanner=True, demo=False,
)  # fmt: skip
GOOD = OrganisationFacts(
    grants=1, licence_holds=True, agreement=True, reports_overdue=0, certificates_overdue=0, unvouched=0, deliveries=4, purpose_refusals=0,
    quota_refusals=0, unread_columns=0, commitments_broken=0, papers_overdue=0, anomalies_open=0, frozen=False, untraced=0, days=90,
)  # fmt: skip


def _outcomes(points: Any) -> dict[str, str]:
    return {each.key: each.outcome.value for each in points}


@pytest.mark.parametrize(
    ("changes", "key", "outcome"),
    [
        ({"look_holds": None}, "audit-sound", "fail"),
        ({"look_holds": False}, "audit-sound", "fail"),
        ({"look_days": 2}, "audit-sound", "pass"),
        ({"look_days": 3}, "audit-sound", "fail"),
        ({"guarded": False}, "audit-protected", "fail"),
        ({"checkpoints": 0}, "audit-protected", "fail"),
        ({"admins_missing": 1}, "administrators-apart", "fail"),
        ({"admins_merged": 1}, "administrators-apart", "fail"),
        ({"deciding_admins": 1}, "least-privilege", "fail"),
        ({"factor_missing": 1}, "second-factor", "fail"),
        ({"factor_due": 0}, "second-factor", "not-applicable"),
        ({"tries": 6}, "lock-out", "fail"),
        ({"idle_minutes": 31}, "session-timeout", "fail"),
        ({"unused_accounts": 1}, "unused-accounts", "fail"),
        ({"certificates_overdue": 1}, "residual-data", "fail"),
        ({"secure_line": False}, "secure-line", "fail"),
        ({"scanner": False}, "malicious-code", "fail"),
        ({"demo": True}, "no-default-accounts", "fail"),
    ],
)  # fmt: skip
def test_each_point_of_the_platform_hangs_on_its_facts_alone(
    changes: dict[str, Any], key: str, outcome: str
) -> None:
    sound = _outcomes(rules.of_platform(SOUND, limits()))
    assert set(sound.values()) == {"pass"}
    assert _outcomes(rules.of_platform(replace(SOUND, **changes), limits())) == sound | {key: outcome}


@pytest.mark.parametrize(
    ("changes", "key", "outcome"),
    [
        ({"licence_holds": False}, "licence", "fail"),
        ({"agreement": False}, "agreement", "fail"),
        ({"agreement": None}, "agreement", "not-applicable"),
        ({"purpose_refusals": 1}, "purpose", "fail"),
        ({"reports_overdue": 1}, "reports", "fail"),
        ({"certificates_overdue": 1}, "certificates", "fail"),
        ({"unvouched": 1}, "members", "fail"),
        ({"unvouched": None}, "members", "not-applicable"),
        ({"quota_refusals": 1}, "quotas", "fail"),
        ({"unread_columns": 1}, "minimal", "fail"),
        ({"untraced": 1}, "traceable", "fail"),
        ({"commitments_broken": 1}, "promises", "fail"),
        ({"papers_overdue": 1}, "promises", "fail"),
        ({"anomalies_open": 1}, "anomalies", "fail"),
        ({"frozen": True}, "anomalies", "fail"),
    ],
)  # fmt: skip
def test_each_point_of_an_enterprise_hangs_on_its_facts_alone(
    changes: dict[str, Any], key: str, outcome: str
) -> None:
    good = _outcomes(rules.of_organisation(GOOD))
    assert set(good.values()) == {"pass"}
    assert _outcomes(rules.of_organisation(replace(GOOD, **changes))) == good | {key: outcome}


@pytest.mark.parametrize(
    ("agreement", "said"), [(None, "none asked for"), (True, "in force"), (False, "none")]
)
def test_what_was_found_of_an_agreement_is_said(agreement: bool | None, said: str) -> None:
    points = {each.key: each for each in rules.of_organisation(replace(GOOD, agreement=agreement))}
    assert points["agreement"].found.en == said


PLATFORM_SAYS: list[tuple[str, dict[str, Any], str, str]] = [
    ("audit-sound", {"look_holds": None}, "尚未自动核对", "never looked through"),
    ("audit-sound", {"look_days": 1}, "1 天前核对，一致", "looked through 1 day ago: as signed"),
    ("audit-sound", {"look_holds": False, "look_days": 2}, "2 天前核对，不一致", "looked through 2 days ago: at odds"),
    ("audit-protected", {}, "数据库防护齐备，检查点 3 个", "guards in the database in place, 3 checkpoints"),
    ("audit-protected", {"guarded": False, "checkpoints": 1}, "数据库防护不全，检查点 1 个", "guards in the database missing, 1 checkpoint"),
    ("administrators-apart", {"admins_missing": 2, "admins_merged": 1}, "缺 2 类，兼任 1 人", "2 of three missing, 1 person in two"),
    ("second-factor", {"factor_missing": 1}, "应启用 2 个，未启用 1 个", "2 must have one, 1 do not"),
    ("secure-line", {}, "HTTPS", "https"),
    ("secure-line", {"secure_line": False}, "HTTP", "http"),
    ("malicious-code", {}, "已配置", "a scanner is set"),
    ("malicious-code", {"scanner": False}, "未配置", "none is set"),
    ("no-default-accounts", {}, "未启用", "off"),
    ("no-default-accounts", {"demo": True}, "演示模式", "demo mode"),
]  # fmt: skip
ENTERPRISE_SAYS: list[tuple[str, dict[str, Any], str, str]] = [
    ("licence", {}, "有效", "in force"),
    ("licence", {"licence_holds": False}, "无效或已到期", "not in force"),
    ("agreement", {"agreement": None}, "不要求", "none asked for"),
    ("agreement", {}, "有效", "in force"),
    ("agreement", {"agreement": False}, "没有", "none"),
    ("members", {"unvouched": None}, "不要求", "not asked for"),
    ("members", {"unvouched": 2}, "2 名分析员未获担保", "2 analysts not vouched for"),
    ("anomalies", {"anomalies_open": 1}, "异常 1 项", "1 anomaly open"),
    ("anomalies", {"anomalies_open": 2, "frozen": True}, "异常 2 项，已冻结", "2 anomalies open, frozen"),
]


@pytest.mark.parametrize(("key", "changes", "zh", "en"), [*PLATFORM_SAYS, *ENTERPRISE_SAYS])
def test_each_point_says_what_the_record_holds(key: str, changes: dict[str, Any], zh: str, en: str) -> None:
    is_platform = (key, changes, zh, en) in PLATFORM_SAYS
    points = (
        rules.of_platform(replace(SOUND, **changes), limits())
        if is_platform
        else rules.of_organisation(replace(GOOD, **changes))
    )
    (point,) = (each for each in points if each.key == key)
    assert point.found == Text(zh, en)
    assert bool(point.cure.zh) is bool(point.cure.en) is (point.outcome is Outcome.FAIL)


def test_one_checkpoint_protects_the_record_and_a_point_at_its_limit_passes() -> None:
    at_limit = replace(
        SOUND, checkpoints=1, tries=limits()["self_check_failures"], idle_minutes=limits()["self_check_idle_minutes"],
        look_days=limits()["self_check_look_days"],
    )  # fmt: skip
    assert set(_outcomes(rules.of_platform(at_limit, limits())).values()) == {"pass"}


@pytest.mark.parametrize("changes", [{"purpose_refusals": 1}, {"reports_overdue": 1}, {"certificates_overdue": 1}, {"quota_refusals": 1}, {"unread_columns": 1}, {"untraced": 1}])  # fmt: skip
def test_what_hangs_on_grants_is_not_applicable_without_any(changes: dict[str, Any]) -> None:
    found = _outcomes(rules.of_organisation(replace(GOOD, grants=0, **changes)))
    assert {key for key, outcome in found.items() if outcome == "not-applicable"} == {
        "purpose", "reports", "certificates", "quotas", "minimal", "traceable",
    }  # fmt: skip


def _with(**numbers: int) -> Profile:
    """The shipped profile of open data with other limits of self-checks."""
    source = "本地规定 2026-07"
    said = {key: Number(value=value, source=source) for key, value in numbers.items()}
    return shipped()["generic-open-data"].model_copy(update={"key": "stricter", "numbers": said})


def test_what_passes_follows_the_limits_of_the_profile() -> None:
    strict = _with(self_check_failures=3, self_check_idle_minutes=15, self_check_look_days=1).limits()
    found = _outcomes(rules.of_platform(replace(SOUND, look_days=2), strict))
    assert {key for key, outcome in found.items() if outcome == "fail"} == {
        "audit-sound",
        "lock-out",
        "session-timeout",
    }
    points = {each.key: each for each in rules.of_platform(SOUND, strict)}
    assert "after 3 wrong passwords" in points["lock-out"].name.en
    assert "15 分钟" in points["session-timeout"].name.zh


def test_what_to_do_hangs_on_what_is_missing() -> None:
    def cure(**changes: Any) -> str:
        points = {each.key: each for each in rules.of_platform(replace(SOUND, **changes), limits())}
        return points["audit-protected"].cure.en

    assert "signs the first checkpoint" in cure(checkpoints=0)
    assert "puts the triggers back" in cure(guarded=False)


def test_without_a_grant_there_is_nothing_to_use() -> None:
    found = _outcomes(rules.of_organisation(replace(GOOD, grants=0)))
    assert {key for key, outcome in found.items() if outcome == "not-applicable"} == {
        "purpose", "reports", "certificates", "quotas", "minimal", "traceable",
    }  # fmt: skip


def test_every_point_is_told_in_both_languages_and_what_failed_says_what_to_do() -> None:
    worst = replace(GOOD, licence_holds=False, agreement=False, purpose_refusals=2, frozen=True)
    for point in (
        *rules.of_platform(replace(SOUND, demo=True, tries=9), limits()),
        *rules.of_organisation(worst),
    ):
        assert all((point.name.zh, point.name.en, point.found.zh, point.found.en))
        assert bool(point.cure.zh and point.cure.en) is (point.outcome is Outcome.FAIL)


def _now(desk: Desk, who: str, subject: str) -> CheckRead:
    with desk.read(who) as (work, actor):
        return service.check(work, actor, subject, around(desk.house))


def _said(check: CheckRead) -> dict[str, str]:
    return {each.key: each.outcome.value for each in check.points}


def test_an_enterprises_points_follow_from_its_record(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    good = _said(_now(desk, "officer", "insurer"))
    usual = ("licence", "purpose", "reports", "certificates", "quotas", "traceable", "promises", "anomalies")
    assert {good[key] for key in usual} == {"pass"}
    with house.write() as work:
        usage.charge(work, GrantId(grant.id), extracts=1, rows=3, delivers=True)
        for reasons in (("purpose-mismatch",), ("quota-exhausted", "grant-not-active")):
            enter(work, GrantId(grant.id), REFUSED, subject=grant.id, reasons=reasons)
    found = _now(desk, "officer", "insurer")
    assert (_said(found)["purpose"], _said(found)["quotas"]) == ("fail", "fail")
    (purpose,) = [each for each in found.points if each.key == "purpose"]
    assert "1 delivery" in purpose.found_en
    clock.forward(days=91)
    later = _said(_now(desk, "officer", "insurer"))
    assert (later["purpose"], later["quotas"], later["minimal"]) == ("pass", "pass", "fail"), (
        "of the last 90 days"
    )
    clock.forward(days=365 + limits()["use_report_days"] + limits()["deletion_days"])
    late = _said(_now(desk, "auditor", "insurer"))
    assert {late[key] for key in ("reports", "certificates")} == {"fail"}
    assert _said(_now(desk, "auditor", service.SUBJECT))["residual-data"] == "fail"


def test_agreement_and_vouching_count_where_the_profile_asks_for_them(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    a_grant(desk)
    found = _said(_now(desk, "officer", "insurer"))
    assert [found[key] for key in ("agreement", "members")] == ["not-applicable"] * 2
    asks = {"key": "asks", "agreement": True, "vouching": True}
    in_force(desk, shipped()["generic-open-data"].model_copy(update=asks))
    found = _said(_now(desk, "officer", "insurer"))
    assert [found[key] for key in ("agreement", "members")] == ["fail"] * 2


def test_a_dry_run_names_the_points_that_would_turn_out_otherwise(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    with house.write() as work:
        enter(work, GrantId(grant.id), REFUSED, subject=grant.id, reasons=("purpose-mismatch",))
    clock.forward(days=10)
    strict = _with(self_check_failures=3, self_check_span_days=5)
    with desk.read("auditor") as (work, actor):
        found = service.changed(work, actor, strict, around(house))
        assert service.changed(work, actor, shipped()["generic-open-data"], around(house)) == []
    said = {(each.subject, each.key, each.before.value, each.after.value) for each in found}
    assert {("platform", "lock-out", "pass", "fail"), ("insurer", "purpose", "fail", "pass")} <= said
    asked = (
        client_as(house, "auditor")
        .post("/api/v1/profile/dry-run", json=strict.model_dump(mode="json"))
        .json()
    )
    assert {"lock-out", "purpose"} <= {each["key"] for each in asked["self_checks"]}
    with desk.write("watch") as (work, actor):
        made = profiles.propose(work, actor, ProfileProposal(profile=strict, reason="收紧自查口径"))
    page = browser_as(house, "watch", "en").get(f"/profile/{made.id}").text
    assert "Lock-out: after 3 wrong passwords at most" in page
    in_force(desk, strict)
    now = _said(_now(desk, "auditor", service.SUBJECT))
    assert (now["lock-out"], _said(_now(desk, "officer", "insurer"))["purpose"]) == ("fail", "pass")


def test_the_command_tells_outcomes_in_the_language_of_the_terminal(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = a_desk(sqlite_house)
    a_grant(desk)
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "officer"]
    told = {}
    for lang, name in (("zh_CN.UTF-8", "zh"), ("en_GB.UTF-8", "en")):
        monkeypatch.setenv("LC_ALL", lang)
        told[name] = CliRunner().invoke(app, ["show", *where]).stdout
    assert "符合" in told["zh"]
    assert "机构资质有效" in told["zh"]
    assert "Not applicable" in told["en"]
    assert "Pass" in told["en"]
    assert "符合" not in told["en"]


def test_the_platforms_points_follow_from_its_record(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    with house.write() as work:
        looking.note(work, looking.verified(work, Place.of(house.settings)))
    found = _said(_now(desk, "auditor", service.SUBJECT))
    held = ("audit-sound", "administrators-apart", "least-privilege", "lock-out", "session-timeout", "residual-data")  # fmt: skip
    assert {found[key] for key in held} == {"pass"}
    missing = {found[key] for key in ("secure-line", "malicious-code")}
    assert (missing, found["second-factor"]) == ({"fail"}, "not-applicable"), "as the tests' house is set up"
    asks = replace(around(house), factor_roles=[Role.APPROVER])
    with desk.read("auditor") as (work, actor):
        assert _said(service.check(work, actor, service.SUBJECT, asks))["second-factor"] == "fail"
    unguarded(house)
    clock.forward(days=91)
    found = _said(_now(desk, "auditor", service.SUBJECT))
    assert {found[key] for key in ("audit-sound", "audit-protected", "unused-accounts")} == {"fail"}
    with house.write() as work:
        for account in work.db.exec(select(AccountRow)):
            account.last_sign_in_at = work.now - timedelta(days=1)
    assert _said(_now(desk, "auditor", service.SUBJECT))["unused-accounts"] == "pass"


def test_the_guards_named_are_those_that_stand_there(sqlite_house: House) -> None:
    with sqlite_house.engine.begin() as raw:
        found = raw.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
    assert set(audit_guard.SQLITE_TRIGGERS) <= set(found)


def test_it_is_kept_as_it_stood_with_day_and_digest(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    a_grant(desk)
    with desk.write("officer") as (work, actor):
        made = service.keep(work, actor, "insurer", around(house))
    assert hashlib.sha256(made.document.encode()).hexdigest() == made.sha256
    before = _now(desk, "officer", "insurer")
    with house.write() as work:
        for row in work.db.exec(select(GrantRow)).all():
            enter(work, GrantId(row.id), REFUSED, subject=row.id, reasons=("purpose-mismatch",))
    clock.forward(days=1)
    with desk.read("steward_a") as (work, actor):
        kept = service.kept_one(work, actor, made.id)
        listed, total = service.kept(work, actor)
        wanted = select(AuditEventRow.payload).where(AuditEventRow.kind == "selfcheck.kept")
        payload = work.db.exec(wanted).one()
    assert kept.check.points == before.points, "not as it stands now"
    assert ([each.id for each in listed], total, kept.kept_by) == ([made.id], 1, "officer")
    assert json.loads(payload)["sha256"] == made.sha256


@pytest.mark.parametrize(
    ("who", "subject"),
    [("officer2", "insurer"), ("officer", service.SUBJECT), ("officer", "mapper"), ("roads_screener", "insurer"), ("auditor", "no-such")],
)  # fmt: skip
def test_beyond_ones_sight_there_is_none(sqlite_house: House, who: str, subject: str) -> None:
    desk = a_desk(sqlite_house)
    a_grant(desk)
    with pytest.raises(NotFound):
        _now(desk, who, subject)


def test_only_its_own_officer_hands_an_enterprises_in(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    a_grant(desk)
    for who in ("watch", "steward_a"):
        with pytest.raises(NotFound), desk.write(who) as (work, actor):
            service.keep(work, actor, "insurer", around(sqlite_house))
    with desk.write("watch") as (work, actor):
        assert service.keep(work, actor, service.SUBJECT, around(sqlite_house)).subject == service.SUBJECT
    with desk.read("officer") as (work, actor), pytest.raises(NotFound):
        service.kept_one(work, actor, "no-such")
    assert client_as(sqlite_house, "applicant").post("/api/v1/self-checks/now").status_code == 403


def test_page_route_and_command(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    a_grant(desk)
    page = browser_as(sqlite_house, "officer", "en")
    shown = page.get("/self-checks")
    assert "The organisation is qualified" in shown.text
    assert "Hand in and keep" in shown.text
    assert "Hand in and keep" not in browser_as(sqlite_house, "applicant", "en").get("/self-checks").text
    kept = page.submit("/self-checks", subject="insurer")
    assert kept.status_code == 303
    assert "it changes no more" in page.get(kept.headers["location"]).text
    assert page.submit("/self-checks", subject="mapper").status_code == 404
    assert "安全审计记录完整" in browser_as(sqlite_house, "watch").get("/self-checks").text
    route = client_as(sqlite_house, "officer")
    now = route.get("/api/v1/self-checks/now").json()
    assert (now["subject"], now["may_keep"]) == ("insurer", True)
    made = route.post("/api/v1/self-checks/now")
    assert made.status_code == 201
    kept_at = f"/api/v1/self-checks/kept/{made.json()['id']}"
    assert route.get(kept_at).json()["sha256"] == made.json()["sha256"]
    assert route.get("/api/v1/self-checks").json()["total"] == 2
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "officer", "--json"]
    shown_now = CliRunner().invoke(app, ["show", *where])
    assert shown_now.exit_code == (1 if json.loads(shown_now.stdout)["failed"] else 0)
    assert json.loads(CliRunner().invoke(app, ["list", *where]).stdout)["total"] == 2
    told = json.loads(CliRunner().invoke(app, ["keep", *where]).stdout)
    again = json.loads(CliRunner().invoke(app, ["kept", told["id"], *where]).stdout)
    assert again["sha256"] == told["sha256"]
