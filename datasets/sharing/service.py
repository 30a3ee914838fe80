"""The grant's own view of a release: wanted, made once, charged once a day, dropped when the right ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.grants import ledger, usage
from auth.grants import queries as grant_queries
from auth.grants.ledger import Taking
from auth.grants.tables import GrantRow, UsageEventRow
from auth.grants.view import GrantView, Used
from auth.grants.workflow import State
from auth.identity.principals import again
from auth.policy import rules as policy_rules
from auth.policy.filters.model import RowFilter
from auth.policy.model import DeliveryForm, Use
from auth.scope import sight
from auth.vouching import cover as vouching
from core import bases, jobs
from core.errors import AccessRefused, AppError, Conflict, NotFound, Reason, TooMany, refuse_if
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.extracts import deciding, export_suite
from datasets.extracts.deciding import Case
from datasets.extracts.models import ExtractCreate
from datasets.outputs import opening as outputs
from datasets.outputs.opening import Output
from datasets.outputs.tables import OutputReviewRow
from datasets.releases import queries as releases
from datasets.sharing.rules import RETRY_AFTER, Version, ViewState, day_of, view_id
from datasets.sharing.tables import ShareKeyRow, ViewRow, ViewUseRow
from datasets.tracing import terms as mark_terms

PERMISSION: Final = "datasets:share:read"
JOB_KIND: Final = "view.build"
FORM: Final = (
    DeliveryForm.EXTRACT_PARQUET
)  # a view is a Parquet file in the grantee's hands: no less is asked
BASIS: Final = "就地读取（docs/sharing.md）· reading in place (docs/sharing.md)"


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads which grant for what."""

    actor: Actor
    grant: GrantView
    purpose: str


def bound(work: Work, actor: Actor) -> ShareKeyRow | None:
    """The one grant that the actor's key reads; None for a session, a token, or a key of another kind."""
    return work.db.get(ShareKeyRow, actor.session_id) if actor.via == "api_key" and actor.session_id else None


def grants_of(work: Work, actor: Actor) -> list[GrantRow]:
    """The grants that the actor may read in place as far as people and keys go, oldest first; only live ones."""
    seen, key = sight(actor, PERMISSION), bound(work, actor)
    wanted = select(GrantRow).where(
        GrantRow.state == State.ACTIVE, col(GrantRow.org_id).in_(sorted(seen.orgs))
    )
    for only in {key.grant_id if key is not None else None, actor.grant} - {None}:
        wanted = wanted.where(GrantRow.id == only)
    return list(work.db.exec(wanted.order_by(col(GrantRow.id)).execution_options(populate_existing=True)))


def reading(work: Work, actor: Actor, grant_id: GrantId, purpose: str = "") -> Reading:
    """The actor with one grant of his organisation and the purpose he reads for. NotFound outside his sight.

    A key made for reading brings its purpose; otherwise it is said, or the grant's only one. AccessRefused when open.
    """
    view = grant_queries.view_of(work, of_own_organisation(work, actor, grant_id))
    key = bound(work, actor)
    if key is not None and purpose and purpose != key.purpose:
        text = Text(
            f"这把密钥只用于“{key.purpose}”。", f"This key reads for the purpose {key.purpose} alone."
        )
        raise AccessRefused(text, reasons=[Reason("purpose-of-key", text, BASIS)])
    said = (
        key.purpose if key else purpose or (view.policy.purposes[0] if len(view.policy.purposes) == 1 else "")
    )
    if not said:
        text = Text(
            "该授权有多个用途；请说明本次用途，或使用页面下载的配置文件。",
            "The grant has several purposes; say which, or read with a profile from the page.",
        )
        raise AccessRefused(text, reasons=[Reason("purpose-not-said", text, BASIS)])
    return Reading(actor, view, said)


def of_own_organisation(work: Work, actor: Actor, grant_id: GrantId) -> GrantRow:
    """The grant's row if it is one that the actor may read under, whatever its state. Raises NotFound."""
    row, key = grant_queries.row(work, grant_id), bound(work, actor)
    if row.org_id not in sight(actor, PERMISSION).orgs or (key is not None and key.grant_id != grant_id):
        raise grant_queries.missing()
    if actor.grant not in (None, grant_id):
        raise grant_queries.missing()
    return row


def versions(work: Work, dataset_id: str, pinned: str | None = None) -> list[Version]:
    """The releases whose bytes may leave, oldest first; of a grant that is pinned to one, that one alone."""
    found = [
        each
        for each in releases.releases_of(work, dataset_id)
        if releases.is_deliverable(each) and each.sha256 and pinned in (None, each.id)
    ]
    return [Version(each.number, each.id, each.published_at or each.requested_at) for each in reversed(found)]


def decide(work: Work, who: Reading, release_id: str | None) -> Case:
    """The decision at this instant, with every reason to refuse. What was charged today is not asked of the quota again."""
    body = ExtractCreate(
        grant_id=who.grant.id, release_id=release_id, purpose=who.purpose,
        scenario_id=who.grant.policy.scenario_id, form=FORM,
    )  # fmt: skip
    case = deciding.considered(work, who.grant, body)
    if case.release is not None and _is_charged(work, _id(work, case), day_of(work.now)):
        case = deciding.considered(work, replace(who.grant, used=Used()), body)
    return replace(case, reasons=(*_may_read(work, who), *case.reasons))


def demand_columns(
    work: Work, who: Reading, release_id: str, columns: Sequence[str], row_filter: RowFilter | None
) -> tuple[str, ...]:
    """The columns wanted of a view, all where none is named. AccessRefused with every reason against them or the filter."""
    body = ExtractCreate(
        grant_id=who.grant.id, release_id=release_id, columns=list(columns), filter=row_filter, purpose=who.purpose,
        scenario_id=who.grant.policy.scenario_id, form=FORM,
    )  # fmt: skip
    case = deciding.considered(work, replace(who.grant, used=Used()), body)
    refuse_if((*_may_read(work, who), *case.reasons))
    return tuple(dict.fromkeys(term.name for term in case.terms))


def _may_read(work: Work, who: Reading) -> tuple[Reason, ...]:
    if who.actor.may_in(PERMISSION, who.grant.org_id):
        at = policy_rules.place_objections(who.grant.policy, who.actor.address)
        return (*vouching.at_use(work, who.actor, who.grant.org_id, who.grant.policy), *at)
    text = Text(
        "只有被授权机构的分析员可以读取数据。", "Only an analyst of the grant's own organisation may read."
    )
    return (Reason("not-an-analyst-of-the-grantee", text, bases.ROLES),)


def _id(work: Work, case: Case) -> str:
    assert case.release is not None  # noqa: S101 - asked for only where there is one
    suite = export_suite.in_force(work, case.grant.dataset_id)
    return view_id(
        release_sha256=case.release.sha256 or "", grant_id=case.grant.id, policy_hash=case.grant.policy_hash,
        suite_id=suite.id if suite else "", cells=repr(case.cells) if case.cells else "",
        checkers=outputs.needed(work, case.grant.dataset_id, FORM, case.grant.policy), marks=allowed_marks(work, case),
    )  # fmt: skip


def allowed_marks(work: Work, case: Case) -> dict[str, float]:
    """The columns of the view that may bear hidden marks now, by tolerance: such as leave as they are."""
    plain = {term.name for term in case.grant.policy.leaving if term.use is Use.PLAIN}
    try:
        return {
            name: far
            for name, far in mark_terms.allowed(work, case.grant.dataset_id).items()
            if name in plain
        }
    except NotFound:
        return {}  # a reason to refuse already


def ready(work: Work, who: Reading, release_id: str | None) -> ViewRow | None:
    """The view if it may be read now and is made; None when it has yet to be made. AccessRefused lists every reason."""
    case = decide(work, who, release_id)
    refuse_if(case.reasons)
    row = work.db.get(ViewRow, _id(work, case), populate_existing=True)
    return row if row is not None and row.state == ViewState.READY else None


def demand_same(work: Work, who: Reading, view: ViewRow) -> ViewRow:
    """The view as it stands, if it is what this reader would read of its release at this instant. AccessRefused, Conflict."""
    current = ready(work, who, view.release_id)
    if current is None or current.id != view.id:
        raise Conflict(
            Text(
                "该视图已更新或清除；请重新读取或取新的链接。",
                "This view was renewed or dropped; ask again, or for a new link.",
            )
        )
    return current


def may_still(work: Work, actor: Actor, grant_id: GrantId, purpose: str, view: ViewRow) -> bool:
    """Whether rows of the view may go on flowing to the actor, as he is at this instant."""
    if (now := again(work, actor)) is None:
        return False
    try:
        demand_same(work, reading(work, now.actor, grant_id, purpose), view)
    except AppError:
        return False
    return True


def want(work: Work, who: Reading, release_id: str | None) -> ViewRow:
    """The view, asked for if it is not there. AccessRefused; Conflict when it could not be made a short while ago."""
    case = decide(work, who, release_id)
    refuse_if(case.reasons)
    row = _entry(work, who, case)
    if row.state == ViewState.FAILED and work.now - row.requested_at < RETRY_AFTER:
        raise Conflict(Text(row.failed_zh, row.failed_en))
    if row.state == ViewState.REFUSED:
        raise Conflict(Text(row.failed_zh, row.failed_en))
    if row.state == ViewState.IN_REVIEW:
        return row
    if row.state in (ViewState.READY, ViewState.BUILDING) and row.job_id:
        return row
    row.state, row.requested_at, row.requested_by = ViewState.BUILDING, work.now, who.actor.account_id
    row.failed_zh = row.failed_en = ""
    row.job_id = jobs.ask_for(
        work, JOB_KIND, row.id, requested_by=who.actor.account_id, org_id=row.org_id, payload={"view_id": row.id}
    )  # fmt: skip
    work.db.add(row)
    note(work, who.actor, "view.requested", row)
    return row


def being_made(work: Work, row: ViewRow) -> TooMany | Conflict:
    """What a program hears while the view is made: it asks again by itself. One that waits for its review is not worth that."""
    if row.state == ViewState.IN_REVIEW:
        return outputs.waiting(outputs.newest(work, "view", row.id))
    return TooMany(
        Text("正在生成授权视图，请稍后重试。", "The grant's view is being made; ask again shortly."),
        view=row.id,
        job_id=row.job_id,
    )


def _entry(work: Work, who: Reading, case: Case) -> ViewRow:
    """The row of the view, made if it is not there; two that ask at once get one row."""
    key, release = _id(work, case), case.release
    assert release is not None  # noqa: S101 - a missing release is a reason
    _insert(
        work, ViewRow,
        {"id": key, "grant_id": who.grant.id, "application_id": who.grant.application_id, "dataset_id": who.grant.dataset_id,
         "org_id": who.grant.org_id, "release_id": release.id, "release_number": release.number,
         "policy_hash": who.grant.policy_hash, "state": ViewState.DROPPED.value, "requested_by": who.actor.account_id,
         "requested_at": work.now, "delta_schema": "", "failed_zh": "", "failed_en": ""},
    )  # fmt: skip
    return row(work, key, to_change=True)


def row(work: Work, key: str, *, to_change: bool = False) -> ViewRow:
    """A view regardless of who asks. Raises NotFound."""
    wanted = select(ViewRow).where(ViewRow.id == key).execution_options(populate_existing=True)
    found = work.db.exec(wanted.with_for_update() if to_change else wanted).first()
    if found is None:
        raise NotFound(Text("没有这个视图。", "There is no such view."))
    return found


def views_of(work: Work, grant_id: GrantId) -> list[ViewRow]:
    """The views of a grant, newest release first."""
    wanted = select(ViewRow).where(ViewRow.grant_id == grant_id)
    return list(
        work.db.exec(wanted.order_by(col(ViewRow.release_number).desc(), col(ViewRow.requested_at).desc()))
    )


def making(work: Work, key: str) -> Case | None:
    """What the worker is to make, decided at this instant; None when there is nothing to make. AccessRefused."""
    found = row(work, key)
    if found.state != ViewState.BUILDING:
        return None
    case = _case_of(work, found)
    refuse_if(case.reasons)
    if _id(work, case) != key:
        raise Conflict(
            Text("授权条款或规则已变化，请重新读取。", "Terms or rules have changed meanwhile; ask again.")
        )
    return case


def _case_of(work: Work, found: ViewRow) -> Case:
    """The decision on a view at this instant, whoever asks; what was charged is not asked of the quota."""
    grant = replace(grant_queries.view(work, GrantId(found.grant_id)), used=Used())
    body = ExtractCreate(
        grant_id=grant.id, release_id=found.release_id, purpose=grant.policy.purposes[0],
        scenario_id=grant.policy.scenario_id, form=FORM,
    )  # fmt: skip
    return deciding.considered(work, grant, body)


def finish(
    work: Work,
    key: str,
    *,
    sha256: str,
    rows: int,
    size_bytes: int,
    delta_schema: str,
    findings: list[dict[str, Any]] | None = None,
    marks: dict[str, float] | None = None,
) -> None:
    """The file is in the store: let it be read, or put it before the checkers. Twice is once.

    findings: what the checks before an output review saw. Bytes that were released for this very view need no second review.
    marks: the columns that bear hidden marks, by tolerance.
    """
    if making(work, key) is None:
        return
    found = row(work, key, to_change=True)
    found.rows, found.size_bytes, found.delta_schema, found.marks = (
        rows,
        size_bytes,
        delta_schema,
        marks or {},
    )
    view = grant_queries.view(work, GrantId(found.grant_id))
    least = outputs.needed(work, found.dataset_id, FORM, view.policy)
    if least < 1 or outputs.already_released(work, "view", key, sha256, least):
        _let_read(work, found, sha256)
        return
    found.state = ViewState.IN_REVIEW
    work.db.add(found)
    columns = [term.name for term in view.policy.leaving]
    outputs.open_review(
        work, SYSTEM,
        Output(
            "view", key, found.dataset_id, found.org_id, found.grant_id, found.application_id, found.release_id,
            found.release_number, FORM, ", ".join(view.policy.purposes)[:80], columns, sha256, rows, size_bytes,
            found.requested_by, found.job_id, findings, {},
        ),
    )  # fmt: skip


def _let_read(work: Work, found: ViewRow, sha256: str) -> None:
    found.sha256, found.state, found.ready_at, found.dropped_at = sha256, ViewState.READY, work.now, None
    work.db.add(found)
    made = {"sha256": sha256, "rows": found.rows, "bytes": found.size_bytes}
    note(work, SYSTEM, "view.made", found, made | ({"marks": found.marks} if found.marks else {}))


def let_go(work: Work, reviewed: OutputReviewRow) -> None:
    """The checkers released it. Raises AccessRefused when the grant no longer allows it, Conflict when it does not wait."""
    found = row(work, reviewed.subject_id, to_change=True)
    if found.state != ViewState.IN_REVIEW:
        raise Conflict(Text("该视图现在不在出域审核中。", "The view does not wait for review now."))
    refuse_if(_case_of(work, found).reasons)
    _let_read(work, found, reviewed.sha256)


def keep_in(work: Work, key: str, why: Text) -> None:
    """The checkers refused it. A view of other terms, or of another release, is another view and may be asked for."""
    found = row(work, key, to_change=True)
    found.state, found.failed_zh, found.failed_en = ViewState.REFUSED, why.zh, why.en
    work.db.add(found)
    note(work, SYSTEM, "view.kept_in", found, {"why": why.en})


def end_reviews(work: Work, before: GrantId, after: GrantId) -> None:
    """Views of a grant that was amended are read no more: those that wait for their checkers wait no longer. One of the amendment is another."""
    wanted = select(ViewRow).where(ViewRow.grant_id == before, ViewRow.state == ViewState.IN_REVIEW)
    held = wanted.with_for_update().execution_options(populate_existing=True)
    for found in list(work.db.exec(held)):
        outputs.take_back(work, SYSTEM, "view", found.id)
        found.state = ViewState.FAILED
        found.failed_zh = f"授权已变更；请在授权 {after} 下重新读取。"
        found.failed_en = f"The grant was amended; read it anew under grant {after}."
        work.db.add(found)
        note(work, SYSTEM, "view.failed", found, {"why": found.failed_en})


def give_up(work: Work, key: str, why: Text) -> None:
    """The view will not come; say why."""
    found = row(work, key, to_change=True)
    if found.state == ViewState.BUILDING:
        found.state, found.failed_zh, found.failed_en = ViewState.FAILED, why.zh, why.en
        work.db.add(found)
        note(work, SYSTEM, "view.failed", found, {"why": why.en})


def begin(work: Work, who: Reading, view: ViewRow) -> None:
    """Bytes are about to leave: the day's first reading takes rows, bytes and one extract from the quotas, whole or not at all.

    Everybody else who reads on that day is written down once as well, so that a leak of the view can be told by its readers.
    """
    day = day_of(work.now)
    is_first = _insert(work, ViewUseRow, {"view_id": view.id, "day": day, "charged_at": work.now})
    if not is_first and _is_written_down(work, view.id, who.actor, day):
        return
    releases.keep_while_using(work, view.dataset_id, view.release_id)
    taking = Taking.by(
        who.actor, purpose=who.purpose, scenario_id=who.grant.policy.scenario_id, form=FORM, release_id=view.release_id,
        release_number=view.release_number, columns=tuple(term.name for term in who.grant.policy.leaving),
    )  # fmt: skip
    if is_first:
        usage.charge(
            work, who.grant.id, extracts=1, rows=view.rows or 0, bytes=view.size_bytes or 0, subject=view.id, taking=taking,
            delivers=True,
        )  # fmt: skip
    ledger.enter(work, who.grant.id, ledger.DOWNLOAD, subject=view.id, taking=taking)
    note(work, who.actor, "view.read", view, {"sha256": view.sha256, "day": day, "purpose": who.purpose})


def _is_written_down(work: Work, key: str, actor: Actor, day: str) -> bool:
    """Whether the ledger has that person reading the view on that day."""
    wanted = select(UsageEventRow.at).where(
        UsageEventRow.subject == key, UsageEventRow.kind == ledger.DOWNLOAD, UsageEventRow.person_id == actor.person_id
    )  # fmt: skip
    last = work.db.exec(wanted.order_by(col(UsageEventRow.at).desc())).first()
    return last is not None and day_of(last) == day


def note_refusal(work: Work, who: Reading, reasons: Sequence[str]) -> None:
    """Write down that reading was refused; the decision itself wrote nothing."""
    taking = Taking.by(who.actor, purpose=who.purpose, scenario_id=who.grant.policy.scenario_id, form=FORM)
    ledger.enter(
        work, who.grant.id, ledger.REFUSED, subject=who.grant.id, taking=taking, reasons=tuple(reasons)
    )
    audit.record(
        work, who.actor, "view.refused", subject=who.grant.id, dataset_id=who.grant.dataset_id, grant_id=who.grant.id,
        application_id=who.grant.application_id, payload={"reasons": list(reasons)},
    )  # fmt: skip


def note_sent(work: Work, view: ViewRow, size_bytes: int, actor: Actor) -> None:
    """Add what really left, to the line of the one to whom it went."""
    found = row(work, view.id, to_change=True)
    found.last_read_at = work.now
    work.db.add(found)
    ledger.add_sent(work, GrantId(view.grant_id), view.id, size_bytes, actor.person_id)


def _is_charged(work: Work, key: str, day: str) -> bool:
    return work.db.get(ViewUseRow, (key, day)) is not None


def _insert(work: Work, kind: Any, values: dict[str, Any]) -> bool:  # noqa: ANN401 - a table class
    """Put a row in unless its key is taken; whether it was put in."""
    table: Table = kind.__table__
    door = postgresql if work.db.get_bind().dialect.name == "postgresql" else sqlite
    key = next(iter(table.primary_key.columns))
    wanted = door.insert(table).values(values).on_conflict_do_nothing().returning(key)
    return work.db.execute(wanted).first() is not None


def note(work: Work, actor: Actor, kind: str, view: ViewRow, payload: dict[str, Any] | None = None) -> None:
    """Put on record what became of a view."""
    audit.record(
        work, actor, kind, subject=view.id, dataset_id=view.dataset_id, grant_id=view.grant_id,
        application_id=view.application_id, payload={"release": view.release_number, **json.loads(json.dumps(payload or {}))},
    )  # fmt: skip
