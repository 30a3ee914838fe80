"""What waits for a person now: each kind of work asked of the room that owns it, a few of each with the way to all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Final

from api.agenda_seconds import seconds
from api.agenda_shapes import SHOWN, Item, Pile
from auth.actor import Actor
from auth.anomalies import service as anomalies
from auth.anomalies.config import shipped
from auth.applications import listing
from auth.applications import queries as applications
from auth.applications.steps import local_day
from auth.applications.workflow import STATE_NAMES as APPLICATION_STATES
from auth.applications.workflow import State as ApplicationState
from auth.duties import service as duties
from auth.duties.workflow import KIND_NAMES as DUTIES
from auth.grants import queries as grants
from auth.grants.tables import GrantRow
from auth.grants.workflow import State as GrantState
from auth.policy.filters.rules import LOCAL
from auth.reviews import owed
from auth.reviews.rules import first_day
from catalog.queries import titles
from core.jobs import JobState
from core.text import Text
from core.work import Work
from datasets import jobs
from datasets.batches import queries as batches
from datasets.batches.models import BatchRead
from datasets.batches.workflow import BatchState
from datasets.enclave import queries as enclave
from datasets.extracts import queries as extracts
from datasets.notices import service as notices
from datasets.outputs import queries as outputs
from datasets.pipeline import kinds
from datasets.sources import queries as sources
from datasets.tickets import queries as tickets
from datasets.tickets.models import TicketRead
from datasets.tickets.policy import policy
from datasets.waivers import queries as waivers
from datasets.waivers.models import WaiverRead

ENDING_WITHIN: Final = timedelta(days=60)
FAILED_WITHIN: Final = timedelta(days=7)


def agenda(work: Work, actor: Actor) -> list[Pile]:
    """Every pile that is not empty, most pressing first."""
    found = (pile for make in PILES for pile in make(work, actor))
    return [pile for pile in found if pile.total]


def _batches(work: Work, actor: Actor) -> Iterator[Pile]:
    states = BatchState
    wanted: tuple[tuple[str, Text, str, tuple[BatchState, ...]], ...] = (
        ("datasets:batch:submit", Text("读取方式待核对的批次", "Batches whose reading needs a look"), "warn", (states.NEEDS_LOOK,)),
        ("datasets:batch:confirm", Text("待确认的批次", "Batches to confirm"), "warn", (states.NEEDS_CONFIRMATION,)),
        ("datasets:release:publish", Text("待发布的批次", "Batches to publish"), "info", (states.PASSED, states.CONFIRMED, states.PASSED_WITH_WAIVERS)),
        ("datasets:batch:submit", Text("待更正的批次", "Batches to correct"), "bad", (states.FAILED, states.ERROR, states.REFUSED)),
    )  # fmt: skip
    for permission, label, tone, which in wanted:
        if not actor.may(permission):
            continue
        page = batches.batches(work, actor, states=tuple(which), size=SHOWN)
        names = titles(work, [row.dataset_id for row in page.items])
        href = f"/batches?state={which[0].value}"
        yield Pile(label, href, tone, [_batch(row, names) for row in page.items], page.total)


def _batch(row: BatchRead, names: dict[str, Text]) -> Item:
    title = names.get(row.dataset_id, Text(row.dataset_id, row.dataset_id))
    numbered = Text(f"{title.zh} 第 {row.number} 批", f"{title.en}, batch {row.number}")
    return Item(numbered, f"/batches/{row.id}", row.submitted_at, Text(row.name, row.name))


def _applications(work: Work, actor: Actor) -> Iterator[Pile]:
    if not actor.may("auth:application:read"):
        return
    rows, total = listing.listed(work, actor, waiting=True, sort="created", limit=SHOWN)
    items = []
    for row in rows:
        state = APPLICATION_STATES[ApplicationState(row.state)]
        items.append(
            Item(title_of(work, row.id), f"/applications/{row.id}", row.submitted_at or row.created_at, state)
        )
    label = Text("等我办理的申请", "Applications that wait for me")
    yield Pile(label, "/applications?waiting=yes", "info", items, total)


def title_of(work: Work, application_id: str) -> Text:
    """An application by its first dataset and how many more it is for."""
    lines = applications.lines(work, application_id)
    if not lines:
        return Text("尚未选择数据集", "No dataset chosen yet")
    first, more = lines[0], len(lines) - 1
    if not more:
        return Text(first.title_zh, first.title_en)
    return Text(f"{first.title_zh}等 {len(lines)} 项", f"{first.title_en} and {more} more")


def _grants(work: Work, actor: Actor) -> Iterator[Pile]:
    if actor.may("auth:grant:activate"):
        rows, total = grants.listed(work, actor, state=GrantState.PENDING, sort="created", limit=SHOWN)
        label = Text("待激活的授权", "Grants to activate")
        yield Pile(
            label, "/grants?state=PENDING", "info", [_grant(row, row.created_at) for row in rows], total
        )
    if actor.may("auth:grant:relinquish") or actor.may("datasets:extract:request"):
        rows, _ = grants.listed(work, actor, state=GrantState.ACTIVE, sort="ends", limit=50)
        ending = [row for row in rows if work.now < row.ends_at <= work.now + ENDING_WITHIN]
        items = [_grant(row, row.ends_at) for row in ending[:SHOWN]]
        label = Text("60 天内到期的授权", "Grants that end within 60 days")
        yield Pile(label, "/grants?state=ACTIVE&sort=ends", "warn", items, len(ending))


def _grant(row: GrantRow, at: datetime) -> Item:
    return Item(
        Text(row.title_zh, row.title_en), f"/grants/{row.id}", at, Text(row.dataset_id, row.dataset_id)
    )


def _anomalies(work: Work, actor: Actor) -> Iterator[Pile]:
    """Findings of the rules for whoever may answer them."""
    if not actor.may("auth:anomaly:answer"):
        return
    rows, total = anomalies.to_answer(work, actor, SHOWN)
    items = [
        Item(shipped()[row.rule].name, f"/anomalies/{row.id}", row.created_at, Text(row.text_zh, row.text_en))
        for row in rows
    ]
    label = Text("待处理的异常", "Anomalies that wait for an answer")
    yield Pile(label, "/anomalies?state=OPEN", "bad", items, total)


def _certification(work: Work, actor: Actor) -> Iterator[Pile]:
    """The half year's certification of grants, as long as nobody has opened it."""
    if not actor.may("auth:campaign:open") or not (period := owed.period(work)):
        return
    label = Text("待发起的授权定期复核", "Certification of grants to open")
    since = datetime.combine(first_day(local_day(work.now)), time(), LOCAL)
    yield Pile(label, "/campaigns", "warn", [Item(Text(period, period), "/campaigns", since)], 1)


def _duties(work: Work, actor: Actor) -> Iterator[Pile]:
    """Reports and certificates that the officer owes, those overdue apart."""
    if not actor.may("auth:duty:fulfil"):
        return
    for standing, label, tone in (
        ("overdue", Text("逾期的使用报告与销毁证明", "Reports and certificates overdue"), "bad"),
        ("open", Text("待提交的使用报告与销毁证明", "Reports and certificates to hand in"), "warn"),
    ):
        rows, total = duties.duties(work, actor, standing=standing, limit=SHOWN)
        items = [
            Item(Text(row.title_zh, row.title_en), f"/duties/{row.id}", row.created_at, Text(f"{DUTIES[row.kind].zh}，期限 {row.due_on}", f"{DUTIES[row.kind].en}, due {row.due_on}"))
            for row in rows
        ]  # fmt: skip
        yield Pile(label, f"/duties?standing={standing}", tone, items, total)


def _tickets(work: Work, actor: Actor) -> Iterator[Pile]:
    if actor.may("datasets:ticket:work"):
        mine = tickets.tickets(work, actor, mine=True, size=SHOWN)
        label = Text("等我办理的质量工单", "Tickets that wait for me")
        yield Pile(label, "/tickets?which=mine", "bad", [_ticket(row) for row in mine.items], mine.total)
    if actor.may("datasets:ticket:confirm"):
        answered, total = tickets.to_confirm(work, actor, SHOWN)
        label = Text("待确认的质量工单", "Tickets to confirm")
        yield Pile(label, "/tickets?state=answered", "warn", [_ticket(row) for row in answered], total)
        fixes = tickets.fixes(work, actor, states=("proposed",))
        items = [
            Item(Text(row.rule_zh, row.rule_en), "/tickets/fixes", row.proposed_at, Text(row.dataset_id, row.dataset_id))
            for row in fixes[:SHOWN]
        ]  # fmt: skip
        label = Text("反复未通过、待答复的规则", "Rules that keep failing, to be answered")
        yield Pile(label, "/tickets/fixes?state=proposed", "warn", items, len(fixes))


def _ticket(row: TicketRead) -> Item:
    over = Text("，已逾期", ", overdue") if row.is_overdue else Text("", "")
    due = Text(
        f"{row.dataset_id}，期限 {row.due_on}{over.zh}", f"{row.dataset_id}, due {row.due_on}{over.en}"
    )
    return Item(Text(row.rule_zh, row.rule_en), f"/tickets/{row.id}", row.opened_at, due)


def _waivers(work: Work, actor: Actor) -> Iterator[Pile]:
    if actor.may("datasets:waiver:second"):
        page = waivers.waivers(work, actor, standing="proposed", size=SHOWN)
        label = Text("待第二签字的豁免", "Waivers that wait for a second signature")
        yield Pile(
            label, "/waivers?standing=proposed", "warn", [_waiver(row) for row in page.items], page.total
        )
    if actor.may("datasets:waiver:sign"):
        today = local_day(work.now)
        soon = today + timedelta(days=policy(today).ending_soon_days)
        page = waivers.waivers(work, actor, standing="effective", until=soon, size=SHOWN)
        label = Text("即将到期的豁免", "Waivers that end soon")
        yield Pile(
            label, "/waivers?standing=effective", "warn", [_waiver(row) for row in page.items], page.total
        )


def _waiver(row: WaiverRead) -> Item:
    until = Text(f"{row.dataset_id}，至 {row.valid_to}", f"{row.dataset_id}, until {row.valid_to}")
    return Item(Text(row.rule_zh, row.rule_en), f"/waivers/{row.id}", row.signed_at, until)


def _extracts(work: Work, actor: Actor) -> Iterator[Pile]:
    if not actor.may("datasets:extract:request"):
        return
    rows, _ = extracts.listed(work, actor, state="ready", limit=50)
    fresh = [row for row in rows if row.downloads == 0]
    names = titles(work, [row.dataset_id for row in fresh])
    items = [
        Item(
            names.get(row.dataset_id, Text(row.dataset_id, row.dataset_id)), f"/extracts/{row.id}",
            row.ready_at or row.requested_at, Text(f"版本 v{row.release_number}", f"release v{row.release_number}"),
        )
        for row in fresh[:SHOWN]
    ]  # fmt: skip
    yield Pile(
        Text("可下载的提取", "Extracts ready to download"), "/extracts?state=ready", "good", items, len(fresh)
    )


def _outputs(work: Work, actor: Actor) -> Iterator[Pile]:
    if not actor.may("datasets:output:check"):
        return
    rows, total = outputs.listed(work, actor, state="in_review", sort="due", limit=SHOWN)
    names = titles(work, [row.dataset_id for row in rows])
    items = [
        Item(
            names.get(row.dataset_id, Text(row.dataset_id, row.dataset_id)), f"/outputs/{row.id}", row.opened_at,
            Text(f"{row.dataset_id}，期限 {row.due_on}", f"{row.dataset_id}, due {row.due_on}"),
        )
        for row in rows
    ]  # fmt: skip
    label = Text("待出域审核的文件", "Files that wait for output review")
    yield Pile(label, "/outputs?state=in_review", "warn", items, total)


def _specifications(work: Work, actor: Actor) -> Iterator[Pile]:
    if not actor.may("datasets:enclave:review"):
        return
    rows, total = enclave.listed(work, actor, state="submitted", sort="submitted", limit=SHOWN)
    names = titles(work, [row.dataset_id for row in rows])
    items = [
        Item(
            names.get(row.dataset_id, Text(row.dataset_id, row.dataset_id)), f"/enclave/{row.id}", row.submitted_at,
            Text(f"{row.dataset_id}，{row.requested_name} 提交", f"{row.dataset_id}, handed in by {row.requested_name}"),
        )
        for row in rows
    ]  # fmt: skip
    label = Text("待审查的域内计算方案", "Specifications for the enclave to review")
    yield Pile(label, "/enclave?state=submitted", "warn", items, total)


def _failed_jobs(work: Work, actor: Actor) -> Iterator[Pile]:
    page = jobs.jobs_of(work, actor, state=JobState.FAILED, limit=50)
    recent = [row for row in page.items if (row.ended_at or row.created_at) > work.now - FAILED_WITHIN]
    known = kinds()
    items = [
        Item(
            known[row.kind].title if row.kind in known else Text(row.kind, row.kind), f"/jobs/{row.id}",
            row.ended_at or row.created_at, Text(row.subject, row.subject),
        )
        for row in recent[:SHOWN]
    ]  # fmt: skip
    yield Pile(
        Text("7 天内失败的任务", "Jobs that failed within 7 days"),
        "/jobs?state=failed",
        "bad",
        items,
        len(recent),
    )


def _sources(work: Work, actor: Actor) -> Iterator[Pile]:
    """Sources that paused themselves, for those who may resume them."""
    if not actor.may(sources.WRITE):
        return
    page = sources.given_up(work, actor, SHOWN)
    items = [
        Item(Text(row.name, row.name), f"/sources/{row.id}", row.last_run_at or row.created_at, why)
        for row, why in page.items
    ]
    label = Text("自行暂停的来源", "Sources that paused themselves")
    yield Pile(label, "/sources?state=paused", "bad", items, page.total)


def _notices(work: Work, actor: Actor) -> Iterator[Pile]:
    if not actor.is_signed_in:
        return
    found = [each for each in notices.notices(work, actor, SHOWN) if each.is_new]
    items = [
        Item(Text(each.title_zh, each.title_en), each.href, each.at, Text(each.zh, each.en)) for each in found
    ]
    label = Text("关注的数据集有变化", "News of datasets you follow")
    yield Pile(label, "/me/notices", "info", items, notices.unread(work, actor))


PILES: Final[tuple[Callable[[Work, Actor], Iterator[Pile]], ...]] = (
    _applications, _anomalies, seconds, _certification, _grants, _duties, _batches, _sources, _tickets, _waivers, _specifications, _outputs, _extracts, _failed_jobs, _notices,
)  # fmt: skip
