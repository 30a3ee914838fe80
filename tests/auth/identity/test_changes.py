"""Roles take two people, in every order that somebody might try; break-glass is short, loud and keeps duties apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlmodel import select

from api.house import House
from auth import audit
from auth.actor import Actor
from auth.identity import accounts, changes, credentials, rules
from auth.identity.accounts import RoleGive
from auth.identity.changes import ChangeKind, ChangeState, GlassAsk
from auth.roles import FRESH_FACTOR, PERMISSIONS, Role
from core.errors import AccessRefused, AppError, Conflict, NotFound
from core.outbox import OutboxRow
from core.work import Work
from tests.conftest import TestClock
from tests.people import a_person, actor_of, an_org, browser_as, client_as

REASON = "the only administrator on duty is ill"


@pytest.fixture
def peopled(house: House) -> House:
    with house.write() as work:
        an_org(work, "bureau", "implementing_body")
        an_org(work, "insurer")
        for name in ("zhao", "qian", "third"):
            a_person(work, name, "bureau", ["sysadmin"])
        a_person(work, "watch", "bureau", ["security_officer"])
        a_person(work, "watch2", "bureau", ["security_officer"])
        a_person(work, "auditor", "bureau", ["auditor"])
        a_person(work, "sun", "bureau")
    return house


def _ask(house: House, who: str = "zhao", target: str = "sun", role: Role = Role.APPROVER) -> str:
    with house.write() as work:
        return changes.ask_give(work, actor_of(work, who), target, RoleGive(role=role)).id


def _confirm(house: House, who: str, key: str) -> ChangeState:
    with house.write() as work:
        return credentials.confirm(work, actor_of(work, who), key).state


def _roles(house: House, who: str) -> set[Role]:
    with house.read() as work:
        return {role.role for role in accounts.account(work, who).roles}


def test_a_role_counts_only_after_a_second_administrator_has_confirmed(peopled: House) -> None:
    key = _ask(peopled)
    assert _roles(peopled, "sun") == set()
    with pytest.raises(AccessRefused, match="does not confirm it"):
        _confirm(peopled, "zhao", key)
    assert _confirm(peopled, "qian", key) is ChangeState.CONFIRMED
    assert _roles(peopled, "sun") == {Role.APPROVER}
    with pytest.raises(Conflict, match="settled or has lapsed"):
        _confirm(peopled, "third", key)
    with peopled.read() as work:
        given = work.db.exec(
            select(audit.AuditEventRow).where(
                audit.AuditEventRow.kind == "role.given",
                audit.AuditEventRow.actor_account == actor_of(work, "qian").account_id,
            )
        ).one()
    assert '"asked_by"' in given.payload


def test_a_second_account_of_the_same_person_confirms_nothing(peopled: House) -> None:
    with peopled.write() as work:
        person = accounts.account(work, "zhao").person_id
        a_person(work, "zhao2", "bureau", ["sysadmin"], person_id=person)
    with pytest.raises(AccessRefused):
        _confirm(peopled, "zhao2", _ask(peopled))


def test_whom_it_concerns_neither_asks_nor_confirms(peopled: House) -> None:
    with pytest.raises(AccessRefused, match="grants roles to himself"):
        _ask(peopled, "zhao", "zhao", Role.CATALOG_ADMIN)
    key = _ask(peopled, "zhao", "qian", Role.CATALOG_ADMIN)
    with pytest.raises(AccessRefused, match="concerns"):
        _confirm(peopled, "qian", key)


@pytest.mark.parametrize("who", ["watch", "auditor", "sun"])
def test_others_do_not_even_see_that_a_change_is_there(peopled: House, who: str) -> None:
    key = _ask(peopled)
    with pytest.raises(NotFound):
        _confirm(peopled, who, key)


def test_ending_a_role_takes_two_people_too_and_disabling_takes_one(peopled: House) -> None:
    with peopled.write() as work:
        held = accounts.account(work, "watch").roles[0].id
        key = changes.ask_take(work, actor_of(work, "zhao"), "watch", held).id
    assert _roles(peopled, "watch") == {Role.SECURITY_OFFICER}
    _confirm(peopled, "qian", key)
    assert _roles(peopled, "watch") == set()
    with peopled.read() as work:
        own = accounts.account(work, "zhao").roles[0].id
    with peopled.write() as work, pytest.raises(AccessRefused):
        changes.ask_take(work, actor_of(work, "zhao"), "zhao", own)
    with peopled.write() as work:
        assert accounts.set_disabled(work, actor_of(work, "zhao"), "watch", True).disabled


def test_what_lapses_or_is_refused_is_never_made(peopled: House, clock: TestClock) -> None:
    lapsed, refused = _ask(peopled), _ask(peopled, role=Role.STEWARD)
    with peopled.write() as work:
        assert changes.refuse(work, actor_of(work, "qian"), refused, "no").state is ChangeState.REFUSED
    clock.forward(hours=72)
    for key in (lapsed, refused):
        with pytest.raises(Conflict):
            _confirm(peopled, "qian", key)
    with peopled.read() as work:
        found, total = changes.changes(work, actor_of(work, "qian"))
    assert {row.state for row in found} == {ChangeState.LAPSED, ChangeState.REFUSED}
    assert total == 2
    assert _ask(peopled) != lapsed


def test_the_same_change_waits_once_and_may_be_taken_back(peopled: House) -> None:
    key = _ask(peopled)
    with pytest.raises(Conflict, match="waits for another"):
        _ask(peopled, "third")
    with peopled.write() as work:
        assert changes.refuse(work, actor_of(work, "zhao"), key).state is ChangeState.WITHDRAWN
    _ask(peopled, "third")


def test_the_rules_are_asked_again_when_it_is_confirmed(peopled: House) -> None:
    """Between asking and confirming the person became an auditor: the two do not meet."""
    key, other = _ask(peopled), _ask(peopled, role=Role.AUDITOR)
    _confirm(peopled, "qian", other)
    with pytest.raises(AccessRefused, match="An auditor holds no other role"):
        _confirm(peopled, "qian", key)


def test_three_administrators_cannot_be_merged_in_any_order(peopled: House) -> None:
    """System, security and audit administration never meet in one person, whichever comes first."""
    three = {"zhao": Role.SYSADMIN, "watch": Role.SECURITY_OFFICER, "auditor": Role.AUDITOR}
    for who, has in three.items():
        for role in set(three.values()) - {has}:
            with pytest.raises(AccessRefused):
                _ask(peopled, "qian", who, role)
            ask = GlassAsk(username=who, role=role, reason=REASON)
            with peopled.write() as work, pytest.raises(AccessRefused):
                changes.ask_glass(work, actor_of(work, "third"), ask)


def test_break_glass_lasts_hours_and_is_loud(peopled: House, clock: TestClock) -> None:
    ask = GlassAsk(username="sun", role=Role.SECURITY_OFFICER, hours=2, reason=REASON)
    with peopled.write() as work:
        key = changes.ask_glass(work, actor_of(work, "zhao"), ask).id
    with pytest.raises(AccessRefused):
        _confirm(peopled, "zhao", key)
    clock.forward(hours=1)
    assert _confirm(peopled, "watch", key) is ChangeState.CONFIRMED  # no second system administrator needed
    assert REASON in browser_as(peopled, "auditor", "en").get("/datasets").text
    clock.forward(hours=2, seconds=-1)
    with peopled.read() as work:
        assert actor_of(work, "sun").may("auth:grant:suspend")
    clock.forward(seconds=1)
    with peopled.read() as work:
        assert not actor_of(work, "sun").may("auth:grant:suspend")
        topics = [row.topic for row in work.db.exec(select(OutboxRow)).all()]
    assert {"break_glass.asked", "break_glass.opened"} <= set(topics)
    assert REASON not in browser_as(peopled, "auditor", "en").get("/datasets").text


def test_an_open_glass_is_closed_by_one_person(peopled: House) -> None:
    ask = GlassAsk(username="sun", role=Role.CATALOG_ADMIN, hours=8, reason=REASON)
    with peopled.write() as work:
        key = changes.ask_glass(work, actor_of(work, "watch"), ask).id
    _confirm(peopled, "watch2", key)
    assert _roles(peopled, "sun") == {Role.CATALOG_ADMIN}
    with peopled.write() as work:
        assert not changes.close_glass(work, actor_of(work, "watch"), key).is_open
    assert _roles(peopled, "sun") == set()
    with peopled.write() as work, pytest.raises(NotFound):
        changes.close_glass(work, actor_of(work, "watch"), key)


@pytest.mark.parametrize(
    ("is_asker", "is_concerned", "codes"),
    [(False, False, []), (True, False, ["second-person"]), (False, True, ["own-role"]), (True, True, ["second-person", "own-role"])],
)  # fmt: skip
def test_who_may_confirm_as_a_table(is_asker: bool, is_concerned: bool, codes: list[str]) -> None:
    found = rules.second_person_objections(is_asker=is_asker, is_concerned=is_concerned)
    assert [reason.code for reason in found] == codes


def test_pages_and_routes_walk_the_same_way(peopled: House) -> None:
    zhao, qian = browser_as(peopled, "zhao", "en"), browser_as(peopled, "qian", "en")
    assert zhao.submit("/admin/users/sun/roles", role="approver").status_code == 303
    assert "waits for another administrator" in zhao.get("/admin/users/sun").text
    assert "Take back" in zhao.get("/admin/changes").text
    key = client_as(peopled, "qian").get("/api/v1/role-changes?waiting=true").json()["items"][0]["id"]
    assert zhao.submit(f"/admin/changes/{key}/confirm").status_code == 403
    assert qian.submit(f"/admin/changes/{key}/confirm").status_code == 303
    assert _roles(peopled, "sun") == {Role.APPROVER}
    bad = zhao.submit("/admin/break-glass", username="sun", role="steward", hours="99", reason="short")
    assert bad.status_code == 422
    assert 'value="99"' in bad.text
    typed = {"username": "sun", "role": "steward", "hours": "1", "reason": REASON}
    assert zhao.submit("/admin/break-glass", **typed).status_code == 303
    glass = client_as(peopled, "watch").get("/api/v1/role-changes").status_code
    assert glass == 200
    made = client_as(peopled, "watch").post(
        "/api/v1/break-glass", json={"username": "sun", "role": "catalog_admin", "hours": 1, "reason": REASON}
    )
    assert made.status_code == 201, made.text
    opened = client_as(peopled, "qian").post(f"/api/v1/role-changes/{made.json()['id']}/confirm")
    assert opened.json()["is_open"]
    assert (
        client_as(peopled, "watch2").post(f"/api/v1/break-glass/{made.json()['id']}/close").status_code == 200
    )


def test_what_asks_for_a_fresh_factor_are_permissions() -> None:
    assert set(PERMISSIONS) >= FRESH_FACTOR


PEOPLE = ("zhao", "qian", "third", "watch", "sun")
ROLES = (Role.SYSADMIN, Role.AUDITOR, Role.SECURITY_OFFICER, Role.APPROVER, Role.STEWARD)


def _machine(house: House, clock: TestClock) -> type[RuleBasedStateMachine]:
    """Anybody tries anything on one installation; see the invariants."""

    class AnybodyTriesAnything(RuleBasedStateMachine):
        who, whom, role = st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.sampled_from(ROLES)

        def _try(self, act: Any) -> None:
            try:
                with house.write() as work:
                    act(work)
            except AppError:
                pass

        @rule(who=who, whom=whom, role=role)
        def ask(self, who: str, whom: str, role: Role) -> None:
            def act(work: Work) -> None:
                actor: Actor = actor_of(work, who)
                actor.demand("auth:user:admin")
                changes.ask_give(work, actor, whom, RoleGive(role=role))

            self._try(act)

        @rule(who=who, whom=whom, nth=st.integers(0, 3))
        def end(self, who: str, whom: str, nth: int) -> None:
            def act(work: Work) -> None:
                actor = actor_of(work, who)
                actor.demand("auth:user:admin")
                roles = accounts.account(work, whom).roles
                if nth < len(roles):
                    changes.ask_take(work, actor, whom, roles[nth].id)

            self._try(act)

        @rule(who=who, nth=st.integers(0, 4))
        def confirm(self, who: str, nth: int) -> None:
            def act(work: Work) -> None:
                waiting, _ = changes.changes(work, actor_of(work, who), waiting=True)
                if nth < len(waiting):
                    credentials.confirm(work, actor_of(work, who), waiting[nth].id)

            self._try(act)

        @rule(hours=st.integers(1, 80))
        def wait(self, hours: int) -> None:
            clock.now += timedelta(hours=hours)

        @invariant()
        def every_change_took_two_people_and_none_of_them_was_the_one_concerned(self) -> None:
            with house.read() as work:
                for row in work.db.exec(
                    select(changes.ChangeRow).where(changes.ChangeRow.state == ChangeState.CONFIRMED)
                ):
                    settled = accounts.person_org_of(work, row.settled_by or "").person_id
                    target = accounts.person_org_of(work, row.account_id).person_id
                    assert len({row.asked_person, settled, target}) == 3

        @invariant()
        def administrations_never_meet(self) -> None:
            for name in PEOPLE:
                held = _roles(house, name)
                assert not ({Role.SYSADMIN} <= held and held & rules.DECIDING_ROLES)
                assert Role.AUDITOR not in held or held == {Role.AUDITOR}

    return AnybodyTriesAnything


def test_anybody_may_try_anything_and_two_people_stand_behind_each_change(
    sqlite_house: House, clock: TestClock
) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", "implementing_body")
        for name, roles in (
            ("zhao", ["sysadmin"]), ("qian", ["sysadmin"]), ("third", ["sysadmin"]), ("watch", ["security_officer"]), ("sun", []),
        ):  # fmt: skip
            a_person(work, name, "bureau", roles)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        _machine(sqlite_house, clock),
        settings=settings(
            max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    with sqlite_house.read() as work:
        assert audit.verify(work)[1] is None
    assert ChangeKind.GIVE in ChangeKind
