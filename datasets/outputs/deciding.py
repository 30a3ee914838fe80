"""Looking at a file, voting on it, and what the votes do to the extract or view that it was made for."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.actor import Actor
from auth.delegations.standing import doer
from auth.messages.service import tell
from auth.policy.model import DeliveryForm
from core import bases
from core.errors import AccessRefused, Reason, Stale, refuse_if
from core.files import FileStore
from core.text import Text
from core.work import Work
from datasets.batches.models import Command
from datasets.enclave import service as enclave
from datasets.extracts import reviewed
from datasets.outputs import opening, queries, rules
from datasets.outputs.models import OutputDetail, OutputRefuse, OutputRelease, OutputVoteRead, SampleRead
from datasets.outputs.rules import Parties, Vote
from datasets.outputs.tables import OutputLookRow, OutputReviewRow, OutputVoteRow
from datasets.outputs.workflow import OutputState, OutputStep, advance
from datasets.people import stamp
from datasets.sharing import service as sharing

CHECK = "datasets:output:check"
SAMPLE_ROWS = 50
Signer = Callable[[], Ed25519PrivateKey]


def detail(work: Work, actor: Actor, review_id: str) -> OutputDetail:
    """One review with the votes that the reader may know of, and the steps open to him."""
    row = queries.row(work, actor, review_id)
    commands = [
        Command(
            step=step, allowed=not reasons,
            reasons=[{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons],
        )
        for step in (("look", "release", "refuse") if row.state == OutputState.IN_REVIEW else ())
        for reasons in [_objections(work, actor, row, step)]
    ]  # fmt: skip
    return OutputDetail.model_validate(
        queries.read(work, row).model_dump()
        | {
            "votes": _known(work, actor, row),
            "commands": commands,
            "has_looked": queries.has_looked(work, row, actor.person_id),
        }
    )


def sample(work: Work, actor: Actor, files: FileStore, review_id: str) -> SampleRead:
    """The first rows as they would leave, for whoever may vote on the file, all of a result of the enclave; each look is written down."""
    from datasets.outputs.checks import sample as first_rows

    row = queries.row(work, actor, review_id, to_change=True)
    refuse_if(_people(work, actor, row))
    most = row.rows if row.kind in rules.SEEN_FIRST else SAMPLE_ROWS
    names, items = first_rows(files.path(row.sha256), DeliveryForm(row.form), most)
    if not queries.has_looked(work, row, actor.person_id):
        seen = OutputLookRow(
            review_id=row.id, person_id=actor.person_id, sha256=row.sha256, rows=len(items), at=work.now
        )
        work.db.merge(seen)
    opening.note(work, actor, "output.looked", row, {"rows": len(items)})
    return SampleRead(columns=names, items=items, total=row.rows)


def release(work: Work, actor: Actor, review_id: str, body: OutputRelease, signer: Signer) -> OutputDetail:
    """Vote for release. The last vote that is needed lets the file go, or keeps it in where one was against."""
    row = _for_vote(work, actor, review_id, body.version)
    refuse_if((*_unready(work, actor, row), *rules.release_objections(row.findings, body.note)))
    return _vote(work, actor, row, signer, releases=True, refusal="", note=body.note)


def refuse(work: Work, actor: Actor, review_id: str, body: OutputRefuse, signer: Signer) -> OutputDetail:
    """Vote against release, with a reason."""
    row = _for_vote(work, actor, review_id, body.version)
    refuse_if((*_unready(work, actor, row), *rules.refusal_objections(body.refusal, body.note)))
    return _vote(work, actor, row, signer, releases=False, refusal=body.refusal, note=body.note)


def _vote(
    work: Work, actor: Actor, row: OutputReviewRow, signer: Signer, *, releases: bool, refusal: str, note: str
) -> OutputDetail:
    vote = OutputVoteRow(
        id=work.new_id(), review_id=row.id, person_id=actor.person_id, who=stamp(actor), releases=releases,
        refusal=refusal, note=note.strip(), at=work.now,
    )  # fmt: skip
    work.db.add(vote)
    work.db.flush()
    cast = queries.votes(work, row.id)
    step = rules.outcome([Vote(each.person_id, each.releases) for each in cast], row.needed)
    row.state = advance(OutputState(row.state), step)
    row.version += 1
    said = {"releases": releases, "refusal": refusal} if step is not OutputStep.VOTE else {}
    opening.note(work, actor, "output.voted", row, {"voted": len(cast), "needed": row.needed, **said})
    if step is OutputStep.RELEASE:
        _released(work, actor, row, cast, signer)
    elif step is OutputStep.REFUSE:
        _refused(work, actor, row, cast)
    work.db.add(row)
    work.db.flush()
    return detail(work, actor, row.id)


def _released(
    work: Work, actor: Actor, row: OutputReviewRow, cast: list[OutputVoteRow], signer: Signer
) -> None:
    """The grant is asked once more, at this instant; a file that may not leave now is not released."""
    row.decided_at = work.now
    opening.note(work, actor, "output.released", row, {"checkers": len(cast)})
    review = {
        "review": row.id, "checkers": sorted(each.person_id for each in cast), "released_at": work.now.isoformat(),
        "findings": sorted({each["code"] for each in row.findings}),
    }  # fmt: skip
    if row.kind == "extract":
        reviewed.let_go(work, row, review, signer())
    elif row.kind == "enclave":
        enclave.let_go(work, row, review, signer())
    else:
        sharing.let_go(work, row)
    _told(work, row, "output.released")


def _refused(work: Work, actor: Actor, row: OutputReviewRow, cast: list[OutputVoteRow]) -> None:
    against = next(each for each in cast if not each.releases)
    row.decided_at, row.refusal, row.note = work.now, against.refusal, against.note
    opening.note(work, actor, "output.refused", row, {"refusal": row.refusal})
    why = refusal_text(row)
    if row.kind == "extract":
        reviewed.keep_in(work, row.subject_id, why)
    elif row.kind == "enclave":
        enclave.keep_in(work, row.subject_id, why)
    else:
        sharing.keep_in(work, row.subject_id, why)
    _told(work, row, "output.refused")


def refusal_text(row: OutputReviewRow) -> Text:
    """Why it did not leave, for the requester."""
    reason = rules.REFUSALS[row.refusal]
    zh = f"出域审核未通过：{reason.zh}{'。' + row.note if row.note else ''}"
    return Text(zh, f"Output review refused it: {reason.en}{'. ' + row.note if row.note else ''}")


def withdraw(work: Work, actor: Actor, extract_id: str) -> None:
    """The requester's side takes back an extract that waits. Raises Conflict when it does not wait."""
    reviewed.withdraw(work, actor, extract_id)
    opening.take_back(work, actor, "extract", extract_id)


def _told(work: Work, row: OutputReviewRow, kind: str) -> None:
    places = {"extract": f"/extracts/{row.subject_id}", "enclave": f"/enclave/{row.subject_id}"}
    href = places.get(row.kind, f"/grants/{row.grant_id}/read")
    facts = {"dataset": row.dataset_id}
    if row.refusal:
        facts |= {"why_zh": rules.REFUSALS[row.refusal].zh, "why_en": rules.REFUSALS[row.refusal].en}
    tell(work, [row.requested_by], kind, subject=row.id, href=href, once=row.id, facts=facts)


def _known(work: Work, actor: Actor, row: OutputReviewRow) -> list[OutputVoteRead]:
    """All votes once it is decided; before, a reader knows his own alone."""
    return [
        OutputVoteRead.model_validate(
            each.model_dump() | {"name_zh": each.who["name"]["zh"], "name_en": each.who["name"]["en"]}
        )
        for each in queries.votes(work, row.id)
        if row.state != OutputState.IN_REVIEW or each.person_id == actor.person_id
    ]


def _objections(work: Work, actor: Actor, row: OutputReviewRow, step: str) -> tuple[Reason, ...]:
    if step == "look":
        return _people(work, actor, row)
    found = _unready(work, actor, row)
    return (
        (*found, *rules.release_objections(row.findings, "-" * rules.NOTE_MIN))
        if step == "release"
        else found
    )


def _unready(work: Work, actor: Actor, row: OutputReviewRow) -> tuple[Reason, ...]:
    """Why this person may not vote now: who he is; and once he may, that he has not seen what he votes on."""
    has_looked = queries.has_looked(work, row, actor.person_id)
    return _people(work, actor, row) or rules.look_objections(row.kind, has_looked)


def _people(work: Work, actor: Actor, row: OutputReviewRow) -> tuple[Reason, ...]:
    if not actor.may_in(CHECK, row.department_id):
        text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
        return (Reason("role-lacks-permission", text, bases.ROLES),)
    parties = Parties(row.person_id, frozenset(row.builders), frozenset(row.approvers), row.org_id)
    cast = [Vote(each.person_id, each.releases) for each in queries.votes(work, row.id)]
    who = doer(work, actor)
    return rules.people_objections(who.persons, who.orgs, parties, cast)


def _for_vote(work: Work, actor: Actor, review_id: str, version: int | None) -> OutputReviewRow:
    row = queries.row(work, actor, review_id, to_change=True)
    if not actor.may_in(CHECK, row.department_id):
        text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])
    if version is not None and version != row.version:
        raise Stale(
            Text("该审核已有变化；请刷新后再办理。", "The review has changed; reload it and look again."),
            version=row.version,
        )
    advance(OutputState(row.state), OutputStep.VOTE)
    return row
