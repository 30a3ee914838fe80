"""Taking a person's names out of every table, in the caller's transaction. Events of the audit record are not touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, String, Table, cast, delete, select, update
from sqlmodel import SQLModel, col
from sqlmodel import select as rows_of

from auth import audit
from auth.audit_personal import NAMES as MEMBERS
from auth.audit_personal import PersonalRow
from auth.erasure.places import DROPS, KEPT, NAMES
from auth.identity.tables import AccountRow, PersonRow
from core.text import Text
from core.work import Work


@dataclass(frozen=True, slots=True)
class Gone:
    """Whose data go, and what stands in their place."""

    person_id: str
    accounts: tuple[str, ...]
    usernames: tuple[str, ...]
    pseudonym: str
    name: Text


def gone(work: Work, person_id: str) -> Gone:
    """The person's accounts, and the pseudonym made of the id that stays."""
    wanted = rows_of(AccountRow).where(AccountRow.person_id == person_id).order_by(col(AccountRow.id))
    rows = work.db.exec(wanted).all()
    short = person_id.replace("-", "")[-10:]
    return Gone(
        person_id, tuple(row.id for row in rows), tuple(row.username for row in rows), f"erased-{short}",
        Text(f"已删除人员 {short}", f"Erased person {short}"),
    )  # fmt: skip


def erase(work: Work, who: Gone) -> tuple[int, dict[str, list[int]]]:
    """Erase; gives the number of values and rows that changed, and which openings of the audit record went: the event that
    records the erasure must name them, or they count as taken away by nobody."""
    # What this transaction has recorded is erased as well: the statements below go past the session, which would have settled it.
    audit.settle(work.db)
    tables = SQLModel.metadata.tables
    changed = _identity(work, who)
    for each in NAMES:
        table = tables[each.table]
        keys = [who.person_id] if each.of == "person" else list(who.accounts)
        mine = table.c[each.key].in_(keys)
        changed += _set(work, table.c[each.column], mine, "" if each.blank else who.pseudonym, who)
    for drop in DROPS:
        table = tables[drop.table]
        changed += _run(work, delete(table).where(table.c[drop.key].in_(who.accounts)))
    for table in list(tables.values()):
        changed += _stamps(work, table, who)
    openings, taken = _openings(work, who)
    return changed + openings, taken


def _identity(work: Work, who: Gone) -> int:
    """The person and the accounts: nobody can sign in as them any more."""
    person = work.db.get_one(PersonRow, who.person_id)
    person.name_zh, person.name_en = who.name.zh, who.name.en
    work.db.add(person)
    for at, account_id in enumerate(who.accounts):
        row = work.db.get_one(AccountRow, account_id)
        row.username = who.pseudonym if at == 0 else f"{who.pseudonym}-{at}"
        row.password_hash, row.disabled, row.epoch = None, True, row.epoch + 1
        work.db.add(row)
    work.db.flush()
    tables, now = SQLModel.metadata.tables, work.now
    for name, column in (
        ("auth_session", "ended_at"),
        ("auth_refresh", "revoked_at"),
        ("auth_api_key", "revoked_at"),
    ):
        table = tables[name]
        mine = table.c.account_id.in_(who.accounts) & table.c[column].is_(None)
        _run(work, update(table).where(mine).values({column: now}))
    return 2 + len(who.accounts)


def _set(work: Work, column: Column[Any], mine: ColumnElement[bool], value: str, who: Gone) -> int:
    if isinstance(column.type, JSON):  # a name in both languages, without ids
        return _run(
            work,
            update(column.table).where(mine).values({column.name: {"zh": who.name.zh, "en": who.name.en}}),
        )
    return _run(
        work, update(column.table).where(mine, column != "", column != value).values({column.name: value})
    )


def _run(work: Work, statement: Any) -> int:  # noqa: ANN401 - an update or delete of the core
    work.db.flush()
    done = work.db.connection().execute(statement)
    return int(done.rowcount)


def _stamps(work: Work, table: Table, who: Gone) -> int:
    """Stamps in columns of JSON, found by the ids in them."""
    changed, keys = 0, list(table.primary_key.columns)
    for column in table.columns:
        if not isinstance(column.type, JSON) or f"{table.name}.{column.name}" in KEPT:
            continue
        words = cast(column, String)
        mine = _any_of(
            [words.contains(each, autoescape=True) for each in (who.person_id, *who.accounts, *_quoted(who))]
        )
        for *key, held in work.db.connection().execute(select(*keys, column).where(mine)).all():
            fresh = without(held, who)
            if fresh != held:
                here = _all_of([one == value for one, value in zip(keys, key, strict=True)])
                changed += _run(work, update(table).where(here).values({column.name: fresh}))
    return changed


def _quoted(who: Gone) -> list[str]:
    return [json.dumps(each) for each in who.usernames]


def _any_of(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    first, *rest = conditions
    for each in rest:
        first = first | each
    return first


def _all_of(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    first, *rest = conditions
    for each in rest:
        first = first & each
    return first


def without(held: Any, who: Gone) -> Any:  # noqa: ANN401 - JSON
    """A JSON value without this person's names: stamps by their ids, members that hold a user name by the name."""
    if isinstance(held, list):
        return [without(each, who) for each in held]
    if not isinstance(held, dict):
        return held
    fresh = {
        name: who.pseudonym
        if (name in MEMBERS or name == "account") and value in who.usernames
        else without(value, who)
        for name, value in held.items()
    }
    if held.get("person_id") == who.person_id or held.get("account_id") in who.accounts:
        fresh |= {"username": who.pseudonym} if "username" in held else {}
        if "name" in held:
            fresh["name"] = (
                {"zh": who.name.zh, "en": who.name.en} if isinstance(held["name"], dict) else who.pseudonym
            )
    return fresh


def _openings(work: Work, who: Gone) -> tuple[int, dict[str, list[int]]]:
    """What opens the names in the audit record; how many, and of which events, by the place in them. What the person wrote in the
    course of a case belongs to the case, and stays."""
    mine = (
        (col(PersonalRow.about) == who.person_id)
        & col(PersonalRow.is_name).is_(True)
        & (col(PersonalRow.value) != "")
    )
    taken: dict[str, list[int]] = {}
    wanted = rows_of(PersonalRow.field, PersonalRow.seq).where(mine)
    for field, seq in work.db.exec(wanted.order_by(col(PersonalRow.seq), col(PersonalRow.field))):
        taken.setdefault(field, []).append(seq)
    gone = {"salt": "", "value": "", "erased_at": work.now}
    return _run(work, update(PersonalRow).where(mine).values(gone)), taken
