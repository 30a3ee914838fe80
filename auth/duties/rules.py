"""Which duties a grant has by an instant, computed from the grant alone. Rows only record what became of them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from auth.duties.workflow import KIND_NAMES, Kind, Standing, State
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from core.errors import Reason
from core.text import Text, number_of

_TAKEN_BACK: Final = frozenset({"REVOKED", "TERMINATED"})
BASIS: Final = "R38、R39 使用情况报告与退出销毁 · use reports and deletion on exit"


@dataclass(frozen=True, slots=True)
class Lived:
    """What the duties depend on: when the grant was activated, when its period begins and ends, and how it ended if it did.

    `is_continued`: a renewal goes on with its data (`continues`).
    """

    activated_at: datetime | None
    starts_at: datetime
    ends_at: datetime
    state: str
    is_final: bool
    ended_at: datetime | None
    is_continued: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """One duty: its kind, which of that kind, and its last day."""

    kind: Kind
    period: str
    due_on: date


def end_of(grant: Lived, now: datetime) -> datetime | None:
    """When the grant ended, by a step or by its time, whether or not anybody has noted it; None while it runs."""
    if grant.is_final:
        return min(grant.ended_at or grant.ends_at, grant.ends_at)
    return grant.ends_at if now >= grant.ends_at else None


def duties_of(grant: Lived, now: datetime, limits: Limits) -> Iterator[Due]:
    """Every duty that exists at `now`. A grant that was never activated, or ended before its first day, has none; one that was amended, or renewed
    in time, deletes nothing yet."""
    end = end_of(grant, now)
    if grant.activated_at is None or (end is not None and end <= grant.starts_at):
        return
    begins = max(grant.activated_at, grant.starts_at)
    number, months = 1, limits["use_report_months"]
    while (day := later(_day(begins), number * months)) < _day(end or now):
        yield Due(Kind.USE_REPORT, f"P{number}", day + timedelta(days=limits["use_report_days"]))
        number += 1
    if end is None:
        return
    yield Due(Kind.USE_REPORT, "end", _day(end) + timedelta(days=limits["use_report_days"]))
    if grant.state != "SUPERSEDED" and not grant.is_continued:
        yield Due(Kind.DELETION_CERTIFICATE, "end", _day(end) + timedelta(days=limits["deletion_days"]))


def continues(
    state: str,
    ended_at: datetime,
    columns: Iterable[str],
    *,
    renewed_from: datetime,
    renewed_columns: Iterable[str],
    limits: Limits,
) -> bool:
    """Whether a renewal goes on with the data of a grant that ended by its time: it counts before they had to be gone, and
    covers every column of them. What was revoked or given back is deleted, whatever follows."""
    in_time = _day(renewed_from) <= _day(ended_at) + timedelta(days=limits["deletion_days"])
    return state not in _TAKEN_BACK and in_time and set(columns) <= set(renewed_columns)


def later(day: date, months: int) -> date:
    """The same day of the month that many months later, or that month's last."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


EARLY: Final = "R"
"""How the periods of use reports begin that were handed in before one was due: nobody asked for them, so none is ever overdue."""
_TO_MEND: Final[Mapping[Kind, str]] = {
    Kind.USE_REPORT: "use_report_days",
    Kind.DELETION_CERTIFICATE: "deletion_days",
}


def mend_by(kind: Kind, due_on: date, today: date, limits: Limits) -> date:
    """The last day of what was returned: as many days from then on as it had at first, and its own day if that is later."""
    return max(due_on, today + timedelta(days=limits[_TO_MEND[kind]]))


def standing(state: str, due_on: date, today: date, period: str) -> Standing:
    """The state as a reader is told it; the last day still counts."""
    if state == State.OPEN and today > due_on and not period.startswith(EARLY):
        return Standing.OVERDUE
    return Standing(state.lower())


def overdue(kind: Kind, grant_id: str, dataset_id: str, due_on: date) -> Reason:
    name = KIND_NAMES[kind]
    text = Text(
        f"授权 {grant_id}（{dataset_id}）的{name.zh}已于 {due_on} 到期仍未提交；提交或经审批人免除后方可提出新的申请。",
        f"The {name.en.lower()} of grant {grant_id} ({dataset_id}) was due on {due_on}; hand it in, or have it waived, before applying anew.",
    )
    return Reason("duty-overdue", text, BASIS, {"grant": grant_id, "kind": kind.value, "due_on": str(due_on)})


def blocks_use(kind: Kind, grant_id: str, dataset_id: str, due_on: date) -> Reason:
    """The same overdue duty as what stands against the use of a live grant."""
    name = KIND_NAMES[kind]
    text = Text(
        f"授权 {grant_id}（{dataset_id}）的{name.zh}已于 {due_on} 到期仍未提交，使用暂停；提交或经审批人免除后即恢复。",
        f"The {name.en.lower()} of grant {grant_id} ({dataset_id}) was due on {due_on}; use stops until it is handed in or waived.",
    )
    return Reason(
        "blocking-duty-overdue", text, BASIS, {"grant": grant_id, "kind": kind.value, "due_on": str(due_on)}
    )


def report_missing(grant_id: str) -> Reason:
    text = Text(
        f"续期须先提交授权 {grant_id} 的使用报告。",
        f"Hand in a use report of grant {grant_id} before it is renewed.",
    )
    return Reason("use-report-missing", text, BASIS, {"grant": grant_id})


def of_renewal(grant_id: str, missing: Iterable[str], days: int) -> Reason:
    """What a holder is told while he asks for a renewal: when the data of the grant before are deleted. `missing`: its columns that are not asked for."""
    if left := list(missing):
        text = Text(
            f"续期未包含 {'、'.join(left)}：授权 {grant_id} 项下的文件须在其到期后 {days} 天内销毁并提交证明，逾期会停止使用。",
            f"The renewal leaves out {', '.join(left)}: the files of grant {grant_id} are to be deleted, with a certificate, within {number_of(days, 'days')} of its end; use stops when that is overdue.",
        )
        return Reason("renewal-deletes", text, BASIS, {"grant": grant_id, "columns": left})
    text = Text(
        f"续期如在授权 {grant_id} 到期后 {days} 天内生效，其项下的数据沿用，在续期授权终止时一并销毁并提交证明。",
        f"If the renewal is in force within {number_of(days, 'days')} of the end of grant {grant_id}, its data go on and are deleted, with a certificate, when the renewal ends.",
    )
    return Reason("renewal-continues", text, BASIS, {"grant": grant_id})


def _day(moment: datetime) -> date:
    return moment.astimezone(LOCAL).date()
