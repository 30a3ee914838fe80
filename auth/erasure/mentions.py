"""Where others wrote a person's name in their own words. It stays: the words are another's, and belong to the case.

Nobody can tell from the words alone whether they mean this person or somebody of the same name, so nothing is rewritten by itself;
who decides is told the places and how often, before it is done, and the number goes on record.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import ColumnElement, String, Table, func, or_, select
from sqlmodel import SQLModel, col
from sqlmodel import select as rows_of
from sqlmodel.sql.sqltypes import AutoString

from auth import audit
from auth.erasure.places import DROPS, KEPT, NAMES
from auth.identity.tables import AccountRow, PersonRow
from core.work import Work

# Columns in which people write sentences, by their names.
_PROSE: Final = re.compile(
    r"(^|_)(note|reason|comment|text|body|because|summary|answer|detail|need|description|remark|value|lines|words)($|_)"
)
_OWN: Final = ("created_person", "person_id", "about")
_LEAST: Final = 2  # characters of a name: one alone is in every sentence


def mentions(work: Work, person_id: str) -> list[tuple[str, int]]:
    """(`table.column`, rows) of what others wrote with this person's name or user name in it, most first."""
    words = _words(work, person_id)
    if not words:
        return []
    audit.settle(work.db)  # these questions go past the session, which would have done it
    work.db.flush()
    known = {f"{each.table}.{each.column}" for each in NAMES} | set(KEPT)
    dropped = {each.table for each in DROPS} | {"auth_person", "auth_account", "auth_erasure"}
    found = []
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns if table.name not in dropped else ():
            place = f"{table.name}.{column.name}"
            if (
                isinstance(column.type, String | AutoString)
                and _PROSE.search(column.name)
                and place not in known
            ):
                met = or_(*(column.contains(word, autoescape=True) for word in words))
                wanted = select(func.count()).select_from(table).where(met, *_of_others(table, person_id))
                if rows := work.db.connection().execute(wanted).scalar_one():
                    found.append((place, int(rows)))
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _words(work: Work, person_id: str) -> list[str]:
    person = work.db.get_one(PersonRow, person_id)
    names = rows_of(AccountRow.username).where(col(AccountRow.person_id) == person_id)
    said = {person.name_zh, person.name_en, *work.db.exec(names)}
    return sorted(word for word in said if len(word) >= _LEAST)


def _of_others(table: Table, person_id: str) -> list[ColumnElement[bool]]:
    """Not what the person wrote himself; of the record, words alone."""
    of = [table.c[name] != person_id for name in _OWN if name in table.c]
    return [*of, table.c["is_name"].is_(False)] if "is_name" in table.c else of
