"""Users, their organisations, and what happened lately, read. People are shown to themselves alone; events only as far as everybody may know them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_
from sqlmodel import col, select

from auth.actor import ANYONE, PLATFORM
from auth.identity import organisations
from auth.roles import ROLE_NAMES
from catalog import queries
from catalog.ckan import shape
from catalog.ckan.actions import Action, Call, find, seen
from catalog.ckan.errors import SIGN_IN, denied, not_found
from catalog.ckan.shape import Json
from catalog.queries import OPEN_LEVELS
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.text import Text

_MOST: Final = 100


def _self(call: Call) -> Json:
    actor = call.actor
    return {
        "id": actor.account_id, "name": actor.username, "fullname": actor.name.zh, "display_name": actor.name.zh, "about": None,
        "created": None, "last_active": None, "state": "active", "sysadmin": False, "number_created_packages": 0,
        "email_hash": "", "image_url": None, "image_display_url": None, "activity_streams_email_notifications": False,
    }  # fmt: skip


def _is_self(call: Call, wanted: str) -> bool:
    return call.actor.is_signed_in and wanted in (call.actor.account_id, call.actor.username)


def user_list(call: Call) -> list[Any]:
    """The caller alone: who else works here is nobody's business."""
    found = [_self(call)] if call.actor.is_signed_in else []
    q = call.text("q").lower()
    found = [each for each in found if q in each["name"].lower() or q in each["fullname"].lower()]
    return found if call.text("all_fields", "true").lower() != "false" else [each["name"] for each in found]


def user_show(call: Call) -> Json:
    """Oneself; anybody else is not found."""
    wanted = call.text("id") or (call.actor.username if call.actor.is_signed_in else call.wanted())
    if not _is_self(call, wanted):
        raise not_found("User not found")
    return _self(call)


def user_autocomplete(call: Call) -> list[Json]:
    """As `user_list`."""
    return [
        {"id": each["id"], "name": each["name"], "fullname": each["fullname"]}
        for each in user_list(call)
        if isinstance(each, dict)
    ]


def organization_list_for_user(call: Call) -> list[Json]:
    """The organisations within which the caller holds a role; `capacity` is admin, editor (may write records) or member."""
    if not call.actor.is_signed_in or (call.params.get("id") and not _is_self(call, call.text("id"))):
        return []
    found = []
    scopes = {held.scope for held in call.actor.roles} | ({call.actor.org_id} if call.actor.org_id else set())
    wide = PLATFORM in scopes and call.actor.may_in(queries.WRITE, PLATFORM)
    for each in organisations.organisations(call.work):
        if each.is_enterprise or not (wide or each.id in scopes):
            continue
        capacity = "editor" if call.actor.may_in(queries.WRITE, each.id) else "member"
        found.append(
            shape.organization(
                each.id, Text(each.name_zh, each.name_en), each.created_at, capacity=capacity, package_count=0
            )
        )
    return found


def member_roles_list(_call: Call) -> list[Json]:
    """The roles there are."""
    return [{"value": role.value, "text": name.en} for role, name in ROLE_NAMES.items()]


# -- what happened lately


def _activity(row: DatasetRow, kind: str, at: datetime) -> Json:
    return {
        "id": f"{row.id}-{kind.split()[0]}-{row.version}", "timestamp": shape.moment(at), "user_id": None, "object_id": row.id,
        "activity_type": kind, "data": {"package": {"id": row.id, "name": shape.package_name(row.id), "title": row.title_zh or row.title_en}},
    }  # fmt: skip


def _events(rows: list[DatasetRow]) -> list[Json]:
    found = []
    for row in rows:
        if row.state == State.WITHDRAWN and row.withdrawn_at:
            found.append(_activity(row, "deleted package", row.withdrawn_at))
            continue
        if row.issued and row.modified > row.issued:
            found.append(_activity(row, "changed package", row.modified))
        if row.issued:
            found.append(_activity(row, "new package", row.issued))
    return sorted(found, key=lambda each: (str(each["timestamp"]), each["id"]), reverse=True)


def _paged(call: Call, found: list[Json]) -> list[Json]:
    at, limit = call.number("offset", 0), call.number("limit", 31, _MOST)
    return found[at : at + limit]


def lately(call: Call, *more: Any) -> list[Json]:  # noqa: ANN401 - conditions
    """Of what everybody may know: published records, and tombstones of records that were published."""
    public = [queries.visible(ANYONE), col(DatasetRow.state) == State.PUBLISHED]
    gone = [
        col(DatasetRow.state) == State.WITHDRAWN, col(DatasetRow.issued).is_not(None),
        or_(col(DatasetRow.data_level).is_(None), col(DatasetRow.data_level) <= OPEN_LEVELS),
    ]  # fmt: skip
    most = call.number("offset", 0) + call.number("limit", 31, _MOST)
    rows: list[DatasetRow] = []
    for conditions, order in ((public, DatasetRow.modified), (gone, DatasetRow.withdrawn_at)):
        wanted = (
            select(DatasetRow)
            .where(*conditions, *more)
            .order_by(col(order).desc(), col(DatasetRow.id))
            .limit(most)
        )
        rows += call.work.db.exec(wanted).all()
    return _paged(call, _events(rows))


def recently_changed_packages_activity_list(call: Call) -> list[Json]:
    """What was published, changed and withdrawn, newest first."""
    return lately(call)


def package_activity_list(call: Call) -> list[Json]:
    """The same of one dataset."""
    row = find(call, call.wanted(), *seen(call))
    return _paged(call, _events([row]))


def user_activity_list(call: Call) -> list[Json]:
    """Nobody's steps are shown here; the audit record keeps them."""
    if not _is_self(call, call.wanted()):
        raise not_found("User not found")
    return []


def dashboard_activity_list(call: Call) -> list[Json]:
    """For a signed-in caller: what happened lately."""
    if not call.actor.is_signed_in:
        raise denied(SIGN_IN)
    return lately(call)


def dashboard_new_activities_count(call: Call) -> int:
    return len(dashboard_activity_list(call))


PEOPLE: Final[tuple[Action, ...]] = (
    user_list, user_show, user_autocomplete, organization_list_for_user, member_roles_list,
    recently_changed_packages_activity_list, package_activity_list, user_activity_list, dashboard_activity_list, dashboard_new_activities_count,
)  # fmt: skip
