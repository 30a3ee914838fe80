"""Tokens for programs: password for a pair, refresh for the next pair, and their end."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.deps import HouseDep, WorkDep
from api.house import House
from api.identity import (
    access_token,
    bad_proof,
    needs_factor,
    network_of,
    prove_password,
    renewed_tokens,
)
from api.late import APIRouter
from api.second_factor import prove
from auth.identity import factor, possession, refresh
from auth.identity.tokens import BadToken

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])

ProofsDep = Annotated[
    list[str] | None,
    Header(
        alias="DPoP",
        description="Proof of possession of a key (RFC 9449): binds the refresh token, not the access token",
    ),
]
ClientId = Annotated[
    str, Field(max_length=100, pattern=r"^[\x21-\x7e]*$", examples=["nightly-fetch"], description="The program's name for itself")
]  # fmt: skip


class PasswordProof(BaseModel):
    """A local account's name and password, and the code of its authenticator app where one is enrolled."""

    model_config = ConfigDict(extra="forbid")
    username: str = Field(min_length=1, max_length=80, examples=["wang"])
    password: str = Field(min_length=1, max_length=1024)
    otp: str = Field(default="", max_length=80)
    client_id: ClientId = ""


class RefreshProof(BaseModel):
    """A refresh token, used once, under the name that it was given to."""

    model_config = ConfigDict(extra="forbid")
    refresh_token: str = Field(min_length=1, max_length=200)
    client_id: ClientId = ""


class TokenPair(BaseModel):
    """An access token (`expires_in` seconds) and the refresh token for the next one."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int


@router.post("/token", **access("public"))
def token(request: Request, house: HouseDep, proof: PasswordProof, proofs: ProofsDep = None) -> TokenPair:
    """Sign in with a password. Wrong, unknown, disabled and locked get the same answer.

    An account with a second factor gives its code too; then decisions in the next minutes ask for no other. The refresh token counts
    for this `client_id` alone, and with a `DPoP` proof for this key alone. Where the installation demands a key (`DATAGRANT_TOKENS_NEED_KEY`)
    there is none without a proof: 403 with the reason `token-needs-key`, told after the password was right.
    """
    program = _program(request, house, proof.client_id, proofs)
    who = prove_password(house, request, proof.username, proof.password)
    with_factor = needs_factor(house, who)
    if with_factor:
        prove(house, who.actor, proof.otp, fresh=False)
    with house.write() as work:
        if program.proof is not None and not possession.spend(work, program.proof):
            raise bad_proof("jti was used before")
        family, following = refresh.start(work, who.actor, house.settings, program)
        if with_factor:
            factor.note_fresh(work, who.actor.account_id, family)
    return _pair(house, access_token(house, who, family), following)


@router.post("/refresh", **access("public"))
def renew(request: Request, house: HouseDep, proof: RefreshProof, proofs: ProofsDep = None) -> TokenPair:
    """Swap a refresh token for the next pair. A used token revokes its family, except in a retry within ten seconds.

    So does one that is brought under another `client_id`, without the key that it is bound to, or with another.
    """
    program = _program(request, house, proof.client_id, proofs)
    made, following = renewed_tokens(house, proof.refresh_token, program)
    return _pair(house, made, following)


@router.post("/revoke", status_code=204, **access("public"))
def revoke(work: WorkDep, proof: RefreshProof) -> None:
    """End a refresh token's family. Unknown tokens get the same answer (RFC 7009)."""
    refresh.revoke(work, proof.refresh_token)


def _program(request: Request, house: House, name: str, proofs: list[str] | None) -> refresh.Program:
    """Who asks. Raises NotSignedIn for a proof that does not hold."""
    if not proofs:
        return refresh.Program(name, None, network_of(request))
    if len(proofs) > 1:
        raise bad_proof("one header, not several")
    address = house.settings.public_url.rstrip("/") + request.url.path
    try:
        proof = possession.read(proofs[0], request.method, address, house.clock())
    except BadToken as fault:
        raise bad_proof(str(fault)) from fault
    return refresh.Program(name, proof, network_of(request))


def _pair(house: HouseDep, made: str, following: str) -> TokenPair:
    return TokenPair(
        access_token=made, refresh_token=following, token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=house.settings.access_token_seconds,
    )  # fmt: skip
