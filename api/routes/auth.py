"""Tokens for programs: password for a pair, refresh for the next pair, and their end."""

from __future__ import annotations

from typing import Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.deps import HouseDep, WorkDep
from api.identity import access_token, needs_factor, prove_password, renewed_tokens
from api.late import APIRouter
from api.second_factor import prove
from auth.identity import factor, refresh

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])


class PasswordProof(BaseModel):
    """A local account's name and password, and the code of its authenticator app where one is enrolled."""

    model_config = ConfigDict(extra="forbid")
    username: str = Field(min_length=1, max_length=80, examples=["wang"])
    password: str = Field(min_length=1, max_length=1024)
    otp: str = Field(default="", max_length=80)


class RefreshProof(BaseModel):
    """A refresh token, used once."""

    model_config = ConfigDict(extra="forbid")
    refresh_token: str = Field(min_length=1, max_length=200)


class TokenPair(BaseModel):
    """An access token (`expires_in` seconds) and the refresh token for the next one."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int


@router.post("/token", **access("public"))
def token(request: Request, house: HouseDep, proof: PasswordProof) -> TokenPair:
    """Sign in with a password. Wrong, unknown, disabled and locked get the same answer.

    An account with a second factor gives its code too; then decisions in the next minutes ask for no other.
    """
    who = prove_password(house, request, proof.username, proof.password)
    with_factor = needs_factor(house, who)
    if with_factor:
        prove(house, who.actor, proof.otp, fresh=False)
    with house.write() as work:
        family, following = refresh.start(work, who.actor, house.settings)
        if with_factor:
            factor.note_fresh(work, who.actor.account_id, family)
    return _pair(house, access_token(house, who, family), following)


@router.post("/refresh", **access("public"))
def renew(house: HouseDep, proof: RefreshProof) -> TokenPair:
    """Swap a refresh token for the next pair. A used token revokes its family, except in a retry within ten seconds."""
    made, following = renewed_tokens(house, proof.refresh_token)
    return _pair(house, made, following)


@router.post("/revoke", status_code=204, **access("public"))
def revoke(work: WorkDep, proof: RefreshProof) -> None:
    """End a refresh token's family. Unknown tokens get the same answer (RFC 7009)."""
    refresh.revoke(work, proof.refresh_token)


def _pair(house: HouseDep, made: str, following: str) -> TokenPair:
    return TokenPair(
        access_token=made, refresh_token=following, token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=house.settings.access_token_seconds,
    )  # fmt: skip
