"""The one grammar of steps: load within sight, compare versions, move, remember, audit, tell. Each kind of record has its book."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, func
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.casework.machine import Machine
from auth.casework.tables import CaseEventRow, CaseFields
from auth.policy.limits import limits
from auth.policy.model import Prose
from auth.policy.separation import Past
from auth.roles import Role
from core import outbox
from core.errors import InputRefused, NotFound, Reason, Stale
from core.text import Text
from core.work import Work

Row = TypeVar("Row", bound=CaseFields)


class CaseStep(SQLModel):
    """A step on a record: the version that was seen, and why."""

    model_config = {"extra": "forbid"}
    version: int | None = Field(default=None, ge=1)
    note: Prose = Field(default="", max_length=2000)


@dataclass(frozen=True, slots=True)
class Command:
    """A step that the reader's roles open now, with every reason that still stands against it."""

    step: str
    name: Text
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Book(Generic[Row]):
    """How records of one kind are kept. `kinds`: audit kind per step, "open" for the first entry; `ids`: what the audit record is also filed under;
    `about`: the persons whom names in its payloads concern, by member; `says`: what its events tell besides, where somebody listens."""

    kind: str
    table: type[Row]
    machine: Machine[Any, Any]
    states: type[StrEnum]
    kinds: Mapping[str, str]
    final: frozenset[Any]
    seen_by: Callable[[Actor], ColumnElement[bool]]
    roles: Callable[[Actor, Row], frozenset[Role]]
    ids: Callable[[Row], dict[str, str | None]] = lambda _: {}
    about: Callable[[Row], dict[str, str]] = lambda _: {}
    says: Callable[[Row], dict[str, str]] = lambda _: {}

    def missing(self) -> NotFound:
        name = self.machine.name
        return NotFound(
            Text(
                f"没有这条{name.zh}记录，或不在您可见的范围内。",
                f"There is no such {name.en}, or it is not yours to see.",
            )
        )

    def row(
        self, work: Work, row_id: str, actor: Actor, *, version: int | None = None, to_change: bool = False
    ) -> Row:
        """The row within the actor's sight; `to_change` holds it. Raises NotFound; Stale when somebody else was faster."""
        wanted = select(self.table).where(col(self.table.id) == row_id, self.seen_by(actor))
        if to_change:
            wanted = wanted.with_for_update()
        found = work.db.exec(wanted.execution_options(populate_existing=True)).first()
        if found is None:
            raise self.missing()
        if version is not None and version != found.version:
            raise Stale(
                Text(
                    f"该记录已被他人修改（当前版本 {found.version}，您看到的是 {version}）；请刷新后再操作。",
                    f"The record was changed by somebody else (now version {found.version}, you saw {version}); reload first.",
                ),
                version=found.version,
                state=found.state,
            )
        return found

    def open(
        self, work: Work, actor: Actor, row: Row, payload: Mapping[str, Any] | None = None, note: str = ""
    ) -> Row:
        """Enter a new row with its first event."""
        work.db.add(row)
        work.db.flush()
        self._write(work, actor, row, "open", "", note, payload)
        return row

    def check(self, actor: Actor, row: Row, step: StrEnum) -> StrEnum:
        """The state that this step would lead to; raises TransitionRefused."""
        to: StrEnum = self.machine.advance(
            self.states(row.state), step, self.roles(actor, row), by_system=actor.via == "system"
        )
        return to

    def move(
        self,
        work: Work,
        actor: Actor,
        row: Row,
        step: StrEnum,
        note: str = "",
        payload: Mapping[str, Any] | None = None,
    ) -> Row:
        """Take a step: state, version, history, audit and message, in the caller's transaction."""
        before = row.state
        row.state = str(self.check(actor, row, step).value)
        row.version += 1
        row.note = note
        row.ended_at = work.now if self.states(row.state) in self.final else None
        work.db.add(row)
        work.db.flush()
        self._write(work, actor, row, step.value, before, note, payload)
        return row

    def _write(
        self,
        work: Work,
        actor: Actor,
        row: Row,
        step: str,
        before: str,
        note: str,
        payload: Mapping[str, Any] | None,
    ) -> None:
        work.db.add(
            CaseEventRow(
                id=work.new_id(), case_kind=self.kind, case_id=row.id, version=row.version, step=step, from_state=before,
                to_state=row.state, person_id=actor.person_id, account_id=actor.account_id, actor_name=actor.username,
                org_id=actor.org_id, note=note, at=work.now,
            )
        )  # fmt: skip
        facts = {"from": before, "to": row.state, "version": row.version, "note": note, **(payload or {})}
        audit.record(
            work,
            actor,
            self.kinds[step],
            subject=row.id,
            payload=facts,
            about=self.about(row),
            **self.ids(row),
        )
        if before != row.state:
            body: dict[str, object] = {"id": row.id, "state": row.state, **self.ids(row), **self.says(row)}
            outbox.post(work, self.kinds[step], row.id, body)

    def listed(
        self,
        work: Work,
        actor: Actor,
        *conditions: ColumnElement[bool],
        order: Sequence[Any] = (),
        offset: int = 0,
        limit: int = 50,
    ) -> tuple[list[Row], int]:
        """Rows in the actor's sight that meet the conditions, newest first unless `order` says otherwise; and their number."""
        met = [self.seen_by(actor), *conditions]
        total = work.db.exec(select(func.count()).select_from(self.table).where(*met)).one()
        wanted = select(self.table).where(*met).order_by(*order, col(self.table.id).desc())
        return list(work.db.exec(wanted.offset(offset).limit(limit))), total

    def events(self, work: Work, row_id: str) -> list[CaseEventRow]:
        """The record's history, oldest first."""
        wanted = select(CaseEventRow).where(
            CaseEventRow.case_kind == self.kind, CaseEventRow.case_id == row_id
        )
        return list(work.db.exec(wanted.order_by(col(CaseEventRow.version))))

    def past(self, work: Work, row_id: str) -> tuple[Past, ...]:
        return tuple(Past(each.step, each.person_id, each.org_id) for each in self.events(work, row_id))

    def commands(
        self, actor: Actor, row: Row, against: Callable[[Any], Iterable[Reason]] = lambda _: ()
    ) -> list[Command]:
        """The steps open to this actor now; `against` gives what still stands against one."""
        found = self.machine.open_steps(self.states(row.state), self.roles(actor, row))
        return [Command(step.value, self.machine.step_names[step], tuple(against(step))) for step in found]


def made_by(work: Work, actor: Actor) -> dict[str, Any]:
    """The fields that say who makes a new row."""
    return {
        "id": work.new_id(),
        "created_by": actor.account_id,
        "created_person": actor.person_id,
        "created_org": actor.org_id,
        "created_at": work.now,
    }


def need_reason(note: str) -> None:
    """Raise InputRefused unless the note is a reason in words."""
    if len(note.strip()) < (least := limits()["min_reason_characters"]):
        raise InputRefused(
            Text(
                f"请写明理由（note），至少 {least} 个字。",
                f"Give a reason (note) of {least} characters or more.",
            ),
            field="note",
        )
