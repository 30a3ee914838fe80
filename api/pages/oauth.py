"""Access tokens for programs that hold a private key: client credentials with private_key_jwt (RFC 6749 §4.4, RFC 7523), in OAuth's own shapes."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import Form, Request
from fastapi.responses import JSONResponse

from api.access import access
from api.deps import HouseDep
from api.house import House
from api.identity import check_rate, network_of, signed_token
from api.late import APIRouter
from auth import audit
from auth.identity import api_keys, assertions
from auth.identity.tables import ApiKeyRow
from auth.identity.tokens import BadToken
from core.errors import AccessRefused

router = APIRouter(tags=["auth"])
PATH: Final = "/oauth/token"
Field_ = Annotated[str, Form(max_length=200)]


@router.get("/.well-known/oauth-authorization-server", **access("public"))
def about(house: HouseDep) -> dict[str, Any]:
    """What clients must know (RFC 8414)."""
    base = house.settings.public_url.rstrip("/")
    return {
        "issuer": house.settings.public_url, "token_endpoint": base + PATH, "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"], "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(assertions.ALGORITHMS),
    }  # fmt: skip


@router.post(PATH, **access("public"))
def client_token(
    request: Request, house: HouseDep, grant_type: Field_ = "", client_assertion_type: Field_ = "",
    client_assertion: Annotated[str, Form(max_length=20_000)] = "", client_id: Field_ = "",
    scope: Annotated[str, Form(max_length=2000)] = "",
) -> JSONResponse:  # fmt: skip
    """A short access token for the key whose private half signed the assertion. An assertion counts once."""
    if grant_type != "client_credentials":
        return _fault("unsupported_grant_type", "grant_type must be client_credentials")
    if client_assertion_type != assertions.TYPE or not client_assertion:
        return _fault(
            "invalid_client", f"client_assertion with client_assertion_type {assertions.TYPE} is needed", 401
        )
    try:
        claimed = assertions.client_of(client_assertion)
    except BadToken as fault:
        return _fault("invalid_client", f"client_assertion: {fault}", 401)
    if client_id and client_id != claimed:
        return _fault("invalid_client", "client_id is not the assertion's sub", 401)
    check_rate(request.app, request.client.host if request.client else "", claimed[:40])
    return _token(request, house, claimed, client_assertion, frozenset(scope.split()))


def _token(
    request: Request, house: House, client_id: str, words: str, wanted: frozenset[str]
) -> JSONResponse:
    settings, replayed = house.settings, False
    audiences = {settings.public_url, settings.public_url.rstrip("/") + PATH}
    with house.write() as work:
        row = work.db.get(ApiKeyRow, client_id)
        who = api_keys.holder(work, row) if row is not None and row.jwks else None
        if row is None or who is None:
            return _fault("invalid_client", "no such client, or it has ended", 401)
        try:
            assertion = assertions.read(words, json.loads(row.jwks), client_id, audiences, work.now)
            api_keys.demand_place(row, request.client.host if request.client else "")
        except BadToken as fault:
            return _fault("invalid_client", f"client_assertion: {fault}", 401)
        except AccessRefused as refused:
            api_keys.note_elsewhere(work, client_id, network_of(request))
            return _fault("invalid_client", refused.detail.en, 401)
        scopes: list[str] = json.loads(row.scopes)
        if not wanted <= set(scopes):
            return _fault("invalid_scope", f"this client holds {' '.join(scopes)}")
        replayed = not assertions.spend(work, client_id, assertion)
        kind = "api_key.assertion_replayed" if replayed else "api_key.token_issued"
        audit.record(
            work, who.actor, kind, subject=client_id, grant_id=row.grant_id or None, payload={"from": network_of(request)}
        )  # fmt: skip
        life = min(settings.access_token_seconds, int((row.expires_at - work.now).total_seconds()))
    if replayed:
        return _fault("invalid_client", "client_assertion: jti was used before", 401)
    token = signed_token(house, who, api_keys.SESSION + client_id, life)
    body = {"access_token": token, "token_type": "Bearer", "expires_in": life, "scope": " ".join(scopes)}
    return JSONResponse(body, headers=_UNKEPT)


_UNKEPT: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def _fault(code: str, what: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": what}, status, _UNKEPT)
