"""Telling people of a finding: whoever may answer it, whatever follows from it; and the holder where his grant is slowed down."""

from __future__ import annotations

from typing import Final

from auth.anomalies.config import Setting
from auth.anomalies.rules import ACTION_NAMES, Action
from auth.anomalies.tables import AnomalyRow
from auth.grants import telling
from auth.grants.tables import GrantRow
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import PERMISSIONS
from core import outbox
from core.work import Work

ANSWER: Final = "auth:anomaly:answer"


def found(work: Work, row: GrantRow, finding: AnomalyRow, setting: Setting) -> None:
    """Each hears once of the finding. A suspension is told to the holder as every suspension is; rule and limit are not told to him."""
    facts = {"id": row.id[:13], "title_zh": row.title_zh, "title_en": row.title_en}
    action = ACTION_NAMES[setting.action]
    about = {
        "rule_zh": setting.name.zh, "rule_en": setting.name.en, "action_zh": action.zh, "action_en": action.en.lower(),
    }  # fmt: skip
    answering = audience.holders(work, sorted(PERMISSIONS[ANSWER]), [row.department_id])
    tell(
        work, answering, "anomaly.found", subject=finding.id, href=f"/anomalies/{finding.id}", once=finding.id, facts=facts | about,
    )  # fmt: skip
    if setting.action is Action.THROTTLE:
        tell(
            work, telling.people(work, [row.org_id]), "grant.throttled", subject=row.id, href=f"/grants/{row.id}", once=finding.id,
            facts=facts,
        )  # fmt: skip
        post(work, row, "grant.throttled")


def post(work: Work, row: GrantRow, kind: str) -> None:
    """The event for whoever listens to the grant; neither rule nor limit."""
    outbox.post(work, kind, row.id, {"grant_id": row.id, "state": str(row.state)})
