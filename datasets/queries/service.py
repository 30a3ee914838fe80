"""Statistics over rows that may not leave: decide, count, hold against what was told before, charge, write down, tell.

The counting happens between two transactions; the second decides again, at its own instant, before anything is told.
A question that was evaluated is charged, told or not: asking is what teaches, also when the answer is no.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auth import audit
from auth.actor import Actor
from auth.grants import usage
from auth.policy.model import DeliveryForm
from catalog import service as catalog
from catalog.assets import asset
from core.errors import AccessRefused, Conflict, NotFound, QuotaExceeded, TooMany, refuse_if
from core.files import FileStore
from core.settings import Settings
from core.text import Text
from core.work import Work, hold
from datasets.queries import deciding
from datasets.queries.deciding import Case, Question
from datasets.queries.lane import lane
from datasets.queries.model import Count, QueryAsk, QueryRead, query_hash
from datasets.queries.queries import read
from datasets.queries.room import demand_room, told_when_short
from datasets.queries.rules import Control, decided_by, label, misfits, suppressed
from datasets.queries.tables import AnswerRow
from datasets.releases.whole import whole

if TYPE_CHECKING:  # what counts loads numpy and DuckDB: only once somebody asks
    from datasets.queries import history
    from datasets.queries.answering import Told
    from datasets.queries.asked import Decided
    from datasets.queries.engine import Codes
    from datasets.queries.history import Scope

ANSWERED: Final = "answered"
SUPPRESSED: Final = "suppressed"
RESERVED: Final = "reserved"
STATE_NAMES: Final = {
    ANSWERED: Text("已回答", "Answered"),
    SUPPRESSED: Text("不予回答", "Not answered"),
    RESERVED: Text("已扣预算，未得答案", "Budget taken, no answer"),
}
_TRIES: Final = 5

Opens = Callable[[], AbstractContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a query needs of the house: its two kinds of transaction, its files, its settings."""

    read: Opens
    write: Opens
    files: FileStore
    settings: Settings


def question_of(ask: QueryAsk) -> Question:
    return Question(
        DeliveryForm.QUERY_AGG,
        ask.grant_id,
        ask.dataset_id,
        ask.columns,
        ask.where,
        ask.purpose,
        ask.scenario_id,
    )


def consider(work: Work, actor: Actor, ask: QueryAsk) -> Case:
    """Every reason to refuse the query before any row is read."""
    try:
        more = misfits(ask, asset(work, ask.dataset_id))
    except NotFound:
        more = ()  # a reason already
    return deciding.consider(work, actor, question_of(ask), more)


def ask_for(desk: Desk, actor: Actor, ask: QueryAsk) -> QueryRead:
    """The answer. AccessRefused lists every reason, or the one reason `suppressed`; refusals are on record and in the ledger."""
    try:
        with told_when_short(is_charged=False):
            return _asked(desk, actor, ask)
    except (AccessRefused, QuotaExceeded, TooMany) as refusal:
        if refusal.reasons and refusal.reasons[0].code == SUPPRESSED:
            raise  # written down with the question
        with desk.write() as work:
            deciding.note_refusal(work, actor, question_of(ask), refusal)
        raise


def _asked(desk: Desk, actor: Actor, ask: QueryAsk) -> QueryRead:
    from datasets.queries import history

    with desk.read() as work:
        case = consider(work, actor, ask)
    refuse_if(case.reasons)
    told = _counted(desk, ask, case)
    for left in reversed(range(_TRIES)):
        if left:
            with desk.read() as work:
                before, may = weighed(work, desk, case, told)
        with desk.write() as work:
            now = consider(work, actor, ask)
            refuse_if(now.reasons)
            hold(work, f"query:{case.grant.dataset_id}")
            if _basis(now) != _basis(case):
                raise moved()
            if not left:  # nobody is told anything meanwhile: to give up would say, for nothing, that there was something to tell
                before, may = weighed(work, desk, case, told)
            elif told is not None and history.told(work, scope_of(now)) != before:
                continue  # somebody was told something meanwhile
            row = _written(work, actor, ask, now, told if may else None)
            answer = read(row)
        if answer.state == SUPPRESSED:
            reason = suppressed(rows_left(now))
            raise AccessRefused(reason.text, reasons=[reason])
        return answer
    raise AssertionError("the last try writes an answer")


def rows_left(case: Case) -> int | None:
    """Of the grant's quota before the question; None where it has no limit."""
    limit = case.grant.policy.quotas.rows
    return None if limit is None else max(limit - case.grant.used.rows, 0)


def _basis(case: Case) -> tuple[object, ...]:
    return (case.release and case.release.id, case.grant.policy_hash, case.terms and case.terms.version)


def moved() -> Conflict:
    return Conflict(
        Text(
            "查询期间版本、条款或历史发生变化；请重新提交。",
            "Release, terms or history changed while the query ran; ask again.",
        )
    )


def _counted(desk: Desk, ask: QueryAsk, case: Case) -> Told | None:
    """What the rules would let out; None when that is nothing. TooMany where others compute on large releases."""
    assert case.release is not None and case.release.sha256 is not None  # noqa: S101, PT018 - reasons otherwise
    release = whole(desk.files, case.release.sha256)
    with lane(release):
        demand_room(case.release.rows or 0, len(_measured(ask)), desk.settings.memory_limit_mb)
        return _counted_in(release, desk, ask, case)


def _counted_in(release: Path, desk: Desk, ask: QueryAsk, case: Case) -> Told | None:
    from datasets.queries.answering import tell
    from datasets.queries.engine import TooManyGroups, contributors, scan

    assert case.terms is not None  # noqa: S101 - a reason otherwise
    memory = desk.settings.memory_limit_mb
    who = contributors(release, case.terms.contributor, cache_of(desk), memory_limit_mb=memory)
    measured = _measured(ask)
    try:
        found = scan(
            release, case.row_filter, ask.group_by, measured, max_groups=case.limits["query_max_groups"],
            memory_limit_mb=memory, scratch=desk.settings.scratch_dir,
        )  # fmt: skip
        with ThreadPoolExecutor(
            1
        ) as aside:  # the engine reads for the conditions while the figures are worked out here
            decided = aside.submit(conditions, case, release, who, desk.settings)
            told = tell(ask, found, who, Control.of(case.limits), case.terms.lists)
        return None if told.is_empty else with_conditions(told, decided.result())
    except TooManyGroups:
        return None


def _measured(ask: QueryAsk) -> list[str]:
    return sorted({part.column for part in ask.select if not isinstance(part, Count)})


def conditions(case: Case, release: Path, who: Codes | None, settings: Settings) -> Decided | None:
    """The rows that each condition of the question decides on, with its column; None when these are too few."""
    from datasets.queries.asked import decided

    return decided(
        release, case.grant.policy.row_filter, case.question.where, who, case.limits["query_min_group"],
        memory_limit_mb=settings.memory_limit_mb, scratch=settings.scratch_dir,
    )  # fmt: skip


def with_conditions(told: Told, found: Decided | None) -> Told | None:
    """The same with the rows that the conditions decide on, to be held against what was told before; None when they are too few."""
    for column, sets in found or ():
        told.holds(decided_by(column), sets)
    return None if found is None else told


def cache_of(desk: Desk) -> Path:
    """Where what was worked out for a release is kept for the next question."""
    return desk.settings.scratch_dir / "queries"


def scope_of(case: Case) -> Scope:
    """Whose figures the case is held against."""
    from datasets.queries.history import Scope

    assert case.release is not None and case.terms is not None  # noqa: S101, PT018 - reasons otherwise
    return Scope(case.grant.dataset_id, case.release.id, "" if case.terms.guards_all else case.grant.org_id)


def weighed(
    work: Work, desk: Desk, case: Case, told: Told | None, most: str = "query_history_cells"
) -> tuple[history.Told, bool]:
    """What was told before, and whether the new figures may stand beside it. `most`: the limit on figures of a measure."""
    from datasets.queries import across, history
    from datasets.queries.engine import contributors

    if told is None or case.release is None or case.release.sha256 is None or case.terms is None:
        return {}, False
    release = desk.files.path(case.release.sha256)
    who = contributors(
        release, case.terms.contributor, cache_of(desk), memory_limit_mb=desk.settings.memory_limit_mb
    )
    by = history.Weighing(
        who,
        case.release.rows or 0,
        case.limits["query_min_group"],
        case.limits[most],
        cache_of(desk),
    )
    before = history.told(work, scope_of(case))
    may = history.may_tell(work, scope_of(case), before, told.partitions, by)
    keys = tuple(each.name for each in catalog.dictionary(work, case.grant.dataset_id) if each.primary)
    reader = across.Reader(case.terms.contributor, cache_of(desk), desk.settings.memory_limit_mb, keys)
    return before, may and across.may_tell(
        work, desk.files, scope_of(case), release, told.partitions, reader, by.min_group
    )


def _written(work: Work, actor: Actor, ask: QueryAsk, case: Case, told: Told | None) -> AnswerRow:
    """The question with its answer, charged, on record."""
    assert case.release is not None  # noqa: S101 - a reason otherwise
    row = answer_row(work, actor, case, ask.model_dump(mode="json"), SUPPRESSED, {})
    said = {} if told is None else _said(ask, told, Control.of(case.limits))
    if not _charged(work, actor, case, row, said):
        told, said = None, {}
    if told is not None:
        row.state, row.answer = ANSWERED, json.dumps(said, ensure_ascii=False)
    work.db.add(row)
    work.db.flush()
    if told is not None:
        from datasets.queries import history

        history.keep(work, row, told.partitions)
    note(
        work,
        actor,
        "query.answered" if told is not None else "query.suppressed",
        row,
        {"rows": len(said.get("rows", []))},
    )
    return row


def _charged(work: Work, actor: Actor, case: Case, row: AnswerRow, said: dict[str, Any]) -> bool:
    """Charge the question, and each row of its answer. False: no row may leave, since the grant has fewer left.

    Such a question is charged and written down as one whose figures may not be told: by a difference, whoever has one row
    left would read off the refusal, for nothing and without end, which groups reach the least number.
    """
    charge = partial(
        usage.charge, work, case.grant.id, extracts=1, subject=row.id, taking=case.question.taking(actor, case.release)
    )  # fmt: skip
    if said:
        with suppress(QuotaExceeded):
            charge(rows=len(said["rows"]), delivers=True)
            return True
    charge()
    return False


def _said(ask: QueryAsk, told: Told, control: Control) -> dict[str, Any]:
    return {
        "groups": [label(group) for group in ask.group_by],
        "measures": [label(measure) for measure in ask.select],
        "rows": told.rows,
        "notes": {"round_to": control.round_to, "min_group": control.min_group, "digits": control.digits},
    }


def answer_row(
    work: Work, actor: Actor, case: Case, query: dict[str, Any], state: str, said: dict[str, Any]
) -> AnswerRow:
    """One question as it is stored."""
    assert case.release is not None  # noqa: S101 - a reason otherwise
    return AnswerRow(
        id=work.new_id(), form=case.question.form, state=state, grant_id=case.grant.id,
        application_id=case.grant.application_id, dataset_id=case.grant.dataset_id, release_id=case.release.id,
        release_number=case.release.number, org_id=case.grant.org_id, account_id=actor.account_id,
        person_id=actor.person_id, asked_name=actor.username, asked_at=work.now, purpose=case.question.purpose,
        scenario_id=case.question.scenario_id, query=json.dumps(query, ensure_ascii=False),
        query_hash=query_hash(query=query), answer=json.dumps(said, ensure_ascii=False),
    )  # fmt: skip


def note(work: Work, actor: Actor, kind: str, row: AnswerRow, payload: dict[str, Any]) -> None:
    audit.record(
        work, actor, kind, subject=row.id, dataset_id=row.dataset_id, grant_id=row.grant_id,
        application_id=row.application_id,
        payload={"release": row.release_number, "form": row.form, "query": row.query_hash} | payload,
    )  # fmt: skip
