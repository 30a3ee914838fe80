"""What routes ask for: the unit of work, the actor, the language, the house."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, cast

from fastapi import Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from api.house import House
from api.identity import address_of, carries_proof, identify, network_of
from auth.actor import Actor
from auth.messages import service as messages
from core.text import Lang
from core.work import Work
from datasets.notices import service as notices


def get_house(request: Request) -> House:
    return cast(House, request.app.state.house)


def open_work(request: Request) -> Iterator[Work]:
    """A write transaction; it commits before the reply is sent (scope="function")."""
    with get_house(request).write() as work:
        yield work


def open_read(request: Request) -> Iterator[Work]:
    """A read transaction: one consistent picture."""
    with get_house(request).read() as work:
        yield work


def current_actor(request: Request) -> Actor:
    """Who calls: proven by bearer token, API key or session cookie; a visitor otherwise. A bad proof is refused, not ignored."""
    found = identify(get_house(request), request)
    actor = replace(found.actor, origin=network_of(request), address=address_of(request))
    request.state.actor, request.state.csrf = actor, found.csrf
    request.state.org_name, request.state.is_stale_cookie = found.org_name, found.is_stale_cookie
    request.state.glass = found.glass
    if found.actor.is_signed_in and "text/html" in request.headers.get("accept", ""):
        with get_house(request).glance() as work:  # for the frame of the page
            request.state.unread = messages.unread(work, found.actor.account_id) + notices.unread(
                work, found.actor
            )
    return actor


def language(request: Request) -> Lang:
    """The reader's language: `?lang=`, then the cookie, then Accept-Language; Chinese unless English is asked for."""
    for wish in (request.query_params.get("lang"), request.cookies.get("dg_lang")):
        if wish in ("zh", "en"):
            return cast(Lang, wish)
    first = request.headers.get("accept-language", "zh").split(",")[0].strip().lower()
    return "en" if first.startswith("en") else "zh"


async def _house(request: Request) -> House:
    return get_house(request)


async def _actor(request: Request) -> Actor:
    """Whoever brings a proof is looked up in a thread; a visitor is known without asking the database."""
    if carries_proof(request):
        return await run_in_threadpool(current_actor, request)
    return current_actor(request)


async def _lang(request: Request) -> Lang:
    return language(request)


HouseDep = Annotated[House, Depends(_house)]  # what cannot wait is asked for without a thread
WorkDep = Annotated[Work, Depends(open_work, scope="function")]
ReadDep = Annotated[Work, Depends(open_read, scope="function")]
ActorDep = Annotated[Actor, Depends(_actor)]
LangDep = Annotated[Lang, Depends(_lang)]
Offset = Annotated[int, Query(ge=0, le=2**63 - 1)]  # no database counts further
