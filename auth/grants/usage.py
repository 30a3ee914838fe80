"""Charging a grant, exactly, also when many ask at once: the check and the charge are one UPDATE."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, String, Table, Update, bindparam, case, or_, update
from sqlmodel import col, select

from auth.anomalies import observing
from auth.grants import ledger, lineage, queries, succession
from auth.grants.ledger import CHARGE, DELIVERY, REFUND, RESERVED, Taking, enter, taken_in
from auth.grants.tables import GrantRow, UsageEventRow
from auth.grants.view import day_of
from auth.grants.workflow import State
from auth.incidents import freezes
from auth.policy import rules
from auth.policy.model import MAX_QUOTA
from core.db import UtcDateTime
from core.errors import Conflict, QuotaExceeded, refuse_if
from core.ids import GrantId
from core.text import Text
from core.work import Work, fetched, foresee

_UNITS: Final = ("extracts", "rows", "bytes")
_NAMES: Final = {
    "extracts": Text("提取次数", "extracts"),
    "rows": Text("行数", "rows"),
    "bytes": Text("字节数", "bytes"),
    "per_day": Text("当日次数", "uses of today"),
    "per_month": Text("当月次数", "uses of this month"),
    "outputs_per_month": Text("当月出域次数", "enclave outputs of this month"),
}


_GRANTS: Final[Table] = GrantRow.__table__  # type: ignore[attr-defined]
_OF: Final = _GRANTS.c.id == bindparam("grant")


_Span = tuple[
    str, str, BindParameter[Any], str
]  # unit, which day or month was counted, the present one, how many


def _column(name: str, unit: str) -> Any:  # noqa: ANN401 - a column
    return _GRANTS.c[f"{name}_{unit}"]


def _charging(spans: tuple[_Span, ...] = (), *, follows: bool = False) -> Update:
    """The statement of a charge. `spans`: the counts of day and month that take it in, because something is asked for anew.
    `follows`: the grant has others before it; a freeze on one of them stops it, too."""
    before = lineage.before(bindparam("succeeds", type_=String)) if follows else None
    statement = update(_GRANTS).where(
        _OF,
        _GRANTS.c.state == State.ACTIVE,
        _GRANTS.c.starts_at <= bindparam("now", type_=UtcDateTime),
        _GRANTS.c.ends_at > bindparam("now", type_=UtcDateTime),
        ~freezes.of_grant(
            _GRANTS.c.id, _GRANTS.c.org_id, _GRANTS.c.dataset_id, _GRANTS.c.department_id, before
        ),
    )
    values = {}
    for unit in _UNITS:
        count: BindParameter[Any] = bindparam(f"n_{unit}")
        used, quota = _column("used", unit), _column("quota", unit)
        within = or_(quota.is_(None), used + _column("carried", unit) + count <= quota)
        statement = statement.where(used <= bindparam(f"room_{unit}"), within)
        values[f"used_{unit}"] = used + count
    for unit, counted, span, number in spans:
        last = _GRANTS.c[
            counted
        ]  # a clock that goes back over midnight, or another machine's, does not begin the day anew
        so_far = case((last >= span, _column("used", unit)), else_=0) + bindparam(number)
        most = _column("quota", unit)
        statement = statement.where(so_far <= MAX_QUOTA, or_(most.is_(None), so_far <= most))
        values |= {f"used_{unit}": so_far, counted: case((last > span, last), else_=span)}
    return statement.values(values)


# Put together once, and each is one statement: check and change in one. Rows already loaded are not refreshed by them:
# `queries.row` and `queries.facts` always read anew.
_TODAY: Final[BindParameter[Any]] = bindparam("today", type_=_GRANTS.c.used_on.type)
_MONTH: Final[BindParameter[Any]] = bindparam("month", type_=_GRANTS.c.used_in.type)
_SPANS: Final[tuple[_Span, ...]] = (
    ("per_day", "used_on", _TODAY, "n_extracts"),
    ("per_month", "used_in", _MONTH, "n_extracts"),
)
_OUTPUT_SPAN: Final[_Span] = ("outputs_per_month", "outputs_in", _MONTH, "n_outputs")
_CHARGES: Final = {
    (kind, follows): _charging(spans, follows=follows)
    for kind, spans in (("more", ()), ("request", _SPANS), ("output", (*_SPANS, _OUTPUT_SPAN)))
    for follows in (False, True)
}
_OUTPUT_BACK: Final = (
    update(_GRANTS)
    .where(_OF, _GRANTS.c.outputs_in >= _MONTH, _GRANTS.c.used_outputs_per_month > 0)
    .values(used_outputs_per_month=_GRANTS.c.used_outputs_per_month - 1)
)
_REFUND: Final = (
    update(_GRANTS)
    .where(_OF, *(_column("used", unit) >= bindparam(f"n_{unit}") for unit in _UNITS))
    .values({f"used_{unit}": _column("used", unit) - bindparam(f"n_{unit}") for unit in _UNITS})
)
_CARRY_BACK: Final = (
    update(_GRANTS)
    .where(_OF, *(_column("carried", unit) >= bindparam(f"n_{unit}") for unit in _UNITS))
    .values({f"carried_{unit}": _column("carried", unit) - bindparam(f"n_{unit}") for unit in _UNITS})
)


def charge(
    work: Work,
    grant_id: GrantId,
    *,
    extracts: int = 0,
    rows: int = 0,
    bytes: int = 0,
    subject: str = "",
    taking: Taking | None = None,
    delivers: bool = False,
    reserves: bool = False,
    outputs: int = 0,
    is_new: bool = True,
    epsilon_micro: int = 0,
) -> None:
    """Take from the grant's quotas, in the caller's transaction: all of it, or QuotaExceeded and nothing.

    Only a grant that is effective at `work.now` can be charged; otherwise AccessRefused with every reason.
    `subject`: what it is for (an extract's id). `taking`: who takes what, for the ledger. `delivers`: data are handed over by it.
    `reserves`: for what waits for a review; it counts against the quota, and in no report before it is delivered.
    `outputs`: results of the enclave that a request is to bring; taken with `extracts` alone. `is_new`: not for what was asked for
    before, under the grant that this one amends: the counts of day and month, which were carried over, have it already.
    `epsilon_micro`: for the ledger; the privacy budget itself is charged beside (`datasets.queries.private.budget`).
    """
    wanted = _counted(extracts=extracts, rows=rows, bytes=bytes)
    held = queries.facts(work, grant_id)
    seen = queries.view_of(work, held)
    if seen.blocks:
        refuse_if(rules.effective(seen, work.now))
    room = {f"room_{unit}": MAX_QUOTA - count for unit, count in wanted.items()}
    given: dict[str, Any] = {"grant": grant_id, "now": work.now, **_numbers(wanted), **room}
    if follows := held.succeeds_id is not None:
        given["succeeds"] = held.succeeds_id
    kind = "more"
    if extracts and is_new:
        kind, today = "output" if outputs else "request", day_of(work.now)
        given |= {"today": today, "month": today[:7]} | ({"n_outputs": outputs} if outputs else {})
    if not fetched(work, _CHARGES[kind, follows], **given).rowcount:
        _say_why(work, grant_id, wanted, outputs)
    if extracts and is_new:  # a new request; what it asked for is counted afterwards
        alone = () if follows else observing.questions(work, grant_id)
        foresee(work, queries.row_asked(grant_id), ledger.whose_asked(grant_id), *alone)
        refuse_if(tuple(observing.against_use(work, queries.row(work, grant_id))))
    kind = DELIVERY if delivers else RESERVED if reserves else CHARGE
    enter(work, grant_id, kind, subject=subject, taking=taking, counts=wanted, epsilon_micro=epsilon_micro)


def refund(
    work: Work,
    grant_id: GrantId,
    *,
    extracts: int = 0,
    rows: int = 0,
    bytes: int = 0,
    subject: str = "",
    taking: Taking | None = None,
    reserved: bool = False,
) -> None:
    """Give back what was charged and not delivered; also after the grant has ended. ValueError for more than was used.

    It counts in the month in which it was charged, so that no month says less than nothing. `reserved`: what was reserved, which no month counted.

    The counts of day and month stay: otherwise asking and taking back would be without limit. Amendments that took over what
    was used carry as much less, so that it is free again under the grant in force.
    """
    wanted = _counted(extracts=extracts, rows=rows, bytes=bytes)
    if not fetched(work, _REFUND, grant=grant_id, **_numbers(wanted)).rowcount:
        raise ValueError(f"refund of more than grant {grant_id} has used: {wanted}")
    for later in succession.carried_on_by(work, grant_id):
        fetched(work, _CARRY_BACK, grant=later, **_numbers(wanted))
    given_back = {unit: -count for unit, count in wanted.items()}
    if reserved:
        enter(work, grant_id, RESERVED, subject=subject, taking=taking, counts=given_back)
        return
    month = taken_in(work, grant_id, subject) if subject else ""
    enter(work, grant_id, REFUND, subject=subject, taking=taking, counts=given_back, month=month)


def give_output_back(work: Work, grant_id: GrantId, asked_at: datetime) -> None:
    """What was to come out of the enclave does not: the month in which it was asked for has one more, while it lasts, under
    the grant and under the amendments that took its count over."""
    if (month := day_of(asked_at)[:7]) == day_of(work.now)[:7]:
        for each in (grant_id, *succession.carried_on_by(work, grant_id)):
            fetched(work, _OUTPUT_BACK, grant=each, month=month)


def _counted(**counts: int) -> dict[str, int]:
    for unit, count in counts.items():
        if not 0 <= count <= MAX_QUOTA:
            raise ValueError(f"{unit} must lie between 0 and {MAX_QUOTA}: {count}")
    return counts


def _numbers(wanted: dict[str, int]) -> dict[str, int]:
    return {f"n_{unit}": count for unit, count in wanted.items()}


def _say_why(work: Work, grant_id: GrantId, wanted: dict[str, int], outputs: int = 0) -> None:
    grant = queries.view(work, grant_id)
    refuse_if(rules.effective(grant, work.now))
    spans = dict.fromkeys(("per_day", "per_month"), wanted["extracts"]) | {"outputs_per_month": outputs}
    for unit, count in (wanted | spans).items():
        limit, used = getattr(grant.policy.quotas, unit), getattr(grant.used, unit)
        limit = MAX_QUOTA if limit is None else limit
        if count and used + count > limit:
            name, left = _NAMES[unit], max(limit - used, 0)
            raise QuotaExceeded(
                Text(
                    f"{name.zh}额度不足：需要 {count}，剩余 {left}（上限 {limit}）。请缩小范围，或申请新的授权。",
                    f"Not enough {name.en} left: {count} needed, {left} of {limit} left. Ask for less, or apply for a new grant.",
                ),
                unit=unit, needed=count, left=left, limit=limit,
            )  # fmt: skip
    raise Conflict(
        Text(
            "他人刚刚改动了该授权的用量；本次未计费，请再试一次。",
            "Somebody else changed what is left of the grant just now; nothing was charged, try again.",
        )
    )


def events(
    work: Work, grant_id: GrantId, *, offset: int = 0, limit: int | None = None
) -> list[UsageEventRow]:
    """The lines of a grant, oldest first: every charge, refund, delivery, download and refusal."""
    wanted = select(UsageEventRow).where(UsageEventRow.grant_id == grant_id)
    ordered = wanted.order_by(col(UsageEventRow.at), col(UsageEventRow.id))
    return list(work.db.exec(ordered.offset(offset).limit(limit)))
