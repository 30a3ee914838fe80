"""The bureau's decision line by line: made by one, or proposed, signed and objected to by several, until it counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from auth.actor import Actor
from auth.applications import deeds, plans, queries, rules, steps
from auth.applications.gates import question as gates_asked
from auth.applications.judging import Judged, against_decision, judge, outcome_of
from auth.applications.models import (
    ApplicationRead,
    ConcurBody,
    DecideBody,
    DeclaredStep,
    LineDecision,
    Proposal,
)
from auth.applications.reading import read
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
from auth.applications.terms import fix_terms
from auth.applications.workflow import State, Step, advance
from auth.consents import cover as consents
from auth.delegations import standing
from auth.messages import announcing
from auth.papers import cover as papers
from auth.policy.serving import Holds, holds_nothing
from auth.profile.now import limits_now, profile
from auth.profile.opinions import inserted
from core.errors import Conflict, InputRefused, Reason, refuse_if
from core.ids import ApplicationId, DatasetId
from core.text import Text
from core.work import Asked, Work, foresee

AssetAsked = Callable[[DatasetId], Iterable[Asked]]


def decide(
    work: Work, actor: Actor, application_id: ApplicationId, body: DecideBody, *, assets: Assets,
    asset_asked: AssetAsked = lambda _: (), holds: Holds = holds_nothing,
) -> ApplicationRead:  # fmt: skip
    """Approve, narrow or refuse each line within the approver's scope. Once every line has its signatures, terms are
    offered when any line stands; otherwise the application is rejected. Until then the decision stands proposed.

    `asset_asked`: what `assets` asks of the database. `holds`: what datasets have for delivery forms.
    """
    row = steps.load(work, actor, application_id, body.version, *_foreseen(work, actor, application_id))
    given = tuple(line.line_id for line in body.lines)
    lines = queries.lines(work, row.id)
    _foresee_judging(work, row, lines, asset_asked)
    shared = plans.approval_of(work, row).count > 1 or len(given) < len(lines) or bool(row.proposal)
    advance(
        State(row.state), Step.PROPOSE if shared else outcome_of(body.lines), steps.roles(work, actor, row)
    )
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
    judged = judge(work, row, body.lines, assets, holds)
    refuse_if(against_decision(work, row, judged))
    _sign(work, actor, row, Step.PROPOSE, body, given, assets, holds, judged)
    return read(work, actor, row)


def concur(
    work: Work, actor: Actor, application_id: ApplicationId, body: ConcurBody, *, assets: Assets,
    holds: Holds = holds_nothing,
) -> ApplicationRead:  # fmt: skip
    """Sign the lines within one's scope of the decision that stands proposed. The last signature that is needed makes it
    count; all is checked anew.
    """
    row = steps.load(work, actor, application_id, body.version, *_foreseen(work, actor, application_id))
    advance(State(row.state), Step.CONCUR, steps.roles(work, actor, row))
    _need_proposal(row)
    need_no_conflict(body.has_no_conflict)
    refuse_if(concurrence_objections(work, actor, row))
    _sign(work, actor, row, Step.CONCUR, body, docket(work, actor, row).to_sign, assets, holds)
    return read(work, actor, row)


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


def _need_proposal(row: ApplicationRow) -> None:
    if not row.proposal:
        raise Conflict(
            Text(
                "目前没有待签字的拟定决定；请先作出决定。",
                "No decision stands proposed; make one first.",
            )
        )


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


def _principles_against(work: Work, body: DecideBody) -> tuple[Reason, ...]:
    said = {name: getattr(body, name) for name in rules.PRINCIPLES}
    return tuple(
        rules.principles_objections(
            [line.outcome for line in body.lines], said, least=limits_now(work)["min_reason_characters"],
            required=profile(work).principles,
        )
    )  # fmt: skip


def _sign(
    work: Work,
    actor: Actor,
    row: ApplicationRow,
    step: Step,
    body: DecideBody | ConcurBody,
    named: Sequence[str],
    assets: Assets,
    holds: Holds,
    just_judged: list[Judged] | None = None,
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
        judged = just_judged if just_judged and not before.lines else judge(work, row, lines, assets, holds)
        if judged is not just_judged:
            refuse_if(against_decision(work, row, judged))
        row.proposal = ""
        row.public_interest, row.fairness = said["public_interest"], said["fairness"]
        _settle(work, actor, row, judged, note, facts, named, opinions)
        return
    row.proposal = _stored(lines, note, opinions, said)
    votes: dict[str, Any] = {"lines": {line.line_id: line.outcome for line in added}} if added else {}
    if new:
        votes["opinions"] = new
    votes |= _awaited(just_judged or ())
    steps.move(work, actor, row, step, body.note, votes | facts, line_ids=named)
    announcing.lines_wait(
        work,
        row,
        [line.id for line in queries.lines(work, row.id) if signed.get(line.id, 0) < needed],
        by=actor,
    )


def _proposal(row: ApplicationRow) -> Proposal:
    return queries.proposal_of(row)


def _principles(before: Proposal, body: DecideBody | ConcurBody) -> dict[str, str]:
    """What was said of public interest and fairness so far; every decider's words stay."""
    new = {name: getattr(body, name, "").strip() for name in rules.PRINCIPLES}
    return {name: "\n".join(filter(None, (getattr(before, name), new[name]))) for name in rules.PRINCIPLES}


def _stored(
    lines: Sequence[LineDecision], note: str, opinions: dict[str, dict[str, Any]], principles: dict[str, str]
) -> str:
    kept = Proposal.model_validate({"lines": tuple(lines), "note": note, "opinions": opinions} | principles)
    return kept.model_dump_json(exclude_none=True) if lines else ""


def _opinions(work: Work, decisions: Iterable[LineDecision]) -> dict[str, dict[str, Any]]:
    """By line: the template that its note came from, as the profile in force has it. InputRefused for one that is not there."""
    known, today = profile(work).opinions, steps.local_day(work.now)
    return {
        each.line_id: inserted(known, "decision", today, each.opinion, each.note).as_json()
        for each in decisions
        if each.opinion
    }


def _awaited(judged: Iterable[Judged]) -> dict[str, dict[str, list[str]]]:
    """For the record: by line, the forms that were granted although they cannot be had yet. Empty where there are none."""
    found = {each.line.id: [form.value for form in each.awaits] for each in judged if each.awaits}
    return {"awaits": found} if found else {}


def _settle(
    work: Work,
    actor: Actor,
    row: ApplicationRow,
    judged: list[Judged],
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
    step = outcome_of(each.decision for each in judged)
    if step is Step.OFFER:
        fix_terms(row, [each.line for each in judged], limits_now(work))
    payload = {
        "lines": {each.line.id: each.line.decision for each in judged},
        "agreement_hash": row.agreement_hash,
    } | ({"opinions": opinions} if opinions else {})
    payload |= _awaited(judged)
    if row.public_interest or row.fairness:
        payload["principles"] = {"public_interest": row.public_interest, "fairness": row.fairness}
    codes = [each.decision.reason_code for each in judged]
    steps.move(work, actor, row, step, note, payload | facts, line_ids=signed, refused=codes)
