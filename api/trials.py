"""What an explanation and a trial of a policy say, as JSON; and the trial itself, counted before it is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.house import House
from auth.actor import Actor
from auth.applications.precedents import Precedent
from auth.applications.trying import Tried
from auth.policy.comparing import Difference
from core.text import Lang, Text
from core.work import Work
from datasets.extracts import explaining
from datasets.extracts.explaining import Explained, Shown, Simulated


def simulated(house: House, actor: Actor, try_: Callable[[Work], Tried]) -> Simulated:
    """Count in a reading transaction, so that nobody waits; then write down that it was counted."""
    with house.read() as work:
        tried = try_(work)
        found = explaining.simulate(work, actor, tried, house.files, house.settings)
    with house.write() as work:
        explaining.note(work, actor, tried, found)
    return found


def explained_as_json(found: Explained, lang: Lang) -> dict[str, Any]:
    ask = found.ask
    return {
        "permitted": found.permitted,
        "at": ask.at,
        "person": found.person,
        "purpose": ask.purpose,
        "scenario_id": ask.scenario_id,
        "form": ask.delivery_form,
        "columns": list(ask.columns),
        "release_number": found.release_number,
        "rules": [
            {
                "rule": each.rule,
                "name": each.name.in_(lang),
                "source": each.source,
                "permits": not each.reasons,
                "reasons": [reason.as_json(lang) for reason in each.reasons],
            }
            for each in found.spoken
        ],
    }


def simulated_as_json(found: Simulated, lang: Lang) -> dict[str, Any]:
    return {
        "dataset_id": found.dataset_id,
        "release_number": found.release_number,
        "rows_in_release": found.rows_in_release,
        "draft": _shown(found.draft, lang),
        "asked": _shown(found.asked, lang),
        "current": _shown(found.current, lang),
        "columns": [
            {"name": name, **dict(zip(("draft", "asked", "current"), (_in(said, lang) for said in words), strict=True))}
            for name, words in found.columns()
        ],
        "from_asked": _differences(found.from_asked, lang),
        "from_current": _differences(found.from_current, lang),
        "against": [reason.as_json(lang) for reason in found.against],
        "sample": None if found.sample is None else [{k: _plain(v) for k, v in row.items()} for row in found.sample],
    }  # fmt: skip


def precedent_as_json(found: Precedent, lang: Lang) -> dict[str, Any]:
    return {
        "application_id": found.application_id,
        "org_id": found.org_id,
        "dataset_id": found.dataset_id,
        "title": found.title.in_(lang),
        "scenario_id": found.scenario_id,
        "decided_at": found.decided_at,
        "outcome": found.outcome,
        "reason_code": found.reason_code,
        "note": found.note,
        "narrowed": _differences(found.narrowed, lang),
        "same_dataset": found.same_dataset,
        "same_scenario": found.same_scenario,
        "same_org": found.same_org,
        "unreadable": [reason.as_json(lang) for reason in found.unreadable],
    }


def _in(said: Text | None, lang: Lang) -> str | None:
    return None if said is None else said.in_(lang)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _shown(shown: Shown | None, lang: Lang) -> dict[str, Any] | None:
    if shown is None:
        return None
    return {
        "policy_hash": shown.policy.hash,
        "rows": shown.rows,
        "fewer_than": shown.below,
        "reasons": [reason.as_json(lang) for reason in shown.reasons],
    }


def _differences(found: tuple[Difference, ...], lang: Lang) -> list[dict[str, str]]:
    return [
        {
            "part": each.part,
            "name": each.name.in_(lang),
            "before": each.before.in_(lang),
            "after": each.after.in_(lang),
        }
        for each in found
    ]
