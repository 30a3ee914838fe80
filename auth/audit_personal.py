"""Personal data in the audit record: a salted commitment in the event, the clear text beside it, where it can be erased.

The event keeps `{"commitment": "sha256:…"}` = SHA-256(salt ‖ canonical JSON of the value). Salt and value stand in a table of their
own; erasing empties both, and neither chain nor tree nor checkpoint notices. Without the salt the value cannot be guessed.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger
from sqlmodel import Field, col, select

from core.canonical import canonical
from core.db import UtcDateTime
from core.rows import EventfulRow
from core.work import Work

COMMITMENT: Final = "commitment"
# Members of a payload that name a person, wherever they stand in it, and those in which somebody wrote in his own words.
ASKED_FROM: Final = "asked_from"  # the network of a request: of form 3 on
NAMES: Final = frozenset(
    {ASKED_FROM, "username", "principal", "deputy", "for", "email", "signer", "assisted_for", "signatory"}
)
WORDS: Final = frozenset({"note", "reason", "comment", "detail", "evidence"})
# … and members that are personal in one kind of event alone.
NAMES_IN: Final[Mapping[str, frozenset[str]]] = {
    "identity.linked": frozenset({"subject"}),
    "identity.unlinked": frozenset({"subject"}),
    "api_key.refused_elsewhere": frozenset({"from"}),
    "api_key.created": frozenset({"name"}),
    "role_change.asked": frozenset({"detail"}),
    "usage.exported": frozenset({"account"}),
    "query.verify_asked": frozenset({"consent"}),
    "query.verified": frozenset({"consent"}),
}
OUTSIDE: Final = frozenset({"assisted_for", "signatory", "consent"})  # people without an account here
_AT_ONCE: Final = 500


class PersonalRow(EventfulRow, table=True):
    """One value of one event. `about`: the person it concerns; `erased_at`: since when salt and value are gone."""

    __tablename__ = "auth_audit_personal"
    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    field: str = Field(primary_key=True, max_length=200)
    about: str = Field(index=True)
    is_name: bool
    salt: str = Field(max_length=64)
    value: str
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


@dataclass(frozen=True, slots=True)
class Opening:
    """A value with its place in the payload, before it is stored."""

    field: str
    is_name: bool
    salt: str
    value: str


def commitment(salt: str, value: str) -> str:
    """What stands in the event. `salt` is hexadecimal, `value` canonical JSON."""
    return "sha256:" + hashlib.sha256(bytes.fromhex(salt) + value.encode()).hexdigest()


def veil(kind: str, payload: Mapping[str, Any]) -> tuple[dict[str, Any], list[Opening]]:
    """The payload as the event holds it, and what opens it."""
    made: list[Opening] = []
    names = NAMES | NAMES_IN.get(kind, frozenset())
    veiled = {name: _veiled(name, value, f"/{name}", names, made) for name, value in payload.items()}
    return veiled, made


def _veiled(name: str, value: Any, where: str, names: frozenset[str], made: list[Opening]) -> Any:  # noqa: ANN401 - JSON
    if (name in names or name in WORDS) and value not in (None, "", [], {}) and len(where) <= 200:
        text = canonical(value).decode()
        opening = Opening(where, name in names, secrets.token_hex(32), text)
        made.append(opening)
        return {COMMITMENT: commitment(opening.salt, text)}
    if isinstance(value, Mapping):
        return {key: _veiled(str(key), each, f"{where}/{key}", names, made) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_veiled("", each, f"{where}/{at}", names, made) for at, each in enumerate(value)]
    return value


def rows(actor: str, about: Mapping[str, str], openings: Iterable[Opening]) -> list[PersonalRow]:
    """What opens an event, stored with it once it has its number (0 until then). A value is about the actor, unless `about` says otherwise."""
    found = []
    for each in openings:
        member = each.field.rpartition("/")[2]
        concerns = about.get(member, "" if member in OUTSIDE else actor)
        found.append(
            PersonalRow(
                seq=0,
                field=each.field,
                about=concerns,
                is_name=each.is_name,
                salt=each.salt,
                value=each.value,
            )
        )
    return found


def rows_of(work: Work, seqs: Iterable[int]) -> Iterator[PersonalRow]:
    """What opens these events, erased ones too, in order."""
    wanted = sorted(set(seqs))
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        found = select(PersonalRow).where(col(PersonalRow.seq).in_(part))
        yield from work.db.exec(found.order_by(col(PersonalRow.seq), col(PersonalRow.field)))


def opened(work: Work, events: Iterable[tuple[int, str]]) -> dict[int, dict[str, Any]]:
    """Payloads by number, each value in the clear where it is still there; `None` where it was erased.

    A value that is not the one committed to is not shown: its commitment stays, marked `altered`.
    """
    held = dict(events)
    payloads: dict[int, dict[str, Any]] = {seq: json.loads(text) for seq, text in held.items()}
    veiled = [seq for seq, text in held.items() if f'"{COMMITMENT}"' in text]
    for row in rows_of(work, veiled):
        try:
            said = at(payloads[row.seq], row.field)[COMMITMENT]
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # the event committed to nothing there: somebody put it beside by hand, and a verification says so
        if row.value and commitment(row.salt, row.value) != said:
            put(payloads[row.seq], row.field, {COMMITMENT: said, "altered": True})
        else:
            put(payloads[row.seq], row.field, json.loads(row.value) if row.value else None)
    return payloads


def at(payload: Any, field: str) -> Any:  # noqa: ANN401 - JSON
    """The value at its place."""
    for step in field.split("/")[1:]:
        payload = payload[int(step)] if isinstance(payload, list) else payload[step]
    return payload


def put(payload: Any, field: str, value: Any) -> None:  # noqa: ANN401 - JSON
    """Put a value at its place."""
    above, _, last = field.rpartition("/")
    payload = at(payload, above)
    payload[int(last) if isinstance(payload, list) else last] = value


def lines(work: Work, seqs: Iterable[int]) -> Iterator[bytes]:
    """What opens these events, for a pack; what was erased is not there."""
    return (line(row) for row in rows_of(work, seqs) if row.value)


def all_lines(work: Work, size: int) -> Iterator[bytes]:
    """What opens the first `size` events."""
    wanted = select(PersonalRow).where(PersonalRow.seq <= size, PersonalRow.value != "")
    ordered = wanted.order_by(col(PersonalRow.seq), col(PersonalRow.field))
    return map(line, work.db.exec(ordered.execution_options(yield_per=1000)))


def line(row: PersonalRow) -> bytes:
    """A line of a pack: all that somebody needs to see that this value is the one that was committed to."""
    body: dict[str, Any] = {"seq": row.seq, "field": row.field, "salt": row.salt, "value": row.value}
    return canonical(body) + b"\n"
