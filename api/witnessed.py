"""What is written down although nothing is changed: refusals, knocks and wrong proofs, and reads of personal data by staff.

A refusal rolls its transaction back, so it is recorded in one of its own. Both kinds are bounded: a page that is reloaded, or
a program that knocks all night, must not fill the record.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from fastapi import Depends, FastAPI, Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.exc import SQLAlchemyError

from api.deps import ActorDep
from api.house import House
from api.identity import network_of
from auth import audit
from auth.actor import ANYONE, Actor
from core.errors import AccessRefused, AppError, NotFound, NotSignedIn, Unavailable
from core.files import Damaged
from core.text import Text
from datasets.sharing import dropping

REFUSALS: Final = RateLimitItemPerMinute(20)  # of one account; a burst shows in twenty
READS: Final = RateLimitItemPerMinute(
    1, 10
)  # of one record by one account: a page that is reloaded is one read
_lock = threading.Lock()
_log = logging.getLogger("datagrant.audit")


def noted(request: Request) -> None:
    """Say that whoever answers this request writes its refusals down itself."""
    request.state.is_noted = True


def note_refusal(request: Request, refusal: AccessRefused) -> None:
    """Write down that somebody who is signed in was refused; what he asked for, and the rules that spoke against it."""
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None or not actor.is_signed_in or getattr(request.state, "is_noted", False):
        return
    if not _passes(request.app, REFUSALS, "refusal", actor.account_id):
        return
    codes = [reason.code for reason in refusal.reasons] or [refusal.slug]
    payload = {
        "method": request.method,
        "path": request.url.path[:200],
        "reasons": codes,
        "from": actor.origin,
    }
    _record(request, actor, "access.refused", request.url.path[:120], payload)


def note_missed(request: Request, _: NotFound) -> None:
    """Write down that somebody who is signed in asked for an object that is not there, or not his to see: a walk through ids shows."""
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None or not actor.is_signed_in or not request.path_params:
        return
    if _passes(request.app, REFUSALS, "missed", actor.account_id):
        payload = {"method": request.method, "path": request.url.path[:200], "from": actor.origin}
        _record(request, actor, "access.missed", request.url.path[:120], payload)


def note_unproven(request: Request, _: NotSignedIn) -> None:
    """Write down that a key, token or session did not count; who came without any is nobody to write down."""
    if "authorization" not in request.headers:
        return
    origin = network_of(request)
    if _passes(request.app, REFUSALS, "unproven", origin):
        payload = {"method": request.method, "path": request.url.path[:200], "from": origin}
        _record(request, ANYONE, "access.unproven", request.url.path[:120], payload)


def note_damaged(request: Request, found: Damaged) -> None:
    """Write down that a stored file is not what was judged, by whose question it was found; once in ten minutes."""
    sha256 = str(found.facts["sha256"])
    if _passes(request.app, READS, "damaged", sha256):
        actor: Actor = getattr(request.state, "actor", ANYONE)
        way = str(getattr(request.scope.get("route"), "path", ""))  # an address may hold a ticket
        _log.critical("stored file %s does not match its digest", sha256)
        _record(request, actor, "store.damage_found", sha256, {"sha256": sha256, "way": way})
    _let_go(request.app.state.house, sha256)


def _let_go(house: House, sha256: str) -> None:
    """A damaged copy of a bucket's file goes by being looked at; a damaged view is dropped, so that it is made anew."""
    try:
        with suppress(NotFound):
            if house.files.verify(sha256):
                return
        with house.write() as work:
            dropping.drop_damaged(work, [sha256])
    except (AppError, SQLAlchemyError):
        _log.exception("what stands on %s could not be let go", sha256)


NOTED: Final[Mapping[type[AppError], Callable[[Request, Any], None]]] = {
    AccessRefused: note_refusal,
    NotFound: note_missed,
    NotSignedIn: note_unproven,
    Damaged: note_damaged,
}


def reads_personal(name: str = "") -> list[Any]:
    """Dependencies for a route that shows personal data: each reading is an event. `name`: the path's parameter that says whose.

    What cannot be written down is not shown.
    """

    def note(request: Request, actor: ActorDep) -> None:
        whose = str(request.path_params.get(name, "")) or request.url.path
        known = (READS, "read", actor.account_id, whose)
        if actor.is_signed_in and _limiter(request.app).test(*known):
            payload = {"path": request.url.path[:200], "from": actor.origin}
            if not _record(request, actor, "personal.read", whose[:120], payload):
                raise Unavailable(
                    Text(
                        "审计记录暂时无法写入，个人信息不予显示；请稍后再试，并告知系统管理员。",
                        "The audit record cannot be written at the moment, so personal data are not shown; try again later and tell the administrator.",
                    )
                )
            _passes(request.app, *known)

    return [Depends(note)]


def _record(request: Request, actor: Actor, kind: str, subject: str, payload: dict[str, Any]) -> bool:
    """Whether it stands on record; that it does not is loud."""
    try:
        with request.app.state.house.write() as work:
            audit.record(work, actor, kind, subject=subject, payload=payload)
    except SQLAlchemyError:
        _log.critical("%s of %s on %r was not recorded", kind, actor.account_id, subject, exc_info=True)
        return False
    return True


def _passes(app: FastAPI, rate: RateLimitItem, *key: str) -> bool:
    return bool(_limiter(app).hit(rate, *key))


def _limiter(app: FastAPI) -> MovingWindowRateLimiter:
    with _lock:
        found: MovingWindowRateLimiter | None = getattr(app.state, "witness_limiter", None)
        if found is None:
            found = app.state.witness_limiter = MovingWindowRateLimiter(MemoryStorage())
    return found
