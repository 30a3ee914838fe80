"""What was stored of every kind of case and of grants, replayed by the printed tables of docs/machines.md, without the machines that moved the rows.

flaws(work)      # one line for each row that its stored events do not lead to; () when all agree
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from core.work import Work
from tests.core.printed import amiss

# kind of the events, table of the rows, machine of the page
CASES: Final = (
    ("agreement", "auth_agreement", "auth.agreements.workflow:agreement"),
    ("anomaly", "auth_anomaly", "auth.anomalies.workflow:finding"),
    ("campaign", "auth_campaign", "auth.reviews.workflow:campaign"),
    ("cap", "auth_cap_proposal", "auth.caps.workflow:cap"),
    ("commitment", "auth_commitment", "auth.papers.commitment_workflow:commitment"),
    ("consent", "auth_source_consent", "auth.consents.workflow:source consent"),
    ("delegation", "auth_delegation", "auth.delegations.workflow:delegation"),
    ("demand", "auth_demand", "auth.demands.workflow:data demand"),
    ("duty", "auth_duty", "auth.duties.workflow:duty"),
    ("erasure", "auth_erasure", "auth.erasure.workflow:request to erase personal data"),
    ("incident", "auth_incident", "auth.incidents.workflow:incident"),
    ("open_task", "auth_open_task", "auth.openplan.workflow:task of the open plan"),
    ("paper", "auth_paper", "auth.papers.workflow:paper"),
    ("plan", "auth_plan", "auth.agreements.plan_workflow:implementation plan"),
    ("profile", "auth_profile", "auth.profile.workflow:policy version"),
    ("registration", "auth_registration", "auth.registrations.workflow:registration"),
    ("review", "auth_grant_review", "auth.reviews.workflow:review of a grant"),
    ("revocation", "auth_revocation", "auth.revocations.workflow:revocation"),
    ("scheme", "quality_scheme", "quality.schemes.workflow:scheme version"),
    ("suspension", "auth_suspension_proposal", "auth.suspensions.workflow:proposal to suspend"),
    ("vouch", "auth_vouch", "auth.vouching.workflow:vouching"),
)
_EVENTS: Final = {
    "case": "SELECT case_id, version, step, from_state, to_state FROM auth_case_event WHERE case_kind = :kind ORDER BY case_id, version",
    "grant": "SELECT grant_id, version, step, from_state, to_state FROM auth_grant_event ORDER BY grant_id, version",
}
History = list[tuple[int, str, str, str]]


def flaws(work: Work, *, whole: bool = False) -> tuple[str, ...]:
    """Rows without any event are passed over unless all must have some (`whole`): tests put rows straight into tables."""
    found: list[str] = []
    for kind, table, machine in CASES:
        found += _of(work, _EVENTS["case"], kind, table, machine, whole)
    return tuple(found + _of(work, _EVENTS["grant"], "grant", "auth_grant", "auth.grants.workflow", whole))


def _of(work: Work, statement: str, kind: str, table: str, machine: str, whole: bool) -> list[str]:
    ask = work.db.connection()
    histories: dict[str, History] = {}
    wanted = text(statement).bindparams(kind=kind) if ":kind" in statement else text(statement)
    for case_id, *event in ask.execute(wanted):
        histories.setdefault(case_id, []).append(tuple(event))  # type: ignore[arg-type]
    rows = {
        each: (state, version)
        for each, state, version in ask.execute(text(f"SELECT id, state, version FROM {table}"))
    }
    found = [f"{kind} {each}: events of no row" for each in sorted(histories.keys() - rows.keys())]
    for each, (state, version) in sorted(rows.items()):
        history = histories.get(each)
        if history is None:
            found += [f"{kind} {each}: no event"] if whole else []
        elif why := amiss(machine, history):
            found.append(f"{kind} {each}: {why}")
        elif (history[-1][3], history[-1][0]) != (state, version):
            found.append(
                f"{kind} {each}: history says {history[-1][3]} {history[-1][0]}, row {state} {version}"
            )
    return found
