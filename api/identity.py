"""From a request to an actor. The only place at the edge that reads credentials."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

from fastapi import FastAPI, Request, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.exc import OperationalError
from starlette.datastructures import MutableHeaders

from api.house import House
from auth import audit_request
from auth.actor import ANYONE, Actor
from auth.identity import (
    accounts,
    api_keys,
    changes,
    factor,
    keyring,
    passwords,
    possession,
    refresh,
    sessions,
    sign_in,
    tokens,
)
from auth.identity.principals import Principal, in_person, principal
from auth.identity.rules import ENTERPRISE_ROLES
from auth.roles import Role
from core.errors import AccessRefused, InputRefused, NotSignedIn, Reason, TooMany, refuse_if
from core.text import Text
from core.work import Work

SESSION_COOKIE = "dg_session"
HALF_COOKIE = "dg_half"
CKAN_PATHS: Final = ("/api/action/", "/api/3/", "/api/util/", "/api/2/", "/datastore/")
PER_NAME: Final = RateLimitItemPerMinute(20)
PER_ADDRESS: Final = RateLimitItemPerMinute(120)


@dataclass(frozen=True, slots=True)
class Glass:
    """A break-glass in force, as the banner of every page names it."""

    username: str
    role: Role
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Identified:
    """The actor, the token that its forms must carry when it came by cookie, and the name of its organisation.

    `is_stale_cookie`: a session cookie came that no longer counts; the answer takes it back.
    """

    actor: Actor
    csrf: str | None = None
    org_name: Text | None = None
    is_stale_cookie: bool = False
    glass: tuple[Glass, ...] = ()


def carries_proof(request: Request) -> bool:
    """Whether anything that `identify` reads came with the request; without it the caller is a visitor."""
    sent = request.headers
    return "authorization" in sent or "x-ckan-api-key" in sent or SESSION_COOKIE in request.cookies


def identify(house: House, request: Request) -> Identified:
    """Bearer access token or API key first, then the session cookie; a visitor when there is neither."""
    if request.url.path.startswith(CKAN_PATHS):
        return _by_ckan_header(house, request)
    if header := request.headers.get("authorization", "").strip():
        return _by_header(house, request, header)
    if cookie := request.cookies.get(SESSION_COOKIE):
        return _by_cookie(house, cookie)
    return Identified(ANYONE)


def _by_ckan_header(house: House, request: Request) -> Identified:
    """CKAN's clients send a key bare, or in a header of their own, and read as visitors when it does not count; cookies mean nothing."""
    header = (
        request.headers.get("authorization", "").strip() or request.headers.get("x-ckan-api-key", "").strip()
    )
    try:
        return _by_header(house, request, header) if header else Identified(ANYONE)
    except NotSignedIn:
        request.state.is_bad_token = True
        return Identified(ANYONE)


def _by_header(house: House, request: Request, header: str) -> Identified:
    scheme, _, proof = header.partition(" ")
    if api_keys.looks_like_key(header):  # CKAN clients send the key bare
        scheme, proof = "bearer", header
    if scheme.lower() != "bearer" or not proof.strip():
        raise NotSignedIn(
            Text(
                "Authorization 头的格式应为 Bearer 加令牌或接口密钥。",
                "The Authorization header must be Bearer and a token or API key.",
            )
        )
    proof = proof.strip()
    if api_keys.looks_like_key(proof):
        return _by_key(house, request, proof)
    return _by_token(house, request, proof)


def presented_key(request: Request) -> str:
    """The API key that came with the request. AccessRefused for a key that came as a token: it has no secret to be kept in a file."""
    sent = request.headers.get("authorization", "").strip().split(" ")[-1]
    if not api_keys.looks_like_key(sent):
        text = Text(
            "该密钥以访问令牌使用，没有可写入文件的口令；请登录后取配置文件。",
            "This key is used by access tokens and has no secret that a file could hold; sign in and take the profile.",
        )
        raise AccessRefused(text, reasons=[Reason("key-without-secret", text, "keys of a key pair")])
    return sent


def _by_token(house: House, request: Request, token: str) -> Identified:
    now = house.clock()
    keys = keyring.ring(house.settings.keys_dir, now).verifiers(now)
    claims = tokens.verify(token, keys, issuer=house.settings.public_url, now=now)
    if claims.session_id.startswith(api_keys.SESSION):
        return _of_key(
            house, request, lambda work, at: api_keys.of_token(work, claims.session_id, claims.epoch, at)
        )
    with house.glance() as work:
        who = principal(work, claims.account_id, "token", epoch=claims.epoch, session_id=claims.session_id)
    if who is None:
        raise NotSignedIn(Text("该令牌已失效；请重新登录。", "This token no longer counts; sign in again."))
    return Identified(who.actor, org_name=who.org_name)


def _by_key(house: House, request: Request, key: str) -> Identified:
    return _of_key(house, request, lambda work, at: api_keys.identify(work, key, at))


def _of_key(house: House, request: Request, find: Callable[[Work, str], api_keys.Known | None]) -> Identified:
    """The owner of a key. A good one from outside its networks is refused, and that is written down."""
    try:
        with house.glance() as work:
            known = find(work, request.client.host if request.client else "")
    except AccessRefused as refused:
        key_id = str(refused.reasons[0].facts.get("key", ""))
        _note_use(house, lambda work: api_keys.note_elsewhere(work, key_id, network_of(request)))
        raise
    if known is None:
        raise NotSignedIn(
            Text("接口密钥无效、已过期或已吊销。", "The API key is not valid, has expired or was revoked.")
        )
    if known.is_touch_due:
        _note_use(house, lambda work: api_keys.touch(work, known.key_id))
    return Identified(known.principal.actor, org_name=known.principal.org_name)


def _by_cookie(house: House, cookie: str) -> Identified:
    with house.glance() as work:
        found = sessions.find(work, cookie, house.settings)
        glass = () if found is None or found.principal.actor.role_kinds <= ENTERPRISE_ROLES else _glass(work)
    if found is None:
        return Identified(ANYONE, is_stale_cookie=True)
    if found.is_touch_due:
        _note_use(house, lambda work: sessions.touch(work, found.session_id))
    return Identified(found.principal.actor, found.csrf, found.principal.org_name, glass=glass)


def _glass(work: Work) -> tuple[Glass, ...]:
    return tuple(
        Glass(accounts.account_row(work, row.account_id).username, Role(row.role), row.valid_to, row.reason)
        for row in changes.open_glass(work)
        if row.valid_to is not None
    )


def _note_use(house: House, touch: Callable[[Work], None]) -> None:
    """In a transaction of its own. A database too busy to write is no reason to refuse a reader; it is noted next time."""
    with suppress(OperationalError), house.write() as work:
        touch(work)


def network_of(request: Request) -> str:
    """Where a request came from, shortened so that it names a network and nobody in it."""
    return audit_request.network_of(request.client.host if request.client else "")


def address_of(request: Request) -> str:
    """Where a request came from, whole: to be compared, never kept. A command on this machine's own directory is at home on it."""
    host = request.client.host if request.client else ""
    try:
        return str(ip_address(host))
    except ValueError:
        return "127.0.0.1"


def sender_of(address: str) -> str:
    """Whom a limit counts as one sender: an IPv4 address, or the /64 of an IPv6 one, of which a single line holds more
    addresses than any limit could count. An IPv4 address in IPv6's clothes is that IPv4 address."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(IPv6Network((int(known), 64), strict=False))


def prove_password(house: House, request: Request, username: str, password: str) -> Principal:
    """Who signs in with this password. Raises TooMany, or NotSignedIn with one sentence for every cause."""
    check_rate(request.app, request.client.host if request.client else "", username)
    with house.read() as work:
        challenge = sign_in.look_up(work, username)
    right = sign_in.compare(challenge, password, house.settings.password_workers)
    with house.write() as work:  # a failure is counted, so it commits before the refusal
        who = sign_in.settle(work, challenge, right, house.settings)
    if who is None:
        raise sign_in.refusal()
    return who


def prove_own_password(house: House, request: Request, actor: Actor, current: str) -> None:
    """Prove the actor's present password once more, where the account has one. Raises InputRefused when it is wrong."""
    with house.read() as work:
        if not accounts.account(work, actor.account_id).has_password:
            return
    _prove_present(house, request, actor, current)


def change_own_password(house: House, request: Request, actor: Actor, current: str, new: str) -> None:
    """Set the actor's own password after proving the present one; wrong guesses count as at sign-in."""
    in_person(actor)
    _prove_present(house, request, actor, current)
    hashed = passwords.hashed(new, house.settings.password_workers)
    with house.write() as work:
        accounts.set_password(work, actor, actor.account_id, hashed)


def _prove_present(house: House, request: Request, actor: Actor, current: str) -> None:
    try:
        prove_password(house, request, actor.username, current)
    except NotSignedIn:
        wrong = Text(
            "当前口令不正确，或账户暂时锁定。",
            "The present password is wrong, or the account is locked for the moment.",
        )
        raise InputRefused(wrong, field="current") from None


def start_session(
    house: House, request: Request, who: Principal, answer: Response, *, instead_of: str | None = None
) -> None:
    """A fresh session for a proven person; whatever cookie came along ends (nobody can bring a session to sign into).

    `instead_of`: the half session that it completes; then the second factor has just been given.
    """
    with house.write() as work:
        opened = _opened(work, request, who, instead_of=instead_of or request.cookies.get(SESSION_COOKIE))
        if instead_of:
            factor.note_fresh(work, who.actor.account_id, opened.session_id)
    _set_cookie(house, answer, SESSION_COOKIE, opened.token, "/")
    answer.delete_cookie(HALF_COOKIE, path="/sign-in")


def start_half(house: House, request: Request, who: Principal, answer: Response) -> None:
    """Between password and second factor: a cookie that opens nothing but the form for the code."""
    with house.write() as work:
        opened = _opened(work, request, who, half=True)
    _set_cookie(house, answer, HALF_COOKIE, opened.token, "/sign-in")


def needs_factor(house: House, who: Principal) -> bool:
    """Whether signing in takes a second factor: it does for everybody who has one."""
    with house.glance() as work:
        return factor.is_enrolled(work, who.actor.account_id)


def _opened(
    work: Work, request: Request, who: Principal, *, instead_of: str | None = None, half: bool = False
) -> sessions.Opened:
    return sessions.open_session(
        work, who.actor, ip=request.client.host if request.client else "",
        agent=request.headers.get("user-agent", ""), instead_of=instead_of, awaits_factor=half,
    )  # fmt: skip


def _set_cookie(house: House, answer: Response, name: str, token: str, path: str) -> None:
    answer.set_cookie(
        name, token, httponly=True, samesite="lax", secure=house.settings.secure_cookies, path=path
    )


def take_back_session(headers: MutableHeaders) -> None:
    """Clear a cookie that no longer counts, unless the answer sets a new one."""
    if not any(value.startswith(f"{SESSION_COOKIE}=") for value in headers.getlist("set-cookie")):
        headers.append("set-cookie", f"{SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=lax")


_limiters_lock = threading.Lock()


def check_rate(app: FastAPI, address: str, username: str) -> None:
    """Slow down guessing: per sender and name, and per sender. Counted by process and lost with it; lock-out is not."""
    address = sender_of(address)
    with _limiters_lock:
        limiter = getattr(app.state, "sign_in_limiter", None)
        if limiter is None:
            limiter = app.state.sign_in_limiter = MovingWindowRateLimiter(MemoryStorage())
    by_name = limiter.hit(PER_NAME, "name", address, username.strip().lower()[:80])
    if not (by_name and limiter.hit(PER_ADDRESS, "address", address)):
        raise TooMany(
            Text(
                "登录尝试过于频繁；请一分钟后再试。",
                "Too many sign-in attempts; wait a minute and try again.",
            )
        )


def access_token(house: House, who: Principal, session_id: str, ttl_s: int | None = None) -> str:
    """A signed access token for a proven person."""
    return signed_token(house, who, session_id, ttl_s or house.settings.access_token_seconds)


def signed_token(house: House, who: Principal, session_id: str, ttl_s: int) -> str:
    """A signed access token that lives exactly so long."""
    now = house.clock()
    return tokens.issue_access(
        keyring.ring(house.settings.keys_dir, now), account_id=who.actor.account_id, session_id=session_id,
        epoch=who.epoch, issuer=house.settings.public_url, token_id=house.new_id(), now=now,
        ttl_s=ttl_s,
    )  # fmt: skip


def renewed_tokens(house: House, token: str, program: refresh.Program = refresh.NOBODY) -> tuple[str, str]:
    """A new access token and the next refresh token. Raises NotSignedIn; a revocation by reuse is committed first.

    AccessRefused, and nothing revoked, where a key is demanded and the program proves none.
    """
    refuse_if(refresh.key_objections(house.settings, program.key))
    ring = keyring.ring(house.settings.keys_dir, house.clock())
    with house.write() as work:
        replayed = program.proof is not None and not possession.spend(work, program.proof)
        if replayed:
            refresh.note_replay(work, token, program)
        renewed = None if replayed else refresh.renew(work, ring, token, program)
    if replayed:
        raise bad_proof("jti was used before")
    if renewed is None:
        raise NotSignedIn(
            Text(
                "刷新令牌无效、已使用、已过期，或由并非领取它的程序提交；请重新登录。",
                "The refresh token is not valid, used, expired, or brought by another program than it was given to; sign in again.",
            )
        )
    return access_token(house, renewed.who, renewed.family_id), renewed.token


def bad_proof(why: str) -> NotSignedIn:
    """A proof of possession that does not hold. It ends nothing: that somebody else came is said by a good proof alone."""
    return NotSignedIn(
        Text(
            f"DPoP 持有证明不成立（{why}）；请重新生成证明后再试，刷新令牌未受影响。",
            f"The DPoP proof does not hold ({why}); make another and try again, the refresh token is as it was.",
        )
    )


def local_token(house: House, username: str) -> str:
    """An access token for a command that works on the data directory itself. Raises InputRefused for an unknown user.

    It lives as long as a refresh family, not five minutes: a command may wait that long for its job, and the token never
    leaves the process, whose owner can read the signing key anyway.
    """
    with house.read() as work:
        challenge = sign_in.look_up(work, username)
        who = principal(work, challenge.account_id, "token") if challenge.account_id else None
    if who is None:
        raise InputRefused(
            Text(f"没有可用的账户“{username}”。", f"There is no account “{username}” that may act."),
            field="user",
        )
    return access_token(house, who, "local", house.settings.refresh_hours * 3600)
