"""The bureau's decision line by line, the terms that come out of it, and the officer's acceptance that makes grants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import BaseModel, ValidationError

from auth.actor import Actor
from auth.applications import deeds, plans, queries, references, rules, steps
from auth.applications.gates import gates, of_policy
from auth.applications.gates import question as gates_asked
from auth.applications.models import (
    AcceptBody,
    ApplicationRead,
    ConcurBody,
    DecideBody,
    DeclaredStep,
    LineDecision,
    Proposal,
    StepBody,
    Vote,
)
from auth.applications.reading import counters_left, read
from auth.applications.reviewing import need_no_conflict, need_note
from auth.applications.signing import (
    beyond,
    concurrence_objections,
    decision_objections,
    docket,
    proposed_within,
    separation_of_decider,
)
from auth.applications.steps import Assets
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import State, Step, advance
from auth.consents import cover as consents
from auth.delegations import standing
from auth.grants import service as grants
from auth.grants.standing import licence
from auth.messages import announcing
from auth.papers import cover as papers
from auth.policy import separation
from auth.policy.model import GrantPolicy
from auth.policy.rules import licence_objections, refused
from auth.profile.now import limits_now, profile
from auth.profile.opinions import inserted
from auth.proof import standstill
from core.errors import Conflict, InputRefused, Reason, refuse_if
from core.faults import together
from core.ids import ApplicationId, DatasetId, OrgId
from core.text import Text, number_of
from core.work import Asked, Work, foresee

AssetAsked = Callable[[DatasetId], Iterable[Asked]]


def decide(
    work: Work, actor: Actor, application_id: ApplicationId, body: DecideBody, *, assets: Assets,
    asset_asked: AssetAsked = lambda _: (),
) -> ApplicationRead:  # fmt: skip
    """Approve, narrow or refuse each line within the approver's scope. Once every line has its signatures, terms are
    offered when any line stands; otherwise the application is rejected. Until then the decision stands proposed.

    `asset_asked`: what `assets` asks of the database.
    """
    row = steps.load(work, actor, application_id, body.version, *_foreseen(work, actor, application_id))
    given = tuple(line.line_id for line in body.lines)
    lines = queries.lines(work, row.id)
    _foresee_judging(work, row, lines, asset_asked)
    shared = plans.approval_of(work, row).count > 1 or len(given) < len(lines) or bool(row.proposal)
    advance(State(row.state), Step.PROPOSE if shared else _outcome(body.lines), steps.roles(work, actor, row))
    if any(line_id in deeds.signing(work, row) for line_id in given):
        raise Conflict(
            Text(
                "已有一份拟定决定；请签字同意或不同意，再作新的决定。",
                "A decision stands proposed; sign it or object to it first.",
            )
        )
    refuse_if((*decision_objections(work, actor, row), *beyond(lines, given, actor)))
    need_no_conflict(body.has_no_conflict)
    _complete(lines, given, docket(work, actor, row).open)
    refuse_if(_principles_against(work, body))
    judged = _judged(work, row, body.lines, assets)
    refuse_if(_against(work, row, judged))
    _sign(work, actor, row, Step.PROPOSE, body, given, assets, judged)
    return read(work, actor, row)


def concur(
    work: Work, actor: Actor, application_id: ApplicationId, body: ConcurBody, *, assets: Assets
) -> ApplicationRead:
    """Sign the lines within one's scope of the decision that stands proposed. The last signature that is needed makes it
    count; all is checked anew.
    """
    row = steps.load(work, actor, application_id, body.version, *_foreseen(work, actor, application_id))
    advance(State(row.state), Step.CONCUR, steps.roles(work, actor, row))
    _need_proposal(row)
    need_no_conflict(body.has_no_conflict)
    refuse_if(concurrence_objections(work, actor, row))
    _sign(work, actor, row, Step.CONCUR, body, docket(work, actor, row).to_sign, assets)
    return read(work, actor, row)


def _foreseen(work: Work, actor: Actor, application_id: ApplicationId) -> tuple[Asked, ...]:
    """What whoever decides or signs is asked about, whatever the application says."""
    return standing.question(work, actor), papers.question(application_id)


def _foresee_judging(
    work: Work, row: ApplicationRow, lines: Sequence[ApplicationLineRow], asset_asked: AssetAsked
) -> None:
    """What is asked about the organisation and about each line once they are known."""
    known = {line.dataset_id: None for line in lines}
    about = (asked for each in known for asked in (consents.question(each), *asset_asked(DatasetId(each))))
    foresee(work, gates_asked(work, row.org_id), *about)


def dissent(work: Work, actor: Actor, application_id: ApplicationId, body: DeclaredStep) -> ApplicationRead:
    """Object to what stands proposed within one's scope, with a reason; those lines must be decided anew."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.DISSENT, steps.roles(work, actor, row))
    _need_proposal(row)
    refuse_if(separation_of_decider(work, actor, row))
    need_no_conflict(body.has_no_conflict)
    if not (mine := proposed_within(work, actor, row)):
        refuse_if(beyond(queries.lines(work, row.id), deeds.signing(work, row), actor))
    need_note(body.note)
    kept = [line for line in _proposal(row).lines if line.line_id not in mine]
    said = {line_id: each for line_id, each in _proposal(row).opinions.items() if line_id not in mine}
    stands = {name: getattr(_proposal(row), name) for name in rules.PRINCIPLES}
    row.proposal = _stored(kept, _proposal(row).note, said, stands)
    steps.move(work, actor, row, Step.DISSENT, body.note, {"has_no_conflict": True}, line_ids=mine)
    return read(work, actor, row)


def _sign(
    work: Work,
    actor: Actor,
    row: ApplicationRow,
    step: Step,
    body: DecideBody | ConcurBody,
    named: Sequence[str],
    assets: Assets,
    just_judged: list[_Judged] | None = None,
) -> None:
    """This person's signature on the named lines; the decision counts with the last one that was wanting.

    just_judged: what the body decides, if that was judged in this transaction; with nothing before it, it is the whole.
    """
    before = _proposal(row)
    added = body.lines if isinstance(body, DecideBody) else ()
    lines, note = (*before.lines, *added), f"{before.note} {body.note}".strip()
    new = _opinions(work, added)
    opinions = before.opinions | new
    signed = {line_id: len(events) for line_id, events in deeds.signing(work, row).items()}
    signed |= {line_id: signed.get(line_id, 0) + 1 for line_id in named}
    needed = plans.approval_of(work, row).count
    facts = {"has_no_conflict": body.has_no_conflict, "signed_lines": list(named)}
    said = _principles(before, body)
    if all(signed.get(line.id, 0) >= needed for line in queries.lines(work, row.id)):
        judged = just_judged if just_judged and not before.lines else _judged(work, row, lines, assets)
        if judged is not just_judged:
            refuse_if(_against(work, row, judged))
        row.proposal = ""
        row.public_interest, row.fairness = said["public_interest"], said["fairness"]
        _settle(work, actor, row, judged, note, facts, named, opinions)
        return
    row.proposal = _stored(lines, note, opinions, said)
    votes: dict[str, Any] = {"lines": {line.line_id: line.outcome for line in added}} if added else {}
    if new:
        votes["opinions"] = new
    steps.move(work, actor, row, step, body.note, votes | facts, line_ids=named)
    announcing.lines_wait(
        work,
        row,
        [line.id for line in queries.lines(work, row.id) if signed.get(line.id, 0) < needed],
        by=actor,
    )


def _proposal(row: ApplicationRow) -> Proposal:
    return Proposal.model_validate_json(row.proposal) if row.proposal else Proposal()


def _principles_against(work: Work, body: DecideBody) -> tuple[Reason, ...]:
    said = {name: getattr(body, name) for name in rules.PRINCIPLES}
    return tuple(
        rules.principles_objections(
            [line.outcome for line in body.lines], said, least=limits_now(work)["min_reason_characters"],
            required=profile(work).principles,
        )
    )  # fmt: skip


def _principles(before: Proposal, body: DecideBody | ConcurBody) -> dict[str, str]:
    """What was said of public interest and fairness so far; every decider's words stay."""
    new = {name: getattr(body, name, "").strip() for name in rules.PRINCIPLES}
    return {name: "\n".join(filter(None, (getattr(before, name), new[name]))) for name in rules.PRINCIPLES}


def _stored(
    lines: Sequence[LineDecision], note: str, opinions: dict[str, dict[str, Any]], principles: dict[str, str]
) -> str:
    kept = Proposal.model_validate({"lines": tuple(lines), "note": note, "opinions": opinions} | principles)
    return kept.model_dump_json(exclude_none=True) if lines else ""


def _complete(lines: Sequence[ApplicationLineRow], given: Sequence[str], open_: Sequence[str]) -> None:
    """InputRefused unless every open line of the scope is decided on once, and nothing else."""
    if sorted(given) != sorted(open_):
        wanted = [line.dataset_id for line in lines if line.id in open_]
        raise InputRefused(
            Text(
                f"须对您审批范围内待决定的每一行作出且仅作出一次决定：{'、'.join(wanted)}。",
                f"Decide on each open line of your scope, once: {', '.join(wanted)}.",
            ),
            line_ids=list(open_),
        )


def counter(work: Work, actor: Actor, application_id: ApplicationId, body: StepBody) -> ApplicationRead:
    """The applicant answers the offer with what should change; the approver decides again. Only so many times."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.COUNTER, steps.roles(work, actor, row))
    refuse_if(counter_objections(work, row))
    need_note(body.note)
    refused_terms, row.agreement, row.agreement_hash = row.agreement_hash, "", ""
    offered: dict[str, Any] = {}  # the line forgets it; whoever decides anew starts from it
    for line in queries.lines(work, row.id):
        if line.offered is not None:
            offered[line.id] = json.loads(line.offered)
        line.decision = line.decision_code = line.decision_note = line.decision_opinion = ""
        line.offered = None
        work.db.add(line)
    row.decided_at = None
    row.public_interest = row.fairness = ""
    payload = {"agreement_hash": refused_terms, "offered": offered}
    steps.move(work, actor, row, Step.COUNTER, body.note, payload)
    return read(work, actor, row)


def counter_objections(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    if counters_left(work, row):
        return ()
    rounds = limits_now(work).numbers["counter_rounds"]
    return (
        refused(
            "no-counter-left",
            f"已协商 {rounds.value} 轮；请接受或拒绝现有条款。",
            f"The terms were countered {number_of(rounds.value, 'times')}; accept or decline those on offer.",
            rounds.source,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """A decision on one line, the policy it offers, and what stands against it."""

    line: ApplicationLineRow
    decision: LineDecision
    offered: GrantPolicy | None
    against: tuple[Reason, ...]


class Statement(BaseModel):
    """What one line's decision will allow: the whole policy, or nothing; and every reason for which it cannot stand."""

    line_id: str
    dataset_id: str
    title_zh: str
    title_en: str
    outcome: str
    note: str
    policy: GrantPolicy | None
    policy_hash: str | None
    against: list[Reason]


def statement(
    work: Work, actor: Actor, application_id: ApplicationId, lines: Sequence[LineDecision], *, assets: Assets
) -> list[Statement]:
    """What a decision will allow, before it is made. Writes nothing. NotFound outside the actor's sight."""
    row = queries.row(work, application_id, actor)
    return [
        Statement(
            line_id=each.line.id, dataset_id=each.line.dataset_id, title_zh=each.line.title_zh,
            title_en=each.line.title_en, outcome=each.decision.outcome, note=each.decision.note,
            policy=each.offered, policy_hash=each.offered.hash if each.offered else None, against=list(each.against),
        )
        for each in _judged(work, row, lines, assets)
    ]  # fmt: skip


def _outcome(lines: Iterable[LineDecision]) -> Step:
    return Step.REJECT if all(line.outcome == "reject" for line in lines) else Step.OFFER


def _need_proposal(row: ApplicationRow) -> None:
    if not row.proposal:
        raise Conflict(
            Text(
                "目前没有待签字的拟定决定；请先作出决定。",
                "No decision stands proposed; make one first.",
            )
        )


def _judged(
    work: Work, row: ApplicationRow, decisions: Sequence[LineDecision], assets: Assets
) -> list[_Judged]:
    """Each line that is decided on, with its decision; nothing is written. InputRefused for a line that is not there, or twice."""
    lines = queries.lines(work, row.id)
    named = [decision.line_id for decision in decisions]
    if len(set(named)) != len(named) or not set(named) <= {line.id for line in lines}:
        raise InputRefused(Text("须对每一行作出且仅作出一次决定。", "Decide on each line, once."))
    ask, votes = queries.ask_of(work, row), _votes(work, row)
    by_line = {decision.line_id: decision for decision in decisions}
    found = []
    for line, asked_line in zip(lines, ask.lines, strict=True):
        if line.id not in by_line:
            continue
        asked = rules.policy_asked(ask, asked_line)
        decision = _by_account(work, row, by_line[line.id])
        offered = _offered(line, decision, asked)
        asset = assets(DatasetId(line.dataset_id))
        against = (
            *rules.decision_objections(
                decision, asked, offered, votes.get(line.id, []), asset, limits_now(work)
            ),
            *(of_policy(work, asset, offered) if offered is not None else ()),
            *(references.of_policy(work, OrgId(row.org_id), offered) if offered is not None else ()),
        )
        found.append(_Judged(line, decision, offered, against))
    return found


def _by_account(work: Work, row: ApplicationRow, decision: LineDecision) -> LineDecision:
    """The decision with the members that it leaves by their accounts, where it names them by user name. InputRefused for an unknown one."""
    narrowing = decision.narrowing
    if narrowing is None or not narrowing.members:
        return decision
    members = references.members_of(work, OrgId(row.org_id), narrowing.members)
    return decision.model_copy(update={"narrowing": narrowing.model_copy(update={"members": members})})


def _against(work: Work, row: ApplicationRow, judged: list[_Judged]) -> list[Reason]:
    """What stands against the decision as a whole, and what against each line."""
    found = list(gates(work, row)) if _outcome(each.decision for each in judged) is Step.OFFER else []
    return [
        *standstill.against(work, profile(work)),
        *found,
        *(reason for each in judged for reason in each.against),
    ]


def _offered(line: ApplicationLineRow, decision: LineDecision, asked: GrantPolicy) -> GrantPolicy | None:
    try:
        return rules.decided_policy(asked, decision)
    except (ValidationError, ValueError) as wrong:
        said = together(wrong, 1) if isinstance(wrong, ValidationError) else Text(str(wrong), str(wrong))
        raise InputRefused(
            Text(
                f"{line.dataset_id} 的收窄内容不成立：{said.zh}",
                f"The narrowing of {line.dataset_id} does not hold together: {said.en}",
            )
        ) from wrong


def _settle(
    work: Work,
    actor: Actor,
    row: ApplicationRow,
    judged: list[_Judged],
    note: str,
    facts: dict[str, Any],
    signed: Sequence[str],
    opinions: dict[str, dict[str, Any]],
) -> None:
    """The decision counts: write it onto the lines, fix the terms, move on."""
    for each in judged:
        line, decision = each.line, each.decision
        line.decision, line.decision_code = decision.outcome, decision.reason_code
        line.decision_note = decision.note
        line.decision_opinion = json.dumps(opinions[line.id]) if line.id in opinions else ""
        line.offered = each.offered.canonical().decode() if each.offered else None
        work.db.add(line)
    row.decided_at = work.now
    step = _outcome(each.decision for each in judged)
    if step is Step.OFFER:
        _offer(row, [each.line for each in judged])
    payload = {
        "lines": {each.line.id: each.line.decision for each in judged},
        "agreement_hash": row.agreement_hash,
    } | ({"opinions": opinions} if opinions else {})
    if row.public_interest or row.fairness:
        payload["principles"] = {"public_interest": row.public_interest, "fairness": row.fairness}
    codes = [each.decision.reason_code for each in judged]
    steps.move(work, actor, row, step, note, payload | facts, line_ids=signed, refused=codes)


def _opinions(work: Work, decisions: Iterable[LineDecision]) -> dict[str, dict[str, Any]]:
    """By line: the template that its note came from, as the profile in force has it. InputRefused for one that is not there."""
    known, today = profile(work).opinions, steps.local_day(work.now)
    return {
        each.line_id: inserted(known, "decision", today, each.opinion, each.note).as_json()
        for each in decisions
        if each.opinion
    }


def _votes(work: Work, row: ApplicationRow) -> dict[str, list[Vote]]:
    found: dict[str, list[Vote]] = {}
    for review in queries.reviews(work, row):
        for line_id, vote in json.loads(review.lines).items():
            found.setdefault(line_id, []).append(vote["vote"])
    return found


@cache
def clauses() -> dict[str, Any]:
    """The standing clauses of every agreement, versioned."""
    read_: dict[str, Any] = json.loads((Path(__file__).parent / "terms.json").read_text(encoding="utf-8"))
    return read_


def _offer(row: ApplicationRow, lines: list[ApplicationLineRow]) -> None:
    """Fix the terms on offer as canonical JSON; its digest is what the officer accepts."""
    document: dict[str, Any] = {
        "version": 1,
        "application_id": row.id,
        "turn": row.turn,
        "org_id": row.org_id,
        "purpose_text": row.purpose_text,
        "clauses": clauses(),
        "lines": [
            {"line_id": line.id, "dataset": {"zh": line.title_zh, "en": line.title_en}, "policy": json.loads(line.offered)}
            for line in lines
            if line.offered is not None
        ],
    }  # fmt: skip
    canonical = rfc8785.dumps(document)
    row.agreement = canonical.decode()
    row.agreement_hash = hashlib.sha256(canonical).hexdigest()


def terms(work: Work, actor: Actor, application_id: ApplicationId) -> dict[str, Any]:
    """The terms on offer, or agreed: the document and its digest. Conflict while there are none."""
    row = queries.row(work, application_id, actor)
    if not row.agreement:
        raise Conflict(Text("该申请尚无条款。", "The application has no terms yet."))
    return {
        "hash": row.agreement_hash,
        "version": row.version,
        "state": row.state,
        "document": json.loads(row.agreement),
    }


def accept_terms(
    work: Work, actor: Actor, application_id: ApplicationId, body: AcceptBody
) -> ApplicationRead:
    """The officer accepts the very terms that were offered; every line on offer becomes a PENDING grant at once."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.ACCEPT_TERMS, steps.roles(work, actor, row))
    refuse_if(acceptance_objections(work, row))
    stored = hashlib.sha256(row.agreement.encode()).hexdigest()
    if not body.hash == row.agreement_hash == stored:
        raise Conflict(
            Text(
                "您阅读的条款与当前提供的条款不一致；请重新打开条款页。",
                "The terms you read are not the ones on offer; open the terms again.",
            ),
            hash=row.agreement_hash,
        )
    row.accepted_by, row.accepted_at = actor.account_id, work.now
    steps.move(work, actor, row, Step.ACCEPT_TERMS, body.note, {"agreement_hash": row.agreement_hash})
    signed = [past for past in deeds.past(work, row.id) if past.step in separation.SIGNS]
    approvers = [person for past in signed for person in (past.person_id, past.for_person) if person]
    for line in queries.lines(work, row.id):
        if line.offered is not None:
            grants.issue(
                work, actor, application_id=row.id, line_id=line.id, org_id=row.org_id,
                department_id=line.department_id, title=Text(line.title_zh, line.title_en),
                policy=GrantPolicy.model_validate_json(line.offered), agreement_hash=row.agreement_hash,
                approved_by=approvers,
                succeeds=(row.from_grant_id, row.succession) if row.from_grant_id else None,
            )  # fmt: skip
    return read(work, actor, row)


def acceptance_objections(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """Why the terms cannot be accepted now: licence, what stands from outside, papers that are owed (again)."""
    held = licence_objections(licence(work, OrgId(row.org_id)), work.now)
    still = standstill.against(work, profile(work))
    return (*still, *held, *gates(work, row), *papers.blocking(work, row))


def decline(work: Work, actor: Actor, application_id: ApplicationId, body: StepBody) -> ApplicationRead:
    """The officer turns the terms down; the application ends."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.DECLINE, steps.roles(work, actor, row))
    need_note(body.note)
    steps.move(work, actor, row, Step.DECLINE, body.note)
    return read(work, actor, row)
