"""What other rooms ask of identity, under one name."""

from __future__ import annotations

from auth.identity.accounts import AccountRead, PersonOrg, create_account, person_org_of
from auth.identity.organisations import (
    OrganisationRead,
    create_organisation,
    licence_objection,
    organisation,
    organisations,
)
from auth.identity.tables import LicenceState, OrgKind

__all__ = [
    "AccountRead",
    "LicenceState",
    "OrgKind",
    "OrganisationRead",
    "PersonOrg",
    "create_account",
    "create_organisation",
    "licence_objection",
    "organisation",
    "organisations",
    "person_org_of",
]
