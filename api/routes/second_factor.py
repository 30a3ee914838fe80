"""One's own second factor over HTTP; the reset by an administrator stands with the accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api import qr
from api.access import access, given_code
from api.deps import ActorDep, HouseDep, ReadDep
from api.identity import prove_own_password
from api.late import APIRouter
from api.second_factor import demand_fresh, is_due
from auth.identity import factor
from auth.identity.factor import FactorRead

router = APIRouter(prefix="/api/v1/me/second-factor", tags=["me"])
GivenCode = Annotated[str, Depends(given_code)]


class Begin(BaseModel):
    """The present password; empty only for an account that has none."""

    model_config = ConfigDict(extra="forbid")
    password: str = Field(default="", max_length=1024)


class Confirm(BaseModel):
    """A first code of the app."""

    model_config = ConfigDict(extra="forbid")
    code: str = Field(min_length=6, max_length=20, examples=["123456"])


class Secret(BaseModel):
    """For the authenticator app: key, `otpauth:` address, and the same as a QR code (SVG)."""

    secret: str
    uri: str
    svg: str


class RecoveryCodes(BaseModel):
    """Shown this once; each works once."""

    codes: list[str]


@router.get("", **access("signed-in"))
def show(work: ReadDep, house: HouseDep, actor: ActorDep) -> FactorRead:
    """Whether one is enrolled, whether the caller's roles demand one, and how many recovery codes are left."""
    return factor.read(work, actor.account_id, is_due=is_due(house, actor))


@router.post("/begin", status_code=201, **access("signed-in"))
def begin(request: Request, house: HouseDep, actor: ActorDep, body: Begin) -> Secret:
    """Make a secret; it counts after `confirm`."""
    prove_own_password(house, request, actor, body.password)
    with house.write() as work:
        made = factor.begin(work, actor, house.settings.keys_dir)
    return Secret(secret=made.secret, uri=made.uri, svg=qr.svg(made.uri))


@router.post("/confirm", **access("signed-in"))
def confirm(house: HouseDep, actor: ActorDep, body: Confirm) -> RecoveryCodes:
    """Finish with a first code; gives the recovery codes."""
    with house.write() as work:
        return RecoveryCodes(codes=factor.confirm(work, actor, house.settings.keys_dir, body.code))


@router.post("/codes", **access("signed-in"))
def new_codes(house: HouseDep, actor: ActorDep, otp: GivenCode) -> RecoveryCodes:
    """Replace the recovery codes; asks for a fresh factor (header `X-OTP`)."""
    demand_fresh(house, actor, otp)
    with house.write() as work:
        return RecoveryCodes(codes=factor.new_codes(work, actor))


@router.delete("", status_code=204, **access("signed-in"))
def remove(house: HouseDep, actor: ActorDep, otp: GivenCode) -> None:
    """Remove it, where one's roles do not demand it; asks for a fresh factor (header `X-OTP`)."""
    demand_fresh(house, actor, otp)
    with house.write() as work:
        factor.remove(work, actor, is_due=is_due(house, actor))
