"""Pure rules: credit codes, roles that may not meet, licences on their last day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from auth.actor import PLATFORM, RoleAt
from auth.identity import rules
from auth.roles import Role
from core.text import Text


@pytest.mark.parametrize("code", ["91350100M000100Y43", "914403001922038216", "9144030071526726XG"])
def test_published_credit_codes_hold(code: str) -> None:
    assert rules.credit_code_is_valid(code)


@pytest.mark.parametrize(
    "code",
    [
        "91350100M000100Y44",
        "91350100M000100Y4",
        "91350100m000100y43",
        "",
        "9135010OM000100Y43",
        "91350100M000100Y4３",
    ],
)
def test_altered_credit_codes_do_not(code: str) -> None:
    assert not rules.credit_code_is_valid(code)


def test_every_swap_of_neighbours_is_noticed() -> None:
    code = "91350100M000100Y43"
    for place in range(17):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert swapped == code or not rules.credit_code_is_valid(swapped)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC), "QUALIFIED"),  # 23:59:59 in China
        (datetime(2026, 3, 31, 16, 0, 0, tzinfo=UTC), "LAPSED"),
    ],
)
def test_licence_lapses_at_midnight_in_china(now: datetime, state: str) -> None:
    assert rules.licence_state_on("QUALIFIED", date(2026, 3, 31), now) == state


def test_licence_without_an_end_does_not_count() -> None:
    assert rules.licence_state_on("QUALIFIED", None, datetime(2026, 1, 1, tzinfo=UTC)) == "LAPSED"


@pytest.mark.parametrize("state", ["PENDING", "SUSPENDED", "LAPSED", "DISQUALIFIED", "SOMETHING-NEW"])
def test_only_a_qualified_enterprise_may_go_on(state: str) -> None:
    name = Text("某公司", "A company")
    assert rules.licence_reason("operator", name, state, None) is not None
    told = rules.licence_reason("operator", name, state, date(2026, 3, 31))
    assert told is not None
    assert (told.code, told.facts) == ("organisation-not-qualified", {"licence_state": state})
    assert ("2026-03-31" in told.text.zh, "2026-03-31" in told.text.en) == (state == "LAPSED",) * 2
    assert "A company" in told.text.en
    assert rules.licence_reason("developer", name, "QUALIFIED", date(2026, 1, 1)) is None
    assert rules.licence_reason("source_department", name, state, None) is None


def _codes(
    role: Role, scope: str, held: set[RoleAt], org: str | None, kind: str | None, own: bool = False
) -> set[str]:
    found = rules.role_objections(role, scope, held=held, org_id=org, org_kind=kind, is_own=own)
    return {reason.code for reason in found}


@pytest.mark.parametrize("deciding", sorted(rules.DECIDING_ROLES))
def test_system_administrator_holds_no_deciding_role_in_either_order(deciding: Role) -> None:
    held = {RoleAt(deciding, PLATFORM)}
    assert "sysadmin-decides" in _codes(Role.SYSADMIN, PLATFORM, held, "bureau", "implementing_body")
    held = {RoleAt(Role.SYSADMIN, PLATFORM)}
    assert "sysadmin-decides" in _codes(deciding, PLATFORM, held, "bureau", "implementing_body")


@pytest.mark.parametrize("other", [role for role in Role if role is not Role.AUDITOR])
def test_auditor_holds_nothing_else_in_either_order(other: Role) -> None:
    held = {RoleAt(other, PLATFORM)}
    assert "auditor-writes" in _codes(Role.AUDITOR, PLATFORM, held, "bureau", "implementing_body")
    held = {RoleAt(Role.AUDITOR, PLATFORM)}
    assert "auditor-writes" in _codes(other, PLATFORM, held, "bureau", "implementing_body")


def test_nobody_gives_himself_a_role() -> None:
    assert "own-role" in _codes(Role.APPROVER, PLATFORM, set(), "bureau", "implementing_body", own=True)


@pytest.mark.parametrize("role", list(Role))
def test_usual_scope_is_always_allowed_on_the_right_side(role: Role) -> None:
    enterprise = role in rules.ENTERPRISE_ROLES
    kinds = (
        ("operator", "developer") if enterprise else ("implementing_body", "source_department", "supervisor")
    )
    for kind in kinds:
        scope = rules.default_scope(role, "home", kind)
        assert _codes(role, scope, set(), "home", kind) == set()
    wrong_side = "implementing_body" if enterprise else "operator"
    scope = rules.default_scope(role, "home", wrong_side)
    assert "role-of-other-side" in _codes(role, scope, set(), "home", wrong_side)


def test_roles_of_enterprises_and_departments_count_at_home_only() -> None:
    assert "scope" in _codes(Role.APPLICANT, PLATFORM, set(), "insurer", "operator")
    assert "scope" in _codes(Role.APPLICANT, "mapfirm", set(), "insurer", "operator")
    assert "scope" in _codes(Role.STEWARD, PLATFORM, set(), "transport", "source_department")
    assert "scope" in _codes(Role.SYSADMIN, "bureau", set(), "bureau", "implementing_body")
    for kind in ("implementing_body", "supervisor", None):
        for scope in ("*", "bureau", "parks"):
            assert ("scope" in _codes(Role.STEWARD, scope, set(), "bureau", kind)) is (scope == "parks")
    assert "scope" in _codes(Role.STEWARD, "bureau", set(), None, None)
    assert "scope" not in _codes(Role.STEWARD, "*", set(), None, None)


def test_what_is_no_network_is_named_cut_to_eighty_characters() -> None:
    assert rules.networks_of([" 203.0.113.7 ", "203.0.113.9/24", "203.0.113.7/32"]) == (
        "203.0.113.7/32",
        "203.0.113.0/24",
    )
    with pytest.raises(ValueError, match=r"^x+$") as wrong:
        rules.networks_of(["10.0.0.0/8", " " + "x" * 81])
    assert str(wrong.value) == "x" * 80


def test_a_list_holds_as_many_networks_as_are_allowed_each_counted_once() -> None:
    most = [f"10.0.{n}.0/24" for n in range(rules.MAX_NETWORKS)]
    assert rules.networks_of([*most, *most]) == tuple(most)
    with pytest.raises(ValueError, match=f"^{rules.MAX_NETWORKS + 1} > {rules.MAX_NETWORKS}$"):
        rules.networks_of([*most, "10.1.0.0/16"])
