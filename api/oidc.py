"""The OpenID Connect relying party: code flow with PKCE, state, nonce and `at_hash`, for one provider named in the settings.

Nothing is stored between the two halves of a sign-in: state, nonce and verifier are derived from a random cookie, so an answer counts only in
the browser that asked. Every connection goes through the guard of addresses, redirects are not followed, and answers are small.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpcore2
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from api.house import House
from auth.identity import id_tokens
from auth.identity.tokens import BadToken
from core.errors import NotSignedIn, Unavailable
from core.settings import Settings
from core.text import Text
from datasets.sources.guard import Allowed, vetted

COOKIE: Final = "dg_oidc"
PATH: Final = "/sign-in/oidc"
MAX_ANSWER: Final = 256 * 1024
TIMEOUT_S: Final = 10.0
KEPT: Final = timedelta(minutes=10)
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Provider:
    """What its discovery document says, checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


def is_offered(settings: Settings) -> bool:
    return bool(settings.oidc_issuer and settings.oidc_client_id)


def begin(house: House) -> tuple[str, str]:
    """The cookie of a sign-in and the address at the provider to which the browser goes."""
    provider = discover(house)
    seed = secrets.token_urlsafe(32)
    query = {
        "response_type": "code",
        "client_id": house.settings.oidc_client_id,
        "redirect_uri": redirect_uri(house.settings),
        "scope": "openid",
        "state": _derived(seed, "state"),
        "nonce": _derived(seed, "nonce"),
        "code_challenge": create_s256_code_challenge(_derived(seed, "verifier")),
        "code_challenge_method": "S256",
    }
    glue = "&" if "?" in provider.authorization_endpoint else "?"
    return seed, f"{provider.authorization_endpoint}{glue}{urlencode(query)}"


def finish(house: House, seed: str, answer: Mapping[str, str]) -> str:
    """The subject who signed in. Raises NotSignedIn with one sentence; the cause is chained for the log."""
    try:
        if not seed or not hmac.compare_digest(
            answer.get("state", "").encode(), _derived(seed, "state").encode()
        ):
            raise BadToken("state")
        if answer.get("iss", house.settings.oidc_issuer) != house.settings.oidc_issuer:  # RFC 9207
            raise BadToken("answer of another issuer")
        if "error" in answer or not answer.get("code"):
            raise BadToken("the provider refused")
        provider = discover(house)
        got = _token(house, provider, answer["code"], _derived(seed, "verifier"))
        token, access = got.get("id_token"), got.get("access_token")
        if not isinstance(token, str) or not isinstance(access, str):
            raise BadToken("no tokens")
        expected = id_tokens.Expected(
            provider.issuer, str(house.settings.oidc_client_id), _derived(seed, "nonce"), access
        )
        try:
            return id_tokens.subject(token, keys(house, provider), expected, house.clock())
        except BadToken as cause:
            if "kid" not in str(cause):
                raise
        return id_tokens.subject(token, keys(house, provider, anew=True), expected, house.clock())
    except BadToken as cause:
        raise NotSignedIn(
            Text(
                "统一身份认证没有成功；请重新登录，若再次出现请联系系统管理员。",
                "The sign-in at the identity provider did not succeed; try again, and ask the administrator if it happens again.",
            )
        ) from cause


def redirect_uri(settings: Settings) -> str:
    return f"{settings.public_url.rstrip('/')}{PATH}/callback"


_known: dict[str, tuple[datetime, Any]] = {}
_known_lock = threading.Lock()


def discover(house: House) -> Provider:
    """The provider's endpoints, kept for ten minutes. The issuer must be exactly the configured one."""
    issuer = str(house.settings.oidc_issuer)
    body = _kept(house, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    ends = [body.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if body.get("issuer") != issuer or not all(isinstance(end, str) for end in ends):
        raise _unavailable("issuer")
    for end in ends:
        _demand_address(str(end), issuer)
    return Provider(issuer, *[str(end) for end in ends])


def keys(house: House, provider: Provider, *, anew: bool = False) -> Mapping[str, Any]:
    """The provider's keys; `anew` when a token names one that is not known yet."""
    found: Mapping[str, Any] = _kept(house, provider.jwks_uri, anew=anew)
    return found


def _kept(house: House, url: str, *, anew: bool = False) -> dict[str, Any]:
    now = house.clock()
    with _known_lock:
        known = _known.get(url)
    if known is not None and not anew and timedelta(0) <= now - known[0] < KEPT:
        return dict(known[1])
    body = _asked(house.settings, "GET", url)
    with _known_lock:
        _known[url] = (now, body)
    return body


def _token(house: House, provider: Provider, code: str, verifier: str) -> dict[str, Any]:
    settings = house.settings
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(settings),
        "code_verifier": verifier,
        "client_id": str(settings.oidc_client_id),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if settings.oidc_client_secret:
        pair = f"{quote(str(settings.oidc_client_id), safe='')}:{quote(settings.oidc_client_secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    try:
        return _asked(settings, "POST", provider.token_endpoint, headers, urlencode(form).encode())
    except _Refused as cause:
        raise BadToken("the provider refused the code") from cause


class _Refused(Exception):
    """The provider answered with an error."""


def _asked(
    settings: Settings, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes = b""
) -> dict[str, Any]:
    parts = urlsplit(url)
    told = {
        "Host": parts.netloc,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "datagrant",
    }
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=trusted(), network_backend=_Guarded(settings)) as pool,
            pool.stream(
                method, url, headers=[*(told | dict(headers or {})).items()], content=content or None,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)},
            ) as answer,
        ):  # fmt: skip
            raw = _read(answer.iter_stream, time.monotonic() + TIMEOUT_S)
            status = answer.status
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as fault:
        raise _unavailable(type(fault).__name__) from None
    if status != 200:
        if method == "POST":
            raise _Refused(str(status))
        raise _unavailable(f"HTTP {status}")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise _unavailable("no JSON object")
    return body


def _read(chunks: Callable[[], Any], ends: float) -> bytes:
    got = b""
    for chunk in chunks():
        got += chunk
        if len(got) > MAX_ANSWER or time.monotonic() > ends:
            raise _unavailable("too much, or too slow")
    return got


class _Guarded(httpcore2.NetworkBackend):
    """Connects to what the name stands for at this moment, if the guard lets every address of it through."""

    def __init__(self, settings: Settings) -> None:
        self._allowed, self._plain = Allowed.parse(settings.oidc_allow), httpcore2.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ARG002
        socket_options: Any = None,  # noqa: ANN401, ARG002 - the shape of the parent
    ) -> httpcore2.NetworkStream:  # fmt: skip
        return self._plain.connect_tcp(vetted(host.strip("[]"), port, self._allowed)[0], port, timeout)


def _demand_address(url: str, issuer: str) -> None:
    """HTTPS, without user or fragment; plain HTTP only on this very machine, where the issuer is too."""
    parts = urlsplit(url)
    local = parts.hostname in _LOCAL and urlsplit(issuer).hostname in _LOCAL
    if not parts.hostname or parts.username or parts.fragment or (parts.scheme != "https" and not local):
        raise _unavailable("an endpoint that is no HTTPS address")


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        Text(
            f"统一身份认证暂不可用（{why}）；请稍后再试，或用本地账户登录。",
            f"The identity provider cannot be used right now ({why}); try later, or sign in with a local account.",
        )
    )


@cache
def trusted() -> ssl.SSLContext:
    """Whose certificates are believed: the system's list."""
    return ssl.create_default_context()


def _derived(seed: str, what: str) -> str:
    return hmac.new(seed.encode(), f"datagrant oidc {what}".encode(), hashlib.sha256).hexdigest()
