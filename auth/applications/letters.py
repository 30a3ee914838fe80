"""The letter that tells an applicant a decision: what, why, on what legal basis, under which conditions, and what can be done about it.

A letter is made once, on first asking: its text and its bytes are kept as they were issued, whatever changes afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.applications import deeds, queries
from auth.applications.rules import PRINCIPLES
from auth.applications.steps import local_day
from auth.applications.tables import (
    ApplicationEventRow,
    ApplicationLetterRow,
    ApplicationLineRow,
    ApplicationRow,
)
from auth.applications.workflow import Step
from auth.identity import organisations
from auth.identity.tables import PersonRow
from auth.policy import wording
from auth.policy.limits import Coded, limits
from auth.policy.model import GrantPolicy
from auth.stored import readable
from core.errors import Conflict
from core.ids import ApplicationId, OrgId
from core.text import Text, number_of
from core.work import Work

Outcome = Literal["approved", "partial", "refused", "not-accepted"]
Render = Callable[["Letter"], bytes]
Titles = Callable[[str], Mapping[str, Text]]
DECIDES: Final = frozenset({Step.OFFER, Step.REJECT, Step.SCREEN_REJECT})
OUTCOMES: Final[Mapping[Outcome, Text]] = {
    "approved": Text("准予授权", "Granted"),
    "partial": Text("部分准予授权", "Granted in part"),
    "refused": Text("不予授权", "Refused"),
    "not-accepted": Text("不予受理", "Not accepted for review"),
}
NO_LETTER: Final = Text(
    "该申请尚无决定，因此没有决定书。",
    "No decision has been made on this application, so there is no letter.",
)

_UNREADABLE: Final = Text(
    "该决定书由其他版本签发，含有本版本不能读取的内容（{places}）；请联系安全管理员。",
    "This letter was issued by another version and holds what this one cannot read ({places}). Tell the security officer.",
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Said(_Part):
    """One sentence in both languages."""

    zh: str
    en: str


class Sourced(Said):
    """A sentence with what it rests on."""

    source: str


class LetterLine(_Part):
    """One dataset: the outcome, why, and what is allowed. `facts` are (name, value) in reading order; empty for a refusal."""

    dataset_id: str
    title: Said
    outcome: Said
    reasons: tuple[Sourced, ...]
    columns: tuple[tuple[str, Said], ...]
    facts: tuple[tuple[Said, Said], ...]


class Letter(_Part):
    """A whole letter. `number` names application and version of the decision; `deputies`: who decided in whose stead; `principles`: what
    the deciders said of the public interest and of fairness, by name.
    """

    number: str
    outcome: Outcome
    heading: Said
    applicant: Said
    departments: tuple[Said, ...]
    decided_on: date
    lines: tuple[LetterLine, ...]
    basis: tuple[Sourced, ...]
    conditions: tuple[Sourced, ...]
    remedies: tuple[Sourced, ...]
    agreement_hash: str
    deputies: tuple[Said, ...] = ()
    principles: tuple[tuple[Said, Said], ...] = ()


class Issued(_Part):
    """A letter as it was issued, with the digest of its PDF."""

    letter: Letter
    sha256: str
    issued_at: datetime
    pdf: bytes


@cache
def _texts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "letter.json").read_text(encoding="utf-8"))
    return found


def issued(work: Work, actor: Actor, application_id: ApplicationId) -> Issued | None:
    """The letter of the present decision if it was issued; None if that is still to do. NotFound out of sight; Conflict without a decision."""
    row = queries.row(work, application_id, actor)
    kept = work.db.get(ApplicationLetterRow, (row.id, _deciding(work, row).version))
    return _read(kept) if kept else None


def issue(
    work: Work, actor: Actor, application_id: ApplicationId, *, render: Render, titles: Titles
) -> Issued:
    """The letter of the present decision; made, and its digest put on record, when nobody asked for it before."""
    row = queries.row(work, application_id, actor, to_change=True)
    event = _deciding(work, row)
    if (kept := work.db.get(ApplicationLetterRow, (row.id, event.version))) is not None:
        return _read(kept)
    letter = compose(work, row, event, titles)
    pdf = render(letter)
    kept = ApplicationLetterRow(
        application_id=row.id, version=event.version, document=letter.model_dump_json(), pdf=pdf,
        sha256=hashlib.sha256(pdf).hexdigest(), issued_at=work.now,
    )  # fmt: skip
    work.db.add(kept)
    audit.record(
        work, actor, "application.letter_issued", subject=row.id, application_id=row.id,
        payload={"number": letter.number, "outcome": letter.outcome, "sha256": kept.sha256, "bytes": len(pdf)},
    )  # fmt: skip
    work.db.flush()
    return _read(kept)


def _read(kept: ApplicationLetterRow) -> Issued:
    with readable(_UNREADABLE):
        letter = Letter.model_validate_json(kept.document)
    return Issued(letter=letter, sha256=kept.sha256, issued_at=kept.issued_at, pdf=kept.pdf)


def _last_decision(work: Work, row: ApplicationRow) -> ApplicationEventRow | None:
    return next((event for event in reversed(queries.events(work, row.id)) if event.step in DECIDES), None)


def _deciding(work: Work, row: ApplicationRow) -> ApplicationEventRow:
    found = _last_decision(work, row) if row.decided_at is not None else None
    if found is None:
        raise Conflict(NO_LETTER)
    return found


def outcome_of(decisions: list[str], step: str) -> Outcome:
    """What the decision comes to: `decisions` line by line, and the step that made it."""
    if step == Step.SCREEN_REJECT:
        return "not-accepted"
    if all(each == "approve" for each in decisions):
        return "approved"
    return "refused" if all(each == "reject" for each in decisions) else "partial"


def compose(work: Work, row: ApplicationRow, event: ApplicationEventRow, titles: Titles) -> Letter:
    """The letter from what stands in the records. Nothing is written."""
    lines = queries.lines(work, row.id)
    outcome = outcome_of([line.decision for line in lines], event.step)
    general = _refused_at_the_door(work, row, event) if outcome == "not-accepted" else ()
    departments = sorted({line.department_id for line in lines})
    awaits = _recorded(work, row, event, "application.offered").get("awaits", {})
    return Letter(
        number=f"{row.id}-{event.version}",
        outcome=outcome,
        heading=_said(OUTCOMES[outcome]),
        applicant=_org(work, row.org_id),
        departments=tuple(_org(work, each) for each in departments),
        decided_on=local_day(event.at),
        lines=tuple(_line(line, general, titles(line.dataset_id), awaits.get(line.id, ())) for line in lines),
        basis=_sentences("basis", outcome),
        conditions=_sentences("conditions", outcome),
        remedies=_sentences("remedies", outcome),
        agreement_hash=row.agreement_hash,
        deputies=_deputies(work, row, event),
        principles=() if outcome == "not-accepted" else _principles(row),
    )


def _principles(row: ApplicationRow) -> tuple[tuple[Said, Said], ...]:
    """R11: what was said of each, in the words of whoever said it."""
    words = {"public_interest": row.public_interest, "fairness": row.fairness}
    return tuple(
        (_said(PRINCIPLES[name]), Said(zh=said, en=said))
        for name, text in words.items()
        if (said := text.strip())
    )


def _deputies(work: Work, row: ApplicationRow, decision: ApplicationEventRow) -> tuple[Said, ...]:
    """Each deputy whose signature the decision bears, once, and for whom he signed; by the names that both have now."""
    signed = [event for event in deeds.signers(work, row, decision) if event.for_person]
    pairs = dict.fromkeys((event.person_id, event.for_person) for event in signed)
    wanted = select(PersonRow).where(col(PersonRow.id).in_({each for pair in pairs for each in pair}))
    names = {person.id: Text(person.name_zh, person.name_en) for person in work.db.exec(wanted)}
    return tuple(
        Said(
            zh=f"{names[deputy].zh}（代{names[principal].zh}）",
            en=f"{names[deputy].en}, standing in for {names[principal].en}",
        )
        for deputy, principal in pairs
    )


def _refused_at_the_door(work: Work, row: ApplicationRow, event: ApplicationEventRow) -> tuple[Sourced, ...]:
    """Screening refuses the whole: its code stands in the record of the step, its words in the history."""
    code = _recorded(work, row, event, "application.rejected").get("reason_code", "")
    return _reasons(limits().refusals.get(code), event.note)


def _recorded(work: Work, row: ApplicationRow, event: ApplicationEventRow, kind: str) -> dict[str, Any]:
    """What the record says of a step, by the version that it made; empty where it says nothing."""
    wanted = select(audit.AuditEventRow.payload).where(
        audit.AuditEventRow.subject == row.id, audit.AuditEventRow.kind == kind
    )
    said = (json.loads(payload) for payload in work.db.exec(wanted.order_by(col(audit.AuditEventRow.seq))))
    return next((each for each in said if each["version"] == event.version), {})


def _reasons(code: Coded | None, note: str) -> tuple[Sourced, ...]:
    found = [Sourced(zh=code.name.zh, en=code.name.en, source=code.basis)] if code else []
    if note.strip():
        found.append(Sourced(zh=note.strip(), en=note.strip(), source=""))
    return tuple(found)


def _line(
    line: ApplicationLineRow, general: tuple[Sourced, ...], titles: Mapping[str, Text], awaits: Sequence[str]
) -> LetterLine:
    names = {"approve": "approved", "narrow": "partial", "reject": "refused", "": "not-accepted"}
    known: Any = names[line.decision]
    policy = queries.offered_policy(line.offered) if line.offered else None
    reasons = general or _reasons(limits().refusals.get(line.decision_code), line.decision_note)
    terms = policy.columns if policy else ()
    return LetterLine(
        dataset_id=line.dataset_id,
        title=Said(zh=line.title_zh, en=line.title_en),
        outcome=_said(OUTCOMES[known]),
        reasons=reasons,
        columns=tuple(
            (f"{term.name} {titles[term.name].zh}" if term.name in titles else term.name, _said(wording.term_in_words(term)))
            for term in terms
        ),
        facts=_facts(policy, titles) + _to_wait(awaits) if policy else (),
    )  # fmt: skip


def _facts(policy: GrantPolicy, titles: Mapping[str, Text]) -> tuple[tuple[Said, Said], ...]:
    known = limits()
    scenario = known.scenarios.get(policy.scenario_id)
    purposes = [known.purposes[c].name if c in known.purposes else Text(c, c) for c in policy.purposes]
    last = local_day(policy.ends_at - timedelta(seconds=1))
    none = Text("不限", "no limit")
    quotas = [
        (Text("提取次数上限", "Extracts at most"), policy.quotas.extracts),
        (Text("行数上限", "Rows at most"), policy.quotas.rows),
        (Text("字节上限", "Bytes at most"), policy.quotas.bytes),
        (Text("每日次数上限", "Uses a day at most"), policy.quotas.per_day),
        *(
            [(Text("每月次数上限", "Uses a month at most"), month)]
            if (month := policy.quotas.per_month)
            else []
        ),
        *(
            [(Text("每月出域次数上限", "Enclave outputs a month at most"), outputs)]
            if (outputs := policy.quotas.outputs_per_month)
            else []
        ),
    ]
    period = f"{local_day(policy.starts_at)} – {last}"
    days = str(policy.retention_days)
    pairs = [
        (Text("场景", "Scenario"), scenario.name if scenario else Text(policy.scenario_id, policy.scenario_id)),
        (Text("用途", "Purposes"), _joined(purposes)),
        (Text("期限（首尾日均含）", "Period (both days included)"), Text(period, period)),
        (Text("可见的行", "Visible rows"), wording.filter_in_words(policy.row_filter, titles)),
        (Text("交付方式", "Delivery forms"), _joined([wording.FORM_NAMES[form] for form in policy.delivery_forms])),
        *((name, Text(str(n), str(n)) if n is not None else none) for name, n in quotas),
        (Text("留存天数", "Days kept"), Text(days, days)),
    ]  # fmt: skip
    if policy.networks:
        pairs.append((wording.NETWORKS, wording.networks_in_words(policy.networks)))
    if policy.pinned_release:
        pairs.append((wording.RELEASE, wording.release_in_words(policy.pinned_release)))
    if policy.members:
        named = len(policy.members)
        pairs.append(
            (
                wording.MEMBERS,
                Text(f"条款中约定的 {named} 人", f"the {number_of(named, 'persons')} named in the terms"),
            )
        )
    if policy.fee_reference:
        pairs.append((wording.FEE, wording.fee_in_words(policy.fee_reference)))
    pairs += wording.safeguards_in_words(policy.safeguards)
    return tuple((_said(name), _said(value)) for name, value in pairs)


def _to_wait(forms: Sequence[str]) -> tuple[tuple[Said, Said], ...]:
    """The forms that were granted although they could not be had on the day of the decision."""
    if not forms:
        return ()
    named = wording.forms_named(forms)
    return (
        (
            Said(zh="暂不能交付的方式", en="Delivery forms that cannot be had yet"),
            Said(
                zh=f"{named.zh}（待数据方备妥；备妥前授权不生效）",
                en=f"{named.en} (the bureau has yet to prepare them; the grant comes into force no sooner)",
            ),
        ),
    )


def _joined(texts: list[Text]) -> Text:
    return Text("、".join(each.zh for each in texts), ", ".join(each.en for each in texts))


def _said(text: Text) -> Said:
    return Said(zh=text.zh, en=text.en)


def _org(work: Work, org_id: str) -> Said:
    return _said(organisations.organisation(work, OrgId(org_id)).name)


def _sentences(part: str, outcome: Outcome) -> tuple[Sourced, ...]:
    means = {"approved": {"approved"}, "partial": {"approved", "refused"}}.get(outcome, {"refused"})
    return tuple(
        Sourced(zh=each["zh"], en=each["en"], source=each["source"])
        for each in _texts()[part]
        if each.get("when", "always") in means | {"always"}
    )
