"""What waits under a grant when an amendment takes its place: extracts, requests of the enclave, views before their checkers.

Each is judged anew under the amendment, in the transaction that puts it into force, and its requester is told what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select

from auth.grants import succession
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from auth.messages.service import tell
from core.errors import Reason
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.enclave import carrying as enclave
from datasets.enclave.tables import EnclaveRow
from datasets.enclave.workflow import EnclaveState
from datasets.extracts import carrying as extracts
from datasets.extracts.tables import ExtractRow
from datasets.sharing import service as sharing

EXTRACT = Text("提取", "extract")
ENCLAVE = Text("域内计算", "computation")


def go_on(work: Work, before: GrantId, after: GrantId) -> None:
    """Whatever waits under `before`, under `after`, which has taken its place."""
    for extract in _waiting(work, ExtractRow, before, extracts.WAITING):
        against = extracts.carry_over(work, extract, after)
        then = Text("重新生成，并按现行条款审核", "the file is made anew, and reviewed as the terms ask now")
        _tell(work, extract, f"/extracts/{extract.id}", after, EXTRACT, against, then)
    for request in _waiting(work, EnclaveRow, before, enclave.WAITING):
        was = request.state
        against = enclave.carry_over(work, request, after)
        _tell(work, request, f"/enclave/{request.id}", after, ENCLAVE, against, _then(was, request.state))
    sharing.end_reviews(work, before, after)


def _then(was: str, now: str) -> Text:
    if now == EnclaveState.RETURNED:
        return Text("仍待您修改", "it still waits for your changes")
    if now == EnclaveState.APPROVED:
        return Text("批准仍有效，重新计算", "the approval stands, and it is computed anew")
    if was == EnclaveState.SUBMITTED:
        return Text("继续等待审查", "it goes on waiting for its review")
    return Text("条款有变，方案须重新审查", "its terms differ, so it is reviewed anew")


def _waiting(work: Work, table: Any, grant_id: GrantId, states: Sequence[str]) -> list[Any]:  # noqa: ANN401 - one of two tables
    """Rows that wait under the grant, held until the transaction ends, oldest first."""
    wanted = select(table).where(table.grant_id == grant_id, col(table.state).in_(states))
    held = wanted.order_by(col(table.id)).with_for_update().execution_options(populate_existing=True)
    return list(work.db.exec(held))


def _tell(
    work: Work, row: Any, href: str, after: GrantId, what: Text, against: tuple[Reason, ...], then: Text  # noqa: ANN401 - one of two tables
) -> None:  # fmt: skip
    facts = {"dataset": row.dataset_id, "grant": after, "what_zh": what.zh, "what_en": what.en}
    if against:
        kind = "request.not_carried"
        facts |= {
            "why_zh": "；".join(each.text.zh for each in against),
            "why_en": " ".join(each.text.en for each in against),
        }
    else:
        kind, facts = "request.carried", facts | {"then_zh": then.zh, "then_en": then.en}
    tell(work, [row.requested_by], kind, subject=row.id, href=href, once=f"{row.id} {after}", facts=facts)


def left(work: Work) -> list[tuple[GrantId, GrantId]]:
    """Superseded grants under which something still waits, as it may from an earlier version, each with the amendment in force."""
    found = set()
    for table, states in ((ExtractRow, extracts.WAITING), (EnclaveRow, enclave.WAITING)):
        wanted = (
            select(table.grant_id)
            .join(GrantRow, col(GrantRow.id) == col(table.grant_id))
            .where(GrantRow.state == State.SUPERSEDED, col(table.state).in_(states))
        )
        found |= set(work.db.exec(wanted))
    pairs = [(GrantId(each), succession.carried_on_by(work, GrantId(each))) for each in sorted(found)]
    return [(each, later[-1]) for each, later in pairs if later]


def sweep(work: Work) -> int:
    """Carry over what was left; how many grants it was about."""
    pairs = left(work)
    for before, after in pairs:
        go_on(work, before, after)
    return len(pairs)
