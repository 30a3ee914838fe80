"""Organisations and their licences."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final

import sqlalchemy
from pydantic import Field as Bound
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.identity import rules
from auth.identity.tables import LicenceState, OrganisationRow, OrgKind
from core.errors import Conflict, InputRefused, NotFound, Reason
from core.text import Text
from core.work import Asked, Work, fetched


class OrganisationCreate(SQLModel):
    """What an administrator enters. `country`: where it is registered, two letters of ISO 3166; `id`: a short name of letters, digits, `.`, `_`, `-`; given by us when empty."""

    model_config = {"extra": "forbid"}
    id: str | None = None
    name_zh: str = Field(min_length=1, max_length=120)
    name_en: str = Field(min_length=1, max_length=200)
    kind: OrgKind
    credit_code: str | None = None
    country: Annotated[str, Bound(pattern="^[A-Z]{2}$")] = rules.HOME


class OrganisationRead(SQLModel):
    """An organisation. `licence_state` is the one that counts now: a licence past its last day reads LAPSED; `version`: of the licence, by its steps."""

    id: str
    name_zh: str
    name_en: str
    kind: OrgKind
    credit_code: str | None
    country: str
    controlled_by: str | None
    licence_state: LicenceState
    licence_valid_to: date | None
    version: int
    created_at: datetime

    @property
    def name(self) -> Text:
        return Text(self.name_zh, self.name_en)

    @property
    def is_enterprise(self) -> bool:
        return self.kind in rules.ENTERPRISE_KINDS


def create_organisation(
    work: Work,
    actor: Actor,
    name: Text,
    kind: OrgKind | str,
    *,
    org_id: str | None = None,
    credit_code: str | None = None,
    country: str = rules.HOME,
    licence_state: LicenceState | str = LicenceState.PENDING,
    licence_valid_to: date | None = None,
) -> OrganisationRead:
    """Enter an organisation. Raises InputRefused for a bad id, country or credit code, Conflict when id or code is taken."""
    _check_new(work, org_id, credit_code, country)
    row = OrganisationRow(
        id=org_id or work.new_id(), name_zh=name.zh, name_en=name.en, kind=OrgKind(kind), credit_code=credit_code, country=country,
        licence_state=LicenceState(licence_state), licence_valid_to=licence_valid_to, created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    audit.record(work, actor, "organisation.created", subject=row.id, payload=_facts(row))
    return read(work, row)


def organisation(work: Work, org_id: str) -> OrganisationRead:
    """One organisation. Raises NotFound."""
    return read(work, organisation_row(work, org_id))


def organisations(work: Work, *, kind: str | None = None) -> list[OrganisationRead]:
    """All organisations by name, or those of one kind."""
    wanted = select(OrganisationRow).order_by(OrganisationRow.kind, OrganisationRow.id)
    if kind:
        wanted = wanted.where(OrganisationRow.kind == kind)
    return [read(work, row) for row in work.db.exec(wanted)]


def names(work: Work) -> dict[str, Text]:
    """Every organisation's name, for lists that show nothing else of it."""
    rows = work.db.connection().execute(
        sqlalchemy.select(col(OrganisationRow.id), col(OrganisationRow.name_zh), col(OrganisationRow.name_en))
    )
    return {org_id: Text(zh, en) for org_id, zh, en in rows}


def licence_objection(org: OrganisationRead, now: datetime) -> Reason | None:
    """Why this organisation may not apply for, hold or use grants at `now`; None when it may."""
    state = rules.licence_state_on(org.licence_state, org.licence_valid_to, now)
    return rules.licence_reason(org.kind, org.name, state, org.licence_valid_to)


def read(work: Work, row: OrganisationRow) -> OrganisationRead:
    state = row.licence_state
    if row.kind in rules.ENTERPRISE_KINDS:
        state = rules.licence_state_on(row.licence_state, row.licence_valid_to, work.now)
    told = {"licence_state": LicenceState(state), "version": row.licence_version}
    return OrganisationRead.model_validate(row, update=told)


_LICENCE: Final = sqlalchemy.select(
    col(OrganisationRow.kind),
    col(OrganisationRow.licence_state),
    col(OrganisationRow.licence_valid_to),
    col(OrganisationRow.country),
).where(col(OrganisationRow.id) == sqlalchemy.bindparam("org_id"))


def licence_facts(work: Work, org_id: str) -> tuple[OrgKind, LicenceState, date | None, str]:
    """What a licence is judged on: the organisation's kind, the state that is stored, the last day, its country. Raises NotFound."""
    statement, given = licence_asked(org_id)
    found = fetched(work, statement, **given).first()
    if found is None:
        raise _unknown()
    return OrgKind(found.kind), LicenceState(found.licence_state), found.licence_valid_to, found.country


def licence_asked(org_id: str) -> Asked:
    """What `licence_facts` asks."""
    return _LICENCE, {"org_id": org_id}


def organisation_row(work: Work, org_id: str, *, to_change: bool = False) -> OrganisationRow:
    if (
        row := work.db.get(
            OrganisationRow, org_id, with_for_update=to_change or None, populate_existing=to_change
        )
    ) is None:
        raise _unknown()
    return row


def _unknown() -> NotFound:
    return NotFound(Text("没有这个组织。", "There is no such organisation."))


def _check_new(work: Work, org_id: str | None, credit_code: str | None, country: str) -> None:
    check_country(country)
    if org_id is not None and not rules.ORG_ID.fullmatch(org_id):
        raise InputRefused(
            Text("组织标识只能由字母、数字、点、下划线和连字符组成。", "An organisation id has letters, digits, '.', '_' and '-' only."),
            field="id",
        )  # fmt: skip
    if credit_code is not None:
        check_code(work, credit_code)
    if org_id is not None and work.db.get(OrganisationRow, org_id) is not None:
        raise Conflict(Text(f"组织标识 {org_id} 已被使用。", f"The organisation id {org_id} is taken."))


def check_country(country: str) -> None:
    """Raise InputRefused unless it is two capital letters."""
    if not rules.COUNTRY.fullmatch(country):
        raise InputRefused(
            Text("国家或地区应为两位大写字母代码（ISO 3166），如 CN。", "A country is two capital letters (ISO 3166), such as CN."),
            field="country",
        )  # fmt: skip


def check_code(work: Work, credit_code: str) -> None:
    """Raise InputRefused for a wrong check character, Conflict when the code is entered already."""
    if not rules.credit_code_is_valid(credit_code):
        raise InputRefused(
            Text(
                f"统一社会信用代码 {credit_code} 不正确：应为 18 位且校验位相符（GB 32100）。",
                f"{credit_code} is not a unified social credit code: 18 characters with the right check character (GB 32100).",
            ),
            field="credit_code",
        )
    taken = select(OrganisationRow).where(col(OrganisationRow.credit_code) == credit_code)
    if work.db.exec(taken).first() is not None:
        raise Conflict(
            Text(
                f"统一社会信用代码 {credit_code} 已登记。",
                f"The credit code {credit_code} is entered already.",
            )
        )


def _facts(row: OrganisationRow) -> dict[str, Any]:
    return {
        "kind": row.kind, "credit_code": row.credit_code, "country": row.country, "licence_state": row.licence_state,
        "licence_valid_to": row.licence_valid_to.isoformat() if row.licence_valid_to else None,
    }  # fmt: skip
