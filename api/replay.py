"""Giving an answer once more that was kept under an `Idempotency-Key`, once the route has asked who calls.

Role, scopes of the key, anti-forgery token and second factor are asked as of a new command, before this; where the command took data
under a grant, so are the grant, its holder's licence and its networks, as they stand at this instant.
"""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from api.deps import ActorDep, HouseDep
from api.house import House
from auth.actor import Actor
from auth.grants import queries
from auth.grants.standing import licence
from auth.policy import rules
from core.errors import AppError, refuse_if
from core.ids import GrantId, OrgId
from core.once import Answer

_KEPT: Final = "kept_answer"
TAKES_DATA: Final = "datasets:"
"""How the permissions begin by which data are taken."""


class Replayed(Exception):
    """Carries the kept answer out of a dependency."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def offer(request: Request, kept: Answer | AppError) -> None:
    """Let the route give this answer, or this refusal, in place of carrying the command out."""
    setattr(request.state, _KEPT, kept)


def replay_of(name: str) -> list[Any]:
    """The last dependency of a route that asks for `name`: it ends the request where an answer is kept."""

    async def replay(request: Request, house: HouseDep, actor: ActorDep) -> None:
        kept: Answer | AppError | None = getattr(request.state, _KEPT, None)
        if kept is None:
            return
        if isinstance(kept, AppError):
            raise kept
        if name.startswith(TAKES_DATA) and (grant_id := _grant_in(await request.body())):
            await run_in_threadpool(_demand_grant, house, actor, GrantId(grant_id))
        raise Replayed(kept)

    return [Depends(replay)]


def _grant_in(body: bytes) -> str:
    """The grant that a command names; the same body was carried out before, so that it can be read."""
    asked = json.loads(body or b"{}")
    found = asked.get("grant_id", "") if isinstance(asked, dict) else ""
    return str(found)


def _demand_grant(house: House, actor: Actor, grant_id: GrantId) -> None:
    with house.read() as work:
        row = queries.row(work, grant_id, actor)
        policy = (view := queries.view_of(work, row)).policy
        refuse_if(
            (
                *rules.effective(view, work.now),
                *rules.licence_objections(licence(work, OrgId(row.org_id)), work.now),
                *rules.place_objections(policy, actor.address),
                *rules.member_objections(policy, actor.account_id),
            )
        )


async def on_replayed(_: Request, found: Exception) -> Response:
    """The kept answer, and that it is one."""
    answer = found.answer  # type: ignore[attr-defined]
    return Response(
        answer.body, answer.status, headers=dict(answer.headers) | {"idempotency-replayed": "true"}
    )
